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
# name: "1"

# %% [markdown]
# # Assignment 1: Read a record
#
# You have a hospital of your own, drawn from your name: nobody else in the course has the same patients. You will
# say how many people its record knew on a given day, how much of the past it did not know yet, and what a typical
# last measurement was.
#
# **Time:** 40 minutes. **Before you start:** pages 01 and 04 of the guide.
#
# The patients are synthetic and are for learning. Nothing here is for care.

# %%
from lhs_helpers.teaching import hospital_of

NAME, COURSE = "Ada Lovelace", ""
emr = hospital_of(NAME, COURSE).emr
DAY = "2016-01-01"
print(emr.period)

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 3

# %% [markdown]
# ## 1. Who is there?
#
# How many people did the record know on `DAY` to be registered: neither dead nor gone? A person's `status` in
# `emr.people` says the last thing that is known. Store the number as `present`.

# %% [raw]
# # BEGIN SOLUTION

# %%
known = emr.as_of(DAY).people.execute()  # SOLUTION
present = int((known["status"] == "registered").sum())  # SOLUTION
present

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_present_is_not_a_usual_mistake(present, emr, DAY):
    from numbers import Integral

    assert isinstance(present, Integral), "store a whole number of people as `present`"
    then = emr.as_of(DAY)
    assert present < emr.people.count().execute(), (
        "this counts everybody who ever came, also those who came after DAY; ask emr.as_of(DAY)"
    )
    assert present != then.patients.count().execute(), (
        "this counts rows: a person has a new row in `patients` with each change; use `people`"
    )
    assert present != then.people.count().execute(), (
        "this counts the dead and those who left too; keep those whose status is 'registered'"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_present_is_right(present, NAME, COURSE):
    import reference

    assert present == reference.present(NAME, COURSE), "not the people whom the record knew to be there"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 3

# %% [markdown]
# ## 2. What it did not know yet
#
# A diagnosis has two times: when it was made, and when the record knew it. How many new diagnoses (rows of
# `conditions` with the status "active") were made before `DAY`, and known to the record only after it? Store the
# number as `late`.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION
made = emr.conditions.filter(emr.conditions.status == "active").execute()
unknown = (made["time"] < DAY) & (made["recorded_at"] > DAY)
# END SOLUTION
late = int(unknown.sum())  # SOLUTION
late

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_late_is_not_a_usual_mistake(late, emr, DAY):
    from numbers import Integral

    assert isinstance(late, Integral), "store a whole number of diagnoses as `late`"
    assert late != 0, (
        "emr.as_of(DAY) holds nothing that was recorded later: what it did not know is in the whole record"
    )
    after = emr.sql(f"SELECT count(*) AS n FROM conditions WHERE status = 'active' AND recorded_at > '{DAY}'")
    assert late != after["n"].iloc[0], (
        "this counts what was recorded after DAY, also what was made after it; the diagnosis itself is older"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_late_is_right(late, NAME, COURSE):
    import reference

    assert late == reference.late(NAME, COURSE), "not the diagnoses made before DAY and recorded after it"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 3

# %% [markdown]
# ## 3. A typical last value
#
# Take hemoglobin A1c (`LOINC:4548-4`) as the record knew it on `DAY`. What is the mean over people of each person's
# last value? Store it as `a1c`. Ask yourself why the mean over all values is another number.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION
then = emr.as_of(DAY).observations
values = then.filter(then.code == "LOINC:4548-4").execute().sort_values("time")
# END SOLUTION
a1c = float(values.groupby("patient_id")["value"].last().mean())  # SOLUTION
a1c

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_a1c_is_not_a_usual_mistake(a1c, emr, DAY):
    from numbers import Real

    assert isinstance(a1c, Real), "store a number, in per cent, as `a1c`"
    values = emr.as_of(DAY).sql("SELECT value FROM observations WHERE code = 'LOINC:4548-4'")["value"]
    assert abs(a1c - values.mean()) > 1e-9, (
        "this is the mean over values: who is ill is measured more often and counts more; take one value a person"
    )
    last = "SELECT max_by(value, time) AS v FROM observations WHERE code = 'LOINC:4548-4' GROUP BY patient_id"
    assert abs(a1c - emr.sql(last)["v"].mean()) > 1e-9, (
        "this knows values that came after DAY; ask emr.as_of(DAY)"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_a1c_is_right(a1c, NAME, COURSE):
    import reference

    assert abs(a1c - reference.a1c(NAME, COURSE)) < 0.005, "not the mean of each person's last known value"


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
# A colleague says: "The record of today is the record of 2016, only longer." In three sentences, say what is wrong
# with this, with one of your numbers.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# Some of what happened before 2016 was written down afterwards, so the record of today tells about 2016 what nobody
# could know then: in this hospital, the diagnoses counted in question 2. Status, too, has changed since: people who
# were registered then have left or died. A model that learns from today's version learns from knowledge that will
# be missing on the day it is used.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
