"""How good could any model be? Ceilings, and how much of the way to them a model has gone.

Three ceilings, each the AUROC of a reader who knows more. The *hazard* ceiling knows everybody's true yearly hazard;
the *state* ceiling knows the hidden disease too. Both are arrays of risks that somebody with the answer key
hands in. The *record* ceiling is that of the best possible reader of these records. Nobody has met that reader; it
is estimated by letting a strong learner read more and more people and following its curve to where it would end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.intervals import Z, around
from lhs_helpers.learning.measures import checked, discrimination, ranking, resampled

# How fast the shortfall goes away as people are added: between 1/n, for a learner with a fixed number of things to
# learn, and 1/sqrt(n), for one that finds ever finer ones. A slower learner would make the ceiling higher than
# is said here. Five sizes can hardly tell the rate: bootstrapped curves carry that doubt into the interval.
RATES = np.linspace(0.5, 1.0, 11)


@dataclass(frozen=True)
class LearningCurve:
    """Fits on growing numbers of people, all judged on the same others.

    Attributes
    ----------
    y : ndarray
        Outcomes of the people judged on.
    fits : DataFrame
        One row per fit: ``people``, ``events`` (learned from), ``seed``, ``auroc``.
    risks : ndarray
        What each fit told each person judged on: an array (fits, people).
    available : int
        The people of the cohort from which each fit drew its own.
    """

    y: np.ndarray
    fits: pd.DataFrame
    risks: np.ndarray
    available: int

    def spread(self) -> np.ndarray:
        """Standard error of the mean AUROC at each size: what another cohort, and other draws, would change.

        Draws of m from the same N people share people, so they differ by a factor of 1 - m/N less, in variance, than
        draws from everybody would. Up to half of the cohort that can be undone; from there on the spread is taken
        to shrink as 1/m, as that of the shortfall itself does.
        """
        groups = self.fits.groupby("people")["auroc"]
        sizes, seeds = groups.size().index.to_numpy(float), groups.size().to_numpy()
        part = sizes / self.available
        if (seeds < 2).any() or part[0] > 0.5:
            raise LHSError(
                "The uncertainty of a learning curve needs at least two seeds at each size, and a size of at most "
                f"half of the cohort; the smallest is {sizes[0]:,.0f} of {self.available:,}."
            )
        half = part <= 0.5
        one = np.sqrt(groups.var(ddof=1).to_numpy() / np.where(half, 1 - part, 1.0))
        reference = np.flatnonzero(half)[-1]
        one[~half] = one[reference] * sizes[reference] / sizes[~half]
        return one * np.sqrt(part + (1 - part) / seeds)


def strong_learner(X: pd.DataFrame, y: np.ndarray, seed: int):
    """The reader that grows with its reading: gradient boosting with more and deeper trees for more cases."""
    from lhs_helpers.learning.training import train  # here, because it brings scikit-learn

    cases = int(np.sum(y))
    settings = {"max_depth": int(np.clip(np.log10(max(cases, 1)) + 1, 2, 5)), "learning_rate": 0.05}
    settings["n_estimators"] = int(np.clip(15 * np.sqrt(cases), 100, 600))
    settings["min_child_weight"] = 5
    return train(X, y, "gradient boosting", seed, {f"xgbclassifier__{k}": v for k, v in settings.items()})


def learning_curve(
    X: pd.DataFrame,
    y: ArrayLike,
    X_new: pd.DataFrame,
    y_new: ArrayLike,
    sizes: Sequence[int],
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    fit: Callable = strong_learner,
) -> LearningCurve:
    """Learn from growing numbers of people, several times at each size.

    Parameters
    ----------
    X, y : DataFrame and array
        A cohort to learn from, as large as can be had.
    X_new, y_new : DataFrame and array
        Other people, to judge every fit by.
    sizes : sequence of int
        Numbers of people to learn from.
    seeds : sequence of int
        One fit per size and seed, at least two; each draws its own people, without replacement.
    fit : callable
        ``fit(X, y, seed)`` returns a model with ``predict_proba``.

    Returns
    -------
    LearningCurve
    """
    y = np.asarray(y)
    sizes = sorted(set(sizes))
    if not sizes or sizes[0] < 1 or sizes[-1] > len(X):
        raise LHSError(
            f"Sizes run from {sizes[:1]} to {sizes[-1:]}; {len(X):,} people are there to learn from."
        )
    rows, risks = [], []
    for size in sizes:
        for seed in seeds:
            drawn = np.random.default_rng([seed, size]).permutation(len(X))[:size]
            model = fit(X.iloc[drawn], y[drawn], seed)
            p = model.predict_proba(X_new)[:, 1]
            outcomes, p = checked(y_new, p)
            rows.append(
                {"people": size, "events": int(y[drawn].sum()), "seed": seed, "auroc": _auroc(outcomes, p)}
            )
            risks.append(p)
    return LearningCurve(outcomes, pd.DataFrame(rows), np.stack(risks), len(X))


def extrapolated(people: ArrayLike, auroc: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Where learning curves end: the c of ``auroc = c - b people^-rate``, b >= 0, least squares over c, b and rate.

    A size counts in proportion to its people: fits to fewer differ more from draw to draw.

    Parameters
    ----------
    people : array (sizes,)
        At least three different sizes.
    auroc : array (curves, sizes)
        Means over seeds, one curve per row.

    Returns
    -------
    ceilings : ndarray (curves,)
        At most 1.
    rates : ndarray (curves,)
    """
    n, auroc = np.asarray(people, dtype=float), np.atleast_2d(np.asarray(auroc, dtype=float))
    if len(np.unique(n)) < 3:
        raise LHSError(
            f"The curve has {len(np.unique(n))} sizes; at least three are needed to see where it leads."
        )
    best = np.full(len(auroc), np.inf)
    ceilings, rates = np.empty(len(auroc)), np.empty(len(auroc))
    weight = n / n.sum()
    for rate in RATES:
        x = n**-rate
        middle, level = weight @ x, auroc @ weight
        slope = auroc @ (weight * (x - middle)) / (weight @ (x - middle) ** 2)
        slope = np.minimum(slope, 0.0)  # more people do not make it worse
        loss = (auroc - level[:, None] - slope[:, None] * (x - middle)) ** 2 @ weight
        better = loss < best
        best[better], rates[better] = loss[better], rate
        ceilings[better] = (level - slope * middle)[better]
    return np.minimum(ceilings, 1.0), rates


