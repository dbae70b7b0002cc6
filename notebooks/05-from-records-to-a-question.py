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
# prediction task as three numbers and a rule, count who is in it and who drops out, and catch a leak that
# makes a worthless model look perfect.
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
from lhs_helpers.learning import (
    Task,
    cohort,
    evaluate,
    features,
    split_people,
    train,
    vocabulary,
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
# Read the sentence to a clinician before you write another line of code. If it is the wrong question, no
# model will repair it. The same numbers as a picture, and beside them what a gap of 90 days would do:

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
# `cohort` makes the {term}`cohort`. It asks the record as it was known on the index date who is eligible, and then looks up what became of
# them. Nobody vanishes: each step says how many people it took out.

# %%
people = cohort(emr, task, INDEX)
flow = pd.DataFrame(people.attrs["flow"], columns=["step", "people"])
assert flow["people"].iloc[0] - flow["people"].iloc[1:-1].sum() == len(people)
flow.style.hide().format({"people": "{:,}"})

# %% [markdown]
# A rule that this task does not use (here, that people have been known for some time) takes out nobody. The other
# steps as a flow chart: a bar is who was left after a step.

# %%
gone = flow["people"].where(flow["step"].str.startswith("excluded"), 0)
flow["left"] = flow["people"].iloc[0] - gone.cumsum()
shown = flow[(gone > 0) | (flow.index == 0)]
steps = shown["step"].str.replace("excluded: ", "")
steps = steps.str.replace("the target", "lung cancer").str.wrap(30)

# %%
fig, ax = plt.subplots(figsize=(5.4, 3.8))
ax.barh(steps, shown["left"], color=plots.SKY)
for y, (n, out) in enumerate(zip(shown["left"], gone[shown.index], strict=True)):
    change = f"   (−{out:,.0f})" if out else ""
    ax.text(1_000, y, f"{n:,}{change}", va="center", fontsize=8)
ax.invert_yaxis()
ax.xaxis.set_major_formatter("{x:,.0f}")
ax.set(xlabel="People left after the step", ylabel="Step")
plots.figure(
    fig,
    alt=f"Bar chart of people left after each step, from {flow['left'].iloc[0]:,} known to the record down to "
    f"{len(people):,} eligible. Age takes out most; lung cancer already on record takes out few.",
    caption=f"Cohort flow: of {flow['left'].iloc[0]:,} people known to the record on the index date, {len(people):,} are "
    "the people of the question.",
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
# Leaving is {term}`censoring`; death is a {term}`competing risk`. Both happen all through the window.

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
# People are split first: from some we learn, the others stay aside for judging. Then `vocabulary` lists what is
# written often enough about the first group, and `features` fills one row for each person. The database
# adds up; only the finished table comes back.

# %%
learning, held_out = split_people(people, 0.6, seed=0)
columns = vocabulary(emr, learning, task)
X_learning, X_held_out = (
    features(emr, group, task, columns) for group in (learning, held_out)
)
print(
    f"{len(X_learning):,} people to learn from, {len(X_held_out):,} held out, {len(columns)} columns"
)
assert not set(X_learning.index) & set(X_held_out.index)
pd.crosstab(columns["kind"], columns["statistic"])

# %% [markdown]
# No person is on both sides. A column says whether a code was ever recorded, how often, and for measurements
# the last value and the mean. Here is what is known of one person who was diagnosed later:

# %%
case = held_out.loc[held_out["label"], "patient_id"].iloc[0]
NAMES = [
    "Age (years)",
    "Tobacco smoking status NHIS: last is 'Current every day smoker'",
]
NAMES += [
    "Cough (finding): count",
    "Hemoglobin [Mass/volume] in Blood: last",
    "Body weight: last",
]
known = X_held_out.loc[case, NAMES].astype(float).round(1).to_frame("1 January 2017")
known.assign(unit=columns.set_index("name")["unit"].reindex(NAMES).fillna(""))

# %% [markdown]
# It is the first one in the list, not a chosen one: a daily smoker with a cough and a low hemoglobin. How many of
# those diagnosed later look so clear?

# %%
_, SMOKES, COUGHS, HEMOGLOBIN, _ = NAMES
later_ill = X_held_out.loc[held_out["label"].to_numpy()]
signs = pd.DataFrame({"smokes daily": later_ill[SMOKES] == 1})
signs["had a cough"] = later_ill[COUGHS] > 0
signs["hemoglobin under 12 g/dL"] = later_ill[HEMOGLOBIN] < 12
clear = signs.all(axis=1).mean()
assert clear < 0.2 and signs["smokes daily"].mean() < 0.65
print(f"{clear:.0%} have all three; one by one:")
signs.mean().map("{:.0%}".format)

# %% [markdown]
# Few. Not even smoking on the day is a given. An empty place in the table would mean: never measured. That happens
# for a reason, so it is kept as missing and not replaced by an average.
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
naive, naive_new = count_codes(emr, learning), count_codes(emr, held_out)
naive_new = naive_new.reindex(columns=naive.columns, fill_value=0)
model = train(naive, learning["label"], "logistic regression")
judge("every code in the record", model, naive_new, held_out["label"])
assert found["every code in the record"]["estimate"] > 0.99

# %% [markdown]
# An {term}`AUROC` of 1.00, on people the model has never seen. Celebrate? The diagnosis itself was among the
# codes, of course. Take it out and try again.

# %%
others = naive.columns.drop(LUNG_CANCER)
leaky = train(naive[others], learning["label"], "logistic regression")
judge("… without the diagnosis", leaky, naive_new[others], held_out["label"])
assert found["… without the diagnosis"]["estimate"] > 0.97

# %% [markdown]
# Still perfect. What gives it away? These codes tell best who will be diagnosed:

# %%
labels = held_out["label"].to_numpy()
has = naive_new[others] > 0
share = pd.DataFrame({"diagnosed": has[labels].mean(), "others": has[~labels].mean()})
meaning = emr.concepts.execute().set_index("code")["description"]
share.index = share.index.map(meaning).fillna("death")
gap = share["diagnosed"] - share["others"]
top = share.iloc[gap.argsort()[::-1][:6]]
assert top.index.str.contains("tomography").any()
assert top.index.str.contains("biopsy").any()
assert top.index.str.contains("cell lung cancer").any()
top.map("{:.1%}".format)

# %% [markdown]
# Among them is the label itself, under another code: whenever a doctor writes down a new lung cancer, a second
# diagnosis says of which type it is. Its codes together *are* the label. Out with them too.

# %%
TYPES = ["SNOMED:254637007", "SNOMED:254632001"]  # non-small cell, small cell
of_a_type = (naive[TYPES] > 0).any(axis=1)
assert (of_a_type.to_numpy() == learning["label"].to_numpy()).all()
others = others.drop(TYPES)
leaky = train(naive[others], learning["label"], "logistic regression")
judge("… without its types", leaky, naive_new[others], held_out["label"])
assert found["… without its types"]["estimate"] > 0.97

# %% [markdown]
# No use. The scan, the biopsy and the chemotherapy *follow* the suspicion of lung cancer. They are its shadow, and on
# the day of the prediction they are not there yet. What would this model be worth in the clinic? There the same
# columns are filled from the record as it is known on that day. `emr.as_of` makes that day come back.

# %%
then = emr.as_of(INDEX)
in_use = count_codes(then, held_out, others)
judge("… the same model in use", leaky, in_use, held_out["label"])
fall = found["… without its types"] - found["… the same model in use"]
assert fall["estimate"] > 0.12

# %% [markdown]
# In use, the perfect model is an ordinary one. And that is only its order. Suppose it raises an alarm at a risk of
# 10 %; for how many of those who will be diagnosed does it?

# %%
alarms = {
    name: (leaky.predict_proba(X)[labels, 1] >= 0.10).mean()
    for name, X in {"in the test": naive_new[others], "in use": in_use}.items()
}
print({name: f"{share:.0%}" for name, share in alarms.items()})
assert alarms["in the test"] > 0.85 and alarms["in use"] < 0.10

# %% [markdown]
# It falls silent: it waits for a scan that nobody has ordered yet. Nothing broke between the test and the
# clinic; the test was never a test. Now the guard goes up: the same codes, counted as of the index date, for
# learning and for judging.

# %%
guarded = count_codes(then, learning)
model = train(guarded, learning["label"], "logistic regression")
judge(
    "codes as of the index date",
    model,
    count_codes(then, held_out, guarded.columns),
    held_out["label"],
)
assert found["codes as of the index date"]["estimate"] < 0.9

# %% [markdown]
# That number is lower, and true. And `features`, which never looks past the index date and also reads ages, values
# and answers? Its columns hold neither the diagnosis nor a type: whoever had one by then is not in the cohort.

# %%
model = train(X_learning, learning["label"], "logistic regression")
judge("features()", model, X_held_out, held_out["label"])
assert 0.7 < found["features()"]["estimate"] < 0.95
assert not columns["code"].isin([LUNG_CANCER, *TYPES]).any()

# %%
bars = pd.DataFrame(found).T
in_use_bar, counts_bar, features_bar = bars["estimate"].iloc[3:]
assert in_use_bar < counts_bar + 0.02 and bars["low"].iloc[5] < counts_bar

# %%
fig, ax = plt.subplots(figsize=(5.4, 3.3))
colours = [plots.ORANGE] * 3 + [plots.AMBER] + [plots.BLUE] * 2
error = [bars["estimate"] - bars["low"], bars["high"] - bars["estimate"]]
ax.barh(bars.index, bars["estimate"], xerr=error, color=colours, capsize=3)
ax.invert_yaxis()
ax.set(xlim=(0.5, 1.02), ylabel="What the model was given")
ax.set_xlabel("AUROC on held-out people (0.5 is a coin)")
plots.figure(
    fig,
    alt="Bar chart of AUROC with 95 % intervals. Three orange bars with leaks reach 1.0; the same leaky model in use "
    f"falls to {in_use_bar:.2f}; two blue bars without leak lie at {counts_bar:.2f} and {features_bar:.2f}.",
    caption="The leak looked perfect; in use the same model does no better than the honest ones. 95 % intervals.",
)

# %% [markdown]
# Between the two honest tables the intervals leave no difference to speak of.
#
# ## Test for the leak
#
# You will not always recognise a leak by its name. There is a test that needs no medicine: build the features
# once from the whole record and once from the record as it was known on the index date. They must be equal,
# to the last digit.

# %%
pd.testing.assert_frame_equal(features(then, held_out, task, columns), X_held_out)
changed = int((in_use != naive_new[others]).any(axis=1).sum())
print("features(): nobody's row changes")
print(f"naive counts: {changed:,} of {len(held_out):,} people's rows change")
assert changed > 0.9 * len(held_out)

# %% [markdown]
# `features` passes; the naive table fails for nearly everybody. {cite:t}`davis2024` describe how such time
# machines get into published models. Run this test on every feature table you are given.
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
print(later.attrs["flow"][-2])

# %% [markdown]
# They are in the flow chart: diagnosed within the gap, too early for the question. For screening one would
# say that nobody could have acted on them anyway.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} Plug the leak by hand
# :label: ex05-plug
# ```
# Instead of going back to the index date, drop the codes that give it away, as far as you can think of them: the
# diagnosis and its types, the scan, the biopsy, lobectomy, carboplatin, and death. Store the AUROC of the naive counts
# without them as `plugged` and run `check_plugged(plugged)`. Is the leak gone?


# %%
def check_plugged(plugged):
    assert plugged is not None, "give an AUROC"
    assert plugged < found["… without its types"]["estimate"], "drop more codes"
    assert plugged > found["codes as of the index date"]["estimate"] + 0.03, (
        "was the index date used after all?"
    )


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex05-plug
# :class: dropdown
# ```

# %%
GIVE_AWAY = "lung|tomography of chest|carboplatin"
concepts = emr.concepts.execute()
known = concepts.loc[concepts["description"].str.contains(GIVE_AWAY), "code"]
rest = naive.columns.difference([*known, "death"])
model = train(naive[rest], learning["label"], "logistic regression")
judge("by hand", model, naive_new[rest], held_out["label"])
plugged = found["by hand"]["estimate"]
check_plugged(plugged)

# %% [markdown]
# No. What is left still shines through: visits, coughs and admissions after the diagnosis are counted too.
# A leak is not plugged code by code. It is closed by time.
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
# - A task is an index date, a look-back, a window, a gap, and a rule for whom. It reads as one sentence.
# - A cohort counts everybody who is taken out, and keeps those who leave or die with the reason.
# - Features count only what was recorded before the index date; a record with two times makes that possible.
# - The label can stand in a record under a second code; taking codes out did not help.
# - A leak gave an AUROC of 1.00 in the test and a silent model in use. One test finds such leaks without any
#   medicine: nothing may change when the record is cut at the index date.
#
# ## Limits
#
# One index date for all makes a plain example; a clinic would ask at a visit. The test for a leak trusts
# `recorded_at`. In a real record that time may itself be wrong, or missing. And some leaks are no matter
# of time: a code that was written *because* somebody already suspected the outcome passes the test.
#
# ## What next
#
# Page {doc}`06 <06-a-first-risk-model>` learns a first risk model from this table, with five algorithms.
