"""Who is screened: what the record knows, what people say, and the same number of orders for each strategy."""

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.patients import Hospital
from lhs_helpers.system.lives import answer_key
from lhs_helpers.system.screening import asked, by_record, by_risk, candidates, meets_criteria, orders

TODAY = "2017-01-01"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    made = Hospital(tmp_path_factory.mktemp("h") / "h", patients=3_000, seed=5, workers=1)
    made.advance(TODAY)
    return made


def test_candidates_are_ever_smokers_of_the_right_age_whom_the_record_knows(hospital):
    known, truth = candidates(hospital.emr, TODAY), answer_key(hospital, "lung_cancer")
    assert 200 < len(known) < 700
    assert known["age"].between(50, 81, "left").all()
    mine = truth.loc[known.index]
    assert mine["smoked"].all() and np.isinf(mine["diagnosed"]).all()
    alive = truth[truth["smoked"] & np.isinf(truth["death"]) & np.isfinite(truth["diagnosed"])]
    assert len(alive) > 3  # who has the diagnosis is not asked again
    assert np.isinf(mine["death"]).mean() > 0.99  # a death of the last days may not be recorded yet
    # Whoever was seen to quit did so within the record; whoever smokes in truth is a smoker in the latest answer.
    quitters = mine.loc[known["seen_to_quit"], "quit"]
    assert len(quitters) > 3
    assert (quitters >= pd.Timestamp("2014-01-01").timestamp() / 86_400).all()
    assert known.loc[mine["smokes"], "smokes"].all()
    assert not (known["smokes"] & known["seen_to_quit"]).any()


def test_the_record_is_read_as_of_the_day(hospital):
    early = candidates(hospital.emr, "2015-01-01")
    assert len(early) < len(candidates(hospital.emr, TODAY))  # fewer had been asked
    shorter = hospital.emr.as_of("2015-01-01")
    pd.testing.assert_frame_equal(early, candidates(shorter, "2015-01-01"))


def test_what_people_say_is_the_truth_about_their_smoking(hospital):
    known, truth = candidates(hospital.emr, TODAY), answer_key(hospital, "lung_cancer")
    said = asked(hospital, known.index)
    assert said.index.equals(known.index)
    assert (said["smokes"] == truth.loc[known.index, "smokes"]).all()
    assert (said.loc[said["smokes"], "years_since_quitting"] == 0).all()
    assert said.loc[~said["smokes"], "years_since_quitting"].between(0, 70).all()


def test_criteria_of_2021_by_hand():
    said = pd.DataFrame(
        {
            "smokes": [True, True, False, False, False],
            "pack_years": [20.0, 19.9, 40.0, 40.0, 10.0],
            "years_since_quitting": [0.0, 0.0, 15.0, 15.1, 1.0],
        }
    )
    assert meets_criteria(said).tolist() == [True, False, True, False, False]
    assert meets_criteria(said, pack_years=30).tolist() == [False, False, True, False, False]
    assert meets_criteria(said, years_since_quitting=20).tolist() == [True, False, True, True, False]


def test_every_strategy_orders_the_same_number(hospital):
    known = candidates(hospital.emr, TODAY)
    n = int(meets_criteria(asked(hospital, known.index)).sum())
    assert 30 < n < len(known) / 2
    risk = np.random.default_rng(0).random(len(known))
    for chosen in (by_record(known, n, seed=1), by_risk(known.index, risk, n)):
        assert len(chosen) == len(set(chosen)) == len(orders(chosen, TODAY)) == n
        assert chosen.isin(known.index).all()
    top = by_risk(known.index, risk, n)
    assert risk[known.index.isin(top)].min() >= risk[~known.index.isin(top)].max()


def test_the_record_puts_those_first_who_smoke_or_were_seen_to_quit():
    known = pd.DataFrame(
        {"age": 60.0, "smokes": [True, False, False, False], "seen_to_quit": [False, True, False, False]},
        index=pd.Index([3, 1, 2, 4], name="patient_id"),
    )
    assert by_record(known, 2, seed=0).tolist() == [1, 3]
    third = {tuple(by_record(known, 3, seed=seed)) for seed in range(20)}
    assert third == {(1, 2, 3), (1, 3, 4)}  # beyond them, chance decides
