"""A folder of records as the tables of a Spark session: its Parquet files, read where they lie."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import ibis

from lhs_helpers.records.databases import MANIFEST
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.tables import SCHEMAS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TYPES = {"int64": "BIGINT", "double": "DOUBLE", "timestamp[us]": "TIMESTAMP_NTZ", "date32[day]": "DATE"}


def load_spark(folder: Path | str, session: "SparkSession") -> EMR:
    """A folder of records as temporary views of a Spark session; nothing is copied, Spark reads the files.

    On a cluster, the folder must lie where every worker sees it under the same name.

    Parameters
    ----------
    folder : a folder of records.
    session : a Spark session, whose views of these names are replaced.

    Returns
    -------
    EMR
        The record in Spark, as ``EMR(ibis.pyspark.connect(session))`` opens it.
    """
    emr = EMR(folder)
    for name, schema in SCHEMAS.items():
        columns = ", ".join(f"`{field.name}` {TYPES.get(str(field.type), 'STRING')}" for field in schema)
        files = [str(path.absolute()) for path in emr.files(name)]
        rows = session.read.schema(columns).parquet(*files) if files else session.createDataFrame([], columns)
        rows.createOrReplaceTempView(name)
    said = session.createDataFrame([(json.dumps(emr.manifest),)], "json STRING")
    said.createOrReplaceTempView(MANIFEST)
    return EMR(ibis.pyspark.connect(session))
