"""A teaching hospital and two clinics, one of which writes down half of what it finds in some of its people."""

import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task
from lhs_helpers.patients import Site
from lhs_helpers.system import network
from lhs_helpers.system.network import (
    Member,
    alerted,
    complete,
    gather,
    judge,
    live,
    own_level,
    risks,
    true_outcome,
)

HYPERTENSION = Task("hypertension", ("SNOMED:59621000",), window_days=730, lookback_days=365, min_age=30)
ASKED = {
    "seed": 5,
    "start": "2013-01-01",
    "workers": 1,
    "diseases": ["hypertension", "obesity", "type_2_diabetes"],
}
MEMBERS = (
    Member(Site(name="teaching"), 1_200, 400),
    Member(Site(name="poor", races=(0.2, 0.1, 0.6, 0.05, 0.05), recorded={"black": 0.4}), 500, 500),
    Member(Site(name="tiny", visits=0.7), 100, 300),
)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    return live(tmp_path_factory.mktemp("network") / "h", MEMBERS, "2016-01-01", **ASKED)


@pytest.fixture(scope="module")
def gathered(hospital):
    return gather(hospital.emr, [HYPERTENSION], "2014-01-01", MEMBERS, seed=2)


@pytest.fixture(scope="module")
def told(gathered):
    return risks(*gathered.of("hypertension"), "teaching")


def test_at_each_site_people_learn_and_judge_in_its_proportion(gathered):
    people, X = gathered.of("hypertension")
    assert (X.index == people["patient_id"]).all()
    share = people.groupby("site")["learns"].mean()
    assert set(share.index) == {"teaching", "poor", "tiny"}
    for member in MEMBERS:
        n = (people["site"] == member.site.name).sum()
        wanted = member.patients / (member.patients + member.judges)
        assert abs(share[member.site.name] - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / n)


def test_columns_are_chosen_at_the_first_site_from_those_who_learn(gathered):
    people, X = gathered.of("hypertension")
    first = people[people["learns"] & (people["site"] == "teaching")]
    assert gathered.plan.learned_from == frozenset(first["patient_id"])
    assert list(X.columns) == list(gathered.plan.columns["name"])


def test_the_risks_are_for_those_who_judge_and_federated_is_pooled(gathered, told):
    people, _ = gathered.of("hypertension")
    assert (told.index == people.index[~people["learns"]]).all()
    assert told.gt(0).all(axis=None) and told.lt(1).all(axis=None)
    assert np.abs(told["federated"] - told["pooled"]).max() < 1e-8
    assert np.abs(told["federated"] - told["shared"]).max() > 0.01


def test_what_judges_say_changes_nothing_that_was_learned(gathered, told):
    people, X = gathered.of("hypertension")
    other = people.assign(label=people["label"] ^ ~people["learns"])
    assert (other["label"] != people["label"]).sum() == len(told)
    again = risks(other, X, "teaching")
    pd.testing.assert_frame_equal(again, told)


def test_nothing_is_learned_from_the_answer_key(hospital, told, tmp_path):
    shutil.copytree(hospital.folder, tmp_path / "h", ignore=shutil.ignore_patterns("truth"))
    from lhs_helpers.records.emr import EMR

    again = gather(EMR(tmp_path / "h"), [HYPERTENSION], "2014-01-01", MEMBERS, seed=2)
    pd.testing.assert_frame_equal(risks(*again.of("hypertension"), "teaching"), told)


def test_recalibrating_keeps_the_order_at_a_site_and_moves_the_level_to_its_own(gathered, told):
    people, _ = gathered.of("hypertension")
    site = people.loc[told.index, "site"]
    for name in ("poor", "tiny"):
        here = told[site == name]
        assert (here["recalibrated"].rank() == here["shared"].rank()).all()
    poor = people["learns"] & (people["site"] == "poor")
    low = people.loc[poor, "label"].mean()
    moved = told[site == "poor"].mean()
    assert abs(moved["recalibrated"] - low) < 0.5 * abs(moved["shared"] - low)


def test_a_level_is_right_on_average_with_many_people_and_held_back_without_a_case():
    rng = np.random.default_rng(0)
    line = rng.normal(-2, 1, 50_000)
    y = rng.random(50_000) < 1 / (1 + np.exp(-(line + 0.7)))
    assert abs(own_level(y, line) - 0.7) < 0.05
    few = own_level(np.zeros(30), np.full(30, -2.0))
    assert -3 < few < -0.3
    # The slope of the log posterior is 0 there: cases expected, and the pull of the prior.
    assert abs(30 / (1 + np.exp(2 - few)) + few) < 1e-6


