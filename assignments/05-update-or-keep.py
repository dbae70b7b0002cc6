# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [raw]
# # ASSIGNMENT CONFIG
# config_file: otter.yml
# name: "5"

# %% [markdown]
# # Assignment 5: A learning cycle: update or keep?
#
# A model is in use. You say which labels have really arrived, judge the model on the newest of them, decide by a
# rule that was written beforehand, and bring the risks of a bought model to the level of your people.
#
# **Time:** 60 minutes. **Before you start:** page 09 of the guide.
#
# The patients are synthetic and are for learning. Nothing here is for care.

# %%
import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit

from lhs_helpers.learning import Task, cohort, evaluate
from lhs_helpers.teaching import EVENTS, champions_log, drawn, hospital_of, vendors_risk

NAME, COURSE = "Ada Lovelace", ""
emr = hospital_of(NAME, COURSE).emr
TODAY = pd.Timestamp("2019-01-01")
DATES = [f"{year}-{month}-01" for year in range(2014, 2019) for month in ("01", "07")]
WINDOW = drawn(NAME, COURSE, "window", (365, 545))
DELAY = drawn(NAME, COURSE, "delay", (60, 100, 150))
print(f"a window of {WINDOW} days; diagnoses are recorded up to {DELAY} days late")

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 3

# %% [markdown]
# ## 1. Which labels have arrived?
#
# A cohort may be learned from `TODAY` only when its prediction window (`WINDOW` days from the index date) is over
# and every diagnosis in it has been recorded (up to `DELAY` days later). Which of `DATES` are ready as index dates?
# Store a list, `ready`.

# %% [raw]
# # BEGIN SOLUTION

