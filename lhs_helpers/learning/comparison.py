"""Two models on the same people: how far apart are they, and is that more than chance?

Two separate intervals do not answer this: a person who is hard to judge is hard for both models. So each
replicate draws people once and measures both models on them; what varies is the difference.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.intervals import Z
from lhs_helpers.learning.measures import at_threshold, checked, discrimination, ranking, resampled


def paired_difference(
    y: ArrayLike,
    champion: ArrayLike,
    challenger: ArrayLike,
    *,
    people: ArrayLike,
    threshold: float,
    bootstrap: int = 300,
    seed: int = 0,
) -> pd.DataFrame:
    """Challenger minus champion, judged on the same people.

    Parameters
    ----------
    y : array of bool, one per row
        Whether the outcome happened.
    champion, challenger : arrays of float in [0, 1]
        Predicted risks, in the order of `y`.
    people : array of identifiers
        Whose row it is. People are drawn, each with all of their rows: a person at two index dates is not two
        people.
    threshold : float
        Alert when the risk is at least this.
    bootstrap : int
        Replicates behind the 95 % intervals: percentiles, and at a threshold standard errors.
    seed : int
        Same seed, same intervals.

    Returns
    -------
    DataFrame
        Indexed by measure (AUROC, AUPRC, Brier, and those of a threshold); columns ``estimate``, ``low``,
        ``high``. Above 0 the challenger has more of it; of Brier, less is better. NaN where one of the two has
        no value.
    """
    measures = [_measures(*checked(y, p), threshold) for p in (champion, challenger)]

    def difference(weights: np.ndarray) -> pd.DataFrame:
        # A replicate can lack cases, or alerts: its 0/0 is NaN and is left out of the interval.
        with np.errstate(invalid="ignore", divide="ignore"):
            before, after = (of(weights) for of in measures)
        return after - before

    persons, whose = np.unique(np.asarray(people), return_inverse=True)
    result = difference(np.ones((1, len(whose)))).T.set_axis(["estimate"], axis=1).rename_axis("measure")
    drawn = resampled(len(persons), bootstrap, seed)
    replicates = pd.concat([difference(counts[:, whose]) for counts in drawn])
    # At a threshold the difference is a mean of people who changed sides: symmetric, and percentiles of so few
    # steps cover too little (92 to 94 %). That of two AUPRCs of a rare outcome is skewed: percentiles follow it.
    half = Z * replicates.std(ddof=1)
    result["low"], result["high"] = result["estimate"] - half, result["estimate"] + half
    skewed = ["AUROC", "AUPRC", "Brier"]
    result.loc[skewed, ["low", "high"]] = replicates[skewed].quantile([0.025, 0.975]).T.to_numpy()
    return result


def _measures(y: np.ndarray, p: np.ndarray, threshold: float):
    """What measures one model: a function of the weights, a row of measures for each row of them."""
    ranked = ranking(y, p)

    def measured(w: np.ndarray) -> pd.DataFrame:
        auroc, auprc = discrimination(w, ranked)
        brier = w @ (y - p) ** 2 / w.sum(1)
        measures = {"AUROC": auroc, "AUPRC": auprc, "Brier": brier} | at_threshold(y, p, threshold, w)
        return pd.DataFrame(measures)

    return measured


def reclassification(
    y: ArrayLike,
    old: ArrayLike,
    new: ArrayLike,
    thresholds: ArrayLike,
    names: tuple[str, str] = ("old", "new"),
) -> pd.DataFrame:
    """Where people stand by the old risk and by the new, among those with the outcome and those without.

    Counts, not one number: a net reclassification index can be gained by a model that is badly calibrated
    (Hilden and Gerds 2014, doi:10.1002/sim.5804), a count can be read.

    Parameters
    ----------
    y : array of bool, one per person
        Whether the outcome happened.
    old, new : arrays of float in [0, 1]
        Risks of the two models.
    thresholds : array of float
        Where one band ends and the next begins; a risk equal to a threshold is in the band above it.
    names : tuple of str
        What to call the two models.

    Returns
    -------
    DataFrame
        A row per outcome (False, True) and band of the old model, a column per band of the new; numbers of people.
    """
    (y, old), (_, new) = checked(y, old), checked(y, new)
    cut = np.sort(np.asarray(thresholds, dtype=float))
    bands = _bands(cut)
    standing = {"outcome": y.astype(bool), names[0]: np.searchsorted(cut, old, "right")}
    counts = pd.crosstab([standing["outcome"], standing[names[0]]], np.searchsorted(cut, new, "right"))
    rows = pd.MultiIndex.from_product([[False, True], range(len(bands))])
    counts = counts.reindex(index=rows, columns=range(len(bands)), fill_value=0)
    counts.index = pd.MultiIndex.from_product([[False, True], bands], names=["outcome", names[0]])
    return counts.set_axis(pd.Index(bands, name=names[1]), axis=1)


def moved(
    people: pd.DataFrame, y: ArrayLike, old: ArrayLike, new: ArrayLike, thresholds: ArrayLike
) -> pd.DataFrame:
    """The people whom the new model puts in another band, to be read one by one.

    Returns
    -------
    DataFrame
        Their rows of `people`, with ``outcome``, ``old``, ``new``, ``direction`` (up or down) and ``right`` (up
        with the outcome, or down without it); who moved furthest, as a ratio of risks, comes first.
    """
    (y, old), (_, new) = checked(y, old), checked(y, new)
    if len(people) != len(y):
        raise LHSError(f"people has {len(people):,} rows and y {len(y):,}; give one row per person.")
    cut = np.sort(np.asarray(thresholds, dtype=float))
    steps = np.searchsorted(cut, new, "right") - np.searchsorted(cut, old, "right")
    rows = people.assign(outcome=y.astype(bool), old=old, new=new)
    rows["direction"] = np.where(steps > 0, "up", "down")
    rows["right"] = (steps > 0) == rows["outcome"]
    tiny = 1e-9  # a risk of exactly 0 has no ratio
    far = np.abs(np.log((new + tiny) / (old + tiny)))
    order = np.argsort(-far, kind="stable")
    return rows.iloc[order[steps[order] != 0]]


def _bands(cut: np.ndarray) -> list[str]:
    percent = [f"{100 * c:g}" for c in cut]
    middle = [f"{a} to {b} %" for a, b in zip(percent, percent[1:], strict=False)]
    return [f"below {percent[0]} %", *middle, f"{percent[-1]} % and over"]
