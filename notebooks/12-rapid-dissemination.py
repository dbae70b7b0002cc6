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
# # Rapid dissemination: from a model to the bedside, and back
#
# A model in a notebook helps nobody. On this page you take one to the people who decide: silently first, then as a
# {term}`release` that can be checked, then as a card in front of clinicians, who accept it, override it, or tire of
# it. Afterwards you can run a {term}`silent run` to a rule that was written before it, fill a {term}`model card` from
# the run, say what an alert costs those who read it, switch a model off, and hand it to a second site.
#
# **Time:** 40 minutes to read and try; the page itself runs in less than half a minute.
# **What to know first:** {term}`calibration` and {term}`thresholds <threshold>`, from
# {doc}`07-how-good-is-it-really`.
#
# ```{warning}
# The patients are synthetic: they are for learning, development and teaching. No model on this page is for care.
# ```

# %%
import json
import tempfile
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lhs_helpers import plots
from lhs_helpers.errors import LHSError
from lhs_helpers.learning import (
    IndexRule,
    Task,
    calibration_table,
    cohort,
    evaluate,
    features,
    split_people,
    train,
    vocabulary,
)
from lhs_helpers.patients import Hospital, Site, cached_hospital
from lhs_helpers.system.acting import answers as what_came
from lhs_helpers.system.batch import log_risks, with_outcomes
from lhs_helpers.system.clinicians import Clinicians, as_request
from lhs_helpers.system.feedback import Journal, read_feedback, read_risks
from lhs_helpers.system.fhir_writer import hook_requests
from lhs_helpers.system.monitor import alert_burden
from lhs_helpers.system.registry import Registry
from lhs_helpers.system.release import load, recalibrated, release, same_but
from lhs_helpers.system.service import serving
from lhs_helpers.system.silent_trial import Limits, decision, judged
from lhs_helpers.system.template import filled, measured, template

plots.use_style()
folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
HERE = Path(folder.name)

# %% [markdown]
# ## A model to hand on
#
# The hospital is that of pages 05 to 08. The question: who of those aged 40 to 75 is found to have type 2 diabetes
# within a year? The model is made as on page 06, with fewer columns: learned from seven in ten people at the beginning
# of 2016, judged on the other three. Everything it knows ends in 2016.

# %%
hospital = cached_hospital(patients=60_000, years=6, seed=7, start="2014-01-01")
emr = hospital.emr
DIABETES, METFORMIN = "SNOMED:44054006", "RxNorm:860975"
DAYS = dict(window_days=365, lookback_days=730)
task = Task("Type 2 diabetes", (DIABETES,), **DAYS, min_age=40, max_age=75)
then = emr.as_of("2017-01-01")
people = cohort(then, task, "2016-01-01")
learned_from, _ = split_people(people, 0.7, seed=0)
mine = people["patient_id"].isin(learned_from["patient_id"]).to_numpy()
FEW = dict(min_share=0.05, statistics=("ever", "last", "mean"))
columns = vocabulary(then, people[mine], task, **FEW)
X, y = features(then, people, task, columns), people["label"].to_numpy()
print(f"{len(people):,} people, {y.sum()} diagnosed; {len(columns)} columns")

# %%
model = train(X[mine], y[mine], "logistic regression")
p_held_out, y_held_out = model.predict_proba(X[~mine])[:, 1], y[~mine]
metrics = evaluate(y_held_out, p_held_out, threshold=0.03)
assert 0.7 < metrics.loc["AUROC", "estimate"] < 0.9
metrics.loc[["AUROC", "O/E", "calibration slope", "recall", "precision"]].round(3)

# %% [markdown]
# ## The rule comes before the result
#
# A committee meets before the first live risk is computed. It agrees with the clinic that ten alerts a working day
# can be answered, and writes down what the silent run must show. A few numbers; that they are *written first* is the
# point. What they should be is a decision of those who will live with them, and these are ours.

# %%
limits = Limits(auroc=0.70, alerts_per_week=50, outcomes=100)
limits.as_plan()

# %% [markdown]
# ## A release is a folder
#
# `release` writes all that another place needs: the model in a form that runs no code when it is opened, the
# question, the columns, what was measured, a card, and the SHA-256 of every file. The plan travels along.

