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
# # Close the loop: what becomes of the people?
#
# So far models have predicted. On this page they act: who is screened for lung cancer is decided by nobody, by
# published criteria, or by a model, and the same people live each of these lives. You will be able to count who was
# spared, and who was harmed; to see what a trial would have made of the same effect; and to recognise a model that
# learns from its own footprints.
#
# **Time:** 45 minutes to read and try; the page itself runs in less than half a minute.
# **What to know first:** risks, thresholds and calibration ({doc}`06 <06-a-first-risk-model>` and
# {doc}`07 <07-how-good-is-it-really>`).
#
# ```{warning}
# The patients are synthetic: they are for learning. No model on this page is for care.
# ```

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lhs_helpers import plots
from lhs_helpers.learning import FeaturePlan, Task, cohort, train
from lhs_helpers.patients.calendar import january
from lhs_helpers.studies import study
from lhs_helpers.system.effects import over_hospitals, rate_ratio, stepped_wedge
from lhs_helpers.system.footprints import untouched_weights
from lhs_helpers.system.lives import another_life, answer_key, averted, keeping
from lhs_helpers.system.screening import (
    LUNG_CANCER,
    asked,
    by_risk,
    candidates,
    meets_criteria,
    orders,
    scans,
)

plots.use_style()

# %% [markdown]
# ## Records out, orders in
#
# A hospital of this guide takes *orders*: patient, date, code. Most are carried out, some weeks later; a clinician or
# a patient declines the others. An order for a low-dose CT scan of the chest may find a cancer early, miss one, or
# alarm somebody who has none. A cancer found early is found at an earlier stage, and the stage decides how long
# somebody survives. Nothing else about the person changes.
#
# Here is a town of 15,000. To save time it keeps the records of those only whom this page is about: everybody who has
# ever smoked and is 50 to 80 years old in 2016. They live exactly as they would in the whole town, because nobody's
# luck depends on another's.


# %%
def smokers(people):
    age = people.age(january(2016))
    return (age >= 50) & (age < 81) & (people.smoke_start < january(2016))


folder = tempfile.TemporaryDirectory()
place = Path(folder.name)
town = keeping(smokers, place / "town", patients=15_000, seed=13, start="2009-01-01")
emr = town.advance("2016-01-01")
print(f"{emr.people.count().execute():,} people with seven years of records")

# %% [markdown]
# ## Whom to scan
#
# The US Preventive Services Task Force recommends a yearly scan for people of 50 to 80 with at least 20 pack-years
# (packs a day times years) who smoke or stopped within 15 years {cite}`uspstf2021`. What does the record know of
# that?

# %%
known = candidates(emr, "2016-01-01")
said = asked(town, known.index)
eligible = meets_criteria(said)
knows = np.select(
    [known["smokes"], known["seen_to_quit"]],
    ["smokes", "stopped, and the record saw it"],
    "stopped before the record began",
)
table = pd.crosstab(
    knows, np.where(eligible, "criteria met", "not met"), rownames=["the record says"]
)
table

# %% [markdown]
# The record knows age and whether somebody smokes. It holds no pack-years, and of a former smoker who came as one
# it does not know when they stopped. So nobody can apply the criteria to the record: somebody has to ask, and here
# the answer is taken from the {term}`answer key`, so people neither forget nor understate.

# %%
first = np.isin(knows, ["smokes", "stopped, and the record saw it"])
met_of_first, first_of_met = eligible[first].mean(), first[eligible].mean()
print(
    f"of those whom the record would name first, {met_of_first:.0%} meet the criteria"
)
print(f"of those who meet them, it would name {first_of_met:.0%}")
assert 0.4 < met_of_first < 0.8 and 0.5 < first_of_met < 0.95

# %% [markdown]
# A model needs nobody to ask. It learns on the Januaries of 2012 to 2015 who is diagnosed within a year. There
# are few cases, so it is given nine columns that a clinician would name, no more.

# %%
TASK = Task("lung cancer", (LUNG_CANCER,), window_days=365, lookback_days=1096)
past = {year: cohort(emr, TASK, f"{year}-01-01") for year in range(2012, 2016)}
plan = FeaturePlan.fit(emr, past[2015], TASK, statistics=("ever", "last", "last is"))
NAMED = (
    "Age|Sex is male|Tobacco.*last is|Chronic obstr.*ever|Cough.*ever|Dyspnea.*ever"
    "|Hemoglobin \\[Mass.*last|Platelets.*last"
)
used = plan.columns[plan.columns["name"].str.match(NAMED)].reset_index(drop=True)
plan = FeaturePlan(TASK, used, plan.dropped, plan.people, plan.digest)
X = pd.concat([plan.apply(emr, people) for people in past.values()])
y = np.concatenate([people["label"] for people in past.values()])
model = train(X, y, "logistic regression")
print(f"{X.shape[1]} columns, {len(y):,} rows, {y.sum()} diagnoses")
assert X.shape[1] >= 8 and 20 < y.sum() < 80

# %% [markdown]
# ## The same people, three lives
#
# Now the town lives the next four years three times: nobody is scanned; the criteria decide each January; the model
# decides, and orders as many scans as the criteria did. The random numbers that make somebody ill, or come when
# they are asked, belong to the person and the day ({term}`common random numbers`). So the three lives differ in
# what the scans caused, and in nothing else.


# %%
def live(name, choose):
    """Four more years of the town, with the scans that `choose` asks for each January."""
    life, chosen = another_life(town, place / name), {}
    for year in range(2016, 2020):
        known = candidates(life.emr, f"{year}-01-01")
        chosen[year] = choose(life, year, known)
        life.advance(f"{year + 1}-01-01", orders(chosen[year], f"{year}-01-01"))
    return life, chosen


def nobody(life, year, known):
    return known.index[:0]


def criteria(life, year, known):
    return known.index[meets_criteria(asked(life, known.index))]


def by_model(life, year, known):
    now = life.emr.as_of(f"{year}-01-01").people.execute().set_index("patient_id")
    rows = now.loc[known.index].reset_index().assign(age=known["age"].to_numpy())
    rows["index_time"] = pd.Timestamp(f"{year}-01-01").as_unit("us")
    risk = model.predict_proba(plan.apply(life.emr, rows))[:, 1]
    return by_risk(known.index, risk, len(asked_of["criteria"][year]))


