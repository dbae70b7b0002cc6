# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How a disease is written
#
# A disease of the synthetic hospital is one file of text that a clinician can read and correct. On this page you read
# one, see the rule that turns it into somebody's {term}`hazard`, write a disease that is not there yet, let people
# live with it, and make the mistakes that everybody makes. Afterwards you can say where each figure comes from,
# how sure it is, and what such a file can not say.
#
# **Time:** 30 minutes to read and try; the page itself runs in less than half a minute.
# **What to know first:** {doc}`01-a-hospital-in-a-minute`, and what a {term}`relative risk` is.
#
# ```{warning}
# The patients are synthetic: they are for learning, development and teaching. No figure and no model here is for
# care.
# ```

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lhs_helpers import plots
from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital, life, population
from lhs_helpers.patients.calendar import NEVER, january
from lhs_helpers.patients.diseases import FOLDER, known_diseases, load_diseases
from lhs_helpers.patients.draws import Draws
from lhs_helpers.patients.moment import Moment
from lhs_helpers.patients.world import DATA, World, by_age

plots.use_style()
pd.options.display.max_colwidth = None
place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
HERE = Path(place.name)

# %% [markdown]
# ## Read one file aloud
#
# Here is how the file of stroke begins. It is [TOML](https://toml.io): names, equal signs, values, and tables in
# square brackets.

# %%
text = (FOLDER / "stroke.toml").read_text(encoding="utf-8")
print("\n".join(text.splitlines()[:11]))

# %% [markdown]
# Read aloud: *stroke is an event, it can happen again. Of 100,000 women of 60 who have had none, 184 have their
# first within a year; of as many men, 305. Ten years earlier there were more: the rates fell to 0.76 of what they
# were with each decade.* The rest of this table, cut off here, is its `source` and how `sure` we are of it.
#
# `load_diseases` reads the files and checks them. `by_age` draws the rates through the ages that are given: straight
# lines on a logarithmic scale, nothing below the first age, constant above the last.

# %%
diseases = {disease.key: disease for disease in load_diseases()}
incidence = diseases["stroke"].incidence
rates = 100_000 * by_age(incidence)  # one row a sex, one column a year of age

fig, ax = plt.subplots()
for row, (sex, given) in enumerate(
    {"women": incidence.women, "men": incidence.men}.items()
):
    ax.plot(np.arange(18, 100) + 0.5, rates[row, 18:100], label=sex)
    ax.plot(incidence.age, given, "k.")
ax.set(
    xlabel="Age (years)",
    ylabel="First strokes\n(per 100,000 person-years)",
    yscale="log",
)
ax.legend()
plots.figure(
    fig,
    alt="Line chart on a logarithmic scale: first strokes per 100,000 person-years by age, for women and men, with a "
    "dot at each age the file gives. Both lines rise from below 10 at 18 to over 2,000 at 90; men lie higher from 40 to 70.",
    caption="The rates in the file (dots) and those in between: a stroke is hundreds of times as frequent at 90 as at 20.",
)

# %%
ratio = rates[:, 60:90:10] / rates[:, 50:80:10]
print("times as many strokes ten years later, from 50, 60 and 70:", *ratio.round(1))
assert (rates[1, 40:70] > rates[0, 40:70]).all() and (rates[1, 91] < rates[0, 91])
assert (ratio > 1.9).all() and (ratio < 3).all()

# %% [markdown]
# From 50 to 80 the rate doubles or nearly trebles with every ten years. Men have more strokes than women in middle
# age; in the oldest it is the other way round.
#
# ### What multiplies the rate
#
# Incidence says how many. The tables `[[relative_risk]]` say *who*. Each is one of a few forms, put into words here.


# %%
def in_words(risk):
    """One relative risk as a sentence a clinician would say."""
    fades = f"; what exceeds 1 halves every {risk.half_life_years} years"
    if risk.of == "smoking":
        return f"women {risk.women}, men {risk.men}; after quitting{fades[1:]}"
    if risk.of == "race":
        return ", ".join(f"{race} {times}" for race, times in risk.factors.items())
    if risk.of == "frailty":
        return f"drawn: standard deviation of the logarithm {risk.sd_log}"
    if risk.per:
        return f"{risk.value} for every {risk.per:g} above {risk.zero:g}"
    return f"{risk.value:g}{fades if risk.half_life_years else ''}"


