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
# # Three hypotheses, tested: performance, equity, AI
#
# The Open LHS project states three hypotheses about {term}`learning health systems <learning health system>`
# {cite}`lhsguide2023`: with enough data they reach more than 95 % {term}`recall` and {term}`precision` for most
# diseases; a network led by large hospitals gives small clinics the same models; most models from medical records are
# best built and used inside such a system. On this page each becomes a question with a measure and a way to fail, is
# put to several diseases in several hospitals, and is answered with what came out. Afterwards you can do the same
# with a claim of your own.
#
# **Time:** 25 minutes to read and try; the page itself runs in less than a minute.
# **What to know first:** {doc}`09-learning-cycles` and {doc}`14-a-network-and-its-small-clinics`; {term}`AUROC`.
#
# ```{warning}
# The patients are synthetic: they are for learning, development and teaching. No model on this page is for care. A
# hypothesis that fails here has failed in one simulated world, and one that holds has held in no other.
# ```

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.metrics import roc_auc_score

from lhs_helpers import plots
from lhs_helpers.learning import FeaturePlan, Task, cohort, split_people, train
from lhs_helpers.patients import Hospital, Site
from lhs_helpers.patients.diseases import known_diseases
from lhs_helpers.patients.scenarios import (
    CodeReplaced,
    Newcomers,
    RateChange,
    UnitChange,
)
from lhs_helpers.studies import study

plots.use_style()

# %% [markdown]
# ## First the rules
#
# A hypothesis that cannot fail says nothing. The questions, the measures and the rules of decision stand in the
# script of the study. They were written before its results.

# %%
results, facts = study("hypotheses")
rules = pd.DataFrame(facts["rules"])
for rule in facts["rules"]:
    print(f"{rule['hypothesis']}. {rule['question']}")
    print(f"    measure: {rule['measure']}")
    print(f"    yes for a disease when: {rule['holds for a disease when']}")
print("A hypothesis holds when", facts["a hypothesis holds when"])

# %% [markdown]
# Performance and AI are asked of eight diseases: who has a first diagnosis within three years, at the
# {term}`prevalence` that 45-year-old and older people have? The hospitals are the networks of page 14, with all nine
# sites together. Equity is answered by that page's own study.

# %%
DIABETES = "type_2_diabetes"
part = {name: rows for name, rows in results.groupby("arm")}
print({name: f"{rows['seed'].nunique()} hospitals" for name, rows in part.items()})
performance = part["performance"]
full = performance["patients"].max()
everybody = performance[performance["patients"] == full]
print(f"{full:,.0f} patients, of whom {everybody['learned_from'].mean():,.0f} learn")
everybody.groupby("disease")["cases"].mean().round().astype(int)


# %%
def over_hospitals(values):
    """Mean and 95 % interval (Student's t) of one value per hospital, in each column."""
    n = values.notna().sum()
    half = t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)
    mean = values.mean()
    return pd.DataFrame({"mean": mean, "low": mean - half, "high": mean + half})


answers = {}


def answer(number, yes):
    """Keep which diseases say yes to a question, and say how many."""
    rule = facts["rules"][number]
    answers[rule["hypothesis"], rule["question"]] = yes
    print(f"{rule['question']} Yes for {yes.sum()} of {len(yes)} diseases.")


# %% [markdown]
# ## Performance
#
# ### Do more patients make a better model?
#
# {term}`Gradient boosting <gradient boosting>` learned from everybody, against the same learned from a sixteenth of
# them, judged on the same people.

# %%
boosted = performance[performance["algorithm"] == "gradient boosting"]
auroc = boosted.pivot_table("AUROC", "seed", ["disease", "patients"])
sizes = sorted(boosted["patients"].unique())
gain = auroc.xs(sizes[-1], axis=1, level=1) - auroc.xs(sizes[0], axis=1, level=1)
gain = over_hospitals(gain)
assert round(sizes[-1] / sizes[0]) == 16
answer(0, gain["low"] > 0)
gain.round(3)