def ceilings(
    y: ArrayLike,
    model: ArrayLike,
    *,
    hazard: ArrayLike | None = None,
    state: ArrayLike | None = None,
    record: LearningCurve | None = None,
    bootstrap: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """A model beside the ceilings, on the same people.

    Parameters
    ----------
    y, model : arrays, one entry per person
        Whether the outcome happened, and the model's risk.
    hazard, state : arrays, optional
        Risks of the same people by the answer key.
    record : LearningCurve, optional
        Fits judged on the same people.
    bootstrap : int
        Replicates. Each draws people, for all rows alike; for the record ceiling each also shifts the means at
        the sizes by what other people to learn from would have changed, and follows the new curve to its end.
    seed : int
        Same seed, same intervals.

    Returns
    -------
    DataFrame
        Rows ``model``, then ``hazard``, ``state``, ``record`` (the extrapolated ceiling) and ``largest fit`` as
        far as given. Columns ``estimate``, ``low``, ``high`` of the AUROC, and ``share``, ``share_low``,
        ``share_high``: how much of the way from 0.5 to that ceiling the model has gone.
    """
    y, model = checked(y, model)
    known = {"model": model} | {
        k: checked(y, v)[1] for k, v in (("hazard", hazard), ("state", state)) if v is not None
    }
    ranked = {name: ranking(y, p) for name, p in known.items()}
    if record is not None:
        if not np.array_equal(record.y, y):
            raise LHSError(
                "The learning curve was judged on other people than the model; use the same, in one order."
            )
        fits = [ranking(y, p) for p in record.risks]
        sizes, at = np.unique(record.fits["people"], return_inverse=True)
        mean_of_size = (at[:, None] == np.arange(len(sizes))) / np.bincount(at)
        spread = record.spread()
    rng = np.random.default_rng([seed, 1])

    def measured(w: np.ndarray, redraw: bool) -> pd.DataFrame:
        found = {name: discrimination(w, r)[0] for name, r in ranked.items()}
        if record is not None:
            curve = np.stack([discrimination(w, r)[0] for r in fits], axis=1) @ mean_of_size
            shifted = curve + redraw * spread * rng.normal(size=curve.shape)
            found |= {"record": extrapolated(sizes, shifted)[0], "largest fit": curve[:, -1]}
        return pd.DataFrame(found)

    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = measured(np.ones((1, len(y))), redraw=False).iloc[0]
        replicates = pd.concat([measured(w, redraw=True) for w in resampled(len(y), bootstrap, seed)])
    return _table(estimate, replicates)


def _table(estimate: pd.Series, replicates: pd.DataFrame) -> pd.DataFrame:
    table = pd.DataFrame({"estimate": estimate})
    table[["low", "high"]] = around(estimate, replicates)
    table["high"] = table["high"].clip(upper=1.0)
    share = (estimate["model"] - 0.5) / (estimate - 0.5)
    gone = (replicates["model"] - 0.5).to_numpy()[:, None] / (replicates - 0.5)
    error = gone.std(ddof=1)
    table["share"], table["share_low"], table["share_high"] = share, share - Z * error, share + Z * error
    return table.rename_axis("ceiling")


def _auroc(y: np.ndarray, p: np.ndarray) -> float:
    return float(discrimination(np.ones((1, len(y))), ranking(y, p))[0][0])
