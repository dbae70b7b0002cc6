"""The 2022 study again, as its authors did it: cases and controls, cut anew at each size, answers of yes or no.

Two diseases, five sizes from 30,000 to 150,000 people, four algorithms, several hospitals (one per seed). A batch is
two shards of the simulator, so the first batch of the hospital of a seed is, byte for byte, the hospital of 30,000
people of that seed: a page can run a cell of this grid without the other 120,000.

`prospective_2022.py` asks the same hospitals the same question as a unit would that has to act on the answer.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from lhs_helpers.learning import Task, case_control_sample, evaluate, features, train, vocabulary
from lhs_helpers.patients import Hospital

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

NAME = "study-2022"
SCRIPTS = ("study_2022.py", "prospective_2022.py", "ceilings_2022.py")
DISEASES = {"lung cancer": "SNOMED:363358000", "stroke": "SNOMED:230690007"}
SIZES = (30_000, 60_000, 90_000, 120_000, 150_000)
# Our names of the study's algorithms. "svm" is a linear one on 300 Nystroem landmarks: an exact kernel takes minutes.
ALGORITHMS = {
    "XGBoost": "gradient boosting",
    "random forest": "random forest",
    "SVM": "svm",
    "k-nearest neighbours": "k-nearest neighbours",
}
PATIENTS, SEEDS, FACTS = SIZES[-1], (0, 1, 2, 3, 4), {"sizes": list(SIZES)}
START, FIRST_CASE, END = "2008-01-01", "2009-01-01", "2018-01-01"
BATCH, IDS_PER_BATCH = 30_000, 2_000_000
CONTROLS, TEST_SHARE, THRESHOLD = 3, 0.2, 0.5
# Five neighbours, as scikit-learn takes when nobody says: our own four hundred are for risks, not for yes or no.
SETTINGS = {"k-nearest neighbours": {"kneighborsclassifier__n_neighbors": 5}}
LOOKBACK_DAYS = 3653
# A code becomes a variable when so many people of the sample have it: the same number at every size, as a frequency
# filter with a fixed count does, so variables grow with the people.
LEAST_PEOPLE, LEAST_IN_MATRIX = 200, 20
SHARED_TEN = [
    ("age", "value", None),
    ("sex", "value", None),
    ("LOINC:72166-2", "last is", "Current every day smoker"),
    ("LOINC:72166-2", "last is", "Former smoker"),
    ("LOINC:39156-5", "last", None),  # body mass index
    ("LOINC:8480-6", "last", None),  # systolic pressure
]
TEN = {
    "lung cancer": [
        *SHARED_TEN,
        ("SNOMED:185086009", "ever", None),  # chronic obstructive bronchitis
        ("SNOMED:49727002", "ever", None),  # cough
        ("SNOMED:233604007", "ever", None),  # pneumonia
        ("LOINC:718-7", "last", None),  # haemoglobin
    ],
    "stroke": [
        *SHARED_TEN,
        ("SNOMED:59621000", "ever", None),  # hypertension
        ("SNOMED:49436004", "ever", None),  # atrial fibrillation
        ("SNOMED:44054006", "ever", None),  # diabetes
        ("LOINC:18262-6", "last", None),  # LDL cholesterol
    ],
}


def hospital(folder: Path | str, seed: int, patients: int = PATIENTS, workers: int | None = None) -> Hospital:
    """The hospital of a seed, lived through ten recorded years; opened when it is already there."""
    made = Hospital(folder, patients=patients, seed=seed, start=START, workers=workers)
    made.advance(END)
    return made


@dataclass(frozen=True)
class Sample:
    """Cases, and three controls for each, with what was known of them.

    Attributes
    ----------
    people : DataFrame
        A row per person: ``patient_id``, ``index_time``, ``age``, ``sex``, ``batch``, ``label``.
    X : DataFrame
        What was known, in the columns of `columns`; rows as in `people`.
    columns : DataFrame
        The vocabulary of all of them.
    natural : Series
        By batch, the share of cases among everybody the sample was drawn from.
    """

    people: pd.DataFrame
    X: pd.DataFrame
    columns: pd.DataFrame
    natural: pd.Series


def case_control(emr: "EMR", disease: str, seed: int, *, cut: bool = True) -> Sample:
    """Everybody first diagnosed between 2009 and 2017, and three controls each who never were.

    A case is read up to midnight before the diagnosis. A control is drawn in the same batch, of any age, and read up to
    a day drawn from the cases' days, on which it was registered. With ``cut=False`` every record is
    read to its end, the years after the diagnosis included, and only the diagnosis itself is left out.
    """
    everybody = _everybody(emr, DISEASES[disease])
    parts, natural = [], {}
    for batch, people in everybody.groupby("batch"):
        drawn, natural[batch] = _drawn(people, int(batch), seed)
        parts.append(drawn)
    people = pd.concat(parts, ignore_index=True)
    if not cut:
        people["index_time"] = pd.Timestamp(END).as_unit("us")
    task = Task(disease, (DISEASES[disease],), window_days=1, lookback_days=LOOKBACK_DAYS, min_age=0)
    least = LEAST_IN_MATRIX / len(people)
    columns = vocabulary(emr, people, task, least, statistics=("ever", "last", "last is"))
    columns = columns[columns["code"] != DISEASES[disease]].reset_index(drop=True)
    X = features(emr, people, task, columns).reset_index(drop=True)
    return Sample(people, X, columns, pd.Series(natural))


def _everybody(emr: "EMR", code: str) -> pd.DataFrame:
    """All who were ever registered, with the first diagnosis (if any) and the day they were last there."""
    events = emr.events
    first = events.filter(events.kind == "condition", events.code == code).group_by("patient_id")
    first = first.aggregate(diagnosed=events.time.min()).execute()
    facts = ["patient_id", "birth_date", "sex", "entered", "left_time", "death_time"]
    people = emr.people.select(*facts).execute().merge(first, on="patient_id", how="left")
    people["gone"] = people[["left_time", "death_time"]].min(axis=1).fillna(pd.Timestamp(END))
    people["batch"] = (people["patient_id"] - 1) // IDS_PER_BATCH
    return people.sort_values("patient_id", ignore_index=True)


def _drawn(people: pd.DataFrame, batch: int, seed: int) -> tuple[pd.DataFrame, float]:
    """The cases of a batch with their controls, and the share of cases among all who could be drawn."""
    day = people["diagnosed"].dt.normalize()
    case = (day >= FIRST_CASE) & (day > people["entered"])
    anyday = np.random.default_rng([seed, batch]).choice(day[case].to_numpy(), len(people))
    index_time = day.where(case, pd.Series(anyday, people.index)).astype("datetime64[us]")
    there = (people["entered"] < index_time) & (people["gone"] >= index_time)
    born = pd.to_datetime(people["birth_date"])
    there &= born < index_time
    people = people.assign(index_time=index_time, label=case, age=(index_time - born).dt.days / 365.25)
    people = people[case | (there & people["diagnosed"].isna())]
    rows, _ = case_control_sample(people["label"], CONTROLS, seed=10 * seed + batch)
    kept = ["patient_id", "index_time", "age", "sex", "batch", "label"]
    return people.iloc[rows][kept], float(people["label"].mean())


def variables(sample: Sample, rows: np.ndarray, least: int) -> list[str]:
    """One column per code (or answer) that at least so many of these people have: the last value where there is one."""
    X = sample.X.loc[rows]
    have = (X.notna() & (X != 0)).sum().to_numpy()
    columns = sample.columns.assign(have=have)
    columns = columns[(columns["have"] >= least) | (columns["kind"] == "person")]
    measured = columns.loc[columns["statistic"].isin(["last", "last is"]), "code"]
    twice = (columns["statistic"] == "ever") & columns["code"].isin(measured)
    return list(columns.loc[~twice, "name"])


def the_ten(columns: pd.DataFrame, disease: str) -> list[str]:
    """Ten variables that a clinician would name."""
    found = {
        (c.code, c.statistic, None if pd.isna(c.text) else c.text): c.name
        for c in columns.itertuples(index=False)
    }
    return [found[wanted] for wanted in TEN[disease] if wanted in found]


def cell(
    sample: Sample, disease: str, algorithm: str, size: int, seed: int, *, ten: bool = False
) -> dict[str, float]:
    """One cell of the grid: learn from four fifths of the sample at this size, be judged on the last fifth.

    Measures are those of the study at a threshold of one half, and the AUROC of the probabilities.
    """
    rows = np.flatnonzero(sample.people["batch"] < size // BATCH)
    y = sample.people["label"].to_numpy()[rows]
    names = the_ten(sample.columns, disease) if ten else variables(sample, rows, LEAST_PEOPLE)
    parts = train_test_split(
        sample.X.loc[rows, names], y, test_size=TEST_SHARE, random_state=seed, stratify=y
    )
    X, X_test, y, y_test = parts
    model = train(X, y, ALGORITHMS[algorithm], seed, SETTINGS.get(algorithm))
    p = model.predict_proba(X_test)[:, 1]
    natural = float(sample.natural.iloc[: size // BATCH].mean())
    about = {"patients": size, "algorithm": algorithm, "variables": X.shape[1]}
    about |= {"learned_from": len(X), "cases_learned_from": int(y.sum())}
    return about | judged(y_test, p, THRESHOLD, natural)


def judged(y, p, threshold: float, prevalence: float | None = None, bootstrap: int = 0) -> dict[str, float]:
    """A row of measures: what the study printed, and what it did not."""
    found = evaluate(y, p, threshold=threshold, prevalence=prevalence, bootstrap=bootstrap)
    value = found["estimate"]
    row = {"people": len(y), "cases": int(np.sum(y))}
    for name in ("recall", "precision", "specificity", "accuracy", "balanced accuracy", "AUROC", "O/E"):
        row[name] = value[name]
    row["calibration slope"] = value["calibration slope"]
    row["AUC of labels"] = roc_auc_score(y, np.asarray(p) >= threshold)
    if prevalence is not None:
        row["prevalence"], row["precision at prevalence"] = prevalence, value["precision at prevalence"]
    if bootstrap:
        row["AUROC low"], row["AUROC high"] = found.loc["AUROC", ["low", "high"]]
    return row


def as_the_study(made: Hospital, disease: str, seed: int) -> pd.DataFrame:
    """All cells of a disease: growing variables and ten fixed ones, and records that were not cut.

    Beside them stand age alone and the true hazard: what can be known of these cases and controls without their record.
    """
    emr = made.emr
    sizes = [size for size in SIZES if (size // BATCH) <= _batches(emr)]
    rows = []
    sample = case_control(emr, disease, seed)
    for size in sizes:
        for algorithm in ALGORITHMS:
            for ten in (False, True):
                row = cell(sample, disease, algorithm, size, seed, ten=ten)
                rows.append({"design": "ten variables" if ten else "as the study"} | row)
    people = sample.people.assign(hazard=true_hazard(made, disease, sample.people))
    for size in sizes:
        part = people[people["batch"] < size // BATCH]
        for design, column in (("age alone", "age"), ("true hazard", "hazard")):
            found = {"patients": size, "people": len(part), "cases": int(part["label"].sum())}
            rows.append({"design": design} | found | {"AUROC": roc_auc_score(part["label"], part[column])})
    sample = case_control(emr, disease, seed, cut=False)
    for size in sizes:
        rows.append({"design": "records not cut"} | cell(sample, disease, "XGBoost", size, seed))
    return pd.DataFrame(rows)


def true_hazard(made: Hospital, disease: str, people: pd.DataFrame) -> np.ndarray:
    """By the answer key, each person's yearly hazard on 1 January of the year of the index time; 0 for newcomers."""
    hazard = np.zeros(len(people))
    years = people["index_time"].dt.year.to_numpy()
    for year in np.unique(years):
        known = made.truth.hazards(f"{year}-01-01")[disease.replace(" ", "_")]
        hazard[years == year] = known.reindex(people["patient_id"][years == year]).fillna(0).to_numpy()
    return hazard


