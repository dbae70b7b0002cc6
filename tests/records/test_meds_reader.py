"""MEDS, read back: what we wrote comes back as it was, and other datasets are understood by their codes."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital
from lhs_helpers.records.meds import write_meds
from lhs_helpers.records.meds_reader import read_meds

from .tiny_exports import MEDS, accounted, rejected, write_meds_rows

PEOPLE = ["patient_id", "birth_date", "sex", "race", "ethnicity", "entered", "left_time", "death_time"]
PEOPLE += ["education", "insurance", "site"]


def assert_came_back(was, now) -> None:
    """Every event, and every person, as they were, but for what MEDS can not say."""
    events = "SELECT patient_id, time, recorded_at, code, value::FLOAT AS value, text, unit, kind FROM events"
    query = f"SELECT * FROM ({events}) ORDER BY ALL"
    pd.testing.assert_frame_equal(now.sql(query), was.sql(query))
    people = [emr.people.order_by("patient_id").execute()[PEOPLE] for emr in (was, now)]
    pd.testing.assert_frame_equal(people[1], people[0])
    was, now = (emr.concepts.execute().set_index("code") for emr in (was, now))
    pd.testing.assert_frame_equal(now.sort_index(), was.loc[now.index].sort_index())


def test_a_record_written_and_read_is_the_same_record(small_emr, tmp_path):
    write_meds(small_emr, tmp_path / "meds")
    back = accounted(read_meds(tmp_path / "meds", tmp_path / "back"))
    assert back.check().empty and rejected(back) == []
    assert_came_back(small_emr, back)


def test_a_hospital_written_and_read_is_the_same_hospital(tmp_path):
    living = Hospital(tmp_path / "hospital", patients=300, seed=5, start="2014-01-01", workers=1)
    hospital = living.advance("2016-01-01")
    write_meds(hospital, tmp_path / "meds", shard_size=100)
    back = accounted(read_meds(tmp_path / "meds", tmp_path / "back"))
    assert back.check().empty and rejected(back) == []
    assert_came_back(hospital, back)


def test_another_dataset_is_understood_by_its_codes(tmp_path):
    emr = accounted(read_meds(write_meds_rows(tmp_path / "meds"), tmp_path / "emr"))
    assert emr.check().empty and rejected(emr) == []
    found = emr.events.order_by("time").execute()
    kinds = dict(zip(found.code, found.kind, strict=True))
    assert kinds == {
        "LAB:50912//mg/dL": "observation",
        "HOSPITAL_ADMISSION:EW EMER.": "encounter",
        "ICD10CM:I63": "condition",
        "PROCEDURE:ICD//9//8703": "procedure",
        "RxNorm:860975": "medication",
        "CVX:140": "immunization",
        "MEDS:smoking": "observation",
        "MEDS:triage": "observation",
        "death": "death",
    }
    assert emr.encounters["class"].execute().to_list() == ["inpatient"]
    assert emr.observations.text.execute().dropna().to_list() == ["never", "recorded"]
    people = emr.people.execute().set_index("patient_id")
    assert people.loc[1].death_time == pd.Timestamp("2018-06-10 23:59:59")
    assert people.loc[1].entered == pd.Timestamp("2016-04-04 09:00")


def test_rows_that_can_not_be_used_are_rejected(tmp_path):
    rows = [
        *MEDS,
        (1, "2019-01-01", "LAB//50912//mg/dL", 1.0, None),  # after death
        (1, "1949-01-01", "LAB//50912//mg/dL", 1.0, None),  # before birth
        (3, "2017-01-01", "LAB//50912//mg/dL", 1.0, None),  # born never
        (1, None, "LAB//50912//mg/dL", 1.0, None),  # without time
        (1, "2017-01-01", None, 1.0, None),  # without code
        (2, "2017-06-06 11:25", "CVX/140", None, None),  # the same row
    ]
    emr = accounted(read_meds(write_meds_rows(tmp_path / "meds", rows), tmp_path / "emr"))
    first, file = len(MEDS) + 1, "data/train/0.parquet"
    columns = ["TIME", "TIME", "SUBJECT_ID", "TIME", "CODE", None]
    expected = [(file, first + i, column) for i, column in enumerate(columns)]
    assert rejected(emr) == [*expected, ("subjects", 3, "BIRTH")]
    assert emr.check().empty


def test_what_is_no_dataset_gets_a_sentence(tmp_path):
    with pytest.raises(LHSError, match="holds no data"):
        read_meds(tmp_path, tmp_path / "emr")
    source = write_meds_rows(tmp_path / "meds")
    path = source / "data/train/0.parquet"
    whole, table = path.read_bytes(), pq.read_table(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LHSError, match="can not be read"):
        read_meds(source, tmp_path / "emr")
    pq.write_table(table.drop_columns(["code"]), path)
    with pytest.raises(LHSError, match="no column code"):
        read_meds(source, tmp_path / "emr")
