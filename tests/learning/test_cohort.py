from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import IndexRule, Task, cohort, flow, split_people

STROKE, HYPERTENSION, ASPIRIN = "SNOMED:230690007", "SNOMED:59621000", "RxNorm:243670"

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
    # Her first stroke, on day 243, falls into the gap: none is left to be the first.
    people = cohort(emr, replace(task, gap_days=250, window_days=250), AT).set_index("patient_id")
    assert 1 not in people.index
    assert people.index[people["label"]].tolist() == [8, 10]
    before = cohort(emr, replace(task, gap_days=182, window_days=182), AT).set_index("patient_id")
    assert before.index[before["label"]].tolist() == [1]  # the stroke of 8 comes on day 365, one too late
    last = cohort(emr, replace(task, gap_days=182, window_days=183), AT).set_index("patient_id")
    assert last.index[last["label"]].tolist() == [1, 8]


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


def test_the_flow_as_a_table_adds_up(emr, task):
    people = cohort(emr, replace(task, min_history_days=365), AT)
    table = flow(people)
    assert table.columns.tolist() == ["step", "people", "left"]
    assert table["left"].iloc[0] == table["people"].iloc[0] == 12
    assert table["left"].iloc[-1] == table["people"].iloc[-1] == len(people)
    with pytest.raises(LHSError, match="carry no flow chart"):
        flow(pd.DataFrame({"patient_id": [1]}))


def test_those_who_leave_die_or_are_not_followed_are_taken_out_on_demand_and_counted(emr, task):
    def left(**rules):
        people = cohort(emr, replace(task, **rules), AT)
        out = {
            step: n for step, n in people.attrs["flow"] if n and ("window ended" in step or "seen" in step)
        }
        return people.set_index("patient_id"), out

    people, out = left(if_left="exclude")
    assert 3 not in people.index and out == {"excluded: left before the window ended": 1}
    people, out = left(if_died="exclude")
    assert not {2, 9} & set(people.index) and out == {"excluded: died before the window ended": 2}
    people, out = left(required_follow_up_days=100)
    assert 3 not in people.index and 2 in people.index and out == {"excluded: seen for less than 100 days": 1}
    people, out = left(required_follow_up_days=50)
    assert 3 in people.index and not out
    people, _ = left(if_died="outcome")
    assert people.index[people["label"]].tolist() == [1, 2, 8]  # 9 had died before the window opened
    assert people.loc[2, ["event_time", "end_reason"]].tolist() == [pd.Timestamp("2018-06-01"), "outcome"]


def test_a_window_that_ends_after_the_record_is_said(emr, task):
    with pytest.warns(
        UserWarning, match=r"windows of 7 of 7 people end after the record does \(2018-10-01\)"
    ):
        cohort(emr.as_of("2018-10-01"), task, AT)


def test_a_prior_outcome_excludes_as_far_back_as_the_washout_reaches(emr, task):
    assert 6 not in cohort(emr, task, AT)["patient_id"].tolist()
    people = cohort(emr, replace(task, washout_days=700), AT)
    recurrent = people.set_index("patient_id").loc[6]
    assert recurrent["label"] and recurrent["event_time"] == pd.Timestamp("2018-04-01")
    assert ("excluded: the target was on record in the 700 days before", 0) in people.attrs["flow"]
    for days, excluded in ((731, False), (732, True)):  # the stroke of 6 was 731 days before
        there = 6 in cohort(emr, replace(task, washout_days=days), AT)["patient_id"].tolist()
        assert there is not excluded
    anybody = cohort(emr, replace(task, prior_outcome="allow"), AT).set_index("patient_id")
    assert {6, 7} <= set(anybody.index) and anybody.loc[6, "label"] and not anybody.loc[7, "label"]


