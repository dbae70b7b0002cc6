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
# name: "4"

# %% [markdown]
# # Assignment 4: Groups, and people who are missing
#
# A label is a diagnosis, and a diagnosis needs a visit. Your hospital has an answer key: you compare what is true
# with what the record knows, group by group, find those of whom it holds nothing, and say about whom you may not
# judge.
#
# **Time:** 60 minutes. **Before you start:** page 07 of the guide.
#
# The patients are synthetic and are for learning. Nothing here is for care.

# %%
import pandas as pd

from lhs_helpers.learning import Task, cohort
from lhs_helpers.teaching import EVENTS, hospital_of

NAME, COURSE = "Ada Lovelace", ""
hospital = hospital_of(NAME, COURSE)
emr, truth = hospital.emr, hospital.truth
DAY = pd.Timestamp("2016-01-01")
people = emr.as_of(DAY).people.execute()
people = people[people["status"] == "registered"]
people["insurance"].value_counts()

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 3

# %% [markdown]
# ## 1. Ill, and not known to be
#
# `truth.lives()` says of each person and disease when it began (`onset`) and when it was diagnosed. Take those of
# `people` whose hypertension (`"hypertension"`) had begun by `DAY`. What share of them had no diagnosis by `DAY`,
# in each group of insurance? Store a Series (or a dictionary) from group to share (0 to 1) as `unknown`.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION
lives = truth.lives().query("disease == 'hypertension'")
ill = people.merge(lives, on="patient_id")
ill = ill[ill["onset"] <= DAY]
missed = ~(ill["diagnosed"] <= DAY)
# END SOLUTION
unknown = missed.groupby(ill["insurance"]).mean()  # SOLUTION
unknown

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_unknown_is_not_a_usual_mistake(unknown, people, truth, DAY):
    import pandas as pd

    groups = sorted(people["insurance"].unique())
    assert (
        isinstance(unknown, (pd.Series, dict))
        and sorted(unknown) == groups
        or (isinstance(unknown, pd.Series) and sorted(unknown.index) == groups)
    ), f"store a share for each of {', '.join(groups)} as `unknown`"
    unknown = pd.Series(unknown).astype(float)
    assert unknown.between(0, 1).all(), "a share lies between 0 and 1"
    lives = truth.lives().query("disease == 'hypertension'")
    ill = people.merge(lives, on="patient_id")
    ill = ill[ill["onset"] <= DAY]
    everybody = (~(ill["diagnosed"] <= DAY)).groupby(ill["insurance"]).sum() / people[
        "insurance"
    ].value_counts()
    assert (unknown - everybody).abs().max() > 1e-9, (
        "this divides by everybody in the group; the question is about those who are ill"
    )
    never = ill["diagnosed"].isna().groupby(ill["insurance"]).mean()
    assert (unknown - never).abs().max() > 1e-9, (
        "this uses hindsight: a diagnosis that came after DAY was not known on DAY"
    )
    assert unknown.max() < 0.5, "this is the share that was known; its complement is asked for"


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_unknown_is_right(unknown, NAME, COURSE):
    import pandas as pd
    import reference

    right = reference.unknown(NAME, COURSE)
    assert (pd.Series(unknown).astype(float) - right).abs().max() < 0.005, "not the share that nobody knew of"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 3

# %% [markdown]
# ## 2. People of whom the record is silent
#
# Which share of `people`, in each group of insurance, had no visit (no row in `encounters`, as known on `DAY`)
# since 1 January 2014? Store it as `silent`, in the same form.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION
visits = emr.as_of(DAY).encounters
visitors = visits.filter(visits.time >= "2014-01-01").select("patient_id").distinct().execute()
nobody = ~people["patient_id"].isin(visitors["patient_id"])
# END SOLUTION
silent = nobody.groupby(people["insurance"]).mean()  # SOLUTION
silent

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_silent_is_not_a_usual_mistake(silent, people, emr, DAY):
    import pandas as pd

    groups = sorted(people["insurance"].unique())
    assert isinstance(silent, (pd.Series, dict)), "store a share for each group as `silent`"
    silent = pd.Series(silent).astype(float)
    assert sorted(silent.index) == groups, f"store a share for each of {', '.join(groups)} as `silent`"
    assert silent.max() > 0, (
        "who has no visit has no row in `encounters`: begin with the people, not with the visits"
    )
    assert silent.min() < 0.5, "this is the share that came; those who did not come are asked for"
    ever = emr.as_of(DAY).sql("SELECT DISTINCT patient_id FROM encounters")["patient_id"]
    ever = (~people["patient_id"].isin(ever)).groupby(people["insurance"]).mean()
    assert (silent - ever).abs().max() > 1e-9, "this counts visits before 2014 too"


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_silent_is_right(silent, NAME, COURSE):
    import pandas as pd
    import reference

    right = reference.silent(NAME, COURSE)
    assert (pd.Series(silent).astype(float) - right).abs().max() < 0.005, "not the share without a visit"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 3

# %% [markdown]
# ## 3. About whom may you judge?
#
# A team agreed beforehand: a group in which fewer than ten events happened gets no verdict on a model. Take the
# cohort of the task below and its groups by `race`. Store the groups without a verdict as a set, `no_verdict`.
#
# ```python
# task = Task("First event of heart or vessels", EVENTS, window_days=1_095, lookback_days=1_096, min_age=45)
# ```

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION
task = Task("First event of heart or vessels", EVENTS, window_days=1_095, lookback_days=1_096, min_age=45)
asked = cohort(emr, task, DAY)
events = asked.groupby("race")["label"].sum()
# END SOLUTION
no_verdict = set(events.index[events < 10])  # SOLUTION
no_verdict

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_no_verdict_is_not_a_usual_mistake(no_verdict, people):
    races = set(people["race"])
    assert isinstance(no_verdict, set) and no_verdict <= races, (
        f"store a set of some of {', '.join(sorted(races))}"
    )
    assert no_verdict, (
        "a group of many people can have few events, and events decide: count the labels, not the people"
    )
    assert no_verdict != races, "at least one group has ten events; count the labels of the whole cohort"
    assert "white" not in no_verdict, "this group has more than ten events"


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_no_verdict_is_right(no_verdict, NAME, COURSE):
    import reference

    assert no_verdict == reference.no_verdict(NAME, COURSE), "not the groups with fewer than ten events"


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
# A model is trained on diagnoses and then finds few people at high risk among those without insurance. A board
# member says: "Good news, they are healthier." Answer in at most five sentences, with two of your numbers, and say
# what you would do for the groups without a verdict.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# They are not known to be healthier: among the uninsured a larger share of those who are ill has no diagnosis, and
# a larger share has no visit (with the student's numbers). A model learns from what was written down, so it takes
# silence for health. Groups without a verdict are named in the report, their events are collected for longer or
# together with other hospitals, and until then nobody claims that the model works for them.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
