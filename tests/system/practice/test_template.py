"""The forms people download are the forms that pages fill: nothing is lost, nothing is made up."""

import re

import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.system.template import FOLDER, blanks, filled, measured, template

FORMS = sorted(path.stem for path in FOLDER.glob("*.md"))


@pytest.mark.parametrize("name", ["model-card", "release-note"])
def test_every_blank_has_a_name_of_its_own_and_takes_its_answer(name):
    form = template(name)
    names = blanks(form)
    assert len(names) >= 12
    for blank in names:
        once = filled(form, {blank: [["XYZZY"]] if blank == "Group or site" else ["XYZZY"]})
        assert once.count("XYZZY") == 1, blank


@pytest.mark.parametrize("name", FORMS)
def test_what_nobody_answered_says_so_and_every_heading_stays(name):
    form = template(name)
    empty = filled(form, {})
    assert not re.search(r"<[^<>]+>", empty)
    headings = [line for line in form.splitlines() if line.startswith("#")]
    assert [line for line in empty.splitlines() if line.startswith("#")] == headings
    if blanks(form):
        assert "Not stated" in empty
    words = {word for word in re.findall(r"\w+", re.sub(r"<[^<>]+>", "", form))}
    assert words <= set(re.findall(r"\w+", empty)), "a word of the form was lost"


def test_a_release_fills_its_numbers_with_their_intervals(released):
    answers = measured(released, {"AUROC": "0.61", "O/E": "1.3"})
    card = filled(template("model-card"), answers)
    row = released.metrics.loc["AUROC"]
    value = f"{row['estimate']:.3g} ({row['low']:.3g} to {row['high']:.3g})"
    assert f"| AUROC | {value} | 0.61 |" in card
    assert f"Name {released.name}   Version {released.version}" in card
    assert released.identity[:12] in card and "| Net benefit against all and none | Not stated" in card


def test_what_does_not_fit_is_refused_with_a_sentence():
    form = template("model-card")
    with pytest.raises(LHSError, match="no blank 'Colour'; its blanks are Name"):
        filled(form, {"Colour": "green"})
    with pytest.raises(LHSError, match="takes a list of up to 4 texts"):
        filled(form, {"AUROC": ["1", "2", "3", "4"]})
    with pytest.raises(LHSError, match="no form 'modelcard'.*there are .*model-card"):
        template("modelcard")
