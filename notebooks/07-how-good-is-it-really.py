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
# A single number does not say whether a model is good. On this page you ask it seven questions: Are its risks true? Is
# acting on it better than not? For whom does it work? What did the people hide who left or died? Were there enough to
# learn from? Would another sample have given another model? And how good could *any* model be? The last can be
# answered only where the patients are synthetic, and you will see why it is worth asking.
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
    by_group,
    calibration_curve,
    calibration_table,
    ceilings,
    characteristics,
    cohort,
    cox_snell_r2,
    cumulative_incidence,
    evaluate,
    features,
    instability,
    learning_curve,
    net_benefit,
    paired_difference,
    required_sample_size,
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
# the people into three parts; predict each part with a model that learned from the other two, choice of columns
# included. Nobody is judged by a model that has seen them, and every case counts.
#
# We take the logistic regression, because nothing on page 06 beat it for certain, and the model of age and
# smoking beside it. What a column says of a person depends on that person alone, so one table serves all three.

# %%
part = np.random.default_rng(0).integers(0, 3, len(people))
chosen = [vocabulary(emr, people[part != k], task) for k in range(3)]
every = pd.concat(chosen).drop_duplicates("name", ignore_index=True)
X = features(emr, people, task, every)
TWO_FACTS = ["Age (years)"]
TWO_FACTS += [name for name in X if "Tobacco smoking status NHIS: last is" in name]


def fit(X, y):
    return train(X, y, "logistic regression")


# %%
risk, two_facts = np.zeros(len(people)), np.zeros(len(people))
for k in range(3):
    learners, judged = part != k, part == k
    for names, told in ((list(chosen[k]["name"]), risk), (TWO_FACTS, two_facts)):
        model = fit(X.loc[learners, names], y[learners])
        told[judged] = model.predict_proba(X.loc[judged, names])[:, 1]
assert (risk > 0).all() and (two_facts > 0).all()

# %% [markdown]
# Now judge both. Some of the measures are new. The {term}`scaled Brier score` (*Brier scaled*) says how much of the
# way from *everybody the same* (0) to *certain and right* (1) the risks have gone; the next section explains the
# others.


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
assert more.loc["AUPRC", "low"] > fewer.loc["AUPRC", "high"]
assert 0.74 < more.loc["AUROC", "estimate"] < 0.88
assert more.loc["Brier scaled", "high"] < 0.1

# %% [markdown]
# {term}`AUROC`, {term}`AUPRC` and {term}`Brier score` are known from page 06, and with all cases in the test their
# intervals are narrower than there. The scaled Brier score is close to 0, as it must be where hardly anybody is certain
# to fall ill. In AUROC the two models are equals. In AUPRC all columns have the higher
# estimate, and the intervals just miss each other. How large is the difference?
#
# Two separate intervals do not say: a person who is hard to judge is hard for both models. So draw
# the people, measure both on the same ones, and look at the difference:

# %%
gained = paired_difference(
    y, two_facts, risk, people=people["patient_id"], threshold=0.01, bootstrap=200
)
at_the_top = {
    name: int(y[np.argsort(-p)[:50]].sum())
    for name, p in {"all columns": risk, "age and smoking": two_facts}.items()
}
print(f"cases among the 50 people with the highest risks: {at_the_top}")
assert gained.loc["AUROC", "low"] < 0 < gained.loc["AUROC", "high"]
assert gained.loc["AUPRC", "low"] > 0.01
assert at_the_top["all columns"] >= 2 * at_the_top["age and smoking"]
gained.loc[["AUROC", "AUPRC"]].round(3)

# %% [markdown]
# Over the whole list all the other columns bring nothing that shows. At its very top they bring cases: there the record of
# some people says more than their age and smoking do. On page 06, with a third of these cases, the same difference could
# not be told from chance. Which of the two counts depends on how many people you mean to invite; below we come back to
# this.
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
assert 1 < e.loc["calibration slope", "estimate"] < 1.5
for measure in ("O/E", "calibration intercept", "calibration slope"):
    print(measure, with_interval(e.loc[measure]))

# %% [markdown]
# That O/E is near 1 is no feat: the models learned from the same hospital in the same years. The slope is the
# harder test, and it comes out above 1. With few cases and many columns the algorithm was held back on purpose
# (page 06), and this is the price: low risks are given too high, high ones too low. See it as a curve, and in sixths of
# the people, from those told the lowest risk to those told the highest:

