"""Synthea exports, whatever their dress: what is in them becomes a record, what is not is named."""

import csv
import gzip

import pandas as pd
import pytest

from lhs_helpers.records.synthea import read_synthea

from .synthea_export import append, assert_same, change, export, notes, read, rejected
from .tiny_exports import SYNTHEA


@pytest.fixture
def source(tmp_path):
    """The export as a folder of files, for a test to damage."""
    return export(tmp_path / "export")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The record of the undamaged export."""
    folder = tmp_path_factory.mktemp("whole")
    return read_synthea(export(folder / "export"), folder / "emr")


# What an export becomes


def test_an_export_becomes_a_sound_record(source):
    emr = read(source)
    assert emr.check().empty and rejected(emr) == []
    assert emr.period == (pd.Timestamp("2016-04-04"), pd.Timestamp("2018-12-02"))
    people = emr.people.execute().set_index("source_id")
    assert people.loc["ann"].sex == "female" and people.loc["ann"].ethnicity == "not hispanic"
    assert people.loc["ann"].entered == pd.Timestamp("2016-04-04 09:00")
    assert people.loc["ann"].death_time == pd.Timestamp("2018-06-10 23:59:59")
    assert pd.isna(people.loc["bob"].death_time)


def test_encounters_have_our_classes_and_the_name_of_their_site(source):
    encounters = read(source).encounters.execute()
    assert encounters["class"].to_list() == ["wellness", "inpatient", "ambulatory"]
    assert set(encounters.site) == {"Practice"}
    assert encounters.reason_code.dropna().to_list() == ["SNOMED:230690007"]


def test_codes_carry_their_system_and_concepts_know_them(source):
    concepts = read(source).concepts.execute().set_index("code")
    assert concepts.loc["LOINC:8480-6", ["unit", "kind"]].to_list() == ["mm[Hg]", "observation"]
    assert concepts.loc["RxNorm:860975"].description == "Metformin"
    assert concepts.loc["CVX:140"].kind == "immunization"
    assert concepts.loc["SNOMED:230690007"].kind == "condition"
    assert concepts.loc["Synthea:QALY"].system == "Synthea"
    assert concepts.loc["SNOMED:44054006"].description == "Diabetes"  # only ever a reason


def test_a_column_system_says_which_system_a_code_has(source):
    change(source, "conditions", "CODE,DESCRIPTION", "CODE,DESCRIPTION,SYSTEM")
    change(source, "conditions", "Hypertension", "Hypertension,SNOMED-CT")
    change(source, "conditions", "230690007,Stroke", "I63,Stroke,http://hl7.org/fhir/sid/icd-10-cm")
    codes = read(source).conditions.code.execute()
    assert set(codes) == {"SNOMED:38341003", "ICD10CM:I63"}


def test_a_diagnosis_is_known_when_its_encounter_ends(source):
    active = read(source).sql("SELECT * FROM conditions WHERE status = 'active' ORDER BY time")
    assert active.time.to_list() == [pd.Timestamp("2016-04-04 09:00"), pd.Timestamp("2018-02-27")]
    assert active.recorded_at.to_list() == [
        pd.Timestamp("2016-04-04 09:30"),
        pd.Timestamp("2018-03-03 10:00"),
    ]


def test_ends_are_rows_of_their_own_and_can_not_leak(source):
    emr = read(source)
    ended = emr.sql("SELECT time, code FROM conditions WHERE status = 'resolved'")
    assert ended.to_numpy().tolist() == [[pd.Timestamp("2018-05-01"), "SNOMED:230690007"]]
    assert emr.as_of("2018-04-30").conditions.count().execute() == 2
    assert emr.medications.status.execute().to_list() == ["start", "stop"]
    assert emr.as_of("2018-11-30").medications.count().execute() == 1


def test_observations_are_numbers_or_texts(source):
    observations = read(source).observations.execute()
    assert observations.value.to_list()[:2] == [162.0, 118.0]
    assert observations.text.dropna().to_list() == ["Never smoker"]
    assert observations.encounter_id.isna().to_list() == [False, False, False, True]


def test_the_sums_are_printed(source, capsys):
    append(source, "observations", "2016-04-04T09:05:00Z,ann,a1,,8480-6,Systolic,high,mm[Hg],numeric")
    read(source)
    printed = capsys.readouterr().out
    assert "observations.csv: 5 rows = 4 kept + 1 rejected" in printed
    assert "1: VALUE is not a number, though TYPE says numeric" in printed


def test_reading_again_gives_the_same_record(source):
    assert read(source).manifest == read(source).manifest


# Other dress, same record


@pytest.mark.parametrize(
    "dress",
    [
        pytest.param(lambda text: b"\xef\xbb\xbf" + text.encode(), id="byte-order mark"),
        pytest.param(lambda text: text.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(lambda text: text.replace("\n", "\r").encode(), id="carriage returns alone"),
        pytest.param(lambda text: gzip.compress(text.encode()), id="gzip without the ending"),
        pytest.param(lambda text: text.rstrip("\n").encode(), id="no line end at the end"),
        pytest.param(
            lambda text: text.lower().split("\n")[0].encode() + text[text.index("\n") :].encode(), id="case"
        ),
        pytest.param(lambda text: text.replace(",", ";").encode(), id="semicolons"),
        pytest.param(lambda text: text.replace(",", "\t").encode(), id="tabs"),
        pytest.param(lambda text: text.replace(",", " ,").encode(), id="blanks"),
    ],
)
def test_the_dress_of_a_file_does_not_matter(source, whole, dress):
    for path in source.iterdir():
        path.write_bytes(dress(path.read_text()))
    assert_same(read(source), whole)


def test_the_order_of_columns_and_further_columns_do_not_matter(source, whole):
    for path in source.iterdir():
        rows = list(csv.reader(path.read_text().splitlines()))
        with path.open("w", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([*row[::-1], "more"] for row in rows)
    assert_same(read(source), whole)


def test_gzip_is_read_as_it_is(source, whole):
    for path in list(source.iterdir()):
        path.with_name(path.name.upper() + ".GZ").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert_same(read(source), whole)


def test_commas_quotes_and_line_breaks_inside_quotes_are_text(source):
    change(source, "observations", "Never smoker", '"Never, he said:\n""not once"""')
    append(source, "observations", "never,bob,b1,,8480-6,Systolic,1,mm[Hg],numeric")
    emr = read(source)
    assert emr.observations.text.execute().dropna().to_list() == ['Never, he said:\n"not once"']
    assert rejected(emr) == [("observations.csv", 6, "DATE", "never")]  # as a spreadsheet numbers rows