lives, asked_of = {}, {}
for name, choose in {
    "nobody": nobody,
    "criteria": criteria,
    "model": by_model,
}.items():
    lives[name], asked_of[name] = live(name, choose)
numbers = pd.DataFrame({name: chosen for name, chosen in asked_of.items()}).map(len)
assert (numbers["criteria"] == numbers["model"]).all() and (
    numbers["nobody"] == 0
).all()
numbers

# %% [markdown]
# Each January as many orders by the model as by the criteria, but not for the same people:

# %%
both = asked_of["criteria"][2016].intersection(asked_of["model"][2016])
shared = len(both) / len(asked_of["criteria"][2016])
print(f"{shared:.0%} of those whom the criteria name in 2016, the model names too")
assert 0.2 < shared < 0.8

# %% [markdown]
# ## Who was spared
#
# The answer keys of two lives, side by side, say which death was averted. It is not an estimate: you can look up the
# person.

# %%
keys = {name: answer_key(life, "lung_cancer") for name, life in lives.items()}
spared = {
    name: averted(keys["nobody"], keys[name], "lung_cancer", "2016-01-01", "2020-01-01")
    for name in lives
}
assert not spared["nobody"].any(axis=None)
saved = spared["criteria"].query("deaths == 1").index
days = ["diagnosed", "shows_itself", "death"]
who = pd.concat(
    {name: keys[name].loc[saved] for name in ("nobody", "criteria")}, axis=1
)
for name in ("nobody", "criteria"):
    for column in days:
        who[name, column] = pd.to_datetime(
            who[name, column].where(who[name, column] < 1e6), unit="D"
        )
who[
    [
        (name, c)
        for name in ("nobody", "criteria")
        for c in ("diagnosed", "stage", "death")
    ]
]

# %% [markdown]
# Read a row: the left half is the life without scans, the right half the same person with them. A missing death means
# alive at the end of 2019. Not all will stay alive; four years are short.
#
# Now everything that the scans did, good and bad:

# %%
rows = {}
for name, life in lives.items():
    done = scans(life)
    rows[name] = {
        "scans": len(done),
        "cancers found by them": done["found"].sum(),
        "false alarms": done["false_alarm"].sum(),
        "biopsies of people without cancer": done["biopsy"].sum(),
        "of these, with a collapsed lung": done["harmed"].sum(),
        "lung cancer deaths averted": spared[name]["disease_deaths"].sum(),
        "deaths averted": spared[name]["deaths"].sum(),
    }
town_table = pd.DataFrame(rows)
town_table

# %%
made, false = town_table.loc[["scans", "false alarms"], "criteria"]
alarms = false / made
print(f"one scan in {1 / alarms:.1f} is a false alarm")
assert 0.18 < alarms < 0.29
sooner = keys["criteria"]["death"] < keys["nobody"]["death"]
print(f"died sooner with the scans: {sooner.sum()}")
assert sooner.sum() == 1 and (keys["criteria"].loc[sooner, "cause"] == "stroke").all()
(man,) = sooner.index[sooner]
his = {name: lives[name].truth.lives() for name in ("nobody", "criteria")}
his = {n: t[t["patient_id"] == man].set_index("disease") for n, t in his.items()}
heart = [his[n].loc["coronary_disease", "diagnosed"] for n in ("nobody", "criteria")]
struck = [his[n].loc["stroke", "onset"] for n in ("nobody", "criteria")]
assert heart[1] > heart[0] and (struck[0] - struck[1]).days == 10

# %% [markdown]
# Two things to see before any average. A death averted is not a life without end: somebody who was spared lung
# cancer can die of something else in the same years, so deaths averted from any cause are fewer. And for each death
# averted about a hundred people were told that something was wrong with their lungs, when nothing was.
#
# And one man died *sooner*, though no scan can do that here. A scan had found his cancer. So he went to other offices on
# other days, the disease of his heart was found later than in the other life, and so were its drugs begun; his stroke came
# ten days earlier, of the worse kind. Whoever changes care changes more than was meant, for better and for worse.
#
# With a handful of deaths, this table can not tell the model from the criteria: one person more or less would turn
# it. That is the state of a single town. The next step needs many more people.
#
# ## Many towns
#
# The study behind this page lived the same lives in ten cities of 30,000, for eight years each, with a model of
# about 150 columns. Its table comes with the guide. There is a third way to choose in it: *by record*, as many
# people as the criteria named, but those whom the record would name first.

# %%
table, facts = study("screening")
lived = table[table["arm"] == "lives"]
everybody = lived[lived["group"] == "everybody"].set_index(["strategy", "seed"])
cities = len(facts["seeds"])
print(f"{cities} cities of {facts['patients']:,}")
totals = everybody.groupby("strategy")[["people", "orders", "scans", "lung_deaths"]]
totals = totals.sum().loc[facts["strategies"]].astype(int)
assert cities >= 10
assert (totals["orders"].drop("nobody") == totals.loc["criteria", "orders"]).all()
totals

# %% [markdown]
# The orders are equal, so the scans are nearly so. `over_hospitals` gives each ratio its interval. It treats
# cities, not people, as what was sampled: it leaves out one city after the other, and sees how the result moves.


# %%
def pooled(strategy, above, below, times=1, digits=1, rows=everybody):
    """A ratio of sums over the cities, with its 95 % interval."""
    mine = rows.loc[strategy]
    found = times * over_hospitals(mine[above], mine[below])
    form = f"{{:.{digits}f}} ({{:.{digits}f}} to {{:.{digits}f}})"
    return form.format(*found[["estimate", "low", "high"]])


GOOD = {
    "lung cancer deaths averted, per 1,000 scans": (
        "lung_deaths_averted",
        "scans",
        1000,
    ),
    "all deaths averted, per 1,000 scans": ("deaths_averted", "scans", 1000),
    "years of life gained in the eight, per 1,000 scans": (
        "years_gained",
        "scans",
        1000,
    ),
    "scans for one lung cancer death averted": ("scans", "lung_deaths_averted"),
    "in stage I, of 100 cancers found by a scan": ("found_stage_I", "found", 100),
}
SCREENED = ["criteria", "record", "model"]
pd.DataFrame({s: {k: pooled(s, *v) for k, v in GOOD.items()} for s in SCREENED})

# %% [markdown]
# And the price. Every life was also lived without scans, so {term}`overdiagnosis` can be counted here: cancers that
# a scan found in people who, in the life without scans, died without ever hearing of them. In a real clinic nobody
# can tell these from the saved.

