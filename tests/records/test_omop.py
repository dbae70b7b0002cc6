"""The OMOP Common Data Model, 5.3 and 5.4: CSV, Parquet or a database, the same record."""

import gzip
import os

import ibis
import pandas as pd
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital
from lhs_helpers.records.omop_reader import read_omop
from lhs_helpers.records.omop_writer import write_omop

from .tiny_exports import OMOP, SAMPLES, accounted, assert_same, notes, rejected, write_csv

SAMPLE = SAMPLES / "omop_5_4"


@pytest.fixture
def source(tmp_path):
    return write_csv(tmp_path / "omop", OMOP)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return accounted(read_omop(write_csv(folder / "omop", OMOP), folder / "emr"))


def test_a_database_becomes_a_sound_record(whole):
    assert whole.check().empty and rejected(whole) == []
    people = whole.people.execute().set_index("source_id")
    assert people.loc["ann", ["sex", "race", "ethnicity", "site"]].to_list() == [
        "female",
        "white",
        "not hispanic",
        "Practice",
    ]
    assert people.loc["ann"].birth_date == pd.Timestamp("1950-05-05")
    assert people.loc["ann"].death_time == pd.Timestamp("2018-06-10 23:59:59")
    assert people.loc["bob"].race == "black or african american" and people.loc["bob"].patient_id == 2


def test_people_enter_and_leave_with_their_observation_periods(whole):
    bob = whole.sql("SELECT status, time FROM patients WHERE patient_id = 2 ORDER BY time")
    assert bob.status.to_list() == [
        "registered",
        "left",
        "registered",
    ]  # the export ends with the last period
    assert bob.time[1] == pd.Timestamp("2017-12-31 23:59:59")
    assert whole.sql("SELECT status FROM patients WHERE patient_id = 1").status.to_list() == [
        "registered",
        "died",
    ]


def test_visits_have_our_classes_and_their_own_numbers(whole):
    visits = whole.encounters.order_by("encounter_id").execute()
    assert visits.encounter_id.to_list() == [11, 12, 13]
    assert visits["class"].to_list() == ["ambulatory", "inpatient", "emergency"]
    assert visits.code.to_list() == ["Visit:OP", "Visit:IP", "Visit:ER"]


def test_codes_come_from_the_vocabulary_and_what_is_not_there_is_said(whole):
    assert set(whole.conditions.code.execute()) == {"SNOMED:59621000", "SNOMED:62914000", "Source:E11"}
    assert "OMOP:4214956" in set(whole.observations.code.execute())
    concepts = whole.concepts.execute().set_index("code")
    assert concepts.loc["SNOMED:59621000"].description == "Essential hypertension"
    assert concepts.loc["LOINC:8480-6"].unit == "mm[Hg]" and concepts.loc["CVX:140"].kind == "immunization"
    assert "1 codes are concepts that the export does not describe" in notes(whole)
    assert "1 codes were never mapped" in notes(whole)


def test_a_day_without_a_time_is_that_of_its_visit(whole):
    active = whole.sql("SELECT time, recorded_at FROM conditions WHERE code = 'SNOMED:59621000'")
    assert active.to_numpy().tolist() == [
        [pd.Timestamp("2016-04-04 09:00"), pd.Timestamp("2016-04-04 09:30")]
    ]


def test_a_supply_that_outlasts_its_taker_ends_with_the_death(whole):
    stops = whole.sql("SELECT time FROM medications WHERE patient_id = 1 AND status = 'stop'")
    assert stops.time.to_list() == [pd.Timestamp("2018-06-10 23:59:59")]
    assert whole.medications.filter(lambda t: t.patient_id == 2).count().execute() == 2
    assert whole.immunizations.code.execute().to_list() == ["CVX:140"]


def test_values_are_numbers_concepts_texts_or_only_recorded(whole):
    rows = whole.sql("SELECT * FROM observations ORDER BY patient_id, time, code")
    assert rows.value.dropna().to_list() == [162.0, 118.0]
    assert set(rows.text.dropna()) == {"Positive", "Never smoker", "recorded"}
    assert rows.encounter_id.to_list() == [11, 13, 13, 13, 13]  # 13.0 is 13