# %%
STATED = {
    "ModelDeveloper": "This page",
    "FundingSource": "None",
    "ClinicalRiskLevel": "None: synthetic patients",
    "KnownBiasesOrEthicalConsiderations": "Who is tested less is found less; see the second site below.",
}
first = release(
    HERE / "release-1.0",
    name="Diabetes within a year",
    version="1.0",
    date="2017-01-02",
    model=model,
    algorithm="logistic regression",
    task=task,
    features=columns,
    threshold=0.03,
    metrics=metrics,
    risk_groups=calibration_table(y_held_out, p_held_out),
    stated=STATED,
    plan=limits.as_plan(),
)
{path.name: path.stat().st_size for path in sorted(first.folder.iterdir())}

# %% [markdown]
# What if somebody changes it on the way, by malice or by a bad copy? One bit of one byte:

# %%
file = first.folder / "task.json"
content = file.read_bytes()
file.write_bytes(content.replace(b'"threshold": 0.03', b'"threshold": 0.02'))
assert sum(a != b for a, b in zip(content, file.read_bytes(), strict=True)) == 1
try:
    load(first.folder)
    raise AssertionError("an altered release was opened")
except LHSError as error:
    print(str(error).replace(str(HERE), "..."))
file.write_bytes(content)

# %% [markdown]
# It is refused, with a sentence. A hash tells that nothing was altered since; it does not tell who made it. So the
# maker tells the identity by another way, on paper or by phone, and `load(..., identity=...)` compares.
#
# ## Silent first
#
# The registry of the hospital says which release is in use, and in which of three states: *off*, *silent* or *live*.
# It starts silent. For half a year every first visit gets a risk, which is written into a journal. Nobody sees it.

# %%
registry = Registry(HERE / "registry")
registry.add(first, date="2017-01-02", why="first release")
registry.promote(date="2017-01-02", why="begins its silent run")
print("state:", registry.state)

at_visits = replace(task, index=IndexRule.visit("wellness", "ambulatory"))
HALF_YEAR = ("2017-01-01", "2017-07-01")
seen = cohort(emr.as_of("2018-07-01"), at_visits, HALF_YEAR)
journal = Journal(HERE / "journal")
log_risks(registry, journal, emr, seen)
given = read_risks(journal.folder)
assert given["card"].isna().all() and given["alert"].any()
given[["received_at", "person", "card", "version", "state", "risk", "alert"]].head(3)

# %% [markdown]
# The journal holds no name and no number of a patient: `person` is a keyed hash. The hospital has the key, so it can
# join the risks to what its record says later. It has to wait: the last visit was at the end of June 2017, and its
# label comes a year after that.

# %%
trial = with_outcomes(journal, seen)
verdict = judged(trial, limits, expected=len(seen))
print("after half a year and the year of waiting:", decision(verdict))
assert decision(verdict) == "go"
assert (verdict["verdict"] == "inside").all()
verdict.round(2)

# %% [markdown]
# Each row is a limit that was agreed, beside what was found. All are kept, and the rule says *go*. Had it been asked
# after six weeks, or for a list with more alerts, it would have said something else:

# %%
early = trial[trial["time"] < "2017-02-15"]
lower = trial.assign(alert=trial["risk"] >= 0.01)
asked = {
    "the visits of six weeks": judged(early, limits, expected=len(early), bootstrap=0),
    "alerts from 1 % on": judged(lower, limits, expected=len(seen), bootstrap=0),
}
for what, table in asked.items():
    reasons = table.index[table["verdict"] != "inside"]
    print(f"{what}: {decision(table)} ({', '.join(reasons)})")
assert [decision(table) for table in asked.values()] == ["wait", "no go"]

# %% [markdown]
# Silent runs earn their time. At SickKids a model with an AUROC of 0.90 in the laboratory had one of 0.50 when it ran
# silently on live patients {cite}`kwong2022`. In the published silent trials, discrimination is well reported, and the
# rest seldom {cite}`silent2026`. Ours had an easy life: nothing changed between 2016 and 2017 in this hospital, and
# two in three of the people had been learned from, in an earlier year. How does it do on the others?

# %%
known = trial["patient_id"].isin(learned_from["patient_id"])
new = trial[~known]
on_new = evaluate(new["label"].astype(bool), new["risk"], bootstrap=200)
auroc = on_new.loc["AUROC"]
print(f"{known.mean():.0%} had been learned from; on the {len(new):,} others")
print(f"AUROC {auroc['estimate']:.2f} ({auroc['low']:.2f} to {auroc['high']:.2f})")
assert auroc["low"] < verdict.loc["AUROC", "found"] < auroc["high"]
assert 0.55 < known.mean() < 0.8

# %% [markdown]
# Within its interval, which is wide, the same.
#
# One thing in the table deserves a second look: the alerts a week. In the half year each person was counted at the
# first visit only, and first visits come early in it.

