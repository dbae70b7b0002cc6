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
# # How good is it, really?
#
# A single number does not say whether a model is good. On this page you ask it six questions: Are its risks true? Is
# acting on it better than not? For whom does it work? What did the people hide who left or died? Would another sample
# have given another model? And how good could *any* model be? The last can be answered only where the patients
# are synthetic, and you will see why it is worth asking.
#
# **Time:** 45 minutes to read and try; the page itself runs in less than a minute.
# **What to know first:** a trained model and its AUROC (page {doc}`06 <06-a-first-risk-model>`).
#
# ```{warning}
# The patients are synthetic: they are for learning. No model on this page is for care.
# ```

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import gamma

from lhs_helpers import plots
from lhs_helpers.learning import (
    Task,
    calibration_table,
    cohort,
    cumulative_incidence,
    evaluate,
    features,
    net_benefit,
    paired_difference,
    train,
    vocabulary,
)
from lhs_helpers.patients import cached_hospital
from lhs_helpers.patients.diseases import load_diseases

plots.use_style()

# %% [markdown]
# The hospital and the question of pages 05 and 06:

# %%
hospital = cached_hospital(patients=60_000, years=6, seed=7, start="2014-01-01")
emr = hospital.emr
LUNG_CANCER, INDEX = "SNOMED:363358000", "2017-01-01"
DAYS = dict(window_days=1_095, lookback_days=1_096)
task = Task("Lung cancer within 3 years", (LUNG_CANCER,), **DAYS, min_age=45)
people = cohort(emr, task, INDEX)
y = people["label"].to_numpy()
print(f"{len(people):,} people, {y.sum()} of them diagnosed within three years")
assert 90 < y.sum() < 190

# %% [markdown]
# ## Judge everybody
#
# Page 06 held four people in ten aside and was left with a few dozen cases to judge by. That is wasteful. Cut
# the people into five parts; predict each part with a model that learned from the other four, columns
# included. Nobody is judged by a model that has seen them, and every case counts.
#
# We take the logistic regression, because nothing on page 06 beat it for certain, and the model of age and
# smoking beside it.

# %%
part = np.random.default_rng(0).integers(0, 5, len(people))
risk, two_facts = np.zeros(len(people)), np.zeros(len(people))
SMOKING = "Tobacco smoking status NHIS: last is"
for k in range(5):
    columns = vocabulary(emr, people[part != k], task)
    X = features(emr, people, task, columns)
    simple = X[["Age (years)", *X.columns[X.columns.str.startswith(SMOKING)]]]
    for data, predicted in ((X, risk), (simple, two_facts)):
        model = train(data[part != k], y[part != k], "logistic regression")
        predicted[part == k] = model.predict_proba(data[part == k])[:, 1]
assert (risk > 0).all() and (two_facts > 0).all()

# %% [markdown]
# Now judge both. Three of the measures are new; the next section says what they ask.


# %%
def with_interval(row, digits=2):
    low, estimate, high = (f"{row[c]:.{digits}f}" for c in ("low", "estimate", "high"))
    return f"{estimate} ({low} to {high})"


whole = {"all columns": evaluate(y, risk), "age and smoking": evaluate(y, two_facts)}
words = {name: e.agg(with_interval, axis=1, digits=3) for name, e in whole.items()}
pd.DataFrame(words)

# %%
more, fewer = whole.values()
assert abs(more.loc["AUROC", "estimate"] - fewer.loc["AUROC", "estimate"]) < 0.02
assert more.loc["AUPRC", "low"] < fewer.loc["AUPRC", "high"]
assert 0.74 < more.loc["AUROC", "estimate"] < 0.88

# %% [markdown]
# {term}`AUROC`, {term}`AUPRC` and {term}`Brier score` are known from page 06, and with all cases in the test their
# intervals are narrower than there. In AUROC the two models are equals. In AUPRC all columns have the higher
# estimate, but the intervals overlap. Is that a tie too?
#
# Two separate intervals can not say: a person who is hard to judge is hard for both models. So draw
# the people, measure both on the same ones, and look at the difference:

# %%
gained = paired_difference(
    y, two_facts, risk, people=people["patient_id"], threshold=0.01
)
at_the_top = {
    name: int(y[np.argsort(-p)[:50]].sum())
    for name, p in {"all columns": risk, "age and smoking": two_facts}.items()
}
print(f"cases among the 50 people with the highest risks: {at_the_top}")
assert gained.loc["AUROC", "low"] < 0 < gained.loc["AUROC", "high"]
assert gained.loc["AUPRC", "low"] > 0
assert at_the_top["all columns"] >= 3 * at_the_top["age and smoking"]
gained.loc[["AUROC", "AUPRC"]].round(3)

