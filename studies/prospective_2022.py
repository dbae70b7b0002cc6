"""The 2022 study again, as a unit would do it that has to act on the answer.

One question at a fixed day, the same for both diseases: who is diagnosed in the next three years? Learned from people
of 45 and over on 1 January 2012, from what the record had told by 2015; judged on other people, three in ten, fixed for
all sizes, on 1 January 2015, at the prevalence they have.
"""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
import pandas as pd
from study_2022 import ALGORITHMS, BATCH, DISEASES, IDS_PER_BATCH, SIZES, judged, the_ten

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
)
from lhs_helpers.patients import Hospital

LEARN_AT, JUDGE_AT, YEARS = "2012-01-01", "2015-01-01", 3
HELD_OUT = 0.3
# Alert from this risk on: about three times the average, so that about one person in ten is alerted.
THRESHOLD = {"lung cancer": 0.015, "stroke": 0.04}
TRUTH = {"lung cancer": "lung_cancer", "stroke": "stroke"}
VARIABLES = (58, 83, 104, 117, 124)  # those of the study, for stroke
REPLICATES = 200


def question(disease: str, prior_outcome: str = "exclude") -> Task:
    """First diagnosis within three years, for people of 45 and over, by four years of records."""
    window = YEARS * 365
    return Task(
        disease, (DISEASES[disease],), window, lookback_days=1461, min_age=45, prior_outcome=prior_outcome
    )


@dataclass(frozen=True)
class People:
    """Those to learn from and those to judge on, of one hospital.

    Attributes
    ----------
    learning, judging : dict of DataFrame
        By disease, the cohort as `cohort` returns it; those to judge on with their true risk, ``hazard``.
    X, X_new : DataFrame
        What was known of everybody in one of the cohorts, by patient_id.
    columns : DataFrame
        The vocabulary, learned on the people to learn from.
    """

    learning: dict[str, pd.DataFrame]
    judging: dict[str, pd.DataFrame]
    X: pd.DataFrame
    X_new: pd.DataFrame
    columns: pd.DataFrame


def people(hospital: Hospital, seed: int) -> People:
    """Cohorts and features; both diseases share one matrix, because they share index date and look-back."""
    emr, then = hospital.emr, hospital.emr.as_of(JUDGE_AT)
    learning, judging = {}, {}
    for disease in DISEASES:
        task = question(disease)
        learning[disease] = split_people(cohort(then, task, LEARN_AT), 1 - HELD_OUT, seed)[0]
        held_out = split_people(cohort(emr, task, JUDGE_AT), 1 - HELD_OUT, seed)[1]
        hazard = hospital.truth.risk(TRUTH[disease], JUDGE_AT, YEARS, held_out["patient_id"])
        # Who had died unknown to the record has no hazard, and no risk.
        judging[disease] = held_out.assign(hazard=np.nan_to_num(hazard))
    everybody = question("stroke", prior_outcome="allow")
    plan, X = FeaturePlan.fit_apply(then, _together(learning), everybody)
    X_new = plan.apply(emr, _together(judging))
    return People(learning, judging, X, X_new, plan.columns)


