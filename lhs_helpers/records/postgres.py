"""A folder of records loaded into PostgreSQL: to practise where a hospital's data is."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from ibis.backends import BaseBackend
from tqdm import tqdm

from lhs_helpers.errors import LHSError
from lhs_helpers.records.databases import MANIFEST
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.tables import SCHEMAS

if TYPE_CHECKING:
    import psycopg


def load_postgres(folder: Path | str, connection: BaseBackend) -> EMR:
    """Copy a folder of records into PostgreSQL, to learn how it is to work there.

    The tables go into the connection's schema, with an index on `patient_id`, and the manifest beside them. All of it
    is one transaction: whatever stops it, nothing is there.

    Parameters
    ----------
    folder : a folder of records.
    connection : from ``ibis.postgres.connect``; give it a ``schema`` of the record's own.

    Returns
    -------
    EMR
        The record in the database, as ``EMR(connection)`` opens it.

    Raises
    ------
    LHSError
        When a table of one of these names is there already, or the database refuses.
    """
    import psycopg

    from lhs_helpers.records.postgres_backend import Postgres, copy_in, create

    emr, target = EMR(folder), Postgres.of(connection)
    taken = [name for name in (*SCHEMAS, MANIFEST) if name in target.list_tables()]
    if taken:
        raise LHSError(
            f"PostgreSQL has a table {taken[0]} already; connect with a schema of the record's own "
            "(CREATE SCHEMA hospital; ibis.postgres.connect(..., schema='hospital'))."
        )
    try:
        with target.begin() as cursor:
            for name in tqdm(SCHEMAS, desc="PostgreSQL", disable=None, leave=False):
                _load(cursor, emr, name)
            said = pa.table({"json": [json.dumps(emr.manifest)]})
            create(cursor, MANIFEST, said.schema)
            copy_in(cursor, MANIFEST, [said])
    except psycopg.Error as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise LHSError(f"PostgreSQL did not take {emr.folder} ({reason}); nothing was loaded.") from None
    return EMR(target)


def _load(cursor: "psycopg.Cursor", emr: EMR, name: str) -> None:
    from psycopg import sql

    from lhs_helpers.records.postgres_backend import copy_in, create

    table = emr.connection.table(name)
    batches = emr.connection.to_pyarrow_batches(table, chunk_size=250_000)
    create(cursor, name, SCHEMAS[name])
    copy_in(cursor, name, (pa.Table.from_batches([batch]) for batch in batches))
    if "patient_id" in SCHEMAS[name].names:
        cursor.execute(sql.SQL("CREATE INDEX ON {} (patient_id)").format(sql.Identifier(name)))
    cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))
