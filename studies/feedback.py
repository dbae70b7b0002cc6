"""A model learns from its own footprints: what its alerts change, what is then measured, and what is then learned.

The unit foretells a first stroke or infarction within a year, for people of 55 and over. Each January it alerts those
whose risk passes a threshold, that of the highest fifth when alerts began; an alert orders three drugs, with a
reminder. The same people live several lives: silent (nobody is alerted), alerts, alerts of a model that is fitted anew
each year, alerts with a fifth of the people left out by chance; and one in which everybody is given the drugs, and one
in which all but those at the highest risk are.
"""

import shutil
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd

from lhs_helpers.learning import FeaturePlan, Task, cohort, evaluate, train
from lhs_helpers.patients import Hospital
from lhs_helpers.patients.calendar import day_number, january
from lhs_helpers.patients.people import People
from lhs_helpers.system.footprints import SILENT, believed, silent, untouched_weights
from lhs_helpers.system.lives import another_life, answer_key, keeping
from lhs_helpers.system.screening import orders

NAME = "feedback"
SCRIPTS = ("feedback.py",)
PATIENTS, SEEDS = 15_000, tuple(range(10))
START, FIRST, LAST = 2010, 2015, 2018  # alerts each January from FIRST to LAST, followed to the end of LAST
LEARN_AT, MEMORY = range(2012, FIRST), 3  # years of rows that a fit is made on
OF = {"stroke": "SNOMED:230690007", "myocardial_infarction": "SNOMED:22298006"}
DRUGS = ("RxNorm:314076", "RxNorm:312961", "RxNorm:243670")  # lisinopril, simvastatin, aspirin
ALERTED = 0.2  # of the people, when alerts begin
PEOPLE = {"min_age": 55, "lookback_days": 1096}
TASK = Task("a first stroke or infarction within a year", tuple(OF.values()), window_days=365, **PEOPLE)
LONG = Task("a first stroke or infarction within three years", tuple(OF.values()), window_days=1095, **PEOPLE)
ADOPTIONS = (0.0, 0.5, 1.0)
REACHED = "reached by an alert"
FACTS = {"alerted": ALERTED, "silent": SILENT, "drugs": list(DRUGS), "adoptions": list(ADOPTIONS)}


@dataclass
class Rows:
    """A January of one life: who was there, what was known of them, and what the model in use made of it."""

    people: pd.DataFrame
    X: pd.DataFrame
    risk: np.ndarray
    alerted: np.ndarray
    label: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    reached: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def take(self, which: np.ndarray) -> "Rows":
        people, X = (table[which].reset_index(drop=True) for table in (self.people, self.X))
        label = self.label[which] if self.label.size else self.label
        return Rows(people, X, self.risk[which], self.alerted[which], label, self.reached[which])


def jobs(seeds: tuple[int, ...]) -> list[str]:
    return [f"hospital {seed}" for seed in seeds]


def run(job: str, work: Path, patients: int) -> tuple[pd.DataFrame, dict[str, float]]:
    seed, seconds = int(job.split()[1]), {}
    here = work / f"{NAME}-{seed}-{patients}"
    shutil.rmtree(here, ignore_errors=True)
    clock = process_time()

    def timed(step: str) -> None:
        nonlocal clock
        seconds[step], clock = process_time() - clock, process_time()

    base = keeping(older, here / "base", patients=patients, seed=seed, start=f"{START}-01-01")
    base.advance(day(FIRST))
    timed("found and live to the first alert")
    plan, past = first_rows(base)
    model = fitted(past)
    timed("learn")
    threshold = float(np.quantile(january_of(base, plan, model, FIRST, 0.0).risk, 1 - ALERTED))
    rows, lives = [], {}
    for name in ("silent", "alerts", "refitted", "a fifth silent"):
        hospital = another_life(base, here / name)
        lives[name] = live(name, hospital, plan, model, threshold, past, seed)
        rows += [measured(name, year, r) | {"group": "everybody"} for year, r in lives[name].items()]
        if name == "a fifth silent":
            for year, r in lives[name].items():
                mine = r.take(silent(r.people, SILENT, seed))
                rows.append(measured(name, year, mine) | {"group": "silent fifth"})
        rows.append(events(name, hospital))
        timed(name)
    rows += refits(lives, model, threshold, seed)
    rows += beliefs(lives["silent"], model, threshold, past, seed)
    timed("refits")
    rows += prophecies(base, here, lives["silent"][FIRST], threshold)
    timed("prophecies")
    shutil.rmtree(here)
    return pd.DataFrame(rows).assign(seed=seed, threshold=threshold), seconds


def older(people: People) -> np.ndarray:
    """Who will be 55 or over when alerts end."""
    return people.age(january(LAST)) >= PEOPLE["min_age"]


def day(year: int) -> str:
    return f"{year}-01-01"


