"""ibis's connection to PostgreSQL, made lean: what goes in and what comes out goes by COPY. Needs psycopg."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
import psycopg
import pyarrow as pa
import pyarrow.csv
from ibis.backends.postgres import Backend
from psycopg import sql

BLOCK_BYTES = 1 << 24  # of CSV that are parsed at once
TYPES = {
    "int64": "bigint",
    "int32": "integer",
    "double": "double precision",
    "bool": "boolean",
    "timestamp[us]": "timestamp",
    "date32[day]": "date",
}
AS_ARROW_READS_IT = "SET client_encoding = 'UTF8'; SET datestyle = 'ISO'; SET extra_float_digits = 1"


class Postgres(Backend):
    """ibis's connection to PostgreSQL, where tables go in and come out by COPY instead of row by row."""

    @classmethod
    def of(cls, connection: Backend) -> "Postgres":
        """The same session, with its search path and temporary tables."""
        if isinstance(connection, cls):
            return connection
        same = cls.from_connection(connection.con)
        with same.begin() as cursor:
            cursor.execute(AS_ARROW_READS_IT)
        return same

    def _register_in_memory_table(self, op: ops.InMemoryTable) -> None:
        table = op.data.to_pyarrow(op.schema)
        with self.begin() as cursor:
            create(cursor, op.name, table.schema, kind="TEMPORARY TABLE")
            copy_in(cursor, op.name, [table])
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(op.name)))

    def to_pyarrow_batches(
        self,
        expr: ir.Expr,
        /,
        *,
        params: Mapping[ir.Scalar, Any] | None = None,
        limit: int | str | None = None,
        chunk_size: int = 1_000_000,
        **options: Any,
    ) -> pa.RecordBatchReader:
        """Batches of what a query finds; `chunk_size` is ignored where COPY can bring it out."""
        table = expr.as_table()
        schema = table.schema().to_pyarrow()
        if any(pa.types.is_nested(type_) or pa.types.is_binary(type_) for type_ in schema.types):
            return super().to_pyarrow_batches(
                expr, params=params, limit=limit, chunk_size=chunk_size, **options
            )
        self._run_pre_execute_hooks(table)
        query = self.compile(table, params=params, limit=limit)
        return pa.RecordBatchReader.from_batches(schema, _copy_out(self.con, query, schema))


def create(cursor: psycopg.Cursor, name: str, schema: pa.Schema, kind: str = "TABLE") -> None:
    """An empty table with these columns."""
    # Words of the record are ordered by their bytes, as everywhere else, not by the customs of a country.
    text = "text" if kind.startswith("TEMP") else 'text COLLATE "C"'
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(field.name), sql.SQL(TYPES.get(str(field.type), text)))
        for field in schema
    ]
    statement = sql.SQL("CREATE {} {} ({})")
    cursor.execute(statement.format(sql.SQL(kind), sql.Identifier(name), sql.SQL(", ").join(columns)))


def copy_in(cursor: psycopg.Cursor, name: str, parts: Iterator[pa.Table] | list[pa.Table]) -> None:
    """Rows into a table: text in quotes, so that an empty one is not taken for none."""
    options = pa.csv.WriteOptions(include_header=False, quoting_style="all_valid")
    statement = sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(sql.Identifier(name))
    with cursor.copy(statement) as copy:
        for part in parts:
            block = io.BytesIO()
            pa.csv.write_csv(part, block, options)
            copy.write(block.getbuffer())


def _copy_out(connection: psycopg.Connection, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    rows, size = [], 0
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as copy:
        for row in copy:
            rows.append(bytes(row))
            size += len(row)
            if size > BLOCK_BYTES:
                yield from _parsed(b"".join(rows), schema)
                rows, size = [], 0
    if rows:
        yield from _parsed(b"".join(rows), schema)


def _parsed(text: bytes, schema: pa.Schema) -> list[pa.RecordBatch]:
    table = pa.csv.read_csv(
        io.BytesIO(text),
        pa.csv.ReadOptions(column_names=schema.names),
        pa.csv.ParseOptions(newlines_in_values=True),
        pa.csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    return table.to_batches()
