"""Synthea exports: every row is kept, or rejected with its reason; and what we write, we read."""

import csv
import gzip
import random
from pathlib import Path

import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.synthea import read_synthea

from .small_emr import write_small_emr
from .tiny_exports import SAMPLES, SYNTHEA, TABLES

SAMPLE = SAMPLES / "synthea_csv"


def export(folder: Path) -> Path:
    folder.mkdir()
    for name, text in SYNTHEA.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


@pytest.fixture
def source(tmp_path):
    """The export as a folder of files, for a test to damage."""
    return export(tmp_path / "export")


def change(source: Path, name: str, old: str, new: str) -> None:
    path = source / f"{name}.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def append(source: Path, name: str, row: str) -> None:
    with (source / f"{name}.csv").open("a") as file:
        file.write(row + "\n")


def read(source: Path) -> EMR:
    """Import, and hold the reader to its promises: rows in = kept + rejected, and the record is sound."""
    emr = read_synthea(source, source.parent / "emr")
    rows = emr.manifest["parameters"]["rows"]
    assert all(count["in"] == count["kept"] + count["rejected"] for count in rows.values())
    assert all(count["rejected"] == sum(count["reasons"].values()) for count in rows.values())
    rejected = emr.rejected.file.execute().value_counts().to_dict()
    assert rejected == {name: count["rejected"] for name, count in rows.items() if count["rejected"]}
    return emr


def tables(emr: EMR) -> dict[str, pd.DataFrame]:
    return {table: getattr(emr, table).execute() for table in TABLES}


def rejected(emr: EMR) -> list[tuple]:
    """File, row, column and what was found, of each rejected row."""
    rows = emr.rejected.execute().astype(object)
    rows = rows.where(rows.notna(), None).sort_values(["file", "row"])
    return list(rows[["file", "row", "column", "found"]].itertuples(index=False, name=None))


def notes(emr: EMR) -> str:
    return "\n".join(emr.manifest["notes"])


def assert_same(first: EMR, second: EMR) -> None:
    for table, rows in tables(first).items():
        pd.testing.assert_frame_equal(rows, getattr(second, table).execute())


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


# Rows that can not be used

A1 = "ann,a1,,8480-6,Systolic"
BAD_ROWS = {
    "text where a number belongs": ("observations", f"2016-04-04,{A1},high,mm[Hg],numeric", "VALUE", "high"),
    "a decimal comma": ("observations", f'2016-04-04,{A1},"12,3",mm[Hg],numeric', "VALUE", "12,3"),
    "a number that is none": ("observations", f"2016-04-04,{A1},NaN,mm[Hg],numeric", "VALUE", "NaN"),
    "a number beyond all": ("observations", f"2016-04-04,{A1},1e999,mm[Hg],numeric", "VALUE", "1e999"),
    "no value": ("observations", f"2016-04-04,{A1},,mm[Hg],numeric", "VALUE", None),
    "31 February": ("observations", f"2017-02-31,{A1},1,mm[Hg],numeric", "DATE", "2017-02-31"),
    "29 February of no leap year": ("conditions", "2017-02-29,,ann,a1,1,x", "START", "2017-02-29"),
    "25 o'clock": ("observations", f"2017-02-01T25:00:00Z,{A1},1,,numeric", "DATE", "2017-02-01T25:00:00Z"),
    "another way of dates": ("observations", f"01/02/2017,{A1},1,mm[Hg],numeric", "DATE", "01/02/2017"),
    "the year 9999": ("conditions", "9999-12-31,,bob,b1,1,x", "START", "9999-12-31"),
    "an end in the year 9999": ("conditions", "2017-06-06,9999-12-31,bob,b1,1,x", "STOP", "9999-12-31"),
    "infinity": ("conditions", "infinity,,bob,b1,1,x", "START", "infinity"),
    "no date": ("conditions", ",,bob,b1,1,x", "START", None),
    "a blank line": ("conditions", "", "START", None),
    "the header once more": ("conditions", "START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION", "START", "START"),
    "an end before the beginning": ("conditions", "2017-06-06,2017-06-05,bob,b1,1,x", "STOP", "2017-06-05"),
    "an end after death": ("conditions", "2018-03-01,2018-07-01,ann,a2,1,x", "STOP", "2018-07-01"),
    "before birth": ("conditions", "1949-01-01,,ann,a1,1,x", "START", "1949-01-01"),
    "after death": ("conditions", "2018-06-11,,ann,a2,1,x", "START", "2018-06-11"),
    "an encounter of nobody": ("conditions", "2017-06-06,,bob,b9,1,x", "ENCOUNTER", "b9"),
    "another's encounter": ("conditions", "2017-06-06,,bob,a1,1,x", "ENCOUNTER", "a1"),
    "an unknown patient": ("conditions", "2017-06-06,,eve,,1,x", "PATIENT", "eve"),
    "no patient": ("conditions", "2017-06-06,,,,1,x", "PATIENT", None),
    "no code": ("conditions", "2017-06-06,,bob,b1,,x", "CODE", None),
    "a patient twice": ("patients", "ann,1951-05-05,,Ann,white,nonhispanic,F", "ID", "ann"),
    "a patient without birth date": ("patients", "eve,,,Eve,white,nonhispanic,F", "BIRTHDATE", None),
    "a death before birth": ("patients", "eve,2000-01-01,1999-01-01,Eve,,,F", "DEATHDATE", "1999-01-01"),
    "a sex that is not known": ("patients", "eve,2000-01-01,,Eve,,,U", "GENDER", "U"),
    "an encounter twice": ("encounters", "b1,2018-01-01,,bob,,home,1,x,,", "ID", "b1"),
    "an unknown class": ("encounters", "b2,2018-01-01,,bob,,spa,1,x,,", "ENCOUNTERCLASS", "spa"),
    "the same row again": ("conditions", "2016-04-04,,ann,a1,38341003,Hypertension", None, None),
    "too few values": ("conditions", "2016-04-04,,ann", None, "2016-04-04,,ann"),
    "too many values": ("conditions", "2016-04-04,,ann,a1,1,x,y,z", None, "2016-04-04,,ann,a1,1,x,y,z"),
    "a quote not closed": ("conditions", '2016-04-04,,"ann,a1,1,x', None, '2016-04-04,,"ann,a1,1,x\n'),
}


