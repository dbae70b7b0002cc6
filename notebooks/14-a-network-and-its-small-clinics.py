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
# # A network and its small clinics: who learns from whom, and who is missed?
#
# A clinic with 300 patients cannot learn a risk model from its own records. On this page you let a teaching hospital
# and eight clinics learn together in five ways, one of which moves no patient's row. Afterwards you can say what each
# way brings a small clinic, what a site gives away when it shares sums, and what happens to people whose diagnoses
# are not written down. The {term}`answer key` stands beside the records throughout.
#
# **Time:** 30 minutes to read and try; the page itself runs in less than a minute.
# **What to know first:** {term}`AUROC` and {term}`calibration` ({doc}`07-how-good-is-it-really`); how records become a
# question ({doc}`05-from-records-to-a-question`).
#
# ```{warning}
# The patients are synthetic: they are for learning, development and teaching. No model on this page is for care.
# ```

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import t

from lhs_helpers import plots
from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task
from lhs_helpers.patients.diseases import known_diseases
from lhs_helpers.studies import study
from lhs_helpers.system.federated import newton, prepare
from lhs_helpers.system.masks import masked
from lhs_helpers.system.network import (
    MEMBERS,
    gather,
    judge,
    live,
    participants,
    risks,
    true_outcome,
)
from lhs_helpers.system.participant import Participant

plots.use_style()

# %% [markdown]
# ## Nine sites
#
# The sites differ in size, in whom they serve, and in how well they keep their records. *Written down* is the share
# of diagnoses that reach the record. All of it is our assumption, made so that the sites differ: it describes no real
# place.


# %%
def as_row(member):
    site = member.site
    written = ", ".join(f"{who} {share:.0%}" for who, share in site.recorded.items())
    mix = dict(zip(["white", "Hispanic", "Black"], site.races, strict=False))
    row = {"site": site.name, "patients": member.patients} | mix
    return row | {"visits": site.visits, "written down": written or "all"}


sites = pd.DataFrame(map(as_row, MEMBERS)).set_index("site")
clinics = list(sites.index[1:])
sites

# %% [markdown]
# A real clinic of 300 has nobody to spare for a fair test. A simulated one has: each site's catchment holds 1,500
# more people of the same mix, whose records are kept in the same way. Nothing is learned from them. They *judge*.
#
# As on {doc}`09-learning-cycles` we leave out seven ailments that raise no risk of another disease, to save time.

# %%
SEED = 0
LEFT_OUT = ["injury", "respiratory_infection", "urinary_infection", "osteoarthritis"]
LEFT_OUT += ["asthma", "anxiety", "hypothyroidism"]
folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
hospital = live(
    folder.name,
    MEMBERS,
    until="2017-01-01",
    seed=SEED,
    start="2012-01-01",
    diseases=sorted(set(known_diseases()) - set(LEFT_OUT)),
)
print(f"{hospital.emr.manifest['tables']['encounters']['rows']:,} encounters")

# %% [markdown]
# The question is a first diagnosis of type 2 diabetes within three years, for people of 45 and over. The columns are
# chosen at the teaching hospital, as a release would carry them, and every site fills them in.

# %%
DIABETES = "type_2_diabetes"
task = Task(DIABETES, ("SNOMED:44054006",), 3 * 365, lookback_days=730, min_age=45)
gathered = gather(hospital.emr, [task], "2014-01-01", MEMBERS, SEED)
people, X = gathered.of(DIABETES)
true = true_outcome(hospital, DIABETES, people, task)
learning, judging = people[people["learns"]], people[~people["learns"]]
counts = learning.groupby("site")["label"].agg(["size", "sum"])
counts.columns = ["people to learn from", "of them with the outcome"]
print(f"{X.shape[1]} columns")
counts.loc[sites.index]

# %% [markdown]
# Count the outcomes, not the people. The smallest clinics have a handful each: {doc}`07-how-good-is-it-really` shows
# how many a model needs.

# %%
small = counts.loc[["hills", "coast", "free clinic"], "of them with the outcome"]
assert (small < 20).all() and counts.loc["teaching hospital"].iloc[1] > 60

# %% [markdown]
# ## What the record does not say
#
# A diagnosis that was made and not written down is a label that says no. Here the label is held against the answer
# key, among all people of the cohort at a site.

