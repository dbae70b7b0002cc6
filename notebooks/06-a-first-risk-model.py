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
# # Learn a first risk model
#
# On this page five algorithms learn who will be diagnosed with lung cancer within three years. You will be able
# to train and tune them, judge them on people they have never seen, put an interval on every number, and say what an
# alarm is worth where the disease is rare. And you will hold a rule of two facts against all of them.
#
# **Time:** 30 minutes to read and try; the page itself runs in less than half a minute.
# **What to know first:** tasks, cohorts and features (page {doc}`05 <05-from-records-to-a-question>`).
#
# ```{warning}
# The patients are synthetic: they are for learning. No model on this page is for care.
# ```

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lhs_helpers import plots
from lhs_helpers.errors import LHSError
from lhs_helpers.learning import (
    FeaturePlan,
    Task,
    case_control_sample,
    cohort,
    evaluate,
    paired_difference,
    prior_corrected,
    split_people,
    train,
    tune,
)
from lhs_helpers.patients import cached_hospital

plots.use_style()

# %% [markdown]
# The hospital, the task and the split of page 05 again: six years of records, index date 1 January 2017, three
# years before it to learn from, three years after it to be foretold.

# %%
emr = cached_hospital(patients=60_000, years=6, seed=7, start="2014-01-01").emr
LUNG_CANCER, INDEX = "SNOMED:363358000", "2017-01-01"
DAYS = dict(window_days=1_095, lookback_days=1_096)
task = Task("Lung cancer within 3 years", (LUNG_CANCER,), **DAYS, min_age=45)
people = cohort(emr, task, INDEX)
learning, held_out = split_people(people, 0.6, seed=0)
groups = {"learning": learning["label"], "held out": held_out["label"]}
counts = pd.DataFrame({"people": map(len, groups.values())}, index=groups)
counts["diagnosed"] = [label.sum() for label in groups.values()]
assert counts["diagnosed"].between(25, 120).all()
counts

# %% [markdown]
# Look at the second column before you go on. There are many people and few cases: all that can be learned
# about lung cancer here, and all that can be said about the models, rests on a few dozen people. It is the
# number of *cases* that makes a study small or large. This one is small, and the page will show what that means.
#
# ## Make the features
#
# The plan of page 05: its columns are chosen by what is written about the people in the learning group; then both
# groups get them.

# %%
plan, X = FeaturePlan.fit_apply(emr, learning, task)
X_new = plan.apply(emr, held_out)
y, y_new = learning["label"].to_numpy(), held_out["label"].to_numpy()
per_case = X.shape[1] / y.sum()
print(f"{X.shape[1]} columns; {per_case:.1f} columns for each case to learn from")
assert X.shape[1] > y.sum()

# %% [markdown]
# There are more columns than cases. With so many numbers on each person a rule can be found that fits every case by
# accident, and is worth nothing for the next person. The five algorithms are set to hold back: small weights, large
# groups, short trees. That helps; it does not replace cases.
#
# ## Train five algorithms
#
# - *Logistic regression* adds up points: so many for each year of age, so many for smoking.
# - A *random forest* lets 150 decision trees vote.
# - A *support vector machine* (SVM) draws a boundary between those with and those without the outcome.
# - *k-nearest neighbours* looks up what became of the most similar people.
# - {term}`Gradient boosting <gradient boosting>` builds trees one after the other, each on the errors of those before.
#
# `train` gives each the preparation it needs, from the learning group alone. All return a risk between 0 and 1.

# %%
ALGORITHMS = [
    "logistic regression",
    "random forest",
    "svm",
    "k-nearest neighbours",
    "gradient boosting",
]
models = {name: train(X, y, name) for name in ALGORITHMS}
risks = {name: model.predict_proba(X_new)[:, 1] for name, model in models.items()}
pd.DataFrame(risks, index=X_new.index).head(3).round(4)

# %% [markdown]
# Where there is nothing to learn, `train` says so in place of a model:

# %%
refused = {"a column alike for all": (0 * X[["Sex is male"]], y)}
refused["nobody with the outcome"] = (X, np.zeros(len(X), dtype=bool))
for name, (table, outcome) in refused.items():
    try:
        train(table, outcome, "logistic regression")
        raise AssertionError(f"{name} was accepted")
    except LHSError as error:
        print(f"- {name}: {error}")