risks = diseases["stroke"].relative_risk
table = pd.DataFrame(
    {
        "relative risk": [in_words(risk) for risk in risks],
        "sure": [risk.sure for risk in risks],
        "source": [" ".join(risk.source.split()) for risk in risks],
    },
    index=[risk.of for risk in risks],
)
assert set(table["sure"]) == {"verified", "derived", "assumption"}
table

# %% [markdown]
# `sure` has three values. *Verified*: we read the figure in the source. *Derived*: we did arithmetic on figures
# that we read, and `source` says which. *Assumption*: ours, or from memory. The last row is the frankest of them:
# people differ in their risk in ways that no record shows, so everybody draws a hidden *frailty*. It is one reason
# why no model reaches every stroke.
#
# ## From a file to a person
#
# Incidence and relative risks come from different studies. Can both be true of the same people? If the rate
# were simply multiplied for whoever smokes or has high blood pressure, there would be too many strokes: the published
# rate is that of a population which smokes already. So the rule of every disease is
#
# $$\text{hazard of a person} = \text{rate}(\text{age}, \text{sex}) \times
# \frac{\text{relative risk of the person}}{\text{mean relative risk}(\text{age}, \text{sex})}$$
#
# The relative risk of a person is the product over the table above. The mean was taken once, over half a million
# synthetic people of 2019, and frozen. Let 20,000 others live until 2019 and look at them: `people` holds one array
# for each property, and a `Moment` is what holds for them on one day.

# %%
world, day = World(Draws(seed=7)), january(2019)
people = population.residents(world, 1, 20_000, 2019)
now = Moment(world, people, day)

number = world.index["stroke"]
free = ~now.has[number]  # no stroke so far
rate = by_age(incidence)[people.sex, now.age_years]  # what the file says
relative = now.relative_risk("stroke")
multiplied = rate * relative  # the naive product
hazard = now.hazard("stroke")  # the rule

# %%
expected = pd.Series(
    {
        "published rates": rate[free].sum(),
        "rates times relative risks": multiplied[free].sum(),
        "the rule": hazard[free].sum(),
    }
)
assert abs(expected["the rule"] / expected["published rates"] - 1) < 0.06
assert expected["rates times relative risks"] > 2 * expected["published rates"]
expected.round(1)

# %% [markdown]
# By the published rates about 35 of these people have their first stroke within a year; multiplying alone makes it
# nearly three times as many. The rule gives the published number back, but for a few in a hundred: the mean was taken
# over other people than these, and somebody who had a transient attack last week counts for twenty. Other diseases
# keep the rule too:

# %%
rows = {}
for key in ("hypertension", "type_2_diabetes", "copd", "depression", "dementia"):
    at_risk = ~now.has[world.index[key]]
    published = by_age(diseases[key].incidence)[people.sex, now.age_years][at_risk]
    rows[key] = {
        "published": published.sum(),
        "summed hazards": now.hazard(key)[at_risk].sum(),
    }
kept = pd.DataFrame(rows).T
assert (kept["summed hazards"] / kept["published"]).between(0.95, 1.05).all()
assert abs(kept["summed hazards"].sum() / kept["published"].sum() - 1) < 0.02
kept.round(1)

# %% [markdown]
# And the relative risks? Take the people who smoke, and compare their hazards with those of people who never did.
# Then compare with the very same people, had they never smoked. No study can do the second; here it is two lines.

# %%
adult = free & (now.age_years >= 18)
smokes = adult & (people.smoke_start <= day) & (people.smoke_quit > day)
never = adult & (people.smoke_start > day)
rows = {}
for sex, name in enumerate(("women", "men")):
    ours, others = smokes & (people.sex == sex), never & (people.sex == sex)
    same = people.take(ours)
    same.smoke_start = np.full(len(same), NEVER)
    unsmoked = Moment(world, same, day).hazard("stroke")
    rows[name] = {
        "other people": hazard[ours].mean() / hazard[others].mean(),
        "of equal age": (hazard[ours].sum() / rate[ours].sum())
        / (hazard[others].sum() / rate[others].sum()),
        "the same people": hazard[ours].sum() / unsmoked.sum(),
    }

