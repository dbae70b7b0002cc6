"""The sources, the built book, a server for it, a browser, and what the pages cost."""

import os
from pathlib import Path

import pytest
import yaml

from . import costs as page_costs
from .browser import Browser, Server, installed
from .sources import toc_entries

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "_build" / "html"
TOC = toc_entries((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PAIRED = sorted(path.stem for path in (ROOT / "notebooks").glob("*.py"))
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))

SCREEN = 1280  # pixels

# How much slower than the guide promises this machine may be. The raw figures are in _build/page-costs.csv.
FACTOR = float(os.environ.get("LHS_BUDGET_FACTOR", "1.5"))


def say(problems: list[str]) -> None:
    """Fail with the sentences that say what to do, and nothing else."""
    __tracebackhide__ = True
    if problems:
        pytest.fail("\n" + "\n".join(problems), pytrace=False)


def source_of(page: str) -> Path:
    """The file of a page that _toc.yml names."""
    return ROOT / (f"{page}.py" if page.startswith("notebooks/") else f"{page}.md")


# An entry without a page is named by the test of the table of contents; the others need not stumble over it.
WRITTEN = [page for page in TOC if source_of(page).exists()]


@pytest.fixture(scope="session")
def book() -> Path:
    """The folder of the built book."""
    if not (BUILT / "index.html").exists():
        pytest.fail("The book is not built; run: make book", pytrace=False)
    return BUILT


@pytest.fixture(scope="session")
def cost_of():
    """What a page costs; each is run once in a session, and the figures are written at its end."""
    known = {}

    def ask(page: str) -> page_costs.Cost:
        if page not in known:
            known[page] = page_costs.run(ROOT / "notebooks" / f"{page}.py")
        return known[page]

    yield ask
    if known:
        (ROOT / "_build").mkdir(exist_ok=True)
        page_costs.write([known[page] for page in sorted(known)], ROOT / "_build" / "page-costs.csv")


@pytest.fixture(scope="session")
def serve():
    """Serve a folder and return its address."""
    servers = {}

    def start(folder: Path) -> str:
        if folder not in servers:
            servers[folder] = Server(folder)
        return servers[folder].address

    yield start
    for server in servers.values():
        server.close()


@pytest.fixture(scope="session")
def browser():
    """A tab of headless Chromium."""
    program = installed()
    if not program:
        pytest.skip(
            "Chromium is not installed (Debian: apt-get install chromium), so no page was opened in a browser"
        )
    tab = Browser(program)
    yield tab
    tab.close()


@pytest.fixture
def opened(tmp_path, serve, browser):
    """Open a page with the given body, and return its address and its problems."""

    def visit(body: str) -> list[str]:
        head = (
            '<!doctype html><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"'
        )
        (tmp_path / "x.html").write_text(f"{head}><article>{body}</article>", encoding="utf-8")
        browser.resize(SCREEN)
        return browser.visit(f"{serve(tmp_path)}/x.html")

    return visit