# %% [markdown]
# Sixteen times the patients make a better model; the smallest sample holds so few cases that boosting has nothing to
# hold on to. Where the interval includes 0 the question is answered with no, which here means *not shown*.
#
# ### Does it reach a recall and a precision of 95 %?
#
# Recall rises and precision falls as more people are alerted. Where as many are alerted as have the outcome, the two
# are equal. A model that reaches 95 % of both at any {term}`threshold` comes to 90 % or more there. We take the
# better of two algorithms for each disease, which flatters it.

# %%
meet = everybody[everybody["columns"] == "all"]
meet = meet.pivot_table("met", "seed", ["disease", "algorithm"])
best = meet.mean().groupby("disease").idxmax()
reached = over_hospitals(meet[list(best)].droplevel("algorithm", axis=1))
answer(1, reached["high"] >= 0.95)
reached.round(3)

# %% [markdown]
# Nowhere near. Is the model poor, or the question hard? The {term}`answer key` knows each person's true
# {term}`hazard`, which no record could tell. Even whoever alerts by it is right about a fraction of the time, because
# whether a person with a risk of one in ten falls ill is up to chance. And the study of 2022 measured recall and
# precision among one case and three others {cite}`chen2022`; we do that as well, with the same models.

# %%
hazard = performance[performance["algorithm"] == "true hazard"]
one_to_three = everybody[everybody["columns"] == "all"]
one_to_three = one_to_three.pivot_table(
    "met one to three", "seed", ["disease", "algorithm"]
)
shown = {
    "model, everybody": reached,
    "true hazard, everybody": over_hospitals(
        hazard.pivot_table("met", "seed", "disease")
    ),
    "model, one to three": over_hospitals(
        one_to_three[list(best)].droplevel("algorithm", axis=1)
    ),
}
diseases = list(reached["mean"].sort_values(ascending=False).index)
in_words = {n: n.replace("_", " ").replace("copd", "COPD") for n in diseases}
fig, ax = plt.subplots(figsize=(5.4, 4.4))
for k, (name, mark) in enumerate(zip(shown, "oDs", strict=True)):
    line = 100 * shown[name].loc[diseases]
    error = [line["mean"] - line["low"], line["high"] - line["mean"]]
    at = np.arange(len(diseases)) + 0.2 * (k - 1)
    style = dict(fmt=mark, capsize=2, linewidth=1, markersize=5, color=plots.PALETTE[k])
    ax.errorbar(line["mean"], at, xerr=error, label=name, **style)
ax.axvline(95, color="grey", linestyle="--", linewidth=1.4, label="the hypothesis")
ax.set_yticks(range(len(diseases)), in_words.values())
ax.invert_yaxis()
ax.set(xlabel="Recall = precision (%)", ylabel="Disease", xlim=(0, 100))
fig.legend(fontsize=9, loc="outside upper center", ncols=2)
ends = [
    f"{100 * s['mean'].min():.0f} to {100 * s['mean'].max():.0f} %"
    for s in shown.values()
]
plots.figure(
    fig,
    alt="For eight diseases, the value at which recall and precision meet, against a line at 95 %. The model on "
    f"everybody reaches {ends[0]}, the true hazard on everybody {ends[1]}, and the model on one case and three others "
    f"{ends[2]}.",
    caption="No disease comes near 95 %, and neither does the true hazard. Three others to a case make the same "
    "models look several times better. Lines: 95 % intervals over hospitals.",
)

# %%
truth, sampled = shown["true hazard, everybody"], shown["model, one to three"]
assert meet.max(axis=None) < 0.6 and hazard["met"].max() < 0.7
assert (sampled["mean"] > 1.5 * reached["mean"]).all() and sampled["mean"].max() < 0.9

# %% [markdown]
# So the claim of 95 % cannot be met for the question that a unit would ask, whatever the number of patients: not by
# these models, and not by whoever knows the hazard. (For diseases that are there for years before they are found the
# hazard is no ceiling: the record may show the disease itself, and {doc}`07-how-good-is-it-really` has the ceiling
# that counts.) Among one case and three others, the same models come out several times better, without having learned
# anything. A figure for recall and precision means little without its {term}`prevalence`.
#
# ## Equity
#
# These answers come from the study of page 14, and are judged by the answer key. First: what does a model of the
# network bring to the eight clinics, against what each learns alone?

