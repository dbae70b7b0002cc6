"""Synthea's CSV export, of 2022 or current, turned into a record.

A file is read in chunks; each chunk is judged and written by SQL on an embedded DuckDB that keeps what must be
remembered (people, encounters, keys of rows) on disk, so that memory does not grow with the export.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from tqdm import tqdm

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.store import MANIFEST, read_manifest, write_manifest, write_partition
from lhs_helpers.records.synthea_csv import CHUNK_ROWS, Broken, CSVFile, find_files
from lhs_helpers.records.synthea_layout import Layout
from lhs_helpers.records.synthea_rules import FILES, NOTES

SOURCE = "Synthea CSV export"
MEMORY = "600MB"  # of DuckDB; beyond it, it works on disk

REMEMBERED = """
SET preserve_insertion_order = false;
-- How many rows a chunk has is not known to DuckDB: joins are done as written, the table on the right is hashed.
SET disabled_optimizers = 'join_order,build_side_probe_side';
SET TimeZone = 'UTC';
CREATE TABLE organization (source_id VARCHAR, name VARCHAR);
CREATE TABLE person (patient_id BIGINT, source_id VARCHAR, birth DATE, death TIMESTAMP, sex VARCHAR,
    race VARCHAR, ethnicity VARCHAR);
CREATE TABLE visit (source_id VARCHAR, encounter_id BIGINT, patient_id BIGINT, visit_start TIMESTAMP,
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
"""
PATIENTS = """
WITH entry AS (SELECT patient_id, min(visit_start) AS entered FROM visit
    WHERE patient_id BETWEEN {low} AND {high} GROUP BY patient_id),
chosen AS (SELECT *, coalesce(entered, birth) AS entry FROM person LEFT JOIN entry USING (patient_id)
    WHERE patient_id BETWEEN {low} AND {high}),
version AS (SELECT *, 'registered' AS status, entry AS time FROM chosen UNION ALL
    SELECT *, 'died', death FROM chosen WHERE death IS NOT NULL)
SELECT patient_id, source_id, birth AS birth_date, sex, race, ethnicity, status, time, time AS recorded_at
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


def read_synthea(source: Path | str, folder: Path | str) -> EMR:
    """Write a Synthea CSV export as a record into `folder`, and open it.

    Any subset of the files will do, as long as patients.csv is there; plain or gzip, with the columns of 2022 or
    of today, in any order and letter case. Rows that can not be used go to the table `rejected`, each with its
    reason (see `synthea_rules`). Rows in = kept + rejected: the sums are printed, and stand in the manifest.

    Parameters
    ----------
    source : the folder of CSV files.
    folder : where the record goes: new, empty, or holding an earlier import, which is replaced.

    Returns
    -------
    EMR
        What a user must know of the data is in `.manifest["notes"]`.

    Raises
    ------
    LHSError
        When patients.csv or a column that identifies rows is missing, nobody in the export can be used, a file
        can not be read to its end, or `folder` holds something else.
    """
    files, folder = find_files(source), Path(folder)
    if "patients" not in files:
        raise LHSError(
            f"{source} holds no patients.csv; a record needs it: give the folder of a whole export."
        )
    opened = {layout.name: CSVFile(files[layout.name]) for layout in FILES if layout.name in files}
    for layout in FILES:
        _require_columns(layout, opened)
    _clear(folder)
    with tempfile.TemporaryDirectory(prefix="lhs-synthea-") as scratch:
        run = _Import(folder, Path(scratch))
        try:
            for layout in FILES:
                if layout.name in opened:
                    run.read(layout, opened[layout.name], "encounters" in opened)
            run.finish(_absences(files, opened) + [note for file in opened.values() for note in file.notes])
        except duckdb.Error as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise LHSError(f"{source} could not be imported ({reason}); free memory and disk.") from None
        finally:
            run.database.close()
    return EMR(folder)


def _require_columns(layout: Layout, opened: dict[str, CSVFile]) -> None:
    file = opened.get(layout.name)
    if file is None or not (file.columns or layout.name == "patients"):
        return
    missing = [name for name in layout.essential if name not in file.columns]
    if missing:
        held = ", ".join(file.columns) or "nothing"
        raise LHSError(
            f"{file.path} has no column {missing[0]}: its first line holds {held[:200]}. "
            "Without it no row can be used; restore the header, or take the file away."
        )


def _clear(folder: Path) -> None:
    """Make room: an earlier import, finished or not, is removed; anything else is left alone and refused."""
    finished = (folder / MANIFEST).is_file()
    if finished and read_manifest(folder)["source"] != SOURCE:
        raise LHSError(f"{folder} holds another record; give read_synthea a folder of its own.")
    tables = {layout.table for layout in FILES} | {"concepts", "rejected"}
    try:
        others = [path.name for path in folder.iterdir()] if folder.exists() else []
        others = [name for name in others if name not in tables and name != MANIFEST]
        if others and not finished:
            raise LHSError(f"{folder} holds {sorted(others)[0]}; give read_synthea a new or empty folder.")
        # The manifest goes first: from here on, the folder is not finished.
        (folder / MANIFEST).unlink(missing_ok=True)
        for table in filter(None, tables):
            shutil.rmtree(folder / table, ignore_errors=True)
    except OSError as error:
        raise LHSError(f"{folder} can not be used ({error.strerror}); give a folder to write into.") from None


def _absences(files: dict[str, Path], opened: dict[str, CSVFile]) -> list[str]:
    """What the export lacks and what the record has no place for, each named once."""
    notes = []
    absent = [f"{layout.name}.csv" for layout in FILES if layout.name not in opened]
    if absent:
        notes.append(f"Not in the export: {', '.join(absent)}.")
    for layout in FILES:
        if layout.name in opened:
            file = opened[layout.name]
            lacking = [name for name in layout.optional if name not in file.columns and name != "SYSTEM"]
            if not file.has_rows:
                notes.append(f"{file.path.name} has no rows.")
            elif lacking:
                notes.append(f"{file.path.name} has no column {', '.join(lacking)}.")
    unread = [path.name for name, path in files.items() if name not in opened]
    if unread:
        notes.append(f"Not read, as the record has no table for them: {', '.join(unread)}.")
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

    def __init__(self, folder: Path, scratch: Path):
        self.folder = folder
        self.database = duckdb.connect(
            scratch / "remembered.duckdb",
            config={"memory_limit": MEMORY, "temp_directory": str(scratch / "spill")},
        )
        self.database.execute(REMEMBERED)
        self.files: dict[str, dict[str, dict]] = {}
        self.counts: dict[str, _Count] = {}

    def read(self, layout: Layout, file: CSVFile, has_encounters: bool) -> None:
        """Read one file; once more when some of its rows stand there twice, which shows only at its end."""
        self.database.execute("DELETE FROM repeated; DELETE FROM row_key")
        self._pass(layout, file, has_encounters)
        self.database.execute(
            "INSERT INTO repeated SELECT a, b, min(line) FROM row_key GROUP BY a, b HAVING count(*) > 1"
        )
        if self.database.execute("SELECT count(*) FROM repeated").fetchone()[0]:
            self._pass(layout, file, has_encounters)
        if file.text.is_latin:
            file.notes.append(f"{file.path.name} holds lines that are not UTF-8; they were read as Latin-1.")
        self._report(file.path.name)

    def _pass(self, layout: Layout, file: CSVFile, has_encounters: bool) -> None:
        for table in layout.forgotten:
            self.database.execute(f"DELETE FROM {table}")
        for table in ("seen", "span"):
            self.database.execute(f"DELETE FROM {table} WHERE file = '{layout.name}'")
        self.counts[file.path.name] = count = _Count()
        judge = layout.judge(file.columns, has_encounters)
        with tqdm(desc=file.path.name, unit=" rows", disable=None, leave=False) as bar:
            for part, (chunk, broken) in enumerate(_ahead(file.chunks()), 1):
                self._write_chunk(layout, file.path.name, judge, f"{layout.name}-{part:05}", chunk, broken)
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
        if layout.table:
            self._write(layout.table, part, self.database.execute(layout.kept).to_arrow_table())
        rejected = self.database.execute(layout.rejected).to_arrow_table()
        lines = [{"row": row, "found": found, "reason": reason} for row, found, reason in broken]
        rejected = pa.concat_tables([rejected, pa.Table.from_pylist(lines, rejected.schema)])
        rejected = rejected.append_column("file", pa.array([name] * len(rejected), pa.string()))
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
        last = self.database.execute("SELECT max(patient_id) FROM person").fetchone()[0]
        if last is None:
            raise LHSError(
                f"No patient of the export can be used, and {self.folder} holds no record; see above."
            )
        for part, low in enumerate(range(1, last + 1, CHUNK_ROWS), 1):
            query = PATIENTS.format(low=low, high=low + CHUNK_ROWS - 1)
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
            source=SOURCE,
            period=period,
            parameters={"rows": rows},
            notes=[*NOTES, *notes],
            files=self.files,
        )
