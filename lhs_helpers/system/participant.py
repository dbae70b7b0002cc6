"""A site of a network: it keeps its rows and answers with sums.

Sums can still tell on people. The gradient at a site of one person is a multiple of that person's row, and the row
of a Hessian that belongs to a code which one person at the site has is a multiple of that person's row as well. Two
things are done about it: a site with fewer than `FEWEST` people does not take part; and `masks.masked` lets sites add
random numbers that cancel in the sum, so that the coordinator learns the sum over all sites and nothing else. Neither
is a proof of privacy: the model itself, and sums that are asked for twice with one site more, still tell something.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit
from sklearn.ensemble import RandomForestRegressor

from lhs_helpers.errors import LHSError
from lhs_helpers.system.masks import Answer

FEWEST = 20
LEAF = 20


@dataclass(frozen=True)
class Preparation:
    """How columns become comparable: gaps are filled with the mean, each column is divided by its spread.

    Of each column with gaps anywhere there is an indicator of what was missing, as in `learning.train`.

    Attributes
    ----------
    columns : tuple of str
    mean, scale : arrays (columns,)
        Of the people who have a value; of everybody after filling.
    gaps : array of int
        Which columns have an indicator.
    gap_mean, gap_scale : arrays (gaps,)
    """

    columns: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    gaps: np.ndarray
    gap_mean: np.ndarray
    gap_scale: np.ndarray

    def apply(self, X: pd.DataFrame) -> np.ndarray:
        """The design matrix of these people: a column of ones, the columns, the indicators."""
        if missing := [name for name in self.columns if name not in X]:
            raise LHSError(f"X lacks the column {missing[0]!r}, which the sites agreed on.")
        values = X[list(self.columns)].to_numpy(dtype=float)
        gap = np.isnan(values)
        filled = np.where(gap, 0.0, (values - self.mean) / self.scale)
        indicators = (gap[:, self.gaps] - self.gap_mean) / self.gap_scale
        return np.column_stack([np.ones(len(X)), filled, indicators])


class Participant:
    """A site with its rows. Nobody outside sees them: it answers questions, and each answer is a sum over its people.

    Parameters
    ----------
    X : DataFrame
        Features, a row per person; missing values are NaN.
    y : array of bool
        Whether the outcome happened.
    fewest : int
        With fewer people it refuses to answer.

    Raises
    ------
    LHSError
        When the site is too small to answer.
    """

    def __init__(self, X: pd.DataFrame, y: ArrayLike, fewest: int = FEWEST):
        self._X, self._y = X, np.asarray(y, dtype=float)
        if len(self._X) != len(self._y):
            raise LHSError(f"X has {len(X):,} rows and y {len(self._y):,}; give one outcome per person.")
        if len(X) < fewest:
            raise LHSError(
                f"This site has too few people ({len(X)}): with fewer than {fewest} its sums would tell on them. "
                "Let it join with a neighbour, or use the others' model."
            )
        self._design: tuple[Preparation, np.ndarray] | None = None

    def __call__(self, question: dict) -> Answer:
        """The answer to a question of the coordinator: a dictionary with the name of the question under "ask"."""
        asked = dict(question)
        answers = {
            "sums": self._sums,
            "squares": self._squares,
            "newton": self._newton,
            "average": self._average,
        }
        return answers[asked.pop("ask")](**asked)

    def _sums(self, columns: tuple[str, ...]) -> Answer:
        values = self._X[list(columns)].to_numpy(dtype=float)
        known = ~np.isnan(values)
        people, outcomes = np.array(float(len(values))), np.array(self._y.sum())
        sums = np.where(known, values, 0.0).sum(0)
        return {"people": people, "outcomes": outcomes, "known": known.sum(0).astype(float), "sum": sums}

    def _squares(self, columns: tuple[str, ...], mean: np.ndarray) -> Answer:
        away = (self._X[list(columns)].to_numpy(dtype=float) - mean) / unit(mean)
        return {"squares": np.nansum(away**2, axis=0)}

    def _newton(self, preparation: Preparation, coefficients: np.ndarray) -> Answer:
        A = self._rows(preparation)
        line = A @ coefficients
        risk = expit(line)
        loss = (np.logaddexp(0, line) - self._y * line).sum()
        hessian = (A * (risk * (1 - risk))[:, None]).T @ A
        return {"loss": np.array(loss), "gradient": A.T @ (risk - self._y), "hessian": hessian}

    def _average(
        self, preparation: Preparation, coefficients: np.ndarray, penalty: float, steps: int, rate: float
    ) -> Answer:
        A = self._rows(preparation)
        own = coefficients.copy()
        for _ in range(steps):
            slope = (A.T @ (expit(A @ own) - self._y)) / len(A)
            own -= rate * (slope + penalty * np.r_[0.0, own[1:]])
        return {"people": np.array(float(len(A))), "weighted": len(A) * own}

    def grow(self, trees: int, seed: int) -> RandomForestRegressor:
        """A forest of this site's own; its leaves hold the share of cases among at least `LEAF` of its people."""
        # A regression of 0 and 1 grows the same trees as a classification, and copes with a site without cases.
        forest = RandomForestRegressor(
            trees, min_samples_leaf=LEAF, max_features="sqrt", max_samples=0.5, random_state=seed
        )
        return forest.fit(self._X.to_numpy(dtype=np.float32), self._y)

    def __len__(self) -> int:
        return len(self._y)

    def _rows(self, preparation: Preparation) -> np.ndarray:
        if self._design is None or self._design[0] is not preparation:
            self._design = (preparation, preparation.apply(self._X))
        return self._design[1]


def unit(mean: np.ndarray) -> np.ndarray:
    """What distances from the mean are counted in, so that no sum of squares is out of all proportion."""
    return np.maximum(np.abs(mean), 1.0)
