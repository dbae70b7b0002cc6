"""Who gives another folder than they meant is told where the export seems to be."""

import shutil

import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.records.recognise import NAMES, recognise

from .promises import EXPORTS


@pytest.mark.parametrize(
    "kind", ["synthea", "omop", "omop in parquet", "mimic", "fhir", "fhir in bundles", "meds"]
)
@pytest.mark.parametrize("asked", ["synthea", "omop", "mimic", "fhir", "meds"])
def test_another_export_than_asked_for_is_recognised(tmp_path, kind, asked):
    write, _ = EXPORTS[kind]
    source, own = write(tmp_path / "export"), kind.split()[0]
    assert recognise(source) == own
    if asked in (own, "synthea" if own == "mimic" else own):
        return
    with pytest.raises(LHSError, match=f"looks like {NAMES[own]}: lhs import {own} ") as error:
        EXPORTS[asked][1](source, tmp_path / "record")
    assert str(source) in str(error.value)
    with pytest.raises(LHSError, match=f"{source} looks like {NAMES[own]}"):
        EXPORTS[asked][1](tmp_path, tmp_path / "record")


@pytest.mark.parametrize(("kind", "below"), [("meds", "data"), ("mimic", "icu")])
def test_the_folder_above_is_recognised(tmp_path, kind, below):
    write, read = EXPORTS[kind]
    source = write(tmp_path / "export")
    with pytest.raises(LHSError, match=f"{source} looks like {NAMES[kind]}"):
        read(source / below, tmp_path / "record")


def test_what_must_be_unpacked_or_saved_is_said(tmp_path):
    write, read = EXPORTS["synthea"]
    archive = shutil.make_archive(str(tmp_path / "export"), "zip", write(tmp_path / "a"))
    with pytest.raises(LHSError, match="export.zip is a file; unpack it first"):
        read(archive, tmp_path / "record")
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "patients.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(LHSError, match="patients.xlsx is a workbook: save each sheet as CSV"):
        read(folder, tmp_path / "record")
    shutil.copy(archive, folder)
    with pytest.raises(LHSError, match="export.zip must be unpacked first"):
        read(folder, tmp_path / "record")
    (folder / "patients.csv").write_bytes((tmp_path / "export.zip").read_bytes())
    with pytest.raises(LHSError, match="is a ZIP archive or a workbook; unpack it, or save it as CSV"):
        read(folder, tmp_path / "record")


def test_an_export_that_lacks_something_is_not_said_to_look_like_itself(tmp_path):
    write, read = EXPORTS["mimic"]
    source = write(tmp_path / "export")
    (source / "hosp/patients.csv").unlink()
    with pytest.raises(LHSError, match="holds no patients.csv; a record needs it"):
        read(source, tmp_path / "record")


def test_a_link_to_nothing_is_no_file(tmp_path):
    write, read = EXPORTS["synthea"]
    source = write(tmp_path / "export")
    (source / "careplans.csv").symlink_to(tmp_path / "gone")
    with pytest.raises(LHSError, match="careplans.csv is a link to nothing where a file is expected"):
        read(source, tmp_path / "record")
