"""Long files of tests first; and servers for tests of records in a database: our own PostgreSQL, and a local Spark."""

from pathlib import Path

import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.records.own_server import own_postgres, own_spark

# With two processes, a long file that comes last is waited for (`make` passes --no-loadscope-reorder). Longest first.
LONG = [
    "system/test_loop.py",
    "learning/test_engines.py",
    "patients/test_realism.py",
    "system/practice/test_service.py",
    "learning/test_ceilings.py",
    "patients/test_spark.py",
    "system/practice/test_journal.py",
    "learning/test_features.py",
    "patients/test_hospital.py",
    "test_assignments.py",
    "book/test_accessibility.py",
    "book/test_browser.py",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    gone = [name for name in LONG if not (here / name).exists()]
    assert not gone, f"tests/conftest.py puts {gone[0]} first, and there is no such file; correct LONG"

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(here).as_posix() if item.path.is_relative_to(here) else ""
        return LONG.index(name) if name in LONG else len(LONG)

    items.sort(key=place)


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