# %%
both = people.assign(true=true)
label = both.groupby("site")[["label", "true"]].sum()
label["written down"] = label["label"] / label["true"]
hidden = both.groupby("site")["true"].apply(lambda known: int(known.isna().sum()))
label["had it before, unwritten"] = hidden
assert (label.loc["teaching hospital", ["written down"]] == 1).all()
assert (label.loc[["inner city", "border"], "written down"] < 0.9).all()
label.loc[sites.index].astype({"true": int}).round(2)

# %% [markdown]
# At the teaching hospital and in the suburb the two agree. In the inner city and at the border they do not: there the
# diagnoses of the largest group are often missing. Two things follow. Models learn that these people fall ill less
# often than they do. And the columns of the feature matrix, which are made of diagnoses too, say less of them.
#
# ## Learning without moving a row
#
# A logistic regression is fitted by steps that need two things: a gradient and a Hessian. Both are sums over people,
# so each site can add up its own and tell only the sum. The nine sums, added, are the sum over everybody, and the
# steps are those that would be taken with all rows in one place {cite}`wu2012`. The means and spreads that
# standardise the columns are made of sums as well. While they learn we listen in on one of them.


# %%
def listened(site, heard):
    def answer(question):
        said = site(question)
        heard.append({"asked": question["ask"]} | {k: v.size for k, v in said.items()})
        return said

    return answer


columns, heard = list(X.columns), []
network = participants(people, X)
wired = network | {"free clinic": listened(network["free clinic"], heard)}
federated = newton(wired, columns)
in_one_place = Participant(X[people["learns"].to_numpy()], learning["label"])
pooled = newton({"all rows": in_one_place}, columns)
apart = np.abs(federated.coefficients - pooled.coefficients).max()
print(
    f"{len(federated.history)} rounds; largest difference in a coefficient {apart:.0e}"
)
assert apart < 1e-6

# %% [markdown]
# The nine sites have learned the model of all rows, and no row has moved. What did move? We had listened in on the
# smallest clinic.

# %%
heard = pd.DataFrame(heard).fillna(0).set_index("asked").astype(int)
print(f"{len(heard)} answers, {heard.to_numpy().sum():,} numbers")
heard.groupby("asked", sort=False).max()

# %% [markdown]
# Every answer is a sum over the clinic's people. Its length depends on the columns, never on the people. That is not
# the same as saying nothing about them.
#
# ## A sum over one person is that person
#
# Suppose a site had one patient. Its gradient is that patient's row times a number, and the sign of the number is the
# outcome. Anybody who sees the gradient can read both.

# %%
clinic = people["learns"].to_numpy() & (people["site"] == "free clinic").to_numpy()
alone = np.flatnonzero(clinic)[:1]
careless = Participant(X.iloc[alone], people["label"].iloc[alone], fewest=1)
agreed = prepare(network, tuple(columns))[0]
start = np.zeros(len(federated.coefficients))
said = careless({"ask": "newton", "preparation": agreed, "coefficients": start})
read = said["gradient"] / said["gradient"][0]
age = read[1] * agreed.scale[0] + agreed.mean[0]
print(f"{columns[0]}: {age:.1f}, on record {people['age'].iloc[alone[0]]:.1f}")
assert np.allclose(read, agreed.apply(X.iloc[alone])[0])

# %% [markdown]
# So a site with fewer than 20 people is not let in. This is not enough: if one person at a site has a rare code, the
# row of the Hessian that belongs to that code is that person's row. In a clinic of 300 many codes are that rare.

# %%
try:
    Participant(X.iloc[alone], people["label"].iloc[alone])
except LHSError as error:
    print(error)
once = (X[clinic].fillna(0) != 0).sum() == 1
print(
    f"{int(once.sum())} of {len(columns)} columns tell on one person at the free clinic"
)
assert once.sum() >= 1

# %% [markdown]
# The remedy is to let nobody see a site's own sum. Each pair of sites agrees on random numbers that one adds and the
# other takes away; in the sum over all sites they cancel {cite}`bonawitz2017`. The coordinator learns the total and
# nothing else. What one site says is noise, and the model is the same; to save time we show it with thirty columns.

# %%
veiled = masked(network, seed=1)
question = {"ask": "sums", "columns": tuple(columns)}
open_, noise = network["free clinic"](question), veiled["free clinic"](question)
print("people at the free clinic, told openly:", int(open_["people"]))
print("the same behind a mask:", int(noise["people"]))
few = columns[:30]
unseen, seen = newton(masked(network, seed=1), few), newton(network, few)
assert np.abs(unseen.coefficients - seen.coefficients).max() < 1e-6