def test_what_is_not_utf_8_is_read_as_latin_1_and_said(source):
    path = source / "observations.csv"
    path.write_bytes(
        path.read_text().replace("Never smoker", "Never: Zoë, José".replace(",", "")).encode("latin-1")
    )
    emr = read(source)
    assert emr.observations.text.execute().dropna().to_list() == ["Never: Zoë José"]
    assert "observations.csv holds lines that are not UTF-8" in notes(emr)


def test_a_time_with_a_zone_is_turned_into_utc(source):
    change(source, "observations", "2016-04-04T09:05:00Z", "2016-04-04T11:05:00+02:00")
    assert read(source).observations.time.execute()[0] == pd.Timestamp("2016-04-04 09:05")


# What is absent is named


def test_any_subset_of_the_files_will_do_and_absent_ones_are_named(source):
    for name in ("encounters", "organizations", "conditions", "medications"):
        (source / f"{name}.csv").unlink()
    (source / "allergies.csv").write_text("START\n")
    emr = read(source)
    assert emr.observations.count().execute() == 4
    assert emr.observations.encounter_id.execute().isna().all()
    assert "Not in the export: organizations.csv, encounters.csv, conditions.csv, medications.csv." in notes(
        emr
    )
    assert "Not read, as the record has no table for them: allergies.csv." in notes(emr)


def test_an_absent_column_is_named(source):
    change(source, "observations", "UNITS", "UNIT")
    emr = read(source)
    assert "observations.csv has no column UNITS." in notes(emr)
    assert emr.observations.unit.execute().isna().all()


def test_files_without_rows_are_named(source):
    (source / "procedures.csv").write_bytes(b"")
    (source / "immunizations.csv").write_text(SYNTHEA["immunizations"].splitlines()[0])
    emr = read(source)
    assert "procedures.csv has no rows." in notes(emr) and "immunizations.csv has no rows." in notes(emr)
    assert emr.procedures.count().execute() == emr.immunizations.count().execute() == 0
