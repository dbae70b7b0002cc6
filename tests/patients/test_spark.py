"""A shard is a pure function: mapped by Spark it gives the bytes that one process gives."""

from lhs_helpers.patients import Hospital, hospital


def test_spark_gives_the_same_bytes_as_one_process(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(hospital, "PATIENTS_PER_SHARD", 400)
    contents = set()
    for name, session in (("alone", None), ("spark", spark)):
        made = Hospital(tmp_path / name, patients=1500, seed=3, start="2014-01-01", workers=1)
        made.advance("2015-01-01", spark=session)
        made.advance("2016-01-01", spark=session)
        contents.add(made.emr.manifest["content_hash"])
    assert len(contents) == 1
