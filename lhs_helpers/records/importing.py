"""An export of any format turned into a record: the part that all readers share.

What can be known before a row is read is told first: columns that are missing, a folder that holds something else.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from lhs_helpers.errors import LHSError
from lhs_helpers.records.chunked_import import Import
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.formats import Format, Source
from lhs_helpers.records.layout import Layout
from lhs_helpers.records.store import MANIFEST, read_manifest
from lhs_helpers.records.tables import SCHEMAS


def run(
    format_: Format, source: str, opened: Mapping[str, Source], folder: Path | str, notes: list[str]
) -> EMR:
    """Write an export as a record into `folder`, and open it.

    Parameters
    ----------
    format_ : what kind of export it is.
    source : where it lies, for sentences.
    opened : its files by the name of their layout.
    folder : where the record goes: new, empty, or holding an earlier import of this kind, which is replaced.
    notes : what is already known to be odd, for the manifest.

    Raises
    ------
    LHSError
        When a column that identifies rows is missing, nobody in the export can be used, a file can not be read
        to its end, or `folder` holds something else.
    """
    folder = Path(folder)
    for layout in format_.layouts:
        _require_columns(layout, opened)
    _clear(folder, format_)
    has_encounters = any(name in opened for name in format_.encounters)
    with tempfile.TemporaryDirectory(prefix="lhs-import-") as scratch, _one_allocator():
        run = Import(folder, Path(scratch), format_)
        try:
            for layout in format_.layouts:
                if layout.name in opened:
                    run.read(layout, opened[layout.name], has_encounters)
            odd = [note for file in opened.values() for note in file.notes]
            run.finish(absences(format_, opened) + notes + odd)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise LHSError(f"{source} could not be imported ({reason}); free memory and disk.") from None
        finally:
            run.close()
    return EMR(folder)


@contextmanager
def _one_allocator() -> Iterator[None]:
    """Let Arrow allocate where DuckDB does, of the system: two allocators would each keep what they once held."""
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def _require_columns(layout: Layout, opened: Mapping[str, Source]) -> None:
    file = opened.get(layout.name)
    if file is None or not (file.columns or layout.name in ("patients", "person")):
        return
    missing = [name for name in map(layout.column, layout.essential) if name not in file.columns]
    if missing:
        held = ", ".join(file.columns) or "nothing"
        raise LHSError(
            f"{getattr(file, 'path', file.name)} has no column {missing[0]}: its first line holds {held[:200]}. "
            "Without it no row can be used; restore the header, or take the file away."
        )


def _clear(folder: Path, format_: Format) -> None:
    """Make room: an earlier import, finished or not, is removed; anything else is left alone and refused."""
    finished = (folder / MANIFEST).is_file()
    if finished and read_manifest(folder)["source"] != format_.source:
        raise LHSError(f"{folder} holds another record; give {format_.reader} a folder of its own.")
    try:
        others = [path.name for path in folder.iterdir()] if folder.exists() else []
        others = [name for name in others if name not in SCHEMAS and name != MANIFEST]
        if others and not finished:
            raise LHSError(
                f"{folder} holds {sorted(others)[0]}; give {format_.reader} a new or empty folder."
            )
        # The manifest goes first: from here on, the folder is not finished.
        (folder / MANIFEST).unlink(missing_ok=True)
        for table in SCHEMAS:
            shutil.rmtree(folder / table, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LHSError(f"{folder} can not be used ({error.strerror}); give a folder to write into.") from None


def absences(format_: Format, opened: Mapping[str, Source]) -> list[str]:
    """What the export lacks, each named once."""
    notes = []
    expected = [layout.name for layout in format_.layouts if layout.name not in format_.quiet]
    absent = [f"{name}{format_.ending}" for name in expected if name not in opened]
    if absent:
        notes.append(f"Not in the export: {', '.join(absent)}.")
    for layout in format_.layouts:
        if layout.name in opened:
            file = opened[layout.name]
            wanted = dict.fromkeys(
                layout.column(name) for name in layout.optional if name not in format_.quiet
            )
            lacking = [name for name in wanted if name not in file.columns]
            if not file.has_rows:
                notes.append(f"{file.name} has no rows.")
            elif lacking:
                notes.append(f"{file.name} has no column {', '.join(lacking)}.")
    return notes