@pytest.mark.parametrize("damage", BAD_ROWS)
def test_a_row_that_can_not_be_used_is_rejected_and_the_others_stay(source, whole, damage):
    file, row, column, found = BAD_ROWS[damage]
    append(source, file, row)
    emr = read(source)
    number = SYNTHEA[file].count("\n") + 1
    assert [(name, line, cell) for name, line, cell, _ in rejected(emr)] == [(f"{file}.csv", number, column)]
    if found is not None:
        assert rejected(emr)[0][3].strip() == found.strip()
    assert_same(emr, whole)
    assert emr.check().empty


def test_the_rows_of_a_rejected_patient_are_rejected_too(source):
    change(source, "patients", "1990-12-24", "")
    emr = read(source)
    assert set(emr.patients.source_id.execute()) == {"ann"}
    assert len(rejected(emr)) == 1 + 1 + 3 + 1 + 1  # Bob, his encounter, observations, drug, vaccination
    assert emr.check().empty


def test_a_file_cut_short_loses_only_its_last_row_and_says_so(source):
    text = SYNTHEA["observations"]
    (source / "observations.csv").write_text(text[: text.index(",26.5")])
    emr = read(source)
    assert [row[:2] for row in rejected(emr)] == [("observations.csv", 5)]
    assert "observations.csv does not end with a line end: it may have been cut short." in notes(emr)


def test_an_exact_copy_of_a_file_appended_to_it_is_rejected_row_by_row(source, whole):
    for name in TABLES:
        (source / f"{name}.csv").write_text(SYNTHEA[name] + SYNTHEA[name].split("\n", 1)[1])
    emr = read(source)
    assert_same(emr, whole)
    assert len(rejected(emr)) == sum(SYNTHEA[name].count("\n") - 1 for name in TABLES)


def test_rows_are_numbered_and_copies_found_across_chunks(source, monkeypatch):
    monkeypatch.setattr("lhs_helpers.records.csv_files.CHUNK_ROWS", 1)
    monkeypatch.setattr("lhs_helpers.records.csv_files.BLOCK", 220)
    rows = [f"2017-06-{day:02},,bob,b1,1,x" for day in range(6, 31)]
    damaged = [*rows[:9], "short", *rows[9:17], rows[2], "short", *rows[17:], rows[0]]
    for row in damaged:
        append(source, "conditions", row)
    emr = read(source)
    bad = [4 + i for i, row in enumerate(damaged) if row == "short" or row in damaged[:i]]
    assert [row[1] for row in rejected(emr)] == bad
    assert emr.conditions.count().execute() == 3 + len(rows)
    assert len(emr.files("conditions")) > 2