# %% [markdown]
# ## And a model of two facts
#
# Before you judge any of them: how far do you get with what everybody knows? Age, and whether somebody smokes
# or has smoked. A logistic regression on these alone:

# %%
smoking = X.columns[X.columns.str.startswith("Tobacco smoking status NHIS: last is")]
TWO_FACTS = ["Age (years)", *smoking]
simple = train(X[TWO_FACTS], y, "logistic regression")
risks["age and smoking only"] = simple.predict_proba(X_new[TWO_FACTS])[:, 1]
TWO_FACTS

# %% [markdown]
# ## Judge them
#
# Three measures, each with a 95 % interval from a {term}`bootstrap` over the held-out people:
#
# - {term}`AUROC`: how well the risks put people in order;
# - {term}`AUPRC`: order again, seen from those who are called most at risk;
# - {term}`Brier score`: how far the risks are from what happened.

# %%
judged = {name: evaluate(y_new, risk, threshold=0.01) for name, risk in risks.items()}
MEASURES = ["AUROC", "AUPRC", "Brier"]


def in_words(measures):
    """Estimate and 95 % interval of each of these measures, a row for each model."""
    form, words = "{:.3f} ({:.3f} to {:.3f})", {}
    for name, table in judged.items():
        words[name] = [form.format(*row) for row in table.loc[measures].to_numpy()]
    return pd.DataFrame(words, index=measures).T


in_words(MEASURES)

# %% [markdown]
# The Brier score hardly moves, because the disease is rare: almost everybody's risk is near 0, and rightly so. The
# {term}`scaled Brier score` compares it with telling everybody the same risk, the {term}`prevalence`. It is 1 for
# somebody who is certain and right, and 0 for somebody who knows no more than the prevalence:

# %%
scaled = pd.Series(
    {name: t.loc["Brier scaled", "estimate"] for name, t in judged.items()}
)
assert scaled.max() < 0.05
in_words(["Brier scaled"])

# %% [markdown]
# Two percent at best. Most of what decides who is diagnosed within three years is not in these risks; some of it is in
# no record, and some is chance. Page {doc}`07 <07-how-good-is-it-really>` asks how far anybody could come.
#
# AUROC and its intervals as a picture:

# %%
auroc = pd.DataFrame({name: table.loc["AUROC"] for name, table in judged.items()}).T
auroc = auroc.sort_values("estimate")
fig, ax = plt.subplots(figsize=(5.4, 3.0))
error = [auroc["estimate"] - auroc["low"], auroc["high"] - auroc["estimate"]]
ax.errorbar(auroc["estimate"], auroc.index, xerr=error, fmt="o", capsize=3)
ax.set(xlabel="AUROC on held-out people (0.5 is a coin)", ylabel="Model", xlim=(0.5, 1))
plots.figure(
    fig,
    alt="Dots with 95 % intervals for the AUROC of six models, from "
    f"{auroc['estimate'].min():.2f} to {auroc['estimate'].max():.2f}. The intervals "
    "are wide and overlap. The model of age and smoking is among the better ones.",
    caption="Five algorithms and a model of two facts: with "
    f"{y_new.sum()} cases to judge by, intervals are about "
    f"{(auroc['high'] - auroc['low']).median():.2f} wide and most overlap.",
)

# %% [markdown]
# Which is the best? Nobody can tell. The intervals of several models reach above the best estimate, so each of these
# may be as good; k-nearest neighbours and the random forest are behind. Had you been shown the estimates alone, you would
# have crowned a winner.

# %%
width = (auroc["high"] - auroc["low"]).median()
overlap = (auroc["high"] > auroc["estimate"].max()).sum()
print(f"intervals are {width:.2f} wide (median)")
print(f"{overlap} of {len(auroc)} reach above the best estimate")
assert width > 0.08 and overlap >= 3
assert auroc.loc["k-nearest neighbours", "high"] < auroc["estimate"].max()
assert auroc.loc["age and smoking only", "high"] > auroc["estimate"].max()

# %% [markdown]
# In putting people in order, the model of two facts holds its own among models of more than three hundred columns. What
# those columns can add are signs of a hidden tumour: coughs, blood counts, weight. Few people have them, so they
# show at the top of the list, if anywhere, and there AUPRC looks. Somebody who guesses gets the
# {term}`prevalence`:

