"""Rules for what the authors write. Each returns what is wrong, as sentences that say what to do."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import jupytext
import yaml

CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
MARKDOWN_IMAGE = re.compile(r"!\[\s*\]\(([^)]*)\)")
HTML_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
DIRECTIVE = re.compile(r"^ *([`:]{3,})\{(?:figure|image)\} *(\S*)\n(.*?)^ *\1", re.MULTILINE | re.DOTALL)
ALT_OPTION = re.compile(r"^ *:?alt: *\S", re.MULTILINE)
FENCED = re.compile(r"^ *(`{3,})(\{)?.*?^ *\1 *$", re.MULTILINE | re.DOTALL)
ENDING = ("What we have seen", "Limits", "What next")
NOT_FOR_CARE = re.compile(r"\bno(t|thing)?\b[^.]{0,60}?\bfor\s+care\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Cell:
    kind: str
    source: str
    tags: tuple[str, ...] = ()


def cells(text: str, form: str) -> list[Cell]:
    """The cells of a notebook; `form` is "py:percent" or "ipynb"."""
    found = jupytext.reads(text, fmt=form).cells
    return [Cell(c.cell_type, c.source.rstrip(), tuple(c.metadata.get("tags", ()))) for c in found]


def markdown_of(path: Path) -> str:
    """The prose of a page: all of a .md file, the markdown cells of a .py."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    return "\n\n".join(c.source for c in cells(text, "py:percent") if c.kind == "markdown")


def pair_problems(name: str, page: str, notebook: str) -> list[str]:
    """Where the .ipynb of a pair says something else than the .py."""
    remedy = f"Edit notebooks/{name}.py, then run: make pairs"
    ours, theirs = cells(page, "py:percent"), cells(notebook, "ipynb")
    for number, (wanted, found) in enumerate(zip(ours, theirs, strict=False), start=1):
        if wanted != found:
            return [f"notebooks/{name}.ipynb: cell {number} differs from the page. {remedy}"]
    if len(ours) != len(theirs):
        return [f"notebooks/{name}.ipynb has {len(theirs)} cells, the page has {len(ours)}. {remedy}"]
    return []


def stored_output_problems(name: str, notebook: str) -> list[str]:
    """Outputs or execution counts that were saved in a notebook."""
    return [
        f"notebooks/{name}.ipynb: cell {number} stores outputs or an execution count; run: make pairs"
        for number, cell in enumerate(json.loads(notebook)["cells"], start=1)
        if cell.get("outputs") or cell.get("execution_count") is not None
    ]


def toc_entries(toc: str) -> list[str]:
    """Every page that _toc.yml names, in its order."""

    def walk(node: object) -> Iterable[str]:
        if isinstance(node, list):
            for part in node:
                yield from walk(part)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in ("root", "file"):
                    yield re.sub(r"\.(md|py|ipynb)$", "", value)
                else:
                    yield from walk(value)

    return list(walk(yaml.safe_load(toc)))


def toc_problems(entries: list[str], pages: set[str]) -> list[str]:
    """Pages that are not in the table of contents, entries without a page, entries named twice."""
    missing = [
        f"{page} is not in _toc.yml; add it as `- file: {page}`" for page in sorted(pages - set(entries))
    ]
    dead = [
        f"_toc.yml names {entry}, and no such page exists; write it or remove the line"
        for entry in sorted(set(entries) - pages)
    ]
    twice = [
        f"_toc.yml names {e} twice; remove one" for e in sorted({e for e in entries if entries.count(e) > 1})
    ]
    return missing + dead + twice


def markdown_image_problems(name: str, text: str) -> list[str]:
    """Images in prose without alternative text."""
    text = _without_code(text)
    bare = MARKDOWN_IMAGE.findall(text)
    bare += [tag for tag in HTML_IMAGE.findall(text) if not re.search(r"""\balt=["'][^"']*\w""", tag)]
    bare += [target for _, target, body in DIRECTIVE.findall(text) if not ALT_OPTION.search(body)]
    return [
        f"{name}: the image {image} has no alternative text; say in words what it shows" for image in bare
    ]


def figure_call_problems(name: str, page: str) -> list[str]:
    """Figures in code without alternative text or caption, or shown by something that has no place for it."""
    problems = []
    for node in ast.walk(ast.parse(page)):
        if not isinstance(node, ast.Call):
            continue
        called, where = ast.unparse(node.func), f"{name}, line {node.lineno}"
        if re.fullmatch(r"(plt|fig\w*)\.show", called):
            problems.append(
                f"{where}: {called} has no place for alternative text; use plots.figure(fig, alt=, caption=)"
            )
        elif called in ("plots.figure", "figure"):
            given = dict(zip(("fig", "alt", "caption"), node.args, strict=False))
            given |= {keyword.arg: keyword.value for keyword in node.keywords}
            for part in ("alt", "caption"):
                if not _says_something(given.get(part)):
                    problems.append(
                        f"{where}: plots.figure has no {part}; say in a sentence what the figure shows"
                    )
    return problems


def _says_something(value: ast.expr | None) -> bool:
    """Four words at least; a text that is put together when the page runs is tested by `plots.figure`."""
    if value is None:
        return False
    if isinstance(value, ast.Constant):
        return len(str(value.value or "").split()) >= 4
    return True


def _without_code(text: str) -> str:
    """A text without its blocks of code; directives, which are fenced in the same way, stay."""
    return FENCED.sub(lambda block: block.group(0) if block.group(2) else "", text)


def cited(text: str) -> set[str]:
    """The keys that a text cites."""
    return {key.strip() for keys in CITE.findall(_without_code(text)) for key in keys.split(",")}


def citation_problems(texts: dict[str, str], works: dict[str, dict[str, str]]) -> list[str]:
    """Keys without an entry, entries nobody cites, entries with neither DOI nor address.

    `texts` maps pages to their prose, `works` keys of references.bib to fields.
    """
    bib = "book/references.bib"
    dead = [
        f"{page} cites `{key}`, which {bib} does not hold; add the entry or correct the key"
        for page, text in texts.items()
        for key in sorted(cited(text) - set(works))
    ]
    used = {key for text in texts.values() for key in cited(text)}
    idle = [f"{bib}: no page cites `{key}`; cite it or remove the entry" for key in sorted(set(works) - used)]
    nowhere = [
        f"{bib}: `{key}` has no doi and no url; add one, so that a reader can find the work"
        for key, fields in works.items()
        if not {"doi", "url"} & {field.lower() for field, value in fields.items() if value.strip()}
    ]
    return dead + idle + nowhere


def required_part_problems(name: str, prose: str) -> list[str]:
    """What every page that runs must have: its ending, two exercises with solutions, the warning."""
    problems = []
    for part in ENDING:
        if not re.search(rf"^##+ {part}", prose, re.MULTILINE):
            problems.append(
                f"{name} has no section `## {part}`; every page that runs ends with {', '.join(ENDING)}"
            )
    exercises = set(
        re.findall(r"\{exercise(?:-start)?\}[^\n]*\n(?: *:(?!label)[^\n]*\n)* *:label: *(\S+)", prose)
    )
    solved = set(re.findall(r"\{solution(?:-start)?\} +(\S+)", prose))
    if len(exercises) < 2:
        problems.append(f"{name} has {len(exercises)} labelled exercises; write at least two")
    problems += [f"{name}: exercise {label} has no solution; add one" for label in sorted(exercises - solved)]
    if not NOT_FOR_CARE.search(prose):
        problems.append(f"{name} does not warn that no model here is for care; add the sentence")
    return problems
