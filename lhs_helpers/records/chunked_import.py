"""One import under way: chunks are judged and written by SQL, and what must be remembered is on disk.

Memory hardly grows with the export (benchmarks/readers.py measures it): a chunk has a set number of rows, DuckDB a set
memory, and rows that stand twice are looked for in one share of their keys after the other. Three threads work on three
chunks: one is parsed, the next judged, the last written.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from tqdm import tqdm

from lhs_helpers.errors import LHSError
from lhs_helpers.records import csv_files
from lhs_helpers.records.csv_files import Broken
from lhs_helpers.records.formats import Format, Source
from lhs_helpers.records.layout import Layout
from lhs_helpers.records.store import file_name, write_manifest, write_partition

MEMORY = "150MB"  # of DuckDB; beyond it, it works on disk
SHARE, SHARES = 500_000, 64  # keys of rows compared at a time, as far as so many shares do

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


def _ahead(chunks: Iterator[tuple]) -> Iterator[tuple]:
    """The same chunks; the next is parsed while one is judged."""
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


class Import:
    """One import under way: what was written, what was counted, what must be remembered."""

    def __init__(self, folder: Path, scratch: Path, format_: Format):
        self.folder, self.format = folder, format_
        self.database = duckdb.connect(
            scratch / "remembered.duckdb",
            # One thread: several would share a chunk that is soon judged, and each hold memory of its own.
            config={"memory_limit": MEMORY, "temp_directory": str(scratch / "spill"), "threads": 1},
        )
        self.database.execute(REMEMBERED + format_.tables)
        self.files: dict[str, dict[str, dict]] = {}
        self.counts: dict[str, _Count] = {}
        self.writer = ThreadPoolExecutor(1)
        self.being_written: tuple[str, str, Future] | None = None

    def close(self) -> None:
        """Wait for what is being written, and forget what was remembered."""
        self.writer.shutdown(cancel_futures=True)
        self.database.close()

    def read(self, layout: Layout, file: Source, has_encounters: bool) -> None:
        """Read one file; once more when some of its rows stand there twice, which shows only at its end."""
        self.database.execute("DELETE FROM repeated; DELETE FROM row_key")
        self._pass(layout, file, has_encounters)
        rows = self.database.execute("SELECT count(*) FROM row_key").fetchone()[0]
        shares = min(rows // SHARE + 1, SHARES)
        for share in range(shares):
            self.database.execute(f"""INSERT INTO repeated SELECT a, b, min(line) FROM row_key
                WHERE b % {shares} = {share} GROUP BY a, b HAVING count(*) > 1""")
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
        """Write a partition while the next chunk is judged; the one before must be written by then."""
        self._written()
        if len(rows):
            future = self.writer.submit(write_partition, self.folder, table, part, rows)
            self.being_written = (table, part, future)
        elif self.files.get(table, {}).pop(part, None):  # a first pass had rows here
            (self.folder / table / file_name(part)).unlink()

    def _written(self) -> None:
        if self.being_written:
            table, part, future = self.being_written
            self.files.setdefault(table, {})[part] = future.result()
            self.being_written = None

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
        self._written()
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