# %%
HARM = {
    "false alarms for one lung cancer death averted": (
        "false_alarms",
        "lung_deaths_averted",
    ),
    "biopsies without a cancer, for one averted": ("biopsies", "lung_deaths_averted"),
    "collapsed lungs from these, for ten averted": (
        "harmed",
        "lung_deaths_averted",
        10,
    ),
    "overdiagnosed, of 100 cancers found by a scan": ("overdiagnosed", "found", 100),
    "not known of without scans by the end, of 100": ("not_yet_known", "found", 100),
}
pd.DataFrame({s: {k: pooled(s, *v) for k, v in HARM.items()} for s in SCREENED})

# %%
mine = everybody.loc["criteria"]
per_scan = over_hospitals(mine["lung_deaths_averted"], mine["scans"])
false_alarms = mine["false_alarms"].sum()
assert per_scan["low"] > 0 and false_alarms > 20 * mine["lung_deaths_averted"].sum()
assert 0 < mine["overdiagnosed"].sum() < 0.15 * mine["found"].sum()
# The town that you lived is one more city: it must agree with the study.
rate = false_alarms / mine["scans"].sum()
assert abs(alarms - rate) < 4 * np.sqrt(rate * (1 - rate) / made)

# %% [markdown]
# Of a hundred cancers that a scan found, some seventeen would have shown themselves only after the eight years, and
# eight never would have: their owners died of something else. For those eight, the biopsy, the operation and the
# sleepless nights were for nothing. Longer follow-up empties the last row: some fall ill, others die without ever
# knowing.
#
# Is the model better than the criteria? Both were lived by the same people, so the comparison is within each city:
# the difference in lung cancer deaths averted, as a share of the lung cancer deaths without screening.

# %%
without = everybody.loc["nobody", "lung_deaths"]
gain = {}
for s in SCREENED:
    mine = everybody.loc[s, "lung_deaths_averted"]
    gain[f"{s}, against nobody"] = 100 * over_hospitals(mine, without)
    if s != "criteria":
        more = mine - everybody.loc["criteria", "lung_deaths_averted"]
        gain[f"{s}, more than the criteria"] = 100 * over_hospitals(more, without)
more = everybody["lung_deaths_averted"]
more = more.loc["model"] - more.loc["record"]
gain["model, more than the record"] = 100 * over_hospitals(more, without)
gain = pd.DataFrame(gain).T[["estimate", "low", "high"]]
gain.round(1)

# %% [markdown]
# All three ways avert deaths, about a tenth of those from lung cancer. At the same number of scans the criteria avert a
# little more than the rule that has only the record. The model is not better than either:

# %%
versus = gain[gain.index.str.contains("more than")]
assert (gain.loc[[f"{s}, against nobody" for s in SCREENED], "low"] > 0).all()
assert versus.loc["record, more than the criteria", "high"] < 0
assert (versus["low"] < 0).all() and versus.filter(like="model", axis=0)[
    "high"
].min() > 0
assert versus["high"].max() < 5  # and no difference is large
model_auroc = over_hospitals(table["model_AUROC"].dropna())
print("AUROC of the model, first year:", model_auroc[:3].round(2).to_dict())
assert model_auroc["low"] > 0.75

# %% [markdown]
# The model puts people in order well, and it gains nothing by that. Two columns say why. It looked into more
# *people*, each less often; and fewer of the cancers that it found were in stage I.

# %%
sums = everybody.groupby("strategy").sum(numeric_only=True)
why = sums.loc[SCREENED, ["scanned_people", "found"]].astype(int)
why["in stage I, %"] = (100 * sums["found_stage_I"] / sums["found"]).round()
assert why.loc["model", "scanned_people"] > 1.3 * why.loc["criteria", "scanned_people"]
assert why.loc["model", "in stage I, %"] < why.loc["criteria", "in stage I, %"] - 4
why

# %% [markdown]
# It was trained to find who is *diagnosed within a year*. That is not the same as whose death a scan can prevent:
# whoever coughs and loses weight ranks high, and is often past stage I. Predicting the disease well and choosing
# well whom to screen are two tasks; only the second is wanted, and only an experiment, or a simulation like this
# one, shows how well it is done.
#
# What screening changes first is the stage at which cancers are found ({term}`stage shift`):

# %%
stages = [f"stage_{s}" for s in ("I", "II", "III", "IV")]
diagnosed = everybody.groupby("strategy")[["diagnosed", *stages]].sum()
diagnosed = diagnosed.loc[facts["strategies"]]
share = 100 * diagnosed[stages].div(diagnosed["diagnosed"], axis=0)
fig, ax = plt.subplots(figsize=(5.4, 2.6))
left = np.zeros(len(share))
colours = [plots.GREEN, plots.SKY, plots.AMBER, plots.ORANGE]
for column, colour in zip(stages, colours, strict=True):
    ax.barh(share.index, share[column], left=left, color=colour, label=column[6:])
    left += share[column].to_numpy()
ax.set(
    xlabel="Share of diagnosed lung cancers (%)",
    ylabel="Who is screened",
    xlim=(0, 100),
)
ax.invert_yaxis()
ax.legend(title="Stage", ncols=4, loc="lower left", bbox_to_anchor=(0, 1))
first_stage = share["stage_I"]
plots.figure(
    fig,
    alt="Bars of the stages at which lung cancers are found in four lives. Without "
    f"screening {first_stage['nobody']:.0f} % are found in stage I, with the criteria "
    f"{first_stage['criteria']:.0f} %, with the model {first_stage['model']:.0f} %; stage "
    f"IV falls from {share.loc['nobody', 'stage_IV']:.0f} to "
    f"{share.loc['criteria', 'stage_IV']:.0f} %.",
    caption="Screening shifts stages: cancers found in stage I rise from "
    f"{first_stage['nobody']:.0f} to {first_stage['criteria']:.0f} %. That is needed for "
    "lives to be saved, and does not prove that they are.",
)
assert (first_stage[SCREENED] > first_stage["nobody"] + 12).all()

# %% [markdown]
# ## For whom?
#
# A strategy that is good on average can pass a group by. Of the lung cancer deaths in each group, how many does it
# avert? Groups with fewer than 60 such deaths in all cities are left out: for them, nothing can be said.