RULES = {
    "visit": (IndexRule.visit("ambulatory"), {1: "2017-03-04", 2: "2017-06-01"}),
    "visits": (
        IndexRule.visit("ambulatory", "emergency"),
        {1: "2017-03-04", 2: "2017-05-01", 3: "2017-07-07"},
    ),
    "age": (IndexRule.age(57), {1: "2017-01-01", 3: "2017-02-28"}),
    # Made in 2016 and known in 2017; made in 2017 and known in 2018; known in 2016 already.
    "diagnosis": (IndexRule.diagnosis(HYPERTENSION), {1: "2017-02-02"}),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_index_date_is_what_the_rule_says(ward, tmp_path, task, rule):
    def visit(n, time, kind):
        return ward.event(n, time, "SNOMED:185349003") | {"class": kind}

    def hypertension(n, time, recorded_at):
        return ward.event(n, time, HYPERTENSION, recorded_at, status="active")

    emr = ward.write(
        tmp_path,
        patients=[
            ward.person(1),
            ward.person(2, birth="1950-06-06"),
            ward.person(3, birth="1960-02-28"),
            ward.person(4, birth="1977-01-01", time="2019-01-01"),
        ],
        encounters=[
            visit(1, "2016-12-31", "ambulatory"),
            visit(1, "2017-03-04", "ambulatory"),
            visit(1, "2017-04-04", "ambulatory"),
            visit(2, "2017-05-01", "emergency"),
            visit(2, "2017-06-01", "ambulatory"),
            visit(3, "2017-07-07", "emergency"),
            visit(4, "2018-01-01", "ambulatory"),
        ],
        conditions=[
            hypertension(1, "2016-03-03", "2017-02-02"),
            hypertension(2, "2017-05-05", "2018-02-02"),
            hypertension(3, "2016-05-05", "2016-05-05"),
            ward.stroke(1, "2017-09-09"),
        ],
    )
    index, expected = RULES[rule]
    people = cohort(emr, replace(task, index=index), ("2017-01-01", "2018-01-01"))
    found = people.set_index("patient_id")["index_time"].dt.strftime("%Y-%m-%d").to_dict()
    assert found == expected
    assert people.set_index("patient_id").loc[1, "label"]
    table = flow(people)
    assert table["step"].iloc[1].startswith("excluded: without an index date, the ")
    assert table["left"].iloc[-1] == len(people)
    with pytest.raises(LHSError, match="give its first day and the day after its last"):
        cohort(emr, replace(task, index=index), "2017-01-01")
    with pytest.raises(LHSError, match="its end must come later"):
        cohort(emr, replace(task, index=index), ("2018-01-01", "2017-01-01"))
    with pytest.raises(LHSError, match="asked on one date, but a period was given"):
        cohort(emr, task, ("2017-01-01", "2018-01-01"))


def obvious_cohort(tables, task, at):
    """The same people, slowly: person by person, rule by rule. Label and reason by patient_id."""
    at, end = pd.Timestamp(at), pd.Timestamp("2020-12-31")
    found = {}
    for number in sorted({row["patient_id"] for row in tables["patients"]}):
        own = {
            name: [
                row | {key: pd.Timestamp(row[key]) for key in ("time", "recorded_at")}
                for row in rows
                if row["patient_id"] == number
            ]
            for name, rows in tables.items()
        }
        verdict = obvious_person(own, task, at, end)
        if verdict is not None:
            found[number] = verdict
    return found


def obvious_person(own, task, at, end):
    known = [row for row in own["patients"] if row["recorded_at"] <= at]
    if not known:
        return None
    now = max(known, key=lambda row: (row["recorded_at"], row["time"]))
    entered = [row["time"] for row in known if row["status"] == "registered"]
    if now["status"] != "registered" or (task.sex and now["sex"] != task.sex):
        return None
    born = pd.Timestamp(now["birth_date"])
    years = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
    if not task.min_age <= years <= task.max_age:
        return None
    if min(entered) > at - pd.Timedelta(days=task.min_history_days):
        return None
    events = [
        row for name in ("conditions", "medications", "observations", "encounters") for row in own[name]
    ]
    events = [row for row in events if row.get("status") not in ("resolved", "stop")]
    past = {row["code"] for row in events if row["recorded_at"] <= at and row["time"] <= at}
    if task.required and not past & set(task.required) or past & set(task.excluded):
        return None
    strokes = [row for row in events if row["code"] in task.target]
    opens = at + pd.Timedelta(days=task.gap_days)
    if task.prior_outcome == "exclude":
        since = pd.Timestamp.min
        if task.washout_days:
            since = at - pd.Timedelta(days=task.washout_days)
        recent = [row for row in strokes if row["time"] > since]
        if any(row["recorded_at"] <= at or row["time"] <= opens for row in recent):
            return None
    closes = opens + pd.Timedelta(days=task.window_days)
    outcomes = [row["time"] for row in strokes if opens < row["time"] <= closes]
    ends = {"window ended": closes, "data ended": end}
    for status in ("left", "died"):
        times = [
            row["time"] for row in own["patients"] if row["status"] == status and row["recorded_at"] > at
        ]
        if times:
            ends[status] = max(min(times), at)
    if task.if_died == "outcome" and opens < ends.get("died", at) <= closes:
        outcomes.append(ends["died"])
    if outcomes:
        return True, "outcome", min(outcomes)
    order = ("died", "left", "window ended", "data ended")
    reason = min((name for name in order if name in ends), key=lambda name: (ends[name], order.index(name)))
    if task.if_left == "exclude" and reason == "left" or task.if_died == "exclude" and reason == "died":
        return None
    seen = (ends[reason] - at).days
    if reason in ("left", "data ended") and seen < task.required_follow_up_days:
        return None
    return False, reason, ends[reason]


@settings(max_examples=25, deadline=None, derandomize=True, phases=[Phase.generate])
@given(
    day=st.integers(900, 2500),
    gap=st.integers(0, 60),
    window=st.integers(60, 700),
    washout=st.none() | st.integers(1, 1200),
    prior=st.sampled_from(["exclude", "allow"]),
    sex=st.sampled_from([None, "female", "male"]),
    ages=st.tuples(st.integers(0, 50), st.integers(51, 100)),
    history=st.integers(0, 900),
    required=st.sampled_from([(), (HYPERTENSION,), (HYPERTENSION, ASPIRIN)]),
    excluded=st.sampled_from([(), ("SNOMED:185349003",)]),
    follow_up=st.integers(0, 60),
    if_left=st.sampled_from(["keep", "exclude"]),
    if_died=st.sampled_from(["keep", "exclude", "outcome"]),
)
def test_random_tasks_find_the_people_that_a_patient_reader_finds(
    crowd,
    day,
    gap,
    window,
    washout,
    prior,
    sex,
    ages,
    history,
    required,
    excluded,
    follow_up,
    if_left,
    if_died,
):
    emr, tables = crowd
    task = Task(
        "Stroke",
        (STROKE,),
        window,
        gap_days=gap,
        min_age=ages[0],
        max_age=ages[1],
        min_history_days=history,
        sex=sex,
        required=required,
        excluded=excluded,
        prior_outcome=prior,
        washout_days=washout if prior == "exclude" else None,
        required_follow_up_days=follow_up,
        if_left=if_left,
        if_died=if_died,
    )
    at = pd.Timestamp("2012-01-01") + pd.Timedelta(days=day)
    expected = obvious_cohort(tables, task, at)
    if not expected:
        with pytest.raises(LHSError, match="concerns nobody"):
            cohort(emr, task, at)
        return
    people = cohort(emr, task, at).set_index("patient_id")
    found = people[["label", "end_reason", "follow_up_end"]].apply(tuple, axis=1).to_dict()
    assert found == expected
    steps = flow(cohort(emr, task, at))
    assert steps["left"].iloc[-1] == len(expected) and steps["people"].min() >= 0
