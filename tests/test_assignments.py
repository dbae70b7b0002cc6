"""Six assignments, three students: the solution passes, the empty notebook fails, and usual mistakes get the hint.

The tests that otter-grader made from the master notebooks run here in this process, which is quick; once, the
grader itself grades a notebook that was handed in.
"""

import csv
import importlib.util
import shutil
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from lhs_helpers import learning
from lhs_helpers.errors import LHSError
from lhs_helpers.teaching import drawn, hospital_of, seed_of

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "assignments"
STUDENTS = ("Ada Lovelace", "Florence Nightingale", "Ignaz Semmelweis")
MASTERS = sorted(path.stem for path in HERE.glob("0*-*.py"))

# Three usual mistakes for each assignment: the question, what the student stored, and what the hint must say.
MISTAKES = {
    "01-read-a-record": [
        ("q1", "present = int(emr.people.count().execute())", "came after DAY"),
        ("q1", "present = int(emr.as_of(DAY).people.count().execute())", "the dead and those who left"),
        (
            "q2",
            "late = int((emr.as_of(DAY).conditions.execute()['recorded_at'] > DAY).sum())",
            "whole record",
        ),
        ("q3", "a1c = float(values['value'].mean())", "one value a person"),
    ],
    "02-ask-a-question": [
        ("q1", "task = Task('x', EVENTS, window_days=24, gap_days=1, min_age=50)", "in days, not in months"),
        (
            "q1",
            "task = Task('x', EVENTS, window_days=730, lookback_days=1095, min_age=50)",
            "30 days in which nothing",
        ),
        (
            "q2",
            "cases = emr.conditions.filter(emr.conditions.code.isin(EVENTS)).count().execute()",
            "ever had",
        ),
        ("q3", "unresolved = float((~people['label']).mean())", "of them the answer is known"),
        ("q3", "unresolved = float((people['end_reason'] == 'left').mean())", "two ways not to be seen"),
        ("q4", "leaks = set(codes)", "is what was known on AT"),
    ],
    "03-a-first-model": [
        (
            "q1",
            "import pandas as pd\n"
            "model = train(pd.concat([X_learning, X_held_out]), [*learning['label'], *held_out['label']], "
            "'logistic regression')\nrisk = model.predict_proba(X_held_out)[:, 1]",
            "from the held-out ones it must not",
        ),
        ("q1", "risk = model.predict_proba(X_held_out)[:, 0]", "chance that nothing happens"),
        ("q1", "risk = model.predict(X_held_out)", "answers yes or no"),
        ("q2", "level = 'too high' if ratio > 1 else 'too low'", "more happened than was told"),
        ("q2", "spread = 'too timid' if slope < 1 else 'too extreme'", "below 1 means that the high risks"),
        (
            "q3",
            "t, y = vendor >= THRESHOLD, people['label'].to_numpy()\n"
            "benefit = float((t & y).mean() - (t & ~y).mean())",
            "odds of the threshold",
        ),
        ("q3", "benefit = float(((vendor >= THRESHOLD) == people['label'].to_numpy()).mean())", "accuracy"),
    ],
    "04-groups-and-missing-people": [
        (
            "q1",
            "unknown = missed.groupby(ill['insurance']).sum() / people['insurance'].value_counts()",
            "those who are ill",
        ),
        ("q1", "unknown = ill['diagnosed'].isna().groupby(ill['insurance']).mean()", "hindsight"),
        ("q2", "silent = 0 * silent", "begin with the people"),
        ("q2", "silent = 1 - silent", "who did not come"),
        ("q3", "no_verdict = set()", "events decide"),
    ],
    "05-update-or-keep": [
        ("q1", "ready = [d for d in DATES if pd.Timestamp(d) <= TODAY]", "its window must be over"),
        (
            "q1",
            "ready = [d for d in DATES if pd.Timestamp(d) + pd.Timedelta(days=WINDOW) <= TODAY]",
            "not recorded yet",
        ),
        (
            "q2",
            "auroc = evaluate(log['label'], log['risk'], bootstrap=0).loc['AUROC', 'estimate']",
            "all periods",
        ),
        ("q2", "decision = 'keep' if auroc < 0.65 else 'refit'", "refit"),
        ("q3", "shift = float(np.log(newest_people['label'].sum() / vendor.sum()))", "first step"),
        ("q3", "shift = -shift", "the sign"),
    ],
    "06-go-or-no-go": [
        ("q1", "threshold = 0.5", "no natural threshold"),
        ("q1", "threshold = float(GRID[0])", "more alarms than the team"),
        ("q2", "per_case = float(alarm.sum() / run['label'].sum())", "found or not"),
        ("q2", "recall = float(run.loc[alarm, 'label'].mean())", "precision"),
        ("q3", "decision = 'go' if failed else 'no go'", "a stop rule is not weighed"),
    ],
}
NEEDED = "otter-grader is not installed (pip install --no-deps -r requirements-teach.lock): no assignment was graded"
pytest.importorskip("otter", reason=NEEDED)


