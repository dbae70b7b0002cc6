"""Memory does not grow with an export: what is held at a time is bounded, in rows and in bytes."""

from lhs_helpers.records import csv_files, fhir_files
from lhs_helpers.records.csv_files import CSVFile
from lhs_helpers.records.fhir_files import Spool

from .promises import EXPORTS, promised
from .tiny_exports import assert_same


def test_long_rows_come_in_more_chunks(tmp_path):
    path = tmp_path / "notes.csv"
    with path.open("w") as file:
        file.write("ID,NOTE\n")
        file.writelines(
            f"{i},{i:06}{'x' * 50_000}\n" for i in range(1_000)
        )  # 50 MB, hardly a hundredth of a chunk
    sizes, lines = [], []
    for chunk, broken in CSVFile(path).chunks():
        sizes.append(chunk.nbytes)
        lines += chunk["line"].to_pylist()
        assert not broken
    assert lines == list(range(2, 1_002))
    assert len(sizes) >= 3 and max(sizes) < csv_files.CHUNK_BYTES + 2 * csv_files.BLOCK


def test_rows_of_a_type_wait_on_disk_and_come_back_in_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(fhir_files, "ROWS", 10)
    monkeypatch.setattr(csv_files, "CHUNK_ROWS", 100)
    spool = Spool("Observation", tmp_path / "Observation.arrow")
    for i in range(104):
        spool.add({"ID": str(i), "TEXT": None if i % 3 else "x"})
        assert len(spool.rows) < 10
    spool.close()
    chunks = [chunk for chunk, _ in spool.chunks()]
    assert [len(chunk) for chunk in chunks] == [30, 30, 30, 14]
    assert [cell for chunk in chunks for cell in chunk["ID"].to_pylist()] == [str(i) for i in range(104)]
    assert [cell for chunk in chunks for cell in chunk["line"].to_pylist()] == list(range(1, 105))


def test_rows_that_stand_twice_are_found_share_by_share(tmp_path, monkeypatch):
    write, read = EXPORTS["synthea"]
    source = write(tmp_path / "export")
    whole = read(source, tmp_path / "whole")
    for path in source.iterdir():
        text = path.read_text()
        path.write_text(text + text.split("\n", 1)[1])
    monkeypatch.setattr("lhs_helpers.records.chunked_import.SHARE", 1)
    assert promised("synthea", source, tmp_path / "record", read) == "record"
    again = read(source, tmp_path / "again")
    assert_same(again, whole)
    rows = again.manifest["parameters"]["rows"].values()
    assert all(count["kept"] == count["rejected"] > 0 for count in rows)


def test_twenty_times_the_rows_are_twenty_times_the_chunks_and_none_is_larger(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "CHUNK_ROWS", 2_000)
    monkeypatch.setattr(csv_files, "BLOCK", 1 << 16)
    sizes = {}
    for times in (1, 20):
        path = tmp_path / f"{times}.csv"
        rows = "".join(f"{100_000 + i % 20_000},{i % 50},word {i % 7}\n" for i in range(20_000 * times))
        path.write_text("ID,CODE,WORD\n" + rows)
        sizes[times] = [chunk.nbytes for chunk, _ in CSVFile(path).chunks()]
    assert len(sizes[20]) > 15 * len(sizes[1])
    assert max(sizes[20]) < 1.1 * max(sizes[1])
