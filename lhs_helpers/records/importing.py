"""An export of any format turned into a record: the part that all readers share.

A file is read in chunks; each chunk is judged and written by SQL on an embedded DuckDB that keeps what must be
remembered (people, encounters, keys of rows) on disk, so that memory does not grow with the export.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa
from tqdm import tqdm

from lhs_helpers.errors import LHSError
from lhs_helpers.records import csv_files
from lhs_helpers.records.csv_files import Broken
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.layout import Layout
from lhs_helpers.records.store import MANIFEST, read_manifest, write_manifest, write_partition
from lhs_helpers.records.tables import SCHEMAS

MEMORY = "600MB"  # of DuckDB; beyond it, it works on disk

REMEMBERED = """
SET preserve_insertion_order = false;
-- How many rows a chunk has is not known to DuckDB: joins are done as written, the table on the right is hashed.
SET disabled_optimizers = 'join_order,build_side_probe_side';
SET TimeZone = 'UTC';
-- `key` is what other files call a person, `source_id` what the record tells.
CREATE TABLE person (patient_id BIGINT, key VARCHAR, source_id VARCHAR, birth DATE, death TIMESTAMP, sex VARCHAR,
    race VARCHAR, ethnicity VARCHAR, insurance VARCHAR, site VARCHAR);
-- When people were in the care of the source, where it says so: first and last moment.
CREATE TABLE membership (patient_id BIGINT, entered TIMESTAMP, left_at TIMESTAMP);
CREATE TABLE visit (key VARCHAR, encounter_id BIGINT, patient_id BIGINT, visit_start TIMESTAMP,
    visit_stop TIMESTAMP);
CREATE TABLE seen (file VARCHAR, code VARCHAR, kind VARCHAR, description VARCHAR, unit VARCHAR, n BIGINT);
CREATE TABLE span (file VARCHAR, first TIMESTAMP, last TIMESTAMP);
-- What makes a row the row it is: two hashes, and where it stands. Rows with an earlier twin are `repeated`.
CREATE TABLE row_key (a UBIGINT, b UBIGINT, line BIGINT);
CREATE TABLE repeated (a UBIGINT, b UBIGINT, first BIGINT);
-- A cast to TIMESTAMP would pass over a zone; the one that heeds it is slower.
CREATE MACRO moment(text) AS CASE WHEN text NOT LIKE '____-__-__%' THEN NULL
    WHEN text LIKE '%Z' OR length(text) < 20 THEN TRY_CAST(text AS TIMESTAMP)
    ELSE CAST(TRY_CAST(text AS TIMESTAMPTZ) AS TIMESTAMP) END;
-- DuckDB would take 1_000 for a number, too.
CREATE MACRO number(text) AS CASE WHEN strpos(text, '_') = 0 AND isfinite(TRY_CAST(text AS DOUBLE))
    THEN TRY_CAST(text AS DOUBLE) END;
-- Whole numbers come as 7.0 from programs that know no missing ones.
CREATE MACRO whole_number(text) AS regexp_replace(text, '\\.0*$', '');
CREATE MACRO end_of_day(moment) AS
    CASE WHEN moment = moment::DATE THEN moment + to_seconds(86399) ELSE moment END;
"""
# Registered at the beginning of each membership; without one at the first encounter, else at birth. Who dies has
# not left, nor has who is there when the export ends.
PATIENTS = """
WITH chosen AS (SELECT * FROM person WHERE patient_id BETWEEN {low} AND {high}),
entry AS (SELECT patient_id, min(visit_start) AS first_visit FROM visit
    WHERE patient_id BETWEEN {low} AND {high} GROUP BY patient_id),
entered AS (SELECT chosen.*, coalesce(entered, first_visit, birth) AS entry, left_at
    FROM chosen LEFT JOIN entry USING (patient_id) LEFT JOIN membership USING (patient_id)),
version AS (SELECT *, 'registered' AS status, entry AS time FROM entered UNION ALL
    SELECT *, 'left', left_at FROM entered
    WHERE left_at < coalesce(death::DATE, 'infinity') AND left_at < (SELECT max(left_at) FROM membership) UNION ALL
    SELECT *, NULL, NULL, 'died', death FROM chosen WHERE death IS NOT NULL)
