"""Records that stay where they are: the tables of a database, found, judged, and described by what they hold."""

import json
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from ibis.backends import BaseBackend
from ibis.common.exceptions import IbisError

from lhs_helpers.errors import LHSError
from lhs_helpers.records.tables import SCHEMAS, TIMED, zone_sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST = "manifest"  # a table with one row and one column, `json`, where a loader has left it
NAMES = {"postgres": "PostgreSQL", "pyspark": "Spark", "duckdb": "DuckDB"}


def adapted(connection: BaseBackend) -> BaseBackend:
    """The same connection, with the ways in and out of the database that do not need memory for every cell."""
    if connection.name == "postgres":
        from lhs_helpers.records.postgres_backend import Postgres

        return Postgres.of(connection)
    if connection.name == "pyspark":
        from lhs_helpers.records.spark_backend import Spark

        return Spark.of(connection)
    return connection


def named(connection: BaseBackend) -> str:
    """The database's name, for sentences."""
    return NAMES.get(connection.name, connection.name)


def require_tables(connection: BaseBackend) -> None:
    """Raise an LHSError when tables of a record are not there, or can not be read as such."""
    there = set(connection.list_tables())
    absent = [name for name in SCHEMAS if name not in there]
    if absent:
        raise LHSError(
            f"{named(connection)} has no table {', '.join(absent)} where it was looked for; load a folder of "
            "records, or make a view of each name (without rows, if there is nothing of the kind)."
        )
    for name in SCHEMAS:
        record_table(connection, name)


def record_table(connection: BaseBackend, name: str) -> ir.Table:
    """A table of the record, in our columns and types whatever the database has chosen.

    Raises
    ------
    LHSError
        When a column is absent, or its times have a zone: which clock counts for a day, nobody said.
    """
    found, where = connection.table(name), named(connection)
    absent = [column for column in SCHEMAS[name].names if column not in found.columns]
    if absent:
        raise LHSError(
            f"The table {name} in {where} has no column {absent[0]}; its columns are {', '.join(found.columns)}. "
            "Make a view that has it (empty, if it is not known)."
        )
    return found.select(**dict(_columns(found, name, where)))


def _columns(found: ir.Table, name: str, where: str) -> "Iterator[tuple[str, ir.Column]]":
    for field in SCHEMAS[name]:
        column, wanted = found[field.name], _ibis_type(field.type)
        held = column.type()
        if held.is_timestamp() and held.timezone is not None:
            raise LHSError(zone_sentence(f"Column {field.name} of {name} in {where}"))
        same = held.copy(nullable=True) in (ibis.dtype(wanted), ibis.dtype(wanted.removesuffix("(6)")))
        yield field.name, column if same else column.cast(wanted)


def _ibis_type(type_: pa.DataType) -> str:
    if pa.types.is_dictionary(type_) or pa.types.is_string(type_):
        return "string"
    if pa.types.is_timestamp(type_):
        return "timestamp(6)"
    return {"int64": "int64", "double": "float64", "date32[day]": "date"}[str(type_)]


def manifest(connection: BaseBackend) -> dict:
    """What the loader has written down of the record; else what one look at each table tells."""
    if MANIFEST not in connection.list_tables():
        return _looked_up(connection)
    try:
        return json.loads(connection.table(MANIFEST).json.execute()[0])
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, IbisError):
        raise LHSError(
            f"The table {MANIFEST} in {named(connection)} is not that of a record: expected is one row with a column "
            "json. Rename it, or load the folder again."
        ) from None


def _looked_up(connection: BaseBackend) -> dict:
    tables, times = {}, []
    for name in SCHEMAS:
        table = record_table(connection, name)
        spans = {"first": table.recorded_at.min(), "last": table.recorded_at.max()} if name in TIMED else {}
        found = table.aggregate(rows=table.count(), **spans).execute().iloc[0]
        tables[name] = {"rows": int(found["rows"]), "files": {}}
        times += [found[which] for which in spans if pd.notna(found[which])]
    if not times:
        raise LHSError(f"The tables in {named(connection)} have no rows; load a record first.")
    last = max(times).normalize() + pd.Timedelta(days=1)
    return {
        "source": f"tables in {named(connection)}",
        "period": [f"{min(times):%Y-%m-%d}", f"{last:%Y-%m-%d}"],
        "parameters": {},
        "notes": [],
        "tables": tables,
    }
