"""Each thing that must not be in a record is named when it is there."""

from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from lhs_helpers.records.emr import EMR

from .small_emr import CHECK_UP, HBA1C, HYPERTENSION, STROKE, SYSTOLIC, person, row, visit, write_small_emr

PLANTED = {
    "nothing happens before birth": ("conditions", row(1, 101, "1949-01-01", HYPERTENSION, status="active")),
    "nothing happens after death": ("conditions", row(1, None, "2018-06-11", STROKE, status="active")),
    "every code is known": ("procedures", row(1, 101, "2016-04-04", "SNOMED:1")),
    "every reason is known": ("procedures", row(1, 101, "2016-04-04", STROKE, reason_code="SNOMED:2")),
    "every patient is known": ("immunizations", row(99, None, "2016-04-04", "CVX:140")),
    "every encounter is known": (
        "observations",
        row(1, 999, "2016-04-04", SYSTOLIC, value=120.0, unit="mm[Hg]"),
    ),
    "every encounter has its own number": ("encounters", visit(101, 1, "2016-07-07", "2016-07-07")),
    "every encounter stops after it starts": (
        "encounters",
        visit(201, 1, "2016-07-07", "2016-07-06")
        | {"recorded_at": visit(0, 1, "2016-07-08", "2016-07-08")["stop"]},
    ),
    "nothing is recorded before it happens": (
        "medications",
        row(4, None, "2018-12-02", "RxNorm:860975", "2018-12-01", status="stop"),
    ),
    "every value has the unit of its concept": (
        "observations",
        row(4, 104, "2017-06-06", HBA1C, value=63.0, unit="mmol/mol"),
    ),
    "every observation has a value or a text": ("observations", row(4, 104, "2017-06-06", HBA1C)),
    "every status is known": ("conditions", row(1, 101, "2016-04-04", HYPERTENSION, status="cured")),
    "every sex is known": ("patients", person(7, "1980-01-01", "unknown", "registered", "2016-01-01")),
    "every class is known": ("encounters", visit(202, 1, "2016-07-07", "2016-07-07", **{"class": "hotel"})),
    "every birth date is known": (
        "patients",
        person(7, "1980-01-01", "male", "registered", "2016-01-01") | {"birth_date": None},
    ),
    "patient, times and code are given": ("procedures", row(1, 101, "2016-04-04", None)),
}


def test_a_sound_record_breaks_no_rule(small_emr):
    assert small_emr.check().empty


@pytest.mark.parametrize("rule", PLANTED)
def test_what_breaks_a_rule_is_named(tmp_path, rule):
    table, planted = PLANTED[rule]
    report = EMR(write_small_emr(tmp_path / "small", {table: [planted]})).check()
    assert list(report.rule) == [rule]
    found = report.iloc[0]
    assert found.table == table and found.rows in (1, 2)
    assert found.example.endswith(".") and "\n" not in found.example


def test_an_encounter_of_someone_else_is_not_an_encounter(tmp_path):
    planted = row(4, 101, "2017-07-07", CHECK_UP)
    report = EMR(write_small_emr(tmp_path / "small", {"procedures": [planted]})).check()
    assert list(report.rule) == ["every encounter is known"]


def test_a_deleted_partition_is_named_and_the_rest_can_be_read(small_emr):
    (small_emr.folder / "observations" / "first.parquet").unlink()
    emr = EMR(small_emr.folder)
    assert emr.observations.count().execute() == 3
    report = emr.check()
    assert list(report.rule) == ["every partition is there"]
    assert "observations/first.parquet" in report.example[0]


def test_every_flipped_byte_is_noticed(small_emr):
    partition = small_emr.folder / "observations" / "second.parquet"
    sound = partition.read_bytes()
    for place in range(4, len(sound) - 8, len(sound) // 20):
        partition.write_bytes(sound[:place] + bytes([sound[place] ^ 0xFF]) + sound[place + 1 :])
        report = small_emr.check()
        named = report[report.rule == "no partition was changed"]
        assert len(named) == 1 and "observations/second.parquet" in named.example.iloc[0]


def test_a_row_planted_behind_the_manifest_is_named_with_its_file(small_emr):
    partition = small_emr.folder / "conditions" / "conditions.parquet"
    rows = pq.read_table(partition).to_pandas()
    rows.loc[0, "time"] -= timedelta(days=365 * 100)
    rows.to_parquet(partition)
    report = EMR(small_emr.folder).check()
    assert list(report.rule) == ["no partition was changed", "nothing happens before birth"]


def test_a_file_that_nobody_reads_is_named(small_emr):
    partition = small_emr.folder / "conditions" / "conditions.parquet"
    (partition.parent / "more.parquet").write_bytes(partition.read_bytes())
    assert list(small_emr.check().rule) == ["every partition is in the manifest"]


def test_a_manifest_that_was_edited_is_named(small_emr):
    path = small_emr.folder / "manifest.json"
    path.write_text(
        path.read_text()
        .replace('"rows": 5,', '"rows": 6,')
        .replace('"content_hash": "', '"content_hash": "0')
    )
    rules = set(EMR(small_emr.folder).check().rule)
    assert rules == {"the manifest agrees with itself", "the manifest counts every row"}
