import json
import statistics
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import (
    FeaturePlan,
    IndexRule,
    Task,
    cohort,
    features,
    split_people,
    vocabulary,
)

ENDED = {("conditions", "resolved"): "condition_end", ("medications", "stop"): "medication_stop"}
KINDS = {
    "observations": "observation",
    "conditions": "condition",
    "medications": "medication",
    "encounters": "encounter",
}
ALL = ("ever", "count", "days since", "last", "mean", "min", "max", "slope", "missing", "last is")


def obvious_events(tables):
    """All rows that are not about the person itself, with their kind."""
    rows = []
    for table, kind in KINDS.items():
        for row in tables[table]:
            rows.append(row | {"kind": ENDED.get((table, row.get("status")), kind)})
    events = pd.DataFrame(rows)
    for column in ("time", "recorded_at"):
        events[column] = pd.to_datetime(events[column])
    return events


def obvious_features(tables, people, task, vocabulary):
    """The same matrix, slowly: for each person and each column, pick the rows and look at them."""
    events = dict(list(obvious_events(tables).groupby("patient_id")))
    nothing = next(iter(events.values())).head(0)
    result = []
    for person in people.itertuples():
        until = person.index_time - pd.Timedelta(days=task.gap_days)
        own = events.get(person.patient_id, nothing)
        own = own[(own["time"] >= until - pd.Timedelta(days=task.lookback_days))]
        own = own[(own["time"] < until) & (own["recorded_at"] < until)]
        own = own.sort_values(["time", "recorded_at"]).to_dict("records")
        result.append([obvious_value(own, column, person, until) for column in vocabulary.itertuples()])
    return np.array(result, dtype=np.float32)


def obvious_value(own, column, person, until):
    if column.kind == "person":
        fact = getattr(person, column.code)
        return fact if column.code == "age" else fact == ("male" if column.code == "sex" else column.text)
    own = [row for row in own if (row["kind"], row["code"]) == (column.kind, column.code)]
    if not pd.isna(column.window_days):
        own = [row for row in own if row["time"] >= until - pd.Timedelta(days=column.window_days)]
    if column.statistic == "ever":
        return len(own) > 0
    if column.statistic == "count":
        return len(own)
    if column.statistic == "days since":
        return (person.index_time - own[-1]["time"]) / pd.Timedelta(days=1) if own else np.nan
    if column.statistic == "last is":
        answers = sorted((row["time"], row["recorded_at"], row["text"]) for row in own if has(row, "text"))
        return bool(answers) and answers[-1][2] == column.text
    measured = sorted((row["time"], row["recorded_at"], row["value"]) for row in own if has(row, "value"))
    if column.statistic == "missing":
        return not measured
    if not measured:
        return np.nan
    values = [value for _, _, value in measured]
    if column.statistic == "slope":
        years = [time.timestamp() / (365.25 * 86_400) for time, _, _ in measured]
        return statistics.linear_regression(years, values).slope if len(set(years)) > 1 else np.nan
    reduce = {"last": lambda v: v[-1], "mean": statistics.fmean, "min": min, "max": max}
    return reduce[column.statistic](values)


def has(row, what):
    return what in row and not pd.isna(row[what])


def assert_same(X, tables, people, task, columns):
    assert X.columns.tolist() == columns["name"].tolist() and X.columns.is_unique
    assert X.index.tolist() == people["patient_id"].tolist() and set(X.dtypes) == {np.dtype("float32")}
    expected = obvious_features(tables, people, task, columns)
    slope = (columns["statistic"] == "slope").to_numpy()
    np.testing.assert_array_equal(X.to_numpy()[:, ~slope], expected[:, ~slope])
    # Two ways to fit a line agree but for the last digits of a float.
    np.testing.assert_allclose(X.to_numpy()[:, slope], expected[:, slope], rtol=1e-4, atol=1e-3)


# Without shrinking: a failure is reported at once, not after minutes of smaller questions to the database.
RANDOM = settings(max_examples=15, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])


