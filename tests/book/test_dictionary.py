"""The data dictionary says something of every column that the code has, and of no other."""

import sys
import tomllib

import pytest

from .conftest import ROOT, say

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import data_dictionary

MEANINGS = ROOT / "book" / "data-dictionary.toml"


def meanings() -> dict:
    return tomllib.loads(MEANINGS.read_text(encoding="utf-8"))


def test_every_column_has_a_meaning_and_every_meaning_a_column():
    say(data_dictionary.problems(meanings()))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda said: said["patients"].pop("sex"), "patients.sex has no meaning"),
        (lambda said: said["patients"].update(shoe_size="In cm"), "no column patients.shoe_size"),
        (lambda said: said.pop("events"), "has no table events"),
        (lambda said: said.update(bills={"about": "Money"}), "a table bills, and the code has none"),
        (lambda said: said["concepts"].update(about=" "), "concepts has no `about`"),
    ],
)
def test_dictionary_that_disagrees_with_the_code_is_found(change, says):
    said = meanings()
    change(said)
    (problem,) = data_dictionary.problems(said)
    assert says in problem


def test_tables_are_written_with_types_and_allowed_words():
    text = data_dictionary.as_markdown(MEANINGS)
    assert "| `birth_date` | date | Day of birth |" in text
    assert "`registered`, `left`, `died` |" in text and "| `value` | number |" in text
    assert text.count("## ") == len(data_dictionary.TABLES)