SELECT patient_id, source_id, birth AS birth_date, sex, race, ethnicity, insurance, site, status, time,
    time AS recorded_at
FROM version ORDER BY patient_id, time
"""
# A code that is only ever a reason counts nothing (n = 0): what names it elsewhere has precedence.
CONCEPTS = """
WITH total AS (SELECT code, kind, description, unit, sum(n) AS n FROM seen GROUP BY ALL)
SELECT code, split_part(code, ':', 1) AS system, first(description ORDER BY n DESC, description) AS description,
    first(unit ORDER BY n DESC, unit) FILTER (kind = 'observation' AND unit IS NOT NULL) AS unit,
    first(kind ORDER BY n DESC, kind) AS kind
FROM total GROUP BY code ORDER BY code
"""
PERIOD = """
SELECT coalesce((SELECT min(first) FROM span), min(birth))::DATE,
    greatest((SELECT max(last) FROM span), max(birth), max(death))::DATE + 1 FROM person
"""


class Source(Protocol):
    """What rows come from: a file, a table of a database, the resources of one type."""

    name: str  # by which its rows are counted
    columns: list[str]
    has_rows: bool
    notes: list[str]  # what is odd about it

    def chunks(self) -> Iterator[tuple[pa.Table, list[Broken]]]:
        """The rows as tables of text with their number in `line`, and what can not be told apart into columns."""


@dataclass(frozen=True)
class Format:
    """A kind of export: its layouts in the order they are read (what others refer to first), its notes."""

    source: str  # as the manifest tells it
    reader: str  # the function, for sentences
    layouts: tuple[Layout, ...]
    notes: tuple[str, ...]
    ending: str = ".csv"
    quiet: tuple[str, ...] = ("SYSTEM",)  # layouts and columns whose absence is not worth a word
    tables: str = ""  # SQL of further things to remember
    patients: str = PATIENTS  # SQL that makes the table of people, from {low} to {high}
    said: Mapping[str, str] | None = None  # sentences, each with the SQL that counts the rows it speaks of

    @property
    def encounters(self) -> tuple[str, ...]:
        """The layouts of encounters: without any of them, references to them are not judged."""
        return tuple(layout.name for layout in self.layouts if "encounters" in layout.kept)


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
    with tempfile.TemporaryDirectory(prefix="lhs-import-") as scratch:
        run = _Import(folder, Path(scratch), format_)
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
            run.database.close()
    return EMR(folder)


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


def _ahead(chunks: Iterator[tuple]) -> Iterator[tuple]:
    """The same chunks; the next is parsed while one is judged and written."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = pool.submit(next, chunks, None)
            yield chunk


@dataclass
class _Count:
    rows: int = 0
    kept: int = 0

    def __post_init__(self) -> None:
        self.reasons: Counter[str] = Counter()