# %%
auprc = pd.Series(
    {name: table.loc["AUPRC", "estimate"] for name, table in judged.items()}
)
auprc["a guess"] = y_new.mean()
print(auprc.sort_values(ascending=False).round(3).to_string())
ABOVE = ["logistic regression", "gradient boosting"]
assert (auprc[ABOVE] > 2 * auprc["age and smoking only"]).all()
assert auprc["age and smoking only"] > 2 * auprc["a guess"]

# %% [markdown]
# Logistic regression and gradient boosting come out more than twice as high as the model of two facts. That looks like
# much. Look back at the intervals: they are wide, and the model of two facts lies inside theirs. Whether anything is added
# can be asked more sharply, person by person; the second exercise does.
#
# ## Raise an alarm
#
# A risk becomes an act at a {term}`threshold`. Suppose the clinic invites everybody whose three-year risk
# is 1 % or more. That is a statement about values: finding one case is worth 99 invitations in vain. The *alert
# rate* is the share of people who are invited.

# %%
AT_THRESHOLD = ["alert rate", "recall", "precision"]
in_words(AT_THRESHOLD)

# %% [markdown]
# Read a row aloud. For the logistic regression:

# %%
one = judged["logistic regression"]["estimate"]
invited = risks["logistic regression"] >= 0.01
print(f"{one['alert rate']:.0%} are invited, {invited.sum():,} people.")
print(f"Among them are {y_new[invited].sum()} of the {y_new.sum()} diagnosed later.")
print(f"Of a hundred invited, {100 * one['precision']:.0f} have the outcome.")
assert 0.015 < one["precision"] < 0.04 and 0.4 < one["recall"] < 0.75

# %% [markdown]
# ## What precision means here
#
# Of a hundred people invited, almost all never get the diagnosis. Is the model bad? Not by that alone:
# {term}`precision` depends on how rare the disease is. Take the same {term}`recall` and {term}`specificity`, and
# change only the {term}`prevalence`:

# %%
prevalence = np.geomspace(0.002, 0.5, 100)
true_alarms = one["recall"] * prevalence
false_alarms = (1 - one["specificity"]) * (1 - prevalence)
precision = true_alarms / (true_alarms + false_alarms)
at_a_quarter = np.interp(0.25, prevalence, precision)
print(f"precision {one['precision']:.1%} here")
print(f"precision {at_a_quarter:.0%} where one person in four is a case")
assert at_a_quarter > 10 * one["precision"]

# %%
fig, ax = plt.subplots()
ax.plot(100 * prevalence, 100 * precision)
here, quarter = 100 * one[["prevalence", "precision"]], (25, 100 * at_a_quarter)
ax.plot(*here, "o", color=plots.ORANGE)
ax.annotate("this cohort", here + [0, 5], ha="center")
ax.plot(*quarter, "o", color=plots.GREEN)
ax.annotate("one in four  ", quarter, ha="right", va="bottom")
ax.set(xscale="log", xlabel="Prevalence of the outcome (%)")
ax.set(ylabel="Precision (%)", ylim=(0, 100))
ax.set_xticks(ticks := [0.2, 0.5, 1, 2, 5, 10, 25, 50], labels=ticks)
plots.figure(
    fig,
    alt="Curve of precision against prevalence, on a logarithmic scale, at the recall "
    f"and specificity of the model. It climbs from {one['precision']:.0%} in this "
    f"cohort to {at_a_quarter:.0%} where one person in four is a case.",
    caption="The same model, the same errors: precision is "
    f"{one['precision']:.0%} in this cohort and would be {at_a_quarter:.0%} among "
    "people of whom a quarter are cases.",
)

# %% [markdown]
# The study from which this guide starts {cite}`chen2022` tested on sets of which about a quarter were
# cases. Its precisions, and anybody's, can not be read without that number. Say the prevalence whenever you say a
# precision.
#
# ## Leave the classes as they are
#
# Where cases are rare, many would balance them first: all cases, and only so many others. That spoils the risks and
# gains nothing {cite}`goorbergh2022`. Try it, with three others for each case:

# %%
rows, taken = case_control_sample(y, controls_per_case=3, seed=0)
sampled = train(X.iloc[rows], y[rows], "logistic regression").predict_proba(X_new)[:, 1]
told = {
    "learned from everybody": risks["logistic regression"],
    "from a sample": sampled,
}
told["from a sample, corrected"] = prior_corrected(sampled, **taken)
kinds = {}
for name, risk in told.items():
    table = evaluate(y_new, risk, threshold=0.01, bootstrap=0)["estimate"]
    kinds[name] = table[["AUROC", "alert rate"]].to_dict() | {"mean risk": risk.mean()}
