"""Effects and their intervals: of a trial, of clinics that begin one after the other, over many hospitals."""

import numpy as np
import pandas as pd
from scipy.stats import t

from lhs_helpers.errors import LHSError

Z = 1.959964


def rate_ratio(offered: pd.DataFrame, others: pd.DataFrame, outcome: str = "died_with") -> pd.Series:
    """Rate of an outcome among those offered over that among the others: ``estimate``, ``low``, ``high`` (95 %).

    Both are tables of `trial.followed`; the interval is that of two Poisson counts, on the logarithm.
    """
    a, b = int(offered[outcome].sum()), int(others[outcome].sum())
    if min(a, b) == 0:
        raise LHSError(f"There are {a} and {b} outcomes in the two groups: no ratio can be formed.")
    ratio = (a / offered["years"].sum()) / (b / others["years"].sum())
    spread = Z * np.sqrt(1 / a + 1 / b)
    return pd.Series({"estimate": ratio, "low": ratio * np.exp(-spread), "high": ratio * np.exp(spread)})


def stepped_wedge(cells: pd.DataFrame) -> pd.Series:
    """The rate ratio of screened against not yet screened clinics: ``estimate``, ``low``, ``high`` (95 %).

    `cells` has a row per clinic and period: ``clinic``, ``period``, ``screened`` (boolean), ``outcomes``,
    ``years``. A Poisson regression with an effect of each clinic and of each period, after Hussey and Hughes 2007.
    """
    if cells["screened"].nunique() < 2:
        raise LHSError("Every clinic is screened, or none is, in all periods: there is nothing to compare.")
    dummies = [
        pd.get_dummies(cells[which], drop_first=drop).to_numpy(float)
        for which, drop in (("clinic", False), ("period", True))
    ]
    X = np.column_stack([cells["screened"].to_numpy(float), *dummies])
    coefficients, variance = poisson(X, cells["outcomes"].to_numpy(float), cells["years"].to_numpy(float))
    estimate, spread = coefficients[0], Z * np.sqrt(variance[0, 0])
    limits = np.exp([estimate, estimate - spread, estimate + spread])
    return pd.Series(limits, index=["estimate", "low", "high"])


def poisson(X: np.ndarray, count: np.ndarray, exposure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maximum likelihood of count ~ Poisson(exposure exp(X b)): b, and its covariance. Newton's method."""
    b = np.linalg.lstsq(X, np.log((count + 0.5) / exposure), rcond=None)[0]
    for _ in range(50):
        mean = exposure * np.exp(X @ b)
        information = X.T @ (mean[:, None] * X)
        step = np.linalg.lstsq(information, X.T @ (count - mean), rcond=None)[0]
        b = b + step
        if np.abs(step).max() < 1e-9:
            break
    else:
        raise LHSError("The regression did not settle: some clinic or period may have no outcome at all.")
    return b, np.linalg.pinv(information)


def over_hospitals(above: pd.Series, below: pd.Series | float = 1.0) -> pd.Series:
    """A ratio of sums over hospitals with its 95 % interval: ``estimate``, ``low``, ``high``, ``hospitals``.

    `above` and `below` have a value per hospital. The spread is a jackknife over hospitals (leaving one out each time),
    with Student's t: hospitals, not patients, are what was sampled. With ``below=1`` it is the mean of `above`.
    """
    above = np.asarray(above, float)
    below = np.broadcast_to(np.asarray(below, float), above.shape)
    n = above.size
    if n < 2:
        raise LHSError("One hospital says nothing of how hospitals differ: give at least two.")
    ratio = above.sum() / below.sum()
    left_out = (above.sum() - above) / (below.sum() - below)
    error = np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    spread = t.ppf(0.975, n - 1) * error
    return pd.Series({"estimate": ratio, "low": ratio - spread, "high": ratio + spread, "hospitals": n})