# %% [markdown]
# Even then the model itself is made of these people, and it is given to everybody. How much a model may tell is the
# subject of differential privacy, which this guide does not cover.
#
# ## Five ways to learn
#
# Now every way of learning is asked about the people who judge.
#
# - **local**: each site learns from its own people, if at least 3 have the outcome
# - **shared**: the teaching hospital's model, as it is
# - **recalibrated**: the same, moved to the level of each site by the site's own people
# - **federated**: one model of everybody, by the steps above (to many digits the *pooled* one)
# - **bagged trees**: each site grows a few trees on its own rows and sends the trees; all are used together
#
# `averaged` is federated in another way, and `pooled trees` are grown on all rows; both come further down. At each
# site a tenth of its people can be followed up: those with the highest risks.

# %%
told = risks(people, X, "teaching hospital", SEED)
table = judge(people, told, true)
here = table[table["by"] == "site"]
shown = ["local", "shared", "recalibrated", "federated", "bagged trees"]
here.pivot_table("true AUROC", "which", "strategy").loc[sites.index, shown].round(2)

# %% [markdown]
# A clinic's own model may be no better than a coin, and what the others learned serves it better. But look along a
# row: with some twenty outcomes among those who judge at a site, one hospital's figures wander. A study lived the
# same network with other seeds, for four diseases, and asked the same people. First, does it agree with what you have
# just run?

# %%
results, facts = study("equity")
network_rows = results[results["arm"] == "network"]
as_they_are = network_rows[network_rows["records"] == "as they are"]
print(f"{as_they_are['seed'].nunique()} hospitals, {len(facts['targets'])} diseases")

# %%
same = as_they_are.query("seed == @SEED and target == @DIABETES and by == 'site'")
pair = here.merge(same, on=["strategy", "which"], suffixes=("", " study"))
difference = (pair["true AUROC"] - pair["true AUROC study"]).abs()
print(f"{len(pair)} figures compared; differences in AUROC:")
print(f"mean {difference.mean():.4f}, largest {difference.max():.3f}")
assert len(pair) == 7 * 9 and difference.mean() < 0.01

# %% [markdown]
# They agree, up to what a slightly different choice of columns does: the study chose them for all its diseases at
# once.
#
# ## What a small clinic gains
#
# Per hospital we take the mean over the eight clinics, and then the mean and its 95 % interval over hospitals. Judged
# by the answer key.


# %%
def over_hospitals(values):
    """Mean and 95 % interval (Student's t) of one value per hospital, in each column."""
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    mean = values.mean()
    return pd.DataFrame({"mean": mean, "low": mean - half, "high": mean + half})


def clinic_means(rows, measure):
    """One value per hospital and disease: the mean over the eight clinics."""
    rows = rows[(rows["by"] == "site") & rows["which"].isin(clinics)]
    return rows.pivot_table(measure, ["seed", "target"], "strategy")


auroc = clinic_means(as_they_are, "true AUROC")
pairs = [
    ("federated", "local"),
    ("shared", "local"),
    ("federated", "shared"),
    ("bagged trees", "federated"),
    ("bagged trees", "pooled trees"),
]
gains = pd.DataFrame({f"{a} − {b}": auroc[a] - auroc[b] for a, b in pairs})
gain = over_hospitals(gains.groupby("seed").mean())
gain.round(3)

# %%
for target in facts["targets"]:
    one = over_hospitals(gains.xs(target, level="target")).iloc[0]
    interval = f"{one['low']:.3f} to {one['high']:.3f}"
    print(f"{target}: federated − local {one['mean']:.3f} ({interval})")
    assert one["mean"] > 0.03
each = gains.groupby("seed").mean()
assert (each[["federated − local", "shared − local"]] > 0.03).all(axis=None)
assert (each["federated − shared"] < each["federated − local"]).all()
assert each["bagged trees − pooled trees"].mean() < 0

# %% [markdown]
# For each of the four diseases a clinic is better off with what the network learned than with what it learned alone,
# and in every hospital of the study, in the mean over the diseases. Between the teaching hospital's model and the
# federated one the difference is smaller. Trees lose when each site grows its own: a site of 300 people grows stumps.
#
# The figure shows the sites one by one, the largest at the top.