# %%
month = trial.groupby(trial["time"].dt.to_period("M"))
weekly = month["alert"].sum() / (365 / 12 / 7)
assert weekly.iloc[0] > 1.8 * verdict.loc["alerts a week", "found"]
weekly.round().astype(int).rename("alerts a week").to_frame()

# %% [markdown]
# The mean kept the limit of 50; January alone did not keep clear of it. State the limit for the busiest month, not for
# the mean, and count alerts as they will be shown.

# %% [markdown]
# ## What the clinician sees
#
# The service speaks {term}`CDS Hooks` 2.0, a standard of record systems. When a clinician opens a chart, the system
# calls the service, sends the part of the record that the service asked for as {term}`FHIR` resources, and shows the
# card it gets. Here the service runs in this notebook and listens to this computer only; `lhs serve FOLDER` does the
# same from a shell.
#
# First somebody to ask about. Of those who visit in the second half of 2018 and had an alert in the silent run, we
# take the person with a risk nearest to 10 %.

# %%
live = cohort(emr, at_visits, ("2018-07-01", "2019-01-01"))
alerted = trial.loc[trial["alert"], "patient_id"]
some = live[live["patient_id"].isin(alerted)].reset_index(drop=True)
risks = first.risks(emr, some)
place = int(np.abs(risks - 0.1).argmin())
who, moment = int(some["patient_id"][place]), some["index_time"][place]
print(f"a visit on {moment:%d %B %Y}; the risk by the list: {risks[place]:.4f}")

# %%
running = ExitStack()
here = serving(registry.folder, journal.folder, at=str(moment))
address = running.enter_context(here)