@RANDOM
@given(
    day=st.integers(200, 1500),
    gap=st.integers(0, 90),
    lookback=st.integers(1, 1500),
    min_share=st.sampled_from([0.0, 0.05, 0.5]),
)
@example(
    day=930, gap=30, lookback=300, min_share=0.0
)  # events at the very first and last moment of the look-back
def test_the_database_counts_what_a_patient_reader_would(random_ward, day, gap, lookback, min_share):
    emr, tables = random_ward
    task = Task("Stroke", ("SNOMED:230690007",), 90, gap_days=gap, lookback_days=lookback)
    people = cohort(emr, task, pd.Timestamp("2014-01-01") + pd.Timedelta(days=day))
    columns = vocabulary(emr, people, task, min_share)
    assert_same(features(emr, people, task, columns), tables, people, task, columns)


@RANDOM
@given(
    day=st.integers(700, 2400),
    gap=st.integers(0, 60),
    lookback=st.integers(30, 2500),
    shorter=st.lists(st.integers(1, 30) | st.integers(31, 700), max_size=2, unique=True),
    chosen=st.sets(st.sampled_from(ALL), min_size=3),
    min_share=st.sampled_from([0.0, 0.02, 0.3]),
    rule=st.sampled_from([IndexRule.date(), IndexRule.visit("wellness", "ambulatory"), IndexRule.age(50)]),
)
def test_every_statistic_and_window_of_500_people_is_what_a_patient_reader_finds(
    crowd, day, gap, lookback, shorter, chosen, min_share, rule
):
    emr, tables = crowd
    task = Task(
        "Stroke",
        ("SNOMED:230690007",),
        300,
        gap_days=gap,
        lookback_days=lookback,
        index=rule,
        prior_outcome="allow",
    )
    at = pd.Timestamp("2012-01-01") + pd.Timedelta(days=day)
    people = cohort(emr, task, at if rule.kind == "date" else (at, at + pd.Timedelta(days=600)))
    windows = [None, *(days for days in shorter if days <= lookback)]
    how = {"windows": windows, "statistics": sorted(chosen), "facts": ("age", "sex", "insurance")}
    columns = vocabulary(emr, people, task, min_share, **how)
    assert_same(features(emr, people, task, columns), tables, people, task, columns)


def test_a_plan_drops_what_is_the_same_for_all_and_says_so(crowd):
    emr, _ = crowd
    task = Task("Stroke", ("SNOMED:230690007",), 365, sex="female", index=IndexRule.age(50))
    people = cohort(emr, task, ("2014-01-01", "2018-01-01"))
    plan, X = FeaturePlan.fit_apply(emr, people, task, min_share=0.05, statistics=ALL, windows=(100, None))
    dropped = plan.dropped.set_index("name")["reason"]
    assert dropped["Sex is male"] == "0 for every training person that has a value"
    assert "Age (years)" not in dropped, "birthdays fall on different shares of a leap year"
    everything = vocabulary(emr, people, task, 0.05, statistics=ALL, windows=(100, None))
    assert set(everything["name"]) == set(plan.columns["name"]) | set(dropped.index)
    varies = X.min() < X.max()
    assert varies.all() and X.columns.tolist() == plan.columns["name"].tolist()
    whole = features(emr, people, task, everything)
    assert not (whole[dropped.index].min() < whole[dropped.index].max()).any()


def test_a_plan_read_back_makes_the_same_features_and_names_nobody(crowd, task):
    emr, _ = crowd
    learned, others = split_people(cohort(emr, task, "2017-01-01"), 0.5, seed=1)
    plan = FeaturePlan.fit(
        emr, learned, task, statistics=ALL, windows=(365, None), facts=("age", "insurance")
    )
    text = plan.to_json()
    again = FeaturePlan.from_json(text)
    assert again.task == task and again.to_json() == text and again.learned_from is None
    pd.testing.assert_frame_equal(again.apply(emr, others), plan.apply(emr, others))
    assert plan.learned_from == frozenset(learned["patient_id"])
    assert set(json.loads(text)["learned_from"]) == {"people", "digest"}
    with pytest.raises(LHSError, match="not a saved plan"):
        FeaturePlan.from_json('{"columns": 3}')