# %%
def of_group(name, strategy):
    """Share of a group's lung cancer deaths that a strategy averts, in per cent."""
    mine = lived[lived["group"] == name].set_index(["strategy", "seed"])
    deaths = mine.loc["nobody", "lung_deaths"]
    found = 100 * over_hospitals(mine.loc[strategy, "lung_deaths_averted"], deaths)
    return found[["estimate", "low", "high"]] if deaths.sum() >= 60 else None


names = [g for g in lived["group"].unique() if ":" in g]
parts = {(g, s): of_group(g, s) for g in names for s in ("criteria", "model")}
parts = pd.DataFrame({k: v for k, v in parts.items() if v is not None}).T
fig, ax = plt.subplots(figsize=(5.4, 4.2))
shown = list(dict.fromkeys(parts.index.get_level_values(0)))
LOOKS = {"criteria": (plots.BLUE, "o"), "model": (plots.ORANGE, "s")}
for offset, (s, (colour, mark)) in enumerate(LOOKS.items()):
    mine = parts.xs(s, level=1).loc[shown]
    error = [mine["estimate"] - mine["low"], mine["high"] - mine["estimate"]]
    at = np.arange(len(shown)) + 0.24 * offset
    ax.errorbar(mine["estimate"], at, xerr=error, fmt=mark, color=colour, label=s)
ax.set_yticks(np.arange(len(shown)) + 0.12, shown)
ax.axvline(0, color="black", linewidth=0.8)
ax.set(xlabel="Lung cancer deaths averted (%)", ylabel="Group")
ax.invert_yaxis()
ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
plots.figure(
    fig,
    alt="For each group two dots with lines: the share of its lung cancer deaths that the "
    "criteria and the model avert. Estimates lie between "
    f"{parts['estimate'].min():.0f} and {parts['estimate'].max():.0f} %; the lines of "
    "neighbouring groups overlap.",
    caption="Lung cancer deaths averted, by group, with 95 % intervals over cities: they "
    "are too wide to rank groups, and say so.",
)

# %% [markdown]
# Do not read the dots without their lines. Where intervals overlap as these do, nobody can say that a group is
# served less. What can be said exactly is who gets the scans:

# %%
whole = everybody.groupby("strategy")[["scans", "lung_deaths"]].sum()
spread = {}
for name in shown:
    mine = lived[lived["group"] == name].groupby("strategy")[["scans", "lung_deaths"]]
    part = 100 * mine.sum() / whole
    spread[name] = part["scans"][["criteria", "model"]].to_dict()
    spread[name]["deaths if nobody is screened"] = part.loc["nobody", "lung_deaths"]
spread = pd.DataFrame(spread).T
assert (
    spread.loc["age: 50 to 64", "criteria"] > spread.loc["age: 50 to 64", "model"] + 15
)
uninsured, black = spread.loc["insurance: none"], spread.loc["race: black"]
assert uninsured["model"] < uninsured["deaths if nobody is screened"] - 2
assert black["criteria"] < black["model"]
assert black["criteria"] < black["deaths if nobody is screened"] - 1
assert spread.loc["age: 65 to 80", "model"] > 50
spread.round(0)

# %% [markdown]
# The columns are shares, in per cent: of all scans, and of all lung cancer deaths. The criteria spend two scans in
# three on people below 65; the model spends more than half on those from 65 on. The model gives people without
# insurance fewer scans than their share of the deaths: they come seldom, so their records hold little, and who is
# little known seems to be at little risk. Both give Hispanic people more than theirs: by the file of the disease, their
# risk is half of what their pack-years tell, and neither criteria nor model know that.
#
# ## Beside the published trial
#
# The National Lung Screening Trial took 53,454 people of 55 to 74 with 30 pack-years, screened half of them three
# times, and followed them for some six and a half years. Against chest X-ray, 20 % fewer died of lung cancer (95 %
# interval 6.8 to 26.7 %), and 6.7 % fewer of any cause (1.2 to 13.6 %) {cite}`nlst2011`. The study lived that
# protocol: the same ages and pack-years, three rounds, a reminder for those who do not come, and then nothing more.

# %%
trial = table[table["arm"] == "as the trial"]
came = trial["scans"].sum() / (3 * trial["people"].sum())
print(f"{trial['people'].sum():,.0f} people; {came:.0%} of the three scans were made")
beside = {}
for name, outcome in {
    "lung cancer deaths averted, %": "lung_deaths",
    "deaths averted, %": "deaths",
}.items():
    left = over_hospitals(trial[outcome], trial[f"{outcome}_nobody"])
    beside[name] = 100 * (1 - left[["estimate", "high", "low"]].to_numpy())
beside = pd.DataFrame(beside, index=["here", "low", "high"]).T
beside["published"] = [20.0, 6.7]
rate = 1e5 * trial["lung_deaths_nobody"].sum() / trial["years_nobody"].sum()
print(
    f"without scans, {rate:.0f} of 100,000 die of lung cancer in a year; X-ray arm: 309"
)
beside.round(1)

# %% [markdown]
# The shares agree:

# %%
averts = beside.loc["lung cancer deaths averted, %"]
assert averts["low"] < 20 < averts["high"] and 6.8 < averts["here"] < 26.7
assert rate > 2 * 309

# %% [markdown]
# Do not take that for a success. They agree because they were made to. An earlier edition of this page averted a third,
# for its simulator took every cancer found at an earlier stage to be survived like any other of that stage, and let scans
# find nearly all of them early. Now the file of the disease says in which stages a scan finds them, near those of the
# trial, and that treatment comes too late for one in five. That last number was *set*, in other people than these, until
# three rounds averted a fifth. What was not set tells more:
#
# - Without scans, those here die of lung cancer more than twice as often as the trial's volunteers did. Volunteers are
#   healthier than others; and how steeply risk rises with pack-years is our own guess in the disease file. So deaths
#   averted per 1,000 scans are too many here, though the share is right.
# - The trial compared with X-rays, which may save some; this page compares with nothing.
# - Deaths from any cause fall by about the published share; its interval is wide enough for much else.
#
# A simulator that was fitted to a trial can not confirm it, and nothing here says what screening would do in your hospital.
#
# ## What a trial would have seen
#
# Nobody outside a simulation has two lives to compare. Two designs that a health system can really run, read from
# the records alone. First a randomised trial of individuals: in each city a coin decides who of those that met the
# criteria in 2016 is offered scans. A record holds no causes of death, so the outcome is *death after a diagnosis
# of lung cancer*.