class _Import:
    """One import under way: what was written, what was counted, what must be remembered."""

    def __init__(self, folder: Path, scratch: Path, format_: Format):
        self.folder, self.format = folder, format_
        self.database = duckdb.connect(
            scratch / "remembered.duckdb",
            config={"memory_limit": MEMORY, "temp_directory": str(scratch / "spill")},
        )
        self.database.execute(REMEMBERED + format_.tables)
        self.files: dict[str, dict[str, dict]] = {}
        self.counts: dict[str, _Count] = {}

    def read(self, layout: Layout, file: Source, has_encounters: bool) -> None:
        """Read one file; once more when some of its rows stand there twice, which shows only at its end."""
        self.database.execute("DELETE FROM repeated; DELETE FROM row_key")
        self._pass(layout, file, has_encounters)
        self.database.execute(
            "INSERT INTO repeated SELECT a, b, min(line) FROM row_key GROUP BY a, b HAVING count(*) > 1"
        )
        if self.database.execute("SELECT count(*) FROM repeated").fetchone()[0]:
            self._pass(layout, file, has_encounters)
        self._report(file.name)

    def _pass(self, layout: Layout, file: Source, has_encounters: bool) -> None:
        for table in layout.forgotten:
            self.database.execute(f"DELETE FROM {table}")
        for table in ("seen", "span"):
            self.database.execute(f"DELETE FROM {table} WHERE file = '{layout.name}'")
        self.counts[file.name] = count = _Count()
        judge = layout.judge(file.columns, has_encounters)
        with tqdm(desc=file.name, unit=" rows", disable=None, leave=False) as bar:
            for part, (chunk, broken) in enumerate(_ahead(file.chunks()), 1):
                self._write_chunk(layout, file.name, judge, f"{layout.name}-{part:05}", chunk, broken)
                count.rows += chunk.num_rows + len(broken)
                bar.update(chunk.num_rows)

    def _write_chunk(
        self, layout: Layout, name: str, judge: str, part: str, chunk: pa.Table, broken: list[Broken]
    ) -> None:
        self.database.register("chunk", chunk)
        self.database.execute(judge)
        self.database.unregister("chunk")
        for statement in layout.remembered:
            self.database.execute(statement)
        for table, rows in layout.kept.items():
            self._write(table, part, self.database.execute(rows).to_arrow_table())
        rejected = self.database.execute(layout.rejected(name)).to_arrow_table()
        lines = [
            {"file": name, "row": row, "found": found, "reason": reason} for row, found, reason in broken
        ]
        rejected = pa.concat_tables([rejected, pa.Table.from_pylist(lines, rejected.schema)])
        self._write("rejected", part, rejected)
        count = self.counts[name]
        count.kept += chunk.num_rows + len(broken) - len(rejected)
        columns, reasons = (rejected.column(column).to_pylist() for column in ("column", "reason"))
        count.reasons.update(
            f"{column} {reason}" if column else reason
            for column, reason in zip(columns, reasons, strict=True)
        )

    def _write(self, table: str, part: str, rows: pa.Table) -> None:
        self.files.setdefault(table, {}).pop(part, None)
        if len(rows):
            self.files[table][part] = write_partition(self.folder, table, part, rows)

    def _report(self, name: str) -> None:
        count = self.counts[name]
        rejected = count.rows - count.kept
        print(f"{name}: {count.rows:,} rows = {count.kept:,} kept + {rejected:,} rejected")
        for reason, rows in count.reasons.most_common():
            print(f"    {rows:,}: {reason}")

    def finish(self, notes: list[str]) -> None:
        """Write what needs all files (people, concepts), then the manifest."""
        people = [row[0] for row in self.database.execute(self._bounds()).fetchall()]
        if not people:
            raise LHSError(
                f"No patient of the export can be used, and {self.folder} holds no record; see above."
            )
        for part, (low, after) in enumerate(zip(people, [*people[1:], 2**63 - 1], strict=True), 1):
            query = self.format.patients.format(low=low, high=after - 1)
            self._write("patients", f"patients-{part:05}", self.database.execute(query).to_arrow_table())
        self._write("concepts", "concepts", self.database.execute(CONCEPTS).to_arrow_table())
        period = self.database.execute(PERIOD).fetchone()
        rows = {
            name: {
                "in": count.rows,
                "kept": count.kept,
                "rejected": count.rows - count.kept,
                "reasons": dict(count.reasons.most_common()),
            }
            for name, count in self.counts.items()
        }
        write_manifest(
            self.folder,
            source=self.format.source,
            period=period,
            parameters={"rows": rows},
            notes=[*self.format.notes, *self._counted(), *notes],
            files=self.files,
        )

    def _bounds(self) -> str:
        """The first person of each partition of people."""
        return f"""SELECT patient_id FROM (SELECT patient_id, row_number() OVER (ORDER BY patient_id) - 1 AS n
            FROM person) WHERE n % {csv_files.CHUNK_ROWS} = 0 ORDER BY patient_id"""

    def _counted(self) -> list[str]:
        """The sentences of the format that speak of some rows of this export."""
        found = {
            said: self.database.execute(query).fetchone()[0]
            for said, query in (self.format.said or {}).items()
        }
        return [said.format(n=f"{n:,}") for said, n in found.items() if n]