print(
    f"{len(rows)} people in the sample; {y_new.mean():.1%} of the held-out are diagnosed"
)
kinds = pd.DataFrame(kinds).T
kinds.round(3)

# %%
naive, right = kinds.loc["from a sample"], kinds.loc["from a sample, corrected"]
assert naive["mean risk"] > 20 * y_new.mean() and naive["alert rate"] > 0.9
assert 0.6 < right["mean risk"] / y_new.mean() < 1.6
assert np.isclose(naive["AUROC"], right["AUROC"])
assert naive["AUROC"] < kinds.loc["learned from everybody", "AUROC"] + 0.03

# %% [markdown]
# The model of the sample tells people a risk of a fifth on average, where one in two hundred is diagnosed; at a threshold
# of 1 % it invites nearly everybody. Its order is no better, as it has learned from fewer people. If a sample
# is all you have, {term}`prior correction` {cite}`king2001` brings the risks back, and leaves the order as it is. If you
# have everybody, learn from everybody, and lower the threshold.
#
# ## Against a rule
#
# A clinic without a computer would invite by rule: aged 55 to 80, smokes or has smoked. What does the model offer to
# those who can already do that? Let both invite the same number of people.

# %%
smokes_or_smoked = smoking[~smoking.str.contains("Never")]
smoked = X_new[smokes_or_smoked].sum(axis=1).to_numpy() > 0
rule = smoked & X_new["Age (years)"].between(55, 80.999).to_numpy()
invites = {"rule": rule}
for name in ("age and smoking only", "logistic regression"):
    places = pd.Series(-risks[name]).rank(method="first").to_numpy()
    invites[name] = places <= rule.sum()
found = {name: y_new[chosen].sum() for name, chosen in invites.items()}
print(f"each invites {rule.mean():.0%} of the people; cases among them:")
assert len(smokes_or_smoked) == 2 and 0.2 < rule.mean() < 0.4
pd.Series(found, name=f"of {y_new.sum()} cases").to_frame()

# %% [markdown]
# Is that a difference? Most cases are found by both. Only those count that one finds and the other misses. Were the
# two equally good, each of these would fall to either side like a tossed coin; and of *n* tosses, heads and tails
# differ by less than 2 √*n* in 95 of a hundred series.

# %%
one_finds = y_new & invites["logistic regression"] & ~rule
other_finds = y_new & rule & ~invites["logistic regression"]
difference = one_finds.sum() - other_finds.sum()
chance = 2 * np.sqrt(one_finds.sum() + other_finds.sum())
print(f"only the regression finds {one_finds.sum()}, only the rule {other_finds.sum()}")
print(f"difference {difference}; chance alone reaches {chance:.1f}")
assert abs(difference) < chance

# %% [markdown]
# The difference is smaller than what chance alone could make of two equals. The model may be better than the rule, or not;
# so few cases can not settle it. And to invite as many as the rule does is expensive. The use of a risk is another: it has
# a dial. The rule invites a quarter of the people or nobody; a risk can invite the 5 % at the top.