def _batches(emr: "EMR") -> int:
    return int((emr.patients.patient_id.max().execute() - 1) // IDS_PER_BATCH) + 1


def jobs(seeds: list[int]) -> list[str]:
    """Names of the parts of this study, in the order in which they are run."""
    each = [f"{disease}, hospital {seed}" for seed in seeds for disease in DISEASES]
    return each + [f"{disease}, ceilings of hospitals {' '.join(map(str, seeds))}" for disease in DISEASES]


def run(job: str, work: Path, patients: int = PATIENTS) -> tuple[pd.DataFrame, dict[str, float]]:
    """One part of the study: its rows, and the seconds of its steps. Hospitals come and go in `work`."""
    import ceilings_2022  # here, because both stand on this module
    import prospective_2022

    disease, rest = job.split(", ")
    if rest.startswith("ceilings"):
        folders = [work / f"people-{seed}" for seed in rest.split()[3:]]
        rows, seconds = ceilings_2022.shares(folders, disease)
        return rows.assign(arm="ceilings", disease=disease), seconds
    seed, seconds = int(rest.split()[1]), {}

    def timed(step: str, do: Callable):
        start = perf_counter()
        done = do()
        seconds[step] = perf_counter() - start
        return done

    place, people = work / f"hospital-{seed}", work / f"people-{seed}"
    made = timed("hospital", lambda: hospital(place, seed, patients))
    if not (people / "complete").exists():
        timed("features", lambda: ceilings_2022.save(prospective_2022.people(made, seed), people))
    first = timed("as the study", lambda: as_the_study(made, disease, seed)).assign(arm="as the study")
    rows, steps = prospective_2022.prospective(ceilings_2022.load(people, list(DISEASES)), disease, seed)
    if disease == list(DISEASES)[-1]:
        shutil.rmtree(place)
    rows = pd.concat([first, rows.assign(arm="prospective")])
    return rows.assign(disease=disease, seed=seed), seconds | steps
