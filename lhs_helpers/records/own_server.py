"""A PostgreSQL server and a Spark session of one's own, for as long as a block lasts: to try, to test, to measure."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lhs_helpers.errors import LHSError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PATIENCE_SECONDS = 120


@contextmanager
def own_postgres() -> Iterator[str]:
    """A new, empty PostgreSQL server on this computer, deleted at the end.

    Yields
    ------
    str
        What to connect to: ``ibis.postgres.connect(host=..., user="postgres", database="postgres")``. It listens on a
        socket in a folder that only this computer sees, asks for no password, and does not wait for the disk.

    Raises
    ------
    LHSError
        When the server, or psycopg, is not installed, or it does not start.
    """
    initdb, server = _program("initdb"), _program("postgres")
    if not (initdb and server):
        raise LHSError(
            "PostgreSQL's server is not installed; on Debian or Ubuntu: sudo apt install postgresql."
        )
    if not importlib.util.find_spec("psycopg"):
        raise LHSError("psycopg is not installed; run: python -m pip install 'lhs-helpers[postgres]'.")
    place, user = Path(tempfile.mkdtemp(prefix="lhs-pg-")), _other_user()  # short: a socket's path is limited
    if user:
        os.chown(place, user["user"], user["group"])
    options = {"cwd": place, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **user}
    try:
        create = [initdb, "-D", place / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]
        subprocess.run(create, check=True, **options)
        settings = [f"unix_socket_directories={place}", "listen_addresses=", "fsync=off"]
        with_settings = [part for setting in settings for part in ("-c", setting)]
        process = subprocess.Popen([server, "-D", place / "data", *with_settings], **options)
        try:
            _wait_for(place, process)
            yield str(place)
        finally:
            process.send_signal(signal.SIGINT)  # does not wait for clients to go
            process.wait(PATIENCE_SECONDS)
    except subprocess.CalledProcessError as error:
        raise LHSError(f"PostgreSQL could not make a database ({error}).") from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _program(name: str) -> str | None:
    """A program of PostgreSQL's server, which Debian keeps off the path."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = (str(place / name) for place in places if (place / name).exists())
    return shutil.which(name) or next(found, None)


def _other_user() -> dict:
    """PostgreSQL does not run as root: who runs it instead."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    import pwd  # not on Windows

    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _wait_for(place: Path, process: subprocess.Popen) -> None:
    import psycopg

    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            psycopg.connect(host=str(place), user="postgres", dbname="postgres").close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise LHSError("PostgreSQL did not start.")


@contextmanager
def own_spark() -> Iterator["SparkSession"]:
    """A Spark session on two cores of this computer, stopped at the end.

    Raises
    ------
    LHSError
        When pyspark, or the Java that it needs, is not installed.
    """
    if not importlib.util.find_spec("pyspark"):
        raise LHSError("pyspark is not installed; run: python -m pip install -r requirements-spark.lock.")
    if not shutil.which("java"):
        raise LHSError(
            "Java is not installed, which Spark needs; on Debian: sudo apt install default-jre-headless."
        )
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory(prefix="lhs-spark-") as scratch:
        settings = {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.shuffle.partitions": "2",
            "spark.local.dir": scratch,
        }
        session = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
        try:
            yield session
        finally:
            session.stop()