def test_each_site_follows_up_the_same_share_of_its_people_whatever_the_level_of_its_risks():
    site = pd.Series(["a"] * 200 + ["b"] * 50)
    risk = pd.Series(np.r_[np.linspace(0.9, 1, 200), np.full(50, 0.01)])
    alert = alerted(site, risk, 0.1)
    assert alert.groupby(site).sum().to_dict() == {"a": 20, "b": 5}
    assert risk[alert & (site == "a")].min() > risk[~alert & (site == "a")].max()


def test_what_is_not_written_down_is_a_case_by_the_answer_key_only(hospital, gathered):
    people, _ = gathered.of("hypertension")
    true = true_outcome(hospital, "hypertension", people, HYPERTENSION)
    full = people["site"] != "poor"
    assert (people.loc[full, "label"] == true[full].eq(1)).all()
    hidden = people[~full & (people["group"] == "black")]
    missed = true[hidden.index].eq(1) & ~hidden["label"]
    assert 0.35 < missed.sum() / true[hidden.index].eq(1).sum() < 0.85
    assert true[hidden.index].isna().sum() > 5  # have it already, and the record does not say so
    assert not (people["label"] & true.eq(0)).any()


def test_complete_records_are_of_the_same_lives(hospital, gathered, tmp_path):
    members = complete(MEMBERS)
    better = live(tmp_path / "h", members, "2016-01-01", **ASKED)
    people, _ = gathered.of("hypertension")
    now, _ = gather(better.emr, [HYPERTENSION], "2014-01-01", members, seed=2).of("hypertension")
    both = people.merge(now, on="patient_id", suffixes=("", "_complete"))
    assert len(both) == len(now)  # nobody is there who was not; some had it before, unwritten
    assert (both["learns"] == both["learns_complete"]).all()
    assert (both["label_complete"] >= both["label"]).all() and both["label_complete"].sum() > both[
        "label"
    ].sum()
    true = true_outcome(better, "hypertension", now, HYPERTENSION)
    assert (true.eq(1) == now["label"]).all()


def test_judging_counts_what_it_says(hospital, gathered, told):
    people, _ = gathered.of("hypertension")
    true = true_outcome(hospital, "hypertension", people, HYPERTENSION)
    table = judge(people, told, true, share=0.2)
    row = table.query("strategy == 'shared' and which == 'poor'").iloc[0]
    here = people.loc[told.index, "site"] == "poor"
    y, p = people.loc[told.index, "label"][here], told["shared"][here]
    assert row["people"] == here.sum() and row["cases"] == y.sum()
    assert row["AUROC"] == pytest.approx(roc_auc_score(y, p))
    assert row["O/E"] == pytest.approx(y.sum() / p.sum())
    top = p.sort_values(ascending=False).index[: round(0.2 * len(p))]
    assert row["recall"] == pytest.approx(y[top].sum() / y.sum())
    assert row["precision"] == pytest.approx(y[top].mean())
    happened = true.loc[told.index][here].dropna()
    assert row["true cases"] == happened.sum() > y.sum()
    assert row["true AUROC"] == pytest.approx(roc_auc_score(happened, p[happened.index]))
    assert row["true O/E"] > 1.3 * row["O/E"]
    groups = table.query("by == 'group' and strategy == 'shared'")
    assert (groups["alerts"] * groups["people"]).sum() == pytest.approx(table["alerts"][0] * len(told))
    assert groups["people"].sum() == len(told)


def test_people_who_were_learned_from_do_not_judge(gathered, told):
    people, _ = gathered.of("hypertension")
    with pytest.raises(LHSError, match="were learned from"):
        judge(people.assign(learns=True), told, pd.Series(0.0, people.index))


def test_a_site_with_too_few_cases_tells_everybody_the_same(gathered):
    people, X = gathered.of("hypertension")
    rare = people.copy()
    rare.loc[rare["site"] == "tiny", "label"] = False
    local = risks(rare, X, "teaching", trees=False)
    here = rare.loc[local.index, "site"] == "tiny"
    learned = (rare["learns"] & (rare["site"] == "tiny")).sum()
    assert np.allclose(local.loc[here, "local"], 0.5 / (learned + 1))


def test_the_network_of_the_guide_has_eight_clinics_that_differ():
    names = [m.site.name for m in network.MEMBERS]
    assert len(set(names)) == 9 and names[0] == "teaching hospital"
    assert sum(m.patients for m in network.MEMBERS[1:]) > network.MEMBERS[0].patients
    assert len({m.patients for m in network.MEMBERS[1:]}) >= 7