# %%
(smoking,) = (risk for risk in risks if risk.of == "smoking")
compared = pd.DataFrame(rows).T.assign(file=[smoking.women, smoking.men])
assert np.allclose(compared["the same people"], compared["file"], rtol=1e-3)
assert (compared["of equal age"] - compared["file"]).abs().max() < 0.5
assert (compared["other people"] < compared["of equal age"]).all()
assert compared.loc["women", "other people"] < 1.4
old = now.age_years >= 75
assert old[smokes].mean() < 0.6 * old[never].mean()
compared.round(2)

# %% [markdown]
# The same people have exactly the relative risk of the file. Other people of equal age come within half a point
# of it; they differ in
# their blood pressure and in all else, and the few with a very high risk weigh heavily among hundreds. The first
# column does not ask for the age: few of the old, who have most of the strokes, still smoke. So a careless study
# would find little harm in it, least of all for women.
#
# ### From a hazard to a disease
#
# A hazard is not yet a stroke. At birth everybody draws, for each disease, how much hazard they can live through.
# Each step takes away what was lived through, and the disease begins on the day nothing is left. So chance is drawn
# once a life, and a lower hazard can only mean a later onset. Let a year pass:

# %%
slow = [
    world.index[key] for key, disease in diseases.items() if disease.kind == "chronic"
]
well = people.onset[slow] == NEVER
foreseen = (now.hazards()[slow] * well).sum()
life.step(world, people, day, january(2020))
began = (well & (people.onset[slow] < NEVER)).sum()

print(f"{foreseen:.0f} chronic diseases foreseen, {began} began")
assert abs(began - foreseen) < 4 * np.sqrt(foreseen)

# %% [markdown]
# ## Four kinds
#
# The {term}`hazard` works in the same way for every disease. What follows from it depends on the `kind`.

# %%
MEANING = {
    "chronic": "begins once, by its hazard, and stays; a visit finds it or not",
    "marker": "no hazard: a usual value beyond a limit, from then on",
    "event": "happens on a day, brings to care, can happen again and kill",
    "cancer": "hidden for years, shows itself at a stage, which decides survival",
}
kinds = pd.DataFrame(
    {
        "files": sum(disease.kind == kind for disease in diseases.values()),
        "which": ", ".join(d.name for d in diseases.values() if d.kind == kind),
        "meaning": meaning,
    }
    for kind, meaning in MEANING.items()
).set_index(pd.Index(MEANING, name="kind"))
assert kinds["files"].sum() == len(diseases) == 28 and (kinds["files"] > 0).all()
kinds

# %% [markdown]
# How sure is all of this? Each table of figures in the 28 files says so. Count them.

# %%
tables = pd.DataFrame(
    (part.replace("_", " "), table.sure)
    for disease in diseases.values()
    for part in type(disease).model_fields
    for table in np.atleast_1d(getattr(disease, part))
    if hasattr(table, "sure")
)
sure = pd.crosstab(tables[0], tables[1])[["verified", "derived", "assumption"]]
sure = sure.loc[sure.sum(axis=1).sort_values().index]
share = sure.sum() / sure.sum().sum()
print(share.map("{:.0%}".format).to_string())
ours = sure["assumption"] / sure.sum(axis=1)
assert share["assumption"] > 0.5 and sure.loc["incidence", "verified"] == 0
assert ours[["treatment", "visits"]].min() > 0.7 > 0.5 > ours["relative risk"]

# %%
fig, ax = plt.subplots(figsize=(5.4, 4.2))
left = np.zeros(len(sure))
for name, colour in zip(sure, (plots.BLUE, plots.SKY, "#CCCCCC"), strict=True):
    ax.barh(sure.index, sure[name], left=left, color=colour, label=name)
    left += sure[name]
