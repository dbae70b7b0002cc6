"""A record at rest: a folder of Parquet partitions, and a manifest that is written last.

A partition appears under its name whole or not at all, and a folder without a manifest is not finished:
whatever kills a run, nothing half-written is ever read.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lhs_helpers import __version__
from lhs_helpers.errors import LHSError
from lhs_helpers.records.tables import SCHEMAS, conform

FORMAT = 1
MANIFEST = "manifest.json"
ROWS_PER_GROUP = 1_000_000
SEARCHED = ("patient_id", "time", "recorded_at", "code")  # columns whose least and greatest value are noted


def write_partition(folder: Path | str, table: str, name: str, data: pa.Table) -> dict:
    """Write one partition of a table, rows in the order given.

    Parameters
    ----------
    folder : the record's folder; made when it does not exist.
    table : one of the record tables, e.g. "observations".
    name : the partition's name, e.g. "2019_shard-0003.parquet".
    data : its rows; columns of the table that it lacks are stored as nulls.

    Returns
    -------
    dict
        {"rows": number of rows, "sha256": hash of the file}, as the manifest wants it. Same rows, same bytes.

    Raises
    ------
    LHSError
        When the columns do not fit the table, or the folder can not be written.
    """
    data = conform(table, data)
    sink, counting = pa.BufferOutputStream(), _counting(data.schema)
    pq.write_table(
        data,
        sink,
        compression={c: "none" if c in counting else "zstd" for c in data.schema.names},
        row_group_size=ROWS_PER_GROUP,
        use_dictionary=_repetitive(data.schema),
        column_encoding=dict.fromkeys(counting, "DELTA_BINARY_PACKED"),
        write_statistics=[name for name in SEARCHED if name in data.schema.names],
        store_schema=False,
    )
    content = sink.getvalue()
    _write_whole(Path(folder) / table / file_name(name), content)
    return {"rows": data.num_rows, "sha256": hashlib.sha256(content).hexdigest()}


def _repetitive(schema: pa.Schema) -> list[str]:
    """Columns of words and of rounded values: a dictionary makes them smaller and twice as fast to write."""
    return [
        field.name
        for field in schema
        if pa.types.is_dictionary(field.type) or pa.types.is_floating(field.type)
    ]


def _counting(schema: pa.Schema) -> list[str]:
    """Identifiers and times: as differences they are a sixth smaller, and faster to write and to read.

    Packed like this they are not compressed as well: that takes a fifth of all writing, and makes a tenth smaller.
    """
    return [
        field.name for field in schema if pa.types.is_integer(field.type) or pa.types.is_timestamp(field.type)
    ]


def file_name(name: str) -> str:
    """The partition's file name: `name`, with the ending .parquet."""
    return name if name.endswith(".parquet") else f"{name}.parquet"


def write_manifest(
    folder: Path | str,
    *,
    source: str,
    period: tuple[date | str, date | str],
    parameters: Mapping,
    notes: list[str],
    files: Mapping[str, Mapping[str, dict]],
) -> dict:
    """Finish a record: say what it is and which partitions belong to it.

    Parameters
    ----------
    folder : the record's folder.
    source : where the rows come from, in a few words.
    period : first and last day of the record.
    parameters : what made it (of a simulated record: also the seed).
    notes : sentences that a reader of the record must know.
    files : per table, per partition name, what `write_partition` returned.

    Returns
    -------
    dict
        The manifest as written. Its `content_hash` is equal for two records exactly when every partition is.
    """
    tables = {table: _table_entry(files.get(table, {})) for table in SCHEMAS}
    manifest = {
        "format": FORMAT,
        "source": source,
        "package_version": __version__,
        "period": [str(day) for day in period],
        "parameters": dict(parameters),
        "notes": list(notes),
        "tables": tables,
        "content_hash": content_hash(tables),
    }
    _write_whole(Path(folder) / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    return manifest


def _table_entry(partitions: Mapping[str, dict]) -> dict:
    files = {file_name(name): dict(info) for name, info in sorted(partitions.items())}
    return {"rows": sum(info["rows"] for info in files.values()), "files": files}


def content_hash(tables: Mapping[str, dict]) -> str:
    """One hash for all partitions of a record, whatever the order they were written in."""
    lines = sorted(
        f"{table}/{name} {info['sha256']}\n"
        for table, entry in tables.items()
        for name, info in entry["files"].items()
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_manifest(folder: Path | str) -> dict:
    """The manifest of a finished record.

    Raises
    ------
    LHSError
        When there is no such folder, it is a file, it holds no finished record, or the manifest is damaged.
    """
    folder = Path(folder)
    if not folder.exists():
        raise LHSError(
            f"There is no folder {folder}; correct the path, or make it with `lhs generate {folder}`."
        )
    if not folder.is_dir():
        raise LHSError(f"{folder} is a file where the folder of an EMR is expected; give the folder.")
    path = folder / MANIFEST
    if not path.is_file():
        raise LHSError(_without_manifest(folder))
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        tables, period, found = manifest["tables"], manifest["period"], manifest["format"]
        valid = all("files" in tables[table] for table in tables) and len(period) == 2
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LHSError(f"{path} is damaged ({error}); restore it, or generate the folder anew.") from None
    if not valid or found != FORMAT:
        raise LHSError(f"{path} has format {found!r} where {FORMAT} is expected; generate the folder anew.")
    return manifest


def _without_manifest(folder: Path) -> str:
    if any((folder / table).is_dir() for table in SCHEMAS):
        return (
            f"The EMR in {folder} is not finished: it has tables but no {MANIFEST}, which is written last; "
            "run what was writing it again."
        )
    return (
        f"{folder} is not an EMR folder: it has no {MANIFEST}; give one made by `lhs generate` or a reader."
    )


def _write_whole(path: Path, content: bytes | pa.Buffer) -> None:
    """Write a file under a temporary name beside its place, then rename it: it is there whole or not."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink()
        if not isinstance(error, OSError):
            raise
        raise LHSError(
            f"{path} could not be written ({error.strerror}); give a folder that can be written and has room."
        ) from None


@contextmanager
def new_folder(folder: Path | str) -> Iterator[Path]:
    """A folder that is filled at the end or not at all: for the exports, which know no manifest of ours.

    Yields
    ------
    Path
        A hidden folder inside it to write to. Its content moves up when the block ends well, and is deleted
        when it does not; what a killed run left there is deleted by the next.

    Raises
    ------
    LHSError
        When the folder holds something, or it can not be written.
    """
    folder = Path(folder)
    unfinished = folder / ".unfinished"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(path != unfinished for path in folder.iterdir()):
            raise LHSError(f"{folder} is not empty; give a new or empty folder.")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            yield unfinished
            for path in unfinished.iterdir():
                os.replace(path, folder / path.name)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except (OSError, duckdb.Error) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise LHSError(
            f"{folder} could not be written ({reason}); give a folder that can be written and has room."
        ) from None
