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
# # Turn records into a question
#
# A record answers no question by itself. On this page you turn one into a table from which a model can learn: a
# row for each person, what was known of them, and what happened afterwards. You will be able to write a
# prediction task as three numbers and a rule, hand it to others, count who is in it and who drops out, make
# features that know nothing of the future, and catch a leak that makes a worthless model look perfect.
#
# **Time:** 30 minutes to read and try; the page itself runs in less than half a minute.
# **What to know first:** the tables of a record and their two times (page {doc}`01
# <01-a-hospital-in-a-minute>`).
#
# ```{warning}
# The patients are synthetic: they are for learning. No model on this page is for care.
# ```

# %%
import matplotlib.pyplot as plt
import pandas as pd

from lhs_helpers import plots
from lhs_helpers.errors import LHSError
from lhs_helpers.learning import (
    FeaturePlan,
    IndexRule,
    Task,
    audit,
    cohort,
    evaluate,
    flow,
    split_people,
    time_machine,
    to_aces,
    train,
)
from lhs_helpers.patients import cached_hospital

plots.use_style()

# %% [markdown]
# Pages 05, 06 and 07 share one hospital: 60,000 people on its first day, six years of records. It is made when
# it is first asked for, in about a minute, and taken from a cache afterwards.

# %%
hospital = cached_hospital(patients=60_000, years=6, seed=7, start="2014-01-01")
emr = hospital.emr
start, end = emr.period
print(f"{emr.people.count().execute():,} people, {start:%d %B %Y} to {end:%d %B %Y}")

# %% [markdown]
# ## Three numbers and a rule
#
# Lung cancer is found late. Suppose a clinic could offer a scan of the chest to those at high risk; whom should
# it invite? That is not yet a question for a model. It becomes one when a day, three numbers and a rule are fixed:
#
# - the {term}`index date`: the day on which the prediction is made, here 1 January 2017;
# - the {term}`look-back`: how much of the past may be used, here the three years of records before that day;
# - the {term}`prediction window`: the days in which the outcome counts, here the three years after it;
# - the {term}`gap`: days left out on either side of the index date, here none;
# - and the rule that says whom the question concerns: here people of 45 and more without lung cancer on record.

# %%
LUNG_CANCER, INDEX = "SNOMED:363358000", "2017-01-01"
DAYS = dict(window_days=1_095, lookback_days=1_096)
task = Task("Lung cancer within 3 years", (LUNG_CANCER,), **DAYS, min_age=45)
print(task)

# %% [markdown]
# Read it aloud to a clinician before you write another line of code. If it is the wrong question, no model will
# repair it. It also says what you did not decide: everybody is asked about on the same date, who leaves is
# followed until then, and a death is a {term}`competing event`. These are defaults, and each can be changed. The index
# date may be a visit, a birthday or a diagnosis; people may need to have a code on record, or must not have one; a
# {term}`washout` may let an old event count as over. A task for a clinic reads otherwise:

# %%
at_a_visit = Task(
    "Lung cancer within 2 years",
    (LUNG_CANCER,),
    window_days=730,
    min_age=45,
    min_history_days=365,
    index=IndexRule.visit("ambulatory"),
)
print(at_a_visit)

# %% [markdown]
# And a task that can not be meant is refused with a sentence, when it is made or when it meets the record:

# %%
mistakes = [dict(gap_days=400), dict(target_kind="procedure")]
for mistake in mistakes:
    try:
        cohort(emr, Task("Mistake", (LUNG_CANCER,), window_days=365, **mistake), INDEX)
        raise AssertionError(f"{mistake} was accepted")
    except LHSError as error:
        print("-", error)

# %% [markdown]
# ## In words that others can run
#
# Two groups that mean the same question often count different people, because each wrote its own program.
# {term}`ACES` is a language for such tasks, and a program that extracts the people from any dataset in the {term}`MEDS`
# standard {cite}`xu2025`. `to_aces` writes your task in it. These lines of it say where the past ends and the
# outcome begins:

# %%
lines = to_aces(task, INDEX).splitlines()
windows = lines[lines.index("windows:") :]
print(*windows[:6], "  ...", *windows[-6:], sep="\n")
assert "look_back:" in windows[1] and "label: target" in windows[-1]

