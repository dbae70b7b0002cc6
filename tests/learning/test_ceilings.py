"""Ceilings against a problem of which the best possible AUROC is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import train
from lhs_helpers.learning.ceilings import RATES, ceilings, extrapolated, learning_curve


def logistic(X, y, seed):
    return train(X, y, "logistic regression", seed)


def people(n, seed, columns=30):
    """Thirty causes of equal weight; nobody can know more than their sum."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, columns)), columns=[f"cause {i}" for i in range(columns)])
    risk = 1 / (1 + np.exp(2 - X.sum(axis=1) / np.sqrt(columns / 1.5)))
    return X, rng.random(n) < risk, risk.to_numpy()


@pytest.fixture(scope="module")
def study():
    """A small model, a learning curve of a larger cohort, and 20,000 people to judge both."""
    X, y, _ = people(8_000, 0)
    X_new, y_new, risk = people(20_000, 1)
    curve = learning_curve(X, y, X_new, y_new, [250, 500, 1_000, 2_000, 4_000], fit=logistic)
    small = logistic(X[:200], y[:200], 0).predict_proba(X_new)[:, 1]
    return y_new, small, risk, curve


def test_the_record_ceiling_is_the_best_possible_reader(study):
    y, small, risk, curve = study
    table = ceilings(y, small, hazard=risk, record=curve)
    best, record, largest = (table.loc[row] for row in ("hazard", "record", "largest fit"))
    assert record["low"] < best["estimate"] < record["high"]
    # Nearer to the truth than the largest fit is, and by far nearer than the model.
    gap = best["estimate"] - table["estimate"]
    assert abs(gap["record"]) < 0.004 < gap["largest fit"] < gap["model"]
    assert largest["estimate"] < record["estimate"]


def test_the_share_of_the_way_is_that_to_the_truth(study):
    y, small, risk, curve = study
    table = ceilings(y, small, hazard=risk, record=curve)
    truth = (table.loc["model", "estimate"] - 0.5) / (table.loc["hazard", "estimate"] - 0.5)
    assert table.loc["hazard", "share"] == pytest.approx(truth)
    assert table.loc["record", "share_low"] < truth < table.loc["record", "share_high"] < 1
    assert table.loc["model", "share"] == 1


def test_a_boosted_learner_finds_a_ceiling_that_no_sum_reaches():
    """Risk depends on a product of two columns: the sum of them says nothing, trees find it."""
    rng = np.random.default_rng(0)

    def crossed(n):
        X = pd.DataFrame(rng.normal(size=(n, 6)), columns=list("abcdef"))
        risk = 1 / (1 + np.exp(1 - 2 * np.sign(X["a"] * X["b"]) - X["c"]))
        return X, rng.random(n) < risk, risk

    X, y, _ = crossed(12_000)
    X_new, y_new, risk = crossed(15_000)
    curve = learning_curve(X, y, X_new, y_new, [1_500, 3_000, 6_000, 12_000], seeds=(0, 1, 2))
    sums = logistic(X, y, 0).predict_proba(X_new)[:, 1]
    table = ceilings(y_new, sums, hazard=risk, record=curve)
    assert table.loc["record", "low"] < table.loc["hazard", "estimate"] < table.loc["record", "high"]
    gap = (table["estimate"] - table.loc["hazard", "estimate"]).abs()
    assert gap["record"] < 0.006 and gap["record"] < gap["largest fit"]
    assert table.loc["record", "share_high"] < 0.7


@pytest.mark.parametrize("rate", [0.5, 0.6, 1.0])
def test_a_curve_without_noise_is_followed_to_its_end(rate):
    n = np.array([1_000, 2_000, 4_000, 8_000, 16_000])
    ends, rates = extrapolated(n, [0.85 - 8 * n**-rate / 1_000 ** (0.6 - rate), 0.8 - 0 * n])
    assert ends == pytest.approx([0.85, 0.8], abs=1e-6) and rates[0] == pytest.approx(rate)
    assert RATES[0] == 0.5 and RATES[-1] == 1.0


def test_a_curve_that_falls_by_chance_is_level():
    ends, _ = extrapolated([100, 200, 400], [[0.7, 0.69, 0.68]])
    assert ends[0] == pytest.approx((0.7 + 2 * 0.69 + 4 * 0.68) / 7)


def test_the_spread_of_a_curve_is_that_over_other_cohorts():
    """Means of five fits each, on ten cohorts of 1,500: do they vary as one cohort's own fits tell?"""
    X_new, y_new, _ = people(4_000, 1, columns=10)
    sizes, told, means = [300, 600, 1_200], [], []
    for cohort in range(2, 18):
        X, y, _ = people(1_500, cohort, columns=10)
        curve = learning_curve(X, y, X_new, y_new, sizes, fit=logistic)
        told.append(curve.spread())
        means.append(curve.fits.groupby("people")["auroc"].mean())
    seen = np.std(means, axis=0, ddof=1)
    # Sixteen cohorts know a standard deviation to about a fifth.
    assert (np.abs(np.log(np.sqrt(np.mean(np.square(told), axis=0)) / seen)) < np.log(1.8)).all()


def test_intervals_of_the_ceiling_hold_the_truth_as_often_as_they_say():
    """Ten studies, each with its own people to learn from; the truth is that of the people judged."""
    X_new, y_new, risk = people(8_000, 1, columns=10)
    held = []
    for cohort in range(2, 22):
        X, y, _ = people(4_000, cohort, columns=10)
        curve = learning_curve(X, y, X_new, y_new, [250, 500, 1_000, 2_000], fit=logistic)
        table = ceilings(y_new, risk, record=curve, bootstrap=50)
        # `risk` is the model here: whatever people are drawn, its share of the way is 1.
        held.append(table.loc["record", "share_low"] < 1 < table.loc["record", "share_high"])
    assert np.mean(held) >= 0.8, held


def test_what_has_no_ceiling_gets_a_sentence(study):
    y, small, _, curve = study
    with pytest.raises(LHSError, match="2 sizes; at least three"):
        extrapolated([100, 200], [[0.6, 0.7]])
    with pytest.raises(LHSError, match="at least two seeds"):
        ceilings(y, small, record=replace(curve, fits=curve.fits.assign(people=range(len(curve.fits)))))
    with pytest.raises(LHSError, match="judged on other people"):
        ceilings(~y, small, record=curve)
    X, outcomes, _ = people(100, 0)
    with pytest.raises(LHSError, match=r"Sizes run from \[50\] to \[200\]; 100 people"):
        learning_curve(X, outcomes, X, outcomes, [50, 200])
