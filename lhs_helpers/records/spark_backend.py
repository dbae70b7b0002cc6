"""ibis's connection to Spark, made lean: what goes in and what comes out is Arrow. Needs pyspark."""

from collections.abc import Mapping
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
from ibis.backends.pyspark import Backend
from ibis.formats.pandas import PandasData


class Spark(Backend):
    """ibis's connection to Spark, where tables go in and come out as Arrow: no rows of Python between."""

    @classmethod
    def of(cls, connection: Backend) -> "Spark":
        """The same session."""
        if isinstance(connection, cls):
            return connection
        same = cls()
        same.do_connect(connection._session)
        return same

    def _register_in_memory_table(self, op: ops.InMemoryTable) -> None:
        self._session.createDataFrame(op.data.to_pyarrow(op.schema)).createOrReplaceTempView(op.name)

    def execute(
        self,
        expr: ir.Expr,
        /,
        *,
        params: Mapping[ir.Scalar, Any] | None = None,
        limit: int | str | None = None,
        **_: Any,
    ) -> Any:
        """What a query finds, as pandas holds it."""
        table = expr.as_table()
        found = self.to_pyarrow_batches(table, params=params, limit=limit).read_all()
        return expr.__pandas_result__(PandasData.convert_table(found.to_pandas(), table.schema()))

    def to_pyarrow_batches(
        self,
        expr: ir.Expr,
        /,
        *,
        params: Mapping[ir.Scalar, Any] | None = None,
        limit: int | str | None = None,
        chunk_size: int = 1_000_000,
        **_: Any,
    ) -> pa.RecordBatchReader:
        """What a query finds, all of it at once, in batches."""
        table = expr.as_table()
        self._run_pre_execute_hooks(table)
        found = self._session.sql(self.compile(table, params=params, limit=limit)).toArrow()
        found = found.cast(table.schema().to_pyarrow())
        return pa.RecordBatchReader.from_batches(found.schema, found.to_batches(max_chunksize=chunk_size))
