"""Who is served in a network of one teaching hospital and eight clinics: local, pooled, shared or federated models.

Four questions, put to all sites on 1 January 2014: who has a first diagnosis in the next three years? Learned from
those whose records the sites hold, judged on other people of the same catchments, by what the record says of them and
by the answer key. The same lives are lived a second time at sites that write down all they find: what is lost to
records that are not kept can then be told from what is lost to small numbers. Once for each hospital, federated
averaging is held against the Newton fit: with more and more steps between two talks, and with people dealt to sites
that differ less or more than these do.
"""

import shutil
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from lhs_helpers.learning import FeaturePlan, Task
from lhs_helpers.patients import Hospital
from lhs_helpers.patients.diseases import known_diseases
from lhs_helpers.system.federated import averaging_rounds, newton
from lhs_helpers.system.network import (
    MEMBERS,
    Gathered,
    complete,
    gather,
    judge,
    live,
    participants,
    risks,
    true_outcome,
)

NAME, SCRIPTS = "equity", ("equity.py",)
SEEDS, PATIENTS = list(range(10)), sum(m.patients + m.judges for m in MEMBERS)
FIRST_DAY, AT, UNTIL = "2012-01-01", "2014-01-01", "2017-01-01"
TARGETS = {
    "type_2_diabetes": "SNOMED:44054006",
    "heart_failure": "SNOMED:84114007",
    "stroke": "SNOMED:230690007",
    "copd": "SNOMED:185086009",
    "myocardial_infarction": "SNOMED:22298006",
    "atrial_fibrillation": "SNOMED:49436004",
    "dementia": "SNOMED:52448006",
    "coronary_disease": "SNOMED:53741008",
}
NETWORK = tuple(TARGETS)[:4]  # the others serve the study of hypotheses
POOR = 0.7  # a person of whose diagnoses fewer are written down is called under-recorded
# Ailments that fill a fifth of the record and raise no other risk, as on pages 09 and 14.
LEFT_OUT = ("injury", "respiratory_infection", "urinary_infection", "osteoarthritis")
LEFT_OUT += ("asthma", "anxiety", "hypothyroidism")
FACTS = {
    "targets": {name: TARGETS[name] for name in NETWORK},
    "at": AT,
    "until": UNTIL,
    "first_day": FIRST_DAY,
    "left_out": list(LEFT_OUT),
    "records": ["as they are", "complete"],
}
STEPS, ROUNDS, FEW = (1, 5, 25, 125), 50, 20
DEALS = ("alike", "as they are", "by risk")


def tasks() -> list[Task]:
    """First diagnosis within three years, for people of 45 and over; this study's come first."""
    return [Task(name, (code,), 3 * 365, lookback_days=730, min_age=45) for name, code in TARGETS.items()]


def hospital(place: Path, seed: int, records: str) -> Hospital:
    members = MEMBERS if records == "as they are" else complete(MEMBERS)
    diseases = sorted(set(known_diseases()) - set(LEFT_OUT))
    return live(place, members, UNTIL, seed=seed, start=FIRST_DAY, diseases=diseases)


def people(work: Path, seed: int, records: str) -> tuple[Gathered, pd.DataFrame]:
    """Cohorts and features of one network, and beside them what the answer key says of each person and question.

    Kept in `work`, because the study of hypotheses asks the same people; the hospital is deleted.
    """
    place = work / f"network-{seed}-{records.replace(' ', '-')}"
    asked = tasks() if records == "as they are" else tasks()[: len(NETWORK)]
    if not (place / "complete").exists():
        made = hospital(place / "hospital", seed, records)
        found = gather(made.emr, asked, AT, MEMBERS, seed)
        found.X.to_parquet(place / "X.parquet")
        (place / "plan.json").write_text(found.plan.to_json(), encoding="utf-8")
        for task in asked:
            cohort = found.people[task.name]
            risk = made.truth.risk(task.name, AT, 3, cohort["patient_id"])
            key = {"true": true_outcome(made, task.name, cohort, task), "hazard": np.nan_to_num(risk)}
            cohort.assign(**key, task=task.name).to_parquet(place / f"{task.name}.parquet")
        shutil.rmtree(place / "hospital")
        (place / "complete").touch()
    cohorts = {task.name: pd.read_parquet(place / f"{task.name}.parquet") for task in asked}
    plan = FeaturePlan.from_json((place / "plan.json").read_text(encoding="utf-8"))
    key = pd.concat([c[["task", "patient_id", "true", "hazard"]] for c in cohorts.values()])
    cohorts = {name: c.drop(columns=["true", "hazard", "task"]) for name, c in cohorts.items()}
    return Gathered(cohorts, pd.read_parquet(place / "X.parquet"), plan), key


