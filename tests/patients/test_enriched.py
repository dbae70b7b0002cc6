"""Cohorts on demand: few people, the right ones, and each as the whole city would have recorded them."""

import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital, enriched, hospital

WHERE = {"seed": 4, "start": "2014-01-01", "until": "2016-01-01"}
STROKE = "SNOMED:230690007"


@pytest.fixture(scope="module", autouse=True)
def small_shards():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hospital, "PATIENTS_PER_SHARD", 1500)
        yield


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Hospital:
    folder = tmp_path_factory.mktemp("sample") / "h"
    return Hospital.cohort(folder, condition="stroke", n=12, controls=40, workers=1, **WHERE)


@pytest.fixture(scope="module")
def city(sample, tmp_path_factory) -> Hospital:
    made = Hospital(
        tmp_path_factory.mktemp("city"), patients=sample.groups[0]["patients"], seed=4, start="2014-01-01"
    )
    made.advance("2016-01-01")
    return made


def test_there_are_as_many_as_asked_for_and_cases_have_the_disease(sample):
    weights = enriched.weights(sample)
    assert weights.role.value_counts().to_dict() == {"case": 12, "control": 40}
    ill = sample.emr.conditions.filter(lambda c: (c.code == STROKE) & (c.time >= pd.Timestamp("2014-01-01")))
    assert set(weights[weights.role == "case"].patient_id) == set(ill.execute().patient_id)
    assert set(sample.emr.people.execute().patient_id) == set(weights.patient_id)
    assert sample.emr.check().empty


@pytest.mark.parametrize("table", ["patients", "encounters", "conditions", "observations", "medications"])
def test_their_records_are_those_of_the_whole_city(sample, city, table):
    mine, whole = (getattr(h.emr, table).execute() for h in (sample, city))
    whole = whole[whole.patient_id.isin(enriched.weights(sample).patient_id)]
    keys = list(mine)
    mine, whole = (t.sort_values(keys, ignore_index=True) for t in (mine, whole))
    pd.testing.assert_frame_equal(mine, whole)


def test_weights_add_up_to_the_city(sample, city):
    weights = enriched.weights(sample).groupby("role").weight.sum()
    ill = city.truth.lives().query("disease == 'stroke' and onset >= '2014-01-01'")
    entered = city.emr.people.execute().set_index("patient_id").entered
    first = ill[ill.onset >= ill.patient_id.map(entered)].patient_id  # newcomers bring older ones with them
    codes = city.emr.conditions.filter(lambda c: c.code == STROKE).execute()
    assert weights["case"] == codes[codes.patient_id.isin(first)].patient_id.nunique()
    living = (city.emr.people.execute().entered <= pd.Timestamp("2014-01-01")).sum()
    assert living * 0.9 < weights["control"] < living


def test_the_same_people_are_chosen_with_any_number_of_workers(sample, tmp_path):
    other = Hospital.cohort(tmp_path / "h", condition="stroke", n=12, controls=40, workers=2, **WHERE)
    assert other.emr.manifest["content_hash"] == sample.emr.manifest["content_hash"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"condition": "plague"}, "no disease 'plague'"),
        ({"n": 0}, "at least 1"),
        ({"until": "2013-01-01"}, "must come after"),
    ],
)
def test_absurd_wishes_get_a_sentence(tmp_path, change, says):
    wish = {"condition": "stroke", "n": 5, "controls": 5, "workers": 1} | WHERE | change
    with pytest.raises(LHSError, match=says):
        Hospital.cohort(tmp_path / "h", **wish)


def test_a_whole_city_has_no_weights(city):
    with pytest.raises(LHSError, match="no sample"):
        enriched.weights(city)
