"""A record on disk is whole or absent, and the same rows give the same bytes."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.store import new_folder, read_manifest, write_manifest, write_partition
from lhs_helpers.records.tables import SCHEMAS

from .small_emr import SYSTOLIC, row, write_small_emr


def observations(**changes):
    return pa.Table.from_pylist([row(1, 101, "2016-04-04", SYSTOLIC, value=120.0, unit="mm[Hg]") | changes])


def refusal(action, *arguments, **named) -> str:
    """The sentence with which an action is refused."""
    with pytest.raises(LHSError) as error:
        action(*arguments, **named)
    sentence = str(error.value)
    assert "\n" not in sentence and sentence.endswith(".")
    return sentence


def test_the_same_rows_give_the_same_bytes(tmp_path):
    one, two = (write_small_emr(tmp_path / name) for name in ("one", "two"))
    assert read_manifest(one)["content_hash"] == read_manifest(two)["content_hash"]
    for file in one.rglob("*.*"):
        assert file.read_bytes() == (two / file.relative_to(one)).read_bytes()


def test_the_content_hash_does_not_depend_on_the_order_of_writing(tmp_path):
    info = {name: write_partition(tmp_path, "observations", name, observations()) for name in ("a", "b")}
    written = {"source": "test", "period": ("2016-01-01", "2017-01-01"), "parameters": {}, "notes": []}
    forth = write_manifest(tmp_path, files={"observations": info}, **written)
    back = write_manifest(tmp_path, files={"observations": dict(reversed(info.items()))}, **written)
    assert forth == back
    assert forth["tables"]["observations"]["rows"] == 2


def test_a_different_value_gives_a_different_hash(tmp_path):
    first = write_partition(tmp_path, "observations", "a", observations())
    second = write_partition(tmp_path, "observations", "a", observations(value=121.0))
    assert first["rows"] == second["rows"] == 1
    assert first["sha256"] != second["sha256"]


def test_rows_keep_their_order_and_nothing_temporary_is_left(tmp_path):
    data = pa.concat_tables([observations(value=float(value)) for value in (3, 1, 2)])
    write_partition(tmp_path, "observations", "a", data)
    assert [path.name for path in (tmp_path / "observations").iterdir()] == ["a.parquet"]
    stored = pq.read_table(tmp_path / "observations" / "a.parquet")
    assert stored["value"].to_pylist() == [3, 1, 2]
    assert stored.column_names == SCHEMAS["observations"].names


def test_words_may_come_encoded_with_any_index_width(tmp_path):
    plain = observations()
    place = plain.column_names.index("code")
    narrow = pa.DictionaryArray.from_arrays(pa.array([1], pa.int8()), ["unused", SYSTOLIC])
    write_partition(tmp_path, "observations", "a", plain.set_column(place, "code", narrow))
    assert pq.read_table(tmp_path / "observations" / "a.parquet")["code"].to_pylist() == [SYSTOLIC]


@pytest.mark.parametrize(
    ("table", "data", "said"),
    [
        ("vitals", observations(), "'vitals'"),
        ("observations", observations(pulse=70), "'pulse'"),
        ("observations", observations(value="high"), "'value'"),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path, table, data, said):
    assert said in refusal(write_partition, tmp_path, table, "a", data)
    assert not list(tmp_path.rglob("*.*"))


def test_an_unwritable_folder_is_named_and_nothing_is_left(tmp_path):
    (tmp_path / "taken").write_text("a file")
    assert "taken" in refusal(write_partition, tmp_path / "taken", "observations", "a", observations())
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_what_is_not_a_record_is_refused_in_one_sentence(tmp_path):
    assert "There is no folder" in refusal(EMR, tmp_path / "nowhere")
    (tmp_path / "note.txt").write_text("a file")
    assert "is a file" in refusal(EMR, tmp_path / "note.txt")
    assert "not an EMR folder" in refusal(EMR, tmp_path)


def test_an_unfinished_record_is_refused(tmp_path):
    folder = write_small_emr(tmp_path / "small")
    (folder / "manifest.json").unlink()
    assert "not finished" in refusal(EMR, folder)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": 1, "tables": {"patients": {}}, "period": []}']
)
def test_a_damaged_manifest_is_named(tmp_path, text):
    folder = write_small_emr(tmp_path / "small")
    (folder / "manifest.json").write_text(text)
    assert "manifest.json" in refusal(EMR, folder)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a table at all", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_corrupt_partition_is_named(tmp_path, content):
    folder = write_small_emr(tmp_path / "small")
    partition = folder / "observations" / "first.parquet"
    partition.write_bytes(content)
    assert str(partition) in refusal(EMR, folder)


def test_a_partition_that_was_cut_short_is_named(tmp_path):
    folder = write_small_emr(tmp_path / "small")
    partition = folder / "observations" / "second.parquet"
    partition.write_bytes(partition.read_bytes()[:-20])
    assert str(partition) in refusal(EMR, folder)


# Folders for exports


def test_an_export_appears_when_it_is_whole(tmp_path):
    with new_folder(tmp_path / "export") as unfinished:
        (unfinished / "inner").mkdir()
        (unfinished / "inner/file").write_text("all of it")
        assert not (tmp_path / "export/inner").exists()
    assert (tmp_path / "export/inner/file").read_text() == "all of it"
    assert [path.name for path in (tmp_path / "export").iterdir()] == ["inner"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, ValueError])
def test_an_export_that_was_stopped_leaves_nothing(tmp_path, end):
    with pytest.raises(end), new_folder(tmp_path / "export") as unfinished:
        (unfinished / "file").write_text("half")
        raise end
    assert list((tmp_path / "export").iterdir()) == []


def test_what_a_killed_export_left_is_cleared_away(tmp_path):
    left = tmp_path / "export/.unfinished"
    left.mkdir(parents=True)
    (left / "old").write_text("half")
    with new_folder(tmp_path / "export") as unfinished:
        (unfinished / "new").write_text("whole")
    assert [path.name for path in (tmp_path / "export").iterdir()] == ["new"]


def test_an_export_overwrites_nothing(tmp_path):
    def export(folder):
        with new_folder(folder):
            raise AssertionError("never begun")

    (tmp_path / "file").write_text("mine")
    assert "is not empty" in refusal(export, tmp_path)
    assert "could not be written" in refusal(export, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
