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
# name: "2"

# %% [markdown]
# # Assignment 2: Ask a question
#
# You turn a wish of a clinic into a task, count the people whom it concerns, say how many of them are not seen to the
# end, and find the columns that know the future. Your hospital and your index date are your own.
#
# **Time:** 60 minutes. **Before you start:** page 05 of the guide.
#
# The patients are synthetic and are for learning. Nothing here is for care.

# %%
from lhs_helpers.learning import Task, cohort
from lhs_helpers.teaching import EVENTS, drawn, hospital_of, suspicious_columns

NAME, COURSE = "Ada Lovelace", ""
emr = hospital_of(NAME, COURSE).emr
DATES = ("2015-01-01", "2015-07-01", "2016-01-01", "2016-07-01", "2017-01-01")
AT = drawn(NAME, COURSE, "index date", DATES)
print("your index date:", AT)

# %% [raw]
# # BEGIN QUESTION
# name: q1
# points: 3

# %% [markdown]
# ## 1. A wish becomes a task
#
# The clinic says: "Tell us who of those of 50 and more, known to us for a year or longer, will have a first event
# of the heart or the vessels in two years. What we can do takes a month to begin, so leave out 30 days on either
# side of the day. Look at what was written in the three years before." The codes are in `EVENTS`. Write it as a
# `Task` with a prediction window of two years, and store it as `task`.

# %% [raw]
# # BEGIN SOLUTION

# %%
# BEGIN SOLUTION
DAYS = dict(window_days=730, gap_days=30, lookback_days=1_095, min_history_days=365)
# END SOLUTION
task = Task("First event of heart or vessels", EVENTS, min_age=50, **DAYS)  # SOLUTION
print(task)

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_task_is_not_a_usual_mistake(task):
    from lhs_helpers.learning import Task

    assert isinstance(task, Task), "store a Task as `task`"
    assert task.window_days > 60, "the window is counted in days, not in months or years"
    assert task.gap_days, "the 30 days in which nothing can be done yet are a gap, and it is not set"
    assert task.min_history_days, "people known for less than a year are in it; see min_history_days"
    assert set(task.target) == {
        "SNOMED:230690007",
        "SNOMED:22298006",
        "SNOMED:84114007",
        "SNOMED:49436004",
    }, "the target is all four codes in EVENTS; the first of them counts"


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_task_is_what_the_clinic_asked_for(task):
    import reference

    wanted, days = reference.task(), ("window_days", "gap_days", "lookback_days", "min_history_days")
    found = {name: getattr(task, name) for name in (*days, "min_age", "max_age", "sex", "prior_outcome")}
    for name, value in found.items():
        slack = 2 if name in days else 0  # a year may have 366 days
        right = getattr(wanted, name)
        assert value == right or (slack and abs(value - right) <= slack), f"{name} is {value}"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q2
# points: 3

# %% [markdown]
# ## 2. Whom it concerns
#
# Make the cohort of your task at `AT`. Store how many people are eligible as `eligible` and how many of them have
# the event in the window as `cases`.

# %% [raw]
# # BEGIN SOLUTION

# %%
people = cohort(emr, task, AT)  # SOLUTION
eligible = len(people)  # SOLUTION
cases = int(people["label"].sum())  # SOLUTION
eligible, cases

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_counts_are_not_a_usual_mistake(eligible, cases, emr, AT, EVENTS):
    from numbers import Integral

    assert isinstance(eligible, Integral) and isinstance(cases, Integral), "store two whole numbers"
    assert eligible < emr.as_of(AT).people.count().execute() / 2, (
        "this is everybody known on the day; only some are of the age, known long enough and still free of it"
    )
    having = emr.conditions.filter(emr.conditions.code.isin(EVENTS)).patient_id.nunique().execute()
    assert cases < having / 2, (
        "this counts everybody who ever had such an event; only first events of eligible people in the window do"
    )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_counts_are_right(eligible, cases, NAME, COURSE, AT):
    import reference

    people = reference.asked(NAME, COURSE, AT)
    assert abs(eligible - len(people)) <= 3, "not the people whom the task concerns at AT"
    assert abs(cases - people["label"].sum()) <= 1, "not the events in their window"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q3
# points: 3