ax.set(xlabel="Tables of figures in the 28 files", ylabel="Name of the table")
ax.grid(axis="y", visible=False)
ax.legend(loc="lower right")
plots.figure(
    fig,
    alt="Horizontal bars: number of tables by what they hold, split into verified, derived and assumption. Relative "
    "risks are the longest bar, with somewhat less than half assumptions; treatments and visits are mostly assumptions.",
    caption="What makes people ill rests on published figures more often than what care then does with them: "
    f"of all tables {share['assumption']:.0%} are assumptions.",
)

# %% [markdown]
# More than half of the tables are assumptions. They are the rule in what is about care: how often a visit finds a
# disease, who gets a drug, who takes it. Of the relative risks they are less than half. Not one incidence is
# verified as it stands: those that are not ours were computed from published figures. When a page of this guide
# finds something, ask which bars it stands on.
#
# ## Write a disease
#
# Gout is not among the 28. Let us write it. First what it is and how often it begins. A study of British general
# practices found 4.42 new cases per 1,000 person-years among men of 20 to 89 and 1.32 among women
# {cite}`soriano2011`. We did not find these rates by age, so the shape is ours: it rises, as they say it does, and
# is stretched until the averages are right. The weaker part decides, so `sure` is *assumption*.

# %%
HEAD = """
name = "Gout"
code = "SNOMED:90560007"
description = "Gout (disorder)"
kind = "chronic"

[incidence]
unit = "per 100000 person-years"
age   = [20,  30,  40,  50,  60,  70,   80]
women = [ 4,  11,  28,  80, 193, 343,  445]
men   = [33, 122, 268, 426, 640, 860, 1010]
source = "level: Cea Soriano 2011, at 20-89 4.42 (men) and 1.32 (women) per 1000; shape ours"
sure = "assumption"
"""

# %% [markdown]
# Then who gets it. A review pooled cohort studies, with other risks adjusted for {cite}`evans2018`: 2.24 times as
# many with a body mass index of 30 or more, 1.64 times with hypertension (a hazard ratio). The British study has
# 2.48 for kidney disease; it is an odds ratio, which is close enough for something rare. All three are diseases of
# this hospital, so we name them.

# %%
RISKS = """
[[relative_risk]]
of = "obesity"
value = 2.24
source = "body mass index of 30 or more, adjusted (1.76 to 2.86): Evans 2018"
sure = "verified"

[[relative_risk]]
of = "hypertension"
value = 1.64
source = "adjusted hazard ratio (1.34 to 2.01): Evans 2018"
sure = "verified"

[[relative_risk]]
of = "chronic_kidney_disease"
value = 2.48
source = "adjusted odds ratio of renal impairment (2.19 to 2.81): Cea Soriano 2011"
sure = "verified"
"""

# %% [markdown]
# Last what care makes of it: 28 % were given allopurinol within a year {cite}`soriano2011`, and about 40 % of those who
# had such a drug took it {cite}`kuo2015`. That is the `adherence`: so many stay with the drug; the others stop, after a
# year on average. It lowers the uric acid, which this hospital does not measure, so it changes nothing here. How many
# visits find the disease, nobody told us.

# %%
CARE = """
[visits]
found_at_visit = 0.5
followups_per_year = 0.5
source = "our guess: it hurts, so an early visit finds it"
sure = "assumption"

[[treatment]]
code = "RxNorm:197319"
description = "allopurinol 100 MG Oral Tablet"
kind = "medication"
share = 0.28
adherence = 0.40
source = "share: Cea Soriano 2011; adherence in 2012, 39.66 %: Kuo 2015"
sure = "verified"
"""
GOUT = HERE / "gout.toml"
print(GOUT.write_text(HEAD + RISKS + CARE, encoding="utf-8"), "characters")

# %% [markdown]
# `load_diseases` takes the names of the diseases that come with the package, and paths of your own. Did we stretch
# the shape rightly? Average it over the people of the census, the same for both sexes as in the study.

