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
# # Read a record
#
# Before you count people, read one. On this page you draw six years of one person's life with a hospital, read
# the same years table by table, and find out what is not written there. Afterwards you can say what each table
# and column means, what was known on a given day, why a missing value is news, and which seven mistakes
# everybody makes with such tables.
#
# **Time:** 30 minutes to read and try; the page itself runs in less than half a minute.
# **What to know first:** what a synthetic hospital is (page {doc}`01 <01-a-hospital-in-a-minute>`) and a little SQL.
#
# ```{warning}
# The patients are synthetic: they are for learning. Nothing here describes a real person, and no model here is
# for care.
# ```

# %%
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lhs_helpers import plots
from lhs_helpers.patients import cached_hospital
from lhs_helpers.patients.diseases import load_diseases

plots.use_style()
hospital = cached_hospital(patients=7_500, years=6, seed=4, start="2014-01-01")
emr = hospital.emr
start, end = emr.period
print(f"{emr.people.count().execute():,} people, {start:%d %B %Y} to {end:%d %B %Y}")

# %% [markdown]
# ## Choose somebody, by a rule
#
# A person picked because the story is good teaches you the story you already had. So say the rule first: of all in
# whom lung cancer was diagnosed in the recorded years, the one with the most rows.

# %%
LUNG_CANCER, DIABETES = "SNOMED:363358000", "SNOMED:44054006"
rows = emr.sql("SELECT patient_id, count(*) AS n FROM events GROUP BY 1")
rows = rows.sort_values(["n", "patient_id"], ascending=[False, True])
rows = rows.set_index("patient_id")["n"]
found = emr.sql(f"""
    SELECT patient_id, time FROM conditions
    WHERE code = '{LUNG_CANCER}' AND time >= '{start:%Y-%m-%d}'
""").set_index("patient_id")["time"]
person = rows.index[rows.index.isin(found.index)][0]
diagnosis = found[person]
print(f"{len(found)} people; person {person} has {rows[person]:,} rows")
print(f"the median person has {rows.median():.0f}")
assert rows[person] > 20 * rows.median()

# %% [markdown]
# The rule has a price: who has the most rows is not typical. This person has some forty times as many as the median
# person. Keep that in mind; a record shows the ill larger than they are among people.
#
# ## Six years as a picture
#
# What can be seen of a life in a record? Visits, diagnoses, drugs and measurements. Each gets a strip of the same
# picture. First a helper that fetches this person's rows, with the words for each code.


# %%
def of_person(table):
    """All rows of one person in a table, in order of time, each with the description of its code."""
    return emr.sql(f"""
        SELECT t.*, description FROM {table} t LEFT JOIN concepts USING (code)
        WHERE patient_id = {person} ORDER BY time, t.code
    """)


encounters, conditions = of_person("encounters"), of_person("conditions")
medications, observations = of_person("medications"), of_person("observations")
sizes = [len(t) for t in (encounters, conditions, medications, observations)]
print("visits {}, diagnoses {}, prescriptions {}, measurements {}".format(*sizes))

# %% [markdown]
# There is no room for every diagnosis. What passes, such as a cough, is written each time; what lasts is written
# once. So we draw the codes that nobody in the whole hospital has twice.

# %%
once = emr.sql("""
    SELECT code FROM (SELECT patient_id, code, count(*) AS n FROM conditions GROUP BY ALL)
    GROUP BY code HAVING max(n) = 1
""")["code"]
lasting = conditions[conditions["code"].isin(once)]
told = lasting["time"] < start
assert told.sum() >= 3 and (~told).sum() >= 3
lasting[["time", "recorded_at", "description"]]

# %% [markdown]
# The first of them are older than the record: the person told them at the first visit. They get a hollow mark where
# they were told, with the year they were dated to. Those made here get a filled one.


# %%
def draw_visits(ax):
    kinds = ["inpatient", "emergency", "ambulatory", "wellness"]
    for kind in kinds:
        times = encounters.loc[encounters["class"] == kind, "time"]
        ax.plot(times, [kind] * len(times), "|", markersize=9, markeredgewidth=1)
    ax.set(ylabel="Visit", ylim=(-0.6, 3.6))


# %%
def draw_diagnoses(ax):
    for y, row in enumerate(lasting[::-1].itertuples()):
        old, name = row.time < start, row.description.rsplit(" (", 1)[0]
        face = "white" if old else plots.ORANGE
        ax.plot(row.recorded_at, y, "o", color=plots.ORANGE, markerfacecolor=face)
        year = f", {row.time:%Y}" if old else ""
        right = row.recorded_at < start + (end - start) * 0.45
        place = dict(xytext=(8 if right else -8, 0), textcoords="offset points")
        side = dict(ha="left" if right else "right", va="center", fontsize=8)
        side["bbox"] = dict(facecolor="white", edgecolor="none", pad=0.5)
        ax.annotate(name + year, (row.recorded_at, y), **place, **side)
    ax.set(ylabel="Diagnosis", ylim=(-0.7, len(lasting) - 0.3), yticks=[])


# %%
def draw_drugs(ax):
    for code, given in medications.groupby("description"):
        name = re.search("[a-z]{5,}", code)[0]  # the first longer word
        first, last = given["time"].min(), given["time"].max()
        ax.barh(name, last - first, left=first, color=plots.GREEN, height=0.5)
    ax.set(ylabel="Drug")