# %% [markdown]
# The text also lists, under `differs`, what ACES can not say: it knows one time for each event, so it can not ask when
# the record knew.
#
# ## The task as a picture
#
# The same numbers on a line, and beside them what a gap of 90 days would do:

# %%
fig, ax = plt.subplots(figsize=(5.4, 2.6))
questions = {"gap of\n90 days": (90, 1_006, 1_005), "no gap": (0, 1_096, 1_095)}
for row, days in enumerate(questions.values()):
    gap, past, future = (n / 365.25 for n in days)
    ax.broken_barh([(-gap - past, past)], (row - 0.3, 0.6), color=plots.BLUE)
    ax.broken_barh([(gap, future)], (row - 0.3, 0.6), color=plots.AMBER)
    ax.text(-1.6, row, "look-back", ha="center", va="center", color="white")
    ax.text(1.6, row, "prediction window", ha="center", va="center")
ax.axvline(0, color="black", linestyle="--")
ax.set(xlabel="Years from the index date (1 January 2017)", ylabel="Question")
ax.set_yticks([0, 1], questions)
plots.figure(
    fig,
    alt="Two timelines around a dashed line, the index date. Upper: a blue look-back of three years ends at the "
    "line and an amber prediction window of three years begins there. Lower: both stay 90 days away from it.",
    caption="The task as a timeline: what may be known lies left of the index date, what is to be foretold "
    "lies right of it. A gap keeps both away from it.",
)

# %% [markdown]
# A gap has a price and a use. It leaves out the weeks in which somebody already suspects the diagnosis, so the
# model can not live off the suspicion. But it also throws away what was known last. Whether you want one
# depends on what the answer is for.
#
# ## Who is in it?
#
# `cohort` makes the {term}`cohort`. It asks the record as it was known on the index date who is eligible, and then looks
# up what became of them. Nobody vanishes: the {term}`flow chart` says how many people each step took out, and how many
# were left.

# %%
people = cohort(emr, task, INDEX)
steps = flow(people)
taken_out = steps.loc[steps["step"].str.startswith("excluded"), "people"].sum()
assert steps["people"].iloc[0] - taken_out == len(people)
steps.style.hide().format({"people": "{:,}", "left": "{:,}"})

# %% [markdown]
# A rule that this task does not use (here, that people have been known for some time) takes out nobody. The other
# steps as a chart: a bar is who was left after a step.

# %%
known_then = steps["people"].iloc[0]
shown = steps[(steps["people"] > 0) & (steps["step"] != "eligible")]
names = shown["step"].str.replace("excluded: ", "")
names = names.str.replace("the target", "lung cancer").str.wrap(30)

# %%
fig, ax = plt.subplots(figsize=(5.4, 3.8))
ax.barh(names, shown["left"], color=plots.SKY)
for y, step in enumerate(shown.itertuples()):
    change = "" if y == 0 else f"  (−{step.people:,})"
    ax.text(1_000, y, f"{step.left:,}{change}", va="center", fontsize=8)
ax.invert_yaxis()
ax.xaxis.set_major_formatter("{x:,.0f}")
ax.set(xlabel="People left after the step", ylabel="Step")
plots.figure(
    fig,
    alt=f"Bar chart of people left after each step, from {known_then:,} known to the record down to "
    f"{len(people):,} eligible. Age takes out most; lung cancer already on record takes out few.",
    caption=f"Flow of people: of {known_then:,} known to the record on the index date, "
    f"{len(people):,} are the people of the question.",
)

# %% [markdown]
# The last exclusion of the table uses hindsight. Who already had lung cancer on the index date, though the record
# learned of it later, has no first diagnosis left to be foretold. The day itself could not know; so such people
# are taken out, and counted. Here there are none; in the exercise with a gap there will be some.
#
# ## What became of them?
#
# A row for each person: the age on the index date, the label, and until when and why they were watched.

# %%
people.head(3)

# %%
why = people["end_reason"].value_counts().rename("people").to_frame()
why["share"] = (why["people"] / len(people)).map("{:.1%}".format)
cases = int(people["label"].sum())
cut_short = people["end_reason"].isin(["left", "died"]).mean()
print(f"{cases} people were diagnosed; {cut_short:.0%} left or died without it")
assert 90 < cases < 190 and 0.10 < cut_short < 0.22
why