# %% [markdown]
# ## 3. Not seen to the end
#
# Of the eligible, what share (0 to 1) was neither seen to the end of the window nor had the event? Store it as
# `unresolved`. `end_reason` says why a person is not watched any longer. Ask yourself of which of them nobody will ever
# know the answer, and of which it is known, but would be another had they lived.

# %% [raw]
# # BEGIN SOLUTION

# %%
unresolved = float(people["end_reason"].isin(["left", "died"]).mean())  # SOLUTION
unresolved

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_unresolved_is_not_a_usual_mistake(unresolved, people):
    from numbers import Real

    assert isinstance(unresolved, Real) and 0 <= unresolved <= 1, (
        "store a share between 0 and 1 as `unresolved`"
    )
    reason = people["end_reason"]
    assert unresolved < 0.5, (
        "most people were seen to the end without the event: of them the answer is known, and it is no"
    )
    for one in ("left", "died"):
        assert abs(unresolved - (reason == one).mean()) > 1e-9, (
            "there are two ways not to be seen to the end: to leave, and to die of something else"
        )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_unresolved_is_right(unresolved, NAME, COURSE, AT):
    import reference

    assert abs(unresolved - reference.unresolved(NAME, COURSE, AT)) < 0.002, "not the share that left or died"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q4
# points: 3

# %% [markdown]
# ## 4. Columns that know the future
#
# A colleague hands you six columns for your people, A to F: `columns, codes = suspicious_columns(emr, people, AT,
# NAME, COURSE)`. Each is said to count how often a diagnosis stood in the record on `AT`; `codes` says which one.
# Some of them were counted in the record of today. Store the letters of those that leak as a set, `leaks`.

# %% [raw]
# # BEGIN SOLUTION

# %%
columns, codes = suspicious_columns(emr, people, AT, NAME, COURSE)  # SOLUTION
# BEGIN SOLUTION
counts = "SELECT patient_id, code, count(*) AS n FROM events WHERE kind = 'condition' GROUP BY ALL"
then = emr.as_of(AT).sql(counts).pivot_table(index="patient_id", columns="code", values="n")
then = then.reindex(columns.index).fillna(0)
# END SOLUTION
leaks = {letter for letter, code in codes.items() if (columns[letter] != then[code]).any()}  # SOLUTION
leaks

# %% [raw]
# # END SOLUTION

# %% [raw]
# # BEGIN TESTS

# %%
""" # BEGIN TEST CONFIG
points: 1
"""  # END TEST CONFIG


def test_leaks_are_not_a_usual_mistake(leaks, columns, codes, emr, AT):
    assert isinstance(leaks, set) and leaks <= set("ABCDEF"), "store a set of letters, such as {'A', 'B'}"
    assert leaks, "some of them leak: make each column again from emr.as_of(AT) and compare"
    events = emr.as_of(AT).sql("SELECT patient_id, code FROM events WHERE kind = 'condition'")
    for letter in leaks:
        known = events.loc[events["code"] == codes[letter], "patient_id"].value_counts()
        assert (columns[letter] != known.reindex(columns.index).fillna(0)).any(), (
            "at least one column in your set is what was known on AT: it may foretell well, but it does not leak"
        )


# %%
""" # BEGIN TEST CONFIG
points: 2
hidden: true
"""  # END TEST CONFIG


def test_leaks_are_all_found(leaks, NAME, COURSE, AT):
    import reference

    assert leaks == reference.leaks(NAME, COURSE, AT), "not all the columns that know more than AT did"


# %% [raw]
# # END TESTS

# %% [raw]
# # END QUESTION

# %% [raw]
# # BEGIN QUESTION
# name: q5
# manual: true
# points: 3

# %% [markdown]
# ## 5. In words
#
# Your manager has seen that a model with all six columns does much better, and wants it released on Monday. Write
# the reply, in at most five sentences: what will happen on Monday, why the test did not show it, and what you
# propose.

# %% [raw]
# # BEGIN SOLUTION

# %% [markdown]
# On Monday the columns hold only what is known by then: the counts that made the model look good are not yet there.
# In the test they were, because the columns were counted in a record that already knew what came after the index
# date. So the test measured hindsight. I propose to make all columns from the record as of the index date, test
# again, and let the model run silently on live records before anybody sees it.

# %% [raw]
# # END SOLUTION

# %% [raw]
# # END QUESTION
