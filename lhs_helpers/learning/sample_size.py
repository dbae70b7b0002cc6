"""Enough people? Before: how many a model needs. After: how much a person's risk hangs on who happened to be there."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm

from lhs_helpers.errors import LHSError


def required_sample_size(
    parameters: int,
    prevalence: float,
    *,
    r2: float | None = None,
    auroc: float | None = None,
    shrinkage: float = 0.9,
    margin: float = 0.05,
    error: float | None = None,
) -> pd.DataFrame:
    """How many people a model of a yes-or-no outcome should be learned from, at least.

    The criteria of Riley et al. (Stat Med 2019;38:1276, doi:10.1002/sim.7992; BMJ 2020;368:m441): little
    overfitting, an apparent R2 close to the true one, a precise overall risk and, if `error` is given, a small mean
    error of individual risks (van Smeden et al. 2019, doi:10.1177/0962280218784726).

    Parameters
    ----------
    parameters : int
        Candidate parameters: columns, counting those that a selection will leave out, and several for a curve or
        a word with several values.
    prevalence : float
        Share of the people who will have the outcome.
    r2 : float, optional
        Cox-Snell R2 that the model may reach, or
    auroc : float, optional
        the AUROC that it may reach, from which `cox_snell_r2` works out R2. Give one of the two.
    shrinkage : float
        Calibration slope on new people that one is content with.
    margin : float
        Half the width of the 95 % interval of the overall risk, and the gap allowed between apparent and true
        Nagelkerke R2.
    error : float, optional
        Mean absolute error of individual risks that one is content with.

    Returns
    -------
    DataFrame
        One row per criterion and ``all``, the largest: ``people``, ``outcomes``, ``outcomes per parameter``.
    """
    if parameters < 1 or not 0 < prevalence < 1:
        raise LHSError(
            f"{parameters} parameters and a prevalence of {prevalence}; give at least 1, and a share between 0 and 1."
        )
    if (r2 is None) == (auroc is None):
        raise LHSError("Give what the model may reach either as r2 or as auroc, one of the two.")
    r2 = cox_snell_r2(prevalence, auroc) if r2 is None else r2
    most = 1 - np.exp(2 * (prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)))
    if not 0 < r2 < min(most, shrinkage):
        raise LHSError(
            f"r2 is {r2:.3f}; at a prevalence of {prevalence} no model exceeds {most:.3f}, and the shrinkage of "
            f"{shrinkage} wants less than that, too."
        )

    def without_overfitting(slope: float) -> float:
        return parameters / ((slope - 1) * np.log(1 - r2 / slope))

    people = {
        "little overfitting": without_overfitting(shrinkage),
        "apparent R2 near the true one": without_overfitting(r2 / (r2 + margin * most)),
        "precise overall risk": (1.96 / margin) ** 2 * prevalence * (1 - prevalence),
    }
    if error is not None:
        logarithm = -0.508 + 0.259 * np.log(prevalence) + 0.504 * np.log(parameters) - np.log(error)
        people["small error of individual risks"] = np.exp(logarithm / 0.544)
    table = pd.DataFrame({"people": np.ceil(pd.Series(people)).astype(int)})
    table.loc["all"] = table["people"].max()
    table["outcomes"] = np.ceil(table["people"] * prevalence).astype(int)
    table["outcomes per parameter"] = table["people"] * prevalence / parameters
    return table.rename_axis("criterion")


def cox_snell_r2(prevalence: float, auroc: float) -> float:
    """Cox-Snell R2 of a model with this AUROC, when log-odds are normal among cases and among others alike.

    The same normal model as in Riley et al. 2021 (Stat Med, doi:10.1002/sim.8806), who simulate; here the mean
    log-likelihood is integrated.
    """
    if not 0.5 < auroc < 1 or not 0 < prevalence < 1:
        raise LHSError(
            f"AUROC {auroc} and prevalence {prevalence}; give one above 0.5, the other above 0, both below 1."
        )
    apart = np.sqrt(2) * norm.ppf(auroc)  # of the two means, in standard deviations
    z = np.linspace(-9, 9, 4_001)
    step, density = z[1] - z[0], norm.pdf(z)
    # Among others the score is z, among cases z + apart; by Bayes its log-odds is a straight line.
    base = np.log(prevalence / (1 - prevalence)) - apart**2 / 2
    cases = -np.logaddexp(0, -(base + apart * (z + apart)))
    others = -np.logaddexp(0, base + apart * z)
    model = step * (prevalence * density @ cases + (1 - prevalence) * density @ others)
    nobody_known = prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)
    return float(1 - np.exp(2 * (nobody_known - model)))


def instability(
    fit: Callable,
    X: pd.DataFrame,
    y: ArrayLike,
    X_new: pd.DataFrame | None = None,
    *,
    bootstrap: int = 50,
    seed: int = 0,
) -> pd.DataFrame:
    """How much each person's risk changes when other people are drawn to learn from (Riley and Collins 2023).

    Everything that made the model is repeated on people drawn from the same with replacement, and the risks of
    the same persons are compared (Biom J 2023;65:2200302, doi:10.1002/bimj.202200302).

    Parameters
    ----------
    fit : callable
        ``fit(X, y)`` makes the model, with all its steps, and returns something with ``predict_proba``.
    X, y : DataFrame and array
        The training people.
    X_new : DataFrame, optional
        Whose risks to look at; by default the training people's.
    bootstrap : int
        How many models.
    seed : int
        Same seed, same draws.

    Returns
    -------
    DataFrame
        Indexed as `X_new`: ``risk`` by the model of everybody, ``low`` and ``high`` (between which 95 % of the other
        models' risks lie) and ``error``, the person's mean absolute difference from ``risk``.
        ``.attrs["error"]`` is the mean over persons, the mean absolute prediction error (MAPE).
    """
    if bootstrap < 2:
        raise LHSError(
            f"bootstrap is {bootstrap}; at least 2 models are needed to see a spread, better 50 or more."
        )
    y, X_new = np.asarray(y), X if X_new is None else X_new
    risk = fit(X, y).predict_proba(X_new)[:, 1]
    rng, others = np.random.default_rng(seed), np.empty((bootstrap, len(X_new)))
    for k in range(bootstrap):
        drawn = rng.integers(0, len(X), len(X))
        others[k] = fit(X.iloc[drawn], y[drawn]).predict_proba(X_new)[:, 1]
    low, high = np.quantile(others, [0.025, 0.975], axis=0)
    error = np.abs(others - risk).mean(axis=0)
    table = pd.DataFrame({"risk": risk, "low": low, "high": high, "error": error}, index=X_new.index)
    table.attrs = {"error": float(error.mean()), "bootstrap": bootstrap}
    return table