MEASURED = {
    "LOINC:4548-4": "HbA1c\n(%)",
    "LOINC:718-7": "Haemoglobin\n(g/dL)",
    "LOINC:29463-7": "Weight\n(kg)",
}


# %%
def draw_values(ax, code):
    seen = observations[observations["code"] == code]
    ax.plot(seen["time"], seen["value"], ".", color=plots.BLUE, markersize=4)
    ax.set(ylabel=MEASURED[code])
    ax.yaxis.set_major_formatter("{x:g}")


# %%
heights = {"height_ratios": [1.4, 2.9, 1, 1, 1, 1]}
fig, axes = plt.subplots(6, 1, sharex=True, figsize=(5.8, 9), gridspec_kw=heights)
for ax, draw in zip(axes, (draw_visits, draw_diagnoses, draw_drugs), strict=False):
    draw(ax)
for ax, code in zip(axes[3:], MEASURED, strict=True):
    draw_values(ax, code)
for ax in axes:
    ax.axvline(diagnosis, color="black", linestyle="--", linewidth=1)
    ax.tick_params(axis="y", labelsize=8)
axes[-1].set(xlabel="Date", xlim=(start, end))
fig.align_ylabels(axes)
plots.figure(
    fig,
    alt="Timeline of one person over six years in six strips: visits of four kinds, lasting diagnoses with names, bars "
    f"for {medications['code'].nunique()} drugs, and dots for HbA1c, haemoglobin and weight. A dashed line marks the "
    "diagnosis of lung cancer. Visits and dots are denser in the later years; haemoglobin and weight "
    "lie lower after the line than in the first years.",
    caption=f"Person {person} in six years of records. Hollow: told at the first visit, with the year given. "
    "Dashed: the diagnosis of lung cancer. Haemoglobin and weight had been falling before it.",
)

# %% [markdown]
# A dot is where a measurement was, and there was one where there was a visit: dense visits, dense dots. A bar runs from
# the first prescription to the last; whether anything was swallowed in between, no record says.
#
# Did haemoglobin and weight really fall, or do we see it because we look for it? Lay a straight line through the
# readings of the year before the diagnosis, one through those before that, and one through those after it: how much
# does each change in a year? No line is laid through fewer than five readings.

# %%
values = observations[observations["code"].isin(list(MEASURED))]
years = (values["time"] - diagnosis).dt.days / 365.25
names = ["earlier", "year before", "after"]
values = values.assign(years=years, period=pd.cut(years, [-9, -1, 0, 9], labels=names))


def per_year(readings):
    """The slope of a straight line through the readings, per year."""
    return np.polyfit(readings["years"], readings["value"], 1)[0]


BY = ["description", "unit", "period"]
enough = values.groupby(BY, observed=True).filter(lambda readings: len(readings) >= 5)
groups = enough.groupby(BY, observed=True)
slopes = groups[["years", "value"]].apply(per_year).rename("per year").reset_index()
slopes = slopes.pivot_table(
    "per year", ["description", "unit"], "period", observed=True
)
slopes.round(2)

# %%
SHOWN = ["Body weight", "Hemoglobin [Mass/volume] in Blood"]
weight, haemoglobin = (slopes.loc[name].iloc[0] for name in SHOWN)
assert weight["year before"] < -2 and weight["earlier"] > 0
assert haemoglobin["year before"] < -0.5 and pd.isna(haemoglobin["earlier"])

# %% [markdown]
# Both fell in the year before anybody wrote *lung cancer*. Weight had been rising until then. Whether haemoglobin had
# been falling all along nobody can say: before that year it was measured once.
# That is what a risk model can hope to see. It is also one person, chosen among those who got the disease; how many
# lose weight and get no cancer is a question for page {doc}`06 <06-a-first-risk-model>`.
#
# ## Table by table
#
# Five columns stand in nearly every table:
#
# | column | means |
# | --- | --- |
# | `patient_id` | who; never a name |
# | `encounter_id` | in which visit or stay |
# | `code` | what, in a public vocabulary: look it up in `concepts` |
# | `time` | when it happened |
# | `recorded_at` | when the record knew it |
#
# `patients` adds who somebody is: birth date, sex, race, ethnicity, education, insurance, the site, and a `status` that is
# *registered*, *left* or *died*. A change is a new row, never an overwritten one.

# %%
patient = emr.sql(f"SELECT * FROM patients WHERE patient_id = {person} ORDER BY time")
assert (patient["recorded_at"] >= patient["time"]).all()
patient.T

# %% [markdown]
# `encounters` are visits and stays. `class` is the kind of visit (*wellness* is a check-up,
# *ambulatory* any other visit to the office), `stop` its end, `code` says how it came about and
# `reason_code` what it was for. A check-up has no reason. The visit of the diagnosis and its neighbours:

# %%
words = emr.concepts.execute().set_index("code")["description"]
near = encounters[(encounters["time"] - diagnosis).abs() < pd.Timedelta(days=30)]
near = near.assign(reason=near["reason_code"].map(words))
assert (near["stop"] > near["time"]).all() and len(near) >= 3
near[["time", "stop", "class", "reason"]]