def first_rows(base: Hospital) -> tuple[FeaturePlan, dict[int, Rows]]:
    """The Januaries before any alert, with their outcomes."""
    emr = base.emr
    people = {year: cohort(emr, TASK, day(year)) for year in LEARN_AT}
    plan = FeaturePlan.fit(
        emr, people[LEARN_AT[-1]], TASK, min_share=0.05, statistics=("ever", "last", "last is")
    )
    past = {}
    for year, who in people.items():
        nobody = np.zeros(len(who), bool)
        past[year] = Rows(
            who, plan.apply(emr, who), nobody * 0.0, nobody, who["label"].to_numpy(bool), nobody
        )
    return plan, past


def fitted(rows: dict[int, Rows], labels=None, weights=None, recorded: bool = False):
    """A logistic regression on the rows of some Januaries; with `recorded`, who was reached is a column of its own."""
    X = pd.concat([with_actions(r) if recorded else r.X for r in rows.values()], ignore_index=True)
    y = np.concatenate([r.label for r in rows.values()]) if labels is None else np.concatenate(labels)
    if weights is not None:
        keep = (w := np.concatenate(weights)) > 0
        # Whole weights: a row that stands for five people is five rows.
        index = np.repeat(np.flatnonzero(keep), np.rint(w[keep]).astype(int))
        X, y = X.iloc[index].reset_index(drop=True), y[index]
    return train(X, y, "logistic regression")


def with_actions(rows: Rows, reached: np.ndarray | None = None) -> pd.DataFrame:
    return rows.X.assign(**{REACHED: (rows.reached if reached is None else reached).astype(float)})


