"""A change-control plan: read with a sentence for each fault, and what it says of each kind of cycle."""

from pathlib import Path

import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.system.change_control import ChangeControlPlan

EXAMPLE = Path(__file__).parents[2] / "book" / "templates" / "change-control-plan.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
TODAY = pd.Timestamp("2020-01-01")


@pytest.fixture(scope="module")
def plan() -> ChangeControlPlan:
    return ChangeControlPlan.read(EXAMPLE)


def seen(events: int = 100, **measures: float) -> pd.DataFrame:
    """Measures of a deployed model; O_E stands for O/E."""
    names = [name.replace("_", "/") for name in measures]
    return pd.DataFrame({"estimate": list(measures.values()), "events": events}, index=names)


def difference(**gains: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(gains, index=["estimate", "low", "high"]).T


def test_the_example_in_the_book_is_a_plan_with_the_three_parts_and_a_stop_rule(plan):
    assert [part.change for part in plan.may_change] == ["intercept", "recalibrate"]
    assert {part.change for part in plan.may_break} == {"intercept", "recalibrate"}
    assert plan.tested.begins.outside == (0.8, 1.25)
    assert {rule.then for rule in plan.stop} == {"stop", "fall back"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('change = "intercept"', 'change = "threshold"', r"may_change\.0\.change: .*'intercept'"),
        ('measure = "O/E"', 'measure = "luck"', "'luck' is no measure of the loop"),
        ("outside = [0.8, 1.25]", "outside = [1.25, 0.8]", "outside gives the lower limit first"),
        ('then = "stop"', 'then = "hope"', "'pause', 'fall back' or 'stop'"),
        ("most_in_a_year = 1", "most_in_a_year = 0", "greater than or equal to 1"),
        ('why = "the average risk is off"', "", r"may_change\.0\.why: Field required"),
        ('version = "1"', 'version = "1"\ncolour = "red"', "colour: Extra inputs are not permitted"),
        ('change = "recalibrate"\nwhy', 'change = "refit"\nwhy', "does not say what the change 'refit' may break"),
        ('change = "recalibrate"\nwhy', 'change = "intercept"\nwhy', "names a change twice"),
        (TEXT[TEXT.index("[[stop]]") :], "", "stop: Field required"),
        ("[tested]", "[tested", "line"),
    ],
)  # fmt: skip
def test_a_plan_that_is_not_whole_is_refused_with_a_sentence(old, new, says):
    assert old in TEXT
    with pytest.raises(LHSError, match=says):
        ChangeControlPlan.from_text(TEXT.replace(old, new, 1))


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(LHSError, match="can not be read"):
        ChangeControlPlan.read(tmp_path / "none.toml")


def test_what_is_not_in_the_plan_goes_to_the_committee(plan):
    assert "'refit' is not in it and goes to the quality committee" in plan.forbids("refit", TODAY, [])
    assert plan.forbids("intercept", TODAY, []) is None


def test_a_change_is_made_no_more_often_than_allowed(plan):
    last = [("intercept", pd.Timestamp("2019-06-01"))]
    assert "1 times within a year" in plan.forbids("intercept", TODAY, last)
    assert plan.forbids("recalibrate", TODAY, last) is None, "another change does not count"
    assert plan.forbids("intercept", pd.Timestamp("2020-06-01"), last) is None, "a year later"


def test_a_change_is_considered_only_when_a_limit_is_broken_by_enough_events(plan):
    assert "not outside 0.8 to 1.25" in plan.does_not_begin(seen(O_E=1.0))
    assert "20 events" in plan.does_not_begin(seen(O_E=1.5, events=19))
    assert plan.does_not_begin(seen(O_E=1.5, events=20)) is None
    free = ChangeControlPlan.from_text(
        TEXT.replace("[tested.begins]\nmeasure = \"O/E\"\noutside = [0.8, 1.25]\nleast_events = 20\n", "")
    )  # fmt: skip
    assert free.does_not_begin(seen(O_E=1.0)) is None, "without a limit whenever labels arrive"


def test_a_challenger_that_loses_too_much_is_refused(plan):
    fine, worse = difference(AUROC=(-0.01, -0.05, 0.03)), difference(AUROC=(-0.03, -0.05, -0.01))
    assert plan.refuses(fine, alert_rate=0.1) is None
    assert "AUROC: gain -0.0300, at least -0.02 is asked" in plan.refuses(worse, alert_rate=0.1)
    assert "alert rate 0.200" in plan.refuses(fine, alert_rate=0.2)


def test_must_win_means_the_whole_interval_and_less_brier_is_a_gain():
    must = '[[tested.must]]\nmeasure = "Brier"\ngain_at_least = 0.0\nsurely = true\n'
    plan = ChangeControlPlan.from_text(TEXT.replace("# 3. What it may break.", must))
    held = {"AUROC": (0.0, 0.0, 0.0)}
    assert plan.refuses(difference(**held, Brier=(-0.002, -0.003, -0.001)), 0.1) is None
    assert "Brier: gain at worst -0.0010" in plan.refuses(
        difference(**held, Brier=(-0.002, -0.003, 0.001)), 0.1
    )


def test_the_gravest_sign_decides_and_few_events_decide_nothing(plan):
    assert plan.stops(seen(O_E=1.0, AUROC=0.8)) is None
    action, why = plan.stops(seen(O_E=1.0, AUROC=0.55))
    assert action == "fall back"
    assert "hardly better than a coin (AUROC 0.55, outside 0.6 to 1)" in why
    assert plan.stops(seen(O_E=3.0, AUROC=0.55))[0] == "stop"
    assert plan.stops(seen(O_E=3.0, AUROC=0.55, events=19)) is None
    assert plan.stops(seen(O_E=float("nan"))) is None, "a measure without a value is no sign"