# %% [markdown]
# `conditions` are diagnoses and complaints. `status` could be *active* or *resolved*. Look at what this hospital uses
# of it:

# %%
used = emr.sql("SELECT status, count(*) AS n FROM conditions GROUP BY status")
assert used["status"].tolist() == ["active"]
used

# %% [markdown]
# Nobody ever closes a diagnosis. A cough of 2016 is still "active", and so is a prediabetes after the diabetes came.
# Real problem lists are kept in much the same way. Never read *active* as *has it today*.
#
# `observations` are what was measured or asked. There is either a `value` with a `unit`, or a `text`.

# %%
kinds = observations.groupby("description").agg(
    n=("code", "size"), value=("value", "last"), text=("text", "last")
)
kinds["unit"] = observations.groupby("description")["unit"].last()
assert (observations["value"].isna() == observations["text"].notna()).all()
shown = kinds.sort_values("n").iloc[[0, 1, 2, 10, 20, 30, -2, -1]]
shown

# %% [markdown]
# A text is not a number that got lost: the stage of the cancer and the answer to the question about smoking are
# texts. Who reads only `value` drops them without a word.
#
# `medications` are prescriptions, with the `status` *start*. A row with the status *stop* says that the patient does not
# take the drug any more; this person has none. `procedures` are what was done. Both have a `reason_code`: what for.

# %%
reasons = medications.groupby("description").agg(
    rows=("code", "size"), first=("time", "min"), why=("reason_code", "first")
)
reasons["why"] = reasons["why"].map(words)
assert (medications["status"] == "start").all()
reasons

# %%
procedures = of_person("procedures")
procedures["why"] = procedures["reason_code"].map(words)
procedures[["time", "description", "why"]]

# %% [markdown]
# ## Codes and units
#
# `concepts` is the dictionary: each code with its vocabulary, its meaning and, for measurements, its unit. Each kind of
# row has its own vocabulary: SNOMED for diagnoses, visits and procedures, LOINC for measurements, RxNorm for drugs,
# CVX for vaccines. Units are written in UCUM, so `mm[Hg]` is the millimetre of mercury.

# %%
vocabulary = emr.sql("""
    SELECT kind, system, count(*) AS codes, count(DISTINCT unit) AS units,
        min_by(description, code) AS example
    FROM concepts GROUP BY kind, system ORDER BY kind
""")
assert vocabulary.set_index("kind")["system"]["observation"] == "LOINC"
vocabulary

# %% [markdown]
# A unit belongs to the code, but it stands in each row again. That is no waste: it lets you check.

# %%
mixed = emr.sql("""
    SELECT code, count(DISTINCT unit) AS units FROM observations GROUP BY code HAVING units > 1
""")
print(f"codes with more than one unit: {len(mixed)}")
assert mixed.empty

# %% [markdown]
# Here each code has one unit. In records that were joined from several laboratories that is the first thing to check.
#
# ## One long view
#
# `emr.events` puts all tables under each other: who, when, what, a value if there is one, and the kind of row (a
# stop is a `medication_stop`). The day of the diagnosis:

# %%
day = of_person("events").query("time == @diagnosis")
assert {"condition", "procedure", "observation", "encounter"} <= set(day["kind"])
day[["kind", "description", "value", "text", "unit"]]

# %% [markdown]
# Scan, biopsy, result and stage on one day, at one minute. In a real hospital they take weeks, and a suspicion stands in
# the record long before the diagnosis. Here the simulation is simpler than life.
#
# ## What was known on that day?
#
# `time` says when a sample was drawn; `recorded_at` says when its result arrived. How much later is that for this person?

# %%
wait = observations["recorded_at"] - observations["time"]
hours = wait.dt.total_seconds() / 3600
later = hours[hours > 0]
print(
    f"{(hours == 0).mean():.0%} known at once; the others after {later.median():.0f} hours"
)
assert 0.2 < (hours == 0).mean() < 0.6 and 12 < later.median() < 36

# %% [markdown]
# What is measured at the bedside is known at once, what the laboratory measures about a day later. `emr.as_of` is the
# record as it was known at a moment. We ask it for this person before and after the first visit, and around the
# first check-up, at which blood was drawn.

# %%
first = encounters.iloc[0]
check_up = encounters[encounters["class"] == "wellness"].iloc[0]
moments = {
    "before the first visit": first["time"] - pd.Timedelta(days=1),
    "after it": first["stop"],
    "as the check-up began": check_up["time"],
    "as it ended": check_up["stop"],
    "three days later": check_up["stop"] + pd.Timedelta(days=3),
}
COUNT = f"SELECT kind, count(*) AS n FROM events WHERE patient_id = {person} GROUP BY 1"
known = {
    name: emr.as_of(t).sql(COUNT).set_index("kind")["n"] for name, t in moments.items()
}
known = pd.DataFrame(known).reindex(columns=list(moments)).fillna(0).astype(int)
assert known["before the first visit"].sum() == 0
assert known.loc["condition", "after it"] >= 5
seen = known.loc["observation"]
assert seen["three days later"] - seen["as it ended"] > 10
visits = known.loc["encounter"]
assert visits["as it ended"] - visits["as the check-up began"] == 1
known

