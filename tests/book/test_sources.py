"""Rules for what the authors write. Below each rule stands a case that breaks it."""

import jupytext
import nbformat
import pytest
from pybtex.database import BibliographyData, parse_file, parse_string

from . import sources
from .conftest import PAIRED, ROOT, TOC, WRITTEN, say, source_of

PAGE = "# %% [markdown]\n# # A title\n\n# %%\n1 + 1\n"


def notebook(page: str) -> str:
    return jupytext.writes(jupytext.reads(page, fmt="py:percent"), fmt="ipynb")


def read(path) -> str:
    return path.read_text(encoding="utf-8")


def fields(works: BibliographyData) -> dict[str, dict[str, str]]:
    return {key: dict(entry.fields) for key, entry in works.entries.items()}


# Pairs


@pytest.mark.parametrize("name", PAIRED)
def test_a_notebook_says_what_its_page_says(name):
    path = ROOT / "notebooks" / f"{name}.ipynb"
    if not path.exists():
        say([f"notebooks/{name}.py has no .ipynb beside it; run: make pairs"])
    say(sources.pair_problems(name, read(path.with_suffix(".py")), read(path)))


def test_no_notebook_is_without_its_page():
    alone = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} - set(PAIRED)
    say(
        [
            f"notebooks/{name}.ipynb has no .py beside it; delete it, or write the page"
            for name in sorted(alone)
        ]
    )


def test_pair_out_of_step_is_found():
    assert not sources.pair_problems("x", PAGE, notebook(PAGE))
    (problem,) = sources.pair_problems("x", PAGE.replace("1 + 1", "1 + 2"), notebook(PAGE))
    assert "cell 2" in problem and "make pairs" in problem
    (problem,) = sources.pair_problems("x", PAGE + "\n# %%\n3\n", notebook(PAGE))
    assert "2 cells" in problem and "make pairs" in problem
    assert sources.pair_problems("x", PAGE, notebook(PAGE.replace("# %%\n", '# %% tags=["hide-input"]\n')))


# Stored outputs


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_notebook_stores_what_the_build_makes(path):
    say(sources.stored_output_problems(path.stem, read(path)))


def test_stored_output_is_found():
    page = jupytext.reads(PAGE, fmt="py:percent")
    assert not sources.stored_output_problems("x", jupytext.writes(page, fmt="ipynb"))
    page.cells[1].execution_count = 1
    (problem,) = sources.stored_output_problems("x", jupytext.writes(page, fmt="ipynb"))
    assert "cell 2" in problem and "make pairs" in problem
    page.cells[1].update(execution_count=None, outputs=[nbformat.v4.new_output("stream", text="2")])
    assert sources.stored_output_problems("x", jupytext.writes(page, fmt="ipynb"))


# Table of contents


def test_table_of_contents_and_pages_agree():
    prose = {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for path in (ROOT / "book").rglob("*.md")
        if path.parent.name != "templates"
    }
    say(sources.toc_problems(TOC, prose | {f"notebooks/{name}" for name in PAIRED}))


def test_page_outside_the_table_of_contents_is_found():
    toc = (
        "root: book/a\nparts:\n- chapters:\n  - file: book/b.md\n    sections:\n    - file: notebooks/01-c\n"
    )
    pages = {"book/a", "book/b", "notebooks/01-c"}
    entries = sources.toc_entries(toc)
    assert not sources.toc_problems(entries, pages)
    (problem,) = sources.toc_problems(entries, pages | {"book/forgotten"})
    assert "book/forgotten is not in _toc.yml; add it" in problem
    (problem,) = sources.toc_problems(entries, pages - {"notebooks/01-c"})
    assert "names notebooks/01-c, and no such page exists" in problem
    assert sources.toc_problems([*entries, "book/a"], pages)


# Alternative text


@pytest.mark.parametrize("page", WRITTEN)
def test_every_figure_is_described_in_words(page):
    path = source_of(page)
    problems = sources.markdown_image_problems(page, sources.markdown_of(path))
    if path.suffix == ".py":
        problems += sources.figure_call_problems(page, read(path))
    say(problems)


