"""What we write as Synthea's CSV, we read; and a real export, where it is at hand."""

import os

import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital
from lhs_helpers.records.concepts import concept_set
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.synthea import read_synthea, write_synthea

from .small_emr import write_small_emr
from .tiny_exports import SAMPLES, TABLES

SAMPLE = SAMPLES / "synthea_csv"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    living = Hospital(
        tmp_path_factory.mktemp("hospital"), patients=300, seed=5, start="2014-01-01", workers=1
    )
    return living.advance("2016-01-01")


# A person and a visit are known by what they are, as identifiers differ; people keep their order.
WRITTEN = """
WITH person AS (SELECT patient_id, row_number() OVER (ORDER BY patient_id) AS person
    FROM (SELECT DISTINCT patient_id FROM patients)),
visit AS (SELECT patient_id, encounter_id, time AS visit, stop FROM encounters)
SELECT * EXCLUDE (patient_id, encounter_id) FROM ({rows}) JOIN person USING (patient_id) ORDER BY ALL
"""
WITH_VISIT = """SELECT {table}.* REPLACE ({time} AS time, greatest({time}, stop) AS recorded_at), visit
    FROM {table} LEFT JOIN visit USING (patient_id, encounter_id)"""
# A condition has a day, and the time of its visit when that is on the same day.
DAY = "CASE WHEN visit::DATE = time::DATE THEN visit ELSE time::DATE::TIMESTAMP END"


def written(emr: EMR, table: str, time: str = "time") -> pd.DataFrame:
    """The rows of a table as far as Synthea's format can say them."""
    rows = "SELECT * FROM encounters" if table == "encounters" else WITH_VISIT.format(table=table, time=time)
    return emr.sql(WRITTEN.format(rows=rows))


@pytest.mark.parametrize("columns", ["2022", "current"])
def test_a_hospital_written_and_read_is_the_same_hospital(hospital, tmp_path, columns):
    counts = write_synthea(hospital, tmp_path / "csv", columns)
    emr = read_synthea(tmp_path / "csv", tmp_path / "emr")
    assert emr.check().empty and emr.rejected.count().execute() == 0
    assert counts["observations.csv"] == hospital.observations.count().execute()
    for table in TABLES[1:]:
        time = DAY if table == "conditions" else "time"
        pd.testing.assert_frame_equal(written(emr, table), written(hospital, table, time), check_dtype=False)
    was, now = (record.people.order_by("patient_id").execute() for record in (hospital, emr))
    for column in ("birth_date", "sex", "race", "ethnicity"):
        assert now[column].to_list() == was[column].to_list()
    assert (now.death_time.dt.date == was.death_time.dt.date).sum() == was.death_time.notna().sum()
    concepts = hospital.concepts.execute().set_index("code")
    for code, concept in emr.concepts.execute().set_index("code").iterrows():
        assert concept.description == concepts.loc[code].description
        assert concept.kind != "observation" or concept.fillna("").unit == concepts.fillna("").loc[code].unit


def test_ends_deaths_and_texts_are_written(small_emr, tmp_path):
    write_synthea(small_emr, tmp_path / "csv")
    emr = read_synthea(tmp_path / "csv", tmp_path / "emr")
    assert emr.check().empty
    for table in ("encounters", "observations", "medications", "procedures", "immunizations"):
        pd.testing.assert_frame_equal(written(emr, table), written(small_emr, table), check_dtype=False)
    now, was = written(emr, "conditions"), written(small_emr, "conditions", DAY)
    pd.testing.assert_frame_equal(now, was, check_dtype=False)
    assert emr.people.death_time.execute().dropna().to_list() == [pd.Timestamp("2018-06-10 23:59:59")]


def test_a_record_is_written_as_it_was_known(small_emr, tmp_path):
    write_synthea(small_emr.as_of("2018-01-01"), tmp_path / "csv")
    text = (tmp_path / "csv/patients.csv").read_text()
    assert "2018-06-10" not in text and len(text.splitlines()) == 1 + 5