# %% [markdown]
# `label` is false for three kinds of people: those watched for three years without a diagnosis, those who moved
# away, and those who died of something else first. Only the first are known to have stayed free of it.
# Leaving is {term}`censoring`; death is a {term}`competing event`. Both happen all through the window.

# %%
years = (people["follow_up_end"] - people["index_time"]).dt.days / 365.25
names = {"left": "left", "died": "died", "outcome": "diagnosed"}
ratio = cut_short * len(people) / cases
assert ratio > 15

# %%
fig, ax = plt.subplots()
for style, (reason, name) in zip(("-", "--", "-."), names.items(), strict=True):
    ended = years[people["end_reason"] == reason].sort_values()
    share = 100 * (1 + pd.RangeIndex(len(ended))) / len(people)
    ax.step(ended, share, style, where="post")
    ax.text(3.05, share[-1], name, va="center")
ax.set(xlabel="Years since the index date", ylabel="Share of the cohort (%)")
ax.set(xlim=(0, 3.7), xticks=range(4))
plots.figure(
    fig,
    alt="Three step curves over three years: the share of the cohort that left rises to about a tenth, that died "
    "to about a twentieth, that was diagnosed with lung cancer to half a percent.",
    caption=f"Why people stop being watched. For one person diagnosed, about "
    f"{ratio:.0f} leave or die first.",
)

# %% [markdown]
# The rare thing is what we want to predict; the common things get in its way. Page {doc}`07
# <07-how-good-is-it-really>` measures what it costs to treat the left and the dead as healthy. For now they
# stay in, with their reason beside them.
#
# ## What was known of them?
#
# People are split first: from some we learn, the others stay aside for judging. Then a `FeaturePlan` is learned on the
# first group alone: it lists what is written about at least one in a hundred of them, and drops what is the same
# for all. The same plan is then applied to the others. The database adds up; only the finished table comes back.

# %%
learning, held_out = split_people(people, 0.6, seed=0)
plan, X_learning = FeaturePlan.fit_apply(emr, learning, task, min_share=0.01)
X_held_out = plan.apply(emr, held_out)
print(f"{len(learning):,} people to learn from, {len(held_out):,} held out")
print(plan)
assert not set(X_learning.index) & set(X_held_out.index)
assert list(X_learning) == list(X_held_out)

# %% [markdown]
# No person is on both sides. A column says whether a code was ever recorded, how often, and for measurements the last
# value and the mean; minimum, maximum, slope, days since and shorter windows can be asked for. The plan has a
# dictionary from each column to the concept behind it:

# %%
NAMES = [
    "Age (years)",
    "Tobacco smoking status NHIS: last is 'Current every day smoker'",
    "Cough (finding): count",
    "Hemoglobin [Mass/volume] in Blood: last",
    "Body weight: last",
]
plan.dictionary.loc[NAMES, ["code", "statistic", "unit", "share"]].round(2)

# %% [markdown]
# `share` is the part of the learning group that has it in the look-back. And this is what is known of one person who
# was diagnosed later:

# %%
case = held_out.loc[held_out["label"], "patient_id"].iloc[0]
X_held_out.loc[case, NAMES].astype(float).round(1).to_frame("1 January 2017")

# %% [markdown]
# It is the first one in the list, not a chosen one. Perhaps you expect a heavy smoker with a cough and a low
# hemoglobin. How many of those diagnosed later look like that, and how many of the others?

# %%
_, SMOKES, COUGHS, HEMOGLOBIN, _ = NAMES
signs = pd.DataFrame({"smokes daily": X_held_out[SMOKES] == 1})
signs["had a cough"] = X_held_out[COUGHS] > 0
signs["hemoglobin under 12 g/dL"] = X_held_out[HEMOGLOBIN] < 12
signs["all three"] = signs.all(axis=1)
ill = held_out["label"].to_numpy()
seen = pd.DataFrame(
    {"diagnosed later": signs[ill].mean(), "others": signs[~ill].mean()}
)
assert seen.loc["all three", "diagnosed later"] < 0.2
more_common = seen["diagnosed later"] > seen["others"]
assert more_common[["smokes daily", "had a cough"]].all() and not more_common.all()
assert 0.3 < seen.loc["smokes daily", "diagnosed later"] < 0.65
seen.map("{:.0%}".format)

