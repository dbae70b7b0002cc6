"""Rules for the pages as they were built. Below each rule stands a case that breaks it."""

from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup

from . import built, glossary
from .conftest import CONFIG, PAIRED, TOC, say

ADDRESS = CONFIG["repository"]["url"]


@pytest.fixture(params=TOC)
def page(request, book):
    """A page of the table of contents: its name and its file."""
    return request.param, book / f"{request.param}.html"


def html(text: str) -> BeautifulSoup:
    return BeautifulSoup(text, "html.parser")


def write(folder, **pages: str):
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


def test_every_image_has_alternative_text(page):
    name, path = page
    say(built.image_problems(name, built.parsed(path)))


@pytest.mark.parametrize("alt", ["", 'alt=""', 'alt=" "', 'alt="../_images/3fa9.png"'])
def test_built_image_without_alternative_text_is_found(alt):
    (problem,) = built.image_problems("x", html(f'<img src="../_images/3fa9.png" {alt}>'))
    assert "3fa9.png has no alternative text" in problem and "plots.figure" in problem
    assert not built.image_problems("x", html('<img src="a.png" alt="Risk rises with age">'))


def test_a_page_has_one_title(page):
    name, path = page
    say(built.heading_problems(name, built.parsed(path)))


@pytest.mark.parametrize("page", PAIRED)
def test_a_page_that_runs_shows_the_number_by_which_others_call_it(page, book):
    title = built.parsed(book / f"notebooks/{page}.html").select_one("article h1").get_text()
    assert title.startswith(f"{int(page[:2])}. ")


def test_second_title_is_found():
    assert not built.heading_problems("x", html("<h1>For print</h1><article><h1>A</h1><h2>B</h2></article>"))
    (problem,) = built.heading_problems("x", html("<article><h1>A</h1><h1>B</h1></article>"))
    assert "2 headings of the first level (A, B)" in problem
    assert built.heading_problems("x", html("<article><h2>B</h2></article>"))


def test_a_page_loads_nothing_from_another_server(book):
    pages = [path for path in book.rglob("*.html") if "_static" not in path.parts]
    say([p for path in pages for p in built.foreign_problems(path.name, built.parsed(path))])
    styles = list(book.rglob("*.css"))
    say(
        [p for path in styles for p in built.stylesheet_problems(path.name, path.read_text(encoding="utf-8"))]
    )


@pytest.mark.parametrize(
    "bad",
    [
        '<script src="https://cdn.org/x.js"></script>',
        '<script src="//cdn.org/x.js"></script>',
        '<link rel="stylesheet" href="https://cdn.org/x.css">',
        '<img alt="a" src="http://cdn.org/x.png">',
        '<iframe src="https://cdn.org/x"></iframe>',
        "<style>@import url('https://cdn.org/x.css')</style>",
    ],
)
def test_foreign_resource_is_found(bad):
    (problem,) = built.foreign_problems("x", html(bad))
    assert "cdn.org/x" in problem and "from another server" in problem


def test_link_to_another_server_is_no_foreign_resource():
    good = '<a href="https://x.org"></a><link rel="canonical" href="https://x.org"><img src="data:image/png;base64,">'
    assert not built.foreign_problems("x", html(good))
    assert built.stylesheet_problems("x", "@font-face { src: url(https://cdn.org/x.woff) }")


def test_a_page_is_light(page):
    name, path = page
    say(built.weight_problems(name, path))


def test_heavy_page_is_found(tmp_path):
    write(tmp_path, light="<img src='a.png'>")
    (tmp_path / "a.png").write_bytes(bytes(1000))
    assert not built.weight_problems("x", tmp_path / "light.html")
    (tmp_path / "a.png").write_bytes(bytes(built.MAX_BYTES))
    (problem,) = built.weight_problems("x", tmp_path / "light.html")
    assert "1.5 MB" in problem and "smaller pictures" in problem


def test_citations_and_references_are_resolved(page):
    name, path = page
    say(built.citation_mark_problems(name, built.parsed(path)))


