"""A record in PostgreSQL or Spark says what the folder says that it was loaded from."""

import json

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.meds import write_meds
from lhs_helpers.records.omop_writer import write_omop
from lhs_helpers.records.postgres import load_postgres
from lhs_helpers.records.spark import load_spark
from lhs_helpers.records.store import write_partition
from lhs_helpers.records.synthea_writer import write_synthea
from lhs_helpers.records.tables import SCHEMAS

from .small_emr import SMOKING, STROKE, SYSTOLIC, row, small_rows, write_small_emr

# What CSV on the way could change: nothing that is not none, quotes, lines, digits.
ODD = [
    row(2, 103, "2016-05-05 09:07", SMOKING, text=""),
    row(2, 103, "2016-05-05 09:08", SMOKING, text='a "quote", a comma\nand a second line \\N \\.'),
    row(2, 103, "2016-05-05 09:09", SMOKING, text="NULL"),
    row(2, 103, "2016-05-05 09:10:11.000123", SMOKING, text="Größe ≥ 3 µm 🙂"),
    row(2, 103, "2016-05-05 09:11", SYSTOLIC, value=0.1 + 0.2, unit="mm[Hg]"),
    row(2, 103, "2016-05-05 09:12", SYSTOLIC, value=5e-324, unit="mm[Hg]"),
]


@pytest.fixture
def folder(tmp_path):
    return EMR(write_small_emr(tmp_path / "small", {"observations": ODD}))


@pytest.fixture(params=["postgres", "spark"])
def loaded(request, folder):
    """The same record in a database."""
    place = request.getfixturevalue(request.param)
    return {"postgres": load_postgres, "spark": load_spark}[request.param](folder.folder, place)


def rows(table: ibis.Table) -> pd.DataFrame:
    found = table.execute()
    # None and NaN, dates and datetimes, digits of a time: the same, said differently.
    found = found.assign(
        **{c: found[c].astype("datetime64[us]") for c in found if "date" in c or "time" in c}
    )
    found = found.astype({c: "object" for c in found if found[c].dtype in ("str", "object")})
    return found.where(found.notna(), None).sort_values(list(found.columns)[:4]).reset_index(drop=True)


def test_every_table_is_the_same(folder, loaded):
    for name in (*SCHEMAS, "people", "events"):
        expected = rows(getattr(folder, name))
        pd.testing.assert_frame_equal(rows(getattr(loaded, name)), expected, check_dtype=False, obj=name)
    assert len(loaded.observations.execute()) == len(small_rows()["observations"]) + len(ODD)


def test_what_comes_back_in_batches_is_what_is_there(loaded):
    """Learning reads batches; nothing may be lost or changed on the way, an empty text least of all."""
    wanted = loaded.observations.select("time", "text", "value", "patient_id").order_by("time")
    found = loaded.connection.to_pyarrow_batches(wanted.mutate(is_late=wanted.time > "2018-01-01")).read_all()
    texts = [odd["text"] for odd in ODD if "text" in odd]
    assert [text for text in found["text"].to_pylist() if text != "never" and text is not None] == texts
    assert found["value"].to_pylist()[-4:-2] == [0.1 + 0.2, 5e-324]
    assert sum(found["is_late"].to_pylist()) == 1
    assert found["time"].to_pylist()[6] == pd.Timestamp("2016-05-05 09:10:11.000123")
    assert (
        loaded.connection.to_pyarrow_batches(wanted.filter(wanted.patient_id == 99)).read_all().num_rows == 0
    )


def test_the_past_is_the_same(folder, loaded):
    for moment in ("2016-06-01", "2018-03-02", "2018-06-11"):
        then, expected = loaded.as_of(moment), folder.as_of(moment)
        pd.testing.assert_frame_equal(rows(then.events), rows(expected.events), check_dtype=False)
        pd.testing.assert_frame_equal(rows(then.people), rows(expected.people), check_dtype=False)


def test_it_can_be_asked_in_sql(loaded):
    count = "SELECT kind, count(*) AS n FROM events GROUP BY kind ORDER BY kind;"
    assert dict(loaded.as_of("2018-03-02").sql(count).to_numpy()) == {
        "condition": 2, "encounter": 3, "immunization": 1, "left": 2, "medication": 1, "observation": 11,
        "procedure": 1,
    }  # fmt: skip


def test_it_is_opened_again_by_its_connection(folder, loaded):
    again = EMR(loaded.connection)
    assert again.manifest == folder.manifest and again.period == folder.period
    assert "Six" in again.manifest["notes"][0] and again.known_at is None
    assert again.events.filter(again.events.code == STROKE).count().execute() == 1


def test_what_needs_a_folder_says_so(loaded, tmp_path):
    needs = [
        EMR.check,
        lambda emr: write_synthea(emr, tmp_path / "a"),
        lambda emr: write_omop(emr, tmp_path / "b"),
        lambda emr: write_meds(emr, tmp_path / "c"),
    ]
    for ask in needs:
        with pytest.raises(LHSError, match="reads the files of a folder"):
            ask(loaded)
    assert not list(tmp_path.glob("[abc]/*"))


def test_a_database_that_nobody_described_tells_its_own_period(folder, postgres):
    load_postgres(folder.folder, postgres)
    postgres.raw_sql("DROP TABLE manifest").close()
    emr = EMR(postgres)
    assert emr.period == (pd.Timestamp("2015-01-01"), pd.Timestamp("2019-01-16"))
    assert emr.manifest["tables"]["observations"]["rows"] == 11
    assert "PostgreSQL" in repr(emr) and "11" not in emr.manifest["source"]