def test_without_a_vocabulary_concepts_keep_their_numbers(source):
    (source / "concept.csv").unlink()
    emr = accounted(read_omop(source, source.parent / "emr"))
    assert emr.check().empty
    assert "OMOP:320128" in set(emr.conditions.code.execute())
    assert "Not in the export: concept." in notes(emr)
    assert set(emr.observations.unit.execute().dropna()) == {"mmHg"}


def test_parquet_gzip_and_letter_case_do_not_matter(source, whole):
    (source / "person.csv").rename(source / "PERSON.CSV")
    gz = source / "Measurement.csv.gz"
    gz.write_bytes(gzip.compress((source / "measurement.csv").read_bytes()))
    (source / "measurement.csv").unlink()
    for name in ("visit_occurrence", "condition_occurrence", "death"):
        table = pacsv.read_csv(source / f"{name}.csv")
        table = table.rename_columns([column.upper() for column in table.column_names])
        pq.write_table(table, source / f"{name.upper()}.parquet")
        (source / f"{name}.csv").unlink()
    assert_same(accounted(read_omop(source, source.parent / "emr")), whole)


def test_a_database_connection_is_read_as_files_are(source, whole, tmp_path):
    connection = ibis.duckdb.connect()
    for name in OMOP:
        connection.raw_sql(f"CREATE TABLE {name} AS FROM read_csv('{source / name}.csv')")
    assert_same(accounted(read_omop(connection, tmp_path / "emr")), whole)
    with pytest.raises(LHSError, match="no table person"):
        read_omop(ibis.duckdb.connect(), tmp_path / "other")


def test_a_vocabulary_from_athena_has_tabs_and_loose_quotation_marks(source, whole):
    text = OMOP["concept"].replace('"influenza, seasonal"', '"influenza" seasonal').replace(",", "\t")
    (source / "concept.csv").write_text(text)
    emr = accounted(read_omop(source, source.parent / "emr"))
    assert_same(emr, whole)
    assert '"influenza" seasonal' in set(emr.concepts.description.execute())


def test_rows_twice_are_rejected_by_their_identifier(source, whole):
    for name in OMOP:
        with (source / f"{name}.csv").open("a") as file:
            file.write(OMOP[name].split("\n", 1)[1])
    emr = accounted(read_omop(source, source.parent / "emr"))
    assert_same(emr, whole)
    assert len(rejected(emr)) == sum(text.count("\n") - 1 for text in OMOP.values())


def test_a_kind_of_visit_that_is_not_known_is_counted(source):
    path = source / "visit_occurrence.csv"
    path.write_text(path.read_text().replace(",9203,", ",999,"))
    emr = read_omop(source, source.parent / "emr")
    assert "1 visits are of a kind that is not known here" in notes(emr)
    assert emr.check().empty


def test_a_visit_that_ends_on_its_day_does_not_end_before_it_starts(source):
    """Found by tools/fuzz.py: the end of a visit was midnight of the day on which it starts at nine."""
    path = source / "visit_occurrence.csv"
    path.write_text(path.read_text().replace("2016-04-04 09:30:00", ""))
    emr = accounted(read_omop(source, source.parent / "emr"))
    assert emr.check().empty and rejected(emr) == []
    visit = emr.sql("SELECT time, stop FROM encounters WHERE encounter_id = 11").iloc[0]
    assert visit.time == visit.stop == pd.Timestamp("2016-04-04 09:00")


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    if not SAMPLE.is_dir():
        pytest.skip(f"the sample of a real export is not at {os.path.relpath(SAMPLE)}")
    return accounted(read_omop(SAMPLE, tmp_path_factory.mktemp("sample")))


def test_every_row_of_the_sample_is_accounted_for(sample):
    assert sample.check().empty
    for name, count in sample.manifest["parameters"]["rows"].items():
        assert len(pd.read_csv(SAMPLE / name, dtype=str)) == count["in"] == count["kept"]
    rows = sample.manifest["parameters"]["rows"]
    observed = rows["MEASUREMENT.csv"]["kept"] + rows["OBSERVATION.csv"]["kept"]
    assert sample.observations.count().execute() == observed
    assert sample.encounters.count().execute() == rows["VISIT_OCCURRENCE.csv"]["kept"]
    drugs = sample.medications.filter(lambda t: t.status == "start").count().execute()
    assert drugs + sample.immunizations.count().execute() == rows["DRUG_EXPOSURE.csv"]["kept"]