# %%
def by_site(rows, measure):
    """One value per hospital and site: the mean over the diseases."""
    rows = rows[rows["by"] == "site"]
    return rows.pivot_table(measure, "seed", ["strategy", "which"])


site_auroc = by_site(as_they_are, "true AUROC")
fig, ax = plt.subplots(figsize=(5.4, 4.2))
marks = {"local": "o", "shared": "s", "bagged trees": "^", "federated": "D"}
place = np.arange(len(sites))
for k, (strategy, mark) in enumerate(marks.items()):
    line = over_hospitals(site_auroc[strategy][sites.index])
    error = [line["mean"] - line["low"], line["high"] - line["mean"]]
    at = place + 0.17 * (k - 1.5)
    style = dict(fmt=mark, capsize=2, linewidth=1, markersize=5, color=plots.PALETTE[k])
    ax.errorbar(line["mean"], at, xerr=error, label=strategy, **style)
ax.set_yticks(place, [f"{name} ({n:,})" for name, n in sites["patients"].items()])
ax.invert_yaxis()
ax.axvline(0.5, color="grey", linestyle=":", linewidth=1.2)
ax.set(xlabel="AUROC by the answer key (with 95 % interval)", ylabel="Site (patients)")
fig.legend(fontsize=9, loc="outside upper center", ncols=4)
plots.figure(
    fig,
    alt="Nine sites from the teaching hospital down to the free clinic, and for each the AUROC of four ways of "
    "learning. Local models fall from the level of the others at the teaching hospital towards a half at the "
    "smallest clinics; shared and federated models stay about level at all sites.",
    caption="The smaller the clinic, the worse its own model. A model from the network does about as well there as at "
    "the teaching hospital. Mean of four diseases, with 95 % intervals over hospitals.",
)
local = site_auroc["local"].mean()
assert (
    local["teaching hospital"] > local[["hills", "coast", "free clinic"]].max() + 0.05
)

# %% [markdown]
# ## Who is missed
#
# Now the people of whom six diagnoses in ten, or fewer, are written down, against all others. `O/E` is the number of
# outcomes observed over the number expected: 1 is right, above 1 the risks are too low. On the left as the record
# counts outcomes, on the right as they happened.


# %%
def by_writing(rows, measure):
    """One value per hospital: the mean over the diseases, for people under-recorded or not."""
    rows = rows[rows["by"] == "written"]
    return rows.pivot_table(measure, "seed", ["strategy", "which"])


ways = ["shared", "recalibrated", "federated"]
ratios = {name: by_writing(as_they_are, name) for name in ("O/E", "true O/E")}
fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.2), sharey=True)
for ax, (measure, values) in zip(axes, ratios.items(), strict=True):
    for k, (who, mark) in enumerate({"recorded": "o", "under-recorded": "D"}.items()):
        line = over_hospitals(values.xs(who, axis=1, level="which")[ways])
        error = [line["mean"] - line["low"], line["high"] - line["mean"]]
        style = dict(fmt=mark, capsize=3, color=plots.PALETTE[k])
        ax.errorbar(
            np.arange(3) + 0.14 * (2 * k - 1), line["mean"], error, label=who, **style
        )
    ax.axhline(1, color="grey", linestyle="--", linewidth=1.2)
    ax.set_xticks(range(3), ways, rotation=20)
    ax.set(xlabel="Way of learning")
    ax.set_title("by the record" if measure == "O/E" else "by the answer key")
axes[0].set(ylabel="Observed over expected")
axes[0].legend(fontsize=9, loc="upper left")
plots.figure(
    fig,
    alt="Observed over expected outcomes for three ways of learning, in two panels. By the record, people who are "
    "under-recorded seem to have far fewer outcomes than the shared model expects, and nearer to as many as the "
    "recalibrated one expects. By the answer key, the recalibrated model expects far too few of them.",
    caption="Recalibrating to the record makes the risks of under-recorded people look better and be worse. Mean of "
    "four diseases, with 95 % intervals over hospitals.",
)