def test_columns_of_other_types_are_read_as_ours(folder, postgres):
    load_postgres(folder.folder, postgres)
    for change in (
        "patient_id TYPE integer",
        "code TYPE varchar(40)",
        "value TYPE numeric",
        "time TYPE timestamp(0)",
    ):
        postgres.raw_sql(f"ALTER TABLE observations ALTER {change}").close()
    emr = EMR(postgres)
    assert emr.observations.schema()["value"] == ibis.dtype("float64")
    assert emr.events.count().execute() == folder.events.count().execute()


def test_times_with_a_zone_are_refused(folder, postgres):
    load_postgres(folder.folder, postgres)
    postgres.raw_sql("ALTER TABLE conditions ALTER time TYPE timestamptz").close()
    with pytest.raises(LHSError, match="Column time of conditions in PostgreSQL holds times with a zone"):
        EMR(postgres)


def test_a_table_or_column_that_is_absent_is_named(folder, postgres):
    with pytest.raises(LHSError, match="PostgreSQL has no table patients, encounters"):
        EMR(postgres)
    load_postgres(folder.folder, postgres)
    postgres.raw_sql("ALTER TABLE encounters DROP reason_code").close()
    with pytest.raises(LHSError, match="encounters in PostgreSQL has no column reason_code"):
        EMR(postgres)


def test_another_manifest_is_not_taken_for_ours(folder, postgres):
    load_postgres(folder.folder, postgres)
    postgres.raw_sql("DROP TABLE manifest; CREATE TABLE manifest (ship text)").close()
    with pytest.raises(LHSError, match="is not that of a record"):
        EMR(postgres)


def test_nothing_is_loaded_over_something(folder, postgres):
    load_postgres(folder.folder, postgres)
    with pytest.raises(LHSError, match="has a table patients already"):
        load_postgres(folder.folder, postgres)


def test_a_load_that_fails_leaves_nothing(tmp_path, postgres):
    """PostgreSQL has no place for a zero byte in a text; immunizations come after most other tables."""
    planted = write_small_emr(tmp_path / "bad", {"immunizations": [row(4, 104, "2017-06-06", "CVX:\x00")]})
    with pytest.raises(LHSError, match="PostgreSQL did not take .* nothing was loaded"):
        load_postgres(planted, postgres)
    assert postgres.list_tables() == []
    load_postgres(write_small_emr(tmp_path / "good"), postgres)


def test_a_killed_load_leaves_nothing(folder, postgres, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lhs_helpers.records.postgres.json.dumps", stop)  # the manifest comes last
    with pytest.raises(KeyboardInterrupt):
        load_postgres(folder.folder, postgres)
    assert postgres.list_tables() == []


def test_large_answers_come_in_several_batches(folder, postgres, monkeypatch):
    monkeypatch.setattr("lhs_helpers.records.postgres_backend.BLOCK_BYTES", 100)
    emr = load_postgres(folder.folder, postgres)
    reader = emr.connection.to_pyarrow_batches(emr.events)
    batches = list(reader)
    assert len(batches) > 5 and sum(map(len, batches)) == emr.events.count().execute()


def test_an_answer_that_is_left_half_read_does_not_block_the_next(folder, postgres, monkeypatch):
    monkeypatch.setattr("lhs_helpers.records.postgres_backend.BLOCK_BYTES", 100)
    emr = load_postgres(folder.folder, postgres)
    reader = emr.connection.to_pyarrow_batches(emr.events)
    next(iter(reader))
    del reader
    assert emr.patients.count().execute() == len(small_rows()["patients"])


def test_the_session_is_the_one_that_was_given(folder, postgres):
    emr = load_postgres(folder.folder, postgres)
    assert emr.connection.con is postgres.con
    assert EMR(emr.connection).connection is emr.connection


def test_a_zone_in_a_parquet_file_is_refused(small_emr):
    path = small_emr.folder / "conditions" / "conditions.parquet"
    table = pq.read_table(path)
    place = table.column_names.index("recorded_at")
    zoned = table["recorded_at"].cast(pa.timestamp("us", tz="UTC"))
    pq.write_table(table.set_column(place, "recorded_at", zoned), path)
    with pytest.raises(LHSError, match="Column recorded_at of .*conditions.parquet holds times with a zone"):
        EMR(small_emr.folder)


def test_a_zone_in_any_of_several_files_is_refused(small_emr):
    """DuckDB takes the types of the first file for all."""
    path = small_emr.folder / "observations" / "second.parquet"
    table = pq.read_table(path)
    zoned = table["time"].cast(pa.timestamp("us", tz="Europe/Berlin"))
    pq.write_table(table.set_column(table.column_names.index("time"), "time", zoned), path)
    with pytest.raises(LHSError, match="second.parquet holds times with a zone"):
        EMR(small_emr.folder)


def test_a_partition_with_a_zone_is_not_written(tmp_path):
    rows = pa.table({"time": pa.array([0], pa.timestamp("us", tz="UTC"))})
    with pytest.raises(LHSError, match="zone"):
        write_partition(tmp_path, "conditions", "one", rows)


def test_the_manifest_is_json_in_one_row(folder, postgres):
    load_postgres(folder.folder, postgres)
    with postgres.con.cursor() as cursor:
        ((said,),) = cursor.execute("SELECT json FROM manifest").fetchall()
    assert json.loads(said)["content_hash"] == folder.manifest["content_hash"]
