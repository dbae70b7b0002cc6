"""A hospital: same seed, same bytes; records out, orders in; a stopped run goes on."""

import json
import os
import signal
import sys
import time
from multiprocessing import Process, get_context
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital, hospital
from lhs_helpers.records.emr import EMR

SMALL = {"patients": 1500, "seed": 3, "start": "2014-01-01"}
LISINOPRIL = "RxNorm:314076"


@pytest.fixture(scope="module")
def lived(tmp_path_factory) -> Hospital:
    made = Hospital(tmp_path_factory.mktemp("lived"), **SMALL, workers=1)
    made.advance("2016-01-01")
    return made


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(hospital, "PATIENTS_PER_SHARD", 300)


def content(made: Hospital) -> str:
    return made.emr.manifest["content_hash"]


def test_the_record_is_sound(lived):
    assert lived.emr.check().empty
    assert all(lived.emr.manifest["tables"][table]["rows"] > 0 for table in ("observations", "medications"))


def test_the_same_seed_gives_the_same_bytes_for_any_number_of_workers(tmp_path, small_shards):
    contents = set()
    for workers in (1, 2, 5):
        made = Hospital(tmp_path / str(workers), **SMALL, workers=workers)
        made.advance("2015-01-01")
        contents.add(content(made))
    assert len(contents) == 1


def test_another_seed_gives_another_hospital(lived, tmp_path):
    other = Hospital(tmp_path / "other", **(SMALL | {"seed": 4}), workers=1)
    other.advance("2015-01-01")
    assert content(other) != content(lived)


def test_ten_advances_of_a_year_equal_one_of_ten(tmp_path):
    place = SMALL | {"patients": 300, "workers": 1}
    once, steps = Hospital(tmp_path / "once", **place), Hospital(tmp_path / "steps", **place)
    once.advance("2024-01-01")
    for year in range(2015, 2025):
        steps.advance(f"{year}-01-01")
    assert content(steps) == content(once)
    pd.testing.assert_frame_equal(steps.truth.lives(), once.truth.lives())


def test_a_hospital_can_be_opened_again_and_lives_on(tmp_path):
    Hospital(tmp_path / "h", **SMALL, workers=1).advance("2015-01-01")
    again = Hospital(tmp_path / "h", **SMALL, workers=1)
    assert again.clock == "2015-01-01"
    assert again.advance("2015-03-01").period[1] == pd.Timestamp("2015-03-01")


def live_in_small_shards(folder: Path) -> None:
    hospital.PATIENTS_PER_SHARD = 250
    Hospital(folder, **SMALL, workers=1).advance("2017-01-01")


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX systems")
def test_a_run_that_is_killed_twenty_times_ends_as_one_that_never_was(tmp_path):
    """Each run is a process of its own, forked from one that has the package loaded: what is killed is the writing."""
    processes = get_context("forkserver")
    processes.set_forkserver_preload(["lhs_helpers.patients", __name__])

    def run(folder: Path) -> Process:
        running = processes.Process(target=live_in_small_shards, args=[folder])
        running.start()
        return running

    moments, killed, folders = np.random.default_rng(20), 0, [tmp_path / "killed"]
    while killed < 20:
        running = run(folders[-1])
        while running.is_alive() and not (folders[-1] / "state" / "hospital.json").exists():
            time.sleep(0.005)
        running.join(moments.uniform(0.0, 1.0))
        if running.is_alive():
            running.kill()
            killed += 1
        elif len(folders) < 20:
            folders.append(tmp_path / f"killed-{len(folders)}")
        running.join()
        assert running.exitcode in (0, -signal.SIGKILL)
    contents = set()
    for folder in [*folders, tmp_path / "whole"]:
        running = run(folder)
        running.join()
        assert running.exitcode == 0
        contents.add(EMR(folder).manifest["content_hash"])
        assert not list(folder.rglob("*.tmp"))
    assert len(contents) == 1


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX systems")
def test_workers_end_with_the_run_they_work_for(tmp_path):
    place = SMALL | {"patients": 20_000, "workers": 2}
    script, folder = tmp_path / "run.py", tmp_path / "hospital"
    script.write_text(
        "from lhs_helpers.patients import Hospital\n"
        "if __name__ == '__main__':\n"
        f"    Hospital({str(folder)!r}, **{place}).advance('2030-01-01')",
        encoding="utf-8",
    )
    here = {"PYTHONPATH": str(Path(hospital.__file__).parents[2])}
    running = psutil.Popen([sys.executable, script], env=os.environ | here)
    while not list(folder.glob("observations/*.parquet")):
        assert running.poll() is None
        time.sleep(0.05)
    workers = running.children(recursive=True)
    assert len(workers) >= 2
    running.kill()
    _, left = psutil.wait_procs(workers, timeout=10)
    assert left == []