# %%
arms = table[table["arm"] == "trial"].set_index(["strategy", "seed"])
both = table[table["arm"] == "both ways"].set_index(["strategy", "seed"])

offered, others = (int(arms.loc[s, "people"].sum()) for s in ("criteria", "nobody"))
true_of = (
    both.loc["criteria", "lung_deaths"].sum() / both.loc["nobody", "lung_deaths"].sum()
)
true_with = rate_ratio(both.loc["criteria"], both.loc["nobody"])["estimate"]
measured = rate_ratio(arms.loc["criteria"], arms.loc["nobody"])
print(f"trial, {offered:,} against {others:,}:", measured.round(2).to_dict())
print(f"everybody in both lives, as the record tells it: {true_with:.2f}")
print(f"everybody in both lives, true cause of death: {true_of:.2f}")

# %% [markdown]
# Three numbers, three lessons. The trial's interval is wide, with thirteen thousand people. It holds the record's
# ratio for everybody, which is the same comparison without the chance of the coin. And that ratio is far *closer to
# 1* than the true one. Screening finds cancers in people who then live on and die of something else; the record
# counts them as deaths after lung cancer. An outcome that a record can hold understates what screening does. For
# this reason a real trial pays a committee to decide the cause of each death.

# %%
assert true_of < true_with - 0.05 and true_with < 1
assert measured["low"] < true_with < measured["high"]

# %% [markdown]
# The second design is a {term}`stepped-wedge trial`: eight clinics in each city, two of which begin in 2017, two
# more in each later year, until all screen. A regression with an effect of each clinic and each year gives one rate
# ratio for "screens" against "does not yet".

# %%
cells = table[table["arm"] == "wedge"].copy()
cells["clinic"] = 100 * cells["seed"] + cells["clinic"]
cells["screened"] = cells["screened"].astype(str) == "True"
cells["outcomes"] = cells["died_with"]
cells["began"] = cells["clinic"].map(
    cells[cells["screened"]].groupby("clinic")["period"].min()
)
# A clinic without any outcome tells nothing of a ratio.
cells = cells[cells.groupby("clinic")["outcomes"].transform("sum") > 0]
wedge = stepped_wedge(cells)
on = cells[cells["screened"]]
true_wedge = on["lung_deaths"].sum() / on["lung_deaths_nobody"].sum()
settled = cells[~cells["screened"] | (cells["period"] >= cells["began"] + 2)]
later = stepped_wedge(settled)
on = settled[settled["screened"]]
true_later = on["lung_deaths"].sum() / on["lung_deaths_nobody"].sum()
wedges = pd.DataFrame({"all years": wedge, "without the first two years": later}).T
wedges["true"] = [true_wedge, true_later]
wedges.round(2)

# %% [markdown]
# The column *true* is what the answer key says of the same clinics and years. The stepped wedge can not tell the
# effect from none, with the same people. It compares each clinic with itself and with others of the same year; in
# the first year nobody screens, in the last ones all do, and only the years between tell anything. It also takes
# for granted that the effect is there at once and stays the same {cite}`hughes2015`. It is not there at once:

# %%
assert wedge["high"] / wedge["low"] > 1.3 * measured["high"] / measured["low"]
assert wedge["low"] < true_wedge < wedge["high"] and wedge["high"] > 1

# %%
by_year = table[table["arm"] == "years"].groupby("period")
by_year = by_year[["lung_deaths_nobody", "lung_deaths"]].sum().astype(int)
fig, ax = plt.subplots()
ax.plot(
    by_year.index,
    by_year["lung_deaths_nobody"],
    "s-",
    color=plots.BLACK,
    label="nobody screened",
)
ax.plot(by_year.index, by_year["lung_deaths"], "o-", color=plots.BLUE, label="criteria")
ax.set(xlabel="Year", ylabel="Lung cancer deaths in the year", ylim=(0, None))
ax.legend()
fewer = 1 - by_year["lung_deaths"] / by_year["lung_deaths_nobody"]
early, late = by_year.loc[2017:2019].sum(), by_year.loc[2021:].sum()
early, late = (1 - n["lung_deaths"] / n["lung_deaths_nobody"] for n in (early, late))
plots.figure(
    fig,
    alt="Lines of yearly lung cancer deaths among those who met the criteria in 2016, "
    f"without and with screening. In 2016 there are {by_year.iloc[0, 0]} and "
    f"{by_year.iloc[0, 1]}; in 2017 to 2019 screening averts {early:.0%}, from 2021 on "
    f"{late:.0%}.",
    caption="The effect is not there at once: deaths are few at first, because everybody was "
    f"free of a diagnosis, and none is averted; {early:.0%} are averted in the second to fourth "
    f"year, and {late:.0%} in the last three.",
)
assert fewer.iloc[0] == 0 and fewer.iloc[1:].min() > 0.1 and abs(early - late) < 0.05

# %% [markdown]
# Who dies in the first year had a cancer that was too far gone when the scans began. After that, one in five or so is
# spared, with no trend that such numbers could show. (One might expect it to wear off: people cease to meet the criteria,
# 15 years after the last cigarette or past 80, and some deaths are put off, not averted.) Plan an evaluation for as long as
# the effect takes, and count from each clinic's start.
#
# ## A model that learns from its own footprints
#
# The screening model was fitted once. A {term}`learning health system` fits again, and then learns from records
# that its own alerts have changed. A second study runs that: a first stroke or infarction within a year, among
# people of 55 and over; whoever passes a risk that a fifth passed in the beginning is alerted, and an alert orders
# three drugs (against pressure, cholesterol and clots). Again the same people live several lives.

# %%
feedback, runs = study("feedback")
print(
    f"{len(runs['seeds'])} cities of {runs['patients']:,}; drugs: {', '.join(runs['drugs'])}"
)
events = feedback[feedback["arm"] == "events"].set_index(["life", "seed"])
silent_life = events.loc["silent", "outcomes"]
work = {}
for life in ("alerts", "refitted", "a fifth silent"):
    fewer = silent_life - events.loc[life, "outcomes"]
    found = 100 * over_hospitals(fewer, silent_life)
    work[life] = {"strokes and infarctions averted": fewer.sum()}
    work[life] |= {
        "% averted": found["estimate"],
        "low": found["low"],
        "high": found["high"],
    }
work = pd.DataFrame(work).T
work.round(1)

# %% [markdown]
# The alerts work; the other two lives are explained below. Now look at the model as its monitor would, each year:
# the risks it gave, against what happened.

