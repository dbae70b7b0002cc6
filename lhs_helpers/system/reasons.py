"""One risk, and what moved it: contributions of features to its log-odds, where the model can say them.

Logistic regression: coefficient times standardised value, which is the difference to the average person it
learned from. XGBoost: its own tree SHAP values. They add up exactly to the log-odds. Other models get no
reasons here rather than a guess. Reasons are about the model, not about causes.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import DMatrix, XGBClassifier

if TYPE_CHECKING:
    from lhs_helpers.system.release import Release


class Linear(NamedTuple):
    """A pipeline of imputer, scaler and logistic regression as what it adds up.

    Asked for one patient at a time, scikit-learn's checks of each step take a hundred times as long as the sum.
    """

    typical: np.ndarray  # what stands in for a missing value
    centre: np.ndarray
    weight: np.ndarray  # of the value, in its own unit
    flagged: np.ndarray  # columns with an indicator of what was missing
    flag_centre: np.ndarray
    flag_weight: np.ndarray
    base: float

    @classmethod
    def of(cls, model: Pipeline) -> "Linear | None":
        """None for a pipeline of another form."""
        steps = [type(step) for step in model[1:]]
        if steps != [SimpleImputer, StandardScaler, LogisticRegression]:
            return None
        _, imputer, scaler, last = (step for _, step in model.steps)
        n = len(imputer.statistics_)
        weight = last.coef_[0] / scaler.scale_
        flagged = np.empty(0, int) if imputer.indicator_ is None else imputer.indicator_.features_
        parts = scaler.mean_[:n], weight[:n], flagged, scaler.mean_[n:], weight[n:]
        return cls(imputer.statistics_, *parts, float(last.intercept_[0]))

    def contributions(self, values: np.ndarray) -> np.ndarray:
        """What each feature of each row adds; an indicator belongs to the feature it indicates."""
        missing = np.isnan(values)
        own = (np.where(missing, self.typical, values) - self.centre) * self.weight
        own[:, self.flagged] += (missing[:, self.flagged] - self.flag_centre) * self.flag_weight
        return own


def contributions(model: Pipeline, X: pd.DataFrame) -> tuple[pd.DataFrame, float] | None:
    """What each feature of each row adds to the log-odds, and the log-odds without any; None: can not be said.

    The rows' sums plus that number are the log-odds of the model, before any adjustment.
    """
    columns = model[0].columns_
    found = _parts(model, Linear.of(model), X[columns].to_numpy(dtype=np.float32))
    return None if found is None else (pd.DataFrame(found[0], index=X.index, columns=columns), found[1])


def _parts(model: Pipeline, linear: Linear | None, values: np.ndarray) -> tuple[np.ndarray, float] | None:
    if linear is not None:
        return linear.contributions(values), linear.base
    if isinstance(model[-1], XGBClassifier):
        parts = model[-1].get_booster().predict(DMatrix(values), pred_contribs=True)
        return parts[:, :-1], float(parts[0, -1])
    return None


def risk_of_row(model: Pipeline, linear: Linear | None, row: np.ndarray) -> float:
    """The risk of one person before any adjustment: what `predict_proba` says, without its checks.

    `row` holds float32 values in the order of the columns; `linear` is ``Linear.of(model)``, made once.
    """
    if linear is not None:
        return float(expit(linear.contributions(row[None, :]).sum() + linear.base))
    return float(model[1:].predict_proba(row[None, :])[0, 1])


def main_reasons(release: "Release", row: np.ndarray, most: int = 3) -> list[tuple[str, str]] | None:
    """The features that moved one risk most: (feature with its value, "raises" or "lowers").

    `row` holds float32 values in the order of the feature dictionary. None: the model can not say.
    """
    found = _parts(release.model, release.linear, row[None, :])
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
