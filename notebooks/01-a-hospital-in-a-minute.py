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
# # Make a hospital in a minute
#
# On this page you make a synthetic hospital, let it live for five years, and read its records. Afterwards
# you can say what is in each table, who the patients are, why every row carries two times, what the answer
# key is, and how the same hospital lives on, with or without an order of yours.
#
# **Time:** 20 minutes to read and try; the page itself runs in less than half a minute.
# **What to know first:** a little Python and pandas. Words such as {term}`hazard` or {term}`seed` lead to
# the glossary.
#
# ```{warning}
# The patients are synthetic: they are for learning, development and teaching. Nothing here describes a real
# person, and nothing here is for care.
# ```

# %%
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import lhs_helpers.patients
from lhs_helpers import plots
from lhs_helpers.patients import Hospital
from lhs_helpers.patients.diseases import load_diseases

plots.use_style()
place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
FOLDER = Path(place.name)

# %% [markdown]
# ## Let there be a hospital
#
# A hospital needs a folder, a number of people in its catchment, a {term}`seed` and a first day. These
# people have already lived, grown old and fallen ill when the first day comes; only nobody has written
# anything down. `advance` lets time pass, and returns the record.

# %%
began = time.perf_counter()
hospital = Hospital(FOLDER / "hospital", patients=7_500, seed=1, start="2015-01-01")
emr = hospital.advance("2020-01-01")
seconds = time.perf_counter() - began

rows = sum(table["rows"] for table in emr.manifest["tables"].values())
print(f"{rows:,} rows in {seconds:.1f} seconds: {rows / seconds:,.0f} rows a second")
assert rows > 2_000_000 and seconds < 60

# %% [markdown]
# More than two million rows, in less than the minute of the title. Speed alone is worth little: are the rows
# sound? `check` hashes every file and asks of every row what must hold in any record. Nobody is seen before
# birth or after death, every code and unit is known, nothing is recorded before it happens. It returns what
# is broken.

# %%
broken = emr.check()
assert broken.empty
len(broken)

# %% [markdown]
# No rule is broken. The `manifest.json` in the folder says what the record is made of: here the rows of
# each table, and how many that is for each of the people the hospital has ever known.

# %%
people = emr.people.execute()
tables = emr.manifest["tables"].items()
rows = pd.Series({name: table["rows"] for name, table in tables if table["rows"]})
per_person = (rows / len(people)).round(1)
summary = pd.DataFrame({"rows": rows, "rows per person": per_person})
assert summary["rows"].idxmax() == "observations"
summary

# %% [markdown]
# *Encounters* are visits and stays, *conditions* are diagnoses, *observations* are whatever is measured or asked,
# and *concepts* says what each code means. Most of a record is measurements. `patients` has more rows than there
# are people because nothing in it is ever overwritten: who enters, leaves or dies gets another row.
# `emr.people` is the latest row of each.

# %%
print(people["status"].value_counts().to_string())
assert people["patient_id"].is_unique and len(people) < summary.loc["patients", "rows"]

# %% [markdown]
# What can befall them? Each disease is a file that a clinician can read and correct. A *chronic* one stays, an
# *event* can come again, a *cancer* is hidden at first, and a *marker* is a usual value beyond a limit.

# %%
diseases = pd.Series({disease.name: disease.kind for disease in load_diseases()})
assert len(diseases) == 28
for kind, names in diseases.groupby(diseases):
    print(f"{kind}: {', '.join(names.index)}")

# %% [markdown]
# ## Read one visit
#
# All tables are [ibis](https://ibis-project.org) expressions on files; `emr.sql` takes plain SQL. The view
# `events` puts everything that ever happened to a person under each other. Here is a single visit of one
# person: the check-up with the most rows.

