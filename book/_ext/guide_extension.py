"""What the book needs and Jupyter Book does not offer: mathematics without a foreign server, buttons that
wait for the public address, a notebook to download beside every page that runs, the tables of the data
dictionary, examples under the functions, links to the glossary, how each page ran, pages that nobody writes, the
book in one file, and Python in the reader's browser."""

from __future__ import annotations

from importlib.metadata import files
from pathlib import Path
from shutil import copy2

from api_examples import add_example
from browser_python import BrowserPython, bring_python
from data_dictionary import as_markdown
from docutils import nodes
from glossary_links import link_terms
from other_pages import write_pages
from page_frame import (
    CARD,
    add_card,
    empty_script_of_icons,
    leave_out_mathjax,
    put_numbers_under_each_other,
    say_how_it_ran,
)
from single_file import write_single_file
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective

# All of MathJax 3 in one file that draws SVG: no font files, nothing loaded later.
MATHJAX = "tex-svg-full.js"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("record-tables", RecordTables)
    app.add_directive("browser-python", BrowserPython)
    app.add_config_value("moved_pages", {}, "html")
    app.connect("config-inited", use_own_mathjax)
    app.connect("config-inited", add_buttons_that_need_an_address)
    app.connect("builder-inited", copy_mathjax)
    app.connect("builder-inited", copy_card)
    app.connect("builder-inited", bring_python)
    app.connect("autodoc-process-docstring", add_example, priority=600)  # after napoleon
    app.connect("doctree-read", link_terms)
    app.connect("html-page-context", offer_notebook)
    app.connect("html-page-context", call_no_list_what_has_no_items)
    app.connect("html-page-context", put_numbers_under_each_other)
    app.connect("html-page-context", say_how_it_ran)
    app.connect("html-page-context", add_card)
    app.connect("html-page-context", leave_out_mathjax, priority=900)
    app.connect("build-finished", empty_script_of_icons)
    app.connect("build-finished", write_pages)
    app.connect("build-finished", write_single_file)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class RecordTables(SphinxDirective):
    """The tables of a record, from the code, with the meaning of each column from book/data-dictionary.toml."""

    def run(self) -> list[nodes.Node]:
        meanings = Path(self.env.srcdir, "book", "data-dictionary.toml")
        self.env.note_dependency(meanings)
        return self.parse_text_to_nodes(as_markdown(meanings), allow_section_headings=True)


def use_own_mathjax(app: Sphinx, config: Config) -> None:
    config.mathjax_path = MATHJAX


def copy_mathjax(app: Sphinx) -> None:
    """Put MathJax from its PyPI package among the book's own static files."""
    packaged = next(f for f in files("sphinx-mathjax-offline") if f.name == MATHJAX)
    target = Path(app.outdir, "_static", MATHJAX)
    target.parent.mkdir(parents=True, exist_ok=True)
    copy2(packaged.locate(), target)


def copy_card(app: Sphinx) -> None:
    """The picture that others show beside a link to the book."""
    copy2(Path(app.srcdir, CARD), Path(app.outdir, "_static"))


def add_buttons_that_need_an_address(app: Sphinx, config: Config) -> None:
    """Source, Colab and Binder buttons, once `repository.url` in _config.yml says where the project lives.

    Jupyter Book itself stops with an error when a button is asked for and the address is empty.
    """
    options = config.html_theme_options
    if not options.get("repository_url"):
        return
    options["use_repository_button"] = options["use_source_button"] = options["use_issues_button"] = True
    options["launch_buttons"] = {
        "notebook_interface": "jupyterlab",
        "colab_url": "https://colab.research.google.com",
        "binderhub_url": "https://mybinder.org",
    }


def offer_notebook(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Add the page's paired .ipynb to the download button."""
    pair = Path(app.srcdir, f"{pagename}.ipynb")
    if pair.exists():
        target = Path(app.outdir, "_sources", f"{pagename}.ipynb")
        target.parent.mkdir(parents=True, exist_ok=True)
        copy2(pair, target)
        context["ipynb_source"] = f"{pagename}.ipynb"


def call_no_list_what_has_no_items(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """docutils gives a bibliography the role of a list, and its works another role than that of items."""
    body = context.get("body", "")
    context["body"] = body.replace('<div role="list" class="citation-list">', '<div class="citation-list">')
