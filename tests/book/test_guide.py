"""Rules for the pages that advise. Below each rule stands a case that breaks it."""

import csv
import importlib.util

import pytest

from . import guide, sources
from .conftest import ROOT, say

BOOK = ROOT / "book"
STARTED = sorted((BOOK / "getting-started").glob("*.md"))
TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in (BOOK / "templates").glob("*.md")}
LAW = {
    "regulation": ("Check", "Do"),
    "privacy": ("Check",),
    "improvement-or-research": ("Check",),
}


def read(name: str) -> str:
    return (BOOK / f"{name}.md").read_text(encoding="utf-8")


# Getting started


@pytest.mark.parametrize("path", STARTED, ids=lambda path: path.stem)
def test_a_page_on_getting_started_has_its_parts(path):
    say(guide.part_problems(path.stem, path.read_text(encoding="utf-8")))


COMPLETE = """# A page
**The decision:** go or stay?
## Worked example
Lindenfield ({ref}`invented <lindenfield>`) stays.
## Checklist
- ☐ The bag is packed.

{download}`a template <../templates/stop-rule.md>`
"""


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("**The decision:** ", "has not a decision"),
        ("({ref}`invented <lindenfield>`)", "said to be invented"),
        ("## Checklist", "`## Checklist`"),
        ("- ☐ ", "to tick"),
        ("<../templates/stop-rule.md>", "a template to download"),
    ],
)
def test_missing_part_is_found(part, says):
    assert not guide.part_problems("x", COMPLETE)
    (problem,) = guide.part_problems("x", COMPLETE.replace(part, ""))
    assert says in problem


def test_every_template_is_offered_and_every_offer_is_there():
    say(guide.template_problems({path.stem: path.read_text(encoding="utf-8") for path in STARTED}, TEMPLATES))


def test_idle_template_dead_offer_and_undeclared_invention_are_found():
    page, invented = {"x": COMPLETE}, "Lindenfield is an invented hospital."
    assert not guide.template_problems(page, {"stop-rule.md": "# Stop rule"})
    (problem,) = guide.template_problems(page, {})
    assert "x offers stop-rule.md" in problem
    (problem,) = guide.template_problems(page, {"stop-rule.md": "", "card.md": ""})
    assert "card.md: no page offers it" in problem
    page = {"x": COMPLETE.replace("stop-rule", "stop-rule-lindenfield")}
    assert not guide.template_problems(page, {"stop-rule-lindenfield.md": invented})
    (problem,) = guide.template_problems(page, {"stop-rule-lindenfield.md": "# Stop rule"})
    assert "does not say" in problem


@pytest.mark.parametrize("name", LAW)
def test_statements_of_law_are_dated_and_say_what_to_check(name):
    text = read(f"getting-started/{name}")
    assert "### " in text
    say(guide.law_problems(name, text, LAW[name]))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("- **Check:** it.", "no line `- **As of"),
        ("- **As of today:** so.\n- **Check:** it.", "no line `- **As of"),
        ("- **As of 3 May 2026:** so.", "no line `- **Check:**"),
        ("- **As of 3 May 2026:** so.\n## Next\n- **Check:** another.", "no line `- **Check:**"),
    ],
)
def test_undated_or_unchecked_law_is_found(bad, says):
    good = "### A rule\n- **As of 3 May 2026:** so.\n- **Check:** it.\n"
    assert not guide.law_problems("x", good, ("Check",))
    (problem,) = guide.law_problems("x", f"{good}### Another\n{bad}\n", ("Check",))
    assert "x, Another" in problem and says in problem


# Examples


def test_examples_agree_with_their_overview_and_the_gap_with_both():
    text = read("examples")
    assert len(guide.judgements(text)) >= 15
    say(guide.example_problems(text))


def example(key: str, judged: str, facts: str = "") -> str:
    rows = "".join(
        f"| {fact} | {judged if fact == 'Shows' else '{cite}`a`'} |\n"
        for fact in guide.FACTS
        if fact != facts
    )
    return f"(example-{key})=\n### Name\n\n| Fact | Here |\n| --- | --- |\n{rows}\n"


GAP = "**C is *yes* in 1 of 2, and only 1 of 2 is *yes* in all four columns.**\n\n"
OVERVIEW = """| {ref}`Name <example-a>` | USA | people | yes | yes | yes | yes | compared |
| {ref}`Name <example-b>` | USA | people | yes | no | no | partly | compared |

"""
CARDS = example("a", "D yes · M yes · C yes · R yes") + example("b", "D yes · M no · C no · R partly (so)")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("C is *yes* in 1 of 2", "C is *yes* in 2 of 2", "write: **C is *yes* in 1 of 2"),
        ("R partly", "R yes", "b: the overview says"),
        (CARDS, example("a", "D yes · M yes · C yes · R yes"), "b stands in the overview or below"),
        ("| Data | {cite}`a` |\n", "", "not the rows"),
        ("| Source | {cite}`a` |", "| Source | hearsay |", "cites no source"),
    ],
)
def test_disagreeing_examples_are_found(old, new, says):
    text = GAP + OVERVIEW + CARDS
    assert not guide.example_problems(text)
    assert any(says in problem for problem in guide.example_problems(text.replace(old, new)))


# The figure of what is slow


def test_figure_of_what_is_slow_is_the_one_its_script_draws_and_its_lengths_have_sources():
    script = BOOK / "images" / "slow.py"
    spec = importlib.util.spec_from_file_location("slow", script)
    slow = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(slow)
    assert script.with_suffix(".svg").read_text(encoding="utf-8") == slow.drawing(), (
        "run: python book/images/slow.py"
    )
    cited = [line for line in read("learning-health-system").splitlines() if "| {cite}`" in line]
    for what, length, *_ in slow.SPANS:
        assert any(f"| {length}" in line for line in cited), (
            f"{what}: {length} is not in the table with a source"
        )


# What was read


def test_every_work_cited_has_a_row_that_says_what_was_read():
    texts = {path.stem: path.read_text(encoding="utf-8") for path in BOOK.rglob("*.md")}
    texts |= {path.stem: sources.markdown_of(path) for path in (ROOT / "notebooks").glob("*.py")}
    with open(BOOK / "claims.csv", encoding="utf-8", newline="") as table:
        say(guide.claim_problems(texts, list(csv.DictReader(table))))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "has no row for `a`"),
        ([("a", "abstract", "2026-01-02", "x"), ("b", "abstract", "2026-01-02", "x")], "no page cites `b`"),
        ([("a", "abstract", "2026-01-02", "x")] * 2, "`a` twice"),
        ([("a", "hearsay", "2026-01-02", "x")], "`hearsay` is none of"),
        ([("a", "abstract", "lately", "x")], "no day"),
        ([("a", "abstract", "2026-01-02", " ")], "no claim"),
    ],
)
def test_unread_work_is_found(rows, says):
    names = ("work", "what was read", "checked on", "what it is cited for")
    texts, good = {"x": "So {cite}`a` says."}, ("a", "rule, in part", "2026-01-02", "x")
    assert not guide.claim_problems(texts, [dict(zip(names, good, strict=True))])
    (problem,) = guide.claim_problems(texts, [dict(zip(names, row, strict=True)) for row in rows])
    assert says in problem
