"""The tables of the studies of pages 14 and 15 are whole, and what must hold in every row does."""

import importlib

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.studies import FOLDER, study
from lhs_helpers.system.network import MEMBERS


@pytest.fixture(scope="module", params=["equity", "hypotheses"])
def made(request):
    if not (FOLDER / "results" / f"{request.param}.csv").exists():
        pytest.skip(f"the study {request.param} has not been run; `make studies` runs it")
    return request.param, *study(request.param)


def test_every_hospital_has_every_cell(made):
    name, table, facts = made
    axes = {
        "equity": {
            "network": ["records", "target", "strategy", "by", "which"],
            "averaging": ["deal", "steps", "rounds"],
        },
        "hypotheses": {
            "performance": ["disease", "algorithm", "columns", "patients"],
            "standing": ["disease", "model"],
            "changing": ["disease", "model"],
        },
    }[name]
    assert set(table["arm"]) == set(axes)
    for arm, cell in axes.items():
        rows = table[table["arm"] == arm]
        assert not rows.duplicated([*cell, "seed"]).any()
        if arm != "performance":  # a sixteenth of the people can hold too few cases to learn from
            wanted = rows.groupby(cell)["seed"].nunique()
            assert (wanted == rows["seed"].nunique()).all()
        assert rows["AUROC"].notna().mean() > 0.98
    assert len(facts["seeds"]) >= 3


def test_federated_is_pooled_and_complete_records_say_what_happened():
    if not (FOLDER / "results" / "equity.csv").exists():
        pytest.skip("the study equity has not been run; `make studies` runs it")
    table, facts = study("equity")
    network = table[table["arm"] == "network"]
    assert network["apart"].max() < 1e-6
    assert set(network.loc[network["by"] == "site", "which"]) == {m.site.name for m in MEMBERS}
    sums = network[network["by"] == "everybody"].groupby("records")[["cases", "true cases"]].sum()
    assert abs(sums.loc["complete", "cases"] / sums.loc["complete", "true cases"] - 1) < 0.02
    assert sums.loc["as they are", "cases"] < 0.95 * sums.loc["as they are", "true cases"]
    assert facts["patients"] == sum(m.patients + m.judges for m in MEMBERS)


@pytest.fixture
def scripts(monkeypatch):
    """The scripts of both studies, which stand in a folder of their own."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("equity"), importlib.import_module("hypotheses")


def test_recall_and_precision_meet_where_as_many_are_alerted_as_have_the_outcome(scripts):
    met, rng = scripts[1].met, np.random.default_rng(0)
    y = np.array([True, False, True, False, False, True])
    assert met(y, np.array([0.9, 0.1, 0.8, 0.2, 0.3, 0.7]), rng) == 1
    assert met(y, np.array([0.9, 0.8, 0.7, 0.2, 0.3, 0.1]), rng) == pytest.approx(2 / 3)
    tied = [met(y, np.full(6, 0.5), rng) for _ in range(2000)]
    assert np.mean(tied) == pytest.approx(0.5, abs=0.03)  # the prevalence


def test_people_are_dealt_to_sites_of_the_same_sizes(scripts):
    dealt = scripts[0].dealt
    people = pd.DataFrame({"site": ["a"] * 5 + ["b"] * 3, "learns": [True] * 4 + [False] + [True] * 3})
    risk = np.array([0.9, 0.1, 0.2, 0.8, 0.5, 0.7, 0.3, 0.4])
    for how in ("alike", "as they are", "by risk"):
        now = dealt(people, how, risk, seed=1)
        assert sorted(now["site"]) == sorted(people["site"])
        assert now.loc[4, "site"] == "a"  # who judges stays
    learning = now[now["learns"]]
    top = risk[learning.index[learning["site"] == "a"]].max()
    assert top < risk[learning.index[learning["site"] == "b"]].min()


def test_under_recorded_are_those_whom_a_site_writes_down_least(scripts):
    rows = [("inner city", "black", "private"), ("inner city", "white", "private")]
    rows += [("border", "hispanic", "public"), ("free clinic", "white", "none"), ("town", "black", "none")]
    people = pd.DataFrame(rows, columns=["site", "group", "insurance"])
    under = scripts[0].written(people).eq("under-recorded")
    assert under.tolist() == [True, False, True, True, False]


def test_rules_say_what_is_asked_measured_and_when_it_holds(scripts):
    rules = scripts[1].RULES
    assert {rule["hypothesis"] for rule in rules} == {"Performance", "Equity", "AI"}
    assert all(
        set(rule) == {"hypothesis", "question", "measure", "holds for a disease when"} for rule in rules
    )
