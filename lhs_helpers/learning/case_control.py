"""Samples that hold more cases than life does, and how to bring their risks back.

A sample of all cases and a few controls each teaches the order of risks as well as everybody would, from fewer
people. Its risks are too high, by the same amount for everyone on the scale of log-odds: the logarithm of how much more
often cases were taken than others (King and Zeng 2001, doi:10.1093/oxfordjournals.pan.a004868).
"""

import numpy as np
from numpy.typing import ArrayLike

from lhs_helpers.errors import LHSError


def case_control_sample(
    y: ArrayLike, controls_per_case: float, seed: int = 0
) -> tuple[np.ndarray, dict[str, float]]:
    """Every case, and `controls_per_case` times as many others drawn without replacement.

    Returns
    -------
    ndarray of int
        Positions in `y` of who is in the sample, in ascending order.
    dict
        ``cases`` and ``others``: the share of each that was taken, as `prior_corrected` wants them.

    Raises
    ------
    LHSError
        When there are no cases, or not so many others.
    """
    y = np.asarray(y).astype(bool)
    cases, others = np.flatnonzero(y), np.flatnonzero(~y)
    wanted = round(controls_per_case * len(cases))
    if not 0 < wanted <= len(others):
        raise LHSError(
            f"{controls_per_case} controls for each of {len(cases):,} cases are {wanted:,}, and {len(others):,} people "
            "are no cases; ask for fewer, and for at least one."
        )
    drawn = np.random.default_rng(seed).choice(others, wanted, replace=False)
    return np.sort(np.concatenate([cases, drawn])), {"cases": 1.0, "others": wanted / len(others)}


def prior_corrected(p: ArrayLike, *, cases: float, others: float) -> np.ndarray:
    """Risks learned on a sample, brought back to the people it was drawn from.

    Parameters
    ----------
    p : array of float in [0, 1]
        Risks from any model trained on the sample.
    cases, others : float in (0, 1]
        The share of the people with the outcome, and of those without, that was taken into the sample.

    Returns
    -------
    ndarray
        Risks with log-odds lower by ``log(cases / others)``. The order of people does not change.
    """
    if not (0 < cases <= 1 and 0 < others <= 1):
        raise LHSError(
            f"The sample took {cases} of the cases and {others} of the others; both are shares above 0, up to 1."
        )
    p = np.asarray(p, dtype=float)
    if not ((p >= 0) & (p <= 1)).all():
        raise LHSError("Some risks are missing or outside 0 to 1; use predict_proba.")
    return p * others / (p * others + (1 - p) * cases)
