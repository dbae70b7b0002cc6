"""Every page for readers who see no page or use no mouse: rules of axe-core, and the Tab key, in headless Chromium."""

import pytest

from . import accessibility
from .conftest import SCREEN, TOC, say


@pytest.mark.parametrize("name", [*TOC, "search", "genindex", "404"])
def test_nothing_serious_stands_in_the_way_of_a_reader_who_does_not_see_the_page(name, book, serve, browser):
    if not accessibility.axe():
        pytest.skip("axe-core-python is not installed (make book), so no page was tested for accessibility")
    browser.resize(SCREEN)
    browser.visit(f"{serve(book)}/{name}.html")
    say(accessibility.axe_problems(browser, name))


BY_KEYBOARD = ["book/welcome", "book/try", "book/getting-started/readiness", "book/examples", "search"]


@pytest.mark.parametrize(
    "name", [*BY_KEYBOARD, *[page for page in TOC if page.startswith("notebooks/0")][:2]]
)
def test_the_tab_key_reaches_everything(name, book, serve, browser):
    browser.resize(SCREEN)
    browser.visit(f"{serve(book)}/{name}.html")
    say(accessibility.keyboard_problems(browser, name))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ('<p style="color: #bbb; background: #fff">faint</p>', "color-contrast"),
        ('<label>a</label><input type="checkbox">', "label"),
        ('<img alt="" src="data:,"><a href="x.html"></a>', "link-name"),
    ],
)
def test_what_stands_in_the_way_is_found(opened, browser, bad, says):
    if not accessibility.axe():
        pytest.skip("axe-core-python is not installed (make book)")
    opened(bad)
    assert any(says in problem for problem in accessibility.axe_problems(browser, "x"))


def test_colours_that_only_the_dark_theme_has_are_found(opened, browser):
    if not accessibility.axe():
        pytest.skip("axe-core-python is not installed (make book)")
    opened(
        "<style>html { background: #fff } [data-theme=dark] p { color: #ccc }</style><p>faint in the dark</p>"
    )
    contrast = [p for p in accessibility.axe_problems(browser, "x") if "color-contrast" in p]
    assert len(contrast) == 1 and contrast[0].startswith("x, dark")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ('<button tabindex="-1">Open</button><a href="x.html">a</a>', "<button> Open can not be reached"),
        (
            '<a href="#" onfocus="this.blur(); b.focus()">first</a><button id="b" onkeydown="event.preventDefault()">'
            "trap</button><a href='#x'>after</a>",
            "does not come to <a> after",
        ),
    ],
)
def test_what_the_tab_key_does_not_reach_is_found(opened, browser, bad, says):
    opened(bad)
    assert any(says in problem for problem in accessibility.keyboard_problems(browser, "x"))


def test_a_page_that_the_tab_key_walks_through_has_no_problems(opened, browser):
    opened(
        '<a href="#">a</a><button>b</button><input type="radio" name="r"><input type="radio" name="r"><hr hidden>'
    )
    assert not accessibility.keyboard_problems(browser, "x")