def written(cohort: pd.DataFrame) -> pd.Series:
    """Under-recorded: people of whom the site writes down fewer than seven diagnoses in ten."""
    least = pd.Series(1.0, cohort.index)
    for member in MEMBERS:
        here = cohort["site"] == member.site.name
        for group, share in member.site.recorded.items():
            of = here & ((cohort["group"] == group) | (cohort["insurance"] == group) | (group == "everybody"))
            least[of] = np.minimum(least[of], share)
    return pd.Series(np.where(least < POOR, "under-recorded", "recorded"), cohort.index)


def judged(found: Gathered, task: str, true: pd.Series, seed: int, trees: bool) -> pd.DataFrame:
    """One question: every way of learning at every site."""
    cohort, X = found.of(task)
    told = risks(cohort, X, MEMBERS[0].site.name, seed, trees)
    apart = (told["federated"] - told["pooled"]).abs().max()
    cohort = cohort.assign(written=written(cohort))
    table = judge(cohort, told.drop(columns="pooled"), true, ("site", "group", "written"))
    learned = cohort[cohort["learns"]].groupby("site")["label"].agg(["size", "sum"])
    table["learned_from"] = table["which"].map(learned["size"])
    table["cases_learned_from"] = table["which"].map(learned["sum"])
    return table.drop(columns=["precision", "true precision"]).assign(apart=apart, target=task)


def dealt(cohort: pd.DataFrame, how: str, risk: np.ndarray, seed: int) -> pd.DataFrame:
    """The same people who learn, dealt anew to sites of the same sizes: at random, or by risk from low to high."""
    rows = np.flatnonzero(cohort["learns"])
    places = cohort["site"].to_numpy(dtype=object).copy()
    here = places[rows]
    if how == "alike":
        places[rows] = np.random.default_rng(seed).permutation(here)
    elif how == "by risk":
        places[rows[np.argsort(risk[rows], kind="stable")]] = np.sort(here)
    return cohort.assign(site=places)


def averaged(found: Gathered, task: str, seed: int) -> pd.DataFrame:
    """Federated averaging against the Newton fit, in a regression of the most frequent columns."""
    cohort, X = found.of(task)
    columns = few(found)
    judging = ~cohort["learns"].to_numpy()
    best = newton(participants(cohort, X), columns)
    line, y, rows = best.log_odds(X), cohort["label"][judging], []
    for how in DEALS:
        sites = participants(dealt(cohort, how, line, seed), X)
        for steps in STEPS:
            for number, model in enumerate(averaging_rounds(sites, columns, steps, ROUNDS), 1):
                if number in (5, 20, ROUNDS):
                    other = model.log_odds(X[judging])
                    row = {"deal": how, "steps": steps, "rounds": number, "AUROC": roc_auc_score(y, other)}
                    row["short"] = float(np.sqrt(np.mean((other - line[judging]) ** 2)))
                    rows.append(row | {"AUROC newton": roc_auc_score(y, line[judging])})
    return pd.DataFrame(rows).assign(target=task)


def few(found: Gathered, number: int = FEW) -> list[str]:
    """Age, sex, and of the most frequent codes the last value, or whether there was one."""
    columns = found.plan.columns
    measured = columns.loc[columns["statistic"] == "last", "code"]
    one_each = columns[columns["statistic"].isin(["value", "last", "ever"])]
    one_each = one_each[~((one_each["statistic"] == "ever") & one_each["code"].isin(measured))]
    return list(one_each.sort_values("share", ascending=False, kind="stable")["name"][:number])


def jobs(seeds: list[int]) -> list[str]:
    """Names of the parts of this study, in the order in which they are run."""
    return [f"{records}, hospital {seed}" for seed in seeds for records in FACTS["records"]]


def run(job: str, work: Path, patients: int = PATIENTS) -> tuple[pd.DataFrame, dict[str, float]]:
    """One part of the study: its rows, and the seconds of its steps."""
    records, rest = job.split(", ")
    seed, seconds, start = int(rest.split()[1]), {}, perf_counter()

    def lap(step: str) -> None:
        nonlocal start
        seconds[step], start = perf_counter() - start, perf_counter()

    found, key = people(work, seed, records)
    lap("hospital and features")
    own = records == "as they are"
    rows = []
    for task in NETWORK:
        true = key.loc[key["task"] == task, "true"]
        rows.append(judged(found, task, true, seed, trees=own).assign(arm="network"))
    lap("models")
    if own:
        rows.append(averaged(found, NETWORK[0], seed).assign(arm="averaging"))
        lap("averaging")
    return pd.concat(rows).assign(records=records, seed=seed), seconds