# %%
groups = calibration_table(y, risk, bins=6)
curve = calibration_curve(y, risk)
plots.figure(
    plots.calibration(curve, risk, groups),
    alt="Calibration curve with its 95 % interval, and six groups of people. The line "
    "begins near the diagonal and ends above it, with a wide interval; the groups with low risks "
    "are crowded at the lower left. A histogram below: nearly all risks are under 1 %.",
    caption="Too much is promised where the risk is low, too little where it is high. "
    "Hardly anybody is told more than 3 %, and there the interval is wide.",
)
assert curve["observed"].iloc[-1] > curve["predicted"].iloc[-1]
(100 * groups[["predicted", "observed", "low", "high"]]).round(2)

# %% [markdown]
# The curve needs no groups; the groups show what it can not be blamed for. In the lower half of the people fewer are
# diagnosed than told, in the highest sixth more. The model of age and smoking has few columns and was held back less;
# its slope is near 1:

# %%
low_half = groups.iloc[:3].mean()
assert low_half["observed"] < low_half["predicted"]
assert groups["observed"].iloc[-1] > groups["predicted"].iloc[-1]
slope = fewer.loc["calibration slope"]
print("slope of age and smoking", with_interval(slope))
assert slope["low"] < 1 < slope["high"]
assert slope["estimate"] < more.loc["calibration slope", "estimate"]

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
curves = {
    "all columns": net_benefit(y, risk, thresholds),
    "age and smoking": net_benefit(y, two_facts, thresholds),
}
plots.figure(
    plots.decision_curve(curves),
    alt="Decision curves: net benefit against threshold from 0.1 to 5 %, all columns "
    "with a 95 % interval. Inviting everybody falls below zero near half a percent. Both "
    "models stay above that. Their curves run close together up to about 2 %; from there "
    "on age and smoking falls behind, and reaches zero between 3 and 4 %.",
    caption="From 0.5 % to 2.5 % either model is worth more than inviting everybody or "
    "nobody, and neither is ahead for certain.",
)

# %%
columns, simple = curves.values()
rivals = columns[["treat all", "treat none"]].max(axis=1)
for curve in curves.values():
    assert (curve["model"] > rivals).loc[0.005:0.025].all()
assert (columns["model"] > simple["model"]).loc[0.036:].all()

# %% [markdown]
# At the left end one might as well invite everybody. The two models run close together, and the interval of one says
# little about their difference. Net benefit is a mean over people, so the difference has an interval as any mean has:
# give each person what the change of model brings to them.

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
assert won.loc["5.0%", "estimate"] > 0
won.round(1)

# %% [markdown]
# From 0.5 to 2 %, where a clinic might choose, nobody can say which model is worth more: then take the one that asks
# for two facts. At 5 % all columns are ahead, as in the AUPRC, and there the prize is a few cases in 10,000
# people. One threshold in four is little to build on; who means to invite so few should look again on new data.
#
# ## For whom does it work?
#
# An average hides groups. The same measures by age, sex, race, ethnicity and insurance, as the record knew them on the
# index date, and a rule fixed *before* looking: a group with fewer than 20 cases gets no verdict on order or slope. How
# many of its cases were expected can be said of any group, with an interval as wide as it has to be.

# %%
attributes = ["age band", "sex", "race", "ethnicity", "insurance"]
who = characteristics(emr, people, age_edges=(60, 75))[attributes]
table = by_group(y, risk, who, fewest=20, bootstrap=60)
ratios = table[table["measure"] == "O/E"].set_index("group")
plots.figure(
    plots.forest(table, "O/E", reference=1.0),
    alt="Observed over expected cases with 95 % intervals, for everybody and for groups "
    "by age, sex, race, ethnicity and insurance. Most intervals include 1. Under 60 and "
    "private insurance lie clearly below 1. The smallest groups reach from 0.4 to 2.",
    caption="Right on average, too high under 60. Of small groups hardly anything can be "
    "said.",
)

# %%
order = table[table["measure"] == "AUROC"].set_index("group")
silent = order[order["estimate"].isna()]
print("no verdict on the order in:")
print(silent["verdict"].to_string())
assert 2 <= len(silent) < len(order) / 2
assert (
    ratios.loc["under 60", "estimate"] < 0.85 and ratios.loc["under 60", "high"] < 1.2
)
assert ratios.loc["60 to 74", "estimate"] > 0.95
assert (ratios.loc[silent.index, "high"] / ratios.loc[silent.index, "low"]).min() > 2
private = (who["insurance"] == "private")[who["age band"] == "under 60"].mean()
print(f"of those under 60, {private:.0%} have private insurance")
assert private > 0.5
order["estimate"].dropna().round(2).to_frame("AUROC").T

