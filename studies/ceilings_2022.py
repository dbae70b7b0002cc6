"""How much of what these records allow has a model of one hospital found?

The record ceiling is that of the best possible reader of these records. It is approached by letting gradient boosting
learn from all hospitals of the study together, five times the people that one hospital has, and following its curve to
where it would end. Model and curve are judged on the same people: those held out, of all hospitals.
"""

from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from prospective_2022 import REPLICATES, People, arm

from lhs_helpers.learning import ceilings, learning_curve, train

LEAST_CASES = 20
SHARES, SEEDS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0), (0, 1)
MODELS = ("gradient boosting", "logistic regression")
TABLES = ("X", "X_new", "columns")


def save(found: People, folder: Path) -> None:
    """Leave the people of a hospital as files; a hospital itself is too large to keep."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        getattr(found, table).to_parquet(folder / f"{table}.parquet")
    for group in ("learning", "judging"):
        for disease, people in getattr(found, group).items():
            people.attrs = {}
            people.to_parquet(folder / f"{group} {disease}.parquet")
    (folder / "complete").touch()


def load(folder: Path, diseases: list[str]) -> People:
    """The people that `save` left."""
    cohorts = [
        {disease: pd.read_parquet(folder / f"{group} {disease}.parquet") for disease in diseases}
        for group in ("learning", "judging")
    ]
    return People(*cohorts, *(pd.read_parquet(folder / f"{table}.parquet") for table in TABLES))


def shares(folders: list[Path], disease: str) -> tuple[pd.DataFrame, dict[str, float]]:
    """The share of the way from 0.5 to each ceiling, of the model of each hospital; and the curve."""
    start = perf_counter()
    arms, hazards, ages = [], [], []
    for folder in folders:
        found = load(folder, [disease])
        arms.append(arm(found, disease))
        hazards.append(found.judging[disease]["hazard"].to_numpy())
        ages.append(found.judging[disease]["age"].to_numpy() / 120)
    shared = set.intersection(*(set(one.X.columns) for one in arms))
    names = [name for name in arms[0].X.columns if name in shared]
    X_new, y_new = pd.concat([one.X_new[names] for one in arms]), np.concatenate([one.y_new for one in arms])
    told = {}
    for number, one in enumerate(arms):
        for algorithm in MODELS:
            model = train(one.X[names], one.y, algorithm)
            told[number, algorithm] = model.predict_proba(X_new)[:, 1]
    told[-1, "age alone"] = np.concatenate(ages)
    X, y = pd.concat([one.X[names] for one in arms]), np.concatenate([one.y for one in arms])
    del arms, found
    seconds = {"models": perf_counter() - start}
    start = perf_counter()
    sizes = [round(share * len(X)) for share in SHARES if share * y.sum() >= LEAST_CASES]
    curve = learning_curve(X, y, X_new, y_new, sizes, seeds=SEEDS)
    seconds["learning curve"] = perf_counter() - start
    start = perf_counter()
    rows = []
    for (number, algorithm), p in told.items():
        table = ceilings(y_new, p, hazard=np.concatenate(hazards), record=curve, bootstrap=REPLICATES)
        for ceiling in table.index:
            row = {"design": ceiling, "algorithm": algorithm, "hospital": number, "variables": len(names)}
            row |= {"people": len(y_new), "cases": int(y_new.sum())}
            row |= {"AUROC": table.loc[ceiling, "estimate"]}
            row |= {f"AUROC {end}": table.loc[ceiling, end] for end in ("low", "high")}
            row |= {
                key.replace("_", " "): table.loc[ceiling, key] for key in ("share", "share_low", "share_high")
            }
            rows.append(row)
    fits = curve.fits.rename(
        columns={"people": "learned_from", "events": "cases_learned_from", "auroc": "AUROC"}
    )
    fits = fits.drop(columns="seed").groupby("learned_from", as_index=False).mean()
    curve_rows = fits.assign(
        design="learning curve", algorithm="gradient boosting, growing", variables=len(names)
    )
    seconds["ceilings"] = perf_counter() - start
    return pd.concat([pd.DataFrame(rows), curve_rows]), seconds
