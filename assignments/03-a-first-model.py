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
# name: "3"

# %% [markdown]
# # Assignment 3: A first model, and how good is it?
#
# You fit a model and use it on people it has not seen, find out what is wrong with the risks of a model that was
# bought, and say whether acting on it does more good than harm.
#
# **Time:** 60 minutes. **Before you start:** pages 06 and 07 of the guide.
#
# The patients are synthetic and are for learning. Nothing here is for care.

# %%
from lhs_helpers.learning import FeaturePlan, Task, cohort, evaluate, net_benefit, split_people, train
from lhs_helpers.teaching import EVENTS, drawn, hospital_of, vendors_risk

NAME, COURSE = "Ada Lovelace", ""
emr = hospital_of(NAME, COURSE).emr
DAYS = dict(window_days=1_095, lookback_days=1_096)
task = Task("First event of heart or vessels", EVENTS, min_age=45, **DAYS)
people = cohort(emr, task, "2016-01-01")
learning, held_out = split_people(people, 0.6, seed=0)
plan, X_learning = FeaturePlan.fit_apply(emr, learning, task, min_share=0.05)
X_held_out = plan.apply(emr, held_out)

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 3

# %% [markdown]
# ## 1. Fit, and foretell
#
# Fit a logistic regression (`train`) on the people to learn from, and store it as `model`. Store the risks that it
# tells the held-out people, an array with one number for each, as `risk`.

# %% [raw]
# # BEGIN SOLUTION

# %%
model = train(X_learning, learning["label"], "logistic regression")  # SOLUTION
risk = model.predict_proba(X_held_out)[:, 1]  # SOLUTION
evaluate(held_out["label"], risk, bootstrap=100).loc["AUROC"]  # SOLUTION

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_risk_is_not_a_usual_mistake(model, risk, learning, held_out):
    import numpy as np

    assert hasattr(model, "predict_proba"), "store what `train` returns as `model`"
    assert np.shape(risk) == (len(held_out),), "give one risk for each of the held-out people"
    risk = np.asarray(risk, dtype=float)
    assert len(np.unique(risk)) > 2, "`predict` answers yes or no; the risk is in `predict_proba`"
    assert risk.mean() < 0.5, "the first column of `predict_proba` is the chance that nothing happens"
    assert model[0].people_ == len(learning), (
        "the model has learned from other people than `learning`: from the held-out ones it must not"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_risk_is_right(risk, NAME, COURSE):
    import numpy as np
    import reference

    assert np.allclose(risk, reference.risk(NAME, COURSE), atol=0.005), "not the risks of that model"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 3

# %% [markdown]
# ## 2. A model that was bought
#
# `vendor = vendors_risk(people, NAME, COURSE)` are the risks that a bought model tells all people of the cohort.
# Judge them against what happened (`people["label"]`). Store observed over expected as `ratio` and the calibration
# slope as `slope`. Then say in words what is wrong: `level` is `"too high"` or `"too low"`, `spread` is `"too
# extreme"` or `"too timid"`.

# %% [raw]
# # BEGIN SOLUTION

# %%
vendor = vendors_risk(people, NAME, COURSE)  # SOLUTION
verdict = evaluate(people["label"], vendor, bootstrap=0)["estimate"]  # SOLUTION
ratio, slope = verdict["O/E"], verdict["calibration slope"]  # SOLUTION
level = "too low" if ratio > 1 else "too high"  # SOLUTION
spread = "too extreme" if slope < 1 else "too timid"  # SOLUTION
ratio, slope, level, spread

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_verdict_is_not_a_usual_mistake(ratio, slope, level, spread):
    from numbers import Real

    assert isinstance(ratio, Real) and isinstance(slope, Real), "store two numbers, `ratio` and `slope`"
    assert level in ("too high", "too low"), "`level` is 'too high' or 'too low'"
    assert spread in ("too extreme", "too timid"), "`spread` is 'too extreme' or 'too timid'"
    assert (ratio > 1) == (level == "too low"), (
        "read it again: observed over expected above 1 means that more happened than was told"
    )
    assert (slope < 1) == (spread == "too extreme"), (
        "read it again: a slope below 1 means that the high risks are too high and the low ones too low"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_verdict_is_right(ratio, slope, NAME, COURSE):
    import reference

    level, spread = reference.vendor(NAME, COURSE)
    assert abs(ratio - level) < 0.02, "not observed over expected among all people of the cohort"
    assert abs(slope - spread) < 0.05, "not the calibration slope among all people of the cohort"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 3

# %% [markdown]
# ## 3. Is it worth acting on?
#
# Somebody is treated when the bought model tells a risk of `THRESHOLD = drawn(NAME, COURSE, "threshold", (0.03,
# 0.05, 0.08))` or more. Store its net benefit per person as `benefit`. Then compare with treating all and treating
# none: `best` is `"model"`, `"treat all"` or `"treat none"`.

# %% [raw]
# # BEGIN SOLUTION

# %%
THRESHOLD = drawn(NAME, COURSE, "threshold", (0.03, 0.05, 0.08))  # SOLUTION
choices = net_benefit(people["label"], vendor, [THRESHOLD]).iloc[0]  # SOLUTION
benefit = float(choices["model"])  # SOLUTION
best = choices[["model", "treat all", "treat none"]].idxmax()  # SOLUTION
benefit, best

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_benefit_is_not_a_usual_mistake(benefit, best, vendor, people, NAME, COURSE):
    from numbers import Real

    from lhs_helpers.teaching import drawn

    assert isinstance(benefit, Real), "store a number as `benefit`"
    assert best in ("model", "treat all", "treat none"), "`best` is 'model', 'treat all' or 'treat none'"
    treated = vendor >= drawn(NAME, COURSE, "threshold", (0.03, 0.05, 0.08))
    ill = people["label"].to_numpy()
    assert abs(benefit - (treated == ill).mean()) > 1e-6, (
        "this is the accuracy: it counts every answer alike, and most are an unneeded no"
    )
    assert abs(benefit - ((treated & ill).mean() - (treated & ~ill).mean())) > 1e-6, (
        "a false alarm is not as bad as a case is good: it counts with the odds of the threshold"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_benefit_is_right(benefit, best, NAME, COURSE):
    import reference

    right, choice = reference.benefit(NAME, COURSE)
    assert abs(benefit - right) < 1e-4, "not the net benefit at your threshold"
    assert best == choice, "another choice has the higher net benefit at your threshold"


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
# Write to the head of the clinic, who can buy the model and who has read "AUROC 0.75" in a brochure: in at most six
# sentences, what AUROC leaves open, what you found, and what would have to happen before the model is used.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# AUROC says that the model puts people in a fairly good order. It does not say whether the risks are right. Here
# they are not: observed over expected and the slope say in which way (with the student's own numbers). At our
# threshold this decides whom we treat, and the net benefit shows what it costs. Before use, the risks are
# recalibrated on our patients, tested on later ones, and looked at in groups.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