# %%
visit = emr.sql("""
    SELECT encounter_id FROM observations JOIN encounters USING (patient_id, encounter_id)
    WHERE class = 'wellness' GROUP BY encounter_id ORDER BY count(*) DESC, encounter_id LIMIT 1
""")["encounter_id"][0]
seen = emr.sql(f"""
    SELECT description[:40] AS measured, value, o.unit,
        datediff('hour', o.time, o.recorded_at) AS hours_later
    FROM observations o JOIN concepts USING (code) WHERE encounter_id = {visit}
""")
assert (seen["hours_later"] >= 0).all()
seen.head(14)

# %% [markdown]
# Each value has a code of a public vocabulary (LOINC), a name and a unit. What is measured at the bedside
# is known at once; the laboratory answers hours later. That delay will matter below.

# %% [markdown]
# ## Who are the patients?
#
# The hospital was founded with the age pyramid of the United States census of 2020 (shipped with the
# package, one row per year of age). Then five years passed: people aged, died, moved away, moved in and
# were born. Does the pyramid still stand?

# %%
DATA = Path(lhs_helpers.patients.__file__).parent / "data"
today = pd.Timestamp(hospital.clock)
here = people[people["status"] == "registered"]
here = here.assign(age=(today - pd.to_datetime(here["birth_date"])).dt.days / 365.25)

