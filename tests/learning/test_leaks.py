"""Leaks, planted on purpose: each is written into the record, and the features do not move."""

import ast
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import lhs_helpers.learning
from lhs_helpers.learning import cohort, features, train, vocabulary

AT = "2018-01-01"
GAP = 30


@pytest.fixture
def seen(ward, task):
    """Cohort and features of a small record with rows added; the columns are those of the clean record."""
    task = replace(task, gap_days=GAP)
    patients = [ward.person(n) for n in range(1, 9)]
    base = {
        "patients": patients,
        "observations": [ward.pressure(n, "2017-03-01", 110 + n) for n in range(1, 9)],
        "conditions": [ward.stroke(n, "2018-09-01") for n in range(1, 4)],
    }
    kept = {}

    def look(folder, **planted):
        tables = {name: rows + planted.get(name, []) for name, rows in base.items()}
        emr = ward.write(folder, **tables)
        people = cohort(emr, task, AT)
        columns = kept.setdefault("columns", vocabulary(emr, people, task))
        return people, features(emr, people, task, columns)

    return look


LEAKS = {
    "recorded after the index date but dated before": ("2017-06-01", "2018-01-05"),
    "recorded after the index date but dated before, at the index itself": ("2017-06-01", AT),
    "inside the gap": ("2017-12-20", "2017-12-20"),
    "before the gap but recorded inside it": ("2017-11-30", "2017-12-03"),
    "at the very end of the look-back": ("2017-12-02", "2017-12-02"),
    "on the index date": (AT, AT),
    "planned for after the index date, and recorded before": ("2018-02-01", "2017-06-01"),
    "in the prediction window": ("2018-08-30", "2018-08-30"),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_measurement_that_was_not_known_in_time_changes_no_feature(seen, ward, tmp_path, leak):
    time, recorded_at = LEAKS[leak]
    people, clean = seen(tmp_path / "clean")
    people_too, leaky = seen(tmp_path / "leaky", observations=[ward.pressure(1, time, 240, recorded_at)])
    pd.testing.assert_frame_equal(clean, leaky)
    pd.testing.assert_frame_equal(people, people_too)


def test_the_same_measurement_known_in_time_does_change_them(seen, ward, tmp_path):
    _, clean = seen(tmp_path / "clean")
    _, honest = seen(tmp_path / "honest", observations=[ward.pressure(1, "2017-06-01", 240, "2017-12-01")])
    assert clean.loc[1, "Systolic blood pressure: last"] == 111
    assert honest.loc[1, "Systolic blood pressure: last"] == 240


@pytest.mark.parametrize("recorded_at", ["2018-06-01", "2019-06-01"])
def test_a_later_death_changes_the_follow_up_and_no_feature(seen, ward, tmp_path, recorded_at):
    people, clean = seen(tmp_path / "clean")
    death = ward.person(5, status="died", time="2018-06-01", recorded_at=recorded_at)
    people_too, leaky = seen(tmp_path / "leaky", patients=[death])
    pd.testing.assert_frame_equal(clean, leaky)
    assert people["patient_id"].tolist() == people_too["patient_id"].tolist()
    assert people_too.set_index("patient_id").loc[5, "end_reason"] == "died"


def test_a_corrected_birth_date_known_later_changes_no_age(seen, ward, tmp_path):
    _, clean = seen(tmp_path / "clean")
    _, leaky = seen(tmp_path / "leaky", patients=[ward.person(5, birth="1930-01-01", time="2018-06-01")])
    pd.testing.assert_frame_equal(clean, leaky)


MODULES = sorted(Path(lhs_helpers.learning.__file__).parent.glob("*.py"))
# What learning may import of the package: itself, the record's EMR (for its type), the errors.
ALLOWED = ("lhs_helpers.learning", "lhs_helpers.records.emr", "lhs_helpers.errors")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_learning_knows_no_simulator_and_opens_no_file(module):
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, (
                f"{module.name}, line {node.lineno}: a relative import hides where it leads"
            )
            names = [node.module]
        for name in names:
            ours = name.split(".")[0] == "lhs_helpers"
            assert not ours or name.startswith(ALLOWED), (
                f"{module.name}, line {node.lineno}: learning imports {name}"
            )
        # Rows come from the tables of the EMR: nothing here opens a file, lists a folder or writes SQL of
        # its own.
        reached = getattr(node, "attr", None) or getattr(node, "id", None)
        forbidden = {
            "open",
            "Path",
            "folder",
            "read_parquet",
            "read_csv",
            "raw_sql",
            "sql",
            "glob",
            "__import__",
            "importlib",
        }
        assert reached not in forbidden, (
            f"{module.name}, line {node.lineno}: learning reaches for {reached!r}"
        )


def test_an_answer_key_beside_the_record_changes_nothing(ward, task, tmp_path):
    """With the simulator's folders missing, or full of poison, cohort, features and model are the same."""
    results = []
    for folder in (tmp_path / "plain", tmp_path / "poisoned"):
        emr = ward.write(
            folder,
            patients=[ward.person(n) for n in range(1, 61)],
            observations=[ward.pressure(n, "2017-03-01", 100 + n) for n in range(1, 61)],
            conditions=[ward.stroke(n, "2018-09-01") for n in range(40, 61)],
        )
        if folder.name == "poisoned":
            for name in ("truth/hazard.parquet", "state/shard-0000.npz", "observations/extra.parquet"):
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_bytes(b"whoever reads this fails")
        people = cohort(emr, task, AT)
        X = features(emr, people, task, vocabulary(emr, people, task))
        model = train(X, people["label"], "logistic regression")
        results.append((people, X, pd.DataFrame(model.predict_proba(X))))
    for plain, poisoned in zip(*results, strict=True):
        pd.testing.assert_frame_equal(plain, poisoned)