# %%
poor = {
    name: over_hospitals(values.xs("under-recorded", axis=1, level="which"))
    for name, values in ratios.items()
}
print(poor["O/E"].loc[ways].round(2).assign(by="record").to_string())
print(poor["true O/E"].loc[ways].round(2).assign(by="answer key").to_string())
assert poor["O/E"].loc["shared", "mean"] < 0.85
assert poor["true O/E"].loc["recalibrated", "mean"] > 1.3
wrong = ratios["true O/E"].xs("under-recorded", axis=1, level="which")
assert (wrong["recalibrated"] > wrong["shared"]).all()

# %% [markdown]
# By the record the teaching hospital's model overestimates the risk of these people, and anybody who checks
# {term}`calibration` at the clinic will say so and repair it. The repair is the error. What looked like too high a
# risk was a low rate of writing down. The federated model has learned from the same poor labels and errs in the same
# direction, by less, because most of its people are well recorded. The choice of the {term}`label` did this, not the
# algorithm; in a well-known case a model of cost, taken for a model of need, passed over Black patients for the same
# reason {cite}`obermeyer2019`.
#
# Are they also missed more often? Each site follows up a tenth of its people. `true recall` is the share of those who
# really had the outcome who were among them.

# %%
caught = by_writing(as_they_are, "true recall")
behind = {
    way: caught[way, "under-recorded"] - caught[way, "recorded"]
    for way in ["local", *ways, "bagged trees"]
}
recall = over_hospitals(pd.DataFrame(behind))
levels = caught.mean().rename("share").reset_index()
levels = levels.pivot_table("share", "strategy", "which")
assert levels["recorded"].idxmin() == levels["under-recorded"].idxmin() == "local"
assert recall.loc["federated", "high"] < 0
levels.join(recall.add_prefix("difference: ")).round(3)

# %% [markdown]
# The table counts two things at once. Followed up at the same rate, people whose diagnoses are not written down are
# found less often than others by the federated model, by bagged trees and by a site's own; for the other two ways of
# learning the difference points the same way, and its interval holds zero. Five intervals were looked at, of the same
# people, so three that leave zero out are more than a hint and less than three proofs. What is sure stands in the first two columns of numbers: a site's own model finds the fewest, of both.
#
# ## The same lives, better records
#
# The study lived the same lives a second time, at sites that write down everything they find. Nothing else differs:
# the same people fall ill on the same days. So a difference is due to the records alone.

# %%
complete = network_rows[network_rows["records"] == "complete"]
effect = {}
for measure in ("true AUROC", "true recall", "true O/E"):
    now, then = (by_writing(rows, measure) for rows in (complete, as_they_are))
    change = (now - then).xs("under-recorded", axis=1, level="which")
    effect[measure] = over_hospitals(change[["local", *ways]].dropna())
change = {measure: line["mean"] for measure, line in effect.items()}
assert change["true O/E"]["recalibrated"] < -0.2
assert abs(change["true O/E"]["shared"]) < 0.15
assert abs(change["true AUROC"][ways]).max() < 0.03
pd.concat(effect, axis=1).round(3)

# %% [markdown]
# Better records move the *level* of the risks, and hardly the order of the people. With complete records the
# recalibrated model is no longer wrong by the share that was not written down; the shared model, which never learned
# from the clinics, has the level it had. What remains above 1 is not the record's doing: at these clinics more people
# fall ill than people of the same columns do at the teaching hospital.
#
# So for *who is followed up first* it matters more that a clinic has the network's model than how it writes. For *how
# many need follow-up*, and for any rule that compares a risk with a threshold, what is written down decides. A
# network that only compares AUROC would see none of it.

# %% [markdown]
# ## Averaging: fewer talks, and where they end
#
# Another way to learn together sends coefficients. Each site takes some steps on its own rows, the coordinator
# averages where the sites have arrived, weighted by people, and they start again from there. It is called
# {term}`federated averaging`, or FedAvg {cite}`mcmahan2017`. With one step a round it is the same descent that pooled
# rows would take, in small steps; with more, each site walks towards its own model before it hears from the others.
#
# The study held it against the Newton fit, in a regression of twenty columns. The distance is that of the log-odds of
# those who judge (root of the mean square). The people who learn were dealt to the sites in three ways: at random, as
# they live, and by risk, the lowest risks at one site and the highest at another.

