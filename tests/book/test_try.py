"""The page that runs in the reader's browser: run by this computer's Python, and in Chromium, with the same result."""

import ast
import importlib.util
import json
import re
import sqlite3
import sys
import time
from contextlib import redirect_stdout
from gzip import decompress
from io import StringIO

import pandas as pd
import pytest

from lhs_helpers.patients import cached_hospital

from . import built
from .conftest import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import browser_python

TEXT = (ROOT / "book" / "try.md").read_text(encoding="utf-8")
CELL = re.compile(r"^```\{code-block\} python\n:class: (try[\w -]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CELLS = [code for kind, code in CELL.findall(TEXT) if kind == "try"]
(ANSWER,) = (code for kind, code in CELL.findall(TEXT) if kind != "try")
OUTPUTS = "[...document.querySelectorAll('pre.try-output')].filter(p => !p.hidden).map(p => p.textContent)"


@pytest.fixture(scope="module")
def emr():
    """The record of page 01."""
    return cached_hospital(patients=7_500, years=5, seed=1, start="2015-01-01").emr


@pytest.fixture(scope="module")
def record(emr, tmp_path_factory):
    """The file that comes with the page."""
    file = tmp_path_factory.mktemp("try") / "record.sqlite"
    file.write_bytes(decompress(browser_python.packed(emr)))
    return file


class Reader:
    """Runs cells one after the other; each shows what it prints, and its last value."""

    def __init__(self):
        self.names = {}

    def run(self, code: str) -> str:
        body = ast.parse(code).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        with redirect_stdout(StringIO()) as shown:
            exec(compile(ast.Module(body, []), "cell", "exec"), self.names)
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), self.names) if last else None
            if value is not None:
                print(repr(value))
        return shown.getvalue().strip()


@pytest.fixture
def reader(record, monkeypatch):
    monkeypatch.chdir(record.parent)
    reader = Reader()
    reader.shown = [reader.run(code) for code in CELLS[:-1]]
    return reader


def test_the_page_shows_the_figures_of_page_01(reader, emr, book):
    """Both from the records themselves, and from what page 01 printed when it was built."""
    people = emr.people.execute()
    status = dict(line.split("\t") for line in reader.shown[0].splitlines()[1:])
    assert {name: int(count) for name, count in status.items()} == people["status"].value_counts().to_dict()
    ask = f"SELECT count(*) FROM conditions WHERE code = '{reader.names['DIABETES']}' AND time < '2017-01-01'"
    counts = [record.sql(ask).iloc[0, 0] for record in (emr.as_of("2017-01-01"), emr)]
    assert [reader.names["known"], reader.names["hindsight"]] == counts
    page = built.parsed(book / "notebooks" / "01-a-hospital-in-a-minute.html")
    (row,) = (r for r in page.select("tr") if r.get_text().strip().startswith("diagnoses of diabetes"))
    assert [int(cell.get_text()) for cell in row.select("td")] == counts
    assert f"of {len(reader.names['starts'])} treated, " in page.get_text()


def test_shares_by_age_are_those_of_the_records(reader, emr):
    people = emr.people.execute().query("status == 'registered'")
    age = (pd.Timestamp("2020-01-01") - pd.to_datetime(people["birth_date"])).dt.days / 365.25
    ill = people["patient_id"].isin(emr.sql(f"""
        SELECT patient_id FROM conditions WHERE code = '{reader.names["DIABETES"]}'""")["patient_id"])  # fmt: skip
    bands = pd.cut(age, reader.names["AGES"], right=False)
    assert reader.names["shares"] == pytest.approx((100 * ill.groupby(bands, observed=True).mean()).tolist())


def test_exercise_refuses_the_empty_answer_hints_at_a_wrong_one_and_passes_its_solution(reader):
    with pytest.raises(AssertionError, match="give the mean fall"):
        reader.run(CELLS[-1])
    wrong = ANSWER.replace("b - a for", "a - b for")
    assert wrong != ANSWER
    with pytest.raises(AssertionError, match="before minus after"):
        reader.run(wrong)
    with pytest.raises(AssertionError, match=r"1\.96 standard errors"):
        reader.run(ANSWER.replace("** 0.5", "** 0"))
    assert reader.run(ANSWER).endswith("right")


