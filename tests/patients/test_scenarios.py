"""Scenarios: nothing differs before the day, and exactly what they say differs after it."""

import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital, Site
from lhs_helpers.patients.scenarios import CodeReplaced, Guideline, Newcomers, RateChange, UnitChange

SMALL = {"patients": 1500, "seed": 5, "start": "2014-01-01", "workers": 1}
GLUCOSE, HYPERTENSION, LISINOPRIL = "LOINC:2345-7", "SNOMED:59621000", "RxNorm:314076"
TABLES = ("patients", "encounters", "conditions", "observations", "medications", "procedures")


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Hospital:
    made = Hospital(tmp_path_factory.mktemp("plain"), **SMALL)
    made.advance("2016-01-01")
    return made


def lived(folder, *scenarios) -> Hospital:
    made = Hospital(folder, **SMALL, scenarios=scenarios)
    made.advance("2016-01-01")
    assert made.emr.check().empty
    return made


def both(plain, other, table: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    return tuple(getattr(h.emr, table).execute() for h in (plain, other))


def differing(plain, other, table: str) -> pd.DataFrame:
    """Rows that only one of the two hospitals has."""
    before, after = both(plain, other, table)
    merged = before.merge(after, on=list(before), how="outer", indicator=True)
    return merged[merged["_merge"] != "both"]


def test_a_unit_change_touches_only_the_values_of_that_test_from_that_day(plain, tmp_path):
    change = UnitChange(since="2015-03-01", code=GLUCOSE, factor=0.0555, unit="mmol/L")
    other = lived(tmp_path / "h", change)
    for table in TABLES:
        rows = differing(plain, other, table)
        if table != "observations":
            assert rows.empty, table
    assert (rows := differing(plain, other, "observations")).code.eq(GLUCOSE).all()
    assert rows.time.min() >= pd.Timestamp("2015-03-01")
    after = other.emr.observations.filter(lambda o: o.code == GLUCOSE).execute()
    late = after[after.time >= "2015-03-01"]
    assert late.unit.eq("mmol/L").all() and late.value.between(2, 40).all()
    assert after[after.time < "2015-03-01"].unit.eq("mg/dL").all()


def test_a_replaced_code_is_written_from_its_day_and_the_old_one_no_more(plain, tmp_path):
    change = CodeReplaced(
        since="2015-01-01", old=HYPERTENSION, new="SNOMED:38341003", description="Hypertension"
    )
    before, after = both(plain, lived(tmp_path / "h", change), "conditions")
    late = after.recorded_at >= "2015-01-01"
    assert not (after.code.eq(HYPERTENSION) & (after.time >= "2015-01-01")).any()
    assert after.code.eq("SNOMED:38341003").sum() > 10 and len(before) == len(after)
    assert not (after.code.eq("SNOMED:38341003") & ~late).any()


def test_an_epidemic_makes_more_fall_ill_while_it_lasts(plain, tmp_path):
    change = RateChange(of="type_2_diabetes", factor=10, since="2015-01-01", until="2015-07-01")
    other = lived(tmp_path / "h", change)
    onsets = [
        h.truth.lives().query("disease == 'type_2_diabetes'").onset.value_counts(bins=pd.to_datetime(
            ["2014-01-01", "2014-12-31", "2015-06-30", "2015-12-31"]
        ), sort=False).to_numpy()
        for h in (plain, other)
    ]  # fmt: skip
    assert onsets[0][0] == onsets[1][0]
    assert onsets[1][1] > 4 * onsets[0][1]


def test_a_guideline_changes_how_many_are_treated(plain, tmp_path):
    other = lived(tmp_path / "h", Guideline(since="2015-01-01", treatment=LISINOPRIL, share=0.0))
    treated = []
    for h in (plain, other):
        made = h.emr.conditions.filter(
            lambda c: (c.code == HYPERTENSION) & (c.time >= "2015-01-01")
        ).execute()
        drug = h.emr.medications.filter(lambda m: m.code == LISINOPRIL).execute()
        treated.append(made.patient_id.isin(drug.patient_id).mean())
    assert treated[0] > 0.3 and treated[1] == 0


def test_newcomers_of_another_mix_come_and_residents_stay_as_they_are(plain, tmp_path):
    mix = Site(races=(0, 0, 1, 0, 0), uninsured=0.5)
    before, after = both(plain, lived(tmp_path / "h", Newcomers(since="2015-01-01", mix=mix)), "patients")
    came = after[(after.status == "registered") & (after.time >= "2015-01-01")]
    assert came.race.eq("black").all() and len(came) > 20
    old = [t[t.time < "2015-01-01"].reset_index(drop=True) for t in (before, after)]
    pd.testing.assert_frame_equal(*old)


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        ({"kind": "weather", "since": "2015-01-01"}, "weather"),
        ({"kind": "unit", "since": "2015-01-01", "code": "glucose", "factor": 2, "unit": "g"}, "not a code"),
        ({"kind": "rate", "since": "2015-01-01", "of": "plague", "factor": 2}, "names plague"),
        ({"kind": "rate", "since": "soon", "of": "stroke", "factor": 2}, "is not a date"),
        ({"kind": "guideline", "since": "2015-01-01", "treatment": "RxNorm:1", "share": 1}, "names RxNorm:1"),
    ],
)
def test_a_scenario_that_makes_no_sense_gets_a_sentence(tmp_path, scenario, says):
    with pytest.raises(LHSError, match=says):
        Hospital(tmp_path / "h", **SMALL, scenarios=[scenario])
    assert not (tmp_path / "h").exists()


def test_a_hospital_is_opened_again_with_its_scenarios_or_not_at_all(tmp_path):
    change = RateChange(of="stroke", factor=2, since="2015-01-01")
    Hospital(tmp_path / "h", **SMALL, scenarios=[change])
    assert Hospital(tmp_path / "h", **SMALL, scenarios=[change]).scenarios == (change,)
    with pytest.raises(LHSError, match="another scenarios"):
        Hospital(tmp_path / "h", **SMALL)
