"""The files of a FHIR export, read once: each resource becomes a row in a file of its type, on disk.

Bulk exports have a resource a line and a type a file, bundles everything of one person: laid out by type, both are
read alike, and what others refer to comes first. Of a bundle one file must fit in memory; of NDJSON one line.
"""

import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from tqdm import tqdm

from lhs_helpers.errors import LHSError
from lhs_helpers.records import csv_files
from lhs_helpers.records.csv_files import SHOWN, Broken
from lhs_helpers.records.fhir_extract import EXTRACT, Resolve, Row, at, text
from lhs_helpers.records.recognise import hint, packed

ROWS = 5_000  # kept in memory, of each type
ENDING = re.compile(r"\.(ndjson|jsonl|json)(\.gz)?$", re.IGNORECASE)
NO_JSON, NO_RESOURCE = "is no JSON: it was cut short or damaged", "is no FHIR resource"
UNREADABLE = "unreadable"


class Spool:
    """The rows of one type, kept in a file of Arrow until they are judged."""

    def __init__(self, name: str, path: Path):
        self.name, self.path, self.notes = name, path, []
        self.columns: list[str] = []
        self.rows: list[Row] = []
        self.count = 0
        self.writer: pa.RecordBatchStreamWriter | None = None

    @property
    def has_rows(self) -> bool:
        return self.count > 0

    def add(self, row: Row) -> None:
        self.count += 1
        self.rows.append(row)
        if len(self.rows) >= ROWS:
            self.flush()

    def flush(self) -> None:
        if not self.rows:
            return
        if self.writer is None:
            self.columns = list(self.rows[0])
            schema = pa.schema([("line", pa.int64()), *((name, pa.string()) for name in self.columns)])
            self.writer = pa.ipc.new_stream(
                str(self.path), schema, options=pa.ipc.IpcWriteOptions(compression="lz4")
            )
        lines = pa.array(range(self.count - len(self.rows) + 1, self.count + 1), pa.int64())
        cells = [_strings([row.get(name) for row in self.rows]) for name in self.columns]
        self.writer.write_batch(pa.record_batch([lines, *cells], names=["line", *self.columns]))
        self.rows = []

    def close(self) -> None:
        self.flush()
        if self.writer:
            self.writer.close()

    def chunks(self) -> Iterator[tuple[pa.Table, list[Broken]]]:
        """The rows, fewer at a time than of other files: a resource says more than a line."""
        batches: list[pa.RecordBatch] = []
        # Not by its path alone: that would map the file into memory, all of it in the end.
        with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as stream:
            for batch in stream:
                batches.append(batch)
                if sum(held.num_rows for held in batches) >= csv_files.CHUNK_ROWS // 4:
                    yield pa.Table.from_batches(batches), []
                    batches.clear()
        if batches:
            yield pa.Table.from_batches(batches), []


def _strings(values: list[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # JSON can name halves of characters
        return pa.array(
            [value and value.encode("utf-8", "replace").decode() for value in values], pa.string()
        )


class Export:
    """A folder of FHIR files, laid out by type of resource in a scratch folder."""

    def __init__(self, source: Path, scratch: Path):
        self.scratch = scratch
        self.spools: dict[str, Spool] = {}
        self.unread: Counter[str] = Counter()
        self.latin: list[str] = []
        self.damaged: tuple[str, int, str] | None = (
            None  # the first line that can not be used: file, line, why
        )
        paths = _find(source)
        for path in tqdm(paths, desc="FHIR", unit=" files", disable=None, leave=False):
            self._read(path)
        for spool in self.spools.values():
            spool.close()

    def _read(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                opened = gzip.open if file.read(2) == b"\x1f\x8b" else open
            with opened(path, "rb") as file:
                if ".json" in path.name.lower() and ".jsonl" not in path.name.lower():
                    self._read_document(path, file.read())
                else:
                    self._read_lines(path, file)
        except (OSError, EOFError, zlib.error) as error:
            reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
            raise LHSError(
                f"{path} can not be read to its end ({reason}); "
                "it was cut short or damaged: get it again, or take it away."
            ) from None

    def _read_document(self, path: Path, content: bytes) -> None:
        """A file that is one resource, often a bundle; or lines, whatever its name says."""
        try:
            whole = json.loads(self._decoded(path, content))
        except (ValueError, RecursionError):
            self._read_lines(path, content.splitlines(keepends=True))
            return
        for row, resource in enumerate(whole if isinstance(whole, list) else [whole], 1):
            self._take(path.name, row, resource, content)

    def _read_lines(self, path: Path, lines: Iterator[bytes] | list[bytes]) -> None:
        for row, line in enumerate(lines, 1):
            said = self._decoded(path, line)
            if not said or said.isspace():
                continue
            try:
                resource = json.loads(said)
            except (ValueError, RecursionError):
                self._reject(path.name, row, said, NO_JSON)
                continue
            self._take(path.name, row, resource, line)

    def _decoded(self, path: Path, content: bytes) -> str:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            if path.name not in self.latin:
                self.latin.append(path.name)
            return content.decode("latin-1")

    def _take(self, file: str, row: int, resource: object, content: bytes) -> None:
        """One thing read: a resource, or a bundle of them, whose entries are its rows."""
        if at(resource, "resourceType") != "Bundle":
            self._add(file, row, resource, {})
            return
        entries = resource.get("entry")
        entries = entries if isinstance(entries, list) else []
        resolve = {
            url: name
            for entry in entries
            if (url := text(at(entry, "fullUrl"))) and (name := text(at(entry, "resource", "id")))
        }
        for number, entry in enumerate(entries, 1):
            held = at(entry, "resource")
            if isinstance(held, dict) and not held.get("id") and (url := text(at(entry, "fullUrl"))):
                held = {**held, "id": url.rsplit("/", 1)[-1].removeprefix("urn:uuid:")}
            self._add(file, number, held, resolve)

    def _add(self, file: str, row: int, resource: object, resolve: Resolve) -> None:
        kind = text(at(resource, "resourceType"))
        if kind is None:
            self._reject(file, row, json.dumps(resource)[:SHOWN], NO_RESOURCE)
            return
        if kind not in EXTRACT:
            self.unread[kind] += 1
            return
        for name, cells in EXTRACT[kind](resource, resolve):
            self._spool(name).add({"FILE": file, "ROW": str(row), **cells})

    def _reject(self, file: str, row: int, found: str, reason: str) -> None:
        self.damaged = self.damaged or (file, row, reason)
        self._spool(UNREADABLE).add(
            {"FILE": file, "ROW": str(row), "CONTENT": found.strip()[:SHOWN], "WHY": reason}
        )

    def _spool(self, name: str) -> Spool:
        if name not in self.spools:
            self.spools[name] = Spool(name, self.scratch / f"{name}.arrow")
        return self.spools[name]


def _find(source: Path) -> list[Path]:
    if not source.is_dir():
        found = "is a file" if source.exists() else "does not exist"
        raise LHSError(
            f"{source} {found}{packed(source)}; give the folder that holds the files of a FHIR export."
        )
    paths = sorted(path for path in source.iterdir() if ENDING.search(path.name))
    for path in paths:
        csv_files.require_file(path)
    if not paths:
        raise LHSError(
            f"{source} holds no .ndjson or .json file{hint(source, 'fhir')}; give the folder of a FHIR export."
        )
    return paths
