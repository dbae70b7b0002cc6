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
# name: "6"

# %% [markdown]
# # Assignment 6: Close the loop: go, or no go?
#
# For 26 weeks a model has seen patients, and nobody has seen the model. From this silent run you choose a threshold
# that your team can bear, say what it would have found, hold the run against a stop rule, and write the memo on
# which a board decides.
#
# **Time:** 90 minutes. **Before you start:** "Costs and stop rules" in *Getting started*, and pages 07 and 12.
#
# The patients are synthetic and are for learning. Nothing here is for care.

# %%
import numpy as np

from lhs_helpers.learning import Task, cohort
from lhs_helpers.teaching import EVENTS, hospital_of, silent_run

NAME, COURSE = "Ada Lovelace", ""
emr = hospital_of(NAME, COURSE).emr
task = Task("First event of heart or vessels", EVENTS, window_days=1_095, lookback_days=1_096, min_age=45)
run, CAPACITY = silent_run(cohort(emr, task, "2016-01-01"), NAME, COURSE)
WEEKS, GRID = 26, np.round(np.arange(0.005, 0.505, 0.005), 3)
print(f"your team can answer {CAPACITY} alarms a week")
run.head()

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 3

# %% [markdown]
# ## 1. A threshold that the team can bear
#
# There is an alarm when `risk >= threshold`; where the data did not arrive in time, `risk` is missing and nobody is
# alarmed. Store the lowest threshold in `GRID` at which there are, on average over all 26 weeks, no more than
# `CAPACITY` alarms a week, as `threshold`.

# %% [raw]
# # BEGIN SOLUTION

# %%
a_week = np.array([(run["risk"] >= cut).sum() / WEEKS for cut in GRID])  # SOLUTION
threshold = float(GRID[a_week <= CAPACITY].min())  # SOLUTION
threshold

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_threshold_is_not_a_usual_mistake(threshold, run, CAPACITY):
    from numbers import Real

    assert isinstance(threshold, Real) and 0 < threshold < 1, "store a risk between 0 and 1 as `threshold`"
    alarms = (run["risk"] >= threshold).sum() / 26
    assert alarms <= CAPACITY, "more alarms than the team can answer: raise the threshold"
    assert threshold != 0.5, (
        "0.5 is no natural threshold: where the outcome is rare hardly anybody reaches it, and nothing is found"
    )
    assert (run["risk"] >= threshold - 0.005).sum() / 26 > CAPACITY, (
        "the team could answer more: a lower threshold fits too, and finds more"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_threshold_is_right(threshold, NAME, COURSE):
    import reference

    assert abs(threshold - reference.run(NAME, COURSE)["threshold"]) < 1e-6, "not the lowest that fits"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 3

# %% [markdown]
# ## 2. What it would have found
#
# At your threshold: of *all* people who had the event, what share was alarmed (`recall`)? And how many alarms were
# there for each of those found (`per_case`)?

# %% [raw]
# # BEGIN SOLUTION

# %%
alarm = run["risk"] >= threshold  # SOLUTION
recall = float(alarm[run["label"]].mean())  # SOLUTION
per_case = float(alarm.sum() / (alarm & run["label"]).sum())  # SOLUTION
recall, per_case

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_found_is_not_a_usual_mistake(recall, per_case, run, threshold):
    from numbers import Real

    assert isinstance(recall, Real) and isinstance(per_case, Real), (
        "store two numbers, `recall` and `per_case`"
    )
    arrived = run.dropna(subset="risk")
    alarm = arrived["risk"] >= threshold
    lost = run["label"].sum() > arrived["label"].sum()
    assert not lost or abs(recall - alarm[arrived["label"]].mean()) > 1e-9, (
        "this leaves out those whose data did not arrive: they were ill too, and nobody was alarmed"
    )
    assert abs(recall - arrived.loc[alarm, "label"].mean()) > 1e-9, (
        "this is the precision, the share of the alarms that were right; recall is the share of the ill"
    )
    assert per_case >= 1, "alarms per case found: at least one"
    assert abs(per_case - alarm.sum() / run["label"].sum()) > 1e-9, (
        "this divides by everybody who fell ill, found or not"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_found_is_right(recall, per_case, NAME, COURSE):
    import reference

    right = reference.run(NAME, COURSE)
    assert abs(recall - right["recall"]) < 0.002, "not the share of all the ill"
    assert abs(per_case - right["per_case"]) < 0.01, "not the alarms for each case found"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 3

# %% [markdown]
# ## 3. Hold it against the stop rule
#
# The board wrote the rule before the run. The unit does not go live when one of these fails:
#
# - `"feed"`: at most 5 % of the people have no risk because their data did not arrive;
# - `"level"`: among those with a risk, observed over expected lies from 0.8 to 1.25;
# - `"burden"`: in no week are there more than twice `CAPACITY` alarms;
# - `"groups"`: recall among the privately insured is at least half of that among the publicly insured.
#
# Store the names of those that fail as a set, `failed`, and `"go"` or `"no go"` as `decision`.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION
told = run.dropna(subset="risk")
ratio = told["label"].sum() / told["risk"].sum()
ill = run["label"]
found = alarm[ill].groupby(run["insurance"][ill]).mean()
fails = {
    "feed": run["risk"].isna().mean() > 0.05,
    "level": not 0.8 <= ratio <= 1.25,
    "burden": alarm.groupby(run["week"]).sum().max() > 2 * CAPACITY,
    "groups": found["private"] < found["public"] / 2,
}
# END SOLUTION
failed = {name for name, fail in fails.items() if fail}  # SOLUTION
decision = "no go" if failed else "go"  # SOLUTION
failed, decision

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_failed_is_not_a_usual_mistake(failed, decision, run):
    conditions = {"feed", "level", "burden", "groups"}
    assert isinstance(failed, set) and failed <= conditions, "store a set of names of conditions as `failed`"
    assert decision in ("go", "no go"), "`decision` is 'go' or 'no go'"
    assert (decision == "no go") == bool(failed), (
        "a stop rule is not weighed: one condition that fails is enough for no go, and without one it is go"
    )
    missing = run["risk"].isna().mean()
    assert ("feed" in failed) or missing <= 0.05, (
        "look at the people without a risk: to drop them from the table does not bring their data in time"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_failed_is_right(failed, decision, NAME, COURSE):
    import reference

    right = reference.run(NAME, COURSE)
    assert failed == right["failed"], "not the conditions that fail"
    assert decision == right["decision"], "the stop rule decides otherwise"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q4
# manual: true
# points: 6

# %% [markdown]
# ## 4. The memo
#
# Write the memo to the board, at most one page: the decision first; what was run, on whom and for how long;
# threshold, alarms a week, recall and alarms per case, with what they mean for people; what the stop rule says,
# condition by condition, with numbers; who is harmed, or left out, by this model; what was not measured; what you
# propose next, with a date and a name for each step. A board member must be able to read it without you.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# Graded by the rubric in the instructor's page. A full memo gives the decision in its first sentence, numbers that
# agree with questions 1 to 3, each condition of the stop rule with its value, the people whose data did not arrive
# and the group with the lower recall, what a silent run can not show (whether an alarm changes anything), and steps
# with a name and a date.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