# %% [markdown]
# Smoking and a cough are more common among those diagnosed later; a low hemoglobin is not, among so few. And none is
# given: not even smoking on the day. Hardly anybody has all three. An empty place in
# the table would mean: never measured. That happens for a reason, so it is kept as missing and not replaced by an average.
#
# ## Catch a leak
#
# Now make the most natural mistake. You count, for each person, every code in the record, and let a model find
# out which of them go with lung cancer. The query is short. It does not mention the index date.

# %%
COUNT = """
    SELECT patient_id, code, count(*) AS n FROM events WHERE kind <> 'observation' GROUP BY ALL
"""


def count_codes(record, group, codes=None):
    """One row for each person of the group, one column for each code: how often it stands in the record."""
    counts = record.sql(COUNT).pivot_table(
        index="patient_id", columns="code", values="n"
    )
    return counts.reindex(index=group["patient_id"], columns=codes).fillna(0)


def judge(name, model, X, y):
    """Print and keep the AUROC of a model on these people."""
    risk = model.predict_proba(X)[:, 1]
    found[name] = evaluate(y, risk, bootstrap=100).loc["AUROC"]
    print("AUROC {:.3f} (95 % interval {:.3f} to {:.3f})".format(*found[name]))


# %%
found = {}
everybody = count_codes(emr, people)
naive = everybody.loc[learning["patient_id"]]
naive_new = everybody.loc[held_out["patient_id"]]
model = train(naive, learning["label"], "logistic regression")
judge("every code in the record", model, naive_new, held_out["label"])
assert found["every code in the record"]["estimate"] > 0.99

# %% [markdown]
# An {term}`AUROC` of 1.00, on people the model has never seen. Celebrate? A result that is too good is a reason to look.
# `audit` looks for you: it takes the plan, the people on both sides and the table that was really learned from, and
# names what nobody could have known.

# %%
findings = audit(emr, plan, learning, held_out, naive)
concepts = emr.concepts.execute().drop_duplicates("code")
meaning = concepts.set_index("code")["description"]
named = findings[findings["leak"] != "of unknown origin"]
for finding in named.itertuples():
    print(f"- {meaning.get(finding.what, finding.what)}: {finding.evidence}")
TYPES = ["SNOMED:254637007", "SNOMED:254632001"]  # non-small cell, small cell
assert {LUNG_CANCER, *TYPES, "death", "left"} <= set(named["what"])
assert named["what"].map(meaning).str.contains("tomography").any()
assert len(findings) == naive.shape[1]
findings["leak"].value_counts().to_frame()

# %% [markdown]
# Two kinds of answers. A few columns are named outright: the diagnosis itself; a scan, a biopsy, an operation and a drug that
# hardly anybody has who is not diagnosed; death and leaving, which only the future tells. Of *every* other column the audit
# says that it is of unknown origin: the plan does not make it, so nothing says when it was known.
#
# Two of the named ones are the label under another code. Whenever a doctor writes down a new lung cancer, a second
# diagnosis says of which type it is. Take one type alone, and it misses cases; together they *are* the label:

# %%
of_a_type = (naive[TYPES] > 0).any(axis=1)
assert (of_a_type.to_numpy() == learning["label"].to_numpy()).all()
rest = naive.columns.drop(named["what"])
has = naive_new[rest] > 0
share = pd.DataFrame({"diagnosed": has[ill].mean(), "others": has[~ill].mean()})
top = share.loc[(share["diagnosed"] - share["others"]).nlargest(5).index]
top = top.rename(index=meaning)
assert top.index.str.contains("Cough").any()
top.map("{:.1%}".format)

# %% [markdown]
# With all that was named taken out, the rest looks harmless: breathlessness, smoking, cough, what a doctor would ask
# about. Learn from the rest, then:

# %%
leaky = train(naive[rest], learning["label"], "logistic regression")
judge("… without what was named", leaky, naive_new[rest], held_out["label"])
assert found["… without what was named"]["estimate"] > 0.88

# %% [markdown]
# Still very good. Is it true? A cough *before* the diagnosis is a sign. But these counts run to the end of the record:
# coughs, visits and admissions of the illness that has been found are in them, too. On the day of the prediction they are
# not there yet. What would this model be worth in the clinic? There the same columns are filled from the record as it is
# known on that day. `emr.as_of` makes that day come back.

