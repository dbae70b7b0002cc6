"""One question, three engines: what DuckDB finds in a folder, PostgreSQL and Spark find where the data already is."""

import sys

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.learning import IndexRule, Task, cohort, features, vocabulary
from lhs_helpers.records.postgres import load_postgres
from lhs_helpers.records.spark import load_spark

STROKE, HYPERTENSION, PRESSURE, ASPIRIN = (
    "SNOMED:230690007",
    "SNOMED:59621000",
    "LOINC:8480-6",
    "RxNorm:243670",
)
PERIOD = ("2015-01-01", "2017-01-01")
ALL = ("ever", "count", "days since", "last", "mean", "min", "max", "slope", "missing", "last is")
# Sums of floats depend on the order in which an engine adds them; all else must be equal.
ADDED_UP = {"mean", "slope"}
TASKS = {
    "date": (Task("Stroke", (STROKE,), window_days=365, gap_days=30), "2016-01-01"),
    "visit": (Task("Stroke", (STROKE,), window_days=365, index=IndexRule.visit("ambulatory")), PERIOD),
    "age": (Task("Stroke", (STROKE,), window_days=730, index=IndexRule.age(50)), PERIOD),
    "diagnosis": (
        Task("Stroke", (STROKE,), window_days=365, index=IndexRule.diagnosis(HYPERTENSION), sex="female"),
        PERIOD,
    ),
    "with conditions": (
        Task("Stroke", (STROKE,), 365, required=(HYPERTENSION,), excluded=(ASPIRIN,), washout_days=400,
             if_died="outcome", required_follow_up_days=100),
        "2017-01-01",
    ),
    "death": (Task("Death", ("death",), window_days=730, target_kind="death"), "2016-01-01"),
}  # fmt: skip


@pytest.fixture(params=["postgres", "spark"])
def elsewhere(request, inexact):
    place = request.getfixturevalue(request.param)
    return {"postgres": load_postgres, "spark": load_spark}[request.param](inexact.folder, place)


def matrix(emr, task, at):
    people = cohort(emr, task, at)
    columns = vocabulary(
        emr, people, task, 0.02, statistics=ALL, windows=(None, 365), facts=("age", "sex", "insurance")
    )
    return people, columns, features(emr, people, task, columns)


def test_every_index_rule_finds_the_same_people_and_outcomes(inexact, elsewhere):
    for name, (task, at) in TASKS.items():
        expected = cohort(inexact, task, at)
        assert len(expected) > 5, name
        pd.testing.assert_frame_equal(cohort(elsewhere, task, at), expected, obj=name)


def test_the_matrix_is_the_same_to_the_last_bit_that_addition_allows(inexact, elsewhere):
    task, at = TASKS["date"]
    _, columns, expected = matrix(inexact, task, at)
    _, again, found = matrix(elsewhere, task, at)
    pd.testing.assert_frame_equal(again, columns)
    assert set(columns["statistic"]) >= set(ALL)
    added = columns["statistic"].isin(ADDED_UP).to_numpy()
    assert 4 <= added.sum() < len(columns) / 2
    np.testing.assert_array_equal(found.loc[:, ~added], expected.loc[:, ~added])
    np.testing.assert_allclose(found.loc[:, added], expected.loc[:, added], rtol=1e-6, atol=1e-9)
    assert np.isfinite(expected.to_numpy()).sum() > 1000


def test_what_was_known_then_is_the_same(inexact, elsewhere):
    task, at = TASKS["date"]
    then, expected = elsewhere.as_of("2016-06-01"), inexact.as_of("2016-06-01")
    with pytest.warns(UserWarning, match="end after the record"):
        pd.testing.assert_frame_equal(cohort(then, task, at), cohort(expected, task, at))


@pytest.mark.parametrize("elsewhere", ["postgres"], indirect=True)
def test_blocks_of_people_do_not_show(elsewhere, monkeypatch):
    task, at = TASKS["with conditions"]
    people = cohort(elsewhere, task, at)
    columns = vocabulary(elsewhere, people, task, 0.0, statistics=("ever", "last", "last is"))
    whole = features(elsewhere, people, task, columns)
    monkeypatch.setattr(sys.modules["lhs_helpers.learning.features"], "BLOCK", 20)
    pd.testing.assert_frame_equal(features(elsewhere, people, task, columns), whole)
