"""Servers for tests of records in a database: our own PostgreSQL, and a local Spark; skipped where there is none."""

import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.records.own_server import own_postgres, own_spark


@pytest.fixture(scope="session")
def postgres_server():
    """The host of a running server, one for all tests of this process."""
    try:
        server = own_postgres()
        host = server.__enter__()
    except LHSError as error:
        pytest.skip(str(error))
    yield host
    server.__exit__(None, None, None)


@pytest.fixture
def postgres(postgres_server, request):
    """An ibis connection to an empty schema of this test's own."""
    import ibis

    schema = f"s{abs(hash(request.node.nodeid))}"
    given = {"host": postgres_server, "user": "postgres", "database": "postgres"}
    connection = ibis.postgres.connect(**given, schema=schema)
    connection.raw_sql(f"CREATE SCHEMA {schema}").close()
    yield connection
    connection.raw_sql(f"DROP SCHEMA {schema} CASCADE").close()
    connection.disconnect()


@pytest.fixture(scope="session")
def spark():
    """A local Spark session, one for all tests of this process."""
    try:
        server = own_spark()
        session = server.__enter__()
    except LHSError as error:
        pytest.skip(str(error))
    yield session
    server.__exit__(None, None, None)