# %%
then = emr.as_of(INDEX)
in_use = count_codes(then, held_out, rest)
judge("… the same model in use", leaky, in_use, held_out["label"])
fall = found["… without what was named"] - found["… the same model in use"]
assert fall["estimate"] > 0.05

# %% [markdown]
# In use, the very good model is an ordinary one. And that is only its order. Suppose it raises an alarm at a risk of
# 10 %; for how many of those who will be diagnosed does it?

# %%
alarms = {
    name: (leaky.predict_proba(X)[ill, 1] >= 0.10).mean()
    for name, X in {"in the test": naive_new[rest], "in use": in_use}.items()
}
print({name: f"{share:.0%}" for name, share in alarms.items()})
assert alarms["in the test"] > 0.10 and alarms["in use"] < 0.05

# %% [markdown]
# It falls nearly silent: it waits for what is not on record yet. Nothing broke between the test and the clinic; the test
# was never a test.
#
# ## Close it by time
#
# A leak is not plugged code by code. It is closed by time, and the plan does that: its columns hold only what was
# recorded before the index date. What is the same algorithm worth on them?

# %%
model = train(X_learning, learning["label"], "logistic regression")
judge("FeaturePlan", model, X_held_out, held_out["label"])
assert 0.7 < found["FeaturePlan"]["estimate"] < 0.93
assert not plan.columns["code"].isin([LUNG_CANCER, *TYPES]).any()

# %%
bars = pd.DataFrame(found).T
in_use_bar, honest = bars["estimate"].iloc[-2:]
assert bars["low"].iloc[-1] < in_use_bar < bars["high"].iloc[-1]
every, without = bars["estimate"].iloc[:2]
assert min(every, without) > bars["high"].iloc[-1]

# %%
fig, ax = plt.subplots(figsize=(5.4, 2.6))
colours = [plots.ORANGE] * 2 + [plots.AMBER, plots.BLUE]
error = [bars["estimate"] - bars["low"], bars["high"] - bars["estimate"]]
ax.barh(bars.index, bars["estimate"], xerr=error, color=colours, capsize=3)
ax.invert_yaxis()
ax.set(xlim=(0.5, 1.02), ylabel="What the model was given")
ax.set_xlabel("AUROC on held-out people (0.5 is a coin)")
plots.figure(
    fig,
    alt=f"Bar chart of AUROC with 95 % intervals. Two orange bars with leaks reach {every:.2f} and {without:.2f}; the "
    f"second model in use falls to {in_use_bar:.2f}; the blue bar of the feature plan lies at {honest:.2f}.",
    caption="A leak can look perfect, and with every named column taken out it still flatters; in use the same model "
    "is no better than the honest one. 95 % intervals.",
)

# %% [markdown]
# The blue bar is lower than the orange ones, and true.
#
# ## Test for the leak
#
# You will not always have a plan to compare with. There is a test that needs no medicine and no plan: make the features
# once from the whole record and once from the record as it was known on the index date. They must be equal, to the
# last digit. `time_machine` does this with any function that makes features.

# %%
some = held_out.head(1_000)
assert time_machine(plan.apply, emr, some).empty
travelled = time_machine(count_codes, emr, some)
print("FeaturePlan: no column changes")
print(f"naive counts: {len(travelled)} columns change")
print(travelled.assign(column=travelled["column"].map(meaning)).head(3).to_string())
assert len(travelled) > 100

# %% [markdown]
# The plan passes; of the naive counts nearly every column fails. {cite:t}`davis2024` describe how such time machines get
# into published models. Run this test on every feature table you are given.
#
# One leak passes it. A code of the {term}`work-up`, such as a scan, that was recorded *before* the index date because
# somebody already suspected the outcome was honestly known, and still makes a model that only repeats a suspicion. `audit`
# looks for such codes among the plan's columns too, and for the label under another code. Did it find any that are not
# among our naive counts?

# %%
of_the_plan = findings[~findings["what"].isin(naive.columns)]
print(len(of_the_plan), "found")
assert of_the_plan.empty

