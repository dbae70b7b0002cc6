"""Silent first: risks are written and not shown, labels come later, and the rule that was stated before decides."""

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import cohort
from lhs_helpers.system.batch import log_risks, with_outcomes
from lhs_helpers.system.feedback import Journal, read_risks
from lhs_helpers.system.registry import Registry
from lhs_helpers.system.silent_trial import Limits, decision, judged

WHY = {"date": "2017-02-01", "why": "for the test"}
LIMITS = Limits(auroc=0.6, alerts_per_week=1_000)


@pytest.fixture
def registry(make_release, tmp_path):
    registry = Registry(tmp_path / "registry")
    registry.add(make_release(tmp_path / "release", threshold=0.02), **WHY)
    registry.promote(**WHY)
    return registry


@pytest.fixture
def people(emr, learned):
    return cohort(emr, learned.task, "2017-06-01")


def test_in_silence_risks_are_written_and_no_card_is_made(registry, emr, people, tmp_path):
    journal = Journal(tmp_path / "journal")
    written = log_risks(registry, journal, emr, people)
    read = read_risks(journal.folder)
    assert len(read) == len(written) == len(people)
    assert read["card"].isna().all() and set(read["state"]) == {"silent"}
    assert read["alert"].any() and not read["alert"].all()
    np.testing.assert_array_equal(read["risk"], registry.release().risks(emr, people))
    assert not read["person"].astype(str).isin(people["patient_id"].astype(str)).any(), "no identifiers"


def test_live_every_alert_has_a_card_and_off_nothing_is_written(registry, emr, people, tmp_path):
    journal = Journal(tmp_path / "journal")
    registry.set_state("live", **WHY)
    written = log_risks(registry, journal, emr, people)
    assert written["card"].notna().equals(written["alert"])
    assert written["card"].dropna().is_unique
    registry.set_state("off", **WHY)
    assert len(log_risks(registry, journal, emr, people)) == 0
    assert len(read_risks(journal.folder)) == len(people)


def test_labels_come_to_the_risks_of_the_same_person_and_time(registry, emr, people, tmp_path):
    journal = Journal(tmp_path / "journal")
    log_risks(registry, journal, emr, people)
    both = with_outcomes(journal, people.sample(frac=1, random_state=0))
    np.testing.assert_array_equal(both["patient_id"], people["patient_id"])
    np.testing.assert_array_equal(both["label"].astype(bool), people["label"])
    later = with_outcomes(journal, people.assign(index_time=people["index_time"] + pd.Timedelta("1D")))
    assert later["label"].isna().all(), "a label of another day is not of this risk"
    with pytest.raises(LHSError, match="twice at one time"):
        with_outcomes(journal, pd.concat([people, people]))


def predictions(n=6_000, shift=0.0, seed=0):
    draw = np.random.default_rng(seed)
    logodds = draw.normal(-2.5, 1.2, n)
    label = draw.random(n) < 1 / (1 + np.exp(-logodds - shift))
    risk = 1 / (1 + np.exp(-logodds))
    time = pd.Timestamp("2018-01-01") + pd.to_timedelta(np.linspace(0, 70, n), unit="D")
    return pd.DataFrame({"time": time, "risk": risk, "alert": risk >= 0.2, "label": label.astype(object)})


def test_a_good_model_goes():
    table = judged(predictions(), LIMITS, expected=6_000)
    assert (table["verdict"] == "inside").all() and decision(table) == "go"
    assert table.loc["alerts a week", "found"] == pytest.approx(predictions()["alert"].sum() / 10)
    assert table.loc["O/E", "low"] < 1 < table.loc["O/E", "high"]


@pytest.mark.parametrize(
    ("found", "limits", "expected", "broken"),
    [
        (predictions(shift=0.7), LIMITS, 6_000, "O/E"),
        (predictions(), Limits(auroc=0.95, alerts_per_week=1_000), 6_000, "AUROC"),
        (predictions(), Limits(auroc=0.6, alerts_per_week=20), 6_000, "alerts a week"),
        (predictions(), LIMITS, 6_500, "answered"),
        (predictions().assign(risk=lambda x: x["risk"] ** 2), LIMITS, 6_000, "calibration slope"),
    ],
    ids=["miscalibrated", "too weak", "too many alerts", "people without a risk", "too extreme"],
)
def test_a_broken_limit_stops_it_and_is_named(found, limits, expected, broken):
    table = judged(found, limits, expected=expected)
    assert decision(table) == "no go"
    assert table.loc[broken, "verdict"] == "outside"


def test_with_few_outcomes_the_rule_waits_unless_something_else_is_broken():
    few = predictions()
    few.loc[300:, "label"] = None
    assert decision(judged(few, LIMITS, expected=6_000)) == "wait"
    loud = Limits(auroc=0.6, alerts_per_week=20)
    assert decision(judged(few, loud, expected=6_000)) == "no go"
    nobody = few.assign(label=False)
    assert decision(judged(nobody, LIMITS, expected=6_000)) == "wait"


def test_limits_and_tables_that_make_no_sense_are_refused():
    with pytest.raises(LHSError, match="the lower limit comes first"):
        Limits(auroc=0.6, alerts_per_week=10, oe=(1.2, 0.8))
    with pytest.raises(LHSError, match="every limit and no other"):
        decision(judged(predictions(), LIMITS, expected=6_000).drop("AUROC"))