here["band"] = (here["age"] // 5).clip(upper=17)
shares = 100 * here.groupby(["sex", "band"]).size() / len(here)

census = pd.read_csv(DATA / "population_2020.csv").melt("age", var_name="sex")
census["band"] = (census["age"] // 5).clip(upper=17)
census = census.groupby(["sex", "band"])["value"].sum() * 100 / census["value"].sum()

furthest = (shares - census).abs().max()
print(f"{len(here):,} people; no band is further off than {furthest:.1f} points")
assert furthest < 1.2

# %%
bands = [f"{5 * i}–{5 * i + 4}" for i in range(17)] + ["85+"]
fig, axes = plt.subplots(1, 2, sharey=True, figsize=(5.4, 4.6))
colours = {"female": plots.ORANGE, "male": plots.BLUE}
for ax, (sex, colour) in zip(axes, colours.items(), strict=True):
    ax.barh(bands, shares[sex], color=colour, alpha=0.5, label="hospital")
    ax.plot(census[sex], bands, "k.", label="census 2020")
    ax.set(title=sex, xlabel="Share of all people (%)", xlim=(0, 4.9))
axes[0].invert_xaxis()
axes[0].set_ylabel("Age (years)")
axes[1].legend(loc="upper right", fontsize=9)
plots.figure(
    fig,
    alt="Population pyramid: shares of women (left) and men (right) by five-year age band, bars for the hospital, "
    "dots for the census. The dots lie near the ends of the bars.",
    caption="The hospital's people after five years, against the census of 2020: "
    f"no band is more than {furthest:.1f} percentage points off.",
)

# %% [markdown]
# ## How many have diabetes?
#
# The file of a disease holds its *incidence*: how many fall ill each year, from published figures. Nobody
# wrote into the hospital how many *have* the disease (its prevalence among the living). That arises as people
# live. So it can be held against a survey that was not put in: the US National Health and Nutrition Examination
# Survey (NHANES) of 2013 to 2020, computed from its individual records in the R package cardioStatsUSA. There,
# diabetes is an HbA1c of 6.5 % or more, or a diagnosis with a drug for it.

# %%
AGES = [18, 30, 40, 50, 60, 70, 80, 121]
NHANES = {  # % of adults of each age, weighted; hypertension: 140/90 mm[Hg] or medicine
    "diabetes": [0.86, 4.27, 9.30, 16.13, 21.09, 25.98, 21.88],
    "hypertension": [3.25, 13.02, 23.61, 41.77, 58.59, 68.49, 73.09],
}
adults = here[here["age"] >= 18]
age = pd.cut(adults["age"], AGES, right=False)


def share(patients):
    """How many of the adults of each age are among these patients (%)."""
    return 100 * adults["patient_id"].isin(patients).groupby(age, observed=True).mean()


def diagnosed(code):
    """The patients with this diagnosis on record."""
    return emr.conditions.filter(emr.conditions.code == code).patient_id.execute()


# %% [markdown]
# Each share has a 95 % interval, as wide as chance makes it with so many adults.

# %%
DIABETES = "SNOMED:44054006"
record = share(diagnosed(DIABETES))
diabetes = pd.DataFrame({"record": record, "NHANES": NHANES["diabetes"]})
error = 1.96 * np.sqrt(record * (100 - record) / age.value_counts())
missing = diabetes["NHANES"] - record
assert missing.abs().max() < 6 and (missing > error).iloc[1:4].all()

# %%
labels = ["18–29", "30–39", "40–49", "50–59", "60–69", "70–79", "80+"]
fig, ax = plt.subplots()
ax.errorbar(labels, record, error, fmt="o-", capsize=3, label="hospital's record")
ax.plot(labels, diabetes["NHANES"], "ks--", label="NHANES 2013–2020")
ax.set(xlabel="Age (years)", ylabel="People with diabetes (%)", ylim=(0, None))
ax.legend()
plots.figure(
    fig,
    alt="Line chart: share of people with diabetes by age, in the hospital's record with 95 % intervals and in "
    "NHANES. Both rise to about a quarter at 70 to 79 and then fall; the record lies below the survey.",
    caption="Diabetes by age in the record (95 % intervals) and in a national survey: the shape is the same, "
    f"and the record lies up to {missing.max():.0f} percentage points lower.",
)

# %% [markdown]
# Survey and record rise to about a quarter at 70 to 79 and fall after that. But from 30 to 59 the record lies
# below the survey by more than its interval. The survey took everybody's blood. The record knows only who was
# diagnosed. Do the missing ones exist? The answer key below knows.

# %% [markdown]
# ## One person, five years
#
# Blood pressure is never one number. We take a person whose hypertension was diagnosed and treated in these
# years, in whom it shows: of those whose mean was 140 mm[Hg] or more and fell by 8 or more, the one with the
# most readings. That is a choice by result: it makes a picture, and it would make a biased study.

# %%
HYPERTENSION, LISINOPRIL, SYSTOLIC = "SNOMED:59621000", "RxNorm:314076", "LOINC:8480-6"
starts = emr.sql(f"""
    WITH start AS (SELECT patient_id, min(time) AS began FROM medications WHERE code = '{LISINOPRIL}' GROUP BY 1)
    SELECT patient_id, began, avg(value) FILTER (o.time < began) AS before,
        avg(value) FILTER (o.time > began + INTERVAL 30 DAY) AS after, count(*) AS readings
    FROM start JOIN observations o USING (patient_id) JOIN conditions c USING (patient_id)
    WHERE o.code = '{SYSTOLIC}' AND c.code = '{HYPERTENSION}' AND c.time = began
    GROUP BY ALL HAVING began BETWEEN '2016-07-01' AND '2018-07-01' ORDER BY readings DESC, patient_id
""")
high, fell = starts["before"] >= 140, starts["before"] - starts["after"] >= 8
patient = starts[high & fell].iloc[0]
print(f"of {len(starts)} treated, {high.sum()} had a mean of 140 mm[Hg] or more before")
assert 0.15 < high.mean() < 0.5
patient[["patient_id", "began", "before", "after", "readings"]]

# %% [markdown]
# Only a minority had so high a mean before they were treated. In this hospital pressure raises the chance of the
# disease, but no reading decides on the diagnosis, as one should. That is a flaw: do not study here how
# hypertension is found.

# %%
chart = emr.sql(f"""
    SELECT o.time, value, class FROM observations o JOIN encounters USING (patient_id, encounter_id)
    WHERE patient_id = {patient["patient_id"]} AND o.code = '{SYSTOLIC}' ORDER BY o.time
""")
scatter = chart["value"].groupby(chart["time"] > patient["began"]).std()
print(
    f"standard deviation {scatter[False]:.0f} mm[Hg] before the drug, {scatter[True]:.0f} after it"
)
assert scatter.between(4, 16).all()

# %%
fig, ax = plt.subplots()
for shape, (kind, seen) in zip("os^D", chart.groupby("class"), strict=False):
    ax.plot(seen["time"], seen["value"], shape, markersize=5, label=f"{kind} visit")
top = chart["value"].max()
ax.axvline(patient["began"], color="black", linestyle="--", linewidth=1)
ax.annotate(" lisinopril starts", (patient["began"], top + 3), fontsize=9)
ax.set(xlabel="Date", ylabel="Systolic blood pressure (mm[Hg])", ylim=(None, top + 8))
ax.legend(fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
plots.figure(
    fig,
    alt="Scatter of one person's systolic blood pressure over five years by kind of visit, with a dashed line where "
    "lisinopril starts. Readings spread over some 30 mm[Hg] on either side of it; most lie lower after it.",
    caption=f"One person: {len(chart)} readings, mean {patient['before']:.0f} mm[Hg] before the drug and "
    f"{patient['after']:.0f} after it. Single readings scatter around both.",
)

# %% [markdown]
# The points are where the person came, not where we would have liked to measure. Ill people come more
# often, so they have more points: in a record, *that* something was measured is itself information
# {cite}`agniel2018`.

# %% [markdown]
# ## When did it happen, and when was it known?
#
# Every row has two times. `time` says when something happened, `recorded_at` when the record knew it. Here
# are diagnoses whose two times lie far apart: people moved into the catchment with an old diabetes, and told
# it at their first visit. They remember the year, so the record says the middle of it.

# %%
late = emr.sql(f"""
    SELECT patient_id, description, time::DATE AS happened, c.recorded_at::DATE AS known
    FROM conditions c JOIN concepts USING (code) WHERE code = '{DIABETES}' AND time < '2015-01-01'
    ORDER BY c.recorded_at DESC, patient_id LIMIT 3
""")
assert (late["known"] - late["happened"] > pd.Timedelta(days=365)).all()
assert late["happened"].dt.month.between(6, 7).all()
late

# %% [markdown]
# What was the state of things on 1 January 2017? With hindsight one counts everything dated before that
# day. On the day itself nobody could have known it all. `emr.as_of` is the record as it was known then.

# %%
DAY = "2017-01-01"
WHAT = {
    "measurements since Christmas": "observations WHERE time >= '2016-12-25' AND",
    "diagnoses of diabetes": f"conditions WHERE code = '{DIABETES}' AND",
    "deaths": "patients WHERE status = 'died' AND",
}
counts = pd.DataFrame(index=list(WHAT))
for name, record in {"known on the day": emr.as_of(DAY), "with hindsight": emr}.items():
    ask = [f"SELECT count(*) FROM {rows} time < '{DAY}'" for rows in WHAT.values()]
    counts[name] = [record.sql(question).iloc[0, 0] for question in ask]
assert (counts["known on the day"] < counts["with hindsight"]).all()
counts

# %% [markdown]
# Somebody was dead, and the record of that day would have invited them to a check-up. Dozens of the diagnoses were
# not known to it: people had them from elsewhere, and had not yet moved in or told.
#
# A model that is trained on the second column learns from facts that its users will not have. That is
# {term}`leakage`, and it is the reason why everything that learns in this guide reads the {term}`as-of view` and
# nothing else.

# %% [markdown]
# ## The answer key
#
# Beside the records, in a folder that `EMR` never opens, lies the {term}`answer key`: when each disease truly
# began, how high each person's {term}`hazard` was, what they died of. First: what does the record not know? Here
# are the shares with diabetes again, with all those counted who truly have it, diagnosed or not.

# %%
lives = hospital.truth.lives()


def truly_ill(disease):
    """The patients in whom the disease has begun by now, diagnosed or not."""
    begun = (lives["disease"] == disease) & (lives["onset"] < today)
    return lives.loc[begun, "patient_id"]


ill = adults.loc[adults["patient_id"].isin(truly_ill("type_2_diabetes")), "patient_id"]
unknown = 1 - ill.isin(diagnosed(DIABETES)).mean()
print(
    f"{len(ill):,} adults truly have diabetes; of {unknown:.0%} the record knows nothing"
)
assert 0.08 < unknown < 0.25

# %%
diabetes["answer key"] = share(ill)
away = diabetes[["record", "answer key"]].sub(diabetes["NHANES"], axis=0).abs().mean()
print(
    "mean distance from the survey (percentage points)",
    away.round(1).to_string(),
    sep="\n",
)
assert away["answer key"] < 0.75 * away["record"]
diabetes.round(1)

# %% [markdown]
# They exist: about one in seven has not been diagnosed. With them the hospital comes nearer to the survey. So part
# of the difference was no fault of the simulated disease; it is what a record leaves out. Every label on the pages
# that follow is a diagnosis, and carries this fault.

# %% [markdown]
# Second: how likely was it? On the first day every person has a true risk of a first stroke within the next
# five years. The figures in the file of that disease begin at the age of 18; whoever is younger has a hazard of
# exactly 0 on that day, and is left out here. Sort the others by their risk, and count the strokes of each
# fifth. The record, of course, has neither column.

# %%
onset = lives[lives["disease"] == "stroke"].set_index("patient_id")["onset"]
earlier = onset.index[onset < pd.Timestamp(hospital.start)]
founders = hospital.truth.hazards(hospital.start).index.difference(earlier)
risk = pd.Series(hospital.truth.risk("stroke", hospital.start, 5, founders), founders)
print(f"{(risk == 0).mean():.0%} of the founders have a risk of exactly 0")

risk = risk[risk > 0].rename("expected strokes")
names = ["lowest", "second", "third", "fourth", "highest"]
fifth = pd.qcut(risk, 5, labels=names).rename("true risk")
had = pd.Series(risk.index.isin(onset.index), risk.index, name="strokes")
answer = pd.concat([risk, had], axis=1).groupby(fifth, observed=True).sum()
answer.insert(0, "people", fifth.value_counts())

highest = answer.loc["highest"]
assert highest["strokes"] > 0.6 * had.sum() and answer.loc["lowest", "strokes"] <= 3
assert highest["strokes"] < 0.2 * highest["people"]
answer.round(1)

# %% [markdown]
# Most strokes happen in the highest fifth. Yet most people of that fifth have none: even somebody who knows
# every true risk can not say *who*. This is the {term}`ceiling` that page {doc}`07
# <07-how-good-is-it-really>` measures models against. (The expected numbers hold the hazard of the first day for
# five years and let nobody die meanwhile. People grow older, and some die, so they are not exact.) No function
# that learns can reach the answer key; a test of the package sees to that.

# %% [markdown]
# ## Time goes on
#
# A hospital is not a data set that ends. Advance it again: the same people grow a year older, and new ones
# arrive. What has been written stays as it is. The manifest has a hash of every file, so we can ask for
# exactly that.


# %%
def hashes(record):
    """The hash of every file of a record."""
    tables = record.manifest["tables"].items()
    return {(t, n): f["sha256"] for t, e in tables for n, f in e["files"].items()}


before = hashes(emr)
later = hospital.advance("2021-01-01")
after = hashes(later)
print(f"{len(before)} files as they were, {len(after) - len(before)} new ones")
assert before.items() <= after.items()

newcomers = later.people.count().execute() - len(people)
print(f"{newcomers} people never seen before")
assert newcomers > 100 and later.check().empty

# %% [markdown]
# Not a byte of the first five years has changed. A model that is trained on 1 January 2020 and judged in
# 2021 meets what a real one meets: the old patients, one year older, and new ones.

# %% [markdown]
# ## Give an order
#
# Records come out, orders go in. Two hospitals with the same {term}`seed` live through the same year. Then
# the second gets an order: lisinopril for everybody who has hypertension on record and no drug for it. Both
# live for two more years.

# %%
same, other = (
    Hospital(FOLDER / name, patients=3_000, seed=2, start="2015-01-01")
    for name in ("same", "other")
)
same.advance("2016-01-01")
untreated = other.advance("2016-01-01").sql(f"""
    SELECT DISTINCT patient_id FROM conditions WHERE code = '{HYPERTENSION}'
    EXCEPT SELECT patient_id FROM medications WHERE code = '{LISINOPRIL}'
""")
orders = untreated.assign(date="2016-01-15", code=LISINOPRIL)
without, with_orders = same.advance("2018-01-01"), other.advance("2018-01-01", orders)
print(f"{len(orders)} orders for {with_orders.people.count().execute():,} people")
assert len(orders) > 30

# %% [markdown]
# Now compare the two records person by person. A fingerprint of all the rows of a person says whether
# anything at all differs.

# %%
FINGERPRINT = """
    SELECT patient_id, sum(hash(time, recorded_at, kind, code, value, text)::HUGEINT)
        ::VARCHAR AS fingerprint
    FROM events GROUP BY patient_id
"""
lived, relived = (
    world.sql(FINGERPRINT).set_index("patient_id")["fingerprint"]
    for world in (without, with_orders)
)
changed = lived.index[lived != relived.reindex(lived.index)]
untouched = changed.difference(orders["patient_id"])
print(f"{len(changed)} of {len(lived):,} people have another record")
print(f"of those without an order: {len(untouched)}")
told = without.sql(f"""
    SELECT DISTINCT patient_id FROM conditions WHERE code = '{HYPERTENSION}' AND time < '2015-01-01'
""")["patient_id"]
old = orders["patient_id"].isin(told).mean()
print(
    f"of those with one: {len(changed)} of {len(orders)}; diagnosed before the first day: {old:.0%}"
)
assert untouched.empty
assert 0.5 * len(orders) < len(changed) < 0.8 * len(orders) and old > 0.8

# %% [markdown]
# Everybody without an order has the same record to the last digit. So have some of those with one: some three in
# ten were not accepted, by assumption, and a few people had left or died. And a lesson stands in no record of these
# years. Nearly all of them were diagnosed before the first day, and most of these took the drug then, and stopped:
# *no drug on record* is not *never had the drug*.
#
# The two worlds draw {term}`common random numbers`: each person meets the same luck in both. So the difference
# between them was caused by the order, and by nothing else. How large is it?

# %%
PRESSURE = f"""
    SELECT patient_id, avg(value) AS mmhg FROM observations
    WHERE code = '{SYSTOLIC}' AND time >= '2016-04-01' GROUP BY patient_id
"""
pressure = [
    world.sql(PRESSURE).set_index("patient_id")["mmhg"].reindex(changed)
    for world in (without, with_orders)
]
effect = (pressure[1] - pressure[0]).dropna()
print(
    f"mean change {effect.mean():.1f} mm[Hg] in {len(effect)} people; no change in {(effect == 0).mean():.0%} of them"
)
assert -9 < effect.mean() < -3

# %% [markdown]
# The file of the disease gives the drug an effect of -9 mm[Hg] in those who take it. Three in four stay with it; the
# others stop, after a year on average, and they are many here: most of these people had stopped once before. So less
# than -9 is expected over these two years, and the two worlds say how much less. In a real hospital you have only one
# of the two worlds.

# %% [markdown]
# ## Exercises
#
# ```{exercise-start} How much does the record say the drug does?
# :label: ex01-drug
# ```
# The table `starts` holds, for people who began lisinopril, the mean systolic pressure `before` and
# `after`. Compute the mean fall in mm[Hg] as `fall`, with a 95 % interval as `low` and `high`. Compare it
# with the effect just measured between two worlds. Then run `check_fall(fall, low, high)`.


# %%
def check_fall(fall, low, high):
    assert fall is not None and low < fall < high, (
        "give the mean fall and an interval around it"
    )
    assert np.isclose(fall, (starts["before"] - starts["after"]).mean()), (
        "before minus after, averaged over people"
    )
    assert 1 < high - low < 6, (
        "a 95 % interval is the mean plus and minus 1.96 standard errors"
    )


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex01-drug
# :class: dropdown
# ```

# %%
falls = (starts["before"] - starts["after"]).dropna()
fall, error = falls.mean(), 1.96 * falls.sem()
low, high = fall - error, fall + error
print(f"{fall:.1f} mm[Hg] ({low:.1f} to {high:.1f}) in {len(falls)} people")
check_fall(fall, low, high)
assert low > 0

# %% [markdown]
# A fall, but before and after are not two worlds: meanwhile people grow older, and pressure rises with age; some
# have stopped the drug again; and the first visits may be stays in hospital.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} What does the record leave out?
# :label: ex01-fit
# ```
# Do for hypertension what the page did for diabetes. Let `on_record` be the share (%) of the adults of each age
# who have the code `HYPERTENSION` in the record, and `in_truth` the share who have the disease `"hypertension"`
# by the answer key. Hold both against `NHANES["hypertension"]`. Which is nearer? Run `check_shares(on_record,
# in_truth)`. Then read in `lhs_helpers/patients/diseases/hypertension.toml` where the incidence comes from. What is
# the agreement worth?


# %%
def check_shares(on_record, in_truth):
    for shares in (on_record, in_truth):
        assert shares is not None and len(shares) == 7, "one share for each age band"
        assert 50 < shares.iloc[5] < 100, "shares in percent, oldest last"
    assert (in_truth >= on_record).all(), "the diagnosed are among the ill"


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex01-fit
# :class: dropdown
# ```

# %%
on_record, in_truth = share(diagnosed(HYPERTENSION)), share(truly_ill("hypertension"))
check_shares(on_record, in_truth)
compared = pd.DataFrame({"record": on_record, "answer key": in_truth})
away = compared.sub(NHANES["hypertension"], axis=0)
assert (away["record"] < 0).all() and away["record"].mean() < -3
distance = away.abs().mean()
assert away["answer key"].iloc[:4].abs().max() < 4
assert distance["answer key"] < 0.6 * distance["record"]
assert away["answer key"].iloc[4:].mean() < -1
compared.assign(NHANES=NHANES["hypertension"]).round(1)

# %% [markdown]
# The record lies below the survey at every age, and most of what is missing are people with a hypertension that
# nobody has diagnosed. With them the hospital is within two percentage points up to 60, and some four to six below from
# there on. But this agreement is worth less than it looks. The incidence in the file was derived from this very survey,
# so the survey comes out because it went in; and it was derived as if those with the disease died no earlier than others,
# so it need not come out whole among the old. The incidence of diabetes came from other figures, those of newly diagnosed
# people; there the survey was a test.
#
# ```{solution-end}
# ```

# %%
place.cleanup()

# %% [markdown]
# ## What we have seen
#
# - A hospital of thousands of people and their records comes out of one line, and is checked by another.
# - Its age pyramid and its share of people with diabetes lie within a few percentage points of published
#   figures; the record knows of fewer diabetics than there are.
# - Every row has two times; `as_of` gives the record as it was known then, which is less than hindsight
#   knows.
# - The answer key says what truly happened and how likely it was; nothing that learns can open it.
# - The hospital lives on without changing its past, and an order changes only those who got it.
#
# ## Limits
#
# - Twenty-eight diseases, injuries and markers are modelled; other reasons to come are a list of complaints.
#   There are no notes, no images, no costs.
# - How often tests are ordered, diagnoses missed and orders accepted are mostly assumptions, marked as such
#   in the files.
# - Two comparisons with published figures are no proof of realism; {doc}`03-are-they-realistic` makes hundreds.
# - Synthetic patients are for learning. No result here says anything about a real person or hospital.
#
# ## What next
#
# See where the patients come from: {doc}`02-how-a-disease-is-written`, {doc}`03-are-they-realistic`. Or read the
# record of one of them: {doc}`04-reading-a-record`.
