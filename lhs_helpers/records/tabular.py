"""Rows of Parquet files and of database tables, made text: all exports are judged by the same rules."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ibis import BaseBackend

from lhs_helpers.errors import LHSError
from lhs_helpers.records import csv_files
from lhs_helpers.records.csv_files import Broken

WORD = pa.dictionary(pa.int32(), pa.string())
# What is raised when a file is no Parquet, or not whole.
DAMAGED = (OSError, pa.ArrowException, UnicodeDecodeError)


class ParquetFile:
    """A Parquet file; its first row is row 1."""

    def __init__(self, path: Path):
        self.path, self.name, self.notes = path, path.name, []
        try:
            schema, rows = pq.read_schema(path), pq.read_metadata(path).num_rows
        except DAMAGED as error:
            raise self._unreadable(error) from None
        self.columns, self.has_rows = _capitals(schema.names, str(path)), rows > 0

    def _unreadable(self, error: Exception) -> LHSError:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        return LHSError(
            f"{self.path} can not be read as Parquet ({reason}); "
            "it was cut short or damaged: get it again, or take it away."
        )

    def chunks(self) -> Iterator[tuple[pa.Table, list[Broken]]]:
        """Its rows as text."""
        try:
            with pq.ParquetFile(self.path) as file:
                yield from _numbered(file.iter_batches(csv_files.CHUNK_ROWS), self.columns)
        except DAMAGED as error:
            raise self._unreadable(error) from None


class ParquetFiles:
    """Parquet files with the same columns, counted as one; columns FILE and ROW say where a row stands."""

    def __init__(self, name: str, folder: Path, paths: list[Path]):
        self.name, self.folder, self.notes = name, folder, []
        self.files = [ParquetFile(path) for path in paths]
        names = dict.fromkeys(column for file in self.files for column in file.columns)
        self.columns, self.has_rows = [*names, "FILE", "ROW"], any(file.has_rows for file in self.files)

    def chunks(self) -> Iterator[tuple[pa.Table, list[Broken]]]:
        """The rows of one file after the other as text, numbered through."""
        before = 0
        for file in self.files:
            place, last = file.path.relative_to(self.folder).as_posix(), 0
            for chunk, broken in file.chunks():
                rows, last = chunk["line"], before + pc.max(chunk["line"]).as_py()
                cells = {name: chunk[name] for name in chunk.column_names if name != "line"}
                empty = pa.nulls(len(rows), pa.string())
                cells |= {"FILE": pa.array([place] * len(rows)), "ROW": rows.cast(pa.string())}
                columns = {"line": pc.add(rows, before)} | {
                    name: cells.get(name, empty) for name in self.columns
                }
                yield pa.table(columns), broken
            before = max(before, last)


class DatabaseTable:
    """A table of a database that ibis is connected to; rows are numbered as they come."""

    def __init__(self, connection: BaseBackend, table: str):
        self.name, self.notes = table, []
        self.table = connection.table(table)
        self.columns = _capitals(self.table.columns, table)
        self.has_rows = self.table.limit(1).count().execute() > 0

    def chunks(self) -> Iterator[tuple[pa.Table, list[Broken]]]:
        """Its rows as text."""
        batches = self.table.to_pyarrow_batches(chunk_size=csv_files.CHUNK_ROWS)
        yield from _numbered(batches, self.columns)


def _capitals(names: list[str], place: str) -> list[str]:
    capitals = [name.strip().upper() for name in names]
    capitals = [f"{name}_" if name in csv_files.OURS else name for name in capitals]
    twice = [name for name in capitals if capitals.count(name) > 1]
    if twice:
        raise LHSError(f"{place} has the column {twice[0]} twice; remove or rename one of them.")
    return capitals


def _numbered(
    batches: Iterator[pa.RecordBatch], columns: list[str]
) -> Iterator[tuple[pa.Table, list[Broken]]]:
    row = 1
    for batch in batches:
        line = pa.array(range(row, row + batch.num_rows), pa.int64())
        cells = [_text(column) for column in batch.columns]
        if batch.num_rows:
            yield pa.table([line, *cells], names=["line", *columns]), []
        row += batch.num_rows


def _text(column: pa.Array) -> pa.Array:
    """Any column as text; what has no text (lists, structures) is empty."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return pc.utf8_trim_whitespace(column.cast(pa.string()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(column), pa.string())
