"""Rules for what stands around the text and beside the pages. Each returns what is wrong, as sentences."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup

DAY = r"\d{1,2} [A-Z][a-z]+ 20\d\d"
RAN = re.compile(
    rf"^Ran on {DAY} in \d+ seconds?, with version (\S+) of the guide and Python \d+\.\d+\.\d+\.$"
)
BUILT = re.compile(rf"^Built on {DAY} from version (\S+) of the guide\.$")
CARD = ("og:title", "og:description", "og:type")
CARD_WITH_ADDRESS = ("og:url", "og:image", "og:image:alt")
IN_THE_FILE = re.compile(r"^(#|data:|https?://|mailto:)")


def ran_problems(name: str, page: BeautifulSoup, version: str, runs: bool) -> list[str]:
    """Whether a page says when, with which version and, where it has code, how long it ran."""
    said = [line.get_text() for line in page.select("article p.lhs-ran")]
    found = (RAN if runs else BUILT).match(said[0]) if len(said) == 1 else None
    if found and found[1] == version:
        return []
    return [
        f"{name} says {said} of its run, not when, with version {version} and how long; see book/_ext/page_frame.py"
    ]


def card_problems(name: str, page: BeautifulSoup, address: str) -> list[str]:
    """What a program that shows a link as a card would miss, or find without an address that leads anywhere."""
    tags = {tag["property"]: tag["content"] for tag in page.find_all("meta", property=True)}
    wanted = CARD + CARD_WITH_ADDRESS * bool(address)
    problems = [
        f"{name} has no {tag}; see book/_ext/page_frame.py" for tag in wanted if not tags.get(tag, "").strip()
    ]
    if not address:
        problems += [
            f"{name} has {tag}, but html.baseurl is empty" for tag in CARD_WITH_ADDRESS if tag in tags
        ]
    elif not problems:
        problems += [
            f"{name}: {tag} is {tags[tag]}, not at {address}"
            for tag in ("og:url", "og:image")
            if not tags[tag].startswith(address)
        ]
    return problems


def single_file_problems(page: BeautifulSoup, pictures: int, names: list[str]) -> list[str]:
    """What the one file lacks, or would have to fetch: all pages, all their pictures, nothing from beside it."""
    held = {article.get("id") for article in page.find_all("article")}
    problems = [f"the single file lacks {n}" for n in names if n.replace("/", "-") not in held]
    shown = page.find_all("img")
    if len(shown) != pictures:
        problems.append(f"the single file shows {len(shown)} pictures, the pages {pictures}")
    asked = [tag["src"] for tag in page.find_all(src=True) if not tag["src"].startswith("data:")]
    asked += [tag["href"] for tag in page.find_all(href=True) if not IN_THE_FILE.match(tag["href"])]
    asked += [tag["href"] for tag in page.find_all("link", href=True) if not tag["href"].startswith("data:")]
    return problems + [f"the single file needs {a[:80]} beside it" for a in asked]