# %% [markdown]
# Before the first visit the record knew who this was, and nothing of diseases that were there for years. The check-up
# itself was known only when it ended, and the results of its blood samples came later still. Page {doc}`05
# <05-from-records-to-a-question>` shows what happens to models that forget this.
#
# ## What the record does not hold
#
# The {term}`answer key` beside the record says when each disease truly began. Hold the two against each other, first
# for this person: the lasting diseases with their true beginning and their diagnosis.

# %%
lives = hospital.truth.lives()
names = {d.key: d.code for d in load_diseases()}
lives = lives.assign(code=lives["disease"].astype(str).map(names))
own = lives[(lives["patient_id"] == person) & lives["code"].isin(once)]
own = own.assign(years_hidden=(own["diagnosed"] - own["onset"]).dt.days / 365.25)
hidden = own.set_index("disease")["years_hidden"]
assert (hidden.dropna() >= 0).all() and hidden["lung_cancer"] > 1
assert own["diagnosed"].isna().sum() == 1 and pd.isna(hidden["obesity"])
own["years_hidden"] = own["years_hidden"].round(1)
own.sort_values("onset")[["disease", "onset", "diagnosed", "years_hidden"]]

# %% [markdown]
# The lung cancer had begun more than a year before its diagnosis, the hypertension four years. And one disease is
# nowhere: the obesity, though weight and height were taken at most of two hundred visits. How is it for the others?
# Here is everybody still registered on the last day.

# %%
here = emr.sql("SELECT patient_id FROM people WHERE status = 'registered'")
ill = lives[(lives["onset"] < end) & lives["patient_id"].isin(here["patient_id"])]
written = emr.sql("SELECT DISTINCT patient_id, code FROM conditions")
written = pd.MultiIndex.from_frame(written)
pairs = pd.MultiIndex.from_frame(ill[["patient_id", "code"]])
ill = ill.assign(unknown=~pairs.isin(written))
missing = ill.groupby("disease", observed=True)["unknown"].agg(["size", "mean"])
missing = missing[missing.index.map(names).isin(once) & (missing["size"] >= 30)]
missing = missing.sort_values("mean")
share = missing.loc["type_2_diabetes", "mean"]
assert 0.10 < share < 0.30
print(f"{share:.0%} of those with diabetes do not have it on record")


# %%
def interval(share, n):
    """How far a 95 % interval (Wilson) reaches below and above a share, in percent."""
    half = 1.96 * np.sqrt(share * (1 - share) / n + 0.96 / n**2)
    low, high = ((share + 1.92 / n + way * half) / (1 + 3.84 / n) for way in (-1, 1))
    return 100 * np.clip([share - low, high - share], 0, None)


# %%
fig, ax = plt.subplots(figsize=(5.4, 5.2))
labels = missing.index.str.replace("_", " ").str.capitalize()
labels = labels.str.replace("Copd", "COPD").str.replace("Tobacco", "Daily smoking")
labels = labels.str.replace("Tia", "TIA (transient attack)")
error = interval(missing["mean"], missing["size"])
ax.barh(labels, 100 * missing["mean"], xerr=error, color=plots.SKY, capsize=2)
ax.set(xlabel="Have it, and it is not on record (%)", ylabel="Disease", xlim=0)
ax.set_ylim(-0.7, len(missing) - 0.3)
plots.figure(
    fig,
    alt="Horizontal bars with 95 % intervals: for each lasting disease the share of people who have it without a diagnosis "
    "on record. Short bars for asthma and heart failure, about a seventh for diabetes, about half or more for "
    "obesity, prediabetes and lung cancer, and the longest bar for chronic kidney disease.",
    caption="What the record misses, among those registered on the last day (95 % intervals): little of what makes "
    "itself felt, more of what only a measurement shows.",
)

# %% [markdown]
# What makes itself felt is written down. What only a measurement shows is missed more often: a pressure or a sugar in one
# of seven, a filtration rate or a weight in more than half. And a lung cancer that has not shown itself yet is on nobody's
# record: of the few dozen people who have one today, about half do not know. How much is missed was set in the file of
# each disease, after a published figure where there was one and by assumption where not; that something is missed is
# true of any record. A label made of diagnoses is a label of *found* disease.

# %%
order = missing["mean"]
assert order[["chronic_kidney_disease", "obesity"]].min() > 0.5
assert order[["hypertension", "type_2_diabetes"]].between(0.1, 0.25).all()
assert 0.35 < order["lung_cancer"] < 0.75
assert order[["asthma", "heart_failure"]].max() < 0.15

# %% [markdown]
# ## A missing value is news
#
# An HbA1c says how high the blood sugar was over some weeks. Who gets one? We take the adults registered
# all through 2019. *Known* are those with diabetes on record when the year began.

# %%
adults = emr.sql(f"""
    SELECT p.patient_id, count(DISTINCT e.encounter_id) AS visits, max(value) AS hba1c,
        bool_or(c.code IS NOT NULL) AS known
    FROM people p LEFT JOIN encounters e ON p.patient_id = e.patient_id AND e.time >= '2019-01-01'
    LEFT JOIN observations o ON o.patient_id = e.patient_id
        AND o.encounter_id = e.encounter_id AND o.code = 'LOINC:4548-4'
    LEFT JOIN conditions c ON c.patient_id = p.patient_id
        AND c.code = '{DIABETES}' AND c.recorded_at < '2019-01-01'
    WHERE p.status = 'registered' AND entered < '2019-01-01' AND birth_date < '2001-01-01'
    GROUP BY p.patient_id
""")
adults["measured"] = adults["hba1c"].notna()
f"{len(adults):,} adults"

