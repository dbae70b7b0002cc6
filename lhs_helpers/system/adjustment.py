"""The adjustment of a release: two numbers on the log-odds of its model that make it right at a site."""

from typing import TYPE_CHECKING

import numpy as np

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.measures import checked, shift
from lhs_helpers.learning.measures import recalibrated as joint

if TYPE_CHECKING:
    from lhs_helpers.system.released import Release

NEVER_CERTAIN = 1e-6


def adjusted(p: np.ndarray, adjustment: tuple[float, float]) -> np.ndarray:
    """Risks whose log-odds are stretched by the slope and moved by the intercept of `adjustment`."""
    if tuple(adjustment) == (0, 1):
        return p
    intercept, slope = adjustment
    return 1 / (1 + np.exp(-(intercept + slope * logodds(p))))


def recalibrated(
    given: "Release", y: np.ndarray, p: np.ndarray, how: str = "intercept and slope"
) -> tuple[float, float]:
    """The adjustment that makes a release right on average at a site, from outcomes `y` and its risks `p` there.

    Parameters
    ----------
    given : Release
    y, p : array
        Outcomes, and ``given.risks`` of the same people. Judge the result on other people.
    how : {"intercept and slope", "intercept"}
        Two numbers are fitted, or one; the intercept alone needs fewer outcomes.

    Returns
    -------
    tuple of float
        For ``release(..., adjustment=)``; it takes the place of the old adjustment.
    """
    y, p = checked(np.asarray(y), np.asarray(p))
    x, everybody = logodds(p), np.ones((1, len(y)))
    if how == "intercept":
        intercept, slope = shift(y, x, everybody)[0], 1.0
    elif how == "intercept and slope":
        intercept, slope = joint(y, x, everybody, np.zeros(2))[0]
    else:
        raise LHSError(f"how is {how!r}; choose 'intercept' or 'intercept and slope'.")
    if not np.isfinite([intercept, slope]).all():
        raise LHSError("These outcomes fix no intercept and slope; take more people, or the intercept alone.")
    old_intercept, old_slope = given.adjustment
    return float(intercept + slope * old_intercept), float(slope * old_slope)


def logodds(p: np.ndarray | float) -> np.ndarray:
    """The log-odds of risks, with nobody certain to fall ill or to stay well."""
    inside = np.clip(np.asarray(p, dtype=float), NEVER_CERTAIN, 1 - NEVER_CERTAIN)
    return np.log(inside / (1 - inside))
