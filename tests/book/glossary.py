"""Rules for the glossary, read from the built pages. Each returns what is wrong, as sentences."""

from __future__ import annotations

import sys

from bs4 import BeautifulSoup

from .conftest import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
from glossary_links import entries, looked_for, pattern

TERMS = looked_for(ROOT / "book" / "glossary.md")
NAMES = entries(ROOT / "book" / "glossary.md")
NOT_PROSE = ["pre", "code", "script", "style", "h1", "h2", "h3", "h4", "dt", "a", "mjx-container"]


def places(glossary: BeautifulSoup) -> dict[str, str]:
    """The anchor of each name in the built glossary."""
    return {
        dt.get_text().strip().rstrip("#¶").strip(): dt["id"] for dt in glossary.select("dl.glossary dt[id]")
    }


def links_to(page: BeautifulSoup) -> set[str]:
    """The anchors of the glossary to which a page links."""
    hrefs = {a["href"] for a in page.select("article a[href]")}
    return {href.partition("glossary.html#")[2] for href in hrefs if "glossary.html#term-" in href}


def term_problems(
    name: str, page: BeautifulSoup, terms: list[tuple[str, ...]], where: dict[str, str]
) -> list[str]:
    """Terms that the prose of a page uses and that it links nowhere."""
    linked = links_to(page)
    body = BeautifulSoup(str(page.find("article")), "html.parser")
    for tag in body.find_all(NOT_PROSE):
        tag.replace_with(" ¦ ")
    prose = " ¦ ".join(p.get_text() for p in body.find_all("p"))
    return [
        f"{name} uses {names[0]} and does not link it to the glossary; write {{term}}`{names[0]}` at its first use"
        for names in terms
        if not linked & {where[n] for n in names} and any(pattern(n).search(prose) for n in names)
    ]
