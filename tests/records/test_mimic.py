"""MIMIC-IV: dates stay shifted, ages are right, and nothing is known before it was."""

import gzip
import os

import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.records.mimic_reader import read_mimic

from .tiny_exports import MIMIC, SAMPLES, accounted, assert_same, notes, rejected, write_csv

SAMPLE = SAMPLES / "mimic_iv_demo"


@pytest.fixture
def source(tmp_path):
    return write_csv(tmp_path / "mimic", MIMIC)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return accounted(read_mimic(write_csv(folder / "mimic", MIMIC), folder / "emr"))


def test_an_export_becomes_a_sound_record(whole):
    assert whole.check().empty and rejected(whole) == []
    people = whole.people.execute().set_index("patient_id")
    assert people.loc[101, ["sex", "race", "insurance"]].to_list() == ["female", "white", "medicare"]
    assert people.loc[101].entered == pd.Timestamp("2152-03-01 22:00")
    assert people.loc[101].death_time == pd.Timestamp("2153-06-10 07:45")
    assert "Dates are shifted" in notes(whole)


def test_ages_in_whole_years_are_those_of_the_source(whole):
    ages = whole.sql("""SELECT patient_id, year(e.time) - year(birth_date) AS age, year(e.time) AS year
        FROM encounters AS e JOIN people USING (patient_id) ORDER BY e.time""")
    # anchor_age at anchor_year, and a year more for every year
    assert ages.age.to_list() == [70 + 2, 70 + 3, 70 + 3, 30 + 1]


def test_diagnoses_are_of_the_admission_and_known_at_discharge(whole):
    rows = whole.sql("SELECT code, time, recorded_at FROM conditions ORDER BY time")
    assert rows.code.to_list() == ["ICD10CM:I63.9", "ICD9CM:401.9", "ICD9CM:E812.0"]
    assert rows.time[0] == pd.Timestamp("2152-03-01 22:00")
    assert rows.recorded_at[0] == pd.Timestamp("2152-03-03 10:00")
    concepts = whole.concepts.execute().set_index("code")
    assert concepts.loc["ICD10CM:I63.9"].description == "Cerebral infarction, unspecified"
    assert set(whole.procedures.code.execute()) == {"ICD9Proc:87.03", "ICD10PCS:02H633Z"}


def test_results_are_known_when_they_were_stored(whole):
    rows = whole.sql("SELECT * FROM observations WHERE code = 'MIMIC:50912' ORDER BY time")
    assert rows.recorded_at[0] == pd.Timestamp("2152-03-02 07:10")
    assert rows.value[0] == 1.1 and rows.text[1] == "___"
    assert whole.concepts.execute().set_index("code").loc["MIMIC:50912"].description == "Creatinine"


def test_a_blood_pressure_is_two_observations(whole):
    rows = whole.sql("SELECT code, value, text FROM observations WHERE patient_id = 102 ORDER BY code")
    assert rows.code.to_list() == ["LOINC:29463-7", "LOINC:8462-4", "LOINC:8480-6", "MIMIC:eGFR"]
    assert rows.value.to_list()[:3] == [180.5, 80.0, 120.0] and rows.text[3] == ">60"


def test_an_intensive_care_stay_is_an_encounter_within_the_admission(whole):
    stays = whole.encounters.order_by("encounter_id").execute()
    assert stays.encounter_id.to_list() == [201, 202, 203, 301]
    assert stays.code.to_list()[-1] == "MIMIC:Medical ICU"
    assert stays["class"].to_list() == ["inpatient", "inpatient", "emergency", "inpatient"]


def test_a_prescription_ends_with_the_death(whole):
    stops = whole.sql("SELECT code, time FROM medications WHERE status = 'stop' ORDER BY time")
    assert stops.code.to_list() == ["NDC:00904404073", "MIMIC:Insulin"]
    assert stops.time[1] == pd.Timestamp("2153-06-10 07:45")


def test_gzip_and_one_folder_for_all_do_not_matter(source, whole):
    for path in list(source.glob("*/*.csv")):
        (source / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert_same(accounted(read_mimic(source, source.parent / "emr")), whole)


def test_a_dictionary_that_has_a_code_twice_changes_nothing(source, whole):
    with (source / "hosp/d_labitems.csv").open("a") as file:
        file.write("50912,Other,Blood,Chemistry\n")
    emr = accounted(read_mimic(source, source.parent / "emr"))
    assert_same(emr, whole)
    assert rejected(emr) == [("d_labitems.csv", 3, "ITEMID")]


def test_loinc_is_taken_where_the_dictionary_has_it(source):
    path = source / "hosp/d_labitems.csv"
    path.write_text("itemid,label,loinc_code\n50912,Creatinine,2160-0\n")
    emr = read_mimic(source, source.parent / "emr")
    assert "LOINC:2160-0" in set(emr.observations.code.execute()) and emr.check().empty


@pytest.mark.parametrize("name", ["patients", "admissions"])
def test_without_patients_or_admissions_there_is_no_record(source, name):
    (source / f"hosp/{name}.csv").unlink()
    with pytest.raises(LHSError, match=f"no {name}.csv"):
        read_mimic(source, source.parent / "emr")


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    if not SAMPLE.is_dir():
        pytest.skip(f"the sample of a real export is not at {os.path.relpath(SAMPLE)}")
    return accounted(read_mimic(SAMPLE, tmp_path_factory.mktemp("sample")))


def test_every_row_of_the_sample_is_accounted_for(sample):
    assert sample.check().empty
    read = sample.manifest["parameters"]["rows"]
    for name, count in read.items():
        (path,) = SAMPLE.glob(f"*/{name}")
        assert len(pd.read_csv(path, dtype=str)) == count["in"]
    drugs = pd.read_csv(SAMPLE / "hosp/prescriptions.csv", parse_dates=["starttime", "stoptime"])
    backwards = drugs.index[drugs.stoptime < drugs.starttime] + 2  # as a spreadsheet numbers rows
    assert [row for _, row, _ in rejected(sample)] == backwards.to_list()
    pressures = pd.read_csv(SAMPLE / "hosp/omr.csv").result_name.eq("Blood Pressure").sum()
    assert sample.observations.count().execute() == read["omr.csv"]["kept"] + pressures


def test_a_task_runs_on_the_sample(sample):
    from lhs_helpers.learning import features, vocabulary
    from lhs_helpers.learning.cohort import cohort
    from lhs_helpers.learning.task import Task

    task = Task("Death", ("death",), window_days=36_500, target_kind="death", lookback_days=36_500)
    people = cohort(sample, task, "2137-01-01")
    matrix = features(sample, people, task, vocabulary(sample, people, task))
    assert len(matrix) == len(people) > 3 and people.label.any()