@pytest.mark.parametrize(
    "bad",
    [
        "![](cycle.png)",
        '<img src="cycle.png">',
        '<img src="cycle.png" alt="">',
        "```{figure} cycle.png\n:name: cycle\n\nA caption\n```",
        "```{image} cycle.png\n:alt:\n```",
        ":::{figure} cycle.png\nA caption\n:::",
    ],
)
def test_image_without_alternative_text_is_found(bad):
    (problem,) = sources.markdown_image_problems("book/x", f"Before.\n\n{bad}\n\nAfter.\n")
    assert "cycle.png" in problem and "no alternative text" in problem


@pytest.mark.parametrize(
    "good",
    [
        "![Three arrows in a ring](cycle.png)",
        '<img src="cycle.png" alt="Three arrows in a ring">',
        "```{figure} cycle.png\n:name: cycle\n:alt: Three arrows in a ring\n\nA caption\n```",
        "```\n![](an example in code)\n```",
    ],
)
def test_described_image_is_accepted(good):
    assert not sources.markdown_image_problems("book/x", f"Before.\n\n{good}\n\nAfter.\n")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("plots.figure(fig)", "no alt"),
        ('plots.figure(fig, caption="The model gets better each year")', "no alt"),
        ('plots.figure(fig, alt="", caption="The model gets better each year")', "no alt"),
        ('plots.figure(fig, alt="A figure", caption="The model gets better each year")', "no alt"),
        ('plots.figure(fig, alt="Lines that rise over five cycles")', "no caption"),
        ("plt.show()", "no place for alternative text"),
    ],
)
def test_figure_without_description_is_found(bad, says):
    problem, *_ = sources.figure_call_problems("notebooks/x", f"import x\n\n{bad}\n")
    assert "line 3" in problem and says in problem


def test_described_figure_is_accepted():
    good = 'plots.figure(fig, f"Lines that rise to {x}, over cycles", caption="It gets better each year")'
    assert not sources.figure_call_problems("notebooks/x", f"plt.figure()\n{good}\nquery.show()\n")


# Citations


def test_citations_resolve_and_every_work_is_cited_and_can_be_found():
    prose = {page: sources.markdown_of(source_of(page)) for page in WRITTEN}
    say(sources.citation_problems(prose, fields(parse_file(ROOT / "book" / "references.bib"))))


def test_dead_citation_idle_work_and_work_without_address_are_found():
    works = fields(
        parse_string("@misc{a, title={A}, doi={10.1/a}}\n@misc{b, title={B}, url={https://b.org}}", "bibtex")
    )
    said = "As {cite}`a` and {cite:t}`a, b` say.\n\n```\n{cite}`an example in code`\n```\n"
    assert not sources.citation_problems({"book/x": said}, works)
    after = "```{warning}\nCare.\n```\n\n{cite}`a, b`\n\n```\ncode\n```\n"
    assert not sources.citation_problems({"book/x": after}, works)
    (problem,) = sources.citation_problems({"book/x": said + "{cite:p}`dead2020`"}, works)
    assert "book/x cites `dead2020`" in problem and "add the entry or correct the key" in problem
    (problem,) = sources.citation_problems({"book/x": "{cite}`a`"}, works)
    assert "no page cites `b`" in problem
    (problem,) = sources.citation_problems({"book/x": said}, works | {"b": {"title": "B", "doi": " "}})
    assert "`b` has no doi and no url" in problem


# The parts of a page that runs


@pytest.mark.parametrize("name", PAIRED)
def test_a_page_that_runs_has_its_parts(name):
    path = ROOT / "notebooks" / f"{name}.py"
    say(sources.required_part_problems(f"notebooks/{name}", sources.markdown_of(path)))


COMPLETE = """
# A page
Synthetic patients are for learning; no model here is for care.

```{exercise-start}
:label: one
```
```{exercise} With a title
:class: tip
:label: two
```
```{solution-start} one
```
```{solution} two
```
## What we have seen
## Limits
## What next
"""


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("## What we have seen", "no section `## What we have seen`"),
        ("## Limits", "no section `## Limits`"),
        ("## What next", "no section `## What next`"),
        ("```{exercise-start}\n:label: one\n", "has 1 labelled exercises"),
        ("```{solution} two", "exercise two has no solution"),
        ("no model here is for care", "does not warn"),
    ],
)
def test_missing_part_is_found(part, says):
    assert not sources.required_part_problems("notebooks/x", COMPLETE)
    problems = sources.required_part_problems("notebooks/x", COMPLETE.replace(part, ""))
    assert any(says in problem for problem in problems)
