"""Who gets an order, and what comes back from the service's log."""

import json

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.system.acting import ORDERS, Acting, answers, no_orders
from lhs_helpers.system.feedback import FEEDBACK, FEEDBACK_COLUMNS, RISK_COLUMNS, RISKS

TODAY = pd.Timestamp("2018-01-01")
PEOPLE = pd.DataFrame({"patient_id": range(1, 1001), "index_time": TODAY})
RISK = np.linspace(0.2, 0.0, 1000)


def made(before=None, **how) -> pd.DataFrame:
    return Acting("RxNorm:860975", **how).orders(
        PEOPLE, RISK, no_orders() if before is None else before, 3, 0
    )


def test_orders_go_to_the_highest_risks_as_far_as_there_is_room():
    rows = made(capacity=5)
    assert list(rows.columns) == ORDERS
    assert rows.patient_id.to_list() == [1, 2, 3, 4, 5]
    assert (rows.date == TODAY).all()
    assert set(rows.code) == {"RxNorm:860975"}


def test_a_threshold_counts_and_a_capacity_cuts_it():
    assert made(threshold=0.1).patient_id.max() == (RISK >= 0.1).sum()
    assert len(made(threshold=0.1, capacity=7)) == 7
    assert made(threshold=0.9).empty


def test_equal_risks_are_served_in_the_order_of_patient_id():
    mixed = PEOPLE.sample(frac=1, random_state=1)
    rows = Acting("RxNorm:860975", capacity=3).orders(mixed, np.full(1000, 0.5), no_orders(), 1, 0)
    assert rows.patient_id.to_list() == [1, 2, 3]


def test_who_had_an_order_rests():
    first = made(capacity=5)
    assert made(first, capacity=5, rest_days=400).patient_id.to_list() == [6, 7, 8, 9, 10]
    old = first.assign(date=TODAY - pd.Timedelta(days=401))
    assert made(old, capacity=5, rest_days=400).patient_id.to_list() == [1, 2, 3, 4, 5]


def test_the_people_held_back_never_get_one_and_are_always_the_same():
    rows = made(threshold=0.0, hold_back=0.3)
    assert 620 < len(rows) < 780
    assert rows.patient_id.equals(made(threshold=0.0, hold_back=0.3).patient_id)


def test_an_order_for_everybody_is_refused():
    with pytest.raises(LHSError, match="give a threshold, a capacity, or both"):
        Acting("RxNorm:860975")


def test_answers_are_counted_once_and_the_last_one_to_a_card_counts(tmp_path):
    def call(card):
        return dict.fromkeys(RISK_COLUMNS) | {"received_at": "2018-01-01T10:00:00+00:00", "card": card}

    def said(card, outcome):
        time = {"at": "2018-01-01T11:00:00+00:00", "received_at": "2018-01-01T11:00:00+00:00"}
        return dict.fromkeys(FEEDBACK_COLUMNS) | time | {"card": card, "outcome": outcome}

    def write(file, rows):
        (tmp_path / file).write_text("".join(json.dumps(row) + "\n" for row in rows))

    calls = [call("a"), call("b"), call(None), call("c")]
    given = [said("a", "overridden"), said("a", "accepted"), said("b", "overridden")]
    write(RISKS, calls)
    write(FEEDBACK, given)
    table, read = answers(tmp_path, [0, 0])
    assert read == [4, 3]
    assert table.loc["alert rate shown", ["estimate", "people", "events"]].to_list() == [0.75, 4, 3]
    assert table.loc["overridden", ["estimate", "people", "events"]].to_list() == [0.5, 3, 2]
    write(RISKS, [*calls, call("d")])
    late = [said("d", "overridden"), said("c", "accepted"), said("of another service", "accepted")]
    write(FEEDBACK, [*given, *late])
    table, read = answers(tmp_path, [4, 3])
    assert read == [5, 6]
    counted = table.loc["overridden", ["estimate", "people", "events"]].to_list()
    assert counted == [0.5, 1, 2], (
        "an answer to an older card counts when it comes; what was read is not read again"
    )
    table, _ = answers(tmp_path, [5, 6])
    assert np.isnan(table.loc["overridden", "estimate"])