# %%
network, network_facts = study("equity")
network = network[(network["arm"] == "network") & (network["by"] == "site")]
network = network[network["records"] == "as they are"]
teaching = network["which"] == "teaching hospital"
at_clinics = network[~teaching].pivot_table(
    "true AUROC", "seed", ["strategy", "target"]
)
at_hospital = network[teaching].pivot_table(
    "true AUROC", "seed", ["strategy", "target"]
)
gained = over_hospitals(at_clinics["federated"] - at_clinics["local"])
answer(2, gained["low"] > 0)
gained.round(3)

# %% [markdown]
# Second: does the common model tell people apart at the clinics as well as at the big hospital?

# %%
gap = over_hospitals(at_clinics["federated"] - at_hospital["federated"])
answer(3, gap["low"] > -0.03)
gap.round(3)

# %% [markdown]
# The clinics gain, and for each disease. Whether the common model serves them *as well* is harder to say: of the
# teaching hospital's 1,500 judges few fall ill, and the intervals of the difference are wide. Our rule asks that the
# interval lie above -0.03, and a wide interval fails it. That is a no for want of evidence, and not evidence of a
# gap. And the same AUROC is not the same service: page 14 shows risks that are too low where diagnoses are not
# written down.
#
# ## AI
#
# ### Does machine learning beat a simpler model?
#
# Gradient boosting against logistic regression, on the same columns and the same people. Beside it, though no rule
# was made of it: against a logistic regression of age and sex.

# %%
models = everybody.pivot_table("AUROC", "seed", ["disease", "algorithm", "columns"])
boosting = models.xs(("gradient boosting", "all"), axis=1, level=[1, 2])
logistic = models.xs(("logistic regression", "all"), axis=1, level=[1, 2])
simplest = models.xs(("logistic regression", "age and sex"), axis=1, level=[1, 2])
against_logistic = over_hospitals(boosting - logistic)
against_age = over_hospitals(boosting - simplest)
answer(4, against_logistic["low"] > 0)
BY_AGE = ["atrial_fibrillation", "coronary_disease", "dementia"]
BY_AGE += ["myocardial_infarction", "stroke"]
assert (against_age.loc[BY_AGE, "low"] < 0).all()
assert (against_age["low"].drop(BY_AGE) > 0).all()
assert against_age["mean"].idxmax() == DIABETES
both = {"− logistic regression": against_logistic, "− age and sex": against_age}
pd.concat(both, axis=1).round(3)

# %% [markdown]
# On hundreds of columns, boosting and a penalised regression are close, and which is ahead depends on the disease. Three
# of eight is not more than half: the rule says no.
#
# The more sobering comparison is the second. For five diseases that come with age, a regression of two columns does as
# well as a model of hundreds learned from a few thousand people, or better. Learning from records has to earn its
# place, disease by disease: it does for diabetes, whose signs stand in the laboratory values, and by less for COPD and
# heart failure.
#
# ### Does going on learning beat learning once?
#
# Here a hospital lives on, twice. One world stands still. In the other, glucose is reported in another unit from 2014
# on, hypertension gets another code, type 2 diabetes and heart failure become half as frequent again, and newcomers
# have another mix. A model learned on 1 January 2013 is kept; another is learned anew on 1 January 2015, when the
# world has changed; both judge other people from 1 January 2017 on. You run one cell of that grid now: the world that
# changes, and diabetes.

# %%
SEED = 0
LEFT_OUT = ["injury", "respiratory_infection", "urinary_infection", "osteoarthritis"]
LEFT_OUT += ["asthma", "anxiety", "hypothyroidism"]
since = {"since": "2014-01-01"}
mix = Site(name="elsewhere", races=(0.2, 0.7, 0.03, 0.02, 0.05), uninsured=0.3)
old, new = "SNOMED:59621000", "SNOMED:38341003"
changes = [
    UnitChange(code="LOINC:2345-7", factor=0.0555, unit="mmol/L", **since),
    CodeReplaced(old=old, new=new, description="Hypertension", **since),
    RateChange(of=DIABETES, factor=1.5, **since),
    RateChange(of="heart_failure", factor=1.5, **since),
    Newcomers(mix=mix, **since),
]
folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
hospital = Hospital(
    folder.name,
    patients=14_000,
    seed=100 + SEED,
    start="2012-01-01",
    scenarios=changes,
    diseases=sorted(set(known_diseases()) - set(LEFT_OUT)),
)
emr = hospital.advance("2019-01-01")

