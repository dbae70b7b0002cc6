"""Ask every outside link of the built book whether it still answers; exit 1 when one does not.

A DOI is asked of doi.org alone, which knows whether it exists; many publishers turn programs away. An answer
that only says "not you" (401, 403, 405, 429) is no dead link.
"""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import requests

BOOK = Path(__file__).resolve().parent.parent / "_build" / "html"
LINK = re.compile(r'<a [^>]*href="(https?://[^"#]+)')
NOT_YOU = {401, 403, 405, 429}
HEADERS = {"User-Agent": "Mozilla/5.0 (link check of the LHS Quick Guide)"}


def links() -> dict[str, str]:
    """Every outside link with one page that has it; the book in one file, beside the folders, has none of its own."""
    return {
        unescape(url): page.relative_to(BOOK).as_posix()
        for page in sorted(BOOK.glob("*/**/*.html"))
        for url in LINK.findall(page.read_text(encoding="utf-8"))
    }


def problem(url: str) -> str | None:
    """What is wrong with a link, or None; two tries, because networks fail for a moment."""
    is_doi = url.startswith(("https://doi.org/", "http://doi.org/", "https://dx.doi.org/"))
    for _ in range(2):
        try:
            answer = requests.get(url, headers=HEADERS, timeout=30, stream=True, allow_redirects=not is_doi)
        except requests.RequestException as error:
            found = type(error).__name__
            continue
        if answer.status_code < 400 or answer.status_code in NOT_YOU:
            return None
        found = str(answer.status_code)
    return found


def main() -> int:
    where = links()
    with ThreadPoolExecutor(8) as pool:
        found = dict(zip(where, pool.map(problem, where), strict=True))
    dead = {url: what for url, what in found.items() if what}
    for url, what in dead.items():
        print(f"{where[url]}: {url} does not answer ({what})")
    print(f"{len(where)} outside links, {len(dead)} dead")
    return bool(dead)


if __name__ == "__main__":
    sys.exit(main())