# %%
(gout,) = (d for d in load_diseases([*known_diseases(), str(GOUT)]) if d.key == "gout")
census = pd.read_csv(DATA / "population_2020.csv")[["female", "male"]].loc[20:89]


def mean_rates(disease):
    """Incidence per 1,000 person-years at 20 to 89: women, men."""
    per_age = 1_000 * by_age(disease.incidence)[:, 20:90]
    return np.average(per_age, axis=1, weights=census.sum(axis=1))


print("women {:.2f}, men {:.2f}".format(*mean_rates(gout)))
assert np.allclose(mean_rates(gout), [1.32, 4.42], rtol=0.02)

# %% [markdown]
# ## Let people live with it
#
# Two hospitals with the same {term}`seed`: one as it comes, one with our file. Each lives for three years. In the
# second the mean relative risk of gout is first computed, over 50,000 people; that is done once and kept.

# %%
diseases_and_gout = [*known_diseases(), str(GOUT)]
plain = Hospital(HERE / "plain", patients=3_000, seed=2, start="2016-01-01")
gouty = Hospital(
    HERE / "gouty",
    patients=3_000,
    seed=2,
    start="2016-01-01",
    diseases=diseases_and_gout,
)
plain.advance("2019-01-01")
emr = gouty.advance("2019-01-01")
assert emr.check().empty

# %% [markdown]
# The record of the second passes every check. Look for gout in it.

# %%
with_gout = emr.sql(f"""
    SELECT count(DISTINCT patient_id) AS patients, min(time)::DATE AS first, max(time)::DATE AS latest,
        count(DISTINCT patient_id) FILTER (patient_id IN
            (SELECT patient_id FROM medications WHERE code = '{gout.treatment[0].code}')) AS on_allopurinol
    FROM conditions WHERE code = '{gout.code}'
""").iloc[0]
assert with_gout["patients"] > 50
assert 0.1 < with_gout["on_allopurinol"] / with_gout["patients"] < 0.5
with_gout

# %% [markdown]
# Nobody wrote how many *have* gout. So that can be tested: in a US survey of 2007 and 2008, 5.9 % of men and 2.0 %
# of women said that a health professional had diagnosed it {cite}`zhu2011`.

# %%
lives = gouty.truth.lives()
have = lives.loc[
    (lives["disease"] == "gout") & (lives["onset"] < "2019-01-01"), "patient_id"
]
diagnosed = emr.conditions.filter(emr.conditions.code == gout.code).patient_id.execute()

registered = emr.people.execute().query("status == 'registered'")
old = registered[pd.to_datetime(registered["birth_date"]) < "1999-01-01"]
groups = [old["patient_id"].isin(who).groupby(old["sex"]) for who in (diagnosed, have)]
prevalence = pd.DataFrame(
    {
        "adults": groups[0].size(),
        "record": 100 * groups[0].mean(),
        "truth": 100 * groups[1].mean(),
        "plus or minus": 196 * groups[1].sem(),
        "survey": [2.0, 5.9],
    }
)
prevalence.round(1)

# %%
away = prevalence["truth"] - prevalence["survey"]
assert (prevalence["record"] > 0.8 * prevalence["truth"]).all()
assert away["female"] < -prevalence.loc["female", "plus or minus"]
assert away["male"] > prevalence.loc["male", "plus or minus"]

# %% [markdown]
# This is not what the survey found: fewer women have gout, and more men, each by more than their interval. The file
# takes its level from doctors in Britain and the survey asked people in the United States; the shape over age is our
# own; and we wrote no trend, though incidence rose by 30 % in fifteen years {cite}`kuo2015`, so that our older men have
# lived under rates of today all their lives. Each of these would be a line to correct. The test is worth the more for
# that: it can fail.
#
# ## Adding a disease changes nobody else's
#
# Both hospitals have the same people, who meet the same luck: {term}`common random numbers`. So the lives of the
# two can be compared one by one. Leave gout out of the second: is there another disease, in anybody, that began on
# another day?

