"""Synthea exports that are damaged: every row is kept, or rejected with its reason; or one sentence says why not."""

import gzip
import random
from pathlib import Path

import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.synthea import read_synthea

from .small_emr import write_small_emr
from .synthea_export import append, assert_same, change, export, notes, read, rejected
from .tiny_exports import SYNTHEA, TABLES


@pytest.fixture
def source(tmp_path):
    """The export as a folder of files, for a test to damage."""
    return export(tmp_path / "export")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The record of the undamaged export."""
    folder = tmp_path_factory.mktemp("whole")
    return read_synthea(export(folder / "export"), folder / "emr")


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
