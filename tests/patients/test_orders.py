"""Orders wait for room, in the order they came, and none is lost."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital
from lhs_helpers.patients.orders import Orders, queued

LISINOPRIL = "RxNorm:314076"
SMALL = {"patients": 1500, "seed": 3, "start": "2014-01-01", "workers": 1}


def months(day: np.ndarray) -> np.ndarray:
    return day.astype("M8[D]").astype("M8[M]").astype(int)


@given(st.lists(st.integers(16_000, 17_000), min_size=1, max_size=200), st.integers(1, 30))
def test_no_month_holds_more_than_there_is_room_for_and_nobody_is_early_or_lost(days, room):
    orders = Orders(np.arange(len(days)), np.array(days), np.full(len(days), "A"))
    served = queued(orders, {"A": room})
    assert np.bincount(months(served.day) - months(served.day).min()).max() <= room
    assert (served.day >= orders.day).all() and len(served.day) == len(days)
    first_come = np.argsort(orders.day, kind="stable")
    assert (np.diff(months(served.day)[first_come]) >= 0).all()
    # No month has room to spare while somebody waits.
    waited = months(served.day) > months(orders.day)
    for month in np.unique(months(served.day)[waited]) - 1:
        waiting = (months(orders.day) <= month) & (months(served.day) > month)
        if waiting.any():
            assert (months(served.day) == month).sum() == room


def test_a_code_without_a_limit_does_not_wait():
    orders = Orders(np.arange(9), np.full(9, 16_500), np.array(list("AAAAABBBB")))
    assert (queued(orders, {"A": 1}).day[5:] == 16_500).all()


def test_orders_that_wait_are_carried_out_in_later_advances(tmp_path):
    made = Hospital(tmp_path / "h", **SMALL, capacity={LISINOPRIL: 5})
    made.advance("2014-02-01")
    people = made.emr.people.execute()
    adults = people[people.birth_date.astype("M8[ns]") < "1990"].patient_id[:60]
    orders = pd.DataFrame({"patient_id": adults, "date": "2014-02-10", "code": LISINOPRIL})
    made.advance("2014-06-01", orders)
    again = Hospital(tmp_path / "h", **SMALL, capacity={LISINOPRIL: 5})
    again.advance("2015-06-01")
    whole = Hospital(tmp_path / "w", **SMALL, capacity={LISINOPRIL: 5})
    whole.advance("2014-02-01")
    whole.advance("2015-06-01", orders)
    first = whole.emr.medications.filter(lambda m: m.code == LISINOPRIL).execute()
    started = first[first.patient_id.isin(adults)].groupby("patient_id").time.min()
    assert (started[started >= "2014-02-10"].dt.to_period("M").value_counts() <= 5 + 5).all()
    assert started.max() > pd.Timestamp("2014-09-01")
    later = again.emr.medications.filter(lambda m: m.code == LISINOPRIL).execute()
    pd.testing.assert_series_equal(
        started, later[later.patient_id.isin(adults)].groupby("patient_id").time.min()
    )


def test_a_capacity_for_what_nobody_does_gets_a_sentence(tmp_path):
    with pytest.raises(LHSError, match="capacity names RxNorm:0"):
        Hospital(tmp_path / "h", **SMALL, capacity={"RxNorm:0": 3})
    with pytest.raises(LHSError, match="below 1"):
        Hospital(tmp_path / "h", **SMALL, capacity={LISINOPRIL: 0})


def test_who_has_stopped_a_drug_begins_anew_by_order(tmp_path):
    lives = []
    for name in ("without", "with"):
        hospital = Hospital(tmp_path / name, **SMALL | {"patients": 5000})
        drugs = hospital.advance("2016-01-01").medications.execute()
        drugs = drugs[drugs.code == LISINOPRIL]
        stopped = drugs.loc[drugs.status == "stop", "patient_id"].unique()
        orders = pd.DataFrame({"patient_id": stopped, "date": "2016-01-10", "code": LISINOPRIL})
        drugs = hospital.advance("2017-01-01", orders if name == "with" else None).medications.execute()
        late = (drugs.code == LISINOPRIL) & (drugs.status == "start") & (drugs.time >= "2016-01-10")
        lives.append(set(drugs.loc[late, "patient_id"]) & set(stopped))
    assert len(stopped) > 5 and len(lives[1]) > len(stopped) / 3
    assert not lives[0]