# %%
others = lives[lives["disease"] != "gout"]
both = plain.truth.lives().merge(
    others, how="outer", on=["patient_id", "disease"], suffixes=(" without", " with")
)
onsets = both["onset without"], both["onset with"]
print(f"{len(both):,} diseases of {both['patient_id'].nunique():,} people compared")
assert len(both) == len(others) == len(plain.truth.lives())
assert (onsets[0] == onsets[1]).all()
assert plain.truth.deaths().equals(gouty.truth.deaths())

# %% [markdown]
# Not one. Nobody died on another day either. And what the hospital *notices* of the others?

# %%
found = both["diagnosed without"], both["diagnosed with"]
moved = both[(found[0] != found[1]) & (found[0].notna() | found[1].notna())]
print(f"{len(moved)} diseases were found on another day")
assert moved.empty

# %% [markdown]
# Nothing is found on another day, not even in those who have gout. Their records gain the rows of the new disease;
# everybody else's stay the same to the byte (a test of the package compares them).
#
# ## Mistakes, and what is said to them
#
# Files are written by people, so they are wrong at first. Five wrong edits of our file:

# %%
EDITS = {
    "an unknown unit": ('"per 100000 person-years"', '"per mille"'),
    "a unit that is too large": ("per 100000", "per 1000"),
    "a figure without a source": (
        'source = "our guess: it hurts, so an early visit finds it"',
        "",
    ),
    "an unknown vocabulary": ("SNOMED:90560007", "ICD:M10"),
    "two digits that changed places": ("SNOMED:90560007", "SNOMED:90650007"),
}

# %% [markdown]
# And the sentence that answers each:

# %%
wrong = HERE / "wrong" / "gout.toml"
wrong.parent.mkdir()
for mistake, (old, new) in EDITS.items():
    wrong.write_text(
        GOUT.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8"
    )
    try:
        load_diseases([*known_diseases(), str(wrong)])
        raise AssertionError(f"{mistake} was not noticed")
    except LHSError as error:
        print(f"{mistake}:\n    {error}")

# %% [markdown]
# Each sentence names the file, the table and the key. The second mistake was caught by luck: only the last rate of
# the men came out above 1, which is refused. A unit that is too *small* makes a disease that hardly anybody gets,
# and no check of a file can know that. The third exercise is about such a mistake. The last digit of a SNOMED CT or LOINC
# code is computed from the others, so a slip of the finger shows; the code of *another* disease, without a slip, does
# not, and codes of RxNorm have no such digit.
#
# ## Exercises
#
# ```{exercise-start} Where does the mean come from?
# :label: ex02-mean
# ```
# The frozen means stand in `world.tables["stroke"]`, one row for each sex (women first), one column for each year
# of age. What does the table say for women of 65 to 74, on average over the ages, as `frozen`? And what is the mean
# relative risk of stroke among the women of that age in `people` without a stroke, as `here`? The arrays
# `relative`, `free` and `now.age_years` above hold what you need. Then run `check_means(frozen, here)`.


# %%
def check_means(frozen, here):
    assert frozen is not None and here is not None, "give two numbers"
    assert 1.5 < frozen < 6, "columns 65 to 74 of the first row"
    assert abs(here / frozen - 1) < 0.15, "a mean over women of 65 to 74, not over all"
    assert not np.isclose(here, frozen), "these people are not those of the table"


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex02-mean
# :class: dropdown
# ```

# %%
frozen = world.tables["stroke"][0, 65:75].mean()
women = free & (people.sex == 0) & (now.age_years >= 65) & (now.age_years < 75)
here = relative[women].mean()
print(f"frozen {frozen:.2f}, here {here:.2f}")
check_means(frozen, here)

# %% [markdown]
# The mean is far above 1: hardly any woman of 70 is at the reference point of every table. Here it is a
# twentieth off, because about a thousand women are fewer than those of the table. A hospital whose mean moves further
# away, say because people smoke less, has fewer strokes than published. That is meant: the table is frozen so that
# prevention counts.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} And if nobody had ever smoked?
# :label: ex02-nobody
# ```
# Take all `people` on the day `day`. By what share would the summed hazards of lung cancer be smaller if nobody had
# ever smoked? And those of stroke? Store the shares (between 0 and 1) as `lung` and `stroke`; then run
# `check_shares(lung, stroke)`. The comparison of *the same people* above shows the way. What does the answer leave
# out?