# %% [markdown]
# The answer key splits the others into those who had diabetes by then, and those who had not.

# %%
diabetic = ill[(ill["disease"] == "type_2_diabetes") & (ill["onset"] < "2019-01-01")]
truly = adults["patient_id"].isin(diabetic["patient_id"])
group = np.where(truly, "unknown diabetes", "no diabetes")
adults["group"] = np.where(adults["known"], "known diabetes", group)
by_group = adults.groupby("group").agg(
    people=("visits", "size"),
    visits=("visits", "mean"),
    measured=("measured", "mean"),
    hba1c=("hba1c", "mean"),
)
by_group.round(2)

# %%
measured = by_group["measured"]
of_unknown = adults[adults["group"] == "unknown diabetes"]
told = emr.conditions.filter(emr.conditions.code == DIABETES).patient_id.execute()
still = of_unknown[~of_unknown["patient_id"].isin(told)]
assert 0 < len(still) < len(of_unknown)
print(
    f"still unknown when the year ended: {len(still)} people, {still['measured'].mean():.0%} measured"
)
assert measured["known diabetes"] > 0.7 and measured["no diabetes"] < 0.3
assert measured["unknown diabetes"] < 0.5 and still["measured"].mean() < 0.35

# %% [markdown]
# Of those with a known diabetes most were measured, of those without one in five. And those who had it
# without anybody knowing? They are nearer to the healthy; and some of them were diagnosed in the course of the year, and
# watched from then on. Those still unknown at its end were measured no more often than the healthy. So *that* an HbA1c was
# measured says what the doctor knew, not what the patient has. The number of visits says the rest; nobody is
# measured without one.

# %%
bands = pd.cut(
    adults["visits"], [0, 2, 5, 10, 1_000], labels=["1–2", "3–5", "6–10", "11+"]
)
curve = adults.pivot_table(
    "measured", bands, "known", aggfunc=["mean", "size"], observed=True
)
assert (curve["mean"].diff().iloc[1:] >= 0).all(axis=None)
assert (curve["mean", True] > curve["mean", False]).all()

# %%
fig, ax = plt.subplots()
for known, style in ((True, "o-"), (False, "s--")):
    share, n = curve["mean", known], curve["size", known]
    name = "diabetes on record" if known else "no diabetes on record"
    error = interval(share, n)
    ax.errorbar(share.index, 100 * share, error, fmt=style, capsize=3, label=name)
ax.set(xlabel="Visits in 2019", ylabel="Had an HbA1c measured (%)", ylim=(0, 104))
ax.legend(fontsize=9, loc="lower right")
plots.figure(
    fig,
    alt="Two rising lines with 95 % intervals: share of adults with an HbA1c in 2019 by number of visits. With diabetes on "
    "record it rises from about half at one or two visits to nearly all from six; without it, from a tenth to about "
    "three quarters at eleven and more.",
    caption="Who has an HbA1c: those who come, and among them those of whom the doctor thought it might be high "
    "(95 % intervals).",
)

# %% [markdown]
# What happens if you fill the gaps with the mean of what was measured?

# %%
mean_measured = adults["hba1c"].mean()
without = adults.loc[adults["group"] == "no diabetes", "hba1c"].mean()
print(
    f"mean of the measured {mean_measured:.1f} %, of those without diabetes {without:.1f} %"
)
assert 5.7 < mean_measured < 6.5 and without < 5.7  # 5.7 to 6.4: prediabetes

# %% [markdown]
# Everybody who was never measured, mostly healthy people, would be given the blood sugar of a prediabetes. In the real
# records of {cite:t}`agniel2018`, that a test was ordered at all went with survival for most tests, whatever its result;
# and in two thirds of those that could be compared, the time of the order told more than the result. What does the
# time tell here?

# %%
clock = emr.sql("""
    SELECT CASE WHEN hour(o.time) BETWEEN 8 AND 16 THEN 'day' ELSE 'night' END AS hours,
        class, count(*) AS n
    FROM observations o JOIN encounters USING (patient_id, encounter_id)
    WHERE o.code = 'LOINC:6690-2' GROUP BY ALL
""").pivot_table("n", "hours", "class")
clock = clock.div(clock.sum(axis=1), axis=0).fillna(0)
assert clock.loc["night", ["emergency", "inpatient"]].sum() == 1
assert clock.loc["day", ["emergency", "inpatient"]].sum() < 0.5
clock.map("{:.0%}".format)

# %% [markdown]
# A count of white cells from the night was drawn in the emergency room or on a ward, always. The hour alone says that.
# The weekday should say it too. Does it?

# %%
weekday = emr.sql("""
    SELECT isodow(time) AS number, dayname(time) AS day, class FROM encounters
""").pivot_table(index=["number", "day"], columns="class", aggfunc="size", fill_value=0)
weekday = weekday.droplevel("number")
assert (weekday.loc[["Saturday", "Sunday"], "wellness"] == 0).all()
assert (
    weekday.loc["Sunday", "ambulatory"] < 0.2 * weekday.loc["Wednesday", "ambulatory"]
)
assert weekday["emergency"].min() > 0.8 * weekday["emergency"].max()
weekday

