"""How good are the predictions? Discrimination, calibration and errors at a threshold, each with an interval."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.measures import (
    Ranking,
    at_threshold,
    checked,
    discrimination,
    ranking,
    recalibrated,
    resampled,
    shift,
)

# A predicted risk of exactly 0 or 1 has no log-odds: for the calibration measures it is moved this far
# inside.
NEVER_CERTAIN = 1e-6


def evaluate(
    y: ArrayLike,
    p: ArrayLike,
    *,
    threshold: float | None = None,
    truth: ArrayLike | None = None,
    bootstrap: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Judge predicted risks against what happened.

    Parameters
    ----------
    y : array of bool, one per person
        Whether the outcome happened.
    p : array of float in [0, 1]
        Predicted risks of the same people, in the same order.
    threshold : float, optional
        Alert when ``p >= threshold``; adds recall, precision, specificity, accuracy, balanced accuracy, alert
        rate.
    truth : array of float, optional
        True risks, known only for synthetic patients; adds ``AUROC ceiling (truth)``, the AUROC of these
        risks on the same people, and ``share of the way`` from 0.5 to it.
    bootstrap : int
        Replicates behind the 95 % percentile intervals; people are drawn, with replacement. 0: no intervals.
    seed : int
        Same seed, same intervals.

    Returns
    -------
    DataFrame
        Indexed by measure; columns ``estimate``, ``low``, ``high``. A measure that has no value (precision
        when nobody is alerted, calibration slope when all risks are equal) is NaN.

    Notes
    -----
    The calibration intercept is that of a logistic regression of `y` with the predicted log-odds as offset
    (0: right on average); the slope is the coefficient of the predicted log-odds (1: neither too extreme nor
    too timid). AUPRC is average precision, without interpolation.
    """
    y, p = checked(y, p)
    if threshold is not None and not 0 <= threshold <= 1:
        raise LHSError(f"The threshold is {threshold}; it is a risk, so give a number between 0 and 1.")
    if bootstrap < 0:
        raise LHSError(f"bootstrap is {bootstrap}; give the number of replicates, for example 200.")
    sample = _Sample(y, p, threshold, ranking(y, p), None)
    if truth is not None:
        sample = sample._replace(truth=ranking(y, checked(y, truth)[1]))
    logodds = np.log(
        p.clip(NEVER_CERTAIN, 1 - NEVER_CERTAIN) / (1 - p).clip(NEVER_CERTAIN, 1 - NEVER_CERTAIN)
    )
    # Refitting in a replicate starts from the fit to everybody, so a few Newton steps are enough.
    whole = np.ones((1, len(y)))
    start = recalibrated(y, logodds, whole, np.zeros(2))[0]

    def measured(weights: np.ndarray) -> pd.DataFrame:
        # A replicate can lack cases, or alerts: its 0/0 is NaN and is left out of the interval.
        with np.errstate(invalid="ignore", divide="ignore"):
            return pd.DataFrame(_measures(sample, weights, logodds, start))

    result = measured(whole).T.set_axis(["estimate"], axis=1).rename_axis("measure")
    chunks = [measured(weights) for weights in resampled(len(y), bootstrap, seed)]
    result["low"], result["high"] = np.nan, np.nan
    if chunks:
        result[["low", "high"]] = pd.concat(chunks).quantile([0.025, 0.975]).T.to_numpy()
    result.attrs = {
        "people": len(y),
        "outcomes": int(y.sum()),
        "threshold": threshold,
        "bootstrap": bootstrap,
    }
    return result


def calibration_table(y: ArrayLike, p: ArrayLike, bins: int = 10) -> pd.DataFrame:
    """Predicted and observed risk in groups of equal size, from the lowest predicted risk to the highest.

    Returns
    -------
    DataFrame
        ``predicted`` (mean), ``observed`` (share), ``low``, ``high`` (95 % Wilson interval), ``people``,
        ``outcomes``. Equal predictions stay together, so there can be fewer groups than `bins`.
    """
    y, p = checked(y, p)
    groups = pd.DataFrame({"y": y, "p": p}).groupby(pd.qcut(p, bins, labels=False, duplicates="drop"))
    n, outcomes = groups.size(), groups["y"].sum()
    if n.empty:  # every prediction is the same: one group
        n, outcomes, predicted = pd.Series([len(y)]), pd.Series([y.sum()]), pd.Series([p.mean()])
    else:
        predicted = groups["p"].mean()
    observed, z2 = outcomes / n, 1.959964**2
    centre = (observed + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * observed * (1 - observed) / n + z2**2 / (4 * n**2)) / (1 + z2 / n)
    columns = {"predicted": predicted, "observed": observed, "low": centre - half, "high": centre + half}
    return pd.DataFrame(columns | {"people": n, "outcomes": outcomes.astype(int)}).reset_index(drop=True)


def net_benefit(y: ArrayLike, p: ArrayLike, thresholds: ArrayLike) -> pd.DataFrame:
    """Decision curve: net benefit of acting on the model, on everybody, on nobody (Vickers and Elkin 2006).

    Net benefit is true positives per person minus false positives per person times the odds of the threshold.

    Returns
    -------
    DataFrame
        Indexed by ``threshold``; columns ``model``, ``treat all``, ``treat none``.
    """
    y, p = checked(y, p)
    cut = np.asarray(thresholds, dtype=float)
    if cut.ndim != 1 or not ((cut >= 0) & (cut < 1)).all():
        raise LHSError("Net benefit needs a list of thresholds that are at least 0 and below 1.")
    odds = cut / (1 - cut)
    # Alerts at a threshold are what is left of the sorted risks from there on.
    true, false = (1 - np.searchsorted(np.sort(p[of]), cut, "left") / of.sum() for of in (y == 1, y == 0))
    prevalence = y.mean()
    model = true * prevalence - false * (1 - prevalence) * odds
    everybody = prevalence - (1 - prevalence) * odds
    index = pd.Index(cut, name="threshold")
    return pd.DataFrame({"model": model, "treat all": everybody, "treat none": 0.0}, index=index)


class _Sample(NamedTuple):
    y: np.ndarray
    p: np.ndarray
    threshold: float | None
    ranking: Ranking
    truth: Ranking | None


def _measures(
    sample: _Sample, w: np.ndarray, logodds: np.ndarray, start: np.ndarray
) -> dict[str, np.ndarray]:
    """All measures, one value per row of the weights `w`."""
    y, p, threshold = sample.y, sample.p, sample.threshold
    n, cases, expected = w.sum(1), w @ y, w @ p
    auroc, auprc = discrimination(w, sample.ranking)
    fits = recalibrated(y, logodds, w, start)
    measures = {
        "prevalence": cases / n,
        "AUROC": auroc,
        "AUPRC": auprc,
        "Brier": w @ (y - p) ** 2 / n,
        "calibration intercept": shift(y, logodds, w),
        "calibration slope": fits[:, 1],
        "O/E": cases / expected,
    }
    if threshold is not None:
        measures |= at_threshold(y, p, threshold, w)
    if sample.truth is not None:
        ceiling, _ = discrimination(w, sample.truth)
        measures |= {"AUROC ceiling (truth)": ceiling, "share of the way": (auroc - 0.5) / (ceiling - 0.5)}
    return measures
