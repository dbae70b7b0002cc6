"""What a model learned, where it is known what there was to learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn import inspection

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task, cohort, train
from lhs_helpers.learning.explain import (
    beside_what_was_put_in,
    largest_errors,
    partial_dependence,
    permutation_importance,
    time_lines,
)

RATIOS = {"smokes": 4.0, "pressure": 1.5}


def patients(n=8_000, seed=0):
    """A hazard with two ratios in it, over a year; a third column does nothing."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {"smokes": rng.random(n) < 0.3, "pressure": rng.normal(size=n), "noise": rng.normal(size=n)}
    )
    hazard = 0.04 * RATIOS["smokes"] ** X["smokes"] * RATIOS["pressure"] ** X["pressure"]
    return X.astype(np.float32), (rng.random(n) < -np.expm1(-hazard)).to_numpy()


@pytest.fixture(scope="module")
def learned():
    return train(*patients(), "logistic regression", settings={"logisticregression__C": 1e3})


def test_causes_are_important_and_noise_is_not(learned):
    table = permutation_importance(learned, *patients(seed=1))
    assert table.index.tolist() == ["smokes", "pressure", "noise"]
    assert (table.loc[["smokes", "pressure"], "low"] > 0).all()
    assert table.loc["noise", "low"] < 0 < table.loc["noise", "high"] < 0.01


def test_the_importance_is_that_of_scikit_learn(learned):
    X, y = patients(1_000, seed=1)
    table = permutation_importance(learned, X, y, bootstrap=0, seed=3)
    theirs = inspection.permutation_importance(learned, X, y, scoring="roc_auc", n_repeats=5, random_state=3)
    np.testing.assert_allclose(table["estimate"].loc[X.columns], theirs.importances_mean, atol=1e-12)


def test_without_both_outcomes_nothing_is_important(learned):
    model, (X, y) = learned, patients(200)
    for rows, outcomes in ((X, np.zeros(len(X), bool)), (X.head(0), [])):
        with pytest.raises(LHSError, match="people have the same outcome"):
            permutation_importance(model, rows, outcomes)
    with pytest.raises(LHSError, match="one outcome per row"):
        permutation_importance(model, X, y[:-1])


def test_the_interval_of_an_importance_holds_what_many_people_show(learned):
    truth = permutation_importance(learned, *patients(100_000, seed=2), bootstrap=0)["estimate"]
    held = []
    for run in range(25):
        table = permutation_importance(learned, *patients(1_500, seed=10 + run), seed=run)
        held.append((table["low"] < truth) & (truth < table["high"]))
    assert (np.mean(held, axis=0) > 0.85).all(), np.mean(held, axis=0)


def test_partial_dependence_agrees_with_scikit_learn(learned):
    X, _ = patients(1_000)
    ours = partial_dependence(learned, X, "pressure", [-1.0, 0.0, 2.0])
    theirs = inspection.partial_dependence(
        learned, X.astype(float), ["pressure"], grid_resolution=50, kind="average"
    )
    at = theirs["grid_values"][0]
    same = partial_dependence(learned, X, "pressure", at)["risk"]
    np.testing.assert_allclose(same, theirs["average"][0], atol=1e-9)
    assert ours["risk"].is_monotonic_increasing and (ours["low"] < ours["high"]).all()


def test_missing_values_do_not_spoil_the_dependence(learned):
    X, _ = patients(1_000)
    X.loc[:300, "pressure"] = np.nan
    table = partial_dependence(learned, X, "pressure")
    assert np.isfinite(table).all(axis=None) and len(table) == 19
    with pytest.raises(LHSError, match="no column 'sleep'"):
        partial_dependence(learned, X, "sleep")
    with pytest.raises(LHSError, match="Nobody has a value"):
        partial_dependence(learned, X.assign(noise=np.nan), "noise")


def test_the_ratios_that_were_put_in_are_learned():
    X, y = patients(20_000)
    known = pd.DataFrame({"column": ["smokes", "pressure", "noise"], "value": 1.0, "against": 0.0})
    known["hazard_ratio"] = [RATIOS["smokes"], RATIOS["pressure"], 1.0]
    rng, models = np.random.default_rng(0), [train(X, y, "logistic regression")]
    for _ in range(20):
        drawn = rng.integers(0, len(X), len(X))
        models.append(train(X.iloc[drawn], y[drawn], "logistic regression"))
    table = beside_what_was_put_in(known, models, X)
    assert (np.abs(np.log(table["learned"] / table["hazard_ratio"])) < 0.12).all()
    assert ((table["low"] < table["learned"]) & (table["learned"] < table["high"])).all()
    assert table.loc[2, "low"] < 1 < table.loc[2, "high"]
    assert "low" not in beside_what_was_put_in(known, models[0], X)
    with pytest.raises(LHSError, match="lacks against"):
        beside_what_was_put_in(known.drop(columns="against"), models, X)


def test_errors_are_the_missed_and_the_false_alarms():
    people = pd.DataFrame({"patient_id": range(6), "label": [True, True, True, False, False, False]})
    errors = largest_errors(people, [0.9, 0.01, 0.3, 0.8, 0.02, 0.5], n=3)
    assert errors["patient_id"].tolist() == [1, 2, 3]
    assert errors["error"].tolist() == ["missed", "missed", "false alarm"]


def test_a_story_has_every_event_in_order_and_says_what_the_model_could_see(ward, tmp_path):
    emr = ward.write(
        tmp_path / "emr",
        patients=[ward.person(1), ward.person(2)],
        conditions=[ward.stroke(1, "2017-05-01"), ward.stroke(2, "2012-05-01")],
        observations=[
            ward.pressure(1, "2016-11-01", 150),
            ward.pressure(1, "2016-12-20", 170),  # inside the gap
            ward.pressure(1, "2016-10-01", 140, recorded_at="2017-02-01"),  # known too late
            ward.pressure(1, "2001-01-01", 120),  # before the look-back
            ward.pressure(2, "2016-11-01", 99),
        ],
    )
    task = Task("Stroke", ("SNOMED:230690007",), window_days=365, gap_days=30)
    people = cohort(emr, task, "2017-01-01")
    story = time_lines(emr, people[people["patient_id"] == 1], task)
    assert story["patient_id"].unique().tolist() == [1]
    assert story["value"].dropna().tolist() == [140, 150, 170]
    assert story["known"].tolist() == [False, True, False, False]
    assert story["event"].tolist()[-2:] == ["Systolic blood pressure", "Stroke"]
    assert story["days"].tolist() == [-92, -61, -12, 120]