# %% [markdown]
# Over the whole list all the other columns bring nothing that shows. At its very top they bring cases: there the
# record of some people says more than their age and smoking do. Which of the two counts depends on how many people
# you mean to invite; below we come back to this.
#
# ## Are the risks true?
#
# If a hundred people are told 2 %, two of them should be diagnosed. That is {term}`calibration`. Whoever
# decides by a risk needs it; {cite:t}`vancalster2019` call it the Achilles heel of prediction.
#
# - *O/E* compares the observed with the expected number of cases. 1 is right.
# - The *intercept* says the same on the scale of log-odds, the logarithm of risk / (1 − risk). 0 is right.
# - The *slope* says whether high risks are as high, and low risks as low, as they ought to be. 1 is right; below 1 the
#   model exaggerates, above 1 it is timid.

# %%
e = whole["all columns"]
assert e.loc["O/E", "low"] < 1 < e.loc["O/E", "high"]
assert (
    e.loc["calibration slope", "low"] > 1 and e.loc["calibration slope", "high"] < 1.5
)
print("O/E  ", with_interval(e.loc["O/E"]))
print("slope", with_interval(e.loc["calibration slope"]))

# %% [markdown]
# That O/E is near 1 is no feat: the models learned from the same hospital in the same years. The slope is the
# harder test, and its interval lies above 1. With few cases and many columns the algorithm was held back on purpose
# (page 06), and this is the price: low risks are given too high, high ones too low. See it group by group, from
# those told the lowest risk to those told the highest:

# %%
groups = 100 * calibration_table(y, risk, bins=6)
fig, ax = plt.subplots()
ax.plot([0.02, 5], [0.02, 5], color="grey", linewidth=1, label="risks that are true")
error = [groups["observed"] - groups["low"], groups["high"] - groups["observed"]]
points = ax.errorbar(groups["predicted"], groups["observed"], error, fmt="o", capsize=3)
points.set_label("sixths of the people")
ax.set(xscale="log", xlabel="Predicted three-year risk (%)")
ax.set(yscale="log", ylabel="Diagnosed within three years (%)", ylim=(0.01, 5))
ax.set_xticks(ticks := [0.05, 0.1, 0.2, 0.5, 1, 2, 5], labels=ticks)
ax.set_yticks(ticks := [0.02, 0.1, 0.5, 2, 5], labels=ticks)
ax.minorticks_off()
ax.legend(loc="upper left")
plots.figure(
    fig,
    alt="Calibration plot on logarithmic axes: six groups of people by predicted risk, "
    "observed share with 95 % intervals. The five lower groups lie below the diagonal, "
    "the highest lies above it.",
    caption="Too much is promised where the risk is low, too little where it is high. "
    "Where almost nobody is diagnosed the intervals are wide.",
)

# %%
above = groups["observed"] > groups["predicted"]
near = groups["predicted"].between(groups["low"], groups["high"])
print(f"{near.sum()} of {len(groups)} intervals reach the diagonal")
assert above.tolist() == [False] * 5 + [True] and near.sum() >= 4

# %% [markdown]
# Taken one by one, most groups could be right. That five of them err to one side and the highest to the other is what
# the slope sums up. The model of age and smoking has few columns and was held back less; its slope is right:

# %%
slope = fewer.loc["calibration slope"]
print("slope of age and smoking", with_interval(slope))
assert slope["low"] < 1 < slope["high"] and more.loc["calibration slope", "low"] > 1

# %% [markdown]
# ## What happens at a threshold?
#
# A clinic has to choose the risk from which on it invites. Here is what each choice brings. The *alert rate* is the
# share of people who are invited.

# %%
AT_THRESHOLD = ["alert rate", "recall", "precision"]
rows = {}
for threshold in (0.005, 0.01, 0.02, 0.05):
    e = evaluate(y, risk, threshold=threshold, bootstrap=100).loc[AT_THRESHOLD]
    row = e.agg(with_interval, axis=1, digits=3)
    row["invited per case found"] = f"{1 / e.loc['precision', 'estimate']:.0f}"
    rows[f"{threshold:.1%}"] = row
