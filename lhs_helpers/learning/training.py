"""Five algorithms, each a plain scikit-learn pipeline that gives probabilities.

Class imbalance is left alone: no resampling and no class weights, which would spoil the probabilities and buy
no discrimination (van den Goorbergh et al. 2022, doi:10.1093/jamia/ocac093). Rare outcomes call for a lower
threshold.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from xgboost import XGBClassifier

from lhs_helpers.errors import LHSError

CORES = 2


class NamedColumns(TransformerMixin, BaseEstimator):
    """First step of every pipeline: the columns trained on, in their order, or a sentence on what differs.

    Attributes
    ----------
    columns_ : list of str
        The columns trained on.
    constant_ : list of str
        Those that hold one value, or none, for everybody: they stay, and teach nothing.
    people_, outcomes_ : int
        How many were learned from, and how many of them had the outcome.
    missing_ : float
        Share of the values that were missing.
    """

    def fit(self, X: pd.DataFrame, y: ArrayLike | None = None) -> "NamedColumns":
        self.columns_ = list(X.columns)
        values = X.to_numpy(dtype=np.float32)
        self.constant_ = [name for name, same in zip(self.columns_, _constant(values), strict=True) if same]
        self.people_, self.outcomes_ = len(X), int(np.sum(y)) if y is not None else 0
        self.missing_ = float(np.isnan(values).mean())
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        if not isinstance(X, pd.DataFrame):
            raise LHSError(
                f"X is a {type(X).__name__}; give a DataFrame with the columns the model was trained on."
            )
        wanted, given = set(self.columns_), set(X.columns)
        missing = [name for name in self.columns_ if name not in given]
        unknown = [name for name in X.columns if name not in wanted]
        if missing or unknown:
            raise LHSError(
                f"X has other columns than the {len(self.columns_)} that the model was trained on: "
                f"missing {_named(missing)}; unknown {_named(unknown)}. "
                "Make X with the vocabulary of the training cohort."
            )
        return X[self.columns_].to_numpy(dtype=np.float32)


def train(
    X: pd.DataFrame, y: ArrayLike, algorithm: str, seed: int = 0, settings: dict | None = None
) -> Pipeline:
    """Fit one of the five algorithms.

    Parameters
    ----------
    X : DataFrame
        Features, one row per person; missing values are NaN.
    y : array of bool
        Whether the outcome happened, in the order of `X`.
    algorithm : str
        - "logistic regression": with a ridge penalty, on standardised features
        - "random forest": 150 trees, each on half of the people, with at least 20 people in a leaf
        - "svm": a support vector machine with a radial kernel, approximated by 300 Nystroem landmarks and a
          linear SVM (an exact kernel SVM takes minutes on tens of thousands of rows, and agrees closely), with the
          squared hinge loss: the plain one is content to call everybody healthy where the outcome is rare; its
          scores become probabilities by Platt scaling in three folds
        - "k-nearest neighbours": the share of cases among the 400 most similar people (a tenth of the people
          when they are few), similar in the first 30 principal components
        - "gradient boosting": XGBoost, 150 trees of depth 3

        Missing values: trees take them as they are. The others get the median of those who have one and, of
        each column with gaps, an indicator of what was missing.
    seed : int
        Same data and same seed, same model.
    settings : dict, optional
        Other settings of the pipeline's steps, in scikit-learn's own names, such as
        ``{"xgbclassifier__max_depth": 2}``; `tune` finds them.

    Returns
    -------
    Pipeline
        Fitted; ``predict_proba(X)[:, 1]`` is the risk. It refuses an `X` with other columns. ``model[0]`` tells
        what it learned from (`NamedColumns`).

    Raises
    ------
    LHSError
        When nothing can be learned: fewer than 3 people with the outcome or without, no column that varies,
        values that are no numbers or infinite, two columns of one name.
    """
    y = _checked(X, y, algorithm)
    steps = ALGORITHMS[algorithm](*X.shape, seed)
    model = make_pipeline(NamedColumns(), *steps)
    unknown = [name for name in settings or {} if name not in model.get_params()]
    if unknown:
        raise LHSError(
            f"The pipeline of {algorithm} has no setting {unknown[0]!r}; its steps are "
            f"{', '.join(model.named_steps)}, and a setting reads step__parameter."
        )
    model.set_params(**settings or {}).fit(X, y)
    if algorithm == "random forest":
        # On two cores it would add up its trees in the order they finish, and differ in the last digit.
        model[-1].set_params(n_jobs=1)
    return model


def _checked(X: pd.DataFrame, y: ArrayLike, algorithm: str) -> np.ndarray:
    """The outcomes as 0 and 1, or a sentence on why nothing can be learned from this."""
    y = np.asarray(y)
    if algorithm not in ALGORITHMS:
        raise LHSError(f"There is no algorithm {algorithm!r}; choose one of {', '.join(ALGORITHMS)}.")
    if not isinstance(X, pd.DataFrame):
        raise LHSError(
            f"X is a {type(X).__name__}; give a DataFrame, so that the model knows its columns by name."
        )
    if len(X) != len(y):
        raise LHSError(f"X has {len(X):,} rows and y {len(y):,}; give one outcome per row of X.")
    if not X.size:
        raise LHSError(f"There is nothing to learn from: X has {len(X):,} rows and {X.shape[1]} columns.")
    if not np.isin(y, [0, 1]).all():
        raise LHSError("y holds values other than False and True (0 and 1); give one outcome per person.")
    twice = list(X.columns[X.columns.duplicated()])
    if twice:
        raise LHSError(f"X has two columns named {twice[0]!r}; give every column a name of its own.")
    words = [name for name, kind in X.dtypes.items() if not pd.api.types.is_any_real_numeric_dtype(kind)]
    words = [name for name in words if not pd.api.types.is_bool_dtype(X[name])]
    if words:
        raise LHSError(
            f"Columns of X that are no numbers: {_named(words)}; make a column of 0 and 1 per answer."
        )
    values = X.to_numpy(dtype=np.float32)
    endless = list(X.columns[np.isinf(values).any(axis=0)])
    if endless:
        raise LHSError(f"Infinite values in {_named(endless)}; a value that is not known is NaN.")
    # Three folds are needed to calibrate the SVM, and less than that is not something to learn from either.
    cases = int(y.sum())
    if min(cases, len(y) - cases) < 3:
        raise LHSError(
            f"Of {len(y):,} people {cases:,} had the outcome; at least 3 with it and 3 without are needed to "
            "learn the difference. Take more people, or a longer window."
        )
    if _constant(values).all():
        raise LHSError(
            f"There is nothing to learn from: what X says ({X.shape[1]} columns) is the same for everybody."
        )
    return y.astype(int)


def _constant(values: np.ndarray) -> np.ndarray:
    """Which columns hold one value for everybody (missing is a value, too)."""
    gap = np.isnan(values)
    most = np.where(gap, -np.inf, values).max(axis=0, initial=-np.inf)
    least = np.where(gap, np.inf, values).min(axis=0, initial=np.inf)
    return gap.all(axis=0) | ((most == least) & ~gap.any(axis=0))


def _logistic_regression(people: int, columns: int, seed: int) -> list:
    # The penalty says: before any data, the log-odds of people vary by about one, whatever the number of
    # columns.
    return [*_complete_and_scaled(), LogisticRegression(C=1 / columns, max_iter=1000)]


def _random_forest(people: int, columns: int, seed: int) -> list:
    forest = RandomForestClassifier(
        n_estimators=150, min_samples_leaf=20, max_samples=0.5, n_jobs=CORES, random_state=seed
    )
    return [forest]


def _svm(people: int, columns: int, seed: int) -> list:
    landmarks = Nystroem(n_components=min(300, people), random_state=seed)
    svm = CalibratedClassifierCV(LinearSVC(C=0.1, random_state=seed), method="sigmoid", cv=3)
    return [*_complete_and_scaled(), landmarks, svm]


def _nearest_neighbours(people: int, columns: int, seed: int) -> list:
    # In hundreds of columns everybody is about as far from everybody; thirty components keep people apart.
    fewer = PCA(min(30, columns, people), random_state=seed)
    neighbours = KNeighborsClassifier(min(400, 1 + people // 10), algorithm="brute", n_jobs=CORES)
    return [*_complete_and_scaled(), fewer, neighbours]


def _gradient_boosting(people: int, columns: int, seed: int) -> list:
    trees = XGBClassifier(
        n_estimators=150,
        max_depth=3,
        learning_rate=0.05,
        min_child_weight=5,
        subsample=0.8,
        colsample_bytree=0.5,
        tree_method="hist",
        n_jobs=CORES,
        random_state=seed,
    )
    return [trees]


ALGORITHMS = {
    "logistic regression": _logistic_regression,
    "random forest": _random_forest,
    "svm": _svm,
    "k-nearest neighbours": _nearest_neighbours,
    "gradient boosting": _gradient_boosting,
}


def _complete_and_scaled() -> list:
    return [SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()]


def _named(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (", ".join(map(repr, names[:3])) or "none") + more
