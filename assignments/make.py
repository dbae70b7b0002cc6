"""Make the packages of the six assignments, and grade what comes back. Needs the extra `teach`.

python assignments/make.py --name "Ada Lovelace" --out class        one student
python assignments/make.py --roster names.txt --out class           a name on each line
python assignments/make.py --grade class/handed-in --out class      marks and hints, as grades.csv

`--course WORD` makes hospitals that belong to one course only; keep the word, the grader needs it.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat

HERE = Path(__file__).resolve().parent
WHOSE = re.compile(r"^NAME, COURSE = .*$", re.MULTILINE)


def masters() -> list[Path]:
    """The master notebooks, in order."""
    return sorted(HERE.glob("0*-*.py"))


def build(out: Path) -> list[Path]:
    """Let otter-grader split each master into what students get and what the grader needs.

    Returns the folders, one per assignment: ``student`` holds the empty notebook with the open tests, ``autograder``
    the solution, and a zip file with all tests.
    """
    from otter.assign import main as assign

    made = []
    for master in masters():
        with tempfile.TemporaryDirectory() as scratch:
            for name in ("otter.yml", "reference.py"):
                shutil.copy(HERE / name, scratch)
            notebook = Path(scratch, f"{master.stem}.ipynb")
            jupytext.write(jupytext.read(master, fmt="py:percent"), notebook)
            target = out / master.stem
            shutil.rmtree(target, ignore_errors=True)
            with contextlib.redirect_stdout(io.StringIO()):
                assign(str(notebook), str(target))
        made.append(target)
    return made


def personal(notebook: Path, name: str, course: str, target: Path) -> None:
    """A notebook with a student's name in it: whose hospital is it?"""
    nb = nbformat.read(notebook, as_version=4)
    line = f"NAME, COURSE = {json.dumps(name, ensure_ascii=False)}, {json.dumps(course, ensure_ascii=False)}"
    for cell in nb.cells:
        cell.source = WHOSE.sub(lambda _: line, cell.source)
    if line not in "\n".join(cell.source for cell in nb.cells):
        sys.exit(f"{notebook} has no line NAME, COURSE = ...; it can not be made personal.")
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, target)


def folder_of(name: str) -> str:
    """A folder's name for a student's name."""
    return re.sub(r"\W+", "-", name.strip().casefold()).strip("-")


def hand_out(names: list[str], course: str, out: Path) -> None:
    """A folder with six notebooks for each student, and one for the teacher."""
    for built in build(out / "teacher"):
        for name in names:
            file = f"{built.name}.ipynb"
            personal(built / "student" / file, name, course, out / "students" / folder_of(name) / file)
            solved = out / "teacher" / "solved" / folder_of(name) / file
            personal(built / "autograder" / file, name, course, solved)
    with open(out / "teacher" / "roster.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [["folder", "name", "course"], *((folder_of(n), n, course) for n in names)]
        )
    print(f"{len(names)} students: hand out {out / 'students'}, keep {out / 'teacher'}")


def said(message: str) -> str:
    """The sentence of a failed test, without the lines around it."""
    return message.strip().splitlines()[-1].removeprefix("AssertionError: ")


def grade(handed_in: Path, out: Path) -> None:
    """Run the tests on ``handed_in/<student>/<assignment>.ipynb``, and write a row for each question.

    The name in the notebook is set to that of the roster: a friend's hospital has other answers.
    """
    from otter.api import grade_submission

    with open(out / "teacher" / "roster.csv", newline="", encoding="utf-8") as file:
        roster = {row["folder"]: row for row in csv.DictReader(file)}
    rows = []
    for notebook in sorted(handed_in.glob("*/0*.ipynb")):
        student = roster.get(notebook.parent.name)
        if student is None:
            sys.exit(
                f"{notebook.parent} is nobody in {out / 'teacher' / 'roster.csv'}; name it as it was handed out."
            )
        (tests,) = (out / "teacher" / notebook.stem / "autograder").glob("*.zip")
        with tempfile.TemporaryDirectory() as scratch:
            own = Path(scratch, notebook.name)
            personal(notebook, student["name"], student["course"], own)
            results = grade_submission(str(own), str(tests.resolve()), quiet=True)
        for question in results.results.values():
            hint = next((said(r.message) for r in question.test_case_results if not r.passed), "")
            rows.append(
                [student["name"], notebook.stem, question.name, question.score, question.possible, hint]
            )
    with open(out / "grades.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["student", "assignment", "question", "points", "of", "hint"], *rows])
    print(
        f"{len(rows)} questions graded: {out / 'grades.csv'}. The questions in words are yours, with the rubric."
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--name", action="append", default=[], help="a student; may be given several times")
    asked.add_argument("--roster", type=Path, help="a file with a name on each line")
    asked.add_argument("--course", default="", help="a word of the course; another word, other hospitals")
    asked.add_argument("--grade", type=Path, metavar="FOLDER", help="grade what was handed in")
    asked.add_argument("--out", type=Path, required=True)
    given = asked.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    names = [*given.name, *(given.roster.read_text(encoding="utf-8").splitlines() if given.roster else [])]
    names = [name.strip() for name in names if name.strip()]
    if given.grade:
        grade(given.grade, given.out)
    elif names:
        hand_out(names, given.course, given.out)
    else:
        sys.exit('Whose assignments? Give --name "Ada Lovelace", or --roster with a file of names.')


if __name__ == "__main__":
    main()
