"""The difference of two models on the same people."""

import numpy as np
import pytest

from lhs_helpers.learning import evaluate, paired_difference

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