# %% [markdown]
# It does: offices are open from Monday to Friday, and check-ups stop there. The emergency room is as busy on any day. So
# a value from a Sunday comes from somebody whose trouble could not wait. But some ambulatory visits are left on
# Sundays. What were they for?

# %%
sundays = emr.sql("""
    SELECT description AS reason, count(*) AS visits FROM encounters e JOIN concepts c ON c.code = reason_code
    WHERE class = 'ambulatory' AND isodow(time) = 7 GROUP BY 1 ORDER BY visits DESC
""")
infections = sundays["reason"].str.contains("infect|Pneumonia")
injuries = sundays["reason"].str.contains("injury")
assert (
    sundays.loc[infections | injuries, "visits"].sum() > 0.99 * sundays["visits"].sum()
)
sundays

# %% [markdown]
# Infections and injuries, seen on the day they began, by an office that is shut. Take it for a walk-in clinic, or for a
# fault of the simulation: you find such things only by asking a record simple questions.
#
# ## Seven traps
#
# **A prescription is not a start.** There is a row with the status *start* for each visit at which the drug was prescribed
# again. How many people began lisinopril in 2017?

# %%
LISINOPRIL = "RxNorm:314076"
drug = emr.sql(f"""
    SELECT count(*) AS prescriptions, count(DISTINCT patient_id) AS people,
        count(DISTINCT patient_id) FILTER (first >= '2017-01-01') AS first_seen
    FROM medications JOIN (SELECT patient_id, min(time) AS first FROM medications
        WHERE code = '{LISINOPRIL}' GROUP BY 1) USING (patient_id)
    WHERE code = '{LISINOPRIL}' AND status = 'start' AND year(time) = 2017
""").iloc[0]
assert drug["first_seen"] < drug["people"] / 8
assert drug["prescriptions"] > 3 * drug["people"]
drug

# %% [markdown]
# Of the people with a prescription, fewer than one in eight had their first one in that year. And the first in the
# record need not be the first in life; exercise 1 is about that.
#
# **The last prescription is seldom a stop.** Some people stop a drug, and then its prescriptions cease. Of all who ever
# had lisinopril prescribed: of how many does the record say so, and who had no prescription in the last year?

# %%
takers = emr.sql(f"""
    SELECT patient_id, p.status AS now, max(m.time) FILTER (m.status = 'start') AS last,
        max(m.time) FILTER (m.status = 'stop') AS stop
    FROM medications m JOIN people p USING (patient_id) WHERE code = '{LISINOPRIL}' GROUP BY ALL
""")
silent = takers["last"] < end - pd.Timedelta(days=365)
why = np.where(takers["now"] == "registered", "registered", "died or left")
why = np.where(takers["stop"].notna(), "stop written", why)
last_year = np.where(silent, "none for a year", "prescribed")
table = pd.crosstab(why, last_year, rownames=[""], colnames=["last year"])
assert table.loc["stop written", "none for a year"] < silent.sum() / 3
table

# %%
visits = emr.sql(f"""
    SELECT DISTINCT patient_id FROM encounters
    WHERE time >= '{end - pd.Timedelta(days=365)}' AND class IN ('wellness', 'ambulatory')
""")["patient_id"]
unseen = ~takers.loc[silent & (why == "registered"), "patient_id"].isin(visits)
stopped = takers[takers["stop"].notna()]
again = (stopped["last"] > stopped["stop"]).sum()
print(
    f"registered, and no prescription for a year: {unseen.mean():.0%} of them were in no office"
)
print(f"{len(stopped)} with a stop; {again} of them had it prescribed again later")
assert again == 0 and 0.3 < unseen.mean() < 0.8

# %% [markdown]
# Most people whose prescriptions end have not stopped: they died or left, or they were in no office, or they came with
# a cough; only a planned visit renews a prescription here. These may well take the drug; the record says nothing of
# them. A stop that is written is news about the patient, not about a visit: it has no `encounter_id`. Do not expect
# another record to be told so promptly. And whoever stopped before the first visit has no row at all: *never
# prescribed here* is not *never taken*.
#
# **A diagnosis is not an onset.** Among those diagnosed in the recorded years, how long had the disease been there?

# %%
made = lives[(lives["diagnosed"] >= start) & (lives["diagnosed"] < end)]
years = (made["diagnosed"] - made["onset"]).dt.days / 365.25
SOME = ["stroke", "atrial_fibrillation", "lung_cancer", "type_2_diabetes", "obesity"]
delay = years.groupby(made["disease"].astype(str)).describe().loc[SOME]
delay = delay[["25%", "50%", "75%"]].rename_axis("years from onset to diagnosis")
assert delay.loc["stroke", "75%"] == 0 and delay.loc["type_2_diabetes", "50%"] > 2
delay.round(1)

# %% [markdown]
# A stroke is found on its day. Of those with newly diagnosed diabetes, half had had it for more than two years. "Newly
# diagnosed" and "new" are two words.
#
# **A complaint is not a diagnosis.** Cough stands in the same table as cancer. Many of those who got lung cancer had
# coughed in the two years before. How many of those who coughed got it?

