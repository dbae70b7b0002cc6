"""Weighted measures: each is written once, for a matrix of weights with a row per replicate and a column per person.

A row of ones gives the estimate; rows of bootstrap counts give the replicates. People are sorted once.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lhs_helpers.errors import LHSError


def checked(y: ArrayLike, p: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes as 0.0 and 1.0 and risks as floats, or a sentence that says what is wrong with them."""
    y, p = np.asarray(y), np.asarray(p, dtype=float)
    if y.ndim != 1 or y.shape != p.shape:
        raise LHSError(
            f"Outcomes have the shape {y.shape} and predicted risks {p.shape}; give one of each per person, "
            "for example model.predict_proba(X)[:, 1]."
        )
    if not np.isin(y, [0, 1]).all():
        raise LHSError(
            "Outcomes hold values other than False and True (0 and 1): there is nothing to judge by."
        )
    if not ((p >= 0) & (p <= 1)).all():
        wrong = int((~((p >= 0) & (p <= 1))).sum())
        raise LHSError(f"{wrong:,} of {len(p):,} risks are missing or outside 0 to 1; use predict_proba.")
    if len(np.unique(y)) < 2:
        raise LHSError(
            f"All {len(y):,} people have the same outcome, so there is nothing to tell apart; "
            "take more people, or a longer window."
        )
    return y.astype(float), p


class Ranking(NamedTuple):
    """Where the ties of each case start and end, among all people sorted by risk and among the cases."""

    order: np.ndarray
    cases: np.ndarray
    start: np.ndarray
    end: np.ndarray
    start_among_cases: np.ndarray
    end_among_cases: np.ndarray


def ranking(y: np.ndarray, p: np.ndarray) -> Ranking:
    order = np.argsort(p, kind="stable")
    risks, cases = p[order], np.flatnonzero(y[order])
    own = risks[cases]
    edges = (np.searchsorted(where, own, side) for where in (risks, own) for side in ("left", "right"))
    return Ranking(order, cases, *edges)


def resampled(people: int, replicates: int, seed: int):
    """Yield bootstrap counts, a few replicates at a time so that memory stays small: arrays (k, people)."""
    rng = np.random.default_rng(seed)
    most = max(1, 1_000_000 // people)
    for first in range(0, replicates, most):
        k = min(most, replicates - first)
        drawn = rng.integers(0, people, (k, people)) + people * np.arange(k)[:, None]
        yield np.bincount(drawn.ravel(), minlength=k * people).reshape(k, people).astype(float)


def discrimination(w: np.ndarray, r: Ranking) -> tuple[np.ndarray, np.ndarray]:
    """AUROC and average precision per row of weights, from running sums over people sorted by risk."""
    w = w[:, r.order]
    everybody, cases = _running(w), _running(w[:, r.cases])
    lower = everybody[:, r.start] - cases[:, r.start_among_cases]
    lower_or_tied = everybody[:, r.end] - cases[:, r.end_among_cases]
    all_cases, all_others = cases[:, -1], everybody[:, -1] - cases[:, -1]
    own = w[:, r.cases]
    auroc = (own * (lower + lower_or_tied)).sum(1) / (2 * all_cases * all_others)
    alerts = everybody[:, -1:] - everybody[:, r.start]
    # Where nobody was drawn there are neither alerts nor cases: dividing by 1 keeps that term at 0.
    precision = (cases[:, -1:] - cases[:, r.start_among_cases]) / np.maximum(alerts, 1)
    return auroc, (own * precision).sum(1) / all_cases


def _running(w: np.ndarray) -> np.ndarray:
    sums = np.zeros((w.shape[0], w.shape[1] + 1))
    np.cumsum(w, axis=1, out=sums[:, 1:])
    return sums


def at_threshold(y: np.ndarray, p: np.ndarray, threshold: float, w: np.ndarray) -> dict[str, np.ndarray]:
    """What happens when everybody with a risk of `threshold` or more is alerted, per row of weights."""
    alert = (p >= threshold).astype(float)
    n, cases, alerts, true = w.sum(1), w @ y, w @ alert, w @ (alert * y)
    odds = np.float64(threshold) / (1 - threshold)
    recall, specificity = true / cases, 1 - (alerts - true) / (n - cases)
    return {
        "recall": recall,
        "precision": true / alerts,
        "specificity": specificity,
        "accuracy": (n - cases - alerts + 2 * true) / n,
        "balanced accuracy": (recall + specificity) / 2,
        "alert rate": alerts / n,
        "net benefit": (true - (alerts - true) * odds) / n,
    }


def shift(y: np.ndarray, logodds: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Calibration intercept per row of weights: what to add to the log-odds to be right on average."""
    odds, cases = np.exp(logodds), w @ y
    shift = np.zeros(len(w))
    for _ in range(25):
        risk = odds * np.exp(shift)[:, None]
        risk /= 1 + risk
        weighted = w * risk
        step = (cases - weighted.sum(1)) / (weighted * (1 - risk)).sum(1)
        # Far from the answer a full Newton step can overshoot; two log-odds at a time cannot.
        shift += step.clip(-2, 2)
        if np.nanmax(np.abs(step), initial=0) < 1e-10:
            break
    return np.where((cases > 0) & (cases < w.sum(1)), shift, np.nan)


def recalibrated(y: np.ndarray, logodds: np.ndarray, w: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Logistic regression of `y` on the log-odds per row of weights: (rows, 2) intercepts and slopes."""
    centre = logodds.mean()
    x = logodds - centre  # centred: the two coefficients are then nearly independent
    if np.ptp(x) < 1e-9:
        return np.full((len(w), 2), np.nan)
    fit = np.tile(start + [start[1] * centre, 0], (len(w), 1))
    design = np.stack([np.ones_like(x), x, x * x], axis=1)
    for _ in range(25):
        risk = 1 / (1 + np.exp(-(fit[:, :1] + fit[:, 1:] * x)))
        g = (w * (y - risk)) @ design[:, :2]
        h = (w * (risk * (1 - risk))) @ design
        determinant = h[:, 0] * h[:, 2] - h[:, 1] ** 2
        step = np.stack(
            [h[:, 2] * g[:, 0] - h[:, 1] * g[:, 1], h[:, 0] * g[:, 1] - h[:, 1] * g[:, 0]], axis=1
        )
        step /= determinant[:, None]
        fit += step.clip(-2, 2)
        if np.nanmax(np.abs(step), initial=0) < 1e-10:
            break
    else:
        # Cases and others that do not overlap have no finite slope.
        fit[~(np.abs(step).max(1) < 1e-6)] = np.nan
    return fit - fit[:, 1:] * [centre, 0]
