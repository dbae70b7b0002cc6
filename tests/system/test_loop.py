"""What the loop promises: labels in their time, people apart, a decision by the rule, a history to repeat."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import lhs_helpers.system.loop_steps as steps_module
from lhs_helpers import learning
from lhs_helpers.errors import LHSError
from lhs_helpers.learning import cohort, evaluate
from lhs_helpers.patients import Hospital
from lhs_helpers.records.store import read_manifest, write_manifest, write_partition
from lhs_helpers.records.tables import SCHEMAS
from lhs_helpers.system import Loop
from lhs_helpers.system.acting import Acting
from lhs_helpers.system.change_control import ChangeControlPlan
from lhs_helpers.system.history import HISTORY
from lhs_helpers.system.loop import STEPS
from lhs_helpers.system.loop_steps import arrived

PATIENTS = 2_000  # as in conftest
PLAN = (Path(__file__).parents[2] / "book/templates/change-control-plan.toml").read_text(encoding="utf-8")
PLAN = (
    PLAN[: PLAN.index("[[stop]]")]
    + """[[stop]]
sign = "never in these tests"
measure = "O/E"
outside = [0.0, 1000.0]
least_events = 1
then = "stop"
"""
)
PLAN = PLAN.replace("alert_rate = [0.0, 0.15]", "alert_rate = [0.0, 1.0]").replace("-0.02", "-1.0")
PLAN = PLAN.replace("least_events = 20", "least_events = 1")
CLINIC = {"clinic": 1_000}
HOSPITAL_IDS = 1_000_000  # whoever joins later has a higher patient_id


def always(difference):
    return True


def never(difference):
    return False


@pytest.fixture(scope="module")
def lived(new_loop):
    """A loop after three cycles: the first labels, a clinic that joins, a year that passes."""
    loop = new_loop(release_when=always)
    loop.cycle(to="2016-02-01")
    loop.cycle(joining=CLINIC)
    loop.cycle(to="2017-02-01")
    return loop


def of(loop, cycle, role):
    """The measures of a role in a cycle."""
    history = loop.history
    return history[(history.cycle == cycle) & (history.role == role)].set_index("measure")


def known_labels(loop):
    """The label of everybody, as the latest cycle knew it."""
    return loop.labelled.set_index("patient_id")["label"]


def plant(hospital, code, patients, time, recorded_at):
    """Write a diagnosis of these patients into the record on disk; `recorded_at` is one time for each."""
    rows = pd.DataFrame({"patient_id": patients, "encounter_id": 1, "code": code, "status": "active"})
    rows["time"], rows["recorded_at"] = pd.Timestamp(time), pd.to_datetime(recorded_at)
    data = pa.Table.from_pandas(rows[SCHEMAS["conditions"].names], preserve_index=False)
    manifest = read_manifest(hospital.folder)
    files = {table: dict(entry["files"]) for table, entry in manifest["tables"].items()}
    files["conditions"]["planted.parquet"] = write_partition(
        hospital.folder, "conditions", "planted.parquet", data
    )
    same = {key: manifest[key] for key in ("source", "period", "parameters", "notes")}
    write_manifest(hospital.folder, files=files, **same)


def test_a_label_that_the_record_did_not_know_yet_is_not_used(new_loop, task):
    loop = new_loop()
    emr = loop.hospital.advance("2016-02-01")
    well = cohort(emr, task, "2015-01-01").query("~label").patient_id[:10].to_list()
    known, late = well[:5], well[5:]
    recorded_at = ["2016-01-31"] * 5 + ["2016-02-02"] * 5  # the day before the cycle, and the day after it
    plant(loop.hospital, task.target[0], well, "2015-06-01", recorded_at)
    loop.cycle()
    assert known_labels(loop)[known].all()
    assert not known_labels(loop)[late].any()


def test_a_window_that_is_still_open_gives_no_labels(new_loop):
    loop = new_loop(from_2014=True)
    with pytest.raises(LHSError, match=r"no label has arrived by 2015-12-01\. .* closes on 2016-01-01"):
        loop.cycle(to="2015-12-01")
    loop.cycle(to="2016-12-01")
    assert loop.labelled.index_time.unique() == pd.Timestamp("2015-01-01"), "the window of 2016 is still open"


def test_no_outcome_counts_twice(lived):
    events = lived.labelled.query("label")
    assert events.index_time.nunique() == 2
    assert events.patient_id.is_unique
    inside = (events.event_time > events.index_time) & (
        events.event_time <= events.index_time + pd.Timedelta(days=365)
    )
    assert inside.all()


def test_nobody_is_both_learned_from_and_held_out(lived):
    held_out = lived.held_out.patient_id
    for version in lived.versions:
        assert not np.isin(version.learned_from, held_out).any()
    assert 0.2 < held_out.nunique() / lived.labelled.patient_id.nunique() < 0.4


def test_no_row_of_a_held_out_person_reaches_the_fit(new_loop, monkeypatch):
    given, real_train, real_vocabulary = [], learning.train, steps_module.vocabulary

    def train(X, y, *settings):
        given.append((X.index, y.index))
        return real_train(X, y, *settings)

    def vocabulary(emr, people, *settings):
        given.append((people.patient_id, people.index))
        return real_vocabulary(emr, people, *settings)

    monkeypatch.setattr(learning, "train", train)
    monkeypatch.setattr(steps_module, "vocabulary", vocabulary)
    loop = new_loop()
    loop.cycle(to="2016-02-01")
    assert len(given) == 2
    for people, rows in given:
        assert not np.isin(people, loop.held_out.patient_id).any()
        assert (loop.labelled.patient_id[rows] == np.asarray(people)).all(), "each person has their own label"


def test_whoever_is_held_out_stays_held_out(new_loop):
    loop = new_loop()
    loop.cycle(to="2016-02-01")
    before, learned = set(loop.held_out.patient_id), loop.champion.learned_from
    loop.cycle(joining=CLINIC)
    assert before < set(loop.held_out.patient_id)
    assert np.isin(learned, loop.versions[-1].learned_from).all(), "it learns from everything labelled so far"


def test_the_model_in_use_is_judged_on_rows_that_are_new_to_it(lived):
    first, now = pd.Timestamp("2015-01-01"), pd.Timestamp("2016-02-01")
    rows = arrived(lived.hospital.emr.as_of(now), lived.task, first, now)
    clinic = rows[rows.patient_id > HOSPITAL_IDS]
    judged = of(lived, 2, "deployed")
    assert (judged.people == len(clinic)).all(), "everybody of the clinic, held out or not, and nobody else"
    assert (judged.events == clinic.label.sum()).all()
    year = lived.labelled.loc[lived.labelled.index_time > first, "patient_id"]
    unseen = ~year.isin(lived.versions[1].learned_from)
    assert (of(lived, 3, "deployed").people == unseen.sum()).all()


def test_champion_and_challenger_are_judged_on_the_same_people(lived):
    for cycle in (2, 3):
        champion, challenger, gain = (of(lived, cycle, r) for r in ("champion", "challenger", "difference"))
        assert champion[["people", "events"]].equals(challenger[["people", "events"]])
        difference = (challenger.estimate - champion.estimate)[gain.index]
        np.testing.assert_allclose(gain.estimate, difference, atol=1e-12)
    held_out, emr = lived.held_out, lived.hospital.emr
    again = evaluate(held_out.label, lived.versions[-1].risks(emr, held_out), threshold=0.1)
    assert again.loc["AUROC", "estimate"] == of(lived, 3, "challenger").loc["AUROC", "estimate"]


def test_the_champion_is_replaced_when_the_rule_says_so(lived):
    assert [version.cycle for version in lived.versions] == [1, 2, 3]
    assert lived.champion is lived.versions[-1]
    assert set(lived.history.decision) == {"release"}
    assert (of(lived, 3, "champion").version == 2).all(), "what was released in cycle 2 is in use in cycle 3"


def test_the_champion_stays_when_the_rule_says_no(new_loop):
    loop = new_loop(release_when=never)
    loop.cycle(to="2016-02-01")
    loop.cycle(joining=CLINIC)
    assert loop.champion is loop.versions[0]
    assert len(loop.versions) == 2, "the challenger was fitted all the same"
    assert loop.history.groupby("cycle").decision.first().to_list() == ["release", "keep"]


def test_by_default_a_challenger_must_be_clearly_better(new_loop):
    loop = new_loop()
    loop.cycle(to="2016-02-01")
    loop.cycle(joining=CLINIC)
    surely = of(loop, 2, "difference").loc["AUROC", "low"] > 0
    assert set(of(loop, 2, "difference").decision) == {"release" if surely else "keep"}


def test_the_policy_keep_fits_one_model_and_goes_on_judging_it(new_loop):
    loop = new_loop(update_policy="keep")
    loop.cycle(to="2016-02-01")
    loop.cycle(joining=CLINIC)
    assert len(loop.versions) == 1
    assert set(of(loop, 2, "deployed").version) == {1}
    assert set(loop.history.query("cycle == 2").role) == {"deployed", "champion"}


def test_without_new_labels_nothing_is_fitted(new_loop):
    loop = new_loop(release_when=always)
    loop.cycle(to="2016-02-01")
    loop.cycle(to="2016-03-01")
    assert len(loop.versions) == 1
    nothing = of(loop, 2, "deployed")
    assert (nothing.people == 0).all()
    assert nothing.estimate.isna().all()
    assert set(loop.history.query("cycle == 2").decision) == {"keep"}


def test_the_history_is_one_tidy_frame(lived):
    history = lived.history
    assert list(history.columns) == HISTORY
    assert not history.duplicated(["cycle", "role", "measure"]).any()
    assert history.groupby("cycle").date.first().astype(str).to_list() == ["2016-02-01"] * 2 + ["2017-02-01"]
    assert {"recall", "precision", "AUROC", "accuracy"} <= set(history.measure)
    auroc = history[history.measure == "AUROC"]
    assert ((auroc.low <= auroc.estimate) & (auroc.estimate <= auroc.high)).all()


def test_the_same_hospital_and_seed_give_the_same_history(lived, new_loop):
    again = new_loop(from_2014=True, release_when=always)
    for step in ({"to": "2016-02-01"}, {"joining": CLINIC}, {"to": "2017-02-01"}):
        again.cycle(**step)
    pd.testing.assert_frame_equal(again.history, lived.history)


def test_an_unknown_policy_is_refused(task):
    with pytest.raises(LHSError, match="no update policy 'hope'; choose one of keep, intercept"):
        Loop(None, task, first_index="2015-01-01", threshold=0.1, update_policy="hope")


# ---- updates, orders, a plan, a stop ----

LIVED = ["2016-02-01", "2017-02-01", "2018-02-01"]
# What the model of hypertension would not order, but any hospital can carry out and this record shows.
METFORMIN = "RxNorm:860975"
ACTS = {"update_policy": "recalibrate", "memory": 2, "acting": Acting(METFORMIN, capacity=40)}
ALWAYS_BROKEN = (
    '\n[[stop]]\nsign = "a test"\nmeasure = "O/E"\noutside = [100, 101]\nleast_events = 1\nthen = "{}"'
)


@pytest.fixture(scope="module")
def acting(new_loop):
    """A loop that recalibrates and orders, three cycles, nothing saved."""
    loop = new_loop(from_2014=True, **ACTS)
    loop.run(LIVED)
    return loop


@pytest.fixture(scope="module")
def stopped_everywhere(new_loop, tmp_path_factory):
    """The same loop in a folder: opened anew for every step, and in the second cycle killed after each, unsaved."""
    folder = tmp_path_factory.mktemp("loop") / "it"
    first = new_loop(from_2014=True, **ACTS, folder=folder, workers=2)
    hospital, settings = first.hospital.folder, (first.task, first.first_index)

    def opened():
        again = Hospital(hospital, patients=PATIENTS, seed=3, workers=2)
        how = {"threshold": 0.1, "algorithm": "logistic regression", "folder": folder} | ACTS
        return Loop(again, settings[0], first_index=settings[1], **how)

    for number, to in enumerate(LIVED):
        for step in range(len(STEPS)):
            if number == 1:
                loop = opened()
                loop._folder.save = killed
                with pytest.raises(KeyboardInterrupt):
                    loop.step(to=to if step == 0 else None)
            opened().step(to=to if step == 0 else None)
    return opened()


def killed(*_):
    raise KeyboardInterrupt


def test_a_loop_stopped_between_any_two_steps_and_resumed_has_the_same_history(acting, stopped_everywhere):
    pd.testing.assert_frame_equal(stopped_everywhere.history, acting.history)
    pd.testing.assert_frame_equal(stopped_everywhere.orders, acting.orders)
    assert stopped_everywhere.state == "on"


def test_every_version_is_a_release_and_the_champion_is_the_one_in_use(stopped_everywhere):
    loop, registry = stopped_everywhere, stopped_everywhere._folder.registry
    assert registry.versions == [str(version.cycle) for version in loop.versions] == ["1", "2", "3"]
    assert registry.version("champion") == str(loop.champion.cycle)
    assert registry.state == "live"
    released, emr, people = registry.release(), loop.hospital.emr, loop.held_out
    assert loop.champion.kind == "recalibrate"
    assert released.adjustment != (0, 1), "a recalibrated model is a release like any other"
    np.testing.assert_allclose(released.risks(emr, people), loop.champion.risks(emr, people), rtol=1e-12)


def test_a_loop_goes_on_only_with_its_own_settings(stopped_everywhere):
    with pytest.raises(LHSError, match="a loop with another threshold and seed"):
        Loop(
            stopped_everywhere.hospital, stopped_everywhere.task, first_index="2015-01-01", threshold=0.2, seed=1,
            algorithm="logistic regression", folder=stopped_everywhere._folder.folder, **ACTS,
        )  # fmt: skip


def test_a_date_that_was_reached_is_not_lived_again(stopped_everywhere):
    before = len(stopped_everywhere.history)
    assert len(stopped_everywhere.run(LIVED)) == before


def test_predictions_become_orders_that_the_hospital_carries_out(acting):
    orders = acting.orders
    assert orders.groupby("cycle").size().to_dict() == {1: 40, 2: 40, 3: 40}
    first = orders[orders.cycle == 1]
    assert (first.date == "2016-02-01").all()
    given = acting.hospital.emr.medications.filter(lambda m: m.code == METFORMIN).execute()
    given = given[(given.time >= "2016-02-01") & (given.time < "2017-02-01")]
    taken = first.patient_id.isin(given.patient_id).mean()
    assert taken > 0.5, "most orders are accepted"
    others = acting.labelled.loc[~acting.labelled.patient_id.isin(orders.patient_id), "patient_id"]
    assert others.isin(given.patient_id).mean() < 0.1


def test_what_was_done_is_marked_and_the_model_is_also_judged_without_it(acting):
    marked = acting.labelled[acting.labelled.acted]
    had = acting.orders.groupby("patient_id").date.min()
    assert len(marked)
    assert (marked.patient_id.map(had) <= marked.index_time).all()
    alone, everybody = of(acting, 3, "deployed, no order"), of(acting, 3, "deployed")
    assert alone.loc["AUROC", "people"] < everybody.loc["AUROC", "people"]


def test_an_update_is_fitted_on_other_people_than_it_is_judged_on(acting):
    for version in acting.versions:
        assert not np.isin(version.learned_from, acting.held_out.patient_id).any()
    assert set(acting.history.query("cycle > 1")["update"]) == {"recalibrate"}
    gain = of(acting, 2, "difference")
    assert gain.loc["AUROC", "estimate"] == pytest.approx(0, abs=1e-12), (
        "two numbers leave the order as it was"
    )


def test_memory_forgets_the_windows_before(acting):
    assert acting.labelled.index_time.nunique() == 2
    assert acting.labelled.index_time.max() == pd.Timestamp("2016-12-31")


def test_a_step_that_fails_leaves_no_trace(new_loop, monkeypatch):
    loop = new_loop()
    loop.step(to="2016-02-01")
    loop.step()
    loop.step()
    monkeypatch.setattr(learning, "train", killed)
    with pytest.raises(KeyboardInterrupt):
        loop.step()
    assert loop.versions == []
    monkeypatch.undo()
    loop.cycle()
    assert loop.champion.cycle == 1


def test_the_loop_obeys_its_plan(new_loop, tmp_path):
    """Refused what it does not name; back to the version before; stopped when there is none; started by people."""
    free = ChangeControlPlan.from_text(
        PLAN.replace('change = "intercept"', 'change = "refit"').replace("[0.8, 1.25]", "[10, 11]")
    )
    loop = new_loop(
        release_when=always, plan=free, folder=tmp_path / "loop", acting=Acting(METFORMIN, capacity=5)
    )
    loop.cycle(to="2016-02-01")
    loop.plan = ChangeControlPlan.from_text(PLAN.replace("[0.8, 1.25]", "[10, 11]"))
    loop.cycle(joining={"one": 400})
    assert set(of(loop, 2, "difference").decision) == {"refused"}
    assert "'refit' is not in it" in of(loop, 2, "difference").reason.iloc[0]
    assert loop.champion.cycle == 1

    loop.plan = free
    loop.cycle(joining={"two": 400})
    assert loop.champion.cycle == 3
    loop.plan = ChangeControlPlan.from_text(PLAN + ALWAYS_BROKEN.format("pause"))
    ordered = len(loop.orders)
    loop.cycle(joining={"three": 400})
    assert loop.state == "paused"
    assert (len(loop.orders), loop._folder.registry.state) == (ordered, "silent")

    loop.plan = ChangeControlPlan.from_text(PLAN + ALWAYS_BROKEN.format("fall back"))
    rows = loop.cycle(joining={"four": 400})
    assert set(rows.decision) == {"fall back"}
    assert "stop rule: a test (O/E" in rows.reason.iloc[0]
    assert (loop.champion.cycle, loop._folder.registry.version("champion")) == (1, "1")
    rows = loop.cycle(joining={"five": 400})
    assert set(rows.decision) == {"stop"}
    assert rows.reason.iloc[0].endswith("there is no earlier version")
    assert (loop.state, loop._folder.registry.state) == ("stopped", "off")

    ordered, loop.plan = len(loop.orders), free
    rows = loop.cycle(joining={"six": 400})
    assert (set(rows.decision), set(rows.role)) == ({"keep"}, {"deployed", "deployed, no order", "champion"})
    assert len(loop.orders) == ordered, (
        "stopped stays stopped: it is judged, and nothing is released or ordered"
    )
    with pytest.raises(LHSError, match="takes a reason"):
        loop.start_again(why=" ")
    loop.start_again(why="the committee has looked")
    assert (loop.state, loop._folder.registry.state) == ("on", "live")