def _together(cohorts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return (
        pd.concat(cohorts.values()).drop_duplicates("patient_id").sort_values("patient_id", ignore_index=True)
    )


def most_frequent(found: People, number: int | None = None) -> list[str]:
    """The most frequent variables of the vocabulary, one for each code or answer; age and sex come first."""
    columns = found.columns
    measured = columns.loc[columns["statistic"].isin(["last", "last is"]), "code"]
    twice = (columns["statistic"] == "ever") & columns["code"].isin(measured)
    one_each = columns[columns["statistic"].isin(["value", "ever", "last", "last is"]) & ~twice]
    return list(one_each.sort_values("share", ascending=False, kind="stable")["name"][:number])


@dataclass(frozen=True)
class Arm:
    """One disease: matrices, outcomes, and the batch of each person to learn from."""

    disease: str
    X: pd.DataFrame
    y: np.ndarray
    batch: np.ndarray
    X_new: pd.DataFrame
    y_new: np.ndarray

    def fit(
        self, algorithm: str, size: int, seed: int, names: list[str] | None = None
    ) -> tuple[np.ndarray, dict]:
        """Risks of those to judge on, by a model that learned from the first batches; and what it learned from."""
        seen = np.flatnonzero(self.batch < size // BATCH)
        names = list(self.X.columns) if names is None else names
        model = train(self.X.iloc[seen][names], self.y[seen], ALGORITHMS.get(algorithm, algorithm), seed)
        about = {"patients": size, "algorithm": algorithm, "variables": len(names)}
        about |= {"learned_from": len(seen), "cases_learned_from": int(self.y[seen].sum())}
        return model.predict_proba(self.X_new[names])[:, 1], about

    def judged(self, p: np.ndarray, bootstrap: int = REPLICATES) -> dict[str, float]:
        return judged(self.y_new, p, THRESHOLD[self.disease], bootstrap=bootstrap)


def arm(found: People, disease: str) -> Arm:
    learning, judging = found.learning[disease], found.judging[disease]
    X, X_new = found.X.loc[learning["patient_id"]], found.X_new.loc[judging["patient_id"]]
    varies = list(X.columns[X.min() < X.max()])  # the diagnosis itself: nobody in this cohort has it
    batch = ((learning["patient_id"] - 1) // IDS_PER_BATCH).to_numpy()
    y, y_new = learning["label"].to_numpy(), judging["label"].to_numpy()
    return Arm(disease, X[varies], y, batch, X_new[varies], y_new)


def prospective(found: People, disease: str, seed: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """All rows of this arm, and the seconds of its steps."""
    seconds, start = {}, perf_counter()
    one = arm(found, disease)
    sizes = [size for size in SIZES if (one.batch >= size // BATCH - 1).any()]
    rows, risks = [], {}
    for size in sizes:
        for algorithm in ALGORITHMS:
            p, about = one.fit(algorithm, size, seed)
            risks[algorithm, size] = p
            rows.append({"design": "patients grow"} | about | one.judged(p))
    p, about = one.fit("logistic regression", sizes[-1], seed)
    risks["logistic regression", sizes[-1]] = p
    rows.append({"design": "patients grow"} | about | one.judged(p))
    seconds["patients grow"] = perf_counter() - start
    start = perf_counter()
    rows += _features_grow(one, found, sizes, seed)
    seconds["features grow"] = perf_counter() - start
    start = perf_counter()
    rows += _one_to_three(one, sizes[-1], seed)
    rows += _updates(one, found.judging[disease], {size: risks["XGBoost", size] for size in sizes})
    seconds["one to three, updates"] = perf_counter() - start
    age = found.judging[disease]["age"].to_numpy() / 120
    final = {name: p for (name, size), p in risks.items() if size == sizes[-1]} | {"age alone": age}
    rows += _hazard_ceiling(one, final, found.judging[disease]["hazard"].to_numpy(), sizes[-1])
    return pd.DataFrame(rows), seconds


def _features_grow(one: Arm, found: People, sizes: list[int], seed: int) -> list[dict]:
    """XGBoost: few variables and more and more patients; most patients and more and more variables."""
    there = set(one.X.columns)
    ten = [name for name in the_ten(found.columns, one.disease) if name in there]
    frequent = [name for name in most_frequent(found) if name in there]
    asked = [("ten variables", size, ten) for size in sizes]
    asked += [("58 variables", size, frequent[: VARIABLES[0]]) for size in sizes]
    asked += [("variables grow", sizes[-1], names) for names in (ten, *(frequent[:k] for k in VARIABLES))]
    asked += [("variables grow", sizes[0], names) for names in (ten, *(frequent[:k] for k in VARIABLES))]
    rows = []
    for design, size, names in asked:
        p, about = one.fit("XGBoost", size, seed, names)
        rows.append({"design": design} | about | one.judged(p, bootstrap=0))
    return rows


def _one_to_three(one: Arm, size: int, seed: int) -> list[dict]:
    """XGBoost on every case and three controls each, as told and with the prior corrected; judged on everybody."""
    drawn, taken = case_control_sample(one.y, 3, seed)
    model = train(one.X.iloc[drawn], one.y[drawn], "gradient boosting", seed)
    p = model.predict_proba(one.X_new)[:, 1]
    about = {
        "patients": size,
        "algorithm": "XGBoost",
        "variables": one.X.shape[1],
        "learned_from": len(drawn),
    }
    about["cases_learned_from"] = int(one.y.sum())
    told = {"design": "one to three, as told"} | about | judged(one.y_new, p, 0.5, bootstrap=REPLICATES)
    corrected = prior_corrected(p, **taken)
    return [told, {"design": "one to three, corrected"} | about | one.judged(corrected)]


def _updates(one: Arm, judging: pd.DataFrame, risks: dict[int, np.ndarray]) -> list[dict]:
    """Each update of XGBoost against the model before, and the last against the first, on the same people."""
    sizes = sorted(risks)
    pairs = [*zip(sizes[:-1], sizes[1:], strict=True), (sizes[0], sizes[-1])]
    rows = []
    for before, after in pairs:
        gain = paired_difference(
            one.y_new, risks[before], risks[after], people=judging["patient_id"], threshold=THRESHOLD[one.disease],
            bootstrap=REPLICATES,
        ).loc["AUROC"]  # fmt: skip
        row = {"design": "gain", "patients": after, "since": before, "algorithm": "XGBoost"}
        rows.append(row | {"AUROC": gain["estimate"], "AUROC low": gain["low"], "AUROC high": gain["high"]})
    return rows


def _hazard_ceiling(one: Arm, risks: dict, hazard: np.ndarray, size: int) -> list[dict]:
    """Each model at the largest size, and age alone, beside the AUROC of the true hazards."""
    rows = []
    for name, p in risks.items():
        found = evaluate(one.y_new, p, truth=hazard, bootstrap=REPLICATES)
        row = {"design": "hazard ceiling", "patients": size, "algorithm": name}
        row |= {
            "people": len(one.y_new),
            "cases": int(one.y_new.sum()),
            "AUROC": found.loc["AUROC", "estimate"],
        }
        row["ceiling"] = found.loc["AUROC ceiling (truth)", "estimate"]
        row |= dict(zip(("share", "share low", "share high"), found.loc["share of the way"], strict=True))
        rows.append(row)
    return rows
