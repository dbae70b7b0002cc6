from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task, cohort, features, vocabulary

ENDED = {("conditions", "resolved"): "condition_end", ("medications", "stop"): "medication_stop"}


def obvious_features(tables, people, task, vocabulary):
    """The same matrix, slowly: for each person and each column, pick the rows and look at them."""
    rows = []
    for table, kind in {
        "observations": "observation",
        "conditions": "condition",
        "medications": "medication",
        "encounters": "encounter",
    }.items():
        for row in tables[table]:
            rows.append(row | {"kind": ENDED.get((table, row.get("status")), kind)})
    events = pd.DataFrame(rows)
    events["time"], events["recorded_at"] = (
        pd.to_datetime(events["time"]),
        pd.to_datetime(events["recorded_at"]),
    )
    result = []
    for person in people.itertuples():
        until = person.index_time - pd.Timedelta(days=task.gap_days)
        since = until - pd.Timedelta(days=task.lookback_days)
        own = events[(events["patient_id"] == person.patient_id) & (events["time"] >= since)]
        own = own[(own["time"] < until) & (own["recorded_at"] < until)]
        result.append([obvious_value(own, column, person) for column in vocabulary.itertuples()])
    return np.array(result, dtype=np.float32)


def obvious_value(own, column, person):
    if column.code == "age":
        return person.age
    if column.code == "sex":
        return person.sex == "male"
    own = own[(own["kind"] == column.kind) & (own["code"] == column.code)]
    if column.statistic == "ever":
        return len(own) > 0
    if column.statistic == "count":
        return len(own)
    if column.statistic == "last is":
        latest = own.dropna(subset="text").sort_values(["time", "recorded_at", "text"])["text"]
        return len(latest) > 0 and latest.iloc[-1] == column.text
    measured = own.dropna(subset="value").sort_values(["time", "recorded_at", "value"])["value"]
    if measured.empty:
        return np.nan
    return measured.iloc[-1] if column.statistic == "last" else measured.mean()


# Without shrinking: a failure is reported at once, not after minutes of smaller questions to the database.
@settings(max_examples=15, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
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
    task = Task("Stroke", ("SNOMED:230690007",), 30, gap_days=gap, lookback_days=lookback)
    people = cohort(emr, task, pd.Timestamp("2014-01-01") + pd.Timedelta(days=day))
    columns = vocabulary(emr, people, task, min_share)
    X = features(emr, people, task, columns)
    assert X.columns.tolist() == columns["name"].tolist() and X.columns.is_unique
    assert X.index.tolist() == people["patient_id"].tolist() and set(X.dtypes) == {np.dtype("float32")}
    np.testing.assert_array_equal(X.to_numpy(), obvious_features(tables, people, task, columns))


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