pd.DataFrame(rows).T.rename_axis("threshold")

# %% [markdown]
# There is no best row. Invite more and you find more, and more in vain. At a threshold of 1 % you say that finding one
# case is worth 99 invitations in vain. {term}`Net benefit <net benefit>` takes you at your word: it counts
# cases found, minus invitations in vain at that price, and compares with inviting everybody and nobody
# {cite}`vickers2019`.

# %%
thresholds = np.linspace(0.001, 0.05, 99)
curves = 10_000 * net_benefit(y, risk, thresholds)
simple_curve = 10_000 * net_benefit(y, two_facts, thresholds)["model"]
fig, ax = plt.subplots()
ax.plot(100 * thresholds, curves["model"], "-", label="all columns")
ax.plot(100 * thresholds, simple_curve, "-.", label="age and smoking")
ax.plot(100 * thresholds, curves["treat all"], "--", label="invite everybody")
ax.plot(100 * thresholds, curves["treat none"], ":", label="invite nobody")
ax.set(xlabel="Threshold (%)", ylabel="Net benefit (cases per 10,000 people)")
ax.set_ylim(-8, 52)
ax.legend()
plots.figure(
    fig,
    alt="Decision curves: net benefit against threshold from 0.1 to 5 %. Inviting "
    "everybody falls below zero near half a percent. Both models stay above inviting "
    "everybody and nobody. Their curves cross more than once up to 3 %; from 3.5 % on, "
    "age and smoking falls to nearly zero and all columns stay above it.",
    caption="From 0.3 % to 3 % either model is worth more than inviting everybody, "
    "and more than inviting nobody. Up to 3 % neither is ahead throughout.",
)

# %%
rivals = curves[["treat all", "treat none"]].max(axis=1)
assert (curves["model"] > rivals).loc[0.003:0.03].all()
assert (simple_curve > rivals).loc[0.003:0.03].all()
ahead = curves["model"] > simple_curve
assert 0.2 < ahead.loc[0.003:0.03].mean() < 0.8 and ahead.loc[0.036:].all()

# %% [markdown]
# At the left end one might as well invite everybody. The two models cross. Is one of them worth more for certain? Net
# benefit is a mean over people, so the difference has an interval as any mean has: give each person what the
# change of model brings to them.

# %%
rows = {}
for threshold in (0.005, 0.01, 0.02, 0.05):
    worth = np.where(y, 1, -threshold / (1 - threshold))
    change = (risk >= threshold).astype(int) - (two_facts >= threshold)
    each = 10_000 * worth * change
    mean, error = each.mean(), 1.96 * each.std() / np.sqrt(len(each))
    row = {"low": mean - error, "estimate": mean, "high": mean + error}
    rows[f"{threshold:.1%}"] = row
won = pd.DataFrame(rows).T.rename_axis("threshold")
assert (won["low"] < 0).iloc[:3].all() and (won["high"] > 0).iloc[:3].all()
assert won.loc["5.0%", "low"] > 0
won.round(1)

# %% [markdown]
# From 0.5 to 2 %, where a clinic might choose, nobody can say which model is worth more: then take the one that asks
# for two facts. At 5 % all columns win, as in the AUPRC, and there the prize is a few cases in 10,000 people. One
# threshold in four is little to build on; who means to invite so few should look again on new data.
#
# ## For whom does it work?
#
# An average hides groups. The same measures by sex and by age, and a rule fixed *before* looking: a group with
# fewer than 20 cases gets no verdict.

# %%
FEWEST_CASES, BANDS = 20, {"45 to 59": (45, 60), "60 to 74": (60, 75), "75+": (75, 121)}
sexes = {sex: people["sex"] == sex for sex in ("female", "male")}
ages = {b: people["age"].between(*ends, inclusive="left") for b, ends in BANDS.items()}
both = {f"{s}, {a}": sexes[s] & ages[a] for s in sexes for a in ages}
by_group = {
    name: evaluate(y[who], risk[who], bootstrap=100)
    for name, who in (sexes | ages | both).items()
    if y[who].sum() >= FEWEST_CASES
}

# %%
rows = {}
for name, who in (sexes | ages | both).items():
    rows[name] = {"people": who.sum(), "cases": y[who].sum()}
    for measure in ("AUROC", "O/E"):
        enough = name in by_group
        verdict = with_interval(by_group[name].loc[measure]) if enough else "too few"
        rows[name][measure] = verdict
pd.DataFrame(rows).T