# %%
averaging = results[results["arm"] == "averaging"]
names = {"alike": "at random", "as they are": "as they live", "by risk": "by risk"}
fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.4), sharey=True)
for ax, rounds in zip(axes, (5, 50), strict=True):
    for k, (deal, name) in enumerate(names.items()):
        rows = averaging[averaging["deal"].eq(deal) & averaging["rounds"].eq(rounds)]
        short = rows.groupby("steps")["short"].mean()
        ax.plot(short, marker="osD"[k], linestyle=["-", "--", ":"][k], label=name)
    ax.set(xscale="log", yscale="log", title=f"after {rounds} rounds")
    ax.set_xticks([1, 5, 25, 125], labels=["1", "5", "25", "125"])
    ax.set_yticks([0.03, 0.1, 0.3, 1], labels=["0.03", "0.1", "0.3", "1"])
    ax.minorticks_off()
    ax.set_xlabel("Steps of a site between two talks")
axes[0].set_ylabel("Distance from the Newton fit\n(log-odds, root mean square)")
axes[0].legend(fontsize=9, title="people dealt to sites", title_fontsize=9)
plots.figure(
    fig,
    alt="Two panels: distance from the Newton fit against the number of steps between two talks, from 1 to 125. "
    "After 5 rounds it falls up to 25 steps and then rises. After 50 rounds it rises beyond 5 steps. "
    "With 25 steps or more it is largest when people are dealt to sites by risk.",
    caption="More steps alone: nearer at first, and further off in the end. Sites that differ by risk end furthest off.",
)

# %%
ends = averaging[averaging["rounds"] == 50]
short = ends.pivot_table("short", ["seed"], ["deal", "steps"])
loss = ends.assign(loss=ends["AUROC newton"] - ends["AUROC"])
print(ends.pivot_table("short", "deal", "steps").round(3).to_string())
print(loss.pivot_table("loss", "deal", "steps").round(4).to_string())
for deal in names:
    further = over_hospitals((short[deal, 125] - short[deal, 5]).to_frame("125 − 5"))
    assert further.loc["125 − 5", "low"] > 0
assert short["by risk", 125].mean() > 1.2 * short["alike", 125].mean()
assert (short["by risk", 5] > 0.5).sum() == 1  # one hospital did not settle

# %% [markdown]
# With few talks it pays to let sites work alone for a while. With many it costs: 125 steps end further from the
# common fit than 5, however the people are dealt. Sites that differ by risk end furthest off. That people *live* at
# different sites matters less here than one might fear: our sites differ in mix, not in how disease comes about. In
# AUROC the loss is in the third decimal, and about .01 where people are dealt by risk; in one hospital of the ten the
# averages did not settle there at all. For the level of risks a distance of 0.3 log-odds is a third more, or less, for
# the same person.
#
# Newton steps need none of this care. They take seven rounds, against fifty; the price is a Hessian, whose size grows
# with the square of the columns, and what it may tell. Regressions can pay it. Networks of many layers cannot, and
# are averaged.
#
# ## Exercises
#
# ```{exercise-start} How much is said?
# :label: ex14-numbers
# ```
# In one round of Newton steps a site tells its loss, its gradient and its Hessian. How many numbers are that, for a
# model with `k` coefficients? Write a function `numbers(k)` and run `check_numbers(numbers)`.


# %%
def check_numbers(numbers):
    assert numbers is not None, "write a function of the number of coefficients"
    k = len(federated.coefficients)
    steps = heard.loc["newton"].sum(axis=1)
    assert (steps == numbers(k)).all(), "compare with what the free clinic said"
    print(f"{k} coefficients: {numbers(k):,} numbers a round")


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex14-numbers
# :class: dropdown
# ```


# %%
def numbers(k):
    return 1 + k + k**2


check_numbers(numbers)
held = X[clinic].size
print(f"the clinic's own rows are {held:,} numbers")
assert numbers(len(federated.coefficients)) > held

# %% [markdown]
# In one round the free clinic tells more numbers than its rows hold. The Hessian is symmetric, so nearly half of them
# are said twice; the clinic still tells more than it has. That alone should make you ask what could be worked out
# from them.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} Right by the truth
# :label: ex14-repair
# ```
# At the border the recalibrated risks are right by the record and too low in truth. Suppose somebody reads a sample
# of charts there and finds which share of the diagnoses is written down: `label.loc["border", "written down"]`. Use
# it to repair the recalibrated risks of the people who judge there, in `told["recalibrated"]`. Call the result
# `repaired` and run `check_repaired(repaired)`.


# %%
border = told.index[people.loc[told.index, "site"] == "border"]


