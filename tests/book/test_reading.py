"""What stands around the text and beside the pages. Below each rule stands a case that breaks it."""

import importlib.util
import sys
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.errors import ConfigError

from lhs_helpers import __version__

from . import built, reading
from .browser import NotFoundServer
from .conftest import CONFIG, ROOT, TOC, say

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import other_pages
import page_frame
import single_file

BASE = CONFIG["html"]["baseurl"]
MOVED = CONFIG["sphinx"]["config"]["moved_pages"]


def html(text: str) -> BeautifulSoup:
    return BeautifulSoup(text, "html.parser")


def script(name: str):
    """A script of book/images, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "book" / "images" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# When, with what and for how long


@pytest.mark.parametrize("name", TOC)
def test_a_page_says_when_with_which_version_and_how_long_it_ran(name, book):
    page = built.parsed(book / f"{name}.html")
    say(reading.ran_problems(name, page, __version__, runs=name.startswith("notebooks/")))


RAN = f"Ran on 1 May 2026 in 12 seconds, with version {__version__} of the guide and Python 3.12.1."


@pytest.mark.parametrize(
    "bad",
    [
        "",
        RAN.replace("in 12 seconds", "quickly"),
        RAN.replace(__version__, "0.0.1"),
        RAN.replace("1 May ", ""),
    ],
)
def test_page_that_does_not_say_how_it_ran_is_found(bad):
    line = '<article><p class="lhs-ran">{}</p></article>'
    assert not reading.ran_problems("x", html(line.format(RAN)), __version__, runs=True)
    assert reading.ran_problems("x", html(line.format(bad)), __version__, runs=True)
    assert reading.ran_problems("x", html(line.format(RAN)), __version__, runs=False)


def test_the_line_is_of_the_run_itself(monkeypatch):
    told = page_frame.how_it_ran({"mtime": 1767268800.0, "runtime": 61.4})
    assert told.startswith("Ran on 1 January 2026 in 61 seconds, with")
    assert " in 1 second, " in page_frame.how_it_ran({"mtime": 1767268800.0, "runtime": 0.2})
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767268800")
    assert page_frame.how_it_ran(None) == f"Built on 1 January 2026 from version {__version__} of the guide."


# Tables


@pytest.mark.parametrize(
    ("cell", "is_number"),
    [
        ("<td>12,345</td>", True),
        ("<td>-0.5%</td>", True),
        ('<td id="T_1_row0_col1" class="data row0 col1" >68,094</td>', True),
        ("<td>lung cancer</td>", False),
        ("<td>0.8 (0.7 to 0.9)</td>", False),
        ("<td><p>12</p></td>", False),
    ],
)
def test_numbers_stand_under_each_other_and_words_do_not(cell, is_number):
    context = {"body": cell}
    page_frame.put_numbers_under_each_other(None, "x", "page.html", context, None)
    assert ("lhs-number" in context["body"]) == is_number
    assert html(context["body"]).td.get_text() == html(cell).td.get_text()


# The card


@pytest.mark.parametrize("name", TOC)
def test_a_page_has_what_a_card_shows(name, book):
    say(reading.card_problems(name, built.parsed(book / f"{name}.html"), BASE))


def tagged(address: str) -> BeautifulSoup:
    document = nodes.document("", "")
    document += nodes.section(
        "", nodes.title("", "A <page>"), nodes.paragraph("", "One sentence. " + "word " * 60)
    )
    config = SimpleNamespace(html_baseurl=address, html_title="Guide", root_doc="welcome")
    context = {}
    page_frame.add_card(SimpleNamespace(config=config), "book/x", "page.html", context, document)
    return html(context["metatags"])


def test_card_is_whole_with_an_address_and_honest_without():
    whole = tagged("https://x.org/guide")
    assert not reading.card_problems("x", whole, "https://x.org/guide/")
    assert whole.find(property="og:title")["content"] == "A <page>"
    assert whole.find(property="og:image")["content"] == "https://x.org/guide/_static/card.png"
    assert len(whole.find(property="og:description")["content"]) <= page_frame.LONGEST + 2
    assert not reading.card_problems("x", tagged(""), "")
    assert len(reading.card_problems("x", tagged(""), "https://x.org/")) == 3
    assert len(reading.card_problems("x", whole, "")) == 3
    assert len(reading.card_problems("x", whole, "https://y.org/")) == 2


def test_picture_of_the_card_is_the_one_its_script_draws(tmp_path):
    kept = ROOT / "book" / "images" / "card.png"
    script("card").draw(tmp_path / "card.png")
    ours, drawn = (matplotlib.image.imread(path)[..., :3] for path in (kept, tmp_path / "card.png"))
    assert ours.shape == drawn.shape == (630, 1200, 3) and kept.stat().st_size < 100_000
    assert np.abs(ours - drawn).mean() < 0.002, "run: python book/images/card.py"


# The picture on the first page


def test_picture_of_a_record_is_the_one_its_script_draws_and_its_caption_says_the_same():
    drawer = script("patient")
    patient = drawer.Patient()
    kept = (ROOT / "book" / "images" / "patient.svg").read_text(encoding="utf-8")
    assert kept == drawer.drawing(patient), "run: python book/images/patient.py"
    welcome = " ".join((ROOT / "book" / "welcome.md").read_text(encoding="utf-8").split())
    assert f":alt: {drawer.alt(patient)}" in welcome
    assert f"began in {patient.began:%B %Y} and was found in {patient.found:%B %Y}" in welcome
    assert (
        f"In these {patient.months_unseen} months the person was seen {patient.visits_unseen} times"
        in welcome
    )


# Addresses that lead elsewhere, or nowhere


@pytest.mark.parametrize("address", MOVED)
def test_a_short_or_former_address_leads_to_its_page(address, book, serve, browser):
    browser.visit(f"{serve(book)}/{address}.html#here")
    assert browser.ask("location.pathname + location.hash") == f"/{MOVED[address]}.html#here"


def test_address_that_can_not_lead_anywhere_stops_the_build(tmp_path):
    config = SimpleNamespace(
        html_title="x", html_favicon="f.svg", root_doc="a", html_baseurl="", moved_pages={}
    )
    env, builder = SimpleNamespace(found_docs={"a", "b/c"}), SimpleNamespace(format="html")
    app = SimpleNamespace(config=config, env=env, builder=builder, outdir=tmp_path)
    config.moved_pages = {"old/place": "b/c"}
    other_pages.write_pages(app, None)
    assert 'url=../b/c.html"' in (tmp_path / "old" / "place.html").read_text(encoding="utf-8")
    for bad in ({"old": "gone"}, {"b/c": "a"}):
        config.moved_pages = bad
        with pytest.raises(ConfigError, match="moved_pages"):
            other_pages.write_pages(app, None)


@pytest.mark.parametrize("depth", ["gone.html", "notebooks/gone.html", "a/b/c/d"])
def test_an_address_that_leads_nowhere_shows_a_page_that_leads_back(depth, book, browser):
    server = NotFoundServer(book)
    try:
        problems = browser.visit(f"{server.address}/{depth}")
        assert [p for p in problems if f"/{depth}" not in p] == []
        assert browser.ask("document.querySelector('h1').textContent") == "No such page"
        leads = browser.ask("[...document.links].map(link => link.href).concat(document.forms[0].action)")
        assert len(leads) == 2
        for lead in leads:
            assert browser.ask(f"fetch({lead!r}).then(answer => answer.status)") == 200
    finally:
        server.close()


def test_links_of_that_page_begin_at_the_root_of_the_book():
    given = {"first": "book/welcome.html", "title": "Guide", "favicon": "f.svg"}
    page = html(other_pages.nowhere("https://x.github.io/guide/", **given))
    assert page.a["href"] == "/guide/book/welcome.html" and page.form["action"] == "/guide/search.html"
    assert html(other_pages.nowhere("", **given)).a["href"] == "/book/welcome.html"


# One file


def test_the_single_file_holds_all_pages_and_needs_nothing_beside_it(book):
    pictures = sum(len(built.parsed(book / f"{name}.html").select("article img")) for name in TOC)
    say(reading.single_file_problems(built.parsed(book / single_file.NAME), pictures, TOC))
    assert (book / single_file.NAME).stat().st_size < 25e6
    assert built.parsed(book / "book" / "welcome.html").select(f'article a[href$="{single_file.NAME}"]')


def test_the_single_file_opens_alone(book, tmp_path, serve, browser):
    (tmp_path / "guide.html").write_bytes((book / single_file.NAME).read_bytes())
    browser.resize(1280)
    say(browser.visit(f"{serve(tmp_path)}/guide.html"))
    formulas = browser.ask("document.querySelectorAll('.math').length")
    assert browser.ask("document.querySelectorAll('.math mjx-container').length") == formulas > 5
    assert browser.ask("[...document.images].every(image => image.complete && image.naturalWidth)")


PAGE = """<html><body><nav>menu</nav><article><section id="top"><h1>{title}<a class="headerlink" href="#top">#</a></h1>
{body}</section></article></body></html>"""


@pytest.fixture
def two_pages(tmp_path):
    (tmp_path / "_static").mkdir()
    (tmp_path / "_downloads").mkdir()
    (tmp_path / "_static" / "pygments.css").write_text('html[data-theme="light"] .k { color: red }')
    (tmp_path / "_downloads" / "form.md").write_text("fill me")
    (tmp_path / "a.svg").write_text("<svg/>")
    first = (
        '<img alt="a" src="a.svg"><a href="b.html#top">b</a><a href="_downloads/form.md">form</a>'
        '<a href="genindex.html">index</a><a href="https://x.org">x</a><div class="dropdown solution">'
        '<p class="admonition-title">Solution</p><p id="in">42</p></div><a href="#in">in</a><script>bad()</script>'
    )
    for name, body in (("a", first), ("b", "<p>second</p>")):
        (tmp_path / f"{name}.html").write_text(PAGE.format(title=name, body=body))
    return html(single_file.single_file(tmp_path, {"": ["a", "b"]}, "Guide"))


def test_links_files_pictures_and_folds_come_along(two_pages):
    assert not reading.single_file_problems(two_pages, 1, ["a", "b"])
    links = {a.get_text(): a.get("href") for a in two_pages.select("article a")}
    assert links["b"] == "#b--top" and two_pages.find(id="b--top")
    assert links["form"].startswith("data:") and links["index"] is None and links["x"] == "https://x.org"
    assert links["in"] == "#a--in" and two_pages.find(id="a--in").get_text() == "42"
    assert two_pages.details.summary.get_text() == "Solution" and "42" in two_pages.details.get_text()
    assert not two_pages.select("script, nav nav, .headerlink")
    assert [h.get_text() for h in two_pages.select("article h2")] == ["a", "b"]


def test_single_file_that_is_not_whole_is_found(two_pages):
    assert reading.single_file_problems(two_pages, 1, ["a", "c"]) == ["the single file lacks c"]
    assert "shows 1 pictures, the pages 2" in reading.single_file_problems(two_pages, 2, ["a"])[0]
    for bad in ('<img src="b.png">', '<link href="https://x.org/a.css">', '<a href="c.html">c</a>'):
        assert len(reading.single_file_problems(html(bad), bad.count("<img"), [])) == 1