# %% [markdown]
# None: no code among the columns becomes much more frequent in the last 60 days before a diagnosis. If the
# question were asked at a visit, by a doctor who already suspects something, it could be otherwise. Then a gap would be
# the answer.
#
# ## Exercises
#
# ```{exercise-start} Ask with a gap
# :label: ex05-gap
# ```
# Ask the question with a gap of 180 days and a window of 915 days, so that it ends on the same day. Store the
# cohort as `later` and run `check_later(later)`. How many people with the outcome are lost, and where did they go?


# %%
def check_later(later):
    assert later is not None and len(later) > 10_000, "give the cohort of the new task"
    assert 0 < later["label"].sum() < cases, (
        "with a gap there should be fewer outcomes, and some"
    )


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex05-gap
# :class: dropdown
# ```

# %%
distant = Task(
    "... after a gap",
    (LUNG_CANCER,),
    window_days=915,
    gap_days=180,
    lookback_days=916,
    min_age=45,
)
later = cohort(emr, distant, INDEX)
check_later(later)
print(f"{cases} outcomes without a gap, {later['label'].sum()} with one")
flow(later).tail(2)

# %% [markdown]
# They are in the flow chart: diagnosed within the gap, too early for the question. For screening one would
# say that nobody could have acted on them anyway.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} Ask at a visit
# :label: ex05-visit
# ```
# Let the index date be each person's first ambulatory visit in 2017: make the cohort of `at_a_visit` for the period
# `("2017-01-01", "2018-01-01")`, store it as `visitors` and run `check_visitors(visitors)`. Which step of the flow chart
# is new, and whom does it leave out?


# %%
def check_visitors(visitors):
    assert visitors is not None and len(visitors) > 5_000, (
        "give the cohort of at_a_visit"
    )
    assert visitors["index_time"].dt.year.eq(2017).all(), "the period is the year 2017"
    assert visitors["index_time"].dt.normalize().nunique() > 200, (
        "each person should have an index date of their own"
    )


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex05-visit
# :class: dropdown
# ```

# %%
visitors = cohort(emr, at_a_visit, ("2017-01-01", "2018-01-01"))
check_visitors(visitors)
flow(visitors).style.hide().format({"people": "{:,}", "left": "{:,}"})

# %% [markdown]
# Those without an ambulatory visit in that year are left out. A model for visits never meets them. They need not be like
# those who come, so a model of one question is not a model of the other.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} Two times
# :label: ex05-two-times
# ```
# A careful colleague keeps the rows whose `time` lies before the index date. How many diagnoses get through that
# were *recorded* only later? Store the number as `back_dated` and run `check_back_dated(back_dated)`.


# %%
def check_back_dated(back_dated):
    assert back_dated is not None and back_dated > 100, (
        "count conditions that happened before, known after"
    )


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex05-two-times
# :class: dropdown
# ```

# %%
late = emr.conditions.filter(
    emr.conditions.time < INDEX, emr.conditions.recorded_at >= INDEX
)
back_dated = int(late.count().execute())
check_back_dated(back_dated)
back_dated

# %% [markdown]
# These are old diagnoses that people brought along to a first visit after the index date. `time` alone
# would have let them in; `recorded_at` keeps them out.
#
# ```{solution-end}
# ```
#
# ## What we have seen
#
# - A task is an index date, a look-back, a window, a gap, and a rule for whom. It reads as a sentence, and others can
#   run it.
# - A flow chart counts everybody who is taken out; those who leave or die stay, with the reason.
# - A feature plan is learned on the learning group and counts only what was recorded before the index date; a record
#   with two times makes that possible.
# - The label can stand in a record under a second code. `audit` names it, and whatever else nobody could have known.
# - A leak gave an AUROC of 1.00. With the named codes taken out it was smaller and not gone: it is closed by time.
#   `time_machine` needs no medicine: nothing may change when the record is cut at the index date.
#
# ## Limits
#
# One index date for all makes a plain example; a clinic would ask at a visit. The tests for a leak trust
# `recorded_at`. In a real record that time may itself be wrong, or missing. And what `audit` names is a reason to look,
# not a verdict: a sign of a disease also comes before its diagnosis.
#
# ## What next
#
# Page {doc}`06 <06-a-first-risk-model>` learns a first risk model from this table, with five algorithms.
