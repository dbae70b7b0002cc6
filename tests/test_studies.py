"""The results of the studies are of the code that lies beside them, whole, and found from anywhere."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from lhs_helpers import paths, studies
from lhs_helpers.errors import LHSError

RESULTS = sorted((studies.FOLDER / "results").glob("*.json"))
# A study is a script: its folder is on its path, as when it is run.
IN_THE_FOLDER = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(studies.FOLDER), str(paths.PACKAGE.parent)]),
}


@pytest.fixture(params=RESULTS, ids=lambda path: path.stem)
def facts(request) -> dict:
    return json.loads(request.param.read_text(encoding="utf-8")) | {"name": request.param.stem}


def test_there_are_studies():
    assert {"study-2022", "screening", "feedback"} <= {path.stem for path in RESULTS}


def test_results_are_of_the_code_beside_them(facts):
    assert facts["code"] == studies.study_hash(facts["scripts"]), (
        f"The results of {facts['name']} were made by other code than lies here: a script of the study, the simulator, "
        "what learns, or a locked version has changed. Run `make studies`, look at what changed in the results, and at "
        "what the pages say of them. If it may change no figure, verify a share of them: studies/README.md."
    )


def test_every_part_that_was_timed_has_rows_and_the_other_way_round(facts):
    table, _ = studies.study(facts["name"])
    assert set(table["job"]) == set(facts["seconds"])
    assert sorted(table["seed"].dropna().astype(int).unique()) == facts["seeds"]


def test_the_grid_of_2022_is_whole():
    """Two diseases, five sizes, four algorithms, in every hospital, both ways."""
    table, facts = studies.study("study-2022")
    assert facts["patients"] == 150_000 == max(facts["sizes"])
    for arm, design in {"as the study": "as the study", "prospective": "patients grow"}.items():
        cells = table[(table["arm"] == arm) & (table["design"] == design)]
        cells = cells[cells["algorithm"] != "logistic regression"]
        axes = ["disease", "seed", "patients", "algorithm"]
        assert not cells.duplicated(axes).any()
        assert len(cells) == 2 * 5 * 4 * len(facts["seeds"])
        assert cells[["recall", "AUROC"]].notna().all(axis=None)


def test_auc_of_labels_is_balanced_accuracy_in_every_row():
    table, _ = studies.study("study-2022")
    table = table.dropna(subset=["AUC of labels"])
    assert len(table) > 500
    pd.testing.assert_series_equal(
        table["AUC of labels"], table["balanced accuracy"], check_names=False, atol=2e-5, rtol=0
    )


def test_the_grid_of_updates_is_whole_and_policies_share_one_world():
    """Five worlds, five policies, every seed; policies that order nothing judge the same people and outcomes."""
    table, facts = studies.study("updates")
    axes = ["scenario", "policy", "seed", "period"]
    assert not table.duplicated(axes).any()
    assert len(table) == 5 * 5 * 6 * len(facts["seeds"])
    world = table.groupby(["scenario", "seed", "period"])[["people", "cases"]].nunique()
    assert (world == 1).all(axis=None)


def test_two_numbers_on_the_risks_never_change_who_comes_first():
    """Keep, intercept and recalibrate use one model: in a year their AUROC is the same; only a refit moves it."""
    table, facts = studies.study("updates")
    years = table[table["period"] != "after the first"]
    auroc = years.pivot_table("AUROC", ["scenario", "seed", "period"], "policy")
    pd.testing.assert_series_equal(auroc["keep"], auroc["intercept"], check_names=False, atol=2e-5, rtol=0)
    pd.testing.assert_series_equal(auroc["keep"], auroc["recalibrate"], check_names=False, atol=2e-5, rtol=0)
    before = auroc.xs(str(facts["first_model"]), level="period")
    assert (before.max(axis=1) - before.min(axis=1)).max() < 2e-5, "in the first year all use the first model"


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A package of three floors, a study that takes one name from a floor, and a lock; returns how to write a file."""

    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        paths.package_hash.cache_clear()

    write("studies/s.py", "from lhs_helpers.learning import train, gain\n")
    write("requirements.lock", "numpy==1\nxgboost-cpu==1\nsphinx==1\n")
    write("lhs_helpers/patients/rates.csv", "1")
    write("lhs_helpers/learning/__init__.py", "from lhs_helpers.learning.fit import train\n"
          "def __getattr__(name):\n    from lhs_helpers.learning import late\n    return late.gain\n")  # fmt: skip
    write("lhs_helpers/learning/fit.py", "import numpy\nfrom lhs_helpers.learning.checks import refuse\n")
    for name in ("learning/checks.py", "learning/late.py", "learning/audit.py", "records/emr.py"):
        write(f"lhs_helpers/{name}", "")
    monkeypatch.setattr(studies, "FOLDER", tmp_path / "studies")
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "lhs_helpers")
    yield write
    paths.package_hash.cache_clear()