# %%
code = facts["targets"][DIABETES]
task = Task(DIABETES, (code,), window_days=730, lookback_days=365, min_age=45)
judging = split_people(cohort(emr, task, "2017-01-01"), 0.7, SEED)[1]
live = {}
for name, at, known in [
    ("kept", "2013-01-01", "2015-01-01"),
    ("relearned", "2015-01-01", "2017-01-01"),
]:
    people = split_people(cohort(emr.as_of(known), task, at), 0.7, SEED)[0]
    plan, X = FeaturePlan.fit_apply(
        emr.as_of("2017-01-01"), people, task, min_share=0.02
    )
    model = train(X, people["label"], "logistic regression", SEED)
    live[name] = model.predict_proba(plan.apply(emr, judging))[:, 1]
live = {name: roc_auc_score(judging["label"], p) for name, p in live.items()}
cell = part["changing"].query("seed == @SEED and disease == @DIABETES")
cell = cell.set_index("model")["AUROC"]
print({name: round(value, 3) for name, value in live.items()})
print("in the study:", cell.round(3).to_dict())
assert all(abs(live[name] - cell[name]) < 0.005 for name in live)
assert cell["kept"] < 0.6 < 0.75 < cell["relearned"]

# %% [markdown]
# The cell agrees with the study. Now all of them.

# %%
worlds = {}
for name in ("standing", "changing"):
    models = part[name].pivot_table("AUROC", "seed", ["model", "disease"])
    worlds[name] = over_hospitals(models["relearned"] - models["kept"])
answer(5, worlds["changing"]["low"] > 0)
pd.concat(worlds, axis=1).round(3)

# %%
rate = pd.concat([part["standing"], part["changing"]])
level = rate.pivot_table("O/E", ["arm", "disease"], "model", aggfunc="median")
changed = level.loc["changing"].drop("copd")
assert (changed["kept"] > 1.15).all()
assert changed[["recalibrated", "relearned"]].sub(1).abs().max(axis=None) < 0.15
assert (changed[["recalibrated", "relearned"]].max(axis=1) < changed["kept"]).all()
level.round(2)

# %% [markdown]
# In the world that changes, the model of diabetes learned in 2013 reads glucose in the wrong unit and has all but
# stopped working; the one learned anew is unharmed. For diseases that hang less on what was changed nothing much is
# lost by keeping the old model. In the world that stands still, going on learning brings new people in place of old
# ones, and no clear gain. So "does going on learning beat learning once?" has no answer without "what has changed?"
# {doc}`05-from-records-to-a-question` and monitoring ask that first.
#
# The last table shows what the rule did not ask: the *level* of the risks, outcomes observed over expected. In the world
# that changes, the kept models expect too few for three of the four diseases. Learning anew repairs most of that. So does
# recalibrating, with two numbers and without a new model; but for diabetes it leaves the ranking lost.
#
# ## The verdicts

# %%
verdicts = pd.DataFrame(
    {"yes": {q: yes.sum() for q, yes in answers.items()},
     "of": {q: len(yes) for q, yes in answers.items()}}
)  # fmt: skip
verdicts["answer"] = np.where(verdicts["yes"] > verdicts["of"] / 2, "yes", "no")
holds = verdicts["answer"].eq("yes").groupby(level=0).all()
assert list(verdicts["answer"]) == ["yes", "no", "yes", "no", "no", "no"]
assert not holds.any()
print(holds.map({True: "holds", False: "does not hold"}).to_string())
verdicts