def test_the_dictionary_says_what_each_feature_is(crowd, task):
    emr, _ = crowd
    people = cohort(emr, task, "2017-01-01")
    plan = FeaturePlan.fit(emr, people, task, statistics=ALL, windows=(365, None))
    dictionary = plan.dictionary
    assert dictionary.index.tolist() == plan.apply(emr, people.head(3)).columns.tolist()
    slope = dictionary.loc["Systolic blood pressure: slope in 365 days"]
    assert slope.tolist()[:5] == [
        "LOINC:8480-6",
        "Systolic blood pressure",
        "mm[Hg]/a",
        "slope",
        365,
    ]
    assert dictionary.loc["Visit: days since", ["unit", "window"]].tolist() == ["d", 1826]
    assert dictionary.loc["Age (years)", "unit"] == "a"


def test_more_people_than_are_summed_at_once_come_out_the_same(crowd, task, monkeypatch):
    emr, _ = crowd
    people = cohort(emr, task, "2017-01-01").sample(frac=1, random_state=1)
    columns = vocabulary(emr, people, task, statistics=ALL, windows=(100, None))
    at_once = features(emr, people, task, columns)
    monkeypatch.setattr(sys.modules["lhs_helpers.learning.features"], "BLOCK", 37)
    pd.testing.assert_frame_equal(features(emr, people, task, columns), at_once)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: p.assign(index_time=p["index_time"].dt.tz_localize("UTC")), "has the time zone UTC"),
        (lambda p: p.drop(columns="index_time"), "no column 'index_time'"),
        (lambda p: p.assign(index_time="2017"), "expected are times"),
        (lambda p: p.assign(index_time=p["index_time"].where(p["patient_id"] > 9)), "have no index time"),
    ],
)
def test_people_without_a_usable_index_time_get_a_sentence(crowd, task, change, says):
    emr, _ = crowd
    people = cohort(emr, task, "2017-01-01")
    columns = vocabulary(emr, people, task)
    with pytest.raises(LHSError, match=says):
        features(emr, change(people), task, columns)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"statistics": ("median",)}, "no statistic 'median'; choose of ever, count"),
        ({"facts": ("income",)}, "no fact 'income'; choose of age, sex"),
        ({"windows": (4000,)}, "4000 days does not lie in the look-back of 1,826 days"),
    ],
)
def test_options_that_do_not_exist_get_a_sentence(crowd, task, options, says):
    emr, _ = crowd
    with pytest.raises(LHSError, match=says):
        vocabulary(emr, cohort(emr, task, "2017-01-01"), task, **options)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"statistic": "median"}, "asks for the statistic 'median'"),
        ({"kind": "death"}, "is about death: that somebody died is known only when"),
        ({"name": "Age (years)"}, "Two columns have the name 'Age"),
    ],
)
def test_columns_that_can_not_be_made_get_a_sentence(crowd, task, change, says):
    emr, _ = crowd
    people = cohort(emr, task, "2017-01-01")
    columns = vocabulary(emr, people, task)
    for name, value in change.items():
        columns.loc[len(columns) - 1, name] = value
    with pytest.raises(LHSError, match=says):
        features(emr, people, task, columns)


def test_each_row_of_stacked_cohorts_has_its_own_index_time(random_ward, task):
    emr, _ = random_ward
    early, late = cohort(emr, task, "2015-06-20"), cohort(emr, task, "2017-06-01")
    columns = vocabulary(emr, early, task)
    both = features(emr, pd.concat([early, late]), task, columns)
    apart = pd.concat([features(emr, early, task, columns), features(emr, late, task, columns)])
    pd.testing.assert_frame_equal(both, apart)


def test_names_can_be_read(random_ward, task):
    emr, _ = random_ward
    columns = vocabulary(emr, cohort(emr, task, "2017-06-01"), task).set_index("name")
    assert {
        "Age (years)",
        "Sex is male",
        "Systolic blood pressure: mean",
        "Hypertension (resolved): ever",
        "Tobacco smoking status: last is 'current'",
    } <= set(columns.index)
    assert columns.loc["Systolic blood pressure: last", "unit"] == "mm[Hg]"