@pytest.mark.parametrize(
    ("name", "text", "decides"),
    [
        ("studies/s.py", "from lhs_helpers.learning import train", True),
        ("lhs_helpers/patients/rates.csv", "2", True),
        ("lhs_helpers/learning/fit.py", "", True),
        ("lhs_helpers/learning/checks.py", "x = 1", True),
        ("lhs_helpers/learning/late.py", "x = 1", True),
        ("requirements.lock", "numpy==1\nxgboost-cpu==2\nsphinx==1\n", True),
        ("requirements.lock", "numpy==1\nxgboost-cpu==1\nsphinx==2\n", False),
        ("lhs_helpers/learning/audit.py", "x = 1", False),
        ("lhs_helpers/records/emr.py", "x = 1", False),
    ],
)
def test_what_decides_a_figure_decides_the_hash(tiny, name, text, decides):
    before = studies.study_hash(["s.py"])
    tiny(name, text)
    assert (studies.study_hash(["s.py"]) != before) == decides


def test_results_that_are_not_there_are_missed_with_a_sentence():
    with pytest.raises(LHSError, match="has no results in .*make studies"):
        studies.study("study-1999")


def test_a_rehearsal_can_not_overwrite_the_results():
    run = [sys.executable, "run.py", "study_2022", "--patients", "600"]
    done = subprocess.run(
        run, cwd=studies.FOLDER, env=IN_THE_FOLDER, capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0
    assert "rehearsal" in done.stderr


REHEARSAL = """
import sys
from pathlib import Path
import pandas as pd
import study_2022 as study
from lhs_helpers.patients import Hospital

if __name__ == "__main__":
    study.LEAST_PEOPLE = 20
    made = Hospital(Path(sys.argv[1]) / "h", patients=3_000, seed=3, start=study.START, workers=1)
    made.advance(study.END)
    sample = study.case_control(made.emr, "stroke", 3)
    people, y = sample.people, sample.people["label"]
    assert len(people) == 4 * y.sum() and y.sum() > 20
    assert not people["patient_id"].duplicated().any()
    first = made.emr.events.filter(made.emr.events.code == study.DISEASES["stroke"]).group_by("patient_id")
    first = first.aggregate(day=made.emr.events.time.min()).execute().set_index("patient_id")["day"]
    first = first.reindex(people["patient_id"]).reset_index(drop=True)
    assert (first[y] >= people.loc[y, "index_time"]).all() and first[~y].isna().all()
    assert study.DISEASES["stroke"] not in set(sample.columns["code"])
    uncut = study.case_control(made.emr, "stroke", 3, cut=False)
    assert (uncut.people["patient_id"] == people["patient_id"]).all()
    assert study.DISEASES["stroke"] not in set(uncut.columns["code"])
    row, again = (study.cell(sample, "stroke", "XGBoost", 30_000, 3) for _ in range(2))
    assert row == again
    assert row["people"] + row["learned_from"] == len(people)
    print("as it should be")
"""


def test_cases_are_read_to_the_eve_of_the_diagnosis_and_controls_never_have_it(tmp_path):
    script = tmp_path / "rehearsal.py"
    script.write_text(REHEARSAL)
    done = subprocess.run(
        [sys.executable, script, tmp_path],
        cwd=tmp_path,
        env=IN_THE_FOLDER,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout == "as it should be\n", done.stderr


TINY = """
import pandas as pd
NAME, SCRIPTS, PATIENTS, SEEDS, FACTS = "tiny", (__file__,), 100, (0, 1), {}
MEASURED = ("seconds",)


def jobs(seeds):
    return [f"hospital {seed}" for seed in seeds]


def run(job, work, patients):
    from time import perf_counter
    seed = int(job.split()[1])
    values = {"people": [123456, 7], "AUROC": [0.81234567, None], "apart": [1e-16, 0], "what": ["a", "b"]}
    return pd.DataFrame(values).assign(seed=seed, seconds=perf_counter()), {"all": 0.0}
"""


@pytest.fixture
def tiny_study(tmp_path):
    """A study of two rows a hospital that has been run; returns what runs it again, and its three files."""
    script = tmp_path / "tiny.py"
    script.write_text(TINY, encoding="utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess:
        where = ["--results", tmp_path / "results", "--work", tmp_path / "work"]
        return subprocess.run(
            [sys.executable, studies.FOLDER / "run.py", "tiny", *where, *arguments],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(paths.PACKAGE.parent)])},
            capture_output=True,
            text=True,
            timeout=120,
        )

    assert run().returncode == 0
    return run, script, tmp_path / "results" / "tiny.json", tmp_path / "results" / "tiny.csv"


