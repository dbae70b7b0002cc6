"""The difference of two models on the same people."""

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.learning import evaluate, paired_difference
from lhs_helpers.learning.comparison import moved, reclassification

N = 1_500


@pytest.fixture
def judged():
    """Outcomes, a champion that knows one of two causes, a challenger that knows both; risks with many ties."""
    rng = np.random.default_rng(5)
    known, hidden = rng.normal(size=(2, N))
    y = rng.random(N) < 1 / (1 + np.exp(2 - known - hidden))
    champion, challenger = (np.round(1 / (1 + np.exp(2 - x)), 2) for x in (known, known + hidden))
    return y, champion, challenger


def test_the_difference_is_that_of_the_two_evaluations(judged):
    y, champion, challenger = judged
    difference = paired_difference(y, champion, challenger, people=np.arange(N), threshold=0.2)
    one, other = (evaluate(y, p, threshold=0.2, bootstrap=0)["estimate"] for p in (champion, challenger))
    measures = list(difference.index)
    np.testing.assert_allclose(difference["estimate"], (other - one)[measures], atol=1e-12)


def test_a_model_does_not_differ_from_itself(judged):
    y, champion, _ = judged
    difference = paired_difference(y, champion, champion, people=np.arange(N), threshold=0.2)
    assert (difference == 0).all(axis=None)


def test_a_model_that_knows_more_is_clearly_better(judged):
    y, champion, challenger = judged
    gain = paired_difference(y, champion, challenger, people=np.arange(N), threshold=0.2)
    assert 0 < gain.loc["AUROC", "low"] < gain.loc["AUROC", "estimate"] < gain.loc["AUROC", "high"]
    assert gain.loc["Brier", "high"] < 0, "the Brier score is an error: better is less"


def test_pairing_narrows_the_interval(judged):
    y, champion, challenger = judged
    paired = paired_difference(y, champion, challenger, people=np.arange(N), threshold=0.2).loc["AUROC"]
    alone = [evaluate(y, p, threshold=0.2).loc["AUROC"] for p in (champion, challenger)]
    unpaired = np.hypot(*[one["high"] - one["low"] for one in alone])
    assert paired["high"] - paired["low"] < unpaired


def test_rows_of_one_person_are_not_more_people(judged):
    y, champion, challenger = judged
    once = paired_difference(y, champion, challenger, people=np.arange(N), threshold=0.2)
    twice = (np.tile(values, 2) for values in judged)
    again = paired_difference(*twice, people=np.tile(np.arange(N), 2), threshold=0.2)
    np.testing.assert_allclose(again, once, atol=1e-12)


def test_the_interval_of_a_difference_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(8)

    def draw(n):
        known, hidden = rng.normal(size=(2, n))
        risk = 1 / (1 + np.exp(1 - known - 0.5 * hidden))
        return rng.random(n) < risk, 1 / (1 + np.exp(1 - known)), risk

    def compared(n, **how):
        y, champion, challenger = draw(n)
        return paired_difference(y, champion, challenger, people=np.arange(n), threshold=0.4, **how)

    # The truth, from a great many people, to a small part of the width of an interval.
    truth = compared(1_000_000, bootstrap=1)["estimate"]
    held = []
    for run in range(1_200):
        result = compared(500, bootstrap=200, seed=run)
        held.append((result["low"] <= truth) & (truth <= result["high"]))
    coverage = np.mean(held, axis=0)
    assert ((coverage > 0.93) & (coverage < 0.97)).all(), coverage


def test_reclassification_counts_everybody_once(judged):
    y, champion, challenger = judged
    table = reclassification(y, champion, challenger, [0.1, 0.2])
    assert table.to_numpy().sum() == N and table.loc[True].to_numpy().sum() == y.sum()
    cell = y & (champion < 0.1) & (challenger >= 0.1) & (challenger < 0.2)
    assert table.loc[(True, "below 10 %"), "10 to 20 %"] == cell.sum()
    assert reclassification(y, champion, champion, [0.1]).loc[False].to_numpy()[0, 1] == 0


def test_those_who_moved_are_those_off_the_diagonal(judged):
    y, champion, challenger = judged
    table = reclassification(y, champion, challenger, [0.1, 0.2])
    stayed = sum(np.trace(table.loc[outcome].to_numpy()) for outcome in (False, True))
    people = pd.DataFrame({"patient_id": np.arange(N)})
    rows = moved(people, y, champion, challenger, [0.1, 0.2])
    assert len(rows) == N - stayed
    assert (rows["right"] == ((rows["new"] > rows["old"]) == rows["outcome"])).all()
    assert (rows["outcome"] == y[rows["patient_id"]]).all()
    ratio = np.maximum(rows["new"] / rows["old"], rows["old"] / rows["new"])
    assert ratio.diff().max() < 1e-6, "who moved furthest comes first"


def test_a_risk_at_the_threshold_is_in_the_band_above():
    table = reclassification([0, 1], [0.1, 0.05], [0.1, 0.1], [0.1])
    assert table.loc[(False, "10 % and over"), "10 % and over"] == 1
    assert table.loc[(True, "below 10 %"), "10 % and over"] == 1
