import json

import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import IndexRule, Task

CODE = ("SNOMED:230690007",)


def test_a_task_reads_as_one_sentence():
    task = Task("Stroke", CODE, window_days=365, gap_days=1, min_age=45, max_age=80, min_history_days=90)
    assert str(task) == (
        "Stroke: among registered people aged 45 to 80, known for at least 90 days and without this "
        "diagnosis on record, who has a first diagnosis (SNOMED:230690007) in the 365 days that begin 1 day "
        "after the index date, judged by what the record then knew of the 1,826 days that end 1 day before it? "
        "The index date is the date that is asked about. People who leave without the outcome are followed until "
        "then; a death is a competing event."
    )


def test_every_rule_is_read_out():
    task = Task(
        "Emergency",
        ("SNOMED:50849002",),
        window_days=90,
        target_kind="encounter",
        sex="female",
        required=("SNOMED:44054006", "SNOMED:59621000"),
        excluded=("SNOMED:77386006",),
        index=IndexRule.visit("ambulatory", "wellness"),
        washout_days=180,
        required_follow_up_days=30,
        if_died="outcome",
    )
    assert str(task) == (
        "Emergency: among registered women aged 18 to 120 with SNOMED:44054006 or SNOMED:59621000 on record, "
        "without SNOMED:77386006 on record and without this encounter in the 180 days before, who has an "
        "encounter (SNOMED:50849002) or dies in the 90 days after the index date, judged by what the record then "
        "knew of the 1,826 days before it? The index date is the first ambulatory or wellness visit in the period "
        "that is asked about. People who leave without the outcome are followed until then; whoever is seen for "
        "less than 30 days after the index date, without the outcome and alive, is taken out."
    )


@pytest.mark.parametrize(
    ("index", "says"),
    [
        (IndexRule.date(), "The index date is the date that is asked about."),
        (IndexRule.age(50), "The index date is the day of reaching 50 years, in the period"),
        (IndexRule.diagnosis("SNOMED:1"), "is the day on which the record first knows of SNOMED:1, in the"),
    ],
)
def test_the_index_date_is_read_out(index, says):
    assert says in str(Task("Stroke", CODE, 365, index=index))


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({}, "are followed until then; a death is a competing event."),
        ({"if_left": "exclude"}, "without the outcome are taken out; a death is a competing event."),
        ({"if_died": "exclude"}, "are followed until then; those who die are taken out."),
        ({"if_left": "exclude", "if_died": "exclude"}, "are taken out; so are those who die."),
    ],
)
def test_what_happens_to_those_who_leave_or_die_is_read_out(rules, says):
    assert str(Task("Stroke", CODE, 365, **rules)).endswith(says)


def test_a_task_survives_json():
    task = Task("Stroke", CODE, 365, index=IndexRule.diagnosis("SNOMED:1"), required=("SNOMED:1",))
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task


def test_a_task_about_death_says_who_dies():
    assert "who dies in the 30 days after the index date" in str(
        Task("Death", ("death",), 30, target_kind="death")
    )


def test_a_list_of_codes_becomes_a_tuple_so_that_tasks_can_be_compared():
    assert Task("Stroke", list(CODE), 365) == Task("Stroke", CODE, 365)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"window_days": 0}, "window_days is 0; it must be at least 1"),
        ({"window_days": -5}, "window_days is -5"),
        ({"gap_days": -1}, "gap_days is -1; it must be at least 0"),
        ({"lookback_days": 0}, "lookback_days is 0"),
        ({"min_history_days": -1}, "min_history_days is -1"),
        ({"min_age": 80, "max_age": 40}, "ages run from 80 to 40"),
        ({"target": ()}, "it has no target"),
        ({"target": "SNOMED:1"}, r"target=\('SNOMED:1',\)"),
        ({"target": ("230690007",)}, "'SNOMED:230690007'"),
        ({"gap_days": 366}, "the gap of 366 days is longer than the window of 365 days"),
        ({"sex": "woman"}, "sex is 'woman'; it is 'female', 'male' or None"),
        ({"required": "SNOMED:1"}, r"required=\('SNOMED:1',\)"),
        ({"excluded": ("1",)}, "excluded '1' names no code system"),
        ({"required": ("SNOMED:1",), "excluded": ("SNOMED:1",)}, "SNOMED:1 is required and excluded"),
        ({"required": CODE}, "is also required before the index date"),
        ({"index": "2017-01-01"}, "index is '2017-01-01'; give a rule"),
        ({"index": IndexRule.age(17)}, "the birthday at 17, but ages run from 18 to 120"),
        ({"prior_outcome": "ignore"}, "prior_outcome is 'ignore'; it is one of exclude, allow"),
        ({"prior_outcome": "allow", "washout_days": 30}, "but prior_outcome is 'allow'"),
        ({"washout_days": 0}, "washout_days is 0; it must be at least 1"),
        ({"required_follow_up_days": 400}, "followed for 365 days only"),
        ({"if_left": "drop"}, "if_left is 'drop'"),
        ({"target": ("death",), "target_kind": "death", "if_died": "exclude"}, "death is its target"),
        ({"target_kind": "diagnosis"}, "target_kind is 'diagnosis'; it is one of condition"),
    ],
)
def test_what_can_not_be_meant_is_refused_in_a_sentence(wrong, says):
    with pytest.raises(LHSError, match=says):
        Task(**({"name": "Stroke", "target": CODE, "window_days": 365} | wrong))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: IndexRule.visit(), "one or more of wellness, .*none was given"),
        (lambda: IndexRule.visit("ward"), "not 'ward'"),
        (lambda: IndexRule.age(200), "give an age from 1 to 129"),
        (lambda: IndexRule.diagnosis("38341003"), "codes with their system"),
        (lambda: IndexRule("season"), "not by 'season'"),
    ],
)
def test_an_index_rule_that_can_not_be_meant_is_refused(make, says):
    with pytest.raises(LHSError, match=says):
        make()
