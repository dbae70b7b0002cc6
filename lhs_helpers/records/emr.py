"""An electronic medical record (EMR) to be questioned: lazy tables over a folder's Parquet files, or in a database."""

import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from ibis.backends import BaseBackend

from lhs_helpers.errors import LHSError
from lhs_helpers.records import databases
from lhs_helpers.records.store import read_manifest
from lhs_helpers.records.tables import SCHEMAS, zone_sentence

EVENT_COLUMNS = ("patient_id", "time", "recorded_at", "code", "value", "text", "unit", "kind")
SPILL = str(Path(tempfile.gettempdir()) / "lhs-duckdb")  # where DuckDB puts what does not fit into memory
# A cast would turn such times into those of this computer's clock, without a word.
ZONED = (
    "SELECT file_name, name FROM parquet_schema([{}]) WHERE duckdb_type = 'TIMESTAMP WITH TIME ZONE' LIMIT 1"
)
SQL_TYPES = {
    "int64": "BIGINT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "timestamp[us]": "TIMESTAMP",
    "date32[day]": "DATE",
}


class EMR:
    """A record, opened where it lies; `emr.as_of(time)` is the same record as it was known then.

    Opening reads the manifest and looks at the ends of the files; rows are read when a table is executed.
    Tables are ibis expressions: filter, join and aggregate them, then `.execute()`. Those of a folder are on one
    embedded DuckDB; those of a database stay there, and so does the work: what comes back is what was asked for.

    Parameters
    ----------
    source : path or ibis connection
        A folder written by `lhs generate`, a `Hospital` or a reader such as `read_nafld`; or a connection to
        PostgreSQL or Spark (``ibis.postgres.connect``, ``ibis.pyspark.connect``) that has the tables of a record, by
        name, as tables or views.

    Raises
    ------
    LHSError
        When the folder does not exist, is not an EMR, is not finished, or holds a damaged Parquet file; when the
        database lacks a table or a column; and when times have a zone.
    """

    def __init__(self, source: Path | str | BaseBackend):
        self.known_at: pd.Timestamp | None = None
        if isinstance(source, BaseBackend):
            self._folder, self.connection = None, databases.adapted(source)
            databases.require_tables(self.connection)
            self.manifest = databases.manifest(self.connection)
            return
        self._folder = Path(source)
        self.manifest = read_manifest(self._folder)
        self.connection = ibis.duckdb.connect(temp_directory=SPILL)
        for table in SCHEMAS:
            self._open(table)

    @property
    def folder(self) -> Path:
        """The folder it was opened from; an LHSError for a record in a database, which has none."""
        if self._folder is None:
            raise LHSError(
                f"This record is in {databases.named(self.connection)}, and what was asked for reads the files of a "
                "folder: open the folder that was loaded, or filter the tables of this EMR."
            )
        return self._folder

    @property
    def duckdb(self) -> BaseBackend:
        """The embedded database of a folder's record, for SQL that only DuckDB speaks; else an LHSError."""
        return self.folder and self.connection

    def _open(self, table: str) -> None:
        files = self.files(table)
        _refuse_damaged(files)
        try:
            self.connection.raw_sql(f'CREATE VIEW "{table}" AS {select_sql(table, files)}')
            zoned = self.connection.raw_sql(ZONED.format(_listed(files))).fetchone() if files else None
        except duckdb.Error as error:  # it looks into the first file, for the columns
            found = str(error).splitlines()[0].rstrip(".")
            raise LHSError(f"{files[0]} can not be read as part of the table {table} ({found}).") from None
        if zoned:
            raise LHSError(zone_sentence("Column {1} of {0}".format(*zoned)))

    def files(self, table: str) -> list[Path]:
        """The partitions of a table that are there. One that is missing is named by `check`."""
        entry = self.manifest["tables"].get(table, {"files": {}})
        paths = (self.folder / table / name for name in sorted(entry["files"]))
        return [path for path in paths if path.is_file()]

    def as_of(self, time: str | pd.Timestamp) -> "EMR":
        """The record as it was known at `time`: rows recorded later, also later deaths, are not in it."""
        try:
            moment = pd.Timestamp(time)
        except (ValueError, TypeError):
            moment = pd.NaT
        if moment is pd.NaT or moment.tz is not None:
            raise LHSError(
                f"as_of was given {time!r}; expected is a time without a zone, such as '2019-01-01'."
            )
        then = object.__new__(EMR)
        then._folder, then.manifest, then.connection = self._folder, self.manifest, self.connection
        then.known_at = moment if self.known_at is None else min(moment, self.known_at)
        return then

    @property
    def period(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First and last day of the whole record, as its manifest says."""
        start, end = self.manifest["period"]
        return pd.Timestamp(start), pd.Timestamp(end)

    def _whole(self, name: str) -> ir.Table:
        """A table, whenever its rows were recorded."""
        if self._folder is None:
            return databases.record_table(self.connection, name)
        return self.connection.table(name)

    def _table(self, name: str) -> ir.Table:
        table = self._whole(name)
        return table if self.known_at is None else table.filter(table.recorded_at <= self.known_at)

    @cached_property
    def patients(self) -> ir.Table:
        """Every version of what was known of each person, one row per change."""
        return self._table("patients")

    @cached_property
    def encounters(self) -> ir.Table:
        """Visits and stays; known when they end."""
        return self._table("encounters")

    @cached_property
    def conditions(self) -> ir.Table:
        """Diagnoses (active) and their ends (resolved)."""
        return self._table("conditions")

    @cached_property
    def observations(self) -> ir.Table:
        """Vital signs, laboratory results and answers, each a value with a unit or a text."""
        return self._table("observations")

    @cached_property
    def medications(self) -> ir.Table:
        """Drugs, their starts and their stops."""
        return self._table("medications")

    @cached_property
    def procedures(self) -> ir.Table:
        """What was done."""
        return self._table("procedures")

    @cached_property
    def immunizations(self) -> ir.Table:
        """Vaccinations given."""
        return self._table("immunizations")

    @cached_property
    def concepts(self) -> ir.Table:
        """What each code means, in which unit it is measured."""
        return self._whole("concepts")

    @cached_property
    def rejected(self) -> ir.Table:
        """Rows of the source that the reader could not use, with file, row, column, what was found and why."""
        return self._whole("rejected")

    @cached_property
    def people(self) -> ir.Table:
        """One row per person, as last known, with `entered`, `left_time` and `death_time` (null where unknown).

        Someone who left and registered again later has not left.
        """
        versions = self.patients
        person = ibis.window(group_by=versions.patient_id)
        latest_first = ibis.window(
            group_by=versions.patient_id,
            order_by=[ibis.desc(versions.recorded_at), ibis.desc(versions.time), versions.status],
        )
        is_registered, has_left = versions.status == "registered", versions.status == "left"
        people = versions.mutate(
            entered=versions.time.min(where=is_registered).over(person),
            left_time=versions.time.max(where=has_left).over(person),
            death_time=versions.time.min(where=versions.status == "died").over(person),
            back=versions.time.max(where=is_registered).over(person),
            version=ibis.row_number().over(latest_first),
        )
        people = people.filter(people.version == 0)
        returned = (people.back > people.left_time).fill_null(False)
        return people.mutate(left_time=returned.ifelse(ibis.null("timestamp(6)"), people.left_time)).drop(
            "back", "version"
        )

    @cached_property
    def events(self) -> ir.Table:
        """The one long view, with patient_id, time, recorded_at, code, value, text, unit, kind.

        kind is encounter, condition, condition_end, observation, medication, medication_stop, procedure,
        immunization, death or left (the last two with their kind as code).
        """
        ends = self.patients.filter(self.patients.status.isin(["died", "left"]))
        end = (ends.status == "died").ifelse("death", "left")
        condition = (self.conditions.status == "resolved").ifelse("condition_end", "condition")
        medication = (self.medications.status == "stop").ifelse("medication_stop", "medication")
        return ibis.union(
            _as_events(self.observations, "observation"),
            _as_events(self.encounters, "encounter"),
            _as_events(self.conditions, condition),
            _as_events(self.medications, medication),
            _as_events(self.procedures, "procedure"),
            _as_events(self.immunizations, "immunization"),
            _as_events(ends.mutate(code=end), end),
        )

    def sql(self, query: str) -> pd.DataFrame:
        """The result of a SQL query over the tables, `people` and `events`, as known at this EMR's time."""
        query = f"WITH {self.views()} SELECT * FROM ({query.rstrip().rstrip(';')}) AS answer"
        if self._folder is None:
            return self.connection.sql(query).execute()
        return self.connection.raw_sql(query).df()

    def views(self) -> str:
        """The tables, `people` and `events`, as known at this EMR's time, to stand after WITH in SQL."""
        is_spark = self.connection.name == "pyspark"
        opening = "`{}` AS ({})" if is_spark else '"{}" AS NOT MATERIALIZED ({})'
        views = (*SCHEMAS, "people", "events")
        return ", ".join(opening.format(name, ibis.to_sql(getattr(self, name))) for name in views)

    def check(self) -> pd.DataFrame:
        """What does not hold in the whole record, a row per broken rule; see `checks.check`."""
        from lhs_helpers.records.checks import check

        return check(self)

    def __repr__(self) -> str:
        start, end = self.manifest["period"]
        rows = sum(entry["rows"] for entry in self.manifest["tables"].values())
        known = "" if self.known_at is None else f", as known at {self.known_at}"
        where = databases.named(self.connection) if self._folder is None else repr(str(self._folder))
        return f"EMR({where}: {self.manifest['source']}, {start} to {end}, {rows:,} rows{known})"


def _as_events(table: ir.Table, kind: str | ir.StringValue) -> ir.Table:
    kind = ibis.literal(kind) if isinstance(kind, str) else kind
    absent = {"value": "float64", "text": "string", "unit": "string"}
    columns = {name: ibis.null(type_) for name, type_ in absent.items() if name not in table.columns}
    return table.mutate(**columns, kind=kind).select(*EVENT_COLUMNS)


def select_sql(table: str, files: Sequence[Path]) -> str:
    """SQL that reads a table from Parquet files, lazily and in its types; no rows when there are no files."""
    types = {field.name: _sql_type(field.type) for field in SCHEMAS[table]}
    if not files:
        empty = ", ".join(f'NULL::{type_} AS "{name}"' for name, type_ in types.items())
        return f"SELECT {empty} WHERE false"
    columns = ", ".join(f'"{name}"::{type_} AS "{name}"' for name, type_ in types.items())
    return f"SELECT {columns} FROM read_parquet([{_listed(files)}], hive_partitioning = false)"


def _listed(files: Sequence[Path]) -> str:
    return ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)


def _sql_type(type_: pa.DataType) -> str:
    if pa.types.is_dictionary(type_):
        return "VARCHAR"
    return SQL_TYPES[str(type_)]


def _refuse_damaged(files: Sequence[Path]) -> None:
    """Raise an LHSError for the first file that does not begin and end as Parquet does."""
    for path in files:
        with path.open("rb") as file:
            begin = file.read(4)
            file.seek(max(file.seek(0, 2) - 4, 4))
            whole = begin == b"PAR1" == file.read(4)
        if not whole:
            raise LHSError(
                f"{path} is not a readable Parquet file: it was cut short or overwritten; "
                "restore it, or generate the folder anew."
            )
