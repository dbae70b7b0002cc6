"""Two models on the same people: how far apart are they, and is that more than chance?

Two separate intervals do not answer this: a person who is hard to judge is hard for both models. So each
replicate draws people once and measures both models on them; what varies is the difference.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

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
        Replicates behind the 95 % percentile intervals.
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
    result[["low", "high"]] = replicates.quantile([0.025, 0.975]).T.to_numpy()
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