# %%
seen = feedback[feedback["arm"] == "measured"].astype({"year": int})
seen = seen.set_index(["life", "group", "year", "seed"]).sort_index()


def by_january(life, group="everybody"):
    """For each year: O/E and mean AUROC over the cities, with intervals."""
    rows = {}
    for year, mine in seen.loc[(life, group)].groupby("year"):
        ratio = over_hospitals(mine["outcomes"], mine["expected"])
        order = over_hospitals(mine["AUROC"])
        rows[year] = [*ratio[:3], *order[:3]]
    columns = pd.MultiIndex.from_product(
        [["O/E", "AUROC"], ["estimate", "low", "high"]]
    )
    return pd.DataFrame(rows, index=columns).T


LINES = {
    "silent": ("silent", "everybody", plots.BLACK, "s-"),
    "alerts": ("alerts", "everybody", plots.ORANGE, "o-"),
    "silent fifth": ("a fifth silent", "silent fifth", plots.GREEN, "D--"),
}
monitor = {name: by_january(*asked[:2]) for name, asked in LINES.items()}
fig, axes = plt.subplots(2, 1, figsize=(5.4, 5.6), sharex=True)
for shift, (name, (_, _, colour, mark)) in enumerate(LINES.items()):
    for ax, measure in zip(axes, ("O/E", "AUROC"), strict=True):
        mine = monitor[name][measure]
        error = [mine["estimate"] - mine["low"], mine["high"] - mine["estimate"]]
        x = mine.index + 0.08 * (shift - 1)
        ax.errorbar(x, mine["estimate"], yerr=error, fmt=mark, color=colour, label=name)
        ax.set(ylabel=measure, xticks=mine.index)
axes[0].axhline(1, color="black", linewidth=0.8)
axes[0].set_ylabel("Observed / expected")
axes[0].legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
axes[1].set_xlabel("Year")
end = {name: monitor[name].loc[2018] for name in LINES}
plots.figure(
    fig,
    alt="Two panels by year, for the silent life, the life with alerts, and the silent "
    "fifth of a third life. Observed over expected outcomes end at "
    f"{end['silent']['O/E', 'estimate']:.2f} without alerts, at "
    f"{end['alerts']['O/E', 'estimate']:.2f} with them, and at "
    f"{end['silent fifth']['O/E', 'estimate']:.2f} in the silent fifth. AUROC in 2018 is "
    f"{end['silent']['AUROC', 'estimate']:.2f} without and "
    f"{end['alerts']['AUROC', 'estimate']:.2f} with alerts.",
    caption="The model did not change, and the alerts work: that is why it seems to fail. "
    "Lines: 95 % intervals over cities.",
)
both_lives = {life: seen.loc[(life, "everybody")] for life in ("silent", "alerts")}
lost = both_lives["silent"]["AUROC"] - both_lives["alerts"]["AUROC"]
lost = over_hospitals(lost.groupby("seed").mean())
print("AUROC lost, mean of four years:", lost[:3].round(3).to_dict())
below = monitor["alerts"]["O/E", "estimate"] / monitor["silent"]["O/E", "estimate"]
assert lost["low"] > 0 and (below < 0.92).all()

# %% [markdown]
# In each year fewer people have the event with alerts than without, and the model seems to expect too many, by a
# quarter and more. It tells people the risk that they had, and the alert takes it away. {term}`AUROC` suffers, too: those
# called most at risk are those who were helped. Nothing in the model has changed. A monitor that knows nothing of
# the alerts would stop it for working; Lenert and colleagues foretold it {cite}`lenert2019`. (The silent life is
# below 1 in the end as well. That is not the alerts' doing: there were none.)
#
# There is a second footprint:

# %%
alerts_in = {
    life: rows["alerts"].groupby("year").sum() for life, rows in both_lives.items()
}
alerts_in = pd.DataFrame(alerts_in).astype(int)
assert alerts_in.loc[2018, "alerts"] > 1.04 * alerts_in.loc[2018, "silent"]
alerts_in

# %% [markdown]
# With the same threshold the model alerts *more*, while fewer have the event. A likely reason: it had learned that
# people who take such drugs are at risk, because in the past these were given to those at risk. Now its own alerts
# bring the drugs, and it takes them for a sign of danger.
#
# ### A silent sample
#
# In the third life a fifth of the people, drawn by lot, are never alerted: a {term}`silent sample`. In one year of
# ten small cities it says little, as its lines in the figure show. All four years together:

# %%
four = {}
for name, (life, group, *_) in LINES.items():
    mine = seen.loc[(life, group)].groupby("seed")
    sums = mine[["outcomes", "expected"]].sum()
    ratio, order = (
        over_hospitals(sums["outcomes"], sums["expected"]),
        over_hospitals(mine["AUROC"].mean()),
    )
    four[name, "O/E"], four[name, "AUROC"] = ratio[:3], order[:3]
four = pd.DataFrame(four).T
assert four.loc[("alerts", "O/E"), "high"] < 0.95
for measure in ("O/E", "AUROC"):
    fifth = four.loc[("silent fifth", measure)]
    for life in ("silent", "alerts"):
        assert fifth["low"] < four.loc[(life, measure), "estimate"] < fifth["high"]
assert four.loc[("silent", "O/E"), "high"] < 1
four.round(2)

# %% [markdown]
# What is seen of the alerted lies far below 1. A little of that is the model's own: in the life without alerts it expects
# too many as well. The silent fifth agrees with that life, in O/E and in AUROC; but its intervals are so wide that they
# hold the estimates of the alerted, too. It is an unbiased view of
# what would be without alerts, and here a dim one: plan it by the number of outcomes it will hold. It costs what
# the alerts would have done for those people: the first table of this study has the number.
#
# ### Fitting anew
#
# The usual answer to such a curve is to fit the model anew. Here are seven models of the last January: the first
# one, and six fitted on the three years before it, which differ in whose records they learned from. All are judged
# in the life where nobody was alerted, because that is what a risk should say: what happens to this person *if we
# do nothing*.

