"""Update policies: what to do about the model in use when new labels have arrived.

Four rungs of a ladder, from the simplest to the most extensive: **keep** the model; move its **intercept** so that
the average risk is right; **recalibrate** it, intercept and slope; **refit** it on recent records. And
**test-driven**: take the simplest rung that is enough, by a test.

A policy is a function of `Evidence` that returns an `Update`. Intercept and slope act on the log-odds of the risks
in use, so an update of the first three rungs is the old model and two numbers: it can be released as it is.
"""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import stats

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.measures import recalibrated, shift

LADDER = ("keep", "intercept", "recalibrate", "refit")
UNCHANGED = (0.0, 1.0)
NEVER_CERTAIN = 1e-6


class Update(NamedTuple):
    """What a policy proposes: a rung of the ladder, the numbers it takes, and why.

    Attributes
    ----------
    kind : str
        One of `LADDER`.
    adjustment : tuple of float
        Intercept and slope on the log-odds of the risks in use; of a refit, (0, 1).
    reason : str
    """

    kind: str
    adjustment: tuple[float, float]
    reason: str


class Evidence:
    """What has been learned since the model in use was fitted.

    Two groups of people: an update is fitted on the one, and whether it is enough is judged on the other.

    Parameters
    ----------
    y, p : arrays, one entry per row to fit on
        Outcomes that have arrived, and the risks that the model in use gave.
    y_judged, p_judged : arrays
        The same of the rows to judge on.
    refit : callable
        Fits a model on recent records of the first group, and returns its risks of the rows to judge on. It is
        called at most once, and only by a policy that asks for it.
    """

    def __init__(
        self,
        y: np.ndarray,
        p: np.ndarray,
        y_judged: np.ndarray,
        p_judged: np.ndarray,
        refit: Callable[[], np.ndarray],
    ):
        self.y, self.p = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
        self.y_judged, self.p_judged = np.asarray(y_judged, dtype=float), np.asarray(p_judged, dtype=float)
        self._refit = refit

    @cached_property
    def refitted(self) -> np.ndarray:
        """Risks of a refitted model, of the rows to judge on."""
        return np.asarray(self._refit(), dtype=float)


Policy = Callable[[Evidence], Update]


def keep(given: Evidence) -> Update:
    """The model stays as it is."""
    return Update("keep", UNCHANGED, "the policy keeps the model")


def intercept(given: Evidence) -> Update:
    """All log-odds move by one number: the average risk becomes right."""
    moved = shift(given.y, _logodds(given.p), np.ones((1, given.y.size)))[0] if given.y.size else np.nan
    if not np.isfinite(moved):
        return Update("keep", UNCHANGED, "the labels that arrived fix no intercept")
    return Update("intercept", (float(moved), 1.0), f"log-odds moved by {moved:+.2f}")


def recalibrate(given: Evidence) -> Update:
    """Two numbers: an intercept, and a slope that draws extreme risks in or spreads timid ones."""
    if len(np.unique(given.y)) < 2:
        return Update("keep", UNCHANGED, "the labels that arrived fix no slope")
    moved, slope = recalibrated(given.y, _logodds(given.p), np.ones((1, given.y.size)), np.zeros(2))[0]
    if not (np.isfinite(moved) and slope > 0):
        # A slope of 0 or less would turn the order of the patients round.
        return Update("keep", UNCHANGED, "the labels that arrived fix no slope above 0")
    return Update("recalibrate", (float(moved), float(slope)), f"log-odds times {slope:.2f}, {moved:+.2f}")


def refit(given: Evidence) -> Update:
    """The algorithm starts anew on recent records."""
    return Update("refit", UNCHANGED, "the policy refits the model")


def simplest_enough(given: Evidence, false_alarm: float = 0.05) -> Update:
    """The simplest rung that is enough.

    From the bottom of the ladder: a rung is enough when no rung above it predicts clearly better, by the mean
    logarithmic score on the people to judge on. Where a rung is not enough the next one is asked; the order is
    fixed, so an unchanged world leads to any update with a chance of about `false_alarm`.

    Notes
    -----
    The closed testing of Vergouwe et al. 2017 (doi:10.1002/sim.7179) compares nested logistic regressions by
    likelihood ratios on the data they were fitted to. Trees have no degrees of freedom; as in Davis et al. 2019
    (doi:10.1093/jamia/ocz127) the scores of other people decide. They draw bootstrap samples; this is a t test per
    comparison, divided among the rungs above (Bonferroni).
    """
    rungs = {"keep": keep(given), "intercept": intercept(given), "recalibrate": recalibrate(given)}
    rungs = {name: update for name, update in rungs.items() if update.kind == name}
    risks = {name: adjusted(given.p_judged, update.adjustment) for name, update in rungs.items()}
    scores = {name: log_score(given.y_judged, p) for name, p in risks.items()}
    rungs["refit"], scores["refit"] = refit(given), log_score(given.y_judged, given.refitted)
    names = list(rungs)
    for place, name in enumerate(names):
        above = names[place + 1 :]
        better = [
            other for other in above if _p_value(scores[other] - scores[name]) < false_alarm / len(above)
        ]
        if not better:
            said = "no other predicts clearly better" if above else "none of the simpler ones is enough"
            return rungs[name]._replace(reason=f"test: {said} ({rungs[name].kind})")
    raise AssertionError  # the highest rung has none above it


POLICIES: dict[str, Policy] = {
    "keep": keep,
    "intercept": intercept,
    "recalibrate": recalibrate,
    "refit": refit,
    "test-driven": simplest_enough,
}


def policy_of(given: str | Policy) -> Policy:
    """A policy by its name; a function is one already."""
    if callable(given):
        return given
    if given not in POLICIES:
        raise LHSError(f"There is no update policy {given!r}; choose one of {', '.join(POLICIES)}.")
    return POLICIES[given]


def adjusted(p: np.ndarray, adjustment: tuple[float, float]) -> np.ndarray:
    """Risks whose log-odds are stretched by the slope and moved by the intercept."""
    if tuple(adjustment) == UNCHANGED:
        return np.asarray(p, dtype=float)
    moved, slope = adjustment
    return 1 / (1 + np.exp(-(moved + slope * _logodds(p))))


def combined(first: tuple[float, float], then: tuple[float, float]) -> tuple[float, float]:
    """One adjustment that does what two do, one after the other."""
    return then[0] + then[1] * first[0], then[1] * first[1]


def log_score(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Logarithm of the probability that was given to what happened: 0 is best, and a sure error costs most."""
    p = np.clip(p, NEVER_CERTAIN, 1 - NEVER_CERTAIN)
    return np.where(np.asarray(y) > 0, np.log(p), np.log1p(-p))


def _p_value(gain: np.ndarray) -> float:
    """Of the hypothesis that the mean gain is not above 0."""
    if gain.size < 2 or np.ptp(gain) == 0:
        return 1.0
    return float(stats.ttest_1samp(gain, 0, alternative="greater").pvalue)


def _logodds(p: np.ndarray) -> np.ndarray:
    inside = np.clip(np.asarray(p, dtype=float), NEVER_CERTAIN, 1 - NEVER_CERTAIN)
    return np.log(inside / (1 - inside))
