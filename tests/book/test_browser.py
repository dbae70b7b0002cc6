"""Every page as a reader opens it, in headless Chromium, on a screen and on a phone."""

import csv

import pytest

from .conftest import ROOT, SCREEN, TOC, say

PHONE = 390

# Elements beyond the right edge that no box around them lets a reader scroll to; the deepest ones say most.
TOO_WIDE = """[...document.querySelectorAll('main *, article *')].filter(e => {
    if (!e.checkVisibility() || e.children.length) return false
    for (let box = e.parentElement; box; box = box.parentElement)
        if (['auto', 'scroll'].includes(getComputedStyle(box).overflowX)) return false
    const place = e.getBoundingClientRect()
    return place.width > 1 && place.height > 1 && place.right > document.documentElement.clientWidth + 1
}).slice(0, 3).map(e => `<${e.localName} class="${e.getAttribute('class') ?? ''}"> ` + e.textContent.slice(0, 40))"""

# Pictures that are not drawn; one in a closed box waits for the reader to open it.
NOT_SEEN = """Promise.all([...document.querySelectorAll('article img')]
    .filter(i => !i.closest('details:not([open]), .toggle-hidden'))
    .map(async i => {
        await i.decode().catch(() => null)
        const seen = i.naturalWidth && i.checkVisibility() && i.getBoundingClientRect().width > 20
        return seen ? null : i.src.slice(0, 80)
    })).then(found => found.filter(Boolean))"""

HITS = """new Promise(done => { const end = Date.now() + 10000; (function look() {
    const hits = document.querySelectorAll('#search-results li').length
    hits || Date.now() > end ? done(hits) : setTimeout(look, 100) })() })"""


def sideways_problems(browser, name: str) -> list[str]:
    """What makes a page scroll sideways on a phone, or is cut off there."""
    browser.resize(PHONE)
    width, wide = browser.ask("document.scrollingElement.scrollWidth"), browser.ask(TOO_WIDE)
    problems = [f"{name} is {width} px wide on a phone of {PHONE} px"] if width > PHONE else []
    problems += [f"{name}: {element} reaches beyond the right edge of a phone" for element in wide]
    return [f"{p}; let it wrap, or put it in a box that scrolls (book/_static/guide.css)" for p in problems]


def picture_problems(browser, name: str) -> list[str]:
    return [f"{name}: the picture {source} can not be seen" for source in browser.ask(NOT_SEEN)]


# Bytes of the page, of its pictures, of what all pages share and of MathJax, and milliseconds until it was loaded.
LOAD = """(() => { const page = performance.getEntriesByType('navigation')[0]
    const parts = performance.getEntriesByType('resource')
    const weigh = (which) => parts.filter(which).reduce((sum, part) => sum + part.encodedBodySize, 0)
    const picture = (part) => part.initiatorType === 'img', mathjax = (part) => part.name.includes('/tex-svg')
    return [page.encodedBodySize, weigh(picture), weigh((part) => !picture(part) && !mathjax(part)), weigh(mathjax),
        Math.round(page.loadEventEnd)] })()"""
SHARED = 1_400_000

# Icons that the style sheet does not know are empty (book/_static/icons.css).
NO_ICON = """[...document.querySelectorAll('i[class*=fa-]')]
    .filter(icon => getComputedStyle(icon, '::before').content === 'none').map(icon => icon.className)"""


def load_problems(browser, name: str, load: list[int]) -> list[str]:
    """What a first visit loads beside the page itself: little, and MathJax only for formulas."""
    problems = []
    if load[2] > SHARED:
        problems.append(f"{name} shares {load[2] / 1e6:.1f} MB with all pages, more than {SHARED / 1e6} MB")
    if load[3] and not browser.ask("document.querySelectorAll('.math').length"):
        problems.append(f"{name} loads MathJax and has no formula; see book/_ext/page_frame.py")
    icons = browser.ask(NO_ICON)
    return problems + [f"{name}: the icon {icon} has no line in book/_static/icons.css" for icon in icons]