# %%
print(f"no verdict on {len(rows) - len(by_group)} of {len(rows)} groups")
assert 1 <= len(rows) - len(by_group) <= 4
by_age = pd.DataFrame({band: by_group[band].loc["O/E"] for band in BANDS}).T
assert by_age.loc["45 to 59", "high"] < 0.9
assert (by_age["estimate"] > 1).iloc[1:].all() and (by_age["low"] < 1.1).iloc[1:].all()

# %% [markdown]
# Look at O/E by age. Over everybody it was near 1. Yet people under 60 were told nearly twice the risk that they had.
# What these were told too much, others were told too little, so the errors hide each other in the average. One
# reason is the timid slope. Another is the form of the model: a logistic regression adds the same for every
# year of age, while the disease becomes more frequent quickly up to 70 and slowly afterwards. A clinic that invites by
# these risks invites too many under 60.
#
# Under 60 the interval lies far from 1. From 60 on the estimates lie above 1, and the intervals end near 1 or include
# it: by themselves they would prove nothing. With many groups, an interval that misses 1 is to be expected now and then
# by chance alone; a single one is a reason to look again on new data. The answer key will settle it below.
#
# A group without a verdict is not a group for which the model works. It is one for which nobody knows. In a
# real hospital that is often the small, the young, and the ones who rarely come.
#
# ## What did those hide who left?
#
# Not everybody was seen to the end:

# %%
reasons = people["end_reason"].value_counts()
print(reasons.to_string())
unseen = reasons[["left", "died"]].sum() / len(people)
print(f"left or died: {unseen:.0%}")
assert 0.12 < unseen < 0.18

# %% [markdown]
# Those who left or died, about one person in seven, so far count as not diagnosed. Three ways to
# handle them, and how much they matter for the level of risk:
#
# - *as labelled*: all who were not seen to be diagnosed are healthy;
# - *the fully watched*: leave out those who left; those who died stay, as people who will not be diagnosed any more;
# - *cumulative incidence*: count everybody for as long as they were seen ({term}`time at risk`), with
#   death as a {term}`competing risk`.


# %%
at_the_end = cumulative_incidence(people).iloc[-1]
ways = pd.Series(
    {
        "as labelled": y.mean(),
        "the fully watched": y[people["end_reason"] != "left"].mean(),
        "cumulative incidence": at_the_end["estimate"],
    }
)
low, high = at_the_end[["low", "high"]]
print(f"95 % interval of the cumulative incidence: {low:.2%} to {high:.2%}")
assert ways["as labelled"] < ways["cumulative incidence"] < ways["the fully watched"]
ways.map("{:.3%}".format).to_frame("diagnosed within 3 years")

# %% [markdown]
# Which is right? On real patients nobody could say. Here the {term}`answer key` follows those who left. Their
# disease shows itself somewhere else:

# %%
START = pd.Timestamp(INDEX)
END = START + pd.Timedelta(days=task.window_days)
lives = hospital.truth.lives().query("disease == 'lung_cancer'")
lives = lives.set_index("patient_id")[["onset", "shows_itself"]]
course = lives.reindex(people["patient_id"]).apply(pd.to_datetime).reset_index()
shows = course["shows_itself"].between(START, END).to_numpy()
hidden = (shows & (people["end_reason"] == "left")).sum()
print(f"truly {shows.mean():.3%}; {hidden} who left were diagnosed elsewhere,")
print(f"{hidden / shows.sum():.0%} of all cases")
assert 1 <= hidden < 0.15 * shows.sum()
assert low < shows.mean() < high
assert abs(ways["cumulative incidence"] / shows.mean() - 1) < 0.05

# %% [markdown]
# The label is a little too low, and to drop those who left makes it too high; the cumulative incidence comes close. Here
# one person in ten left, and they left by chance, so little harm was done. Where half of them leave, or the ill leave
# first, the same mistake ruins a study; page {doc}`16 <16-synthetic-first-then-real>` shows one on real records.
#
# ## Would another sample have given another model?
#
# Learn from four of the parts as before, but draw the people with replacement, twice. The same hospital, the
# same years, the same recipe. Do the twins say the same to the same person of the fifth part?

# %%
last = part == 4
twins, learners = [], np.flatnonzero(~last)
for seed in (1, 2):
    draw = np.random.default_rng(seed).choice(learners, len(learners))
    twin = train(X.iloc[draw], y[draw], "logistic regression")
    twins.append(twin.predict_proba(X[last])[:, 1])
    print("AUROC", with_interval(evaluate(y[last], twins[-1]).loc["AUROC"]))