# %%
models = feedback[feedback["arm"] == "refits"].set_index(["model", "seed"])
reference = models.loc["fitted where nobody was alerted", "expected_at_risk"]
rows = {}
for name in models.index.unique("model"):
    mine = models.loc[name]
    told = 100 * over_hospitals(mine["expected_at_risk"], reference)
    found = 100 * over_hospitals(mine["outcomes_top"], mine["outcomes"])
    rows[name] = {
        "AUROC": mine["AUROC"].mean(),
        "risk told to those at risk, %": told["estimate"],
        "low": told["low"],
        "high": told["high"],
        "alerts": int(mine["alerts"].sum()),
        "recall in the top fifth, %": found["estimate"],
    }
refits = pd.DataFrame(rows).T
refits.round(2)

# %% [markdown]
# *Those at risk* are the people whom the first model would have alerted. The first model tells them most because it
# chose them; compare the others. *Fitted anew on all* tells them about three quarters of what a model does that was
# fitted where nobody was alerted. It has learned that such people are safe, which is true only as long as somebody
# alerts them, and it alerts two fifths fewer.
#
# What helps?
#
# - *Recording the actions*, as one more column, did not. A likely reason: an alert leaves more traces than that
#   column holds (drugs, lower pressures, visits), and the fit uses them all. With a silent fifth in the data it was
#   hardly better.
# - *The silent fifth alone* has a fifth of the outcomes to learn from. Its AUROC is the lowest, and who knows
#   little tells everybody much the same.
# - *On whom no alert reached, weighted* leaves out the people whom an alert has reached, and lets the silent among
#   the flagged count five times (`untouched_weights`). It comes closest to the level that is right, and its
#   interval ends not far below it. It pays in discrimination: a few people stand for many.
#
# None reaches the model that was fitted where nobody was alerted. Keep the records from before the first alert:
# they are the last of their kind.

# %%
told = refits["risk told to those at risk, %"]
assert told["fitted anew on all"] > 65 and refits.loc["fitted anew on all", "high"] < 90
assert refits.loc["with actions recorded", "high"] < 90
assert 90 < refits.loc["on whom no alert reached, weighted", "high"] < 100
assert told["on whom no alert reached, weighted"] > told["fitted anew on all"]
fewer = refits["alerts"] / refits.loc["fitted where nobody was alerted", "alerts"]
assert 0.55 < fewer["fitted anew on all"] < 0.75
assert refits["AUROC"].idxmin() == "on the silent fifth"
assert refits["AUROC"].idxmax() == "fitted where nobody was alerted"

# %% [markdown]
# Did forgetting cost anything? In the life *refitted* the alerts followed a model that was fitted anew on all each
# January. By 2018 it alerted fewer, and it averted about as much as the life *alerts*: drugs once begun are mostly
# kept, so those who were forgotten went on being protected. With an act that must be repeated each year, such as a
# visit, they would not be.

# %%
forgetful = int(seen.loc[("refitted", "everybody", 2018), "alerts"].sum())
print(f"alerts in 2018: {forgetful:,} refitted, {alerts_in.loc[2018, 'alerts']:,} not")
assert forgetful < 0.85 * alerts_in.loc[2018, "alerts"]
assert abs(work.loc["refitted", "% averted"] - work.loc["alerts", "% averted"]) < 1.5

# %% [markdown]
# ### When alerts write the label
#
# There is a worse loop. Where the label is a diagnosis that clinicians write, an alert they believe can become the
# diagnosis. The care is as in the silent life; only the label changes: of those alerted, a share is written down as
# a case, whatever happened, and the model is fitted anew each year on what was written.

# %%
beliefs = feedback[feedback["arm"] == "beliefs"].astype({"year": int})
by_adoption = beliefs.groupby(["adoption", "year"])[["people", "false_alerts"]].sum()
false_share = 100 * by_adoption["false_alerts"] / by_adoption["people"]
fig, ax = plt.subplots()
LOOKS = {plots.BLACK: "s-", plots.AMBER: "D--", plots.ORANGE: "o-"}
for adoption, (colour, mark) in zip(runs["adoptions"], LOOKS.items(), strict=True):
    mine = false_share.loc[adoption]
    ax.plot(mine.index, mine, mark, color=colour, label=f"{adoption:.0%} believed")
ax.set(xlabel="Year", ylabel="Alerted without an event (% of all)", ylim=(0, 105))
ax.set_xticks(mine.index)
ax.legend()
last = false_share.xs(2018, level="year")
plots.figure(
    fig,
    alt="Lines of the share of people who are alerted without having an event, by year. With no "
    f"alert believed it stays near {last[0.0]:.0f} %; with half of them believed it reaches "
    f"{last[0.5]:.0f} %, with all of them {last[1.0]:.0f} %.",
    caption="A label that follows the alert, and a model that follows the label: within three "
    "refits everybody is alerted.",
)
assert last[0.0] < 35 and last[1.0] > 90
as_written = (
    beliefs[beliefs["adoption"] == 1].groupby("year")["AUROC_as_written"].mean()
)
assert as_written.min() > 0.95
print(as_written.round(2))

# %% [markdown]
# Nobody has an event more than before, and by the last year nearly everybody is alerted. Adam and colleagues found
# the same on records of intensive care: with full adoption of predicted labels, false positives grow without
# control {cite}`adam2020`. Look at what a monitor would see: the last row of figures is the AUROC against the
# labels as written, and it is near 1. The remedy is a label that no alert can write: a scan, a laboratory value, a
# death.
#
# ### A model that harms and keeps its AUROC
#
# Suppose that everybody gets the three drugs, and a model is brought in that names those for whom "it is too late":
# the fifth at the highest risk get them no more.

# %%
fates = feedback[feedback["arm"] == "prophecies"].set_index(["life", "seed"])
rows = {}
for life in fates.index.unique("life"):
    mine = fates.loc[life]
    order = over_hospitals(mine["AUROC"])
    rows[life] = {
        "AUROC": order["estimate"],
        "low": order["low"],
        "high": order["high"],
        "events in three years": int(mine["outcomes_seen"].sum()),
        "of these at the highest risk": int(mine["outcomes_high"].sum()),
    }
prophecies = pd.DataFrame(rows).T
prophecies.round(2)

# %% [markdown]
# Withholding brought events back, all of them among those at the highest risk, and the model's AUROC did not fall
# for it. It rose: whom the model called lost was lost, because it had called them so. It is a
# {term}`self-fulfilling prophecy`. Discrimination after deployment says nothing of whether a model does good
# {cite}`vanamsterdam2025`. What does: a comparison of lives, by lot.