def test_codes_with_the_same_description_get_names_of_their_own(ward, task, tmp_path):
    twice = [ward.event(1, "2015-01-01", f"LOINC:8480-6{suffix}", value=120.0) for suffix in ("", "-b")]
    people, strokes = [ward.person(1)], [ward.stroke(1, "2018-01-01")]
    emr = ward.write(tmp_path, patients=people, observations=twice, conditions=strokes)
    names = vocabulary(emr, cohort(emr, task, "2017-01-01"), task)["name"]
    assert names.is_unique and "LOINC:8480-6-b: last" in names.tolist()  # no description: its code


def test_the_frequency_filter_is_learned_on_training_people_only(random_ward, task):
    """A code that only the others have makes no column, and their rows do not change the columns."""
    emr, tables = random_ward
    everybody = cohort(emr, task, "2017-06-01")
    smokers = {
        row["patient_id"] for row in tables["observations"] if row.get("text") and row["time"] < "2017-06-01"
    }
    some_smoker = everybody["patient_id"].isin(list(smokers)[:1])
    one, others = everybody[some_smoker], everybody[~some_smoker]
    small = vocabulary(emr, one, task, min_share=0.9)
    assert set(small["share"]) == {1.0}
    X = features(emr, others, task, small)
    assert X.columns.tolist() == small["name"].tolist() and len(X) == len(others)


def test_a_share_counts_training_people(random_ward, task):
    emr, _ = random_ward
    people = cohort(emr, task, "2017-06-01")
    columns = vocabulary(emr, people, task, min_share=0.5).set_index("name")
    X = features(emr, people, task, columns.reset_index())
    ever = [name for name in X.columns if name.endswith(": ever")]
    np.testing.assert_allclose(X[ever].mean(), columns.loc[ever, "share"], rtol=1e-6)
    assert columns["share"].min() >= 0.5


def test_people_without_any_event_are_kept_with_zeros_and_unknowns(ward, task, tmp_path):
    people = [ward.person(1), ward.person(2, sex="male")]
    emr = ward.write(
        tmp_path,
        patients=people,
        observations=[ward.pressure(1, "2015-01-01", 120)],
        conditions=[ward.stroke(1, "2018-01-01")],
    )
    members = cohort(emr, task, "2017-01-01")
    X = features(emr, members, task, vocabulary(emr, members, task))
    assert X.loc[2, "Systolic blood pressure: ever"] == 0 and np.isnan(
        X.loc[2, "Systolic blood pressure: last"]
    )
    assert X["Sex is male"].tolist() == [0, 1]


def test_nobody_and_nonsense_get_a_sentence(random_ward, task):
    emr, _ = random_ward
    people = cohort(emr, task, "2017-06-01")
    columns = vocabulary(emr, people, task)
    with pytest.raises(LHSError, match="The cohort is empty"):
        vocabulary(emr, people.head(0), task)
    with pytest.raises(LHSError, match="The cohort is empty"):
        features(emr, people.head(0), task, columns)
    with pytest.raises(LHSError, match="min_share is 5"):
        vocabulary(emr, people, task, min_share=5)


def test_a_record_as_of_a_time_has_no_later_features(random_ward, task):
    emr, _ = random_ward
    early = replace(task, gap_days=0)
    people = cohort(emr, early, "2016-06-01")
    columns = vocabulary(emr, people, early)
    then = features(emr.as_of("2016-06-01"), people, early, columns)
    pd.testing.assert_frame_equal(then, features(emr, people, early, columns))


def test_a_vocabulary_of_age_and_sex_alone_is_enough(random_ward, task):
    emr, _ = random_ward
    people = cohort(emr, task, "2017-06-01")
    columns = vocabulary(emr, people, task).head(2)
    X = features(emr, people, task, columns)
    np.testing.assert_array_equal(X["Age (years)"], people["age"].astype("float32"))
