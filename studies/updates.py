"""Five worlds, five update policies: which repair is enough for which change?

A hospital asks every 1 January whom it will diagnose with type 2 diabetes within the year. A model is learned in 2017
and used from then on. On 1 January 2018 the world is seen to be different, or not. Each year's labels arrive a year
later; then a policy may update the model, which is used for the year that begins. Policies order nothing, so they
share one world, its features and its labels: only models differ.
"""

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd

from lhs_helpers.learning import (
    Task,
    calibration_table,
    cohort,
    evaluate,
    features,
    net_benefit,
    split_people,
    train,
    vocabulary,
)
from lhs_helpers.patients import Hospital, Site
from lhs_helpers.patients.diseases import known_diseases
from lhs_helpers.patients.scenarios import CodeReplaced, RateChange, UnitChange
from lhs_helpers.system.policies import POLICIES, UNCHANGED, Evidence, adjusted, combined

NAME = "updates"
SCRIPTS = ("updates.py",)
PATIENTS, SEEDS = 12_000, list(range(10))
DIABETES, GLUCOSE = "SNOMED:44054006", "LOINC:2345-7"
# Frequent ailments that raise no other risk in these files: a fifth of the record, left out to save time.
LEFT_OUT = ("injury", "respiratory_infection", "urinary_infection", "osteoarthritis")
LEFT_OUT += ("asthma", "anxiety", "hypothyroidism")
START, FIRST_MODEL, CHANGED, LAST = 2013, 2017, 2018, 2021
MEMORY = 2  # windows that a model is learned from
JUDGED = 0.4  # share of the people by whom a test decides; the others are learned from
THRESHOLD = 0.02
THRESHOLDS = (0.01, 0.02, 0.05)
# What is coded in the record changes a year earlier, so that most people's values have changed by 2018.
WORLDS = {
    "none": (),
    "prevalence": (RateChange(of="type_2_diabetes", factor=2, since=f"{CHANGED}-01-01"),),
    "assay unit": (
        UnitChange(code=GLUCOSE, factor=0.0555, unit="mmol/L", since=f"{CHANGED - 1}-01-01"),
    ),
    "code replaced": (
        CodeReplaced(
            old=GLUCOSE, new="LOINC:2339-0", description="Glucose [Mass/volume] in Blood",
            since=f"{CHANGED - 1}-01-01",
        ),
    ),
}  # fmt: skip
# Case mix needs no other world: the hospital of "none" is joined by a clinic whose people come half as often.
CLINIC = Site(
    name="clinic", races=(0.2, 0.3, 0.4, 0.05, 0.05), uninsured=0.3, public=0.4, visits=0.5, tests=0.6
)
FACTS = {
    "threshold": THRESHOLD, "first_model": FIRST_MODEL, "changed": CHANGED, "last": LAST, "memory": MEMORY,
    "judged": JUDGED, "algorithm": "logistic regression",
}  # fmt: skip


def question() -> Task:
    """First diabetes on record within a year, for people of 35 and over, by two years of records."""
    return Task("diabetes", (DIABETES,), window_days=365, lookback_days=730, min_age=35)


def jobs(seeds: list[int]) -> list[str]:
    return [f"{world} {seed}" for seed in seeds for world in WORLDS]