def test_results_that_come_out_as_they_were_are_marked_as_the_new_codes(tiny_study):
    run, script, facts, table = tiny_study
    before, rows = json.loads(facts.read_text()), table.read_bytes()
    script.write_text(TINY.replace("1e-16", "3e-17").replace("4567", "4999") + "# faster\n", encoding="utf-8")
    done = run("--verify", "1", "--date", "2026-01-31")
    assert done.returncode == 0, done.stderr
    after = json.loads(facts.read_text())
    assert after["code"] == studies.study_hash([str(script)]) != before["code"]
    assert after["verified"] == [
        {"parts": ["hospital 1"], "rows": 2, "of": 4}
        | {"from": before["code"], "to": after["code"], "date": "2026-01-31"}
    ]
    assert table.read_bytes() == rows and after["seconds"] == before["seconds"]
    assert list((facts.parent.parent / "work").iterdir()) == []


def test_rows_that_differ_are_shown_and_nothing_is_marked(tiny_study):
    run, script, facts, table = tiny_study
    before, text = (facts.read_bytes(), table.read_bytes()), TINY
    for old, new in (
        ("0.81234567", "0.8124"),
        ("123456", "123457"),
        ('"b"', '"c"'),
        ("1e-16", "2e-5"),
        ("None", "1"),
    ):
        assert text != (text := text.replace(old, new))
    script.write_text(text, encoding="utf-8")
    done = run("--verify")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "hospital 0: 2 of 2 rows differ, and nothing was marked.",
        "  row 1 of the part: AUROC: 0.81235 was, 0.8124 is; apart: 1e-16 was, 2e-05 is; people: 123456 was, 123457 is",
        "  row 2 of the part: AUROC: nan was, 1.0 is; what: b was, c is",
    ]
    script.write_text(TINY.replace(".assign(seed=seed", ".head(1).assign(seed=seed"), encoding="utf-8")
    done = run("--verify", "1")
    assert "hospital 1: 1 of 2 rows differ" in done.stderr and "1 rows where there were 2" in done.stderr
    assert (facts.read_bytes(), table.read_bytes()) == before


def test_what_can_not_be_verified_is_said(tiny_study):
    run, _, facts, _ = tiny_study
    assert "is hospital 7; it has: hospital 0; hospital 1." in run("--verify", "7").stderr
    assert "have 100 patients, not 50" in run("--verify", "--patients", "50").stderr
    facts.unlink()
    assert "no results of tiny" in run("--verify").stderr
