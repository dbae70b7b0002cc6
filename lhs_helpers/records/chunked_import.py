"""One import under way: chunks are judged and written by SQL, and what must be remembered is on disk.

Memory grows while what DuckDB remembers fills its share, to less than 600 MB, and hardly beyond (benchmarks/README.md):
a chunk has a set number of rows, and rows that stand twice are looked for in one share of their keys after the other.
Three threads work on three chunks: one is parsed, the next judged, the last counted and written.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
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
from lhs_helpers.records.pairs import paired
from lhs_helpers.records.row_keys import RowKeys
from lhs_helpers.records.store import file_name, write_manifest, write_partition

MEMORY = "100MB"  # of DuckDB; beyond it, it works on disk
RELEASED = 4  # chunks; more often costs a tenth of the speed

SESSION = "SET TimeZone = 'UTC';"
REMEMBERED = """
SET preserve_insertion_order = false;
ATTACH ':memory:' AS passing;  -- of it, unlike of temporary tables, two connections know
-- How many rows a chunk has is not known to DuckDB: joins are done as written, the table on the right is hashed.
SET disabled_optimizers = 'join_order,build_side_probe_side';
-- `key` is what other files call a person, `source_id` what the record tells.
CREATE TABLE person (patient_id BIGINT, key VARCHAR, source_id VARCHAR, birth DATE, death TIMESTAMP, sex VARCHAR,
    race VARCHAR, ethnicity VARCHAR, insurance VARCHAR, site VARCHAR);
-- When people were in the care of the source, where it says so: first and last moment.
CREATE TABLE membership (patient_id BIGINT, entered TIMESTAMP, left_at TIMESTAMP);
-- `key` is the hash of what other files call a visit: few bytes, compared only within a person.
CREATE TABLE visit (key UBIGINT, encounter_id BIGINT, patient_id BIGINT, visit_start TIMESTAMP,
    visit_stop TIMESTAMP);
CREATE TABLE seen (file VARCHAR, code VARCHAR, kind VARCHAR, description VARCHAR, unit VARCHAR, n BIGINT);
CREATE TABLE span (file VARCHAR, first TIMESTAMP, last TIMESTAMP);
-- What makes a row the row it is, where it stands more than once: two hashes, and the line where it stands first.
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


JUDGED = "CREATE OR REPLACE TEMP VIEW judged AS FROM {}"
KEYS = "SELECT a, b, line FROM judged WHERE fault = 0"
REPEATED = "INSERT INTO repeated SELECT a, b, min(line) FROM twins GROUP BY a, b HAVING count(*) > 1"


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
        self.database.execute(SESSION + REMEMBERED + format_.tables)
        self.files: dict[str, dict[str, dict]] = {}
        self.counts: dict[str, _Count] = {}
        self.keys = RowKeys(scratch)
        self.writer, self.of_writer = ThreadPoolExecutor(1), self.database.cursor()
        self.of_writer.execute(SESSION)
        self.being_written: Future | None = None

    def close(self) -> None:
        """Wait for what is being written, and forget what was remembered."""
        self.writer.shutdown(cancel_futures=True)
        self.of_writer.close()
        self.database.close()

    def read(self, layout: Layout, file: Source, has_encounters: bool) -> None:
        """Read one file; once more when some of its rows stand there twice, which shows only at its end."""
        self.database.execute("DELETE FROM repeated")
        self.keys.clear()
        self._pass(layout, file, has_encounters)
        for twins in self.keys.twins():
            with self._registered(twins=twins):
                self.database.execute(REPEATED)
        if self.database.execute("SELECT count(*) FROM repeated").fetchone()[0]:
            self._pass(layout, file, has_encounters)
        self._report(file.name)

    def _pass(self, layout: Layout, file: Source, has_encounters: bool) -> None:
        for table in layout.forgotten:
            self.database.execute(f"DELETE FROM {table}")
        for table in ("seen", "span"):
            self.database.execute(f"DELETE FROM {table} WHERE file = '{layout.name}'")
        self.counts[file.name] = _Count()
        judge, pair = layout.judge(file.columns, has_encounters), layout.pair(file.columns)
        chunks = ((*paired(chunk, pair), broken) for chunk, broken in file.chunks())
        with tqdm(desc=file.name, unit=" rows", disable=None, leave=False) as bar:
            for part, (chunk, pairs, broken) in enumerate(_ahead(chunks), 1):
                judged = f"passing.judged_{part % 2}"  # while this one is made, the other is being written
                with self._registered(chunk=chunk, pairs=pairs):
                    self.database.execute(f"CREATE OR REPLACE TABLE {judged} AS {judge}")
                if layout.remembered:
                    self.database.execute(JUDGED.format(judged))
                    for statement in layout.remembered:
                        self.database.execute(statement)
                self._written()
                name = f"{layout.name}-{part:05}"
                self.being_written = self.writer.submit(
                    self._write_chunk, layout, file.name, name, judged, len(chunk), broken
                )
                bar.update(len(chunk))
        self._written()

    @contextmanager
    def _registered(self, **tables: pa.Table) -> Iterator[None]:
        for name, table in tables.items():
            self.database.register(name, table)
        yield
        for name in tables:
            self.database.unregister(name)

    def _write_chunk(
        self, layout: Layout, file: str, part: str, judged: str, rows: int, broken: list[Broken]
    ) -> None:
        """Count and write a chunk, while the next is judged."""
        ask = self.of_writer.execute
        ask(JUDGED.format(judged))
        self.keys.add(ask(KEYS).to_arrow_table())
        for statement in layout.summed:
            ask(statement)
        for table, kept in layout.kept.items():
            self._write(table, part, ask(kept).to_arrow_table())
        rejected = ask(layout.rejected(file)).to_arrow_table()
        lines = [
            {"file": file, "row": row, "found": found, "reason": reason} for row, found, reason in broken
        ]
        rejected = pa.concat_tables([rejected, pa.Table.from_pylist(lines, rejected.schema)])
        self._write("rejected", part, rejected)
        count = self.counts[file]
        count.rows += rows + len(broken)
        count.kept += rows + len(broken) - len(rejected)
        columns, reasons = (rejected.column(column).to_pylist() for column in ("column", "reason"))
        count.reasons.update(
            f"{column} {reason}" if column else reason
            for column, reason in zip(columns, reasons, strict=True)
        )
        if int(part[-5:]) % RELEASED == 0:
            # What was freed is kept in pieces, into which the next chunk may not fit: it is given back.
            pa.default_memory_pool().release_unused()

    def _write(self, table: str, part: str, rows: pa.Table) -> None:
        parts = self.files.setdefault(table, {})
        if len(rows):
            parts[part] = write_partition(self.folder, table, part, rows)
        elif parts.pop(part, None):  # a first pass had rows here
            (self.folder / table / file_name(part)).unlink()

    def _written(self) -> None:
        """Wait until what is being written is."""
        if self.being_written:
            self.being_written.result()
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