# %% [markdown]
# Read the table before the verdict. More patients help, and 95 % is out of reach: Performance fails as it was stated.
# Small clinics gain from the network; whether they get as much as the big hospital is not shown. And neither a more
# flexible algorithm nor a more recent model wins by itself.
#
# None of this says that a learning health system is a bad idea. It says that the three sentences are too short to be
# true or false: each leaves out the prevalence, the comparison, or the change in the world. With these put in, each
# becomes a question that a hospital can answer for itself.
#
# ## Exercises
#
# ```{exercise-start} A rule of your own
# :label: ex15-rule
# ```
# A committee asks for less: alert a tenth of all people, and find half of the cases among them. The study did not
# store who would be in that tenth, so it does not tell whether a model can. But the rule itself says how precise the
# alerts are of a model that just keeps it. For each disease in `everybody`, compute that precision from the mean
# numbers of `cases` and `people` over hospitals, as a Series `precise` by disease. Run `check_precise(precise)`.


# %%
def check_precise(precise):
    assert precise is not None, "store a precision for each disease as precise"
    assert set(precise.index) == set(diseases), "every disease, once"
    ill = everybody.groupby("disease")["cases"].mean()
    seen = everybody.groupby("disease")["people"].mean()
    by_rule = precise * 0.1 * seen / (0.5 * ill)
    assert by_rule.between(0.95, 1.05).all(), "cases found, divided by people alerted"
    print(f"between {precise.min():.1%} and {precise.max():.1%}")


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex15-rule
# :class: dropdown
# ```

# %%
mean = everybody.groupby("disease")[["cases", "people"]].mean()
precise = 0.5 * mean["cases"] / (0.1 * mean["people"])
check_precise(precise)
precise.round(3)

# %% [markdown]
# A useful model of a rare outcome is wrong in most of its alerts. A rule that asks for 95 % precision forbids it; one
# that asks what an alert costs and what it brings does not ({doc}`07-how-good-is-it-really`, net benefit).
#
# ```{solution-end}
# ```
#
# ```{exercise-start} Chance among many questions
# :label: ex15-chance
# ```
# An interval of 95 % lies above 0 by chance in one of 40 cases, if there is nothing to find. Suppose nothing were to
# be found in any of `n` independent diseases. Write a function `by_chance(n)`: the probability that at least one says
# yes. Run `check_chance(by_chance)`.


# %%
def check_chance(by_chance):
    assert by_chance is not None, "write a function"
    rng = np.random.default_rng(0)
    drawn = (rng.random((20_000, 8)) < 0.025).any(axis=1).mean()
    print(f"eight diseases: {by_chance(8):.3f}; drawn {drawn:.3f}")
    assert abs(by_chance(8) - drawn) < 0.01 and np.isclose(by_chance(1), 0.025)


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex15-chance
# :class: dropdown
# ```


# %%
def by_chance(n):
    return 1 - 0.975**n


check_chance(by_chance)

# %% [markdown]
# That is why the rule asks for more than half of the diseases, and not for one.
#
# ```{solution-end}
# ```
#
# ## What we have seen
#
# - A hypothesis needs a measure, a comparison and a way to fail, written down before the result.
# - More patients made better models. Recall and precision of 95 % were far out of reach at natural prevalence, also
#   for the true hazard.
# - Every small clinic gained from the network. That they get *the same* could not be shown.
# - Machine learning and going on learning win where there is something to win: values that tell of a disease, and a
#   world that changes.
#
# ## Limits
#
# One generator made all of it, with its rules of disease and care; eight diseases are not "most", and all are
# diagnoses within two or three years. The hospitals have some 18,000 patients; page 9 goes to 150,000, for two
# diseases. The changes of the world are ours, and a fifth of them, the unit of glucose, does most of the harm:
# another set would give another answer. Two algorithms were run, untuned. Few hospitals were run, so that a true but
# small difference is answered with no. And "best built and used inside a learning health system" means more than
# accuracy: who acts, how fast, and who answers for it. No table here measures that.
#
# ## What next
#
# {doc}`16-synthetic-first-then-real` leaves the simulated world: the same steps on the records of real people.

# %%
folder.cleanup()