def test_unresolved_mark_is_found():
    assert not built.citation_mark_problems("x", html("<article>Is it? <code>a ?? b</code></article>"))
    (problem,) = built.citation_mark_problems("x", html("<article>as <span>[??]</span> says</article>"))
    assert "unresolved reference" in problem
    assert built.citation_mark_problems("x", html("<article>as <a>[?]</a> says</article>"))


def test_buttons_that_need_the_public_address_wait_for_it(page):
    name, path = page
    say(built.address_problems(name, built.parsed(path), ADDRESS, runs=name.startswith("notebooks/")))


def test_button_without_address_and_address_without_button_are_found():
    colab = html(
        '<a href="https://colab.research.google.com/github/x/y"></a><a href="https://mybinder.org/v2/x"></a>'
    )
    assert len(built.address_problems("x", colab, "", runs=True)) == 2
    assert not built.address_problems("x", colab, "https://github.com/x/y", runs=True)
    assert not built.address_problems("x", html('<a href="/a.html"></a>'), "", runs=True)
    assert not built.address_problems(
        "x", html('<article><a href="https://mybinder.org"></a></article>'), "", runs=True
    )
    problems = built.address_problems("x", html("<p>"), "https://github.com/x/y", runs=True)
    assert len(problems) == 2 and "no button for colab" in problems[0]
    assert built.address_problems(
        "x", html('<a href="https://github.com/x/y/blob/main/a"></a>'), "", runs=False
    )


def test_links_inside_the_book_resolve(book):
    say(built.link_problems(book, urlsplit(CONFIG["html"]["baseurl"]).path.rstrip("/") + "/"))


def test_dead_link_and_dead_anchor_are_found(tmp_path):
    here, outside = (
        '<a href="b.html#here"></a><a href="#top"></a>',
        '<a href="https://x.org"></a><a href="#"></a>',
    )
    write(tmp_path, a=f'{here}{outside}<p id="top">', b='<h2 id="here">')
    assert not built.link_problems(tmp_path)
    write(tmp_path / "deep", d='<a href="/guide/b.html#here"></a>')
    assert not built.link_problems(tmp_path, "/guide/")
    assert "d.html links to /guide/b.html#here" in built.link_problems(tmp_path)[0]
    (tmp_path / "deep" / "d.html").unlink()
    write(tmp_path, c='<a href="b.html#gone"></a><a href="gone.html"></a><img src="gone.png">')
    problems = built.link_problems(tmp_path)
    assert len(problems) == 3
    assert "c.html links to b.html#gone, and that page has no such place" in problems[0]
    assert "c.html links to gone.html, and there is no such file" in problems[1]


# Glossary


@pytest.fixture(scope="module")
def where(book):
    """The anchor of each name in the glossary."""
    return glossary.places(built.parsed(book / "book" / "glossary.html"))


def test_a_term_that_a_page_uses_is_linked_there(page, where):
    name, path = page
    if name not in ("book/glossary", "book/bibliography"):  # titles of works are not ours
        say(glossary.term_problems(name, built.parsed(path), glossary.TERMS, where))


def test_every_entry_of_the_glossary_is_used(book, where):
    pages = [page for page in TOC if page != "book/glossary"]
    used = set().union(*(glossary.links_to(built.parsed(book / f"{page}.html")) for page in pages))
    idle = [names[0] for names in glossary.NAMES if not used & {where[name] for name in names}]
    say([f"book/glossary.md: no page uses {name}; use it, or remove the entry" for name in idle])


def test_term_without_a_link_is_found():
    where, terms = {"AUROC": "term-AUROC", "index date": "term-index-date"}, [("AUROC",), ("index date",)]
    said = "<article><h1>AUROC</h1><p>By its index\ndates and <code>AUROC</code>{}</p></article>"
    (problem,) = glossary.term_problems("x", html(said.format("")), terms, where)
    assert "uses index date" in problem
    linked = said.format('<a href="../book/glossary.html#term-index-date">index date</a>')
    assert not glossary.term_problems("x", html(linked), terms, where)
    assert len(glossary.term_problems("x", html(said.format(". AUROC")), terms, where)) == 2