# %%
COUGH = "SNOMED:49727002"
cough = emr.sql(f"SELECT patient_id, time FROM conditions WHERE code = '{COUGH}'")
coughed = cough.join(found.rename("cancer"), on="patient_id")
ahead = (coughed["cancer"] - coughed["time"]).dt.days.between(1, 730)
cases = coughed.loc[ahead, "patient_id"].nunique()
coughers = cough["patient_id"].nunique()
print(f"{cases} of {len(found)} with lung cancer had coughed before it")
print(f"{coughers:,} people coughed; {cases / coughers:.1%} of them are these {cases}")
assert cases > 0.5 * len(found) and cases < 0.02 * coughers

# %% [markdown]
# The word in brackets does not tell them apart: *(finding)* stands behind a cough, but also behind obesity and smoking.
# You have to make the list yourself, with somebody who knows.
#
# **A reading can be wrong.** A cuff is loose, a sample stands too long, a finger slips. Look for it in our person: compare
# each value with the median of the five around it, in units of the usual scatter of that measurement. Which one is
# furthest off?

# %%
numbers = observations.dropna(subset="value").sort_values(["code", "time"])
by_code = numbers.groupby("code")["value"]
middle = by_code.transform(lambda v: v.rolling(5, center=True, min_periods=3).median())
away = numbers["value"] - middle
usual = 1.4826 * away.abs().groupby(numbers["code"]).transform("median")
off = (away / usual).where(usual > 0)
suspect = numbers.loc[off.abs().idxmax()]
course = numbers[numbers["code"] == suspect["code"]].reset_index(drop=True)
at = course.index[course["time"] == suspect["time"]][0]
assert off.abs().max() > 10
course.loc[at - 2 : at + 2, ["time", "description", "value", "unit"]]

# %% [markdown]
# An LDL cholesterol of twice the usual, between two that are as ever. Was it true, for once? The other results of the
# same sample know:

# %%
LIPIDS = ["LOINC:2093-3", "LOINC:2085-9", "LOINC:18262-6"]
same = numbers[(numbers["time"] == suspect["time"]) & numbers["code"].isin(LIPIDS)]
total, hdl, ldl = same.set_index("code")["value"][LIPIDS]
parts = emr.sql("""
    SELECT count(*) AS samples, count(*) FILTER (l.value >= t.value) AS impossible
    FROM observations l JOIN observations t USING (patient_id, encounter_id, time)
    WHERE l.code = 'LOINC:18262-6' AND t.code = 'LOINC:2093-3'
""").iloc[0]
print(f"total cholesterol {total:.0f}, of which HDL {hdl:.0f} and LDL {ldl:.0f}")
print(f"LDL above the total: {parts['impossible']} of {parts['samples']:,} samples")
assert ldl > total and 0 < parts["impossible"] / parts["samples"] < 0.004

# %% [markdown]
# The LDL is a part of the total, and exceeds it: this cannot be. Such a rule finds one sample in a thousand. The
# simulation makes four readings in a thousand wrong, with an error six times as wide, by assumption; so many of the
# wrong ones look like any other. Whoever takes the highest value, as we did for HbA1c above, collects them. Ask for a
# second reading, or take a median.
#
# **One diagnosis may be written twice.** At the visit of the diagnosis this record holds a general code and a code for
# the type. Strokes are written in the same way, and again at each new stroke.

# %%
TYPES = {
    "lung cancer": (LUNG_CANCER, ["SNOMED:254637007", "SNOMED:254632001"]),
    "stroke": ("SNOMED:230690007", ["SNOMED:422504002", "SNOMED:274100004"]),
}
written = emr.conditions.select("patient_id", "code").execute()
counts = pd.DataFrame(index=list(TYPES))
for name, (general, types) in TYPES.items():
    by_general = written.loc[written["code"] == general, "patient_id"]
    by_type = written.loc[written["code"].isin(types), "patient_id"]
    counts.loc[name, "all rows"] = len(by_general) + len(by_type)
    counts.loc[name, "rows, general code"] = len(by_general)
    counts.loc[name, "people, general code"] = by_general.nunique()
    counts.loc[name, "people, type"] = by_type.nunique()
assert (counts.diff(axis=1).iloc[:, 1:] <= 0).all(axis=None)
counts.astype(int)

# %% [markdown]
# Four numbers, and only the third is a number of people with the disease. Counting all rows counts twice; counting types
# loses all those whose cancer is older than the record, because nobody remembers the type.
#
# **Age is not a difference of years.** The record holds a birth date. `datediff` counts how often the year changed;
# `datesub` counts the full years.

# %%
age = emr.sql("""
    SELECT datediff('year', birth_date, e.time::DATE) AS changed,
        datesub('year', birth_date, e.time::DATE) AS full_years
    FROM encounters e JOIN people USING (patient_id)
""")
wrong = (age["changed"] != age["full_years"]).mean()
print(f"{wrong:.0%} of visits at the wrong age, all a year too old")
assert 0.4 < wrong < 0.6 and (age["changed"] - age["full_years"]).isin([0, 1]).all()

# %% [markdown]
# Half of all visits happen before the birthday of their year. Take the age at the *time of the row*, too: who died in 2015
# does not grow older.
#
# ## Exercises
#
# ```{exercise-start} Who really began?
# :label: ex04-starts
# ```
# Count the people who began lisinopril in 2017: their first prescription on record falls into that year, and they had been
# seen by the hospital (any visit) at least 365 days before it. Store the number as `began` and run
# `check_began(began)`. Why the second condition?