# %%
known = pd.to_datetime(pd.Series(DATES)) + pd.Timedelta(days=WINDOW + DELAY)  # SOLUTION
ready = [date for date, day in zip(DATES, known, strict=True) if day <= TODAY]  # SOLUTION
ready

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_ready_is_not_a_usual_mistake(ready, DATES, WINDOW, TODAY):
    import pandas as pd

    assert isinstance(ready, list) and set(ready) <= set(DATES), "store a list of some of DATES as `ready`"
    assert ready, "some cohorts are ready"
    assert len(ready) < len(DATES), "an index date in the past is not enough: its window must be over too"
    over = pd.to_datetime(pd.Series(ready)) + pd.Timedelta(days=WINDOW)
    assert (over <= TODAY).all(), "a window that is not over yet has people whose event is still to come"
    over = pd.to_datetime(pd.Series(DATES)) + pd.Timedelta(days=WINDOW)
    assert len(ready) != (over <= TODAY).sum(), (
        "the window is over, but diagnoses made at its end are not recorded yet: see DELAY"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_ready_is_right(ready, NAME, COURSE):
    import reference

    assert sorted(ready) == reference.ready(NAME, COURSE), "not the index dates whose labels are complete"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %%
task = Task("First event of heart or vessels", EVENTS, window_days=365, lookback_days=1_096, min_age=45)
periods = {f"{year}-01-01": cohort(emr, task, f"{year}-01-01") for year in range(2014, 2018)}
log = champions_log(periods, NAME, COURSE)
log.groupby("index_date").agg(people=("risk", "size"), told=("risk", "mean"), happened=("label", "mean"))

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 3

# %% [markdown]
# ## 2. Update or keep?
#
# `log` holds what the model in use told people in each period, and what became of them. The rule was written
# beforehand and looks at the newest period, with `evaluate` as it is (200 replicates, seed 0):
#
# 1. AUROC below 0.65: the order is lost; `"refit"`.
# 2. Else, if the interval of observed over expected does not hold 1: `"recalibrate"`.
# 3. Else `"keep"`.
#
# Store the two figures as `auroc` and `ratio`, and what the rule says as `decision`.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION
newest = log[log["index_date"] == log["index_date"].max()]
verdict = evaluate(newest["label"], newest["risk"])
auroc, (ratio, low, high) = verdict.loc["AUROC", "estimate"], verdict.loc["O/E"]
told = "keep" if low <= 1 <= high else "recalibrate"
# END SOLUTION
auroc = float(auroc)  # SOLUTION
ratio = float(ratio)  # SOLUTION
decision = "refit" if auroc < 0.65 else told  # SOLUTION
auroc, ratio, decision

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_decision_is_not_a_usual_mistake(auroc, ratio, decision, log):
    from numbers import Real

    from lhs_helpers.learning import evaluate

    assert isinstance(auroc, Real) and isinstance(ratio, Real), "store two numbers, `auroc` and `ratio`"
    assert decision in ("keep", "recalibrate", "refit"), "`decision` is 'keep', 'recalibrate' or 'refit'"
    pooled = evaluate(log["label"], log["risk"], bootstrap=0)["estimate"]
    assert abs(auroc - pooled["AUROC"]) > 1e-9, (
        "this judges all periods together: the old ones hide what happened in the newest"
    )
    assert auroc >= 0.65 or decision == "refit", "the first rule comes first: when the order is lost, refit"
    assert auroc < 0.65 or decision != "refit", (
        "a newer model is not a better one: the rule refits only when the order is lost"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_decision_is_right(auroc, ratio, decision, NAME, COURSE):
    import reference

    right = reference.decision(NAME, COURSE)
    assert abs(auroc - right[0]) < 0.002, "not the AUROC of the newest period"
    assert abs(ratio - right[1]) < 0.01, "not observed over expected in the newest period"
    assert decision == right[2], "the rule says something else about the newest period"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 3

# %% [markdown]
# ## 3. Bring it to the level of your people
#
# `vendor = vendors_risk(newest_people, NAME, COURSE)`, with `newest_people = periods["2017-01-01"]`, are the risks
# that a bought model tells the people of the newest period. Find the one number `shift` that, added to all their
# log-odds, makes the expected number of events equal to the observed one.

# %% [raw]
# # BEGIN SOLUTION

# %%
newest_people = periods["2017-01-01"]  # SOLUTION
vendor = vendors_risk(newest_people, NAME, COURSE)  # SOLUTION


# BEGIN SOLUTION
def too_many(shift):
    """Expected minus observed events."""
    return expit(logit(vendor) + shift).sum() - newest_people["label"].sum()


# END SOLUTION
shift = float(brentq(too_many, -10, 10))  # SOLUTION
shift

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_shift_is_not_a_usual_mistake(shift, vendor, periods):
    from numbers import Real

    import numpy as np
    from scipy.special import expit, logit

    assert isinstance(shift, Real), "store a number as `shift`"
    happened = periods["2017-01-01"]["label"].sum()
    ratio = happened / vendor.sum()
    assert abs(shift - ratio) > 1e-6, (
        "this is observed over expected, a factor; a shift of the log-odds is asked for"
    )
    assert abs(shift - np.log(ratio)) > 1e-6, (
        "the logarithm of observed over expected is a first step: add it, count again, and go on until they agree"
    )
    assert shift * np.log(ratio) > 0, "the sign: when too much is told, the log-odds must go down"


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_shift_is_right(shift, NAME, COURSE):
    import reference

    assert abs(shift - reference.shift(NAME, COURSE)) < 0.005, (
        "expected and observed do not agree after the shift"
    )


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q4
# manual: true
# points: 3

# %% [markdown]
# ## 4. In words
#
# The rule has said what to do. Write the entry for the log of the unit, in at most six sentences: what was looked
# at, on whom, what was found (with your numbers), what was decided, what was *not* looked at, and when it will be
# looked at again.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# On 1 January 2019 the model in use was judged on the people of 1 January 2017, the newest period in the log. AUROC
# and observed over expected (with interval) are given with the student's own numbers, and the decision follows from
# the rule written beforehand. Not looked at: groups, alarms, whether the clinic acted. The next look is named with
# a date, and with what would be done if labels came later than today.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