def january_of(hospital: Hospital, plan: FeaturePlan, model, year: int, threshold: float) -> Rows:
    """Who is there, what is known, and who passes the threshold; outcomes are not known yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the windows end after the record: they do
        people = cohort(hospital.emr, TASK, day(year))
    X = plan.apply(hospital.emr, people).reset_index(drop=True)
    risk = model.predict_proba(X)[:, 1]
    return Rows(people, X, risk, risk >= threshold, reached=np.zeros(len(people), bool))


def live(name, hospital, plan, model, threshold, past, seed) -> dict[int, Rows]:
    """A life from the first alert to the end; what stood in each January, with the outcomes of its year."""
    known, ever, lived = dict(past), set(), {}
    for year in range(FIRST, LAST + 1):
        if name == "refitted" and year > FIRST:
            model = fitted({y: known[y] for y in range(year - MEMORY, year)})
        now = january_of(hospital, plan, model, year, threshold)
        open_ = np.ones(len(now.people), bool)
        if name == "silent":
            open_[:] = False
        elif name == "a fifth silent":
            open_ = ~silent(now.people, SILENT, seed)
        shown = now.people.loc[now.alerted & open_, "patient_id"]
        ever |= set(shown)
        now.reached = now.people["patient_id"].isin(ever).to_numpy()
        hospital.advance(day(year + 1), prescriptions(shown, year))
        lived[year] = known[year] = with_outcomes(now, hospital, year)
    return lived


def prescriptions(patients: pd.Series, year: int) -> pd.DataFrame:
    """Three drugs each, and the same again in March for whoever has not begun."""
    return pd.concat(
        [orders(patients, f"{year}-{month}-01", drug) for drug in DRUGS for month in ("01", "03")]
    )


def with_outcomes(now: Rows, hospital: Hospital, year: int) -> Rows:
    """The same January with the outcomes of its year; those whom the cohort takes out with hindsight go."""
    after = cohort(hospital.emr, TASK, day(year)).set_index("patient_id")["label"]
    kept = now.take(now.people["patient_id"].isin(after.index).to_numpy())
    kept.label = after.loc[kept.people["patient_id"]].to_numpy(bool)
    return kept


def measured(life: str, year: int, rows: Rows) -> dict:
    """What a monitor would say of the model in use."""
    return {
        "arm": "measured", "life": life, "year": year, "people": len(rows.label), "outcomes": int(rows.label.sum()),
        "expected": float(rows.risk.sum()), "AUROC": auroc(rows.label, rows.risk),
        "alerts": int(rows.alerted.sum()), "outcomes_alerted": int(rows.label[rows.alerted].sum()),
        "expected_alerted": float(rows.risk[rows.alerted].sum()), "reached": int(rows.reached.sum()),
    }  # fmt: skip


def auroc(label: np.ndarray, risk: np.ndarray) -> float:
    """Not a number where everybody is written down as a case: then there is nothing to tell apart."""
    if label.all():
        return float("nan")
    return float(evaluate(label, risk, bootstrap=0).loc["AUROC", "estimate"])


def events(life: str, hospital: Hospital) -> dict:
    """From the answer key: first strokes or infarctions since the first alert, and deaths."""
    keys = {disease: answer_key(hospital, disease) for disease in OF}
    begin, end = january(FIRST), day_number(hospital.clock)
    first = pd.concat([key["onset"] for key in keys.values()], axis=1).min(axis=1)
    death = keys["stroke"]["death"]
    return {
        "arm": "events", "life": life, "people": int((death >= begin).sum()),
        "outcomes": int(first.between(begin, end, "left").sum()),
        "deaths": int(death.between(begin, end, "left").sum()),
    }  # fmt: skip


def refits(lives: dict[str, dict[int, Rows]], model, threshold: float, seed: int) -> list[dict]:
    """Models fitted anew at the last January, judged on a year in which nobody had been alerted."""
    years = range(LAST - MEMORY, LAST)
    of = {name: {y: life[y] for y in years} for name, life in lives.items()}
    left = {y: silent(r.people, SILENT, seed) for y, r in of["a fifth silent"].items()}
    only = {y: r.take(left[y]) for y, r in of["a fifth silent"].items()}
    flagged = ever_flagged(of["a fifth silent"])
    weights = [untouched_weights(flagged[y], left[y]) for y in years]
    made = {
        "first model, kept": model,
        "fitted where nobody was alerted": fitted(of["silent"]),
        "fitted anew on all": fitted(of["alerts"]),
        "with actions recorded": fitted(of["alerts"], recorded=True),
        "with actions recorded, a fifth silent": fitted(of["a fifth silent"], recorded=True),
        "on the silent fifth": fitted(only),
        "on whom no alert reached, weighted": fitted(of["a fifth silent"], weights=weights),
    }
    test, rows = lives["silent"][LAST], []
    at_risk = test.risk >= threshold
    for name, fit in made.items():
        X = with_actions(test, np.zeros(len(test.label), bool)) if "actions" in name else test.X
        p = fit.predict_proba(X)[:, 1]
        top = p >= np.quantile(p, 1 - ALERTED)
        rows.append({
            "arm": "refits", "model": name, "people": len(p), "outcomes": int(test.label.sum()),
            "expected": float(p.sum()), "AUROC": auroc(test.label, p), "alerts": int((p >= threshold).sum()),
            "outcomes_alerted": int(test.label[p >= threshold].sum()), "outcomes_top": int(test.label[top].sum()),
            "outcomes_at_risk": int(test.label[at_risk].sum()), "expected_at_risk": float(p[at_risk].sum()),
        })  # fmt: skip
    return rows


def ever_flagged(life: dict[int, Rows]) -> dict[int, np.ndarray]:
    """For each row: has the model flagged this person in that January or an earlier one, shown or not?"""
    ever, flagged = set(), {}
    for year, rows in life.items():
        ever |= set(rows.people.loc[rows.alerted, "patient_id"])
        flagged[year] = rows.people["patient_id"].isin(ever).to_numpy()
    return flagged


def beliefs(life: dict[int, Rows], model, threshold, past, seed) -> list[dict]:
    """Alerts change no care here, but the label: a share of those alerted are written down as cases."""
    rows = []
    for adoption in ADOPTIONS:
        now, known, labels = model, dict(past), {y: r.label for y, r in past.items()}
        for year, r in life.items():
            risk = now.predict_proba(r.X)[:, 1]
            alerted = risk >= threshold
            labels[year], known[year] = believed(r.label, alerted, adoption, seed * 100 + year), r
            rows.append({
                "arm": "beliefs", "adoption": adoption, "year": year, "people": len(risk),
                "outcomes": int(r.label.sum()), "written": int(labels[year].sum()), "alerts": int(alerted.sum()),
                "false_alerts": int((alerted & ~r.label).sum()), "expected": float(risk.sum()),
                "AUROC": auroc(r.label, risk), "AUROC_as_written": auroc(labels[year], risk),
            })  # fmt: skip
            years = range(year + 1 - MEMORY, year + 1)
            now = fitted({y: known[y] for y in years}, [labels[y] for y in years])
    return rows


def prophecies(base: Hospital, here: Path, first: Rows, threshold: float) -> list[dict]:
    """Everybody gets the drugs, or all but those whom the first model calls lost; three years of it."""
    rows, ids = [], first.people["patient_id"]
    for life, given in (
        ("nobody treated", first.risk < 0),
        ("everybody treated", first.risk >= 0),
        ("withheld from the highest risk", first.risk < threshold),
    ):
        hospital = another_life(base, here / life)
        asked = prescriptions(ids[given], FIRST) if given.any() else None
        hospital.advance(day(LAST), asked)
        seen = cohort(hospital.emr, LONG, day(FIRST)).set_index("patient_id")["label"]
        risk = pd.Series(first.risk, index=ids)
        seen = seen[seen.index.isin(ids)]
        risk = risk.loc[seen.index].to_numpy()
        high = risk >= threshold
        rows.append(events(life, hospital) | {
            "arm": "prophecies", "AUROC": auroc(seen.to_numpy(bool), risk), "seen": len(seen),
            "outcomes_seen": int(seen.sum()), "outcomes_high": int(seen[high].sum()), "high": int(high.sum()),
        })  # fmt: skip
    return rows
