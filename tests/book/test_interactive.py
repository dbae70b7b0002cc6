"""The pages that answer their reader, and the ways that the welcome page sends three readers."""

import pytest

from .built import parsed

READY, EXAMPLES = "book/getting-started/readiness", "book/examples"
CHOOSE = "document.querySelector('input[name=ready-{area}-{question}-score][value=\"{score}\"]').click()"
ANSWER_ALL = "document.querySelectorAll('.ready-choice input[value=\"2\"]').forEach(input => input.click())"
SUMS = "[...document.querySelectorAll('.ready-sum')].map(sum => sum.textContent)"
STATUS = "document.querySelector('.ready-status').textContent"
ADVICE = "document.querySelector('.ready-advice').textContent"
ROWS = "[...document.querySelectorAll('.examples-overview tbody tr')].filter(row => row.checkVisibility()).length"
CARDS = "[...document.querySelectorAll('article h3')].filter(title => title.checkVisibility()).length"
SET = """(() => {{ const control = document.querySelector('{control}'); control.{part} = {value};
    control.dispatchEvent(new Event('input', {{bubbles: true}})) }})()"""


@pytest.fixture
def opened(book, serve, browser):
    def visit(name: str):
        browser.resize(1280)
        assert not browser.visit(f"{serve(book)}/{name}.html")
        return browser.ask

    return visit


def press(browser, key: str, code: int, text: str = "") -> None:
    for kind in ("keyDown", "keyUp"):
        told = {"text": text} if text and kind == "keyDown" else {}
        browser.call(
            "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **told
        )


def test_readiness_adds_up_each_area_and_says_what_to_do_first(opened):
    ask = opened(READY)
    assert set(ask(SUMS)) == {"not answered"} and "No question" in ask(STATUS)
    ask(ANSWER_ALL)
    assert ask(SUMS) == ["8 of 8"] * 7
    ask(CHOOSE.format(area=6, question=1, score=0))
    assert ask(SUMS)[5] == "6 of 8"
    assert "Lowest: Patients and fairness, 6 of 8" in ask(STATUS)
    assert ask(ADVICE).startswith("Do first: Patients and fairness") and "patient partner" in ask(ADVICE)


def test_a_must_at_zero_comes_before_the_lowest_area(opened):
    ask = opened(READY)
    ask(ANSWER_ALL)
    ask(CHOOSE.format(area=5, question=1, score=0))
    assert ask(ADVICE).startswith("Stop and repair first:Is there a written determination")
    assert "1 Must stands at 0" in ask(STATUS)


def test_readiness_is_answered_by_keyboard_alone(opened, browser):
    ask = opened(READY)
    ask("document.querySelector('.ready-choice input').focus()")
    press(browser, " ", 32, " ")
    press(browser, "ArrowRight", 39)
    assert ask(SUMS)[0].startswith("1 of 8")
    ask("[...document.querySelectorAll('.ready-buttons button')][0].focus()")
    press(browser, "Enter", 13, "\r")
    assert set(ask(SUMS)) == {"not answered"}


def test_every_choice_has_a_group_that_is_named_by_its_question(opened):
    ask = opened(READY)
    named = ask(
        "[...document.querySelectorAll('[role=radiogroup]')]"
        ".map(group => document.getElementById(group.getAttribute('aria-labelledby')).textContent)"
    )
    assert len(named) == len(set(named)) == 28 and all(question.strip().endswith("?") for question in named)


def test_without_scripts_readiness_is_a_form_to_print(book):
    page = parsed(book / f"{READY}.html")
    assert len(page.select(".ready-area tbody tr")) == 28
    assert all("☐ 0 ☐ 1 ☐ 2" in row.get_text() for row in page.select(".ready-area tbody tr"))
    assert "On paper" in page.select_one(".ready-result").get_text()


def test_examples_are_filtered_with_their_tables(opened):
    ask = opened(EXAMPLES)
    total = ask(ROWS)
    assert total >= 15 and ask(CARDS) == total
    ask(SET.format(control=".examples-filter [value=C]", part="checked", value="true"))
    assert ask(ROWS) == ask(CARDS) == 4
    ask(SET.format(control=".examples-filter [value=R]", part="checked", value="true"))
    assert ask(ROWS) == ask(CARDS) == 2
    assert "2 of" in ask("document.querySelector('.examples-status').textContent")
    ask("document.querySelector('.examples-filter button').click()")
    assert ask(ROWS) == ask(CARDS) == total


def test_examples_are_found_by_words_and_by_who_learns(opened):
    ask = opened(EXAMPLES)
    ask(SET.format(control=".examples-filter [type=search]", part="value", value="'sepsis early duke'"))
    assert ask(ROWS) == ask(CARDS) == 1
    ask(SET.format(control=".examples-filter [type=search]", part="value", value="'xylophonist'"))
    assert ask(ROWS) == ask(CARDS) == 0
    ask("document.querySelector('.examples-filter button').click()")
    ask(SET.format(control="[data-column^=Who]", part="value", value="'people'"))
    assert 0 < ask(ROWS) == ask(CARDS) < 10


def test_a_link_to_a_hidden_example_shows_it(opened):
    ask = opened(EXAMPLES)
    ask(SET.format(control=".examples-filter [value=C]", part="checked", value="true"))
    ask("new Promise(done => { location.hash = 'example-prevent'; setTimeout(done, 300) })")
    assert ask("document.getElementById('example-prevent').checkVisibility()")


def test_without_scripts_all_examples_are_shown(book):
    page = parsed(book / f"{EXAMPLES}.html")
    rows = page.select(".examples-overview tbody tr")
    assert len(rows) == len(page.select("article h3")) >= 15
    assert not page.select("[hidden]")


LINKS = """[...[...document.querySelectorAll('article .sd-card')].find(card => card.textContent.includes('{reader}'))
    .querySelectorAll('a.reference')].map(link => link.href)"""


@pytest.mark.parametrize(
    ("reader", "first", "code"),
    [
        ("You lead", "The learning health system", False),
        ("You work with data", "1. Make a hospital", True),
        ("You study", "Glossary", None),
    ],
)
def test_a_newcomer_can_walk_the_way_the_welcome_page_shows(opened, browser, reader, first, code):
    """Each link opens without an error; who does not write code meets none, who does meets it on every page."""
    links = opened("book/welcome")(LINKS.format(reader=reader))
    links = list(dict.fromkeys(link.partition("#")[0] for link in links))
    assert len(links) >= 3
    for number, link in enumerate(links):
        assert not browser.visit(link)
        title = browser.ask("document.querySelector('article h1').textContent")
        assert number or title.startswith(first)
        if code is not None:
            assert browser.ask("Boolean(document.querySelector('article div.cell'))") is code, title
