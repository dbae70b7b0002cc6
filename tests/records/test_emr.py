"""What a record says of people and events, and what it can not have known yet."""

import ibis
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.store import write_manifest

from .small_emr import DIABETES, PERIOD, STROKE, SYSTOLIC, write_small_emr

TABLES = [
    "patients",
    "encounters",
    "conditions",
    "observations",
    "medications",
    "procedures",
    "immunizations",
]


def people(emr) -> pd.DataFrame:
    return emr.people.execute().set_index("patient_id").sort_index()


def test_each_person_is_there_once_as_last_known(small_emr):
    known = people(small_emr)
    assert list(known.index) == [1, 2, 3, 4, 5, 6]
    assert list(known.status) == ["died", "left", "registered", "registered", "registered", "registered"]
    assert known.death_time[1] == pd.Timestamp("2018-06-10 04:00")
    assert known.left_time[2] == pd.Timestamp("2017-03-03")
    assert (known.entered[:4] == pd.Timestamp("2015-01-01")).all()


def test_someone_who_came_back_has_not_left(small_emr):
    assert pd.isna(people(small_emr).left_time[3])
    assert people(small_emr.as_of("2017-01-01")).left_time[3] == pd.Timestamp("2016-02-02")


def test_the_record_forgets_a_later_death(small_emr):
    before = people(small_emr.as_of("2018-06-11"))
    assert pd.isna(before.death_time[1]) and before.status[1] == "registered"
    assert people(small_emr.as_of("2018-06-12")).status[1] == "died"


def test_the_record_forgets_who_is_born_later(small_emr):
    assert 5 not in people(small_emr.as_of("2018-08-07")).index


def test_a_stroke_is_unknown_until_it_is_recorded(small_emr):
    def strokes(emr):
        return emr.events.filter(emr.events.code == STROKE).count().execute()

    assert strokes(small_emr.as_of("2018-03-02")) == 0
    assert strokes(small_emr.as_of("2018-03-03 10:00")) == 1


@pytest.mark.parametrize("table", [*TABLES, "events"])
def test_nothing_in_the_past_was_recorded_later(small_emr, table):
    moment = pd.Timestamp("2017-06-07")
    rows = getattr(small_emr.as_of(moment), table).execute()
    assert (rows.recorded_at <= moment).all()
    assert len(getattr(small_emr, table).execute())


def test_the_past_of_the_past_is_the_earlier_of_both(small_emr):
    assert small_emr.as_of("2016-01-01").as_of("2019-01-01").known_at == pd.Timestamp("2016-01-01")


@pytest.mark.parametrize("time", ["yesterday evening", None, pd.Timestamp("2016-01-01", tz="UTC"), "NaT"])
def test_a_time_that_is_none_is_refused(small_emr, time):
    with pytest.raises(LHSError, match="as_of was given"):
        small_emr.as_of(time)


def test_events_hold_every_row_that_happened_once(small_emr):
    events = small_emr.events.execute()
    clinical = sum(getattr(small_emr, table).count().execute() for table in TABLES[1:])
    ends = events.kind.isin(["death", "left"])
    assert len(events) == clinical + ends.sum() and ends.sum() == 3
    assert set(events.kind) == {
        *("encounter", "condition", "condition_end", "observation", "medication", "medication_stop"),
        *("procedure", "immunization", "death", "left"),
    }
    assert list(events[ends].code) == list(events[ends].kind)


def test_an_end_of_a_disease_is_not_a_disease(small_emr):
    diabetes = small_emr.events.filter(small_emr.events.code == DIABETES).order_by("time").execute()
    assert list(diabetes.kind) == ["condition", "condition_end"]


def test_tables_can_be_joined_across_times(small_emr):
    past, now = small_emr.as_of("2017-01-01").people, small_emr.people
    assert past.join(now, "patient_id").filter(now.status == "died").count().execute() == 1


def test_filters_reach_the_parquet_files(small_emr):
    events = small_emr.as_of("2017-01-01").events
    wanted = events.filter(events.code == SYSTOLIC, events.kind == "observation")
    plan = small_emr.connection.raw_sql(f"EXPLAIN {ibis.to_sql(wanted)}").fetchall()[0][1]
    assert plan.count("Function:") == 1  # the other tables are not even opened
    assert f"code='{SYSTOLIC}'" in plan.replace(" ", "") and "recorded_at<=" in plan


def test_sql_sees_what_was_known(small_emr):
    query = "SELECT count(*) AS n FROM people WHERE death_time IS NOT NULL;"
    assert small_emr.sql(query).n[0] == 1
    assert small_emr.as_of("2018-01-01").sql(query).n[0] == 0


def test_a_record_without_rows_is_empty_and_sound(tmp_path):
    write_manifest(tmp_path, source="nobody", period=PERIOD, parameters={}, notes=[], files={})
    emr = EMR(tmp_path)
    assert all(
        getattr(emr, name).count().execute() == 0 for name in [*TABLES, "people", "events", "concepts"]
    )
    assert emr.check().empty


def test_a_folder_may_have_any_name(tmp_path):
    emr = EMR(write_small_emr(tmp_path / "Ada's [first] record*"))
    assert emr.patients.count().execute() == 10


def test_period_and_text_say_what_the_record_is(small_emr):
    assert small_emr.period == tuple(pd.Timestamp(day) for day in PERIOD)
    assert "39 rows" in repr(small_emr)