# %%
def check_began(began):
    assert began is not None and began > 0, "give the number of people"
    assert began < drug["first_seen"], (
        "some first prescriptions belong to people first seen less than a year before"
    )
    assert began > 0.4 * drug["first_seen"], "a visit of any kind counts as seen"


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex04-starts
# :class: dropdown
# ```

# %%
first = emr.sql(f"""
    SELECT patient_id, min(m.time) AS first, min(seen) AS seen FROM medications m
    JOIN (SELECT patient_id, min(time) AS seen FROM encounters GROUP BY 1) USING (patient_id)
    WHERE m.code = '{LISINOPRIL}' GROUP BY 1
""")
in_2017 = first["first"].dt.year == 2017
began = int(
    (in_2017 & (first["first"] - first["seen"] >= pd.Timedelta(days=365))).sum()
)
at_first = (first["first"] == first["seen"]).mean()
check_began(began)
print(f"{began} began; {at_first:.0%} of all users had it at their very first visit")
assert at_first > 0.3

# %% [markdown]
# Many people already take the drug when they are first seen: the record shows a first prescription where there was only a
# first visit. A year of having been seen without the drug makes a start believable. Studies of drugs call this a
# *new-user design*.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} Was it there to be read?
# :label: ex04-unread
# ```
# An HbA1c of 6.5 % or more speaks for diabetes. The table `ill` holds who is registered on the last day and truly ill, with
# `unknown` for those without the diagnosis on record. Of those with unknown diabetes, what share has at least one such
# value anywhere in the record (all six years)? Store it as `unread` (between 0 and 1) and run
# `check_unread(unread)`. What would you do with this list?


# %%
def check_unread(unread):
    assert unread is not None and 0 <= unread <= 1, "give a share"
    assert 0.1 < unread < 0.6, (
        "take all six years, and only people with unknown diabetes"
    )


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex04-unread
# :class: dropdown
# ```

# %%
high = emr.sql("""
    SELECT DISTINCT patient_id FROM observations WHERE code = 'LOINC:4548-4' AND value >= 6.5
""")["patient_id"]
unaware = ill[(ill["disease"] == "type_2_diabetes") & ill["unknown"]]["patient_id"]
unread = unaware.isin(high).mean()
check_unread(unread)
print(f"{unread:.0%} of {len(unaware)} people")

# %% [markdown]
# For a part of them the answer stood in the record, and nobody drew the conclusion. No model is needed to find these
# people: a query is enough, and somebody who calls them. For the others there is nothing to be read.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} Who had a stroke elsewhere?
# :label: ex04-elsewhere
# ```
# By the answer key, count the first strokes with an onset in the recorded years. Of these people, what share has no
# stroke on record at all? Store it as `elsewhere` and run `check_elsewhere(elsewhere)`. Then look these people up in
# `people`: what do they have in common?


# %%
def check_elsewhere(elsewhere):
    assert elsewhere is not None and 0 < elsewhere < 0.4, "a share of the people"


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex04-elsewhere
# :class: dropdown
# ```

# %%
strokes = lives[(lives["disease"] == "stroke") & lives["onset"].between(start, end)]
on_record = emr.sql("""
    SELECT DISTINCT patient_id FROM conditions WHERE code = 'SNOMED:230690007'
""")["patient_id"]
lost = strokes[~strokes["patient_id"].isin(on_record)]
elsewhere = len(lost) / len(strokes)
check_elsewhere(elsewhere)
people = emr.people.execute().set_index("patient_id")
when = lost.join(people[["entered", "left_time"]], on="patient_id")
away = (when["onset"] > when["left_time"]) | when["entered"].isna()
print(
    f"{len(lost)} of {len(strokes)} strokes; {away.mean():.0%} of them while not registered"
)
assert away.all()

# %% [markdown]
# All of them had moved away before the stroke, or have not yet moved in. A record ends where its hospital ends. That is
# {term}`censoring`, and why `left` is a status.
#
# ```{solution-end}
# ```
#
# ## What we have seen
#
# - A person's years fit into one picture; choose the person by a rule, and say the rule.
# - Each row says who, when, what, and when it was known; the words and units are in `concepts`.
# - The record holds what was found, not what is there: about one in seven with diabetes, and most with kidney disease,
#   are not in it.
# - Whether something was measured tells what the doctor knew; filling gaps with a mean gives the healthy the blood of
#   the ill.
# - Repeated and ceasing prescriptions, late diagnoses, complaints, wrong readings, double codes and ages: count people, not
#   rows, and ask what a row means before you count it.
#
# ## Limits
#
# The hospital is tidier than a real one. Each code has one unit, the work-up of a cancer takes a minute, a wrong
# reading is the only wrong entry, there are no notes and no holidays, a stop of a drug is written on its day, and the
# reasons for a test are a few rates that we assumed. How much disease goes unwritten was set near published figures for
# some diseases and assumed for others. One person is an illustration, not evidence.
#
# ## What next
#
# You can read a record. Page {doc}`05 <05-from-records-to-a-question>` turns it into a question that a model can be
# asked.
