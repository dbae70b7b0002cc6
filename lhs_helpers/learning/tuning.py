"""Choosing an algorithm's settings inside the training people, as the model will be used: on others, later."""

from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.training import ALGORITHMS, train

# A few settings that matter most: how far each algorithm is held back.
GRIDS = {
    "logistic regression": {"logisticregression__C": [0.0003, 0.003, 0.03, 0.3]},
    "random forest": {"randomforestclassifier__min_samples_leaf": [5, 20, 80]},
    "svm": {"calibratedclassifiercv__estimator__C": [0.01, 0.1, 1.0]},
    "k-nearest neighbours": {"kneighborsclassifier__n_neighbors": [50, 200, 400]},
    "gradient boosting": {
        "xgbclassifier__max_depth": [2, 3, 5],
        "xgbclassifier__n_estimators": [75, 150, 300],
    },
}


def tune(
    X: pd.DataFrame,
    y: ArrayLike,
    algorithm: str,
    *,
    people: ArrayLike,
    index_time: ArrayLike | None = None,
    grid: dict[str, list] | None = None,
    folds: int = 3,
    seed: int = 0,
) -> tuple[Pipeline, pd.DataFrame]:
    """Try settings on parts of the training people, and fit the best one to all of them.

    Parameters
    ----------
    X, y : DataFrame and array
        The training people only; who is held out for the verdict must not be here.
    algorithm : str
        One of `ALGORITHMS`.
    people : array of identifiers
        Whose row it is. All rows of a person are in one fold.
    index_time : array of times, optional
        When each row's question was asked. With several times, a fold is judged on its people's rows of the
        latest time, by a model that has seen other people's earlier rows only.
    grid : dict, optional
        Values to try for each setting, in scikit-learn's names; by default a few that hold the algorithm back
        more or less.
    folds : int
        Parts into which the people are divided.
    seed : int
        Same data and same seed, same choice.

    Returns
    -------
    Pipeline
        The chosen settings, fitted to every row.
    DataFrame
        One row per combination tried: its settings, ``log_loss`` (mean of the folds, lower is better), ``spread``
        (standard deviation over folds) and ``chosen``.
    """
    y, people = np.asarray(y), np.asarray(people)
    if not len(X) == len(y) == len(people):
        raise LHSError(
            f"X has {len(X):,} rows, y {len(y):,} and people {len(people):,}; give one of each per row."
        )
    if algorithm not in ALGORITHMS:
        raise LHSError(f"There is no algorithm {algorithm!r}; choose one of {', '.join(ALGORITHMS)}.")
    grid = grid or GRIDS[algorithm]
    tried = pd.DataFrame(list(product(*grid.values())), columns=list(grid), dtype=object)
    splits = list(_splits(y, people, index_time, folds, seed))
    losses = np.empty((len(tried), len(splits)))
    for row, settings in enumerate(tried.to_dict("records")):
        for column, (learned, judged) in enumerate(splits):
            model = train(X.iloc[learned], y[learned], algorithm, seed, _fitting(settings, len(learned)))
            losses[row, column] = log_loss(
                y[judged], model.predict_proba(X.iloc[judged])[:, 1], labels=[0, 1]
            )
    best = int(losses.mean(axis=1).argmin())
    table = tried.assign(log_loss=losses.mean(axis=1), spread=losses.std(axis=1, ddof=1))
    table["chosen"] = np.arange(len(table)) == best
    settings = _fitting(tried.iloc[best].to_dict(), len(X))
    return train(X, y, algorithm, seed, settings), table


def _splits(y: np.ndarray, people: np.ndarray, index_time: ArrayLike | None, folds: int, seed: int):
    """Rows to learn from and rows to judge by, fold by fold: never the same person, never a later time."""
    persons, whose = np.unique(people, return_inverse=True)
    if not 2 <= folds <= len(persons):
        raise LHSError(
            f"{folds} folds of {len(persons):,} people; give at least 2 folds, and not more than people."
        )
    fold = np.random.default_rng(seed).permutation(len(persons))[whose] % folds
    times = np.zeros(len(y)) if index_time is None else pd.to_datetime(pd.Series(index_time)).to_numpy()
    late = times == times.max()
    early = ~late if (~late).any() else late
    for k in range(folds):
        learned, judged = np.flatnonzero((fold != k) & early), np.flatnonzero((fold == k) & late)
        if min(y[learned].sum(), (1 - y[learned]).sum()) < 3 or not len(judged):
            raise LHSError(
                f"Fold {k + 1} of {folds} would learn from {int(y[learned].sum())} outcomes among {len(learned):,} "
                f"rows and be judged on {len(judged):,}: too few to choose by. Take fewer folds or more people."
            )
        yield learned, judged


def _fitting(settings: dict, rows: int) -> dict:
    """The same settings, with no more neighbours than there are people to be neighbours."""
    most = settings.get("kneighborsclassifier__n_neighbors")
    return settings | ({"kneighborsclassifier__n_neighbors": min(most, rows)} if most else {})