# %%
kept, withheld = (
    prophecies.loc[life]
    for life in ("everybody treated", "withheld from the highest risk")
)
assert (
    withheld["of these at the highest risk"]
    > 1.05 * kept["of these at the highest risk"]
)
assert withheld["events in three years"] > kept["events in three years"]
assert withheld["AUROC"] > kept["AUROC"] - 0.01

# %% [markdown]
# ## Exercises
#
# ```{exercise-start} Only the older
# :label: ex13-age
# ```
# Somebody proposes to scan only people from 65 on. From the study's groups `age: 50 to 64` and `age: 65 to 80`: how
# many scans does the criteria strategy need for one lung cancer death averted, in each? Put the two numbers into
# `scans_needed`. Then ask what the numbers leave out.

# %%
scans_needed = {"age: 50 to 64": None, "age: 65 to 80": None}


# %%
def check_scans(needed):
    assert needed is not None, "store two numbers in scans_needed"
    young, old = needed["age: 50 to 64"], needed["age: 65 to 80"]
    assert young and old, "give a number for each age"
    for age, number in needed.items():
        mine = lived[(lived["group"] == age) & (lived["strategy"] == "criteria")]
        product = number * mine["lung_deaths_averted"].sum()
        assert abs(product / mine["scans"].sum() - 1) < 0.01, f"not so for {age}"
    print(f"{young:.0f} scans at 50 to 64, {old:.0f} at 65 to 80")


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex13-age
# :class: dropdown
# ```

# %%
for age in scans_needed:
    mine = lived[(lived["group"] == age) & (lived["strategy"] == "criteria")]
    scans_needed[age] = mine["scans"].sum() / mine["lung_deaths_averted"].sum()
check_scans(scans_needed)

# %% [markdown]
# The numbers count deaths, not years: somebody saved at 55 has more of them ahead than somebody saved at 78, who
# may also be too ill for surgery. And eight years of follow-up hide most of what the younger gain.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} How large a trial?
# :label: ex13-size
# ```
# How many times as many people would the randomised trial above need for the upper end of its interval just to reach
# 1, if its estimate were the ratio that the record tells of everybody in both lives (`true_with`)? On the scale of the
# logarithm an interval reaches as far up as down, and with four times the people, who have four times the deaths, half
# as far. How far it reaches now stands in `measured`. Put the factor into `times`.

# %%
times = None


# %%
def check_times(times):
    assert times is not None and times > 0, "give a factor"
    spread = np.log(measured["high"] / measured["estimate"]) / np.sqrt(times)
    assert abs(np.log(true_with) + spread) < 0.01, "the interval would not just reach 1"
    people = times * (offered + others)
    print(f"{times:.2f} times, {people:,.0f} people; the published trial had 53,454")


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex13-size
# :class: dropdown
# ```

# %%
half_width = np.log(measured["high"] / measured["estimate"])
times = (half_width / -np.log(true_with)) ** 2
check_times(times)

# %% [markdown]
# That would give one trial in two a clear answer. To have it in nine of ten takes about 2.7 times as many.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} The silent ones tell
# :label: ex13-silent
# ```
# Below are 20,000 people with an outcome each; 4,000 are flagged by a model, alerts reach all of these but the
# silent, and prevent half of what would have happened. `untouched_weights` says how many people each row stands
# for. Use it to estimate the risk without alerts, from what was seen, and put it into `without_alerts`.

# %%
draw = np.random.default_rng(13)
flagged = np.arange(20_000) < 4_000
left_out = draw.random(20_000) < 0.2
would = draw.random(20_000) < np.where(flagged, 0.3, 0.05)
happened = would & ~(flagged & ~left_out & (draw.random(20_000) < 0.5))
print(f"seen: {happened.mean():.3f}")
without_alerts = None


# %%
def check_without(estimate):
    assert estimate is not None, "give a risk"
    assert abs(estimate - would.mean()) < 0.006, "that is not the risk without alerts"
    assert abs(estimate - happened.mean()) > 0.01, "that is what was seen with alerts"
    print(f"estimated {estimate:.3f}; truth {would.mean():.3f}")


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex13-silent
# :class: dropdown
# ```

# %%
weights = untouched_weights(flagged, left_out, share=0.2)
without_alerts = np.average(happened, weights=weights)
check_without(without_alerts)

# %% [markdown]
# The silent fifth of the flagged, each counted five times, stand for all of them, and the others stand for themselves.
# The price is in the interval: what is said about 4,000 people rests on some 800.
#
# ```{solution-end}
# ```
#
# ## What we have seen
#
# - Orders change care, and with common random numbers the same people can be followed with and without them. A
#   death averted is then a person, not an estimate.
# - Screening averted lung cancer deaths, at a price that belongs in the same table: false alarms by the dozen,
#   needles, overdiagnosis. It averts the share of the published trial, because it was set to: no evidence for either.
# - At equal scans a model with a good AUROC was no better than criteria, nor than a rule of thumb from the record.
#   Predicting a diagnosis is not predicting benefit.
# - From records alone the same effect looks far smaller, and a stepped wedge could not see it: what is measured,
#   and when, decides.
# - A model whose alerts work looks worse than it is; fitted anew on what they changed, it tells those at risk that
#   they are safer than they are; believed as a diagnosis, it alerts everybody; and one that harms can gain AUROC.
# - A silent sample, drawn by lot, keeps a view of what would be without alerts. It costs what the alerts would have
#   done, and a small place has too few outcomes in it to learn from.
#
# ## Limits
#
# How many an earlier finding helps, how long cancers hide, how often scans alarm,
# that seven orders in ten are carried out, and what three drugs do: all stand in the disease files or in the
# engine, some from trials, some assumed. The size of each effect on this page is a consequence of them. The cities
# are small and alike: look at the intervals. Nobody moves in; whoever turns 50 after the first day is not screened.
# People answer truthfully about their smoking. The scans harm by needle only: no radiation, no worry, no surgery
# for nothing, no cost. Three drugs are prescribed without side effects; in life they bleed, and lower what should
# not be lowered. The clinics of the stepped wedge differ by chance alone, so a real one is harder to read. And all
# groups live by the same rules here: that no group is passed by shows what the rules say, not what would happen.
#
# ## What next
#
# {doc}`14-a-network-and-its-small-clinics` asks who is served when several sites learn. Before any model may act
# like this on people, read {doc}`../book/getting-started/costs-and-stop-rules` and
# {doc}`../book/getting-started/improvement-or-research`.

# %%
folder.cleanup()