ratio = np.maximum(twins[0] / twins[1], twins[1] / twins[0])
twofold = (ratio > 2).mean()
print(f"the risks of a person differ by a factor of {np.median(ratio):.1f} (median)")
assert 0.08 < twofold < 0.5

# %%
fig, ax = plt.subplots(figsize=(4.6, 4.2))
ax.plot(100 * twins[0], 100 * twins[1], ".", markersize=2, alpha=0.3)
ax.plot([0.02, 30], [0.02, 30], color="black", linewidth=1)
ax.set(xscale="log", xlabel="Three-year risk from the first model (%)")
ax.set(yscale="log", ylabel="Three-year risk from its twin (%)")
ax.set_xticks([0.1, 1, 10], labels=["0.1", "1", "10"])
ax.set_yticks([0.1, 1, 10], labels=["0.1", "1", "10"])
plots.figure(
    fig,
    alt="Scatter plot on logarithmic axes: the risk of each person from one model "
    "against the risk from its twin. The cloud follows the diagonal and is about a "
    "factor of three wide to either side; at its lower end a small knot of people lies "
    "exactly on the diagonal.",
    caption=f"The same recipe, two draws of people: {twofold:.0%} of the people are "
    "told risks that differ more than twofold.",
)

# %% [markdown]
# The intervals of the two AUROCs overlap; nobody could say which twin is better. Yet they do not tell a person the
# same. A patient who asks "and what is *my* risk?" deserves an answer with this in it.
#
# And the knot on the diagonal? Count what the record holds about each person, beside age and sex:

# %%
known = X.drop(columns=["Age (years)", "Sex is male"])
empty = (known.fillna(0) == 0).all(axis=1).to_numpy()
print(f"{empty[last].sum()} people of this part about whom the record holds nothing")
print(f"their two risks differ by a factor of {np.median(ratio[empty[last]]):.2f}")
print(f"in all parts: {empty.sum()} people, told {risk[empty].mean():.2%} on average,")
print(f"and {y[empty].sum()} of them diagnosed")
assert np.median(ratio[empty[last]]) < 1.1 and risk[empty].mean() < 0.001
assert y[empty].sum() == 0

# %% [markdown]
# They came to no visit in three years. For them "not measured" is all there is, and both twins learned the same of it:
# hardly any risk. Nobody among them was diagnosed, so nothing here speaks against it. That two models agree is no proof
# that they are right; keep these people in mind.
#
# ## How good could any model be?
#
# Is an AUROC of 0.8 good? That depends on what is possible. Some of what decides who falls ill is chance, and no
# model can read chance. A real study stops here. We have the answer key, and with it two {term}`ceilings <ceiling>`.
#
# **The hazard ceiling.** For each person the key holds the true yearly {term}`hazard` of developing lung cancer, from
# the exact age, the exact smoking history, race, lungs, and a frailty that nobody can see. How well would somebody
# do who knew it?

# %%
true_risk = hospital.truth.risk("lung_cancer", INDEX, 3, people["patient_id"])
print(
    f"{np.isnan(true_risk).sum()} people had died, which the record did not know yet:"
)
print("their true risk is 0")
hazard_risk = np.nan_to_num(true_risk)
judged = evaluate(y, risk, truth=hazard_risk)
ceiling = judged.loc["AUROC ceiling (truth)"]
print("AUROC of the true hazards", with_interval(ceiling, 3))
print("the model's share of the way", with_interval(judged.loc["share of the way"]))
assert judged.loc["AUROC", "estimate"] < ceiling["estimate"] - 0.02
assert ceiling["estimate"] < 0.95
assert 0.6 < judged.loc["share of the way", "estimate"] < 0.98

# %% [markdown]
# (*Share of the way*: from 0.5, a coin, to the ceiling.) Even somebody who knows every cause of the disease stays
# clearly below 1.
#
# The same key settles what groups by age left open. Of all cases, what share belongs to each age: as the
# model told, by the true hazards, and as they were diagnosed?

# %%
sums = pd.DataFrame({"told": risk, "true hazard": hazard_risk, "diagnosed": y})
sums = pd.DataFrame({name: sums[who.to_numpy()].sum() for name, who in ages.items()})
shares = 100 * sums.T.astype(float) / sums.sum(axis=1).astype(float)
too_much = shares["told"] / shares["true hazard"]
assert too_much["45 to 59"] > 1.5 and (too_much.iloc[1:] < 0.95).all()
shares.round(0).astype(int)

