from dataclasses import replace

import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task, cohort, split_people

AT = "2018-01-01"


@pytest.fixture
def emr(ward, tmp_path):
    """One person for each thing that can happen; the number says which."""
    people = [ward.person(n) for n in range(1, 13)]
    people[10] = ward.person(11, birth="2000-01-02")  # 17 at the index date, 18 the day after
    people[11] = ward.person(12, time="2017-12-01")  # one month of history
    people += [
        ward.person(2, status="died", time="2018-06-01", recorded_at="2018-07-01"),
        ward.person(3, status="left", time="2018-03-01"),
        ward.person(4, status="died", time="2017-06-01"),
        ward.person(5, status="left", time="2017-06-01"),
        ward.person(
            9, status="died", time="2017-12-30", recorded_at="2018-02-01"
        ),  # death not known yet at the index
        ward.person(13, time="2018-05-01"),  # not yet known
    ]
    strokes = [
        ward.stroke(1, "2018-09-01"),
        ward.stroke(1, "2018-11-01"),  # a second one
        ward.stroke(6, "2016-01-01"),  # on record
        ward.stroke(6, "2018-04-01"),
        ward.stroke(7, "2017-12-20", recorded_at="2018-01-10"),  # happened, not yet known
        ward.stroke(8, "2019-01-01"),  # the last moment of the window
        ward.stroke(10, "2019-01-02"),  # too late
    ]
    return ward.write(tmp_path, patients=people, conditions=strokes)


def test_each_person_has_the_outcome_and_the_follow_up_that_was_written_down(emr, task):
    people = cohort(emr, task, AT).set_index("patient_id")
    reasons = {1: "outcome", 2: "died", 3: "left", 8: "outcome", 9: "died"}
    reasons |= dict.fromkeys((10, 12), "window ended")
    assert people["end_reason"].to_dict() == reasons
    assert people.index[people["label"]].tolist() == [1, 8]
    assert people.loc[1, "event_time"] == people.loc[1, "follow_up_end"] == pd.Timestamp("2018-09-01")
    assert people.loc[2, "follow_up_end"] == pd.Timestamp("2018-06-01")
    assert people.loc[9, "follow_up_end"] == pd.Timestamp(AT)  # had died before; the record did not know yet
    assert people.loc[10, "follow_up_end"] == pd.Timestamp("2019-01-01") and pd.isna(
        people.loc[10, "event_time"]
    )
    assert people["age"].between(57.9, 58.1).all()


def test_everybody_who_is_not_eligible_is_counted_with_the_reason(emr, task):
    flow = cohort(emr, replace(task, min_history_days=365), AT).attrs["flow"]
    assert flow == [
        ("known to the record on 2018-01-01", 12),
        ("excluded: had died", 1),
        ("excluded: had left", 1),
        ("excluded: not aged 18 to 120", 1),
        ("excluded: known for less than 365 days", 1),
        ("excluded: the target was on record", 1),
        ("excluded: had the target before the window opened, known only later", 1),
        ("eligible", 6),
    ]


def test_someone_is_eligible_from_the_eighteenth_birthday_on(emr, task):
    assert 11 not in cohort(emr, task, AT)["patient_id"].tolist()
    assert 11 in cohort(emr, task, "2018-01-02")["patient_id"].tolist()


def test_eligibility_does_not_depend_on_what_became_known_later(emr, task):
    with_hindsight, then = cohort(emr, task, AT), cohort(emr.as_of("2018-10-01"), task, AT)
    assert with_hindsight["patient_id"].tolist() == then["patient_id"].tolist()
    assert then.set_index("patient_id").loc[[8, 10], "end_reason"].tolist() == ["data ended", "data ended"]
    assert then["follow_up_end"].max() == pd.Timestamp("2018-10-01")


def test_the_window_opens_after_the_gap(emr, task):
    people = cohort(emr, replace(task, gap_days=300, window_days=60), AT).set_index("patient_id")
    assert 1 not in people.index  # her first stroke fell into the gap: none is left to be the first
    assert not people["label"].any()
    later = cohort(emr, replace(task, gap_days=300, window_days=65), AT).set_index("patient_id")
    assert later.index[later["label"]].tolist() == [8]


def test_death_can_be_the_outcome(emr):
    death = Task("Death", ("death",), 365, target_kind="death")
    people = cohort(emr, death, AT).set_index("patient_id")
    assert people.index[people["label"]].tolist() == [2]
    assert people.loc[2, "end_reason"] == "outcome"


@pytest.mark.parametrize(
    ("change", "at", "says"),
    [
        (
            {"target": ("SNOMED:999",)},
            AT,
            "nobody in this record ever has SNOMED:999 as condition; see emr.concepts",
        ),
        ({"target_kind": "procedure"}, AT, "it occurs as condition: set target_kind"),
        ({"min_age": 119}, AT, "concerns nobody on 2018-01-01 .*not aged 119 to 120: 10"),
        ({}, "2031-01-01", "lies outside the record, which runs from 2010-01-01 to 2020-12-31"),
        ({}, "2018-01-01T00:00Z", "without a zone"),
    ],
)
def test_a_question_without_an_answer_gets_a_sentence(emr, task, change, at, says):
    with pytest.raises(LHSError, match=says):
        cohort(emr, replace(task, **change), at)


def test_a_person_is_always_on_the_same_side_of_the_split():
    early, late = (
        pd.DataFrame({"patient_id": range(5000)}),
        pd.DataFrame({"patient_id": range(9000, 2000, -1)}),
    )
    train, test = split_people(early, 0.7, seed=1)
    later_train, later_test = split_people(late, 0.7, seed=1)
    assert len(train) + len(test) == 5000 and 0.68 < len(train) / 5000 < 0.72
    assert not set(train["patient_id"]) & set(later_test["patient_id"])
    assert not set(test["patient_id"]) & set(later_train["patient_id"])
    assert set(split_people(early, 0.7, seed=2)[0]["patient_id"]) != set(train["patient_id"])
    with pytest.raises(LHSError, match="between 0 and 1"):
        split_people(early, 70, seed=1)