def run(job: str, work: Path, patients: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """One world of one seed: a row per policy and year, and per policy for the years after the first."""
    world, seed = job.rsplit(" ", 1)[0], int(job.rsplit(" ", 1)[1])
    seconds, begun = {}, process_time()
    hospital = lived(work / job.replace(" ", "_"), world, seed, patients)
    seconds["live"] = process_time() - begun
    begun = process_time()
    everybody = asked(hospital, seed)
    seconds["ask"] = process_time() - begun
    begun, rows = process_time(), []
    scenarios = {world: everybody.without_clinic()}
    if world == "none":
        scenarios["case mix"] = everybody.joined()
    for scenario, served in scenarios.items():
        for policy in POLICIES:
            rows.append(judged(served, policy).assign(scenario=scenario, policy=policy, seed=seed))
    seconds["update"] = process_time() - begun
    shutil.rmtree(hospital.folder)
    return pd.concat(rows, ignore_index=True), seconds


def lived(folder: Path, world: str, seed: int, patients: int, *, workers: int = 1) -> Hospital:
    """The hospital until the last labels are in; that of "none" with the clinic, which brings its own people."""
    shutil.rmtree(folder, ignore_errors=True)
    diseases = sorted(set(known_diseases()) - set(LEFT_OUT))
    same = {"patients": patients, "seed": seed, "start": f"{START}-01-01", "diseases": diseases}
    hospital = Hospital(folder, **same, scenarios=WORLDS[world], workers=workers)
    if world == "none":
        hospital.join(patients // 2, CLINIC)
    hospital.advance(f"{LAST + 1}-01-01")
    return hospital


@dataclass(frozen=True)
class Served:
    """Everybody who is asked about, every year, with what was then known and what came.

    Attributes
    ----------
    people : DataFrame
        Cohorts of all years, one under the other, with ``year`` and ``judged`` (never learned from).
    X : DataFrame
        What was known of them on the index date.
    seed : int
    """

    people: pd.DataFrame
    X: pd.DataFrame
    seed: int

    def without_clinic(self) -> "Served":
        return self._only(self.people["site"] != CLINIC.name)

    def joined(self) -> "Served":
        """The clinic's people are asked about from the year of the change on."""
        return self._only((self.people["site"] != CLINIC.name) | (self.people["year"] >= CHANGED))

    def _only(self, which: pd.Series) -> "Served":
        people = self.people[which].reset_index(drop=True)
        return Served(people, self.X[which.to_numpy()].reset_index(drop=True), self.seed)

    @cached_property
    def by_model(self) -> dict[int, np.ndarray]:
        """By year of fitting: the risks that the model of that year gives to all rows."""
        return {year: self._fitted(year) for year in range(FIRST_MODEL, LAST + 1)}

    def _fitted(self, year: int) -> np.ndarray:
        """Learned from the windows that have closed by then, the latest ones."""
        recent = self.people["year"].between(year - MEMORY, year - 1) & ~self.people["judged"]
        model = train(self.X[recent], self.people.loc[recent, "label"], FACTS["algorithm"], self.seed)
        return model.predict_proba(self.X)[:, 1]

    def lives(self, policy: str) -> tuple[np.ndarray, dict[int, str]]:
        """The risk that was in use on each row's index date under a policy, and the update of each year."""
        model, adjustment = FIRST_MODEL, UNCHANGED
        used, updates = np.full(len(self.people), np.nan), {}
        years, y = self.people["year"].to_numpy(), self.people["label"].to_numpy()
        fit_on, judged_on = ~self.people["judged"].to_numpy(), self.people["judged"].to_numpy()
        for year in range(FIRST_MODEL, LAST + 1):
            if year > FIRST_MODEL:
                closed = years == year - 1
                fit, judge = closed & fit_on, closed & judged_on
                challenger = self.by_model[year]
                given = Evidence(y[fit], used[fit], y[judge], used[judge], lambda p=challenger[judge]: p)
                update = POLICIES[policy](given)
                updates[year] = update.kind
                if update.kind == "refit":
                    model, adjustment = year, UNCHANGED
                else:
                    adjustment = combined(adjustment, update.adjustment)
            now = years == year
            used[now] = adjusted(self.by_model[model][now], adjustment)
        return used, updates


def asked(hospital: Hospital, seed: int) -> Served:
    """Cohorts as they were known when their labels arrived, and what was known before each index date."""
    task, emr = question(), hospital.emr
    years = range(FIRST_MODEL - MEMORY, LAST + 1)
    cohorts = [
        cohort(emr.as_of(f"{year + 1}-01-01"), task, f"{year}-01-01").assign(year=year) for year in years
    ]
    people = pd.concat(cohorts, ignore_index=True)
    judged, _ = split_people(people, JUDGED, seed)
    people["judged"] = people["patient_id"].isin(judged["patient_id"])
    # Columns are chosen once, by how often codes occur in all years: one that nobody has yet is the same for
    # everybody, and the ridge leaves its coefficient at 0.
    learned = people[~people["judged"] & (people["site"] != CLINIC.name)].reset_index(drop=True)
    columns = vocabulary(emr, learned, task, min_share=0.02)
    return Served(people, features(emr, people, task, columns).reset_index(drop=True), seed)


def judged(served: Served, policy: str) -> pd.DataFrame:
    """How good the risks in use were: in each year, and in the years in which an update could have helped."""
    used, updates = served.lives(policy)
    year = served.people["year"]
    periods = {str(y): year == y for y in range(FIRST_MODEL, LAST + 1)}
    periods["after the first"] = year.between(CHANGED + 1, LAST)
    rows = []
    for period, which in periods.items():
        y, p = served.people.loc[which, "label"].to_numpy(), used[which]
        found = evaluate(y, p, threshold=THRESHOLD, bootstrap=0)["estimate"]
        groups = calibration_table(y, p)
        error = (groups["observed"] - groups["predicted"]).abs() @ groups["people"] / groups["people"].sum()
        benefit = net_benefit(y, p, THRESHOLDS)["model"]
        row = {"period": period, "people": len(y), "cases": int(y.sum()), "update": updates.get(int(period), "")
               if period.isdigit() else ""}  # fmt: skip
        named = ["AUROC", "Brier scaled", "O/E", "calibration intercept", "calibration slope", "alert rate"]
        row |= found[[*named, "recall"]].to_dict() | {"calibration error": error}
        row |= {f"net benefit {100 * t:g} %": benefit[t] for t in THRESHOLDS}
        rows.append(row)
    table = pd.DataFrame(rows).set_index("period")
    # Within a year people are ranked by one model; over the years two models' risks would be mixed.
    late = [str(y) for y in range(CHANGED + 1, LAST + 1)]
    table.loc["after the first", "AUROC"] = table.loc[late, "AUROC"].mean()
    return table.reset_index()