# %% [markdown]
# Chance has no part in the true hazards, and they side with the diagnoses: too much was told under 60, too little
# from 60 on. And those with the empty record, about whom the twins agreed?

# %%
table = {"told": risk, "true risk to develop it": hazard_risk}
table = pd.DataFrame(table).groupby(np.where(empty, "empty", "others")).mean()
of_others = table.loc["empty"] / table.loc["others"]
print(f"told {of_others.iloc[0]:.0%} of what the others are told,")
print(f"with {of_others.iloc[1]:.0%} of their true risk")
assert of_others.iloc[0] < 0.25 and of_others.iloc[1] > 0.5
(100 * table).round(2)

# %% [markdown]
# The model takes silence for health. Those who did not come are told that they have little to fear. Without the key
# nobody could have seen it: they have no cases, so by our own rule they get no verdict.
#
# Yet the hazard ceiling is not the highest one can stand.
# The hazard is that of the *onset*. The label is a diagnosis, and a lung cancer is present for years
# before it is found. How many of the later cases already carried theirs on the index date?

# %%
carries = (course["onset"] < START) & (course["shows_itself"] >= START)
print(f"{carries.sum()} people carry a hidden lung cancer on the index date;")
print(f"{y[carries].mean():.0%} of them are diagnosed within 3 years")
print(f"{carries[y].mean():.0%} of the cases carried it on the index date")
assert 0.6 < carries[y].mean() < 0.9

# %% [markdown]
# Most. So for the larger part the task is not to foretell but to *detect*. **The state ceiling** knows who
# carries the disease and for how long. The file of the disease says how long it stays hidden: a gamma
# distribution with a mean of three years. From that follows each person's true chance of a diagnosis: for the carriers,
# that it shows itself in time; for the others, that it begins *and* shows itself in time.

# %%
stay = next(d.hidden for d in load_diseases() if d.key == "lung_cancer")
hidden_years = gamma(stay.shape, scale=stay.mean_years / stay.shape)
carried = (START - course["onset"]).dt.days.to_numpy() / 365.25
shows_in_time = 1 - hidden_years.sf(carried + 3) / hidden_years.sf(carried)
middles = np.linspace(0.05, 2.95, 30)  # when in the three years it could begin
begins_and_shows = -np.log1p(-hazard_risk) * hidden_years.cdf(3 - middles).mean()
state_risk = np.where(carries, shows_in_time, begins_and_shows)
print(f"expected by the state: {state_risk.sum():.0f} cases")
print(f"diagnosed: {y.sum()}, and {hidden} elsewhere")
assert stay.mean_years == 3 and 0.75 < shows.sum() / state_risk.sum() < 1.25

# %%
state = evaluate(y, risk, truth=state_risk)
highest = state.loc["AUROC ceiling (truth)"]
print("AUROC of the true state", with_interval(highest, 3))
print("the model's share of the way", with_interval(state.loc["share of the way"]))
assert highest["estimate"] > max(0.93, ceiling["estimate"] + 0.03)

# %%
steps = {"age and smoking": whole["age and smoking"].loc["AUROC"]}
steps |= {"all columns": judged.loc["AUROC"]}
steps |= {"hazard ceiling": ceiling, "state ceiling": highest}
steps = pd.DataFrame(steps).T
fig, ax = plt.subplots(figsize=(5.4, 2.8))
error = [steps["estimate"] - steps["low"], steps["high"] - steps["estimate"]]
colours = [plots.BLUE] * 2 + [plots.AMBER] * 2
ax.barh(steps.index, steps["estimate"], xerr=error, capsize=3, color=colours)
ax.invert_yaxis()
ax.set(xlim=(0.5, 1), xlabel="AUROC (0.5 is a coin)", ylabel="Who predicts")
plots.figure(
    fig,
    alt="Bar chart of AUROC with 95 % intervals: "
    + ", ".join(f"{name} {value:.2f}" for name, value in steps["estimate"].items()),
    caption="Two models and two ceilings: who knows the true hazard does better, who "
    "knows the hidden disease does nearly perfectly.",
)