# %% [markdown]
# Look at O/E by age. Over everybody it was near 1. Yet people under 60 were told far more than the risk that they had.
# What these were told too much, others were told too little, so the errors hide each other in the average. One
# reason is the timid slope. Another is the form of the model: a logistic regression adds the same for every
# year of age, while the disease becomes more frequent quickly up to 70 and slowly afterwards. A clinic that invites by
# these risks invites too many under 60. The same people come again further down: most of them have private insurance.
#
# By themselves these intervals would prove little. With fourteen groups, one that misses 1 is to be expected now and
# then by chance alone; a single one
# is a reason to look again on new data. The answer key will settle it below.
#
# A group without a verdict is not a group for which the model works. It is one for which nobody knows. Nor may the
# AUROCs of groups be ranked: among people of nearly one age, what age tells is gone.
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
# The label is a little too low, and to drop those who left makes it too high; the cumulative incidence comes close.
# Here one person in ten left, and they left by chance, so little harm was done. Where half of them leave, or the ill
# leave first, the same mistake ruins a study; page {doc}`16 <16-synthetic-first-then-real>` shows one on real
# records.
#
# ## Were there enough to learn from?
#
# How many people a model needs can be worked out before it is made {cite}`riley2020`. It depends on how rare the
# outcome is, on how many parameters are estimated, and on how much there is to be explained. The last is asked as a
# {term}`Cox–Snell R²`; from the prevalence and the AUROC that one hopes for it follows, if log-odds are spread
# normally.

# %%
r2 = cox_snell_r2(y.mean(), auroc=0.8)
needed = {
    f"{n} columns": required_sample_size(n, y.mean(), r2=r2).loc["all"]
    for n in (X.shape[1], len(TWO_FACTS))
}
needed = pd.DataFrame(needed).T[["people", "outcomes"]].round().astype(int)
print(f"Cox–Snell R² {r2:.4f}; here are {len(people):,} people, {y.sum()} cases")
assert needed["people"].iloc[0] > 8 * len(people) > 16 * needed["people"].iloc[1]
needed

# %% [markdown]
# For a model of all columns that is to exaggerate by no more than a tenth, hundreds of thousands. For age and smoking
# there are enough. The sum is for a regression that is not held back. Ours was; so it did not exaggerate, it became
# timid, and that is no remedy for what the people did not show.
#
# ## Would another sample have given another model?
#
# Learn from two of the parts as before, but draw the people with replacement, again and again. The same hospital, the
# same years, the same recipe. Do all these models say the same to the same person of the third part? How much they
# do not is called {term}`instability` {cite}`riley2023`.

# %%
last = part == 2
both = {"all columns": list(chosen[2]["name"]), "age and smoking": TWO_FACTS}
others = {
    name: instability(fit, X.loc[~last, c], y[~last], X.loc[last, c], bootstrap=8)
    for name, c in both.items()
}
apart = {name: table["high"] / table["low"] for name, table in others.items()}
for name, ratio in apart.items():
    print(f"{name}: the highest is {ratio.median():.1f} times the lowest (median)")
twofold = (apart["all columns"] > 2).mean()
assert (
    twofold > 0.6 and apart["all columns"].median() > apart["age and smoking"].median()
)

# %%
shown = 100 * others["all columns"].sort_values("risk")
fig, ax = plt.subplots(figsize=(4.8, 4.2))
ax.vlines(shown["risk"], shown["low"], shown["high"], linewidth=0.4, alpha=0.15)
ax.plot([0.03, 30], [0.03, 30], color="black", linewidth=1)
ax.set(xscale="log", xlabel="Three-year risk from the model (%)", xlim=(0.03, 30))
ax.set(yscale="log", ylabel="From eight redrawn models (%)", ylim=(0.01, 60))
ax.set_xticks([0.1, 1, 10], labels=["0.1", "1", "10"])
ax.set_yticks([0.1, 1, 10], labels=["0.1", "1", "10"])
plots.figure(
    fig,
    alt="For each person a vertical line from the lowest to the highest risk that eight "
    "redrawn models tell, against the risk by the model, on logarithmic axes. The lines "
    f"surround the diagonal and are long: a factor of {apart['all columns'].median():.1f} "
    "in the middle, often more.",
    caption=f"The same recipe, other draws of people: {twofold:.0%} of the people are "
    "told risks that differ more than twofold.",
)