@pytest.fixture(scope="module")
def make():
    spec = importlib.util.spec_from_file_location("make_assignments", HERE / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def packages(make, tmp_path_factory):
    """What `make assignment` makes for three students."""
    out = tmp_path_factory.mktemp("class")
    make.hand_out(list(STUDENTS), "", out)
    return out


@pytest.fixture(scope="module", autouse=True)
def answers():
    """The teacher's answers lie where the hidden tests import them; a question asked twice is answered once."""
    answered = {}

    def cohort(emr, task, at):
        asked = (emr.folder, emr.known_at, task, str(at)[:10])
        if asked not in answered:
            answered[asked] = learning.cohort.__wrapped__(emr, task, at)
        return answered[asked].copy()

    cohort.__wrapped__ = learning.cohort
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "cohort", cohort)
        patch.syspath_prepend(HERE)
        yield
    sys.modules.pop("reference", None)


def code_of(notebook: Path) -> list[str]:
    cells = nbformat.read(notebook, as_version=4).cells
    return [c.source for c in cells if c.cell_type == "code" and "grader" not in c.source]


def lived_through(notebook: Path, go_on: bool = False) -> dict:
    """The variables after all cells of a notebook; an empty notebook stumbles, and the grader goes on too."""
    env = {"__name__": "notebook"}
    for cell in code_of(notebook):
        try:
            exec(compile(cell, notebook.name, "exec"), env)
        except Exception:
            if not go_on:
                raise
    return env


@pytest.fixture(scope="module")
def solved(packages, make):
    """A student's solved notebook, run once."""
    known = {}

    def run(assignment: str, student: str) -> dict:
        if (assignment, student) not in known:
            folder = packages / "teacher" / "solved" / make.folder_of(student)
            known[assignment, student] = lived_through(folder / f"{assignment}.ipynb")
        return dict(known[assignment, student])

    return run


@pytest.fixture(scope="module")
def graded(packages, tmp_path_factory):
    """The hints for a student's variables, question by question: an empty list is a pass."""
    from otter.test_files import ExceptionTestFile

    questions = {}
    for assignment in MASTERS:
        (archive,) = (packages / "teacher" / assignment / "autograder").glob("*.zip")
        folder = tmp_path_factory.mktemp(assignment)
        zipfile.ZipFile(archive).extractall(folder)
        questions[assignment] = {path.stem: path for path in sorted((folder / "tests").glob("q*.py"))}

    def grade(assignment: str, env: dict, question: str | None = None) -> dict[str, list[str]]:
        hints = {}
        for name, path in questions[assignment].items():
            if question in (None, name):
                test = ExceptionTestFile.from_file(str(path))
                test.run(env)
                hints[name] = [r.message for r in test.test_case_results if not r.passed]
        return hints

    return grade


EACH = pytest.mark.parametrize("student", STUDENTS)
OF_SIX = pytest.mark.parametrize("assignment", MASTERS)


def test_there_are_six_assignments_with_three_mistakes_each():
    assert list(MISTAKES) == MASTERS and len(MASTERS) == 6
    assert all(len(mistakes) >= 3 for mistakes in MISTAKES.values())


@EACH
@OF_SIX
def test_the_solution_passes_every_test(assignment, student, solved, graded):
    hints = graded(assignment, solved(assignment, student))
    assert len(hints) >= 3
    assert not any(hints.values()), hints