# %% [markdown]
# The two models stand side by side, and both below either ceiling. Read on from below: who knows the hidden tumours
# needs little else. A scan may see them, a record does not, except for the faint traces that they leave: a cough, a
# falling haemoglobin. A model that reads such traces well could climb *above* the hazard ceiling, which knows causes
# but no symptoms. Ours does not get that far.
#
# **The record ceiling** would be the fair judge: the best possible reader of exactly these records. It can not be
# computed, only approached, by a model that learned from a very large number of patients of the same hospital. That
# takes more computing than a page has, and comes in a later edition. Until then, the share of the way to the two
# ceilings above is a distance to an ideal that no record allows.
#
# ## Exercises
#
# ```{exercise-start} Three times too much
# :label: ex07-three-times
# ```
# Multiply every risk by three and evaluate at a threshold of 1 %. Store the result as `tripled` and run
# `check_tripled(tripled)`. Which measures change, which do not, and why?


# %%
def check_tripled(tripled):
    assert tripled is not None and "recall" in tripled.index, "give threshold=0.01"
    auroc, ratio = tripled.loc[["AUROC", "O/E"], "estimate"]
    assert abs(auroc - judged.loc["AUROC", "estimate"]) < 1e-6, "the order is the same"
    assert ratio < 0.5, "three times as many cases should be expected"


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex07-three-times
# :class: dropdown
# ```

# %%
tripled = evaluate(y, np.clip(3 * risk, 0, 1), threshold=0.01, bootstrap=0)
check_tripled(tripled)
as_it_was = evaluate(y, risk, threshold=0.01, bootstrap=0)
LOOK_AT = ["AUROC", "O/E", "calibration intercept", "recall", "precision"]
both = {"as it was": as_it_was["estimate"], "tripled": tripled["estimate"]}
pd.DataFrame(both).loc[LOOK_AT].round(3)

# %% [markdown]
# The order is untouched, so AUROC can not see it. Everybody who compares a risk with a threshold does: many more
# are invited in vain. A model can rank well and still harm.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} Early and late cases
# :label: ex07-early-late
# ```
# Most cases carried the disease on the index date. Take the AUROC of the model for those who did (against everybody who
# was not diagnosed) and for those who did not, and store them as `carrying` and `not_yet`. Run
# `check_early_late(carrying, not_yet)`. For whom does the record show more?


# %%
def check_early_late(carrying, not_yet):
    assert carrying is not None and not_yet is not None, "give two AUROCs"
    assert 0.6 < carrying < 0.95, "compare those who carried it with the undiagnosed"
    assert 0.5 < not_yet < 0.95, "compare those who did not with the undiagnosed"


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex07-early-late
# :class: dropdown
# ```

# %%
among = {
    "carried it": ~y | carries,
    "not yet": ~y | ~carries,
}  # without the other cases
kinds = {
    name: evaluate(y[w], risk[w], bootstrap=100).loc["AUROC"]
    for name, w in among.items()
}
carrying, not_yet = (row["estimate"] for row in kinds.values())
check_early_late(carrying, not_yet)
assert carrying > not_yet + 0.05
pd.DataFrame(kinds).T.agg(with_interval, axis=1).to_frame("AUROC")

# %% [markdown]
# The record shows more of those who carry the disease. Traces of a hidden
# tumour exist only in the first group; causes such as smoking are there in both.
#
# ```{solution-end}
# ```
#
# ## What we have seen
#
# - A model can order people well and be wrong about their risk; calibration asks for that.
# - What a threshold brings is a choice of values; net benefit says whether the model is worth using at that choice.
#   Against age and smoking alone, all columns gain only at the very top of the list.
# - Right on average can be wrong in its parts: too high under 60, too low from 60 on. And a group with few
#   cases gets no verdict; that is a finding too.
# - Whoever leaves and is counted as healthy makes the risk look too low. Counting time at risk repairs that, when they
#   leave by chance.
# - Two models of the same recipe can tell a person different risks; and where they agree, about those who never came,
#   both are wrong.
# - The model goes most of the way to the hazard ceiling, and the state ceiling shows how much of the task is detection.
#
# ## Limits
#
# The five parts share one hospital and one period, so nothing here says how the model would do elsewhere or later. The
# intervals hold the models fixed and redraw the people; they leave out that the models themselves would have
# been others. Training, too, took those who left as undiagnosed. And the ceilings are those of a simulated disease, as
# true as its file.
#
# ## What next
#
# Page {doc}`09 <09-learning-cycles>`: clinics join the hospital one by one, and with each the model learns again.