# %% [markdown]
# Nobody could say which of these models is best. Yet they do not tell a person the same. A patient who asks "and what
# is *my* risk?" deserves an answer with this in it. The model of two facts wavers less: it has less to learn, and
# more cases for each thing.
#
# What, then, do they tell the people about whom there is nothing to know? Count what the record holds about each,
# beside age and sex:

# %%
known = X.drop(columns=["Age (years)", "Sex is male"])
empty = (known.fillna(0) == 0).all(axis=1).to_numpy()
highest = others["all columns"]["high"][empty[last]]
print(f"{empty.sum()} people about whom the record holds nothing,")
print(
    f"told {risk[empty].mean():.2%} on average, and {y[empty].sum()} of them diagnosed"
)
print(f"the highest risk from eight models: {highest.median():.2%} (median)")
called_safe = risk[empty].mean() < risk.mean() / 3
assert called_safe == (y[empty].sum() == 0)

# %% [markdown]
# They came to no visit in three years. For them "not measured" is all there is, and what a model tells them hangs on
# whether one or two among these few hundred happened to be diagnosed. Here nobody was: all models call them safe, and
# nothing in the data speaks against it. That models agree is no proof that they are right; keep these people in mind.
#
# ## How good could any model be?
#
# Is an AUROC of 0.8 good? That depends on what is possible. Some of what decides who falls ill is chance, and no
# model can read chance. A real study stops here. We have the answer key, and with it {term}`ceilings <ceiling>`.
#
# **The {term}`hazard ceiling`.** For each person the key holds the true yearly {term}`hazard` of developing lung
# cancer, from the exact age, the exact smoking history, race, lungs, and a frailty that nobody can see. How well
# would somebody do who knew it?

# %%
true_risk = hospital.truth.risk("lung_cancer", INDEX, 3, people["patient_id"])
print(
    f"{np.isnan(true_risk).sum()} people had died, which the record did not know yet:"
)
print("their true risk is 0")
hazard_risk = np.nan_to_num(true_risk)
way = ceilings(y, risk, hazard=hazard_risk)
way.round(3)

# %%
model, hazard = way.loc["model"], way.loc["hazard"]
assert model["estimate"] < hazard["estimate"] - 0.02 and hazard["estimate"] < 0.95
assert 0.6 < hazard["share"] < 0.98

# %% [markdown]
# (*Share*: how much of the way from 0.5, a coin, to the ceiling.) Even somebody who knows every cause of the disease
# stays clearly below 1.
#
# The same key settles what groups by age left open. Of all cases, what share belongs to each age: as the
# model told, by the true hazards, and as they were diagnosed?

# %%
sums = pd.DataFrame({"told": risk, "true hazard": hazard_risk, "diagnosed": y})
sums = sums.groupby(who["age band"].to_numpy()).sum().T
shares = 100 * sums.T.astype(float) / sums.sum(axis=1).astype(float)
too_much = shares["told"] / shares["true hazard"]
shares = shares.loc[["under 60", "60 to 74", "75 and over"]]
assert too_much["under 60"] > 1.4 and too_much.drop("under 60").max() < 0.98
shares.round(0).astype(int)

# %% [markdown]
# Chance has no part in the true hazards, and they side with the diagnoses: too much was told under 60, too little
# from 60 on. And those with the empty record, about whom the models agreed?

# %%
table = {"told": risk, "true risk to develop it": hazard_risk}
table = pd.DataFrame(table).groupby(np.where(empty, "empty", "others")).mean()
of_others = table.loc["empty"] / table.loc["others"]
print(f"told {of_others.iloc[0]:.0%} of what the others are told,")
print(f"with {of_others.iloc[1]:.0%} of their true risk")
assert of_others.iloc[1] > 0.4
assert of_others.iloc[0] < of_others.iloc[1] or y[empty].any()
(100 * table).round(2)

