"""The tables of the studies of page 13 add up: what one column says, others confirm."""

import pandas as pd
import pytest

from lhs_helpers import studies


@pytest.fixture(scope="module")
def screening():
    table, facts = studies.study("screening")
    return table, facts


@pytest.fixture(scope="module")
def feedback():
    table, facts = studies.study("feedback")
    return table, facts


def lives(table):
    return table[table["arm"] == "lives"].set_index(["seed", "strategy", "group"]).sort_index()


def across(rows, column, by="strategy"):
    """A column for each life, a row for each city (and group)."""
    rest = [name for name in rows.index.names if name != by]
    return rows.reset_index().pivot_table(index=rest, columns=by, values=column)


def test_every_city_lived_every_strategy(screening):
    table, facts = screening
    rows = lives(table)
    assert len(facts["seeds"]) >= 5
    assert not rows.index.duplicated().any()
    groups = rows.index.unique("group")
    assert len(rows) == len(facts["seeds"]) * len(facts["strategies"]) * len(groups)


def test_strategies_order_the_same_number_of_scans_and_nobody_orders_none(screening):
    everybody = lives(screening[0]).xs("everybody", level="group")
    orders, scans = across(everybody, "orders"), across(everybody, "scans")
    assert (orders["nobody"] == 0).all()
    assert (orders["criteria"] == orders["model"]).all() and (orders["criteria"] == orders["record"]).all()
    done = scans.sum() / orders.sum()
    assert (
        done.drop("nobody").between(0.66, 0.72).all()
    )  # seven in ten are carried out; some die or leave before


def test_averted_is_the_difference_of_two_lives(screening):
    rows = lives(screening[0])
    for averted, counted in (("lung_deaths_averted", "lung_deaths"), ("deaths_averted", "deaths")):
        died = across(rows, counted)
        expected = -died.sub(died["nobody"], axis=0)
        pd.testing.assert_frame_equal(expected, across(rows, averted), check_dtype=False)
    lived = across(rows, "years")
    gained = lived.sub(lived["nobody"], axis=0) - across(rows, "years_gained")
    assert gained.abs().max(axis=None) < 1.01  # five digits are kept: half a year each


@pytest.mark.parametrize("which", ["sex", "race", "insurance", "age"])
def test_groups_add_up_to_everybody(screening, which):
    rows = lives(screening[0])[["people", "scans", "found", "diagnosed", "deaths", "lung_deaths"]]
    mine = rows[rows.index.get_level_values("group").str.startswith(f"{which}: ")]
    everybody = rows.xs("everybody", level="group")
    pd.testing.assert_frame_equal(mine.groupby(["seed", "strategy"]).sum(), everybody, check_dtype=False)


def test_deaths_by_year_and_both_ways_are_those_of_the_people_who_met_the_criteria(screening):
    table, _ = screening
    met = across(lives(table).xs("met the criteria in 2016", level="group"), "lung_deaths")
    years = table[table["arm"] == "years"].groupby("seed")[["lung_deaths_nobody", "lung_deaths"]].sum()
    both = across(table[table["arm"] == "both ways"].set_index(["seed", "strategy"]), "lung_deaths")
    for strategy, column in (("nobody", "lung_deaths_nobody"), ("criteria", "lung_deaths")):
        assert (years[column] == met[strategy]).all() and (both[strategy] == met[strategy]).all()


def test_clinics_begin_two_by_two_and_before_that_nothing_differs(screening):
    table, facts = screening
    cells = table[table["arm"] == "wedge"].copy()
    cells["screened"] = cells["screened"].astype(str) == "True"
    assert len(cells) == 64 * len(facts["seeds"])
    assert (cells["screened"] == (cells["period"] >= 2017 + cells["clinic"] // 2)).all()
    before = cells[~cells["screened"]]
    assert (before["lung_deaths"] == before["lung_deaths_nobody"]).all()


def test_the_first_january_is_the_same_in_all_lives_until_the_alerts_act(feedback):
    table, facts = feedback
    rows = table[(table["arm"] == "measured") & (table["group"] == "everybody")]
    rows = rows.set_index(["life", "year", "seed"]).sort_index()
    assert len(rows) == 4 * 4 * len(facts["seeds"])
    for column in ("alerts", "expected"):
        first = across(rows.xs(2015, level="year"), column, by="life")
        # Whom hindsight takes out may differ by a handful.
        assert (first.max(axis=1) - first.min(axis=1) <= 0.02 * first.max(axis=1)).all()
    share = rows.loc["silent"].xs(2015, level="year")
    assert (share["alerts"] / share["people"]).between(0.19, 0.21).all()
    assert (rows.loc["silent", "reached"] == 0).all()


def test_labels_that_nobody_believes_are_the_outcomes(feedback):
    rows = feedback[0][feedback[0]["arm"] == "beliefs"]
    none, every = rows[rows["adoption"] == 0], rows[rows["adoption"] == 1]
    assert (none["written"] == none["outcomes"]).all()
    assert (every["written"] == every["outcomes"] + every["false_alerts"]).all()


def test_refits_are_judged_on_the_same_people(feedback):
    table, facts = feedback
    rows = table[table["arm"] == "refits"]
    assert len(rows) == 7 * len(facts["seeds"])
    same = rows.groupby("seed")[["people", "outcomes", "outcomes_at_risk"]]
    assert (same.max() == same.min()).all(axis=None)
