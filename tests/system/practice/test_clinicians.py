"""Clinicians who answer cards: what was put in comes out, and a draw belongs to a person and a day."""

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.system.bodies import FeedbackRequest, feedback_entry
from lhs_helpers.system.clinicians import TIRED, Clinicians, as_request
from lhs_helpers.system.feedback import FEEDBACK_COLUMNS, Journal, read_feedback
from lhs_helpers.system.monitor import alert_burden

PLAIN = Clinicians(number=10, accepts=0.4, differ=0, tires=1, repeated=1, ignores=0, orders=1)


def cards(n, *, days=365, people=None, seed=0):
    """Cards on random days to people of whom each has one, or to `people` by turns."""
    draw = np.random.default_rng(seed)
    day = np.sort(draw.integers(0, days, n))
    return pd.DataFrame(
        {
            "card": [f"4e0a3a1e-3283-4575-ab82-{i:012d}" for i in range(n)],
            "person": np.arange(n) if people is None else np.arange(n) % people,
            "received_at": pd.Timestamp("2019-01-07", tz="UTC") + pd.to_timedelta(day, unit="D"),
            "version": "1.0",
            "alert": True,
        }
    )


def test_rested_clinicians_accept_as_often_as_they_were_told_to():
    answers = PLAIN.answer(cards(20_000))
    assert len(answers) == 20_000
    assert (answers["outcome"] == "accepted").mean() == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / 20_000))
    why = answers["reason"].value_counts(normalize=True)
    assert TIRED not in why.index
    assert why["not-applicable"] == pytest.approx(0.3, abs=0.02)


def test_the_same_seed_gives_the_same_answers_and_another_others():
    given = cards(500)
    pd.testing.assert_frame_equal(Clinicians().answer(given, seed=1), Clinicians().answer(given, seed=1))
    assert not Clinicians().answer(given, seed=1).equals(Clinicians().answer(given, seed=2))


def test_a_card_that_was_not_shown_is_not_answered_and_changes_nobody_elses_answer():
    given = cards(500)
    fewer = given.assign(card=given["card"].where(given.index % 2 == 0, None))
    some, every = PLAIN.answer(fewer), PLAIN.answer(given)
    assert len(some) == 250
    pd.testing.assert_frame_equal(some, every[every["card"].isin(some["card"])].reset_index(drop=True))


def test_each_further_card_of_a_week_leaves_the_stated_part_of_the_chance():
    one = Clinicians(number=1, accepts=0.4, differ=0, tires=0.5, repeated=1, ignores=0)
    week = cards(4, days=1)  # a Monday
    np.testing.assert_allclose(one.answer(week)["chance"], [0.4, 0.2, 0.1, 0.05])
    sunday = week.assign(received_at=pd.date_range("2019-01-12", periods=4, tz="UTC"))
    np.testing.assert_allclose(one.answer(sunday)["chance"], [0.4, 0.2, 0.4, 0.2], err_msg="rested on Monday")


def test_who_overrides_for_weariness_would_have_accepted_when_rested():
    tiring = Clinicians(number=2, accepts=0.4, differ=0, tires=0.9, repeated=1, ignores=0)
    given = cards(4_000, days=70)
    tired, rested = tiring.answer(given), PLAIN.answer(given)
    # The same draws decide in both lives, so the difference is the weariness alone, person by person.
    lost = (rested["outcome"] == "accepted") & (tired["outcome"] == "overridden")
    assert lost.sum() > 500
    assert (tired["reason"] == TIRED).equals(lost)
    assert not ((rested["outcome"] == "overridden") & (tired["outcome"] == "accepted")).any()


def test_repeats_cost_what_was_published_for_each_five_points():
    one = Clinicians(number=1, accepts=0.5, differ=0, tires=1, repeated=0.9, ignores=0)
    given = cards(40, people=20, days=300)
    share = np.concatenate([np.zeros(20), np.arange(1, 21) / np.arange(21, 41)])
    np.testing.assert_allclose(one.answer(given)["chance"], 0.5 * 0.9 ** (share / 0.05))
    later = pd.concat(
        [given[:20], given[20:].assign(received_at=lambda x: x["received_at"] + pd.Timedelta("800D"))]
    )
    np.testing.assert_allclose(one.answer(later)["chance"], 0.5, err_msg="after a year it is no repeat")


def test_clinicians_differ_and_each_patient_has_one_of_them():
    answers = Clinicians(number=5, differ=1.0, tires=1, repeated=1).answer(cards(5_000, people=1_000))
    assert answers.groupby("person")["clinician"].nunique().eq(1).all()
    assert answers["chance"].nunique() == 5 and answers["clinician"].nunique() == 5


def test_some_cards_are_never_answered_and_the_monitor_counts_them():
    given = cards(4_000)
    answers = Clinicians(ignores=0.25).answer(given)
    table = alert_burden(given, answers)
    assert table["ignored"].sum() == 4_000 - len(answers)
    assert table["ignored"].sum() / 4_000 == pytest.approx(0.25, abs=0.03)


def test_accepted_cards_become_orders():
    answers = Clinicians(orders=0.8).answer(cards(5_000))
    orders = Clinicians(orders=0.8).ordered(answers, "SNOMED:1")
    accepted = answers[answers["outcome"] == "accepted"]
    assert list(orders.columns) == ["patient_id", "date", "code"]
    assert set(orders["patient_id"]) <= set(accepted["person"])
    assert len(orders) / len(accepted) == pytest.approx(0.8, abs=0.05)
    assert set(orders["code"]) == {"SNOMED:1"} and orders["date"].dt.tz is None


def test_answers_are_feedback_as_the_service_takes_it_and_gives_it_back(tmp_path):
    answers = Clinicians().answer(cards(60))
    given = FeedbackRequest.model_validate(as_request(answers)).feedback
    told = [feedback_entry(one) for one in given]
    received = [{"received_at": one["at"], "version": "1.0"} for one in told]
    Journal(tmp_path).write_feedback([a | b for a, b in zip(told, received, strict=True)])
    read = read_feedback(tmp_path)
    assert list(read.columns) == FEEDBACK_COLUMNS and set(FEEDBACK_COLUMNS) < set(answers.columns)
    for column in ("card", "outcome", "reason", "accepted"):
        assert read[column].to_list() == answers[column].to_list()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"accepts": 1.2}, "accepts between 0 and 1"),
        ({"tires": -1}, "tires is -1; give a number from 0 to 1"),
        ({"reasons": {"bored": 1.0}}, "must be of known"),
        ({"reasons": {"known": 0.5}}, "add up to 1"),
    ],
)
def test_clinicians_that_make_no_sense_get_a_sentence(change, says):
    with pytest.raises(LHSError, match=says):
        Clinicians(**change)


def test_risks_without_cards_are_refused_with_a_sentence():
    with pytest.raises(LHSError, match="lacks the columns card"):
        Clinicians().answer(cards(3).drop(columns="card"))
