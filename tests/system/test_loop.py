"""What the loop promises: labels in their time, people apart, a decision by the rule, a history to repeat."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import lhs_helpers.system.loop as loop_module
from lhs_helpers import learning
from lhs_helpers.errors import LHSError
from lhs_helpers.learning import cohort, evaluate
from lhs_helpers.records.store import read_manifest, write_manifest, write_partition
from lhs_helpers.records.tables import SCHEMAS
from lhs_helpers.system import Loop
from lhs_helpers.system.loop import HISTORY, arrived

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
    loop = new_loop()
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
    given, real_train, real_vocabulary = [], learning.train, loop_module.vocabulary

    def train(X, y, *settings):
        given.append((X.index, y.index))
        return real_train(X, y, *settings)

    def vocabulary(emr, people, task):
        given.append((people.patient_id, people.index))
        return real_vocabulary(emr, people, task)

    monkeypatch.setattr(learning, "train", train)
    monkeypatch.setattr(loop_module, "vocabulary", vocabulary)
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
    again = new_loop(release_when=always)
    for step in ({"to": "2016-02-01"}, {"joining": CLINIC}, {"to": "2017-02-01"}):
        again.cycle(**step)
    pd.testing.assert_frame_equal(again.history, lived.history)


def test_an_unknown_policy_is_refused(task):
    with pytest.raises(LHSError, match="no update policy 'hope'; choose one of keep, refit"):
        Loop(None, task, first_index="2015-01-01", threshold=0.1, update_policy="hope")