def ask(path, body=None):
    """The service's answer: a GET, or a POST of `body`."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address + path, data, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


about = ask("/cds-services")["services"][0]
print(about["hook"], "|", about["id"], "|", about["title"])
list(about["prefetch"])

# %% [markdown]
# `hook_requests` writes what a record system would send for this person. The registry is still silent.

# %%
chart = hook_requests(emr, [who], moment)[who]
CALL = f"/cds-services/{about['id']}"
assert ask(CALL, chart) == {"cards": []}

# %%
began = perf_counter()
registry.set_state("live", date="2018-07-01", why="silent run kept all limits")
card = ask(CALL, chart)["cards"][0]
to_the_card = perf_counter() - began
print(card["summary"])
print(card["source"]["label"], "\n")
print(card["detail"])

# %% [markdown]
# The committee's decision is one line, and every change of a registry has a reason. The service looks the registry up
# at each call, so the next chart that is opened shows the card.

# %%
action = card["suggestions"][0]["actions"][0]["resource"]
by_service = action["prediction"][0]["probabilityDecimal"] / 100
print(f"{action['resourceType']}: {by_service:.4f}; from the list: {risks[place]:.4f}")
assert abs(risks[place] - by_service) < 1e-3
assert "What moved the risk most" in card["detail"]
[choice["display"] for choice in card["overrideReasons"]]

# %% [markdown]
# A card says the risk, what happened to people with a risk like this one (with an interval), what moved the risk
# *in the model*, and who made it. To accept it files a FHIR RiskAssessment; to override it takes one click and a
# reason. The assert is a test worth having anywhere: the same patient gets the same risk from the list that the
# database makes and from the FHIR resources that arrive at the service. Two programs compute the columns, and where
# they differ the model is asked something it was not taught.
#
# A request that can not be answered gets a sentence, not a guess:

# %%
half = json.loads(json.dumps(chart))
del half["prefetch"]["observations"]
try:
    ask(CALL, half)
except urllib.error.HTTPError as error:
    print(error.code, json.load(error)["error"])
    assert error.code == 412

# %% [markdown]
# ## The card that people fill
#
# The model card of {doc}`../book/getting-started/templates` is this one, filled: `template` reads the form that you
# can download there, and `filled` answers its blanks. Numbers come from the release, words from people, and what
# nobody answered says so. Beside the model stand two others: age alone, and the rule that a clinic has anyway: an
# HbA1c of 6.5 % or more on record asks for a diagnosis.

# %%
age = evaluate(y_held_out, people["age"][~mine] / 120, bootstrap=0)
by_age = {"AUROC": f"{age.loc['AUROC', 'estimate']:.3g}"}
a1c = next(name for name in X if name.startswith("Hemoglobin A1c") and "last" in name)
rule = evaluate(y_held_out, X[a1c][~mine] >= 6.5, threshold=0.5, bootstrap=0)[
    "estimate"
]
assert rule["recall"] < metrics.loc["recall", "estimate"]
assert rule["precision"] > metrics.loc["precision", "estimate"]
by_rule = {measure: f"{rule[measure]:.3g}" for measure in ("recall", "precision")}
WORDS = {
    "Stage": "in use (on synthetic patients)",
    "Meant for": "people of 40 to 75 without diabetes, at a visit",
    "Not meant for": "any real patient",
    "Stop": "the committee or the clinician on call: one line in the registry",
    "Fall-back": "care as it was before",
    "On patients that had no part in making it": f"{len(y_held_out):,} people of 2016, "
    f"{y_held_out.sum()} diagnosed",
    "Alarms per week, and per alarm that is right": [
        f"{verdict.loc['alerts a week', 'found']:.0f} in the silent run; one in "
        f"{1 / metrics.loc['precision', 'estimate']:.0f} is right"
    ],
    "Silent run": f"first half of 2017, {int(verdict.loc['outcomes', 'found'])} "
    f"diagnosed, AUROC {verdict.loc['AUROC', 'found']:.2f}: go",
    "Effect on care or outcome": "not measured",
}
page = filled(template("model-card"), measured(first, by_rule, by_age) | WORDS)
print(page[page.index("## 2.") : page.index("## 3.")])
print(page[page.index("## 5.") : page.index("## 6.")])

# %%
assert "<" not in page, "no blank is left open"
assert "| AUROC | " + measured(first)["AUROC"][0] in page
print(page.count("Not stated"), "blanks are not stated: each is a question to somebody")
assert page.count("Not stated") > 10

# %% [markdown]
# Look at the column of the present rule. At its threshold the model finds more of the future cases than the rule, and
# the rule is right more often, with nothing but one value that lies in the record already. A committee may well
# ask why that value led to no diagnosis, before it asks for a model. That the column is on the form is why they see it.
#
# A form that a program fills to the last line would be a lie. What stays open here are the clinical owner, the groups
# in which it is worse, the day on which it ends. The five lines of the release note are for those who will see the
# cards:

# %%
note = {
    "Name": "Diabetes within a year",
    "version": "1.0",
    "in use from": "1 July 2018",
    "New": "a card for people whose risk of diabetes within a year is 3 % or more",
    "You will notice": f"up to {weekly.max():.0f} cards a week in the whole clinic at first, fewer later",
    "Not changed": "nobody has to act on a card",
    "Stop": "any clinician, by phone to the committee's chair",
    "Decided by": "the committee",
    "on": "1 July 2018",
    "after": "a silent run that kept all six limits",
}
print(filled(template("release-note"), note))

# %% [markdown]
# ## Clinicians answer, and tire
#
# How people respond to alerts decides what a model is worth; {term}`alert fatigue` is the name of what may happen. A
# review of 17 papers found 49 to 96 of 100 drug safety alerts overridden {cite}`vandersijs2006`; it says nothing about
# alerts of a risk. In 112 primary-care clinicians,
# reminders were accepted 10 % less often for each five points more of *repeats* among them, and 30 % less often for
# each further reminder at the same visit; the amount of work made no difference, and neither, in most cases, did time
# since the reminder was new {cite}`ancker2017`. `Clinicians` puts this into a few numbers. Of its own account it adds
# that each further card of the *same week* leaves 97 % of the chance. No study we know of shows that; set `tires=1` to
# do without.

# %%
team = Clinicians(number=8)
team

# %% [markdown]
# Half a year, live: July to December 2018. The team answers the cards, through the same service.

# %%
shown = log_risks(registry, journal, emr, live).rename(columns={"patient_id": "person"})
answers = team.answer(shown, seed=12)
print(ask(CALL + "/feedback", as_request(answers)))
told = read_feedback(journal.folder)
assert len(told) == len(answers)
told["reason"].fillna("(accepted)").value_counts().to_frame("cards")

# %%
burden = alert_burden(shown, answers, every="QS")
burden["period"] = burden["period"].dt.strftime("from %B %Y")
columns_shown = ["period", "calls", "cards", "accepted", "overridden", "ignored"]
assert burden["cards"].sum() == shown["card"].notna().sum()
burden[columns_shown + ["overridden_share"]].round({"overridden_share": 2})

# %% [markdown]
# The service says `received` when the answers are on the disk: whatever kills it then, they are not lost. And they are
# read. A loop as on page 11 that is given this folder, `Loop(..., journal=...)`, takes from it in each cycle what came
# since the last, and its change-control plan can stop a model that is overridden too often. This is what it takes:

# %%
for_the_loop, _ = what_came(journal.folder, read_before=[0, 0])
assert for_the_loop.loc["overridden", "events"] == len(answers)
for_the_loop.round(3)

# %% [markdown]
# Of the calls of both half years, the silent one included, so many showed a card; of the answered cards, so many were
# overridden.
#
# What follows from an answer? An accepted card becomes an order, most of the time. `Hospital.advance(to, orders=...)`
# takes this table; page 13 lets the orders act and asks whether anybody is better off. (Metformin is the only thing that
# this hospital can order against diabetes; a clinic would first offer a test and a programme.)

# %%
orders = team.ordered(answers, METFORMIN, seed=12)
assert 0.7 < len(orders) / (answers["outcome"] == "accepted").sum() < 1
orders.head(3)

# %% [markdown]
# ## What a threshold does to people
#
# A lower threshold finds more people who will fall ill. It also shows more cards to the same eight clinicians. And a
# card can be shown once, or at every visit. Four ways to use one model, answered by one team whose draws belong to a
# person and a day: what differs between the rows is the way of use alone.

# %%
encounters = emr.encounters
inside = (encounters.time >= "2018-07-01") & (encounters.time < "2019-01-01")
visits = encounters.filter(inside, encounters["class"].isin(["wellness", "ambulatory"]))
visits = visits.select("patient_id", "time").execute()
every = live[["patient_id", "label", "event_time"]].assign(
    risk=shown["risk"].to_numpy()
)
every = every.merge(visits, on="patient_id").sort_values("time", kind="stable")
every = every[~(every["time"] >= every["event_time"])]  # who is diagnosed gets no card
every["received_at"] = every["time"].dt.tz_localize("UTC")
print(f"{len(every) / every['patient_id'].nunique():.1f} visits for each person seen")


# %%
def lived(threshold, once, team, seeds=range(5)):
    """Cards a clinician and week, share accepted, and future cases: with a card, reached."""
    cards = every[every["risk"] >= threshold].rename(columns={"patient_id": "person"})
    cards = cards.drop_duplicates("person") if once else cards
    cards = cards.assign(card=np.arange(len(cards)).astype(str), version="1.0")
    ill = set(live.loc[live["label"], "patient_id"]) & set(cards["person"])
    yes = [
        team.answer(cards, seed=seed).query("outcome == 'accepted'") for seed in seeds
    ]
    reached = np.mean([len(ill & set(rows["person"])) for rows in yes])
    accepted = np.mean([len(rows) for rows in yes]) / len(cards)
    return len(cards) / 26 / team.number, accepted, len(ill), reached


WAYS = {"once": True, "every visit": False}
NAMES = ["cards a clinician and week", "accepted", "cases with a card", "reached"]


def four_ways(team):
    found = {(t, w): lived(t, WAYS[w], team) for t in (0.03, 0.01) for w in WAYS}
    return pd.DataFrame(found, index=NAMES).T.rename_axis(["threshold", "shown"])


ways = four_ways(team)
ways.round(2)

# %%
untired = four_ways(Clinicians(number=8, tires=1, repeated=1))
many, few = ways.loc[(0.01, "every visit")], ways.loc[(0.03, "once")]
assert many.iloc[0] > 15 * few.iloc[0]
assert many["reached"] < 1.5 * few["reached"]
assert few["accepted"] > ways.loc[(0.01, "once"), "accepted"] + 0.05
assert many["accepted"] < 0.15 and untired["accepted"].between(0.25, 0.45).all()
untired[["accepted", "reached"]].round(2)

# %%
more = many.iloc[0] / few.iloc[0]
print(
    f"{more:.0f} times the cards; {few['reached']:.0f} future cases reached, then {many['reached']:.0f}"
)
for threshold in (0.03, 0.01):
    once, again = (ways.loc[(threshold, way), "reached"] for way in WAYS)
    assert again < once
many_once = ways.loc[(0.01, "once")]
assert 5 < many_once.iloc[0] / few.iloc[0] < 10
assert untired["reached"].iloc[3] > 2 * untired["reached"].iloc[0]
assert many_once["reached"] > few["reached"]

# %% [markdown]
# From the first row to the last, the cards grow about twentyfold, and almost twice as many future cases get one. The
# number *reached*, by a card that somebody accepted, stays about where it was. In the lives without weariness it
# triples: there, each visit is a new chance. So the model has not changed, its AUROC has not changed, and what
# it is worth depends on how often it speaks. Showing a card again reached fewer, at both thresholds. Showing it once at
# the lower threshold reached some more, for some seven times the cards; whether that is worth it is a question for those who
# read them.
#
# Two of the numbers behind this are weaker than they look. The cost of repeats was measured *among* clinicians, over
# far smaller differences than those between one card and three for each patient. The cost of a further card in the
# week is ours. Measure your own: the journal holds what it takes.

# %%
fig, ax = plt.subplots()
place = np.arange(len(ways))
labels = [f"{t:.0%}\n{way}" for t, way in ways.index]
ax.bar(place - 0.2, untired["accepted"], 0.4, label="never tire", color=plots.SKY)
ax.bar(place + 0.2, ways["accepted"], 0.4, label="tire", color=plots.BLUE)
for x, cards in zip(place, ways["cards a clinician and week"], strict=True):
    ax.annotate(
        f"{cards:.0f}", (x + 0.2, 0.005), ha="center", va="bottom", color="white"
    )
ax.set_xticks(place, labels)
ax.set(
    xlabel="Alert from this risk on, shown ...",
    ylabel="Share of cards accepted (0 to 1)",
)
ax.set_ylim(0, 0.4)
ax.legend(loc="upper center", ncols=2)
told_shares = ", ".join(
    f"{share:.0%} at {t:.0%} shown {way}"
    for (t, way), share in ways["accepted"].items()
)
plots.figure(
    fig,
    alt="Four pairs of bars. Clinicians who never tire accept about three in ten cards in every way of use. "
    f"Those who tire accept {told_shares}.",
    caption="The more often a model speaks, the less it is heard. White: cards a clinician and week. "
    "Means of five draws of answers and clinicians.",
)

# %% [markdown]
# ## Switching off, handing back
#
# In April 2020 a sepsis model was switched off at Michigan when a pandemic had made its alerts spurious
# {cite}`finlayson2021`. To be able to stop is part of being able to start. One line, with a reason; the service asks
# the registry at every call, so the next patient is already without:

# %%
registry.set_state("off", date="2019-02-01", why="a new laboratory system begins")
assert ask(CALL, chart) == {"cards": []} and ask("/cds-services") == {"services": []}
running.close()
registry.history

# %% [markdown]
# To *hand back* is more than the switch. Those who had relied on the list must know that it is gone, and what to do
# in its place; the stop rule of {doc}`../book/getting-started/costs-and-stop-rules` names the fall-back for that
# reason.
#
# ## A second site
#
# Upper Valley is a smaller place: fewer visits, half the tests, and three diagnoses in ten are never written down. It gets
# the folder, and the identity by phone.

# %%
VALLEY = Site(name="Upper Valley", visits=0.7, tests=0.5, recorded={"everybody": 0.7})
valley = Hospital(
    HERE / "valley", patients=8_000, seed=5, start="2015-01-01", site=VALLEY
)
records = valley.advance("2019-01-01")
try:
    there = load(first.folder, site=records, identity=first.identity)
    print("every code of the release is there, in its unit")
except LHSError as error:
    print(error)

# %%
years = [("2016-01-01", "2017-01-01"), ("2017-01-01", "2018-01-01")]
local = pd.concat(
    [cohort(records, at_visits, year) for year in years], ignore_index=True
)
X_valley = features(records, local, there.task, there.features)
risk = there.risk(X_valley)
fit_on, judge_on = split_people(local, 0.5, seed=1)
fit = local["patient_id"].isin(fit_on["patient_id"]).to_numpy()
label = local["label"].to_numpy()
print(f"{len(local):,} risks, {label.sum()} diagnosed within a year")
as_it_came = evaluate(label[~fit], risk[~fit], bootstrap=500)
assert 15 < label.sum() < 100 and as_it_came.loc["O/E", "high"] < 1
as_it_came.loc[["AUROC", "O/E", "calibration slope"]].round(2)

# %% [markdown]
# The folder opens: hashes, versions and identity are right, and the record has every code in its unit. That says that
# the model *can* be asked here, not that it is right. It is not: far fewer are diagnosed than it expects. With so few
# cases two numbers can not be fitted, so Upper Valley moves the {term}`intercept <calibration>` alone, on half of its
# people, and judges on the other half.

# %%
adjustment = recalibrated(there, label[fit], risk[fit], "intercept")
parts = {"adjustment": adjustment, "version": "1.0-valley", "date": "2019-01-02"}
mine_now = same_but(there, HERE / "valley-release", **parts)
after = evaluate(label[~fit], mine_now.risk(X_valley)[~fit], bootstrap=500)
report = pd.DataFrame(
    {"as it came": as_it_came.loc["O/E"], "recalibrated": after.loc["O/E"]}
)
print(
    f"intercept {adjustment[0]:.2f}; {label[~fit].sum()} diagnosed among those judged"
)
assert report.loc["high", "as it came"] < 1 < report.loc["high", "recalibrated"]
assert report.loc["low", "recalibrated"] < 1
report.T.round(2)

# %% [markdown]
# Right on average, as far as so few can tell: the interval is wide, and holds 1. The valley sends this table back to
# the makers with its version number, and keeps the adjusted release as a folder of its own.
#
# But *why* did the model expect more? Are people in the valley healthier? Here we can look at the {term}`answer key`,
# which no hospital has.


# %%
def already_ill(place, asked):
    """Who, of those asked about, had the disease already, with nothing on record."""
    lives = place.truth.lives().query("disease == 'type_2_diabetes'")
    onset = asked["patient_id"].map(lives.set_index("patient_id")["onset"])
    return (onset <= asked["index_time"]).to_numpy()


hidden = {
    "hospital": already_ill(hospital, seen),
    "Upper Valley": already_ill(valley, local),
}
share = {name: ill.mean() for name, ill in hidden.items()}
found = {"hospital": seen["label"], "Upper Valley": local["label"]}
found = {name: label[hidden[name]].mean() for name, label in found.items()}
assert share["Upper Valley"] > 1.5 * share["hospital"]
assert found["Upper Valley"] < 0.6 * found["hospital"]
table = pd.DataFrame(
    {"have it, unwritten": share, "of these, found within a year": found}
)
at_first = hidden["hospital"][seen["label"]].mean()
print(
    f"of those found within the year, {at_first:.0%} had it on the day they were asked about"
)
assert at_first > 0.6
table.round(3)

# %% [markdown]
# The valley is not healthier. More of its people have diabetes that nobody has written down, and fewer of them are
# found in the year. The model expects what *our* record would have found. By recalibrating, the valley has taught it
# to expect as little as the valley finds: the risks now fit the labels, and fewer of the hidden cases get a card. That
# is what a label does that is made by care ({doc}`../book/getting-started/data`), and no measure on the record could
# have told. What tells is a question to people: how often do you test? (The printed line says the same of our own
# hospital: what is called a prediction here is, for the most part, finding people who are ill already.)
#
# ## How long does it take?
#
# "Seventeen years from research to practice" is quoted everywhere. The review that asked where the number comes from
# found 23 papers, and few that could be compared: they begin and end their clocks at different things
# {cite}`morris2011`. So take our own clock for what it is.

# %%
when = registry.history.set_index("change")["date"].astype("datetime64[us]")
waited = when["set to live"] - when["added as challenger"]
print(f"from a learned model to a live one: {waited.days / 30.4:.0f} months")
print(f"from the decision to the first card: {to_the_card:.2f} seconds")
assert 17 < waited.days / 30.4 < 19 and to_the_card < 60

# %% [markdown]
# The machine's part is less than a minute. The eighteen months are six of silent run and twelve of waiting for labels.
# A question with an earlier answer (a readmission, an infection) shortens this; so would skipping the silent run, at
# the price that SickKids would have paid. What no clock here counts is people: contracts, an interface to the record
# system, training, trust. And a card is not yet {doc}`care that has changed <../book/learning-health-system>`. Only the
# last step is made quick on this page.
#
# ## Exercises
#
# ```{exercise-start} A smaller team
# :label: ex12-team
# ```
# The clinic can answer ten alerts a week, not fifty. In steps of half a percent (0.005, 0.01, ...), which is the lowest
# threshold whose *busiest month* of the silent run kept to ten a week? Call it `careful`, and run
# `check_careful(careful)`. What does it cost?


# %%
def busiest(threshold):
    return (trial["risk"] >= threshold).groupby(
        trial["time"].dt.month
    ).sum().max() / 4.345


def check_careful(careful):
    assert careful is not None and 0 < careful < 1, "give a risk, such as 0.02"
    assert busiest(careful) <= 10, "more than ten a week in the busiest month"
    assert busiest(careful - 0.005) > 10, "a lower threshold would do"
    print(f"from {careful:.1%} on: {busiest(careful):.1f} a week in the busiest month")


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex12-team
# :class: dropdown
# ```

# %%
steps = np.arange(1, 100) * 0.005
careful = next(step for step in steps if busiest(step) <= 10)
check_careful(careful)
ill = trial.loc[trial["label"].astype(bool), "risk"]
recall = {f"{t:.1%}": (ill >= t).mean() for t in (0.03, careful)}
print({name: f"{share:.2f}" for name, share in recall.items()})
assert recall["3.0%"] > (ill >= careful).mean()

# %% [markdown]
# Fewer of the future cases get a card. What a team can answer decides the {term}`recall`, not the model.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} How many would it take?
# :label: ex12-many
# ```
# Suppose that cards are shown once, from 1 % on. With how many clinicians is the share accepted within 0.03 of that of
# clinicians who never tire (`untired.loc[(0.01, "once"), "accepted"]`)? Try 8, 16, 32, 64 and call the first that does
# `needed`. Then `check_needed(needed)`.


# %%
def check_needed(needed):
    assert needed in (8, 16, 32, 64), "one of 8, 16, 32, 64"
    rested = Clinicians(number=needed, tires=1, repeated=1)
    gaps = [lived(0.01, True, t)[1] for t in (rested, Clinicians(number=needed))]
    assert gaps[0] - gaps[1] <= 0.03, "they still tire"
    if needed > 8:
        half = [
            Clinicians(number=needed // 2, tires=t, repeated=r)
            for t, r in ((1, 1), (0.97, 0.9))
        ]
        before = [lived(0.01, True, team)[1] for team in half]
        assert before[0] - before[1] > 0.03, "half as many would do"
    print(f"{needed} clinicians")


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex12-many
# :class: dropdown
# ```

# %%
for needed in (8, 16, 32, 64):
    teams = Clinicians(number=needed, tires=1, repeated=1), Clinicians(number=needed)
    rested_team, tired_team = (lived(0.01, True, one)[1] for one in teams)
    if rested_team - tired_team <= 0.03:
        break
check_needed(needed)

# %% [markdown]
# The load of each matters, not that of the clinic. But these clinicians were not hired for cards.
#
# ```{solution-end}
# ```
#
# ```{exercise-start} What was live, and when?
# :label: ex12-days
# ```
# An inspector asks for how many days release 1.0 ran silently and for how many it was live. `registry.history` knows.
# Store two whole numbers as `silent_days` and `live_days` and run `check_days(silent_days, live_days)`.


# %%
def check_days(silent_days, live_days):
    assert silent_days and live_days, "give two numbers of days"
    silent = when["set to live"] - when["promoted"]
    live = when["set to off"] - when["set to live"]
    assert (silent_days, live_days) == (silent.days, live.days), (
        "from which change to which?"
    )
    print("The registry can answer for itself.")


# %% [markdown]
# ```{exercise-end}
# ```
#
# ```{solution-start} ex12-days
# :class: dropdown
# ```

# %%
silent_days = int((when["set to live"] - when["promoted"]).days)
live_days = int((when["set to off"] - when["set to live"]).days)
check_days(silent_days, live_days)

# %% [markdown]
# ```{solution-end}
# ```
#
# ## What we have seen
#
# - A release is a folder that refuses to be opened when a bit of it has changed, and says why.
# - A silent run is judged by limits that were written before. The rule said "wait" with few outcomes, "no go" with too
#   many alerts, and "go" in the end. Its mean hid a January with twice the alerts.
# - The form people download is the form a run fills; what a run can not know stays open.
# - With a model of tiring clinicians, twenty times the cards reached about as many future cases.
# - Switched off in one line, with a reason, obeyed at the next patient.
# - A second site could open the release and ask it at once, and was wrong about its risks until it looked. After
#   recalibration they fit the record, and that record hid a larger share of the ill than ours.
#
# ## Limits
#
# The clinicians are ours: what is published sets the range and the effect of repeats, the rest is assumed, and nobody
# has compared them with a clinic. A patient who is shown a card twice answers twice by chance alone, which makes
# repetition look better than it is for those who never tire. In this hospital nothing changed between the year of
# learning and the silent run, so {term}`drift` has no part in it. The
# interval on a card is that of the nearest of ten groups: for the very few with the highest risks it speaks of people
# with lower ones. Whether a card does good is not asked here. And a single {term}`seed` was run.
#
# ## What next
#
# {doc}`13-closing-the-loop` lets the orders act, counts lives, and then has the model learn from records that its own
# alerts have changed. What happens when a released model meets a changed world was the matter of
# {doc}`11-when-the-world-changes`. The forms are in
# {doc}`../book/getting-started/templates`.

# %%
folder.cleanup()
