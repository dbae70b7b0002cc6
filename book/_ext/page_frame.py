"""What stands around the text of each page: when, with what and for how long it ran, how it looks when shared, and
nothing heavy that it does not need."""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime
from html import escape
from os import environ
from pathlib import Path
from time import time

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx

from lhs_helpers import __version__

CARD = "book/images/card.png"
# A cell of a table that pandas wrote, with or without a style, in which a number stands.
NUMBER = re.compile(
    r'<td(?P<id> id="T_[^"]*")?(?: class="[^"]*" )?>(?=\s*(?:[-+]?\d[\d,.e+-]*%?|NaN)\s*</td>)'
)
LONGEST = 200  # letters of a description; those who show cards cut longer ones


def say_how_it_ran(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Below the text: the page's own execution, as the notebook's runner wrote it down; else when it was built."""
    if doctree is None:  # the search and the index have no text
        return
    run = NbMetadataCollector.get_exec_data(app.env, pagename) if pagename in app.env.nb_metadata else None
    context["body"] += f'<p class="lhs-ran">{how_it_ran(run)}</p>\n'


def how_it_ran(run: dict | None) -> str:
    """The sentence below a page, from `mtime` (when it ended) and `runtime` (seconds) of its execution."""
    version = f"version {__version__} of the guide"
    if run is None:
        built = float(environ.get("SOURCE_DATE_EPOCH", time()))
        return f"Built on {_day(built)} from {version}."
    seconds = max(1, round(run["runtime"]))
    return (
        f"Ran on {_day(run['mtime'])} in {seconds} second{'s' * (seconds != 1)}, with {version} "
        f"and Python {platform.python_version()}."
    )


def _day(seconds: float) -> str:
    day = datetime.fromtimestamp(seconds, UTC)
    return f"{day.day} {day:%B %Y}"


def put_numbers_under_each_other(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Columns of numbers are read from the right; the theme sets all cells from the left."""
    if "body" in context:
        context["body"] = NUMBER.sub(r'<td\g<id> class="lhs-number">', context["body"])


def add_card(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document) -> None:
    """Title, description and picture for programs that show a link as a card (Open Graph).

    The picture and the page itself need a whole address; without `html.baseurl` in _config.yml they are left out.
    """
    if doctree is None:
        return
    address = app.config.html_baseurl and app.config.html_baseurl.rstrip("/") + "/"
    title = (
        doctree.next_node(nodes.title).astext() if pagename != app.config.root_doc else app.config.html_title
    )
    told = description(doctree)
    card = {
        "og:type": "website",
        "og:site_name": app.config.html_title,
        "og:title": title,
        "og:description": told,
    }
    if address:
        card["og:url"] = f"{address}{pagename}.html"
        card["og:image"] = f"{address}_static/card.png"
        card["og:image:alt"] = "A ring of three arrows: data, knowledge, practice."
    tags = [f'<meta property="{name}" content="{escape(value)}">' for name, value in card.items()]
    tags.append(f'<meta name="description" content="{escape(told)}">')
    tags.append(f'<meta name="twitter:card" content="summary{"_large_image" * bool(address)}">')
    context["metatags"] = context.get("metatags", "") + "\n".join(tags) + "\n"


def description(doctree: nodes.document) -> str:
    """The first sentences of a page, as many as a card shows."""
    first = next(
        (
            p
            for p in doctree.findall(nodes.paragraph)
            if isinstance(p.parent, (nodes.section, nodes.document))
        ),
        None,
    )
    words = " ".join(first.astext().split()) if first is not None else ""
    if len(words) <= LONGEST:
        return words
    whole = words[:LONGEST].rfind(". ")
    return words[: whole + 1] if whole > LONGEST // 3 else words[:LONGEST].rsplit(" ", 1)[0] + " …"


def leave_out_mathjax(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Two megabytes less on a page without a formula; Sphinx gives them to the first page for the others' sake."""
    if 'class="math ' not in context.get("body", ""):
        files = context["script_files"]
        files[:] = [file for file in files if Path(str(file.filename)).name != app.config.mathjax_path]


def empty_script_of_icons(app: Sphinx, failed: Exception | None) -> None:
    """The theme puts it on every page; the icons come from a font instead (book/_static/icons.css)."""
    script = Path(app.outdir, "_static", "scripts", "fontawesome.js")
    if script.exists() and not failed:
        script.write_text("/* See icons.css. */\n", encoding="utf-8")