@EACH
@OF_SIX
def test_the_empty_notebook_fails_every_question(assignment, student, packages, make, graded):
    notebook = packages / "students" / make.folder_of(student) / f"{assignment}.ipynb"
    hints = graded(assignment, lived_through(notebook, go_on=True))
    assert all(len(said) == 2 for said in hints.values()), "both the open and the hidden test"


@EACH
@pytest.mark.parametrize(
    ("assignment", "question", "stored", "hint"),
    [(name, *mistake) for name, mistakes in MISTAKES.items() for mistake in mistakes],
)
def test_a_usual_mistake_gets_the_hint(assignment, question, stored, hint, student, solved, graded):
    env = solved(assignment, student)
    exec(stored, env)
    (hints,) = graded(assignment, env, question).values()
    assert hint in hints[0], hints


@OF_SIX
def test_students_get_neither_hidden_tests_nor_solutions(assignment, packages, make):
    notebook = packages / "students" / make.folder_of(STUDENTS[0]) / f"{assignment}.ipynb"
    text = notebook.read_text(encoding="utf-8")
    assert "import reference" not in text and "SOLUTION" not in text
    assert f'NAME, COURSE = \\"{STUDENTS[0]}\\", \\"\\"' in text
    assert list((packages / "students" / make.folder_of(STUDENTS[0])).iterdir()) and not list(
        (packages / "students").rglob("reference.py")
    )


def test_answers_differ_from_student_to_student(solved):
    asked = {"01-read-a-record": ("present", "late", "a1c"), "06-go-or-no-go": ("threshold", "recall")}
    for assignment, names in asked.items():
        found = {tuple(solved(assignment, student)[name] for name in names) for student in STUDENTS}
        assert len(found) == len(STUDENTS)


# otter-grader 7.0.0 drops columns in place, of which pandas warns; nothing here can change that.
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop:DeprecationWarning:otter")
def test_the_grader_itself_gives_all_points_to_a_solution_and_none_for_a_friends(
    packages, make, tmp_path, monkeypatch
):
    """Florence hands in Ada's notebook: it is graded on Florence's own patients."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the grader runs notebooks in a process of its own
    folder = packages / "teacher" / "solved" / "ada-lovelace"
    for whose in ("ada-lovelace", "florence-nightingale"):
        (tmp_path / whose).mkdir()
        shutil.copy(folder / "01-read-a-record.ipynb", tmp_path / whose)
    handed = tmp_path / "florence-nightingale" / "01-read-a-record.ipynb"
    text = handed.read_text(encoding="utf-8")
    present = lived_through(folder / "01-read-a-record.ipynb")["present"]
    copied = text.replace(
        'present = int((known[\\"status\\"] == \\"registered\\").sum())', f"present = {present}"
    )
    assert copied != text, "the number itself is copied, not the way to it"
    handed.write_text(copied, encoding="utf-8")
    make.grade(tmp_path, packages)
    with open(packages / "grades.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    full = {(row["student"], row["question"]) for row in rows if row["points"] == row["of"]}
    assert len(rows) == 6 and full == {
        *((STUDENTS[0], question) for question in ("q1", "q2", "q3")),
        *((STUDENTS[1], question) for question in ("q2", "q3")),
    }


def test_a_stranger_is_not_graded(packages, make, tmp_path):
    (tmp_path / "nobody").mkdir()
    (tmp_path / "nobody" / "01-read-a-record.ipynb").write_text("{}")
    with pytest.raises(SystemExit, match="is nobody in"):
        make.grade(tmp_path, packages)


# Whose hospital


def test_a_name_has_one_hospital_however_it_is_written():
    assert seed_of(" ada  LOVELACE ") == seed_of("Ada Lovelace") != seed_of("Ada Lovelac")
    assert hospital_of("ada lovelace").folder == hospital_of("Ada Lovelace").folder


def test_another_course_has_other_hospitals_and_other_draws():
    assert seed_of("Ada Lovelace", "autumn") != seed_of("Ada Lovelace", "spring")
    options = range(1_000)
    draws = {drawn("Ada Lovelace", course, "x", options) for course in ("", "autumn", "spring")}
    assert len(draws) == 3 and drawn("Ada Lovelace", "", "x", options) in draws


def test_a_name_is_needed():
    with pytest.raises(LHSError, match="The name is empty"):
        seed_of("  ")
