"""Memory does not grow with an export: what is held at a time is bounded, in rows and in bytes."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from lhs_helpers.records import csv_files, fhir_files
from lhs_helpers.records.csv_files import CSVFile
from lhs_helpers.records.fhir_files import Spool
from lhs_helpers.records.pairs import paired
from lhs_helpers.records.row_keys import RowKeys

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
    monkeypatch.setattr("lhs_helpers.records.row_keys.SHARE", 1)
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


@pytest.mark.parametrize("names", [["PATIENT", "ENCOUNTER"], ["ENCOUNTER"], []])
@pytest.mark.parametrize("as_words", [True, False])
def test_a_pair_stands_once_and_every_row_finds_its_own(names, as_words):
    """Blocks of a file have dictionaries of their own, in which the same word has another number."""
    draw = np.random.default_rng(1)
    blocks = []
    for _ in range(3):
        cells = {
            name: pa.array([words[i] for i in draw.integers(0, len(words), 50)], pa.string())
            for name, words in (("PATIENT", ["a", "b", "c", None]), ("ENCOUNTER", ["1", None, "22", "", "é"]))
        }
        blocks.append(
            pa.table({name: cell.dictionary_encode() if as_words else cell for name, cell in cells.items()})
        )
    chunk = pa.concat_tables(blocks)
    rows, pairs = paired(chunk, names)
    said = [tuple(row[name] for name in names) for row in chunk.to_pylist()]
    found = {row["pair"]: tuple(row[name] for name in names) for row in pairs.to_pylist()}
    assert [found[number] for number in rows["pair"].to_pylist()] == said
    assert len(found) == len(pairs) == len(set(said))
    assert rows.drop_columns("pair").equals(chunk)


def test_a_chunk_without_rows_has_no_pairs():
    rows, pairs = paired(pa.table({"PATIENT": pa.array([], pa.string())}), ["PATIENT"])
    assert len(rows) == len(pairs) == 0 and pairs.column_names == ["pair", "PATIENT"]


@pytest.mark.parametrize("share", [1, 7, 10_000])
def test_keys_that_stand_twice_are_found_whatever_the_share(tmp_path, monkeypatch, share):
    monkeypatch.setattr("lhs_helpers.records.row_keys.SHARE", share)
    monkeypatch.setattr("lhs_helpers.records.row_keys.BLOCK", 64)
    draw, keys = np.random.default_rng(2), RowKeys(tmp_path)
    hashes = np.concatenate([draw.integers(0, 2**64, 150, np.uint64), np.array([0, 2**64 - 1], np.uint64)])
    hashes = draw.choice(hashes, 300)
    for start in range(0, 300, 100):
        rows = hashes[start : start + 100]
        keys.add(pa.table({"a": rows // 3, "b": rows, "line": np.arange(start, start + 100), "other": rows}))
    found = pa.concat_tables(keys.twins())
    times = Counter(hashes.tolist())
    expected = {line: key for line, key in enumerate(hashes.tolist()) if times[key] > 1}
    assert dict(zip(found["line"].to_pylist(), found["b"].to_pylist(), strict=True)) == expected
    keys.clear()
    assert list(keys.twins()) == []
