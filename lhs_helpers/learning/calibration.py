"""A smooth calibration curve: what happened to people who were told this risk."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.intervals import Z
from lhs_helpers.learning.measures import checked

NEVER_CERTAIN = 1e-6
KNOTS = (0.05, 0.35, 0.65, 0.95)  # quantiles of the predicted log-odds, after Harrell


def calibration_curve(y: ArrayLike, p: ArrayLike, points: int = 50) -> pd.DataFrame:
    """Observed against predicted risk, without groups.

    A logistic regression of the outcome on a restricted cubic spline (four knots) of the predicted log-odds: flexible
    in the middle, straight at both ends, where few people are.

    Parameters
    ----------
    y, p : arrays, one entry per person
        Whether the outcome happened, and the predicted risk.
    points : int
        How many, evenly spaced in log-odds between the 1st and the 99th percentile of the predictions.

    Returns
    -------
    DataFrame
        ``predicted``, ``observed``, ``low``, ``high`` (95 %, pointwise).

    Raises
    ------
    LHSError
        When the predictions take fewer than four values, or separate the outcomes altogether.
    """
    y, p = checked(y, p)
    p = p.clip(NEVER_CERTAIN, 1 - NEVER_CERTAIN)
    x = np.log(p / (1 - p))
    knots = np.quantile(x, KNOTS)
    if len(np.unique(knots)) < len(KNOTS):
        raise LHSError(
            "Too many predictions are equal for a smooth curve; use calibration_table, which takes groups."
        )
    design = spline(x, knots)
    fit, covariance = _logistic(design, y)
    at = np.linspace(*np.quantile(x, [0.01, 0.99]), points)
    shown = spline(at, knots)
    line, error = shown @ fit, np.sqrt(np.einsum("ij,jk,ik->i", shown, covariance, shown))
    risks = {"predicted": at, "observed": line, "low": line - Z * error, "high": line + Z * error}
    return pd.DataFrame({name: 1 / (1 + np.exp(-value)) for name, value in risks.items()})


def spline(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Constant, `x`, and the restricted cubic terms of these knots: an array (people, knots)."""

    def cube(knot):
        return (x - knot).clip(min=0) ** 3

    last, before = knots[-1], knots[-2]
    terms = [
        cube(k) - cube(before) * (last - k) / (last - before) + cube(last) * (before - k) / (last - before)
        for k in knots[:-2]
    ]
    scale = (last - knots[0]) ** 2
    return np.column_stack([np.ones_like(x), x, *(term / scale for term in terms)])


def _logistic(design: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maximum likelihood: coefficients and their covariance."""
    fit = np.zeros(design.shape[1])
    fit[1] = 1.0  # predictions as they are
    for _ in range(50):
        risk = 1 / (1 + np.exp(-(design @ fit)))
        information = (design * (risk * (1 - risk))[:, None]).T @ design
        step = np.linalg.lstsq(information, design.T @ (y - risk), rcond=None)[0]
        # Far from the answer a full Newton step can overshoot.
        step *= min(1.0, 3 / np.abs(design @ step).max(initial=1e-300))
        fit += step
        if np.abs(design @ step).max() < 1e-11:
            return fit, np.linalg.inv(information)
    raise LHSError(
        "Cases and others do not overlap in their predictions, so no curve can be drawn through them."
    )
