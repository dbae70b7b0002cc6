"""How good are the predictions? Discrimination, calibration and errors at a threshold, each with an interval."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.intervals import Z, around, wilson
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
    prevalence: float | None = None,
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
        rate, net benefit.
    prevalence : float, optional
        Adds ``precision at prevalence``: what the precision would be among people of whom this share has the
        outcome, at the same recall and specificity. Needs a threshold. For a sample that holds more cases
        than the clinic sees.
    truth : array of float, optional
        True risks, known only for synthetic patients; adds ``AUROC ceiling (truth)``, the AUROC of these
        risks on the same people, and ``share of the way`` from 0.5 to it.
    bootstrap : int
        Replicates behind the standard errors of the 95 % intervals; people are drawn, with replacement.
        Shares that are counted have Wilson's interval. 0: no intervals.
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
    too timid). AUPRC is average precision, without interpolation. The scaled Brier score is 1 minus the Brier
    score over that of telling everybody the prevalence (1: certain and right, 0: no better than that).
    """
    y, p = checked(y, p)
    if threshold is not None and not 0 <= threshold <= 1:
        raise LHSError(f"The threshold is {threshold}; it is a risk, so give a number between 0 and 1.")
    if prevalence is not None and (threshold is None or not 0 < prevalence < 1):
        raise LHSError(
            f"The prevalence is {prevalence} and the threshold {threshold}; the precision at a prevalence needs "
            "both, the prevalence between 0 and 1."
        )
    if bootstrap < 0:
        raise LHSError(f"bootstrap is {bootstrap}; give the number of replicates, for example 200.")
    sample = _Sample(y, p, threshold, prevalence, ranking(y, p), None)
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
        result[["low", "high"]] = around(result["estimate"], pd.concat(chunks))
        counted = _counted(y, p, threshold)
        result.loc[counted.index, ["low", "high"]] = np.stack(
            wilson(counted["of"] * result["estimate"].reindex(counted.index), counted["of"]), axis=1
        )
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
    low, high = wilson(outcomes, n)
    columns = {"predicted": predicted, "observed": outcomes / n, "low": low, "high": high}
    return pd.DataFrame(columns | {"people": n, "outcomes": outcomes.astype(int)}).reset_index(drop=True)


def net_benefit(
    y: ArrayLike, p: ArrayLike, thresholds: ArrayLike, prevalence: float | None = None
) -> pd.DataFrame:
    """Decision curve: net benefit of acting on the model, on everybody, on nobody (Vickers and Elkin 2006).

    Net benefit is true positives per person minus false positives per person times the odds of the threshold.

    Parameters
    ----------
    y, p : arrays, one entry per person
        Whether the outcome happened, and the predicted risk.
    thresholds : array of float in [0, 1)
        Risks from which on one might act.
    prevalence : float, optional
        Of the people one will act on, when the sample holds another share of cases (1:3, for example).

    Returns
    -------
    DataFrame
        Indexed by ``threshold``; columns ``model``, ``treat all``, ``treat none``, and ``low`` and ``high``, the
        95 % interval of ``model``.
    """
    y, p = checked(y, p)
    cut = np.asarray(thresholds, dtype=float)
    if cut.ndim != 1 or not ((cut >= 0) & (cut < 1)).all():
        raise LHSError("Net benefit needs a list of thresholds that are at least 0 and below 1.")
    if prevalence is not None and not 0 < prevalence < 1:
        raise LHSError(f"The prevalence is {prevalence}; it is a share of the people, between 0 and 1.")
    odds = cut / (1 - cut)
    # Alerts at a threshold are what is left of the sorted risks from there on.
    true, false = (1 - np.searchsorted(np.sort(p[of]), cut, "left") / of.sum() for of in (y == 1, y == 0))
    share = y.mean() if prevalence is None else prevalence
    model = true * share - false * (1 - share) * odds
    # What a person brings: 1 as a true, minus the odds as a false positive. The spread is within cases and within
    # others and, where the sample itself tells how many cases there are, also between the two.
    cases = y.sum()
    error = share**2 * true * (1 - true) / cases
    error += ((1 - share) * odds) ** 2 * false * (1 - false) / (len(y) - cases)
    if prevalence is None:
        error += share * (1 - share) * (true + false * odds) ** 2 / len(y)
    half = Z * np.sqrt(error)
    columns = {"model": model, "treat all": share - (1 - share) * odds, "treat none": 0.0}
    columns |= {"low": model - half, "high": model + half}
    return pd.DataFrame(columns, index=pd.Index(cut, name="threshold"))


def _counted(y: np.ndarray, p: np.ndarray, threshold: float | None) -> pd.DataFrame:
    """The measures that are shares of people, and of how many people they are shares."""
    people, cases = len(y), y.sum()
    of = {"prevalence": people}
    if threshold is not None:
        of |= {"recall": cases, "precision": (p >= threshold).sum(), "specificity": people - cases}
        of |= {"accuracy": people, "alert rate": people}
    return pd.DataFrame({"of": of})


class _Sample(NamedTuple):
    y: np.ndarray
    p: np.ndarray
    threshold: float | None
    prevalence: float | None
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
        "Brier": (brier := w @ (y - p) ** 2 / n),
        "Brier scaled": 1 - brier / (cases / n * (1 - cases / n)),
        "calibration intercept": shift(y, logodds, w),
        "calibration slope": fits[:, 1],
        "O/E": cases / expected,
    }
    if threshold is not None:
        measures |= at_threshold(y, p, threshold, w)
    if sample.prevalence is not None:
        true = measures["recall"] * sample.prevalence
        false = (1 - measures["specificity"]) * (1 - sample.prevalence)
        measures["precision at prevalence"] = true / (true + false)
    if sample.truth is not None:
        ceiling, _ = discrimination(w, sample.truth)
        measures |= {"AUROC ceiling (truth)": ceiling, "share of the way": (auroc - 0.5) / (ceiling - 0.5)}
    return measures