# %%
def check_shares(lung, stroke):
    assert lung is not None and stroke is not None, "give two shares"
    assert 0 < stroke < lung < 1, "shares, and smoking matters more for lung cancer"
    assert lung > 0.6, "smoke_start NEVER for everybody, also for those who have quit"


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex02-nobody
# :class: dropdown
# ```

# %%
clean = people.take(np.arange(len(people)))  # a copy
clean.smoke_start = np.full(len(clean), NEVER)
with_smoke, without = Moment(world, people, day), Moment(world, clean, day)
lung, stroke = (
    1 - without.hazard(key).sum() / with_smoke.hazard(key).sum()
    for key in ("lung_cancer", "stroke")
)
print(f"lung cancer {lung:.0%}, stroke {stroke:.0%}")
check_shares(lung, stroke)
assert stroke < 0.25

# %% [markdown]
# Four fifths of one, a tenth of the other. The answer leaves out whatever smoking does by way of other diseases:
# the chronic bronchitis that it caused is still there, and raises the risk of lung cancer. Nor has anybody lived
# longer. For that, people would have to live their lives again.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} A mistake that no file check finds
# :label: ex02-swap
# ```
# Somebody types the figures of the women into the line of the men, and those of the men into that of the women.
# Write that file, load it, and store the disease as `swapped`. Does `load_diseases` complain? Which function of
# this page finds the mistake? Run `check_swapped(swapped)`.


# %%
def check_swapped(swapped):
    assert swapped is not None, "load the file and take the disease out of the list"
    assert swapped.incidence.men == gout.incidence.women, "women and men change places"
    assert swapped.incidence.women == gout.incidence.men, "in both lines"


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex02-swap
# :class: dropdown
# ```

# %%
words = {"women =": "SOMEBODY =", "men   =": "women =", "SOMEBODY =": "men ="}
turned = GOUT.read_text(encoding="utf-8")
for old, new in words.items():
    turned = turned.replace(old, new)
wrong.write_text(turned, encoding="utf-8")
(swapped,) = (
    d for d in load_diseases([*known_diseases(), str(wrong)]) if d.key == "gout"
)
check_swapped(swapped)
print("women {:.2f}, men {:.2f}".format(*mean_rates(swapped)))
assert mean_rates(swapped)[0] > 3 * mean_rates(swapped)[1]

# %% [markdown]
# It loads without a word: the form is right, and only the medicine is wrong. `mean_rates` finds it, because it
# compares with what the study says. So hold a new file against a total that the source gives, and have somebody
# read it who has seen the disease.
#
# ```{solution-end}
# ```

# %%
place.cleanup()

# %% [markdown]
# ## What we have seen
#
# - A disease is a file: how often it begins, what multiplies that, what care does with it, and from where each
#   figure comes.
# - The hazard of a person is the published rate, times their relative risk, over the mean relative risk. So published
#   incidence and published relative risks hold together.
# - A new disease is a page of text. It changed the life of nobody in any other respect.
# - A wrong form is answered by a sentence. A wrong figure is not: that takes a comparison with something that was
#   not put in, and ours, of gout, did not come out well.
#
# ## Limits
#
# - Nobody recovers from a chronic disease. Where most people do, as from asthma in childhood, the file has too few
#   cases so that the number of those who have it comes out right, and says so.
# - A relative risk is one number: the same at 40 and at 80, and several multiply. Types and the share who die of an
#   event do not depend on age.
# - A measurement that shifted after onset stays where it is; no treatment undoes it.
# - Six in ten tables are assumptions. The mean of a disease of your own is taken over fewer people than the others,
#   and its deaths are not taken out of the other causes.
# - Synthetic patients are for learning. No result here says anything about a real person or hospital.
#
# ## What next
#
# One disease is written. Are the people who live with all of them realistic? {doc}`03-are-they-realistic`.
