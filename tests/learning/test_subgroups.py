"""Measures by group, and what is said of a group in which nobody had the outcome."""

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task, cohort, evaluate
from lhs_helpers.learning.subgroups import age_band, by_group, characteristics


@pytest.fixture
def judged():
    """Women are told the truth, men half of it; one site has no case, another has two."""
    rng = np.random.default_rng(0)
    n = 6_000
    risk = 1 / (1 + np.exp(2.5 - rng.normal(size=n)))
    sex = rng.choice(["female", "male"], n)
    site = np.where(np.arange(n) < 40, "small", np.where(np.arange(n) < 80, "rural", "main"))
    y = rng.random(n) < risk
    y[:40] = False
    y[40:80] = np.arange(40) < 2
    return y, np.where(sex == "male", risk / 2, risk), pd.DataFrame({"sex": sex, "site": site})


def row(table, group, measure):
    return table.query("group == @group and measure == @measure").iloc[0]


def test_a_group_is_judged_as_if_it_were_alone(judged):
    y, p, groups = judged
    table = by_group(y, p, groups, threshold=0.2, bootstrap=50)
    men = (groups["sex"] == "male").to_numpy()
    alone = evaluate(y[men], p[men], threshold=0.2, bootstrap=50)
    part = table.query("group == 'male'").set_index("measure")
    pd.testing.assert_frame_equal(part[["estimate", "low", "high"]], alone, check_names=False)
    assert (part["people"] == men.sum()).all() and (part["outcomes"] == y[men].sum()).all()


def test_an_error_that_the_average_halves_shows_in_the_groups(judged):
    table = by_group(*judged)
    assert row(table, "male", "O/E")["low"] > 1.6
    women = row(table, "female", "O/E")
    assert women["low"] < 1 < women["high"]


def test_everybody_is_counted_once_in_each_attribute(judged):
    table = by_group(*judged, bootstrap=0).query("measure == 'prevalence'")
    counted = table.groupby("attribute")[["people", "outcomes"]].sum()
    assert (counted["people"] == 6_000).all() and len(set(counted["outcomes"])) == 1


def test_a_group_without_events_gets_a_sentence_and_what_can_be_said(judged):
    y, p, groups = judged
    table = by_group(y, p, groups)
    auroc, ratio = row(table, "small", "AUROC"), row(table, "small", "O/E")
    assert np.isnan(auroc["estimate"]) and auroc["verdict"] == "nobody of 40 had the outcome"
    # The exact interval of a count of none reaches to -log(0.025), the rule of three's stricter sister.
    assert ratio["low"] == ratio["estimate"] == 0 and ratio["verdict"] == ""
    assert ratio["high"] == pytest.approx(-np.log(0.025) / p[:40].sum())
    assert row(table, "small", "prevalence")["high"] > 0.05
    assert row(table, "rural", "AUROC")["verdict"].startswith("too few to say: 2 of 40 had the outcome")
    assert (table.query("group == 'main'")["verdict"] == "").all()


def test_who_is_not_recorded_is_a_group(judged):
    y, p, groups = judged
    groups.loc[:999, "sex"] = None
    table = by_group(y, p, groups, bootstrap=0)
    assert row(table, "not recorded", "prevalence")["people"] == 1_000


def test_rows_must_match(judged):
    y, p, groups = judged
    with pytest.raises(LHSError, match="groups has 10 rows and y 6,000"):
        by_group(y, p, groups[:10])


def test_nobody_is_not_a_group():
    with pytest.raises(LHSError, match="nobody to judge"):
        by_group([], [], pd.DataFrame({"sex": []}))
    with pytest.raises(LHSError, match="nobody to describe"):
        characteristics(None, pd.DataFrame({"index_time": []}))


def test_ages_fall_into_bands_by_completed_years():
    ages = [17.9, 18, 44.9, 45, 75, 101]
    bands = ["under 18", "18 to 44", "18 to 44", "45 to 59", "75 and over", "75 and over"]
    assert age_band(ages).tolist() == bands


def test_characteristics_are_those_known_at_the_index_date(ward, tmp_path):
    """One moves to another insurance before the index date, one after it; one's site was never written."""
    people = [
        ward.person(1) | {"insurance": "private", "site": "main"},
        ward.person(1, time="2015-01-01") | {"insurance": "public", "site": "main"},
        ward.person(2) | {"insurance": "private", "site": None},
        ward.person(2, time="2019-01-01") | {"insurance": "public", "site": None},
    ]
    emr = ward.write(tmp_path / "emr", patients=people, conditions=[ward.stroke(1, "2017-05-01")])
    rows = cohort(emr, Task("Stroke", ("SNOMED:230690007",), window_days=365), "2017-01-01")
    known = characteristics(emr, rows).set_axis(rows["patient_id"])
    assert known["insurance"].to_dict() == {1: "public", 2: "private"}
    assert known["site"].to_dict() == {1: "main", 2: "not recorded"}
    assert (known["age band"] == "45 to 59").all() and (known["race"] == "not recorded").all()
