"""What a silent sample is for: it stands for everybody whom alerts have changed."""

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.system.footprints import believed, silent, untouched_weights

PEOPLE = pd.DataFrame({"patient_id": np.arange(20_000) * 7 + 3})


def test_the_silent_are_a_random_share_and_stay_so():
    mine = silent(PEOPLE, 0.2, seed=1)
    assert abs(mine.mean() - 0.2) < 4 * np.sqrt(0.16 / len(PEOPLE))
    later = PEOPLE.sample(5_000, random_state=0)
    assert (silent(later, 0.2, seed=1) == mine[later.index]).all()
    assert (silent(PEOPLE, 0.2, seed=2) != mine).mean() > 0.25


def test_those_left_out_of_reach_stand_for_all_who_would_have_been_alerted():
    rng = np.random.default_rng(0)
    risk = rng.beta(1, 9, len(PEOPLE))
    flagged, left = risk > np.quantile(risk, 0.8), silent(PEOPLE, 0.2)
    untreated = rng.random(len(PEOPLE)) < risk
    seen = untreated & ~(
        flagged & ~left & (rng.random(len(PEOPLE)) < 0.5)
    )  # half of what alerts foretell is prevented
    w = untouched_weights(flagged, left, 0.2)
    assert seen.mean() < 0.85 * untreated.mean()
    assert np.average(seen, weights=w) == pytest.approx(untreated.mean(), abs=0.008)
    assert np.average(seen[flagged], weights=w[flagged]) == pytest.approx(untreated[flagged].mean(), abs=0.04)
    assert (w[flagged & ~left] == 0).all() and (w[~flagged] == 1).all()


def test_without_a_silent_sample_nobody_can_stand_for_the_alerted():
    flagged = np.array([True, False])
    with pytest.raises(LHSError, match="out of reach"):
        untouched_weights(flagged, np.array([False, True]))
    assert untouched_weights(~flagged & False, flagged).tolist() == [1, 1]


def test_an_alert_that_is_believed_becomes_a_diagnosis():
    outcome, alerted = np.array([True, False] * 500), np.arange(1000) < 400
    assert (believed(outcome, alerted, 0.0) == outcome).all()
    assert (believed(outcome, alerted, 1.0) == (outcome | alerted)).all()
    some = believed(outcome, alerted, 0.5)
    assert some[~alerted].tolist() == outcome[~alerted].tolist()
    assert 70 < (some & ~outcome).sum() < 130  # of 200 alerted without the outcome