def check_repaired(repaired):
    assert repaired is not None and len(repaired) == len(border), "a risk for each"
    known = true.loc[border].notna().to_numpy()
    happened = true.loc[border][known].sum()
    before = happened / told.loc[border, "recalibrated"][known].sum()
    after = happened / np.asarray(repaired)[known].sum()
    print(f"observed over expected, by the answer key: {before:.2f}, now {after:.2f}")
    share = label.loc["border", "written down"]
    assert after < before, "the risks are too low, so they have to grow"
    assert abs(before / after * share - 1) < 0.05, (
        "which risk becomes right when only this share of the diagnoses is written down?"
    )


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex14-repair
# :class: dropdown
# ```

# %%
repaired = told.loc[border, "recalibrated"] / label.loc["border", "written down"]
check_repaired(repaired)

# %% [markdown]
# The level is nearer the truth, for everybody at the border alike. Within the site it is still wrong: the share
# differs between groups, and an average repairs nobody in particular. Reading charts of each group would tell. So
# would writing diagnoses down.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} One threshold for all
# :label: ex14-threshold
# ```
# We let each site follow up a tenth of its people. A network could instead use one threshold of the federated risk
# that alerts a tenth of all who judge. Work out the share of people who are then alerted at each site, as a Series
# `alert_rate` by site, and run `check_rate(alert_rate)`. Which sites would need more staff?


# %%
def check_rate(alert_rate):
    assert alert_rate is not None, "store a share for each site as alert_rate"
    assert set(alert_rate.index) == set(sites.index), "every site, once"
    n = people.loc[told.index].groupby("site").size()
    total = (alert_rate * n).sum() / n.sum()
    print(f"alerted in all: {total:.1%}")
    assert 0.09 < total < 0.11 and alert_rate.max() > 1.3 * alert_rate.min()


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex14-threshold
# :class: dropdown
# ```

# %%
alert = told["federated"] >= told["federated"].quantile(0.9)
alert_rate = alert.groupby(people.loc[told.index, "site"]).mean()
check_rate(alert_rate)
assert alert_rate["inner city"] > alert_rate["teaching hospital"] + 0.02
alert_rate.sort_values().round(3)

# %% [markdown]
# The inner city would need half as much staff again as the teaching hospital, for as many people, and so would the town
# and the valley. Of the inner city one might have
# expected the opposite, since a place whose records hold less has fewer high risks to show; here it weighs more whom a
# site serves. One threshold sends the staff to where the model sees risk, and a tenth at each site sends it everywhere
# alike. Which of the two is fair no model can say, and where diagnoses are not written down neither follows the true
# risk.
#
# ```{solution-end}
# ```
#
# ## What we have seen
#
# - Nine sites learn, by adding up gradients and Hessians, the model that all rows in one place would give: in a
#   handful of rounds, without a row that moves. A review of 26 papers on federated learning in medicine found the
#   same: close to the central model, and better than local ones in all but two of those that compared
#   {cite}`kirienko2021`.
# - A sum can be a person. Small sites, and rare codes at any site, need masks; a smallest number of people alone is
#   not enough.
# - The smaller the clinic, the more it gains from the network; a model of the teaching hospital alone brings it most
#   of that.
# - Diagnoses that are not written down make labels that say no. Recalibrating to such labels makes risks that look
#   right and are too low, for those who are under-recorded. Only the answer key shows it; in real records it takes
#   reading charts.
# - Averaging with many steps between talks ends elsewhere; how far depends on how sites differ.
#
# ## Limits
#
# All sites follow the same rules of disease and care; they differ in mix, visits, tests and writing, by shares we
# chose. A real clinic also differs in its codes, its units and its doctors, and the columns of a teaching hospital
# may not exist there at all. The federated fit needs every site to be present in every round; ours never fell silent.
# That masks hide a site's sums holds for a coordinator who follows the rules, and is no proof against one who does
# not. The clinics are judged on 1,500 neighbours each, on the same index date as those who learned: no time has
# passed between learning and judging. The intervals are over hospitals of one generator. What is written down was
# made missing by chance within a group; in real records those with the fewest visits lose the most.
#
# ## What next
#
# {doc}`15-three-hypotheses-tested` asks whether networks make small clinics equal, beside two other hypotheses about
# learning health systems, and says beforehand what would count as no.

# %%
folder.cleanup()
