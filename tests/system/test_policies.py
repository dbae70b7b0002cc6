"""Update policies against known answers: a world that shifted by so much needs an update of just that much."""

import numpy as np
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.system import policies
from lhs_helpers.system.policies import POLICIES, Evidence, adjusted, combined, log_score

PEOPLE = 40_000


def world(seed: int, moved: float = 0.0, slope: float = 1.0, people: int = PEOPLE, noise: float = 0.0):
    """Risks in use, outcomes of a world in which the true log-odds are stretched and moved, and a challenger."""
    rng = np.random.default_rng(seed)
    x = rng.normal(-4, 1, 2 * people)
    true = moved + slope * x
    y = rng.random(2 * people) < 1 / (1 + np.exp(-true))
    challenger = 1 / (1 + np.exp(-(true + rng.normal(0, noise, x.size))))
    p = 1 / (1 + np.exp(-x))
    return Evidence(y[:people], p[:people], y[people:], p[people:], lambda: challenger[people:])


def test_the_intercept_makes_the_average_right_and_leaves_the_order():
    given = world(0, moved=0.8)
    update = policies.intercept(given)
    assert update.kind == "intercept"
    assert update.adjustment[0] == pytest.approx(0.8, abs=0.1)
    assert update.adjustment[1] == 1
    assert adjusted(given.p, update.adjustment).sum() == pytest.approx(given.y.sum(), rel=1e-6)


def test_recalibration_finds_the_intercept_and_the_slope_that_were_put_in():
    update = policies.recalibrate(world(1, moved=-1.0, slope=0.6))
    assert update.kind == "recalibrate"
    np.testing.assert_allclose(update.adjustment, (-1.0, 0.6), atol=0.12)


def test_two_adjustments_one_after_the_other_are_one():
    p = np.linspace(0.01, 0.9, 50)
    first, then = (0.4, 1.3), (-0.2, 0.7)
    np.testing.assert_allclose(adjusted(adjusted(p, first), then), adjusted(p, combined(first, then)))


def test_what_fixes_no_update_keeps_the_model_and_says_so():
    nobody = Evidence(np.zeros(50), np.full(50, 0.1), np.zeros(5), np.full(5, 0.1), None)
    for policy in (policies.intercept, policies.recalibrate):
        update = policy(nobody)
        assert update.kind == "keep"
        assert "fix no" in update.reason
    turned = world(2, slope=-0.5)
    assert policies.recalibrate(turned).kind == "keep", "an update never turns the order of patients round"


def test_the_test_keeps_a_model_that_is_right_nineteen_times_in_twenty():
    updates = [policies.simplest_enough(world(s, people=3_000, noise=0.3)).kind for s in range(200)]
    wrong = sum(kind != "keep" for kind in updates)
    assert wrong <= 20, "5 % of 200 are 10; 20 or more happen once in 500 such series"


@pytest.mark.parametrize(
    ("moved", "slope", "enough"),
    [(0.9, 1.0, "intercept"), (-1.5, 0.5, "recalibrate")],
)
def test_the_test_takes_the_simplest_update_that_is_enough(moved, slope, enough):
    """The challenger is as good as the truth, and still not taken: the simpler repair predicts as well."""
    chosen = [policies.simplest_enough(world(s, moved, slope)).kind for s in range(20)]
    assert chosen.count(enough) >= 16, chosen


def test_a_broken_model_is_refitted():
    """Risks that say nothing of the outcome: no two numbers on their log-odds can repair that."""
    rng = np.random.default_rng(3)
    x = rng.normal(-3, 1.2, 20_000)
    true, y = 1 / (1 + np.exp(-x)), rng.random(20_000) < 1 / (1 + np.exp(-x))
    wrong = rng.permutation(true)
    given = Evidence(y[:10_000], wrong[:10_000], y[10_000:], wrong[10_000:], lambda: true[10_000:])
    assert policies.simplest_enough(given).kind == "refit"


def test_a_refit_is_made_once_and_only_when_asked_for():
    made = []
    y = np.r_[np.ones(30), np.zeros(970)]
    p = np.full(1000, 0.03) + np.linspace(0, 0.01, 1000)
    for name, times in {"keep": 0, "intercept": 0, "recalibrate": 0, "test-driven": 1}.items():
        made.clear()

        def challenger():
            made.append(1)
            return p

        POLICIES[name](Evidence(y, p, y, p, challenger))
        assert len(made) == times, name


def test_the_log_score_is_that_of_the_textbook():
    np.testing.assert_allclose(log_score([1, 0], [0.25, 0.25]), [np.log(0.25), np.log(0.75)])
    assert np.isfinite(log_score([1, 0], [0.0, 1.0])).all()


def test_an_unknown_policy_is_refused():
    with pytest.raises(LHSError, match="no update policy 'hope'; choose one of keep, intercept, recalibrate"):
        policies.policy_of("hope")
    assert policies.policy_of(policies.keep) is policies.keep