@pytest.fixture(scope="module")
def loads():
    """What each page weighs and how long it loads from this computer; a table of it is written at the end."""
    found = {}
    yield found
    with open(ROOT / "_build" / "page-loads.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["page", "html_bytes", "picture_bytes", "shared_bytes", "mathjax_bytes", "load_ms"])
        table.writerows([name, *figures] for name, figures in found.items())


@pytest.mark.parametrize("name", [*TOC, "index", "search", "genindex", "404"])
def test_a_page_opens_without_errors_and_fits_a_phone(name, book, serve, browser, loads):
    browser.resize(SCREEN)
    problems = [f"{name}: {problem}" for problem in browser.visit(f"{serve(book)}/{name}.html")]
    loads[name] = browser.ask(LOAD)
    problems += load_problems(browser, name, loads[name]) + picture_problems(browser, name)
    problems += sideways_problems(browser, name)
    say(problems + picture_problems(browser, name))


@pytest.mark.parametrize("word", ["calibration", "stroke"])
def test_search_finds_a_word(word, book, serve, browser):
    browser.resize(SCREEN)
    say(browser.visit(f"{serve(book)}/search.html?q={word}"))
    assert browser.ask(HITS) > 0, f"The search finds no page with the word {word}"


def test_search_does_not_find_what_is_not_there(book, serve, browser):
    browser.visit(f"{serve(book)}/search.html?q=xylophonist")
    assert browser.ask(HITS.replace("10000", "2000")) == 0


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("<script>console.error('broken', 7)</script>", "console error: broken 7"),
        ("<script>undefinedFunction()</script>", "undefinedFunction is not defined"),
        ("<script>setTimeout(() => { throw Error('late') }, 50)</script>", "late"),
        ("<script>Promise.reject(Error('refused'))</script>", "refused"),
        ('<img alt="a" src="gone.png">', "request failed with 404"),
        (
            '<script src="http://127.0.0.1:9/x.js"></script>',
            "request to another server: http://127.0.0.1:9/x.js",
        ),
        ("<script>fetch('http://127.0.0.1:9/y').catch(() => 0)</script>", "request to another server"),
    ],
)
def test_broken_page_is_found(opened, bad, says):
    assert any(says in problem for problem in opened(bad))


def test_sound_page_has_no_problems(opened, browser):
    assert not opened('<p>Text</p><div style="overflow-x: auto"><pre style="width: 900px">wide</pre></div>')
    assert not sideways_problems(browser, "x")
    assert not picture_problems(browser, "x")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ('<div style="width: 900px">wide</div>', "px wide on a phone of 390 px"),
        (
            '<div style="overflow: hidden"><p style="width: 900px">cut</p></div>',
            '<p class=""> cut reaches beyond',
        ),
    ],
)
def test_page_too_wide_for_a_phone_is_found(opened, browser, bad, says):
    assert not opened(bad)
    assert any(says in problem for problem in sideways_problems(browser, "x"))


def test_heavy_load_and_empty_icon_are_found(opened, browser):
    opened("<p>Text</p>")
    assert not load_problems(browser, "x", [10, 0, SHARED, 0, 5])
    assert "shares 1.5 MB" in load_problems(browser, "x", [10, 0, 1_500_000, 0, 5])[0]
    assert "has no formula" in load_problems(browser, "x", [10, 0, 0, 2_000_000, 5])[0]
    opened('<style>.fa-a::before { content: "a" }</style><i class="fas fa-a"></i><i class="fas fa-b"></i>')
    (problem,) = load_problems(browser, "x", [10, 0, 0, 0, 5])
    assert "fas fa-b has no line" in problem


@pytest.mark.parametrize(
    "hidden", ['src="gone.png"', 'src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" hidden']
)
def test_picture_that_is_not_seen_is_found(opened, browser, hidden):
    opened(f'<img alt="Risk by age" width="100" {hidden}>')
    assert "can not be seen" in picture_problems(browser, "x")[0]