@pytest.mark.parametrize("columns", ["2022", "current"])
def test_headers_are_those_of_synthea(small_emr, tmp_path, columns):
    write_synthea(small_emr, tmp_path / "csv", columns)
    headers = {path.stem: path.read_text().split("\n")[0] for path in (tmp_path / "csv").iterdir()}
    system = "SYSTEM," if columns == "current" else ""
    assert headers["conditions"] == f"START,STOP,PATIENT,ENCOUNTER,{system}CODE,DESCRIPTION"
    assert headers["observations"] == "DATE,PATIENT,ENCOUNTER,CATEGORY,CODE,DESCRIPTION,VALUE,UNITS,TYPE"
    assert headers["patients"].startswith("Id,BIRTHDATE,DEATHDATE,SSN,DRIVERS,PASSPORT,PREFIX,FIRST")
    assert ("MIDDLE" in headers["patients"]) == (columns == "current")


def test_identifiers_depend_on_nothing_but_the_record(small_emr, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    write_synthea(small_emr, first)
    write_synthea(small_emr, second)
    assert all(path.read_bytes() == (second / path.name).read_bytes() for path in first.iterdir())


def test_an_end_without_a_beginning_is_counted_on_the_screen(tmp_path, capsys):
    end = {"patient_id": 1, "time": pd.Timestamp("2017-01-01"), "recorded_at": pd.Timestamp("2017-01-01")}
    extra = {"conditions": [end | {"code": "SNOMED:44054006", "status": "resolved"}]}
    write_synthea(EMR(write_small_emr(tmp_path / "emr", extra)), tmp_path / "csv")
    assert "conditions.csv: 1 ends without a beginning" in capsys.readouterr().out


def test_what_can_not_be_written_gets_a_sentence(small_emr, tmp_path):
    with pytest.raises(LHSError, match="expected is '2022' or 'current'"):
        write_synthea(small_emr, tmp_path / "csv", columns="2019")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("")
    with pytest.raises(LHSError, match="is not empty"):
        write_synthea(small_emr, tmp_path / "full")
    with pytest.raises(LHSError, match="could not be written"):
        write_synthea(small_emr, tmp_path / "full/file")


# A real export, where it is at hand


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    if not SAMPLE.is_dir():
        pytest.skip(f"the sample of a real export is not at {os.path.relpath(SAMPLE)}")
    return read_synthea(SAMPLE, tmp_path_factory.mktemp("sample"))


def test_every_line_of_the_sample_is_accounted_for(sample):
    rows = sample.manifest["parameters"]["rows"]
    for name, count in rows.items():
        lines = (SAMPLE / name).read_bytes().count(b"\n") - 1
        assert lines == count["in"] == count["kept"] + count["rejected"]
    assert sample.people.count().execute() == rows["patients.csv"]["kept"]
    kept = {table: rows[f"{table}.csv"]["kept"] for table in TABLES[1:]}
    first = {"conditions": "active", "medications": "start"}
    for table, count in kept.items():
        where = f"WHERE status = '{first[table]}'" if table in first else ""
        assert sample.sql(f"SELECT count(*) AS n FROM {table} {where}").n[0] == count


def test_a_task_runs_on_the_sample(sample):
    from lhs_helpers.learning import IndexRule, Task, cohort, features, vocabulary

    index = IndexRule.visit("wellness", "ambulatory", "emergency", "inpatient")
    task = Task("Acute bronchitis", ("SNOMED:10509002",), 3650, index=index)
    people = cohort(sample, task, ("1990-01-01", "2015-01-01"))
    matrix = features(sample, people, task, vocabulary(sample, people, task))
    assert len(matrix) == len(people) > 15 and people.label.any()
    assert concept_set("hypertension", sample) == ("SNOMED:59621000",)


def test_the_sample_is_sound_and_its_rejected_rows_are_understood(sample):
    assert sample.check().empty
    found = sample.sql("SELECT file, reason, count(*) AS n FROM rejected GROUP BY ALL ORDER BY ALL")
    copies = (SAMPLE / "procedures.csv").read_text().splitlines()
    assert found.to_numpy().tolist() == [
        ["encounters.csv", "is after the patient's death", 4],
        ["medications.csv", "is before START", 3],
        ["observations.csv", "is no encounter of this patient kept from encounters.csv", 4],
        ["procedures.csv", "the same row stands earlier in the file", len(copies) - len(set(copies))],
    ]
