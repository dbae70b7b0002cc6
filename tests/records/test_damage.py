"""Damaged exports: each kind of damage is a sentence, or a row in `rejected`; never a traceback, never a loss."""

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.fhir_reader import read_fhir
from lhs_helpers.records.mimic_reader import read_mimic
from lhs_helpers.records.omop_reader import read_omop

from .small_emr import write_small_emr
from .tiny_exports import MIMIC, OMOP, accounted, assert_same, fhir, rejected, write_csv, write_fhir

READ = {"omop": read_omop, "mimic": read_mimic, "fhir": read_fhir}


def export(kind: str, folder: Path) -> Path:
    return write_fhir(folder) if kind == "fhir" else write_csv(folder, OMOP if kind == "omop" else MIMIC)


def read(kind: str, source: Path) -> EMR:
    return accounted(READ[kind](source, source.parent / "emr"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return {kind: READ[kind](export(kind, folder / kind / "source"), folder / kind / "emr") for kind in READ}


# One more row, which can not be used: the column that is named, and all others stay as they were.

FEMALE = "8532,1950,5,5,,8527,0,7"
ROWS = {
    "a person without a number": ("omop", "person", f"x,{FEMALE},eve,F,white", "PERSON_ID"),
    "a person twice": ("omop", "person", f"1,{FEMALE},eve,F,white", "PERSON_ID"),
    "a person without a year of birth": ("omop", "person", "9,8532,,5,5,,,0,7,eve,F,white", "YEAR_OF_BIRTH"),
    "born on 31 February": ("omop", "person", "9,8532,1950,2,31,,,0,7,eve,F,white", "YEAR_OF_BIRTH"),
    "born in the year 9999": ("omop", "person", "9,8532,9999,2,3,,,0,7,eve,F,white", "YEAR_OF_BIRTH"),
    "born in a month of words": ("omop", "person", "9,8532,1950,May,3,,,0,7,eve,F,white", "YEAR_OF_BIRTH"),
    "no sex": ("omop", "person", "9,0,1950,5,5,,,0,7,eve,U,white", "GENDER_CONCEPT_ID"),
    "a death of nobody": ("omop", "death", "99,2018-06-10,", "PERSON_ID"),
    "a second death": ("omop", "death", "1,2018-06-11,", "PERSON_ID"),
    "a death before birth": ("omop", "death", "2,1980-01-01,", "DEATH_DATE"),
    "a death without a date": ("omop", "death", "2,,", "DEATH_DATE"),
    "a period of nobody": ("omop", "observation_period", "9,99,2015-01-01,2016-01-01", "PERSON_ID"),
    "a period that ends before it begins": (
        "omop", "observation_period", "9,2,2016-01-01,2015-01-01", "OBSERVATION_PERIOD_END_DATE"),
    "a visit of nobody": ("omop", "visit_occurrence", "19,99,9202,2016-04-04,,,,,,0", "PERSON_ID"),
    "a visit before birth": ("omop", "visit_occurrence", "19,2,9202,1980-04-04,,,,,,0", "VISIT_START_DATE"),
    "a visit after death": ("omop", "visit_occurrence", "19,1,9202,2019-04-04,,,,,,0", "VISIT_START_DATE"),
    "a visit that ends before it begins": (
        "omop", "visit_occurrence", "19,2,9202,2016-04-04,,2016-04-03,,,,0", "VISIT_END_DATE"),
    "a visit without a kind": ("omop", "visit_occurrence", "19,2,0,2016-04-04,,,,,,0", "VISIT_CONCEPT_ID"),
    "a condition without any code": (
        "omop", "condition_occurrence", "29,1,0,2016-04-04,,,,11,,0", "CONDITION_CONCEPT_ID"),
    "a condition in the visit of another": (
        "omop", "condition_occurrence", "29,1,320128,2016-04-04,,,,13,x,0", "VISIT_OCCURRENCE_ID"),
    "a condition in a visit that is not there": (
        "omop", "condition_occurrence", "29,1,320128,2016-04-04,,,,99,x,0", "VISIT_OCCURRENCE_ID"),
    "a condition on 30 February": (
        "omop", "condition_occurrence", "29,1,320128,2016-02-30,,,,11,x,0", "CONDITION_START_DATE"),
    "a date the other way round": (
        "omop", "condition_occurrence", "29,1,320128,04/04/2016,,,,11,x,0", "CONDITION_START_DATE"),
    "a time that is none": (
        "omop", "condition_occurrence", "29,1,320128,2016-04-04,2016-04-04 25:61:00,,,11,x,0",
        "CONDITION_START_DATETIME"),
    "too few values": ("omop", "condition_occurrence", "29,1,320128", None),
    "too many values": ("omop", "condition_occurrence", "29,1,320128,2016-04-04,,,,11,x,0,1", None),
    "a quote not closed": ("omop", "condition_occurrence", '29,1,320128,2016-04-04,,,,11,"x,0', None),
    "text where a number belongs": (
        "omop", "measurement", "59,1,3004249,2016-04-04,,high,0,8876,mmHg,11,8480-6,0,", "VALUE_AS_NUMBER"),
    "a decimal comma": (
        "omop", "measurement", '59,1,3004249,2016-04-04,,"12,3",0,8876,mmHg,11,8480-6,0,', "VALUE_AS_NUMBER"),
    "an infinite number": (
        "omop", "measurement", "59,1,3004249,2016-04-04,,1e999,0,8876,mmHg,11,8480-6,0,", "VALUE_AS_NUMBER"),
    "a concept without a code": ("omop", "concept", "77,Nothing,Condition,SNOMED,", "CONCEPT_CODE"),
    "an age of words": ("mimic", "hosp/patients", "109,F,old,2150,,", "ANCHOR_AGE"),
    "an age beyond all": ("mimic", "hosp/patients", "109,F,1000,2150,,", "ANCHOR_AGE"),
    "a year beyond all": ("mimic", "hosp/patients", "109,F,50,9999,,", "ANCHOR_YEAR"),
    "an admission of nobody": (
        "mimic", "hosp/admissions", "999,209,2152-03-01 22:00:00,,,URGENT,,", "SUBJECT_ID"),
    "a discharge before admission": (
        "mimic", "hosp/admissions", "102,209,2161-03-01 22:00:00,2161-02-01 22:00:00,,URGENT,,", "DISCHTIME"),
    "a death in an earlier stay": (
        "mimic", "hosp/admissions", "102,209,2161-03-01 22:00:00,,2161-02-01 22:00:00,URGENT,,", "DEATHTIME"),
    "a version of ICD that is none": ("mimic", "hosp/diagnoses_icd", "101,201,2,I639,11", "ICD_VERSION"),
    "a diagnosis without an admission": ("mimic", "hosp/diagnoses_icd", "101,,2,I639,10", "HADM_ID"),
    "a pressure that is one number": (
        "mimic", "hosp/omr", "102,2161-03-01,1,Blood Pressure,120", "RESULT_VALUE"),
    "a weight of words": ("mimic", "hosp/omr", "102,2161-03-01,1,Weight (Lbs),heavy", "RESULT_VALUE"),
    "the same row again": ("mimic", "hosp/omr", "102,2161-03-01,1,Weight (Lbs),180.5", None),
    "a stay of another patient": (
        "mimic", "hosp/labevents", "3,102,201,9,50912,2161-03-02 06:00:00,,1,1,mg/dL", "HADM_ID"),
    "a result without an item": (
        "mimic", "hosp/labevents", "3,101,201,9,,2152-03-02 06:00:00,,1,1,mg/dL", "ITEMID"),
    "a prescription without a start": (
        "mimic", "hosp/prescriptions", "101,201,,2152-03-03 10:00:00,MAIN,Aspirin,0", "STARTTIME"),
}  # fmt: skip


@pytest.mark.parametrize("damage", ROWS)
def test_a_row_that_can_not_be_used_is_rejected_and_the_others_stay(tmp_path, whole, damage):
    kind, file, row, column = ROWS[damage]
    source = export(kind, tmp_path / "source")
    path = source / f"{file}.csv"
    number = path.read_text().count("\n") + 1
    with path.open("a") as opened:
        opened.write(row + "\n")
    emr = read(kind, source)
    assert rejected(emr) == [(path.name, number, column)]
    assert_same(emr, whole[kind])
    assert emr.check().empty


def of(kind: str, **changed: object) -> dict:
    """The first resource of a type, changed."""
    first = next(resource for resource in fhir() if resource["resourceType"] == kind)
    changed = {name.rstrip("_"): value for name, value in changed.items()}
    return {name: value for name, value in {**first, "id": "new", **changed}.items() if value is not None}


RESOURCES = {
    "a patient without birth date": (of("Patient", birthDate=None), "BIRTH"),
    "a patient of no sex": (of("Patient", gender="other"), "SEX"),
    "a patient without identifier": (of("Patient", id=""), "ID"),
    "a patient twice": (of("Patient", id="ann"), "ID"),
    "a death before the birth": (of("Patient", deceasedDateTime="1900-01-01"), "DEATHDATE"),
    "an encounter of nobody": (of("Encounter", subject={"reference": "Patient/eve"}), "PATIENT"),
    "an encounter that is its own subject": (of("Encounter", subject={"reference": "Encounter/new"}), "PATIENT"),
    "an encounter without a class": (of("Encounter", class_={}), "CLASS"),
    "an encounter that was cancelled": (of("Encounter", status="cancelled"), "STATUS"),
    "an encounter without a period": (of("Encounter", period=None), "START"),
    "an observation without a value": (of("Observation", component=None), "TEXT"),
    "an observation of words": (of("Observation", code=None, component=None, valueString="x"), "CODE"),
    "a value of words": (of("Observation", valueQuantity={"value": "12,3"}), "NUMBER"),
    "a value that is none": (of("Observation", valueQuantity={"value": float("nan")}), "NUMBER"),
    "an encounter that is not there": (of("Observation", encounter={"reference": "Encounter/x"}), "ENCOUNTER"),
    "the encounter of another": (of("Observation", encounter={"reference": "Encounter/b1"}), "ENCOUNTER"),
    "a condition that was refuted": (
        of("Condition", verificationStatus={"coding": [{"code": "refuted"}]}), "STATUS"),
    "a condition without a time": (of("Condition", onsetDateTime=None, recordedDate=None), "START"),
    "a condition after death": (of("Condition", onsetDateTime="2019-01-01", abatementDateTime=None), "START"),
    "an end before the beginning": (of("Condition", abatementDateTime="2017-01-01"), "STOP"),
    "a time of words": (of("Condition", onsetDateTime="last summer"), "START"),
    "a time in the year 9999": (of("Condition", onsetDateTime="9999-12-31"), "START"),
    "a medication that is not there": (
        of("MedicationRequest", medicationReference={"reference": "Medication/x"}), "MEDICATION"),
    "a medication only planned": (of("MedicationRequest", intent="plan"), "INTENT"),
    "a procedure not done": (of("Procedure", status="not-done"), "STATUS"),
    "a vaccination not done": (of("Immunization", status="not-done"), "STATUS"),
    "a subject that is a list": (of("Procedure", subject=["Patient/ann"]), "PATIENT"),
}  # fmt: skip


@pytest.mark.parametrize("damage", RESOURCES)
def test_a_resource_that_can_not_be_used_is_rejected_and_the_others_stay(tmp_path, whole, damage):
    resource, column = RESOURCES[damage]
    source = export("fhir", tmp_path / "source")
    path = source / f"{resource['resourceType']}.ndjson"
    number = path.read_text().count("\n") + 1
    parts = len(resource.get("component", []))
    with path.open("a") as file:
        file.write(json.dumps(resource) + "\n")
    emr = read("fhir", source)
    assert rejected(emr)[0] == (path.name, number, column)
    # What is wrong with an observation is wrong with its parts, unless it was the value.
    assert len(rejected(emr)) in (1, 1 + parts)
    if parts == 0 or len(rejected(emr)) == 1 + parts:
        assert_same(emr, whole["fhir"])
    assert emr.check().empty


# Exports that can not be read: one sentence, and nothing that looks like a record.


def first_file(source: Path, name: str) -> Path:
    return next(iter(sorted(source.rglob(f"{name}.*"))))


def cut_gzip(source: Path, name: str) -> None:
    path = first_file(source, name)
    path.write_bytes(gzip.compress(path.read_bytes() + random.Random(1).randbytes(5000).hex().encode())[:-9])


def a_folder_for_a_file(source: Path, name: str) -> None:
    path = first_file(source, name)
    path.unlink()
    path.mkdir()


def gone(source: Path, name: str) -> None:
    first_file(source, name).unlink()


def empty(source: Path, name: str) -> None:
    first_file(source, name).write_bytes(b"")


def without_rows(source: Path, name: str) -> None:
    path = first_file(source, name)
    path.write_text(path.read_text().splitlines()[0] + "\n")


def wrong_column(source: Path, name: str) -> None:
    path = first_file(source, name)
    path.write_text("x" + path.read_text())


def utf_16(source: Path, name: str) -> None:
    path = first_file(source, name)
    path.write_text(path.read_text(), encoding="utf-16")


def no_parquet(source: Path, name: str) -> None:
    path = first_file(source, name)
    path.rename(path.with_suffix(".parquet"))


def a_column_that_is_no_utf_8(source: Path, name: str) -> None:
    path = first_file(source, name)
    table = csv.read_csv(path)
    path.unlink()
    parquet = path.with_name(f"{name}.parquet")
    pq.write_table(table, parquet, store_schema=False)
    parquet.write_bytes(parquet.read_bytes().replace(b"value_as_number", b"value\xffas_number"))


def twice(source: Path, name: str) -> None:
    path = first_file(source, name)
    path.with_name(path.name.upper() + ".GZ").write_bytes(b"")


UNREADABLE: list[tuple[str, Callable[[Path, str], None], str, str]] = [
    ("omop", cut_gzip, "measurement", "can not be read"),
    ("omop", a_folder_for_a_file, "measurement", "is a folder where a file is expected"),
    ("omop", gone, "person", "holds no table person"),
    ("omop", empty, "person", "has no column PERSON_ID"),
    ("omop", without_rows, "person", "No patient of the export can be used"),
    ("omop", wrong_column, "person", "has no column PERSON_ID"),
    ("omop", utf_16, "measurement", "UTF-16"),
    ("omop", no_parquet, "measurement", "can not be read as Parquet"),
    ("omop", a_column_that_is_no_utf_8, "measurement", "can not be read as Parquet"),
    ("omop", twice, "measurement", "holds both"),
    ("mimic", cut_gzip, "labevents", "can not be read"),
    ("mimic", a_folder_for_a_file, "labevents", "is a folder where a file is expected"),
    ("mimic", without_rows, "patients", "No patient of the export can be used"),
    ("mimic", wrong_column, "admissions", "has no column"),
    ("fhir", cut_gzip, "Observation", "can not be read to its end"),
    ("fhir", a_folder_for_a_file, "Observation", "is a folder where a file is expected"),
    ("fhir", gone, "Patient", "no resource of type Patient"),
    ("fhir", empty, "Patient", "no resource of type Patient"),
    ("fhir", utf_16, "Patient", "no resource of type Patient"),
]


@pytest.mark.parametrize(
    ("kind", "damage", "name", "says"), UNREADABLE, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_an_export_that_can_not_be_read_gets_a_sentence_and_leaves_no_record(
    tmp_path, kind, damage, name, says
):
    source = export(kind, tmp_path / "source")
    damage(source, name)
    with pytest.raises(LHSError, match=says) as error:
        READ[kind](source, tmp_path / "emr")
    assert "\n" not in str(error.value)
    with pytest.raises(LHSError):
        EMR(tmp_path / "emr")


@pytest.mark.parametrize("kind", READ)
def test_an_export_that_is_not_there_gets_a_sentence(tmp_path, kind):
    with pytest.raises(LHSError, match="does not exist"):
        READ[kind](tmp_path / "nowhere", tmp_path / "emr")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LHSError, match="holds no"):
        READ[kind](tmp_path / "empty", tmp_path / "emr")
    with pytest.raises(LHSError, match="another record"):
        READ[kind](export(kind, tmp_path / "source"), write_small_emr(tmp_path / "small"))


@pytest.mark.parametrize("kind", ["omop", "mimic"])
@pytest.mark.parametrize(
    "dress",
    [
        pytest.param(lambda text: b"\xef\xbb\xbf" + text.encode(), id="byte-order mark"),
        pytest.param(lambda text: text.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(lambda text: text.rstrip("\n").encode(), id="no line end at the end"),
        pytest.param(lambda text: text.replace(", ", "; ").replace(",", "|").encode(), id="other delimiter"),
        pytest.param(lambda text: text.replace("Practice", "Zoë").encode("latin-1"), id="Latin-1"),
    ],
)
def test_the_dress_of_a_file_does_not_matter(tmp_path, whole, kind, dress):
    source = export(kind, tmp_path / "source")
    for path in source.rglob("*.csv"):
        path.write_bytes(dress(path.read_text()))
    emr = read(kind, source)
    assert rejected(emr) == []
    for table in ("encounters", "observations", "conditions"):
        assert getattr(emr, table).count().execute() == getattr(whole[kind], table).count().execute()


@pytest.mark.parametrize("kind", ["omop", "mimic"])
def test_columns_that_nobody_asks_for_do_not_matter_whatever_their_name(tmp_path, whole, kind):
    source = export(kind, tmp_path / "source")
    for path in source.rglob("*.csv"):
        head, *rows = path.read_text().splitlines()
        more = [f"{head},line,whole,a,fault,file", *(f"{row},{i},x,y,z,w" for i, row in enumerate(rows))]
        path.write_text("\n".join(more) + "\n")
    assert_same(read(kind, source), whole[kind])


@pytest.mark.parametrize("kind", READ)
def test_a_second_run_completes_what_the_first_left(tmp_path, whole, kind):
    name = {"omop": "measurement", "mimic": "labevents", "fhir": "Observation"}[kind]
    source = export(kind, tmp_path / "source")
    path = first_file(source, name)
    text = path.read_bytes()
    cut_gzip(source, name)
    with pytest.raises(LHSError, match="can not be read"):
        READ[kind](source, tmp_path / "emr")
    path.write_bytes(text)
    assert_same(read(kind, source), whole[kind])
