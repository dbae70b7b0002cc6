"""The first time a page uses a term of the glossary, the word becomes a link to it, where its author made none."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

GLOSSARY = "book/glossary"
# Words that prose also uses in their everyday sense; their authors link them where they are meant as terms.
EVERYDAY = {
    *("accuracy", "drift", "gap", "hazard", "label", "precision", "recall", "release", "seed", "shard"),
    *("ceiling", "instability", "interval", "sensitivity", "threshold"),
}
ENTRY = re.compile(r"(?:^(?! )\S.*\n)+(?=^  \S)", re.MULTILINE)
NOT_PROSE = (
    nodes.title,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.raw,
    nodes.math,
    nodes.term,
    nodes.rubric,
    addnodes.pending_xref,
    addnodes.desc_signature,
    addnodes.download_reference,
)


@cache
def entries(glossary: Path) -> tuple[tuple[str, ...], ...]:
    """The entries of the glossary, each with all of its names."""
    block = re.search(
        r"```\{glossary\}\n(.*?)^```", glossary.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return tuple(tuple(found[0].strip().splitlines()) for found in ENTRY.finditer(block[1]))


def pattern(name: str) -> re.Pattern:
    """Where a text uses a name: whole words, with or without a plural s. Names in capitals are no ordinary words."""
    words = r"\s+".join(map(re.escape, name.split()))
    return re.compile(
        rf"(?<![\w-]){words}s?(?![\w-])",
        0 if name.isupper() or name[1:].lower() != name[1:] else re.IGNORECASE,
    )


def looked_for(glossary: Path) -> list[tuple[str, ...]]:
    """Entries that are linked without being asked for; of two that begin alike the longer comes first."""
    kept = [tuple(n for n in names if n not in EVERYDAY) for names in entries(glossary)]
    return sorted(filter(None, kept), key=lambda names: -max(map(len, names)))


def link_terms(app: Sphinx, doctree: nodes.document) -> None:
    """Link each entry once, at its first use in the page's prose."""
    page = app.env.docname
    if page == GLOSSARY:
        return
    linked = {
        " ".join(node["reftarget"].lower().split())
        for node in doctree.findall(addnodes.pending_xref)
        if node.get("reftype") == "term"
    }
    for names in looked_for(Path(app.srcdir, f"{GLOSSARY}.md")):
        if not linked & {name.lower() for name in names}:
            _link_first(doctree, page, names)


def _link_first(doctree: nodes.document, page: str, names: tuple[str, ...]) -> None:
    for text in doctree.findall(nodes.Text):
        if not _is_prose(text):
            continue
        for name in names:
            found = pattern(name).search(text.astext())
            if found:
                _replace(text, found, page, name)
                return


def _is_prose(text: nodes.Text) -> bool:
    parent = text.parent
    in_paragraph = False
    while parent is not None:
        if isinstance(parent, NOT_PROSE):
            return False
        in_paragraph = in_paragraph or isinstance(parent, nodes.paragraph)
        parent = parent.parent
    return in_paragraph


def _replace(text: nodes.Text, found: re.Match, page: str, name: str) -> None:
    whole = text.astext()
    link = addnodes.pending_xref(
        "", refdomain="std", reftype="term", reftarget=name, refexplicit=True, refwarn=True, refdoc=page
    )
    link += nodes.inline(found[0], found[0], classes=["xref", "std", "std-term"])
    around = [nodes.Text(whole[: found.start()]), link, nodes.Text(whole[found.end() :])]
    text.parent.replace(text, [node for node in around if not isinstance(node, nodes.Text) or node.astext()])