def test_a_copy_that_fills_whole_chunks_leaves_nothing_behind(source, whole, monkeypatch):
    """Rows that stand twice are known at the end of the first reading, which has written them by then."""
    monkeypatch.setattr("lhs_helpers.records.csv_files.CHUNK_ROWS", 1)
    monkeypatch.setattr("lhs_helpers.records.csv_files.BLOCK", 220)
    text = SYNTHEA["observations"]
    (source / "observations.csv").write_text(text + text.split("\n", 1)[1])
    emr = read(source)
    assert emr.check().empty
    assert_same(emr, whole)
    assert len(rejected(emr)) == text.count("\n") - 1


def test_units_other_than_the_commonest_are_kept_and_listed_by_check(source):
    append(source, "observations", "2016-04-04,ann,a1,,8480-6,Systolic,16.2,kPa,numeric")
    found = read(source).check()
    assert found.rule.to_list() == ["every value has the unit of its concept"] and found.rows[0] == 1


# Exports that can not be read: one sentence, and nothing that looks like a record


def cut_gzip(source: Path) -> None:
    content = gzip.compress("".join(SYNTHEA["observations"]).encode())
    (source / "observations.csv").write_bytes(content[:-9])


def damaged_gzip(source: Path) -> None:
    text = SYNTHEA["observations"] + "".join(f"{random.Random(1).random()}\n" for _ in range(100))
    content = bytearray(gzip.compress(text.encode()))
    content[30:40] = b"\xff" * 10
    (source / "observations.csv").write_bytes(content)


def endless_quote(source: Path) -> None:
    append(source, "observations", '"' + "x\n" * (2 << 20))


def as_utf_16(source: Path) -> None:
    (source / "observations.csv").write_text(SYNTHEA["observations"], encoding="utf-16")


def a_folder_for_a_file(source: Path) -> None:
    (source / "conditions.csv").unlink()
    (source / "conditions.csv").mkdir()


def without_rows(source: Path) -> None:
    for path in source.iterdir():
        path.write_text(path.read_text().splitlines()[0] + "\n")


def without_bytes(source: Path) -> None:
    for path in source.iterdir():
        path.write_bytes(b"")


UNREADABLE = {
    cut_gzip: "observations.csv can not be read",
    damaged_gzip: "observations.csv can not be read",
    endless_quote: "a quotation mark is opened and not closed",
    as_utf_16: "UTF-16",
    a_folder_for_a_file: "is a folder where a file is expected",
    without_rows: "No patient of the export can be used",
    without_bytes: "has no column ID",
    lambda source: (source / "patients.csv").unlink(): "holds no patients.csv",
    lambda source: [path.unlink() for path in source.iterdir()]: "holds no patients.csv",
    lambda source: change(source, "conditions", "CODE", "CODES"): "has no column CODE",
    lambda source: change(source, "conditions", "START,STOP", "START,START"): "has the column START twice",
    lambda source: change(
        source, "patients", SYNTHEA["patients"][:60], "ann"
    ): "has no column ID: its first line",
    lambda source: (source / "Patients.csv.gz").write_bytes(b""): "holds both",
    lambda source: change(source, "procedures", "START", "\nSTART"): "begins with an empty line",
    lambda source: (
        change(source, "patients", ",F\n", ",\n") or change(source, "patients", ",M", ",")
    ): "No patient",
}


@pytest.mark.parametrize("damage", UNREADABLE)
def test_an_export_that_can_not_be_read_gets_a_sentence_and_leaves_no_record(source, damage):
    damage(source)
    target = source.parent / "emr"
    with pytest.raises(LHSError, match=UNREADABLE[damage]) as error:
        read_synthea(source, target)
    assert "\n" not in str(error.value)
    with pytest.raises(LHSError):
        EMR(target)


def test_a_source_that_is_no_folder_gets_a_sentence(source, tmp_path):
    with pytest.raises(LHSError, match="does not exist"):
        read_synthea(tmp_path / "nowhere", tmp_path / "emr")
    with pytest.raises(LHSError, match="is a file"):
        read_synthea(source / "patients.csv", tmp_path / "emr")


def test_a_second_run_completes_what_the_first_left(source, whole):
    text = (source / "procedures.csv").read_text()
    (source / "procedures.csv").write_bytes(gzip.compress(text.encode())[:-4])
    with pytest.raises(LHSError, match="cut short"):
        read(source)
    (source / "procedures.csv").write_text(text)
    emr = read(source)
    assert_same(emr, whole)
    assert emr.check().empty


def test_another_record_and_other_things_are_not_overwritten(source, tmp_path):
    with pytest.raises(LHSError, match="another record"):
        read_synthea(source, write_small_emr(tmp_path / "small"))
    with pytest.raises(LHSError, match="give read_synthea a new or empty folder"):
        read_synthea(source, source)
    assert (source / "patients.csv").read_text() == SYNTHEA["patients"]