def test_an_order_changes_only_the_patient_it_is_for(lived, tmp_path):
    people = lived.emr.people.to_pandas()
    treated = set(lived.emr.medications.filter(lambda m: m.code == LISINOPRIL).to_pandas().patient_id)
    adults = people[(people.birth_date.astype("M8[ns]") < "1980") & ~people.patient_id.isin(treated)]
    chosen = np.sort(adults.patient_id)[:20]
    orders = pd.DataFrame({"patient_id": chosen, "date": "2014-06-10", "code": LISINOPRIL})
    made = Hospital(tmp_path / "ordered", **SMALL, workers=1)
    made.advance("2016-01-01", orders)
    changed = set()
    for table in ("encounters", "conditions", "observations", "medications", "patients"):
        before, after = (getattr(h.emr, table).to_pandas() for h in (lived, made))
        keys = [c for c in before if c != "source_id"]
        both = before.merge(after, on=keys, how="outer", indicator=True)
        changed |= set(both.loc[both._merge != "both", "patient_id"])
    assert changed and changed <= set(chosen)
    drug = made.emr.medications.filter(lambda m: m.code == LISINOPRIL).to_pandas()
    carried_out = set(drug.patient_id) & set(chosen)
    assert 0.4 < len(carried_out) / len(chosen) < 1


def test_the_past_does_not_change_when_time_goes_on(tmp_path):
    made = Hospital(tmp_path / "h", **SMALL, workers=1)
    before = made.advance("2015-01-01").manifest["tables"]["observations"]["files"]
    after = made.advance("2016-01-01").manifest["tables"]["observations"]["files"]
    assert before.items() <= after.items() and len(after) > len(before)


def test_a_clinic_that_joins_brings_its_records_and_changes_nobody_elses(lived, tmp_path):
    made = Hospital(tmp_path / "h", **SMALL, workers=1)
    made.advance("2016-01-01")
    made.join(500, "clinic")
    old, new = (h.emr.manifest["tables"]["observations"]["files"] for h in (lived, made))
    assert old.items() <= new.items()
    sites = made.emr.people.to_pandas().site.value_counts()
    assert sites["clinic"] > 500 and made.emr.check().empty


def test_what_is_known_of_a_patient_grows_with_time(lived):
    early, late = (lived.emr.as_of(t).conditions.count().execute() for t in ("2014-07-01", "2015-07-01"))
    assert 0 < early < late
    died = lived.emr.people.to_pandas().death_time.dropna()
    soon = lived.emr.as_of(died.min() - pd.Timedelta("1h")).people.to_pandas()
    assert soon.death_time.isna().all()


def test_the_answer_key_agrees_with_the_record_and_stands_beside_it(lived):
    deaths = lived.truth.deaths()
    recorded = lived.emr.people.to_pandas().dropna(subset="death_time")
    assert set(recorded.patient_id) <= set(deaths.patient_id)
    lives = lived.truth.lives()
    diagnosed = lives[lives.disease == "hypertension"].dropna(subset="diagnosed")
    assert (diagnosed.diagnosed >= diagnosed.onset).all()
    hidden = lives[(lives.disease == "lung_cancer")]
    assert (hidden.shows_itself > hidden.onset).any()
    assert "truth" not in {path.split("/")[0] for path in lived.emr.manifest["tables"]}


def test_the_answer_key_ranks_those_who_fell_ill_above_those_who_did_not(lived):
    hazards = lived.truth.hazards("2014-06-01")
    ill = lived.truth.lives().query("disease == 'type_2_diabetes' and onset >= '2014-01-01'").patient_id
    among = hazards.type_2_diabetes
    assert among.rank(pct=True)[among.index.isin(ill)].mean() > 0.65


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"patients": -1}, "patients is -1"),
        ({"seed": -3}, "seed is -3"),
        ({"start": "2014-02-01"}, "1 January"),
        ({"start": "soon"}, "is not a date"),
        ({"workers": 0}, "workers is 0"),
        ({"diseases": ["plague"]}, "no disease 'plague'"),
    ],
)
def test_absurd_parameters_get_a_sentence_and_leave_nothing_behind(tmp_path, change, says):
    with pytest.raises(LHSError, match=says):
        Hospital(tmp_path / "h", **(SMALL | change))
    assert not (tmp_path / "h").exists()


def test_a_folder_with_other_contents_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(LHSError, match="not a hospital of this package"):
        Hospital(tmp_path, **SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_hospital_of_other_parameters_is_left_alone(lived):
    with pytest.raises(LHSError, match="another seed and patients"):
        Hospital(lived.folder, **(SMALL | {"seed": 9, "patients": 10}))


def test_orders_nobody_can_carry_out_get_a_sentence(lived):
    orders = pd.DataFrame({"patient_id": [1], "date": ["2016-01-01"], "code": ["RxNorm:0"]})
    with pytest.raises(LHSError, match="RxNorm:0"):
        lived.advance("2016-02-01", orders)
    with pytest.raises(LHSError, match="lack the columns code"):
        lived.advance("2016-02-01", orders.drop(columns="code"))


def test_the_manifest_says_what_made_the_hospital(lived):
    manifest = json.loads((lived.folder / "manifest.json").read_text())
    assert manifest["parameters"]["seed"] == SMALL["seed"]
    assert any("Synthetic" in note for note in manifest["notes"])