# %% [markdown]
# The model took their silence for health. Those who did not come are told that they have little to fear. With one or
# two diagnoses among them, as the next hospital may have, the same recipe would tell them nearly what it tells the
# others. Without the key nobody could have seen it: they have hardly any cases, so by our own rule they get no
# verdict.
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
# Most. So for the larger part the task is not to foretell but to *detect*. **The {term}`state ceiling`** knows who
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
way = ceilings(y, risk, hazard=hazard_risk, state=state_risk)
assert way.loc["state", "estimate"] > max(0.93, way.loc["hazard", "estimate"] + 0.03)
way.loc[["hazard", "state"]].round(2)

# %% [markdown]
# Who knows the hidden tumours needs little else. A scan may see them, a record does not, except for the faint traces
# that they leave: a cough, a falling haemoglobin. A model that reads such traces well could climb *above* the hazard
# ceiling, which knows causes but no symptoms. So neither of the two is a fair judge of a reader of records: one knows
# what no record says, the other does not know what the record says.
#
# **The {term}`record ceiling`** would be the fair judge: the best possible reader of exactly these records. Nobody has
# met that reader. But one can watch a reader improve with what it reads, and follow its curve to where it would end.
# Four sizes, three draws of people at each; all are judged on the third part.

# %%
c = both["all columns"]
read = learning_curve(
    X.loc[~last, c],
    y[~last],
    X.loc[last, c],
    y[last],
    sizes=[2_000, 4_000, 8_000, 16_000],
    seeds=range(3),
    fit=lambda X, y, seed: fit(X, y),
)
keys = dict(hazard=hazard_risk[last], state=state_risk[last], record=read)
there = ceilings(y[last], risk[last], **keys)
there.round(2)

# %%
plots.figure(
    plots.learning_curve(read.fits, there),
    alt="AUROC on other people against the number of people learned from, 2,000 to "
    "16,000, on a logarithmic axis: the mean of three fits climbs at every step. Above it "
    "three lines: the hazard and the record ceiling near 0.9, the latter with a wide "
    "band, and the state ceiling close to 1.",
    caption="The curve still climbs at the largest size, so where it ends is uncertain: "
    "the shaded band is the 95 % interval of the record ceiling.",
)
means = read.fits.groupby("people")["auroc"].mean()
assert means.iloc[-1] > means.iloc[0] + 0.03
record = there.loc["record"]
assert there.loc["model", "estimate"] - 0.01 < record["estimate"] <= 1
print("the model's share of the way to the record ceiling:")
print(
    f"{record['share']:.2f} ({record['share_low']:.2f} to {record['share_high']:.2f})"
)
assert 0.6 < record["share"] < 1.02 and record["share_high"] - record["share_low"] > 0.1

# %% [markdown]
# This is the headline of the page: about how much of what these columns hold the model has got. Read it with its
# interval, and with three warnings. The part judged on has some forty cases, so everything is wide. The reader whose
# curve we followed is a logistic regression; one that sees more in the same columns, given enough people, would raise
# the ceiling and lower the share. And the columns are themselves a choice: what they leave out of the records, no
# reader of them can find.
#
# Where is the rest lost? First of all for want of cases: the curve climbs with them. The four other algorithms of page
# 06 did not get further with as many. Some is lost by the form of age, as the groups have shown. And page
# {doc}`08 <08-what-did-it-learn>` finds a hole in the columns, by reading errors one by one.
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
    assert abs(auroc - more.loc["AUROC", "estimate"]) < 1e-6, "the order is the same"
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
pair = {"as it was": as_it_was["estimate"], "tripled": tripled["estimate"]}
pd.DataFrame(pair).loc[LOOK_AT].round(3)

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
assert carrying > not_yet
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
# - For three hundred columns there were too few people by far. Models of the same recipe tell a person different risks;
#   and what they tell those who never came hangs on one or two of them.
# - The model goes most of the way to the hazard ceiling and to the record ceiling, which this hospital knows only
#   roughly. The state ceiling shows how much of the task is detection.
#
# ## Limits
#
# The three parts share one hospital and one period, so nothing here says how the model would do elsewhere or later. The
# intervals hold the models fixed and redraw the people; they leave out that the models themselves would have
# been others. Training, too, took those who left as undiagnosed. And the ceilings are those of a simulated disease, as
# true as its file.
#
# ## What next
#
# Page {doc}`08 <08-what-did-it-learn>` asks what the model has learned, and reads its errors one by one. On page
# {doc}`09 <09-learning-cycles>` a model learns again and again, as patients are added.
