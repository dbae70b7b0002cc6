"""A shard is a pure function: mapped by Spark it gives the bytes that one process gives."""

import os
import shutil
import sys

import pytest

from lhs_helpers.patients import Hospital, hospital

pyspark = pytest.importorskip(
    "pyspark", reason="pyspark is not installed (pip install -r requirements-spark.lock)"
)
if not shutil.which("java"):
    pytest.skip("Java is not installed, which Spark needs", allow_module_level=True)


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.local.dir", str(tmp_path_factory.mktemp("spark")))
        .getOrCreate()
    )
    yield session
    session.stop()


def test_spark_gives_the_same_bytes_as_one_process(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(hospital, "PATIENTS_PER_SHARD", 400)
    contents = set()
    for name, session in (("alone", None), ("spark", spark)):
        made = Hospital(tmp_path / name, patients=1500, seed=3, start="2014-01-01", workers=1)
        made.advance("2015-01-01", spark=session)
        made.advance("2016-01-01", spark=session)
        contents.add(made.emr.manifest["content_hash"])
    assert len(contents) == 1
