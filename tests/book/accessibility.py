"""What stands in the way of readers who see no page, or use no mouse: rules of axe-core, and the Tab key."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

# Each finding as one sentence, with the first three elements that it concerns.
RUN = """axe.run(document, {{resultTypes: ['violations'], runOnly: {only}}}).then(found => found.violations
    .filter(v => ['serious', 'critical'].includes(v.impact))
    .map(v => `${{v.help}} (${{v.id}}, ${{v.impact}}, ${{v.nodes.length}} times): `
        + v.nodes.slice(0, 3).map(n => n.html.slice(0, 90)).join(' … ')))"""
EVERYTHING = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']"
COLOURS = "{type: 'rule', values: ['color-contrast', 'link-in-text-block']}"
THEME = "(() => {{ const root = document.documentElement.dataset; root.theme = root.mode = '{theme}' }})()"

# What a reader can act on, in the order of the page; of radio buttons of one name, Tab reaches one.
ACTIVE = "a[href], button, input, select, textarea, summary, [tabindex], [contenteditable]"
HELP = """const named = e => `<${e.localName}> ` + (e.getAttribute('aria-label') || e.textContent || e.name || e.id
    || '').trim().replace(/\\s+/g, ' ').slice(0, 50)
const key = e => e.type === 'radio' ? 'radio ' + e.name : e"""
EXPECT = """(() => { HELP
    const seen = e => e.checkVisibility({checkVisibilityCSS: true}) && !e.disabled && !e.closest('[inert]')
        && e.getClientRects().length
    window.expected = new Map([...document.querySelectorAll('ACTIVE')].filter(seen)
        .filter(e => e.tabIndex >= 0).map(e => [key(e), named(e)]))
    window.dead = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
        .filter(seen).filter(e => e.tabIndex < 0).map(named)
    document.activeElement.blur(); window.getSelection().removeAllRanges(); window.scrollTo(0, 0)
    return window.expected.size })()""".replace("HELP", HELP).replace("ACTIVE", ACTIVE)
TICK = "(() => { HELP; window.expected.delete(key(document.activeElement)) })()".replace("HELP", HELP)
LEFT = "[...window.expected.values()].slice(0, 5)"


@cache
def axe() -> str | None:
    """The source of axe-core, as the package axe-core-python carries it."""
    spec = find_spec("axe_core_python")
    return Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8") if spec else None


def axe_problems(browser, name: str) -> list[str]:
    """Serious and critical findings on the page that is open, in the light theme and in the dark one."""
    browser.ask(f"{axe()}; 0")
    problems = []
    for theme, only in (("light", EVERYTHING), ("dark", COLOURS)):
        browser.ask(THEME.format(theme=theme))
        found = browser.ask(
            RUN.format(only=only), patience=180
        )  # a long page takes seconds, on a busy machine many
        problems += [f"{name}, {theme}: {finding}" for finding in found]
    return problems


def keyboard_problems(browser, name: str) -> list[str]:
    """What can be clicked on the page that is open, and is not reached with the Tab key."""
    wanted = browser.ask(EXPECT)
    problems = [
        f"{name}: {element} can not be reached with the Tab key" for element in browser.ask("window.dead")
    ]
    for _ in range(int(1.2 * wanted) + 20):
        for kind in ("rawKeyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        browser.ask(TICK)
        if not browser.ask("window.expected.size"):
            break
    return problems + [f"{name}: the Tab key does not come to {element}" for element in browser.ask(LEFT)]
