"""Risks learned on a case-control sample, brought back to life, against the truth that made it."""

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import ALGORITHMS, evaluate, train
from lhs_helpers.learning.case_control import case_control_sample, prior_corrected


def population(n=40_000, seed=0):
    """Two causes, an outcome of about 4 %, and everybody's true risk."""
    X = pd.DataFrame(np.random.default_rng(seed).normal(size=(n, 2)), columns=["one", "other"])
    risk = 1 / (1 + np.exp(4 - X["one"] - 0.7 * X["other"]))
    return X, np.random.default_rng(seed + 1).random(n) < risk, risk.to_numpy()


def test_the_sample_holds_every_case_and_as_many_controls_as_asked_for():
    _, y, _ = population()
    rows, taken = case_control_sample(y, 3)
    assert y[rows].sum() == y.sum() and (~y[rows]).sum() == 3 * y.sum()
    assert taken == {"cases": 1.0, "others": 3 * y.sum() / (~y).sum()}
    assert len(np.unique(rows)) == len(rows)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_corrected_risks_are_right_and_sampled_ones_are_not(algorithm):
    X, y, _ = population()
    rows, taken = case_control_sample(y, 3)
    model = train(X.iloc[rows], y[rows], algorithm)
    X_new, y_new, truth = population(seed=10)
    sampled = model.predict_proba(X_new)[:, 1]
    corrected = prior_corrected(sampled, **taken)
    before, after = (evaluate(y_new, p, bootstrap=0)["estimate"] for p in (sampled, corrected))
    assert before["O/E"] < 0.35 and 0.85 < after["O/E"] < 1.15
    assert before["AUROC"] == pytest.approx(after["AUROC"], abs=1e-9)
    assert np.abs(corrected - truth).mean() < 0.2 * np.abs(sampled - truth).mean()


def test_for_a_logistic_regression_only_the_intercept_was_wrong():
    """Slopes of the sample are those of the people; the correction makes the intercept theirs, 4 below zero."""
    X, y, _ = population(400_000)
    rows, taken = case_control_sample(y, 1)
    free = {"logisticregression__C": 1e6}
    model = train(X.iloc[rows], y[rows], "logistic regression", settings=free)
    zero = pd.DataFrame([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], columns=X.columns)
    p = prior_corrected(model.predict_proba(zero)[:, 1], **taken)
    logodds = np.log(p / (1 - p))
    assert logodds[0] == pytest.approx(-4, abs=0.05)
    assert logodds[1:] - logodds[0] == pytest.approx([1, 0.7], abs=0.04)


def test_certain_risks_stay_certain_and_a_full_sample_changes_nothing():
    p = np.array([0, 0.2, 1.0])
    assert prior_corrected(p, cases=1, others=0.1)[[0, 2]].tolist() == [0, 1]
    np.testing.assert_array_equal(prior_corrected(p, cases=1, others=1), p)


def test_impossible_samples_get_a_sentence():
    with pytest.raises(LHSError, match="5 controls for each of 2 cases are 10, and 3 people are no cases"):
        case_control_sample([1, 1, 0, 0, 0], 5)
    with pytest.raises(LHSError, match="both are shares above 0"):
        prior_corrected([0.1], cases=1, others=0)
    with pytest.raises(LHSError, match="use predict_proba"):
        prior_corrected([1.1], cases=1, others=0.5)