def test_the_record_is_the_same_bytes_each_time_and_small(emr):
    once, again = browser_python.packed(emr), browser_python.packed(emr)
    assert once == again and len(once) < 5e6


@pytest.fixture(scope="module")
def files(book):
    place = book / browser_python.PLACE
    if not (place / "VERSION").exists():
        pytest.skip(
            "npm is not installed, or there was no network (tools/pyodide.py); Python is not in this book"
        )
    return place


def test_the_record_that_comes_with_the_book_is_that_of_this_code(files, emr, tmp_path):
    def rows(packed: bytes) -> list:
        (tmp_path / "r.sqlite").write_bytes(decompress(packed))
        database = sqlite3.connect(tmp_path / "r.sqlite")
        found = [database.execute(f"SELECT * FROM {name}").fetchall() for name in browser_python.TABLES]
        database.close()
        return found

    assert rows((files / browser_python.RECORD).read_bytes()) == rows(browser_python.packed(emr))


def test_the_browser_shows_what_this_computer_shows(files, reader, book, serve, browser):
    browser.resize(1280)
    assert not browser.visit(f"{serve(book)}/book/try.html")
    browser.ask("document.querySelectorAll('.try-python button')[1].click()")
    for _ in range(240):
        time.sleep(0.5)
        if len(browser.ask(OUTPUTS)) == len(CELLS):
            break
    *shown, refused = (text.strip() for text in browser.ask(OUTPUTS))
    assert shown == reader.shown
    assert re.fullmatch(r"line \d+: AssertionError: give the mean fall and an interval around it", refused)
    browser.ask("document.querySelector('.try-answer button').click()")
    time.sleep(2)
    with pytest.raises(AssertionError):
        reader.run(CELLS[-1])
    assert browser.ask("document.querySelector('.try-answer pre').textContent").strip() == reader.run(ANSWER)
    foreign = "performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(location.origin))"
    assert browser.ask(foreign) == []


def test_a_book_without_python_says_so_and_is_read_all_the_same(book):
    page = built.parsed(book / "book" / "try.html")
    told = "built without Python for the browser" in page.article.get_text()
    assert told != bool(page.select(".try-python"))
    assert len(page.select("article div.try pre")) == len(CELLS) + 1


# What does not run, and why

ROWS = re.compile(r"^\| ([\w-]+) \| ([\d.]+) \| ([^|]+) \| ([\d.]+) \|$", re.MULTILINE)


def fetcher():
    spec = importlib.util.spec_from_file_location("fetcher", ROOT / "tools" / "pyodide.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_versions_in_the_table_are_those_of_the_lock():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w-]+)==([\d.]+)", lock, re.MULTILINE))
    rows = ROWS.findall(TEXT)
    assert len(rows) == 9
    assert {name: version for name, version, *_ in rows} == {name: locked[name] for name, *_ in rows}
    assert f"distribution of Pyodide {fetcher().VERSION}" in TEXT


def test_versions_in_its_last_column_are_those_of_pyodide(files):
    held = json.loads((files / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    assert {name: held[name]["version"] for name, *_ in ROWS.findall(TEXT)} == {
        name: theirs for name, _, _, theirs in ROWS.findall(TEXT)
    }
    assert not {"ibis-framework", "sqlglot", "skops"} & set(held) and "tqdm" in held


@pytest.mark.parametrize(
    ("npm", "says"),
    [
        (None, "npm is not installed"),
        ("exit 1", "npm could not fetch pyodide"),
        ("echo nonsense > pyodide.tgz", "is not pyodide"),
    ],
)
def test_what_can_not_be_fetched_is_said_in_a_sentence(npm, says, tmp_path, monkeypatch):
    tool = fetcher()
    if npm:
        (tmp_path / "npm").write_text(f"#!/bin/sh\n{npm}\n")
        (tmp_path / "npm").chmod(0o755)
    monkeypatch.setattr(tool, "which", lambda name: str(tmp_path / name) if npm else None)
    assert says in tool.fetch(tmp_path / "place")
    assert not (tmp_path / "place").exists()