def test_a_task_runs_on_the_sample(sample):
    from lhs_helpers.learning import features, vocabulary
    from lhs_helpers.learning.cohort import cohort
    from lhs_helpers.learning.task import Task

    task = Task("Acute bronchitis", ("SNOMED:10509002",), window_days=1826, min_age=0)
    people = cohort(sample, task, "2010-01-01")
    columns = vocabulary(sample, people, task)
    matrix = features(sample, people, task, columns)
    assert len(matrix) == len(people) > 5 and people.label.any()


# What we write

# The times that the model can tell: midnight is the start of the visit, and what a visit holds is known at its end.
TOLD = """WITH visit AS (SELECT encounter_id, time AS visit, stop FROM encounters),
row AS (SELECT * FROM {table}),
told AS (SELECT row.* REPLACE (CASE WHEN time = time::DATE AND visit::DATE = time::DATE THEN visit ELSE time END
    AS time), stop FROM row LEFT JOIN visit USING (encounter_id))
SELECT * EXCLUDE (stop) REPLACE (greatest(time, stop) AS recorded_at) FROM told WHERE {where} ORDER BY ALL"""


def told(emr, table: str) -> pd.DataFrame:
    """The rows of a table as far as OMOP can say them; ends belong to no visit."""
    if table == "encounters":
        return emr.sql("SELECT * EXCLUDE (reason_code, recorded_at) FROM encounters ORDER BY encounter_id")
    ends = {"conditions": "status = 'active'", "medications": "status = 'start'"}
    rows = emr.sql(TOLD.format(table=table, where=ends.get(table, "true")))
    return rows.drop(columns="reason_code", errors="ignore")


def ends(emr, table: str) -> pd.DataFrame:
    return emr.sql(f"""SELECT patient_id, time, code FROM {table} WHERE status IN ('resolved', 'stop')
        ORDER BY ALL""")


def assert_came_back(was, now) -> None:
    assert now.check().empty and now.rejected.count().execute() == 0
    for table in ("encounters", "conditions", "observations", "medications", "procedures", "immunizations"):
        pd.testing.assert_frame_equal(told(now, table), told(was, table), check_dtype=False)
    for table in ("conditions", "medications"):
        pd.testing.assert_frame_equal(ends(now, table), ends(was, table))
    columns = ["patient_id", "source_id", "birth_date", "sex", "race", "ethnicity", "site", "death_time"]
    people = [emr.people.order_by("patient_id").execute() for emr in (was, now)]
    pd.testing.assert_frame_equal(people[1][columns], people[0][columns])
    for column in ("entered", "left_time"):
        assert people[1][column].dt.date.equals(people[0][column].dt.date)


def test_a_record_written_and_read_is_the_same_record(small_emr, tmp_path):
    rows = write_omop(small_emr, tmp_path / "omop")
    assert rows["measurement.csv"] == 4 and rows["observation_period.csv"] == 7
    assert_came_back(small_emr, accounted(read_omop(tmp_path / "omop", tmp_path / "back")))


def test_a_hospital_written_and_read_is_the_same_hospital(tmp_path):
    living = Hospital(tmp_path / "hospital", patients=300, seed=5, start="2014-01-01", workers=1)
    hospital = living.advance("2016-01-01")
    write_omop(hospital, tmp_path / "omop")
    assert_came_back(hospital, accounted(read_omop(tmp_path / "omop", tmp_path / "back")))


def test_a_record_is_written_as_it_was_known(small_emr, tmp_path):
    write_omop(small_emr.as_of("2018-01-01"), tmp_path / "omop")
    assert (tmp_path / "omop/death.csv").read_text().count("\n") == 1
    assert "2018-01-01" in (tmp_path / "omop/observation_period.csv").read_text()


def test_another_folder_is_not_written_over(small_emr, source):
    with pytest.raises(LHSError, match="is not empty"):
        write_omop(small_emr, source)