# %%
top = np.argsort(-risks["logistic regression"])[: len(y_new) // 20]
cases = y_new[top].sum()
print(f"{len(top)} people at the top, among them {cases} of {y_new.sum()} cases")
assert 1 / 3 < cases / y_new.sum() < 0.6

# %% [markdown]
# A twentieth of the people holds more than a third of the cases. Whether a clinic wants to stop there is its own
# decision.
#
# ## Tune, inside the learning group
#
# Each algorithm has settings; so far they were fixed beforehand. Whoever tries several on the held-out people and keeps
# the best has learned from them, and has nobody left to judge by. `tune` never sees them. It cuts the learning
# group into parts, by person, learns on some, judges on the other by the log loss, and fits the best setting to all.
#
# Each setting is fitted to each part, so take a model that is quick: a logistic regression on the columns a clinician
# would name. Its setting is `C`, how freely the weights may grow; `train` sets it to one over the number of columns.

# %%
NAMED = ["Age", "Sex", "Tobacco", "Cough", "Dyspnea", "Chest pain", "Fatigue"]
NAMED += ["Pneumonia", "Chronic obst", "Body weight", "Hemoglobin [", "Platelets"]
signs = list(X.columns[X.columns.str.startswith(tuple(NAMED))])
fixed = train(X[signs], y, "logistic regression")
print(f"{len(signs)} columns, C = {fixed[-1].C:.3f} until now")
grid = {"logisticregression__C": [0.001, 0.01, 0.1, 1]}
ids = learning["patient_id"]
tuned, tried = tune(X[signs], y, "logistic regression", people=ids, grid=grid, folds=2)
tried.round(4)

# %%
judged_on = dict(people=held_out["patient_id"], threshold=0.01)
before, after = (m.predict_proba(X_new[signs])[:, 1] for m in (fixed, tuned))
by_tuning = paired_difference(y_new, before, after, **judged_on)
loss = tried["log_loss"].to_numpy()
second = np.sort(loss)[1]
assert loss.argmin() in (1, 2) and loss.argmax() == 0
assert loss[0] - loss.min() < tried["spread"].max() and second - loss.min() < 0.002
assert by_tuning.loc["AUROC", "low"] < 0 < by_tuning.loc["AUROC", "high"]
by_tuning.loc[["AUROC", "AUPRC", "Brier"]].round(4)

# %% [markdown]
# The strictest setting comes out worst. But not even that is certain: the four losses differ by less than the two parts
# do (*spread*), and the best and the next are hardly apart. And in the order of the held-out people, the setting that was
# chosen can not be told from the one fixed beforehand. That is no fault of `tune`. Each half of the learning group holds
# about forty cases, and so few decide little. You know it only because the held-out people had no say.
#
# ## What did it look at? A glance
#
# In a logistic regression each column has a weight: how much it adds to the *log-odds*, the logarithm of
# risk / (1 − risk). Where risks are small, a weight of 0.1 raises the risk by about a tenth. The columns have different
# units, so each weight is given per standard deviation of its column. The ten largest:

# %%
model = models["logistic regression"]
names = model["simpleimputer"].get_feature_names_out(X.columns)
weights = pd.Series(model["logisticregression"].coef_[0], names)
largest = weights.loc[weights.abs().nlargest(10).index].sort_values()
labels = largest.index.str.replace("missingindicator_", "not measured: ")
labels = labels.str.replace(r" \[.*?\]", "", regex=True).str.wrap(34)
fig, ax = plt.subplots(figsize=(5.4, 4.0))
ax.barh(labels, largest, color=np.where(largest > 0, plots.ORANGE, plots.BLUE))
ax.tick_params(axis="y", labelsize=8)
ax.set(xlabel="Weight (log-odds per standard deviation)", ylabel="Column")
plots.figure(
    fig,
    alt="Bar chart of the ten largest weights of the logistic regression. Current "
    "smoking has the largest positive weight, never having smoked the only strong "
    "negative one; emergency admissions, age and cough are among the others.",
    caption="The largest weights of the logistic regression: smoking leads; age is one "
    "of many, among columns that may be signs of a tumour, or noise.",
)
assert "Current" in largest.index[-1] and "Never" in largest.index[0]
assert all(
    largest.index.str.contains(word).any() for word in ("Emergency", "Cough", "Age")
)

# %% [markdown]
# A glance, no more. Columns that go together share a weight between them, which is why age looks weak among so much
# that comes with age. A weight is not a cause. And part of this list changes when other people are drawn; the first
# exercise asks you to look.
#
# ## Exercises
#
# ```{exercise-start} Draw again
# :label: ex06-again
# ```
# Suppose the hospital next door had sent you its patients. Imitate it: draw as many people from the learning
# group, with replacement, train a logistic regression on them, and store its ten largest columns (an index of names) as
# `again`. Run `check_again(again)`. How many of the ten are the same?


# %%
def check_again(again):
    assert again is not None and len(set(again)) == 10, "give ten different columns"
    same = set(again) & set(weights.abs().nlargest(10).index)
    assert 1 <= len(same) <= 9, "some of the columns should be the same, not all"
    return len(same)


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex06-again
# :class: dropdown
# ```

# %%
draw = np.random.default_rng(1).integers(0, len(X), len(X))
drawn = train(X.iloc[draw], y[draw], "logistic regression")
names = drawn["simpleimputer"].get_feature_names_out(X.columns)
again = pd.Series(drawn["logisticregression"].coef_[0], names).abs().nlargest(10).index
print(check_again(again), "of 10 are the same:")
print(*sorted(set(again) & set(weights.abs().nlargest(10).index)), sep="\n")

# %% [markdown]
# The same hospital, the same years, and already part of the list is new. What stays has more evidence behind it
# than what goes.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} In pairs
# :label: ex06-pairs
# ```
# Overlapping intervals are a coarse comparison: both models were judged on the same people. `paired_difference` draws
# the held-out people again and again, with replacement, and each time takes the measures of a challenger minus those of
# a champion *on the same draw*. Let age and smoking be the champion and the logistic regression the challenger
# (`people=held_out["patient_id"], threshold=0.01`). Store the table as `pairs` and run `check_pairs(pairs)`. Is there a
# winner in AUROC? In AUPRC?


# %%
def check_pairs(pairs):
    assert pairs is not None and "AUPRC" in pairs.index, "give the whole table"
    assert (pairs["low"] < pairs["high"]).all(), "are these two different models?"
    assert pairs.loc["AUPRC", "estimate"] > 0, "which is the champion?"


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex06-pairs
# :class: dropdown
# ```

# %%
champion, challenger = risks["age and smoking only"], risks["logistic regression"]
pairs = paired_difference(y_new, champion, challenger, **judged_on)
check_pairs(pairs)
assert pairs.loc["AUROC", "low"] < 0 < pairs.loc["AUROC", "high"]
assert pairs.loc["AUPRC", "low"] < 0 < pairs.loc["AUPRC", "estimate"]
assert pairs.loc["alert rate", "high"] < 0 < pairs.loc["precision", "low"]
assert pairs.loc["recall", "low"] < 0 < pairs.loc["recall", "high"]
pairs.loc[["AUROC", "AUPRC", "alert rate", "recall", "precision"]].round(3)

# %% [markdown]
# In AUROC zero lies inside the interval, and in AUPRC, too, though twice as high looked like much: no winner to
# announce. In pairs an interval is narrower than the two single ones suggest, because a draw that is easy for one model is
# easy for both; here it is still too wide. One thing is told apart: at a risk of 1 % the regression invites fewer people,
# and of these more have the outcome. (Whether it misses more cases, the interval of recall leaves open.)
#
# And this challenger was picked *after* a look at the table. What of the other four?

# %%
added = {"logistic regression": pairs.loc["AUPRC"]}
for name in ALGORITHMS[1:]:
    pair = paired_difference(y_new, champion, risks[name], **judged_on)
    added[name] = pair.loc["AUPRC"]
added = pd.DataFrame(added).T
above = added.index[added["low"] > 0]
assert above.empty and (added["estimate"] > 0).all()
added.round(3)

# %% [markdown]
# All five estimates lie above zero, and no interval does. Had one of them, it would have been one of five: whoever compares
# five and reports the best has given chance five tries. That all point the same way is not five votes either: they were
# all judged by the same few cases. So this hospital does not show that three hundred columns tell more than two facts, nor
# that they do not. It takes more cases: page {doc}`07 <07-how-good-is-it-really>` judges by all there are.
#
# ```{solution-end}
# ```
#
# ## What we have seen
#
# - Five algorithms are five lines. The work was done before, in the question.
# - The number of cases decides what can be known. In AUROC most differences are smaller than the intervals.
# - Two facts, age and smoking, put people in order about as well as three hundred columns do. At the top of the list,
#   where AUPRC looks, the columns may tell more; so few cases can not show it.
# - Inviting from a risk of 1 % on finds about half of the later cases; of a hundred people invited, about two have
#   the outcome. Precision means nothing without the prevalence.
# - Balancing the classes spoils the risks and gains no order; a lower threshold does what it was meant for.
# - Tuning belongs inside the learning group; with few cases it decides little, and what it chose was no better on others.
#
# ## Limits
#
# One hospital, one index date, one split. Those who left or died are counted as not diagnosed. One algorithm was tuned,
# in one setting; another may do better than here, and with so few cases nobody could show it. And order is not
# everything: whether a risk of 1 % *is* 1 % was not asked.
#
# ## What next
#
# Page {doc}`07 <07-how-good-is-it-really>` asks it, and how much better any model could possibly do. Page
# {doc}`09 <09-learning-cycles>` lets the cases grow.
