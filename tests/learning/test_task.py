import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task

CODE = ("SNOMED:230690007",)


def test_a_task_reads_as_one_sentence():
    task = Task("Stroke", CODE, window_days=365, gap_days=1, min_age=45, max_age=80, min_history_days=90)
    assert str(task) == (
        "Stroke: among registered people aged 45 to 80, known for at least 90 days and without this "
        "diagnosis on record, who has a first diagnosis (SNOMED:230690007) in the 365 days that begin 1 day "
        "after the index date, judged by what the record then knew of the 1,826 days that end 1 day before it?"
    )


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
        ({"target_kind": "diagnosis"}, "target_kind is 'diagnosis'; it is one of condition"),
    ],
)
def test_what_can_not_be_meant_is_refused_in_a_sentence(wrong, says):
    with pytest.raises(LHSError, match=says):
        Task(**({"name": "Stroke", "target": CODE, "window_days": 365} | wrong))
