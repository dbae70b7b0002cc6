"""What moved one risk: contributions of features to its log-odds, where the model can say them.

Logistic regression: coefficient times standardised value, which is the difference to the average person it
learned from. XGBoost: its own tree SHAP values. They add up exactly to the log-odds. Other models get no
reasons here rather than a guess. Reasons are about the model, not about causes.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from xgboost import DMatrix, XGBClassifier

if TYPE_CHECKING:
    from lhs_helpers.system.release import Release


def contributions(model: Pipeline, X: pd.DataFrame) -> tuple[pd.DataFrame, float] | None:
    """What each feature of each row adds to the log-odds, and the log-odds without any; None: can not be said.

    The rows' sums plus that number are the log-odds of the model, before any adjustment.
    """
    columns = model[0].columns_
    found = _parts(model, X[columns].to_numpy(dtype=np.float32))
    return None if found is None else (pd.DataFrame(found[0], index=X.index, columns=columns), found[1])


def _parts(model: Pipeline, values: np.ndarray) -> tuple[np.ndarray, float] | None:
    last = model[-1]
    if isinstance(last, XGBClassifier):
        parts = last.get_booster().predict(DMatrix(values), pred_contribs=True)
        return parts[:, :-1], float(parts[0, -1])
    if isinstance(last, LogisticRegression) and len(model) == 4:
        z = model[1:-1].transform(values) * last.coef_[0]
        own = z[:, : values.shape[1]].copy()
        # The imputer appends an indicator of what was missing; it belongs to the feature it indicates.
        own[:, model[1].indicator_.features_] += z[:, values.shape[1] :]
        return own, float(last.intercept_[0])
    return None


def main_reasons(release: "Release", row: np.ndarray, most: int = 3) -> list[tuple[str, str]] | None:
    """The features that moved one risk most: (feature with its value, "raises" or "lowers").

    `row` holds float32 values in the order of the feature dictionary. None: the model can not say.
    """
    found = _parts(release.model, row[None, :])
    if found is None:
        return None
    moved = found[0][0] * release.adjustment[1]
    strongest = np.argsort(-np.abs(moved), kind="stable")[:most]
    return [
        (_said(*release.columns[j], row[j]), "raises" if moved[j] > 0 else "lowers")
        for j in strongest
        if abs(moved[j]) > 0.01
    ]


def _said(name: str, statistic: str, unit: str | None, value: float) -> str:
    if np.isnan(value):
        return f"{name}: not known"
    if statistic in ("ever", "last is") or name == "Sex is male":
        return f"{name}: {'yes' if value else 'no'}"
    return f"{name}: {value:.4g}{f' {unit}' if isinstance(unit, str) else ''}"
