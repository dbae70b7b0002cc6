"""Rules for the built pages. Each returns what is wrong, as sentences that say what to do."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

MAX_BYTES = 1_500_000
FETCHED = {
    "stylesheet",
    "icon",
    "preload",
    "prefetch",
    "modulepreload",
    "preconnect",
    "dns-prefetch",
    "manifest",
}
FOREIGN = re.compile(r"^(https?:)?//")
FOREIGN_STYLE = re.compile(r"""(?:url\(\s*|@import\s+)["']?(?:https?:)?//[^)"'\s]+""")
NEEDS_ADDRESS = re.compile(r"colab\.research\.google|mybinder\.org|/(blob|tree|edit|raw)/|/issues/new")


@cache
def parsed(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def image_problems(name: str, page: BeautifulSoup) -> list[str]:
    """Images without alternative text; a file name is none, and Sphinx writes it where nothing was given."""
    problems = []
    for image in page.find_all("img"):
        alt = (image.get("alt") or "").strip()
        if not alt or alt == image.get("src") or re.search(r"\.(png|svg|jpe?g|gif|webp)$", alt):
            problems.append(
                f"{name}: the image {image.get('src', '')[:60]} has no alternative text; on a page that runs "
                "show it with plots.figure(fig, alt=, caption=), in prose give the figure an :alt:"
            )
    return problems


def heading_problems(name: str, page: BeautifulSoup) -> list[str]:
    """A page has one title."""
    titles = [h.get_text() for h in (page.find("article") or page).find_all("h1")]
    if len(titles) == 1:
        return []
    return [
        f"{name} has {len(titles)} headings of the first level ({', '.join(titles)}); "
        "a page has one, which is its title"
    ]


def foreign_problems(name: str, page: BeautifulSoup) -> list[str]:
    """What a page would load from another server."""
    loaded = [tag["src"] for tag in page.find_all(src=True)]
    loaded += [part.split()[0] for tag in page.find_all(srcset=True) for part in tag["srcset"].split(",")]
    loaded += [
        link["href"] for link in page.find_all("link", href=True) if FETCHED & set(link.get("rel", []))
    ]
    loaded += [tag["data"] for tag in page.find_all("object", data=True)]
    found = [address for address in loaded if FOREIGN.match(address)]
    found += [m for style in page.find_all("style") for m in FOREIGN_STYLE.findall(style.get_text())]
    return [
        f"{name} loads {address} from another server; keep a copy in book/_static, or leave it out"
        for address in found
    ]


def stylesheet_problems(name: str, text: str) -> list[str]:
    return [
        f"{name}: {m} is loaded from another server; keep a copy beside it"
        for m in FOREIGN_STYLE.findall(text)
    ]


def weight_problems(name: str, path: Path) -> list[str]:
    """What one page weighs with its pictures; scripts and styles are loaded once for the whole book."""
    pictures = {image.get("src", "") for image in parsed(path).find_all("img")}
    files = [path.parent / unquote(p) for p in pictures if not urlsplit(p).scheme]
    size = path.stat().st_size + sum(f.stat().st_size for f in files if f.is_file())
    if size <= MAX_BYTES:
        return []
    return [
        f"{name} weighs {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6} MB; show fewer or smaller pictures"
    ]


def citation_mark_problems(name: str, page: BeautifulSoup) -> list[str]:
    """Marks that Sphinx leaves where a citation or a reference found nothing."""
    body = BeautifulSoup(str(page.find("article") or page), "html.parser")
    for code in body.find_all(["pre", "code", "script", "style"]):
        code.decompose()
    marks = re.findall(r".{0,40}(?:\?\?|\[\?\]).{0,20}", body.get_text(" "))
    return [f"{name}: unresolved reference at '{mark.strip()}'; correct its key" for mark in marks]


def address_problems(name: str, page: BeautifulSoup, address: str, runs: bool) -> list[str]:
    """Buttons for the source, Colab and Binder: none without a public address, and on pages that run all with."""
    links = [a["href"] for a in page.find_all("a", href=True) if not a.find_parent("article")]
    found = [link for link in links if NEEDS_ADDRESS.search(link)]
    if not address:
        return [
            f"{name} links to {link}, but repository.url in _config.yml is empty; leave it out"
            for link in found
        ]
    wanted = ("colab.research.google", "mybinder.org") if runs else ()
    return [
        f"{name} has no button for {host}, though repository.url in _config.yml is set; see book/_ext"
        for host in wanted
        if not any(host in link for link in found)
    ]


def link_problems(book: Path, root: str = "/") -> list[str]:
    """Links inside the book that lead to no file, or to no place on a page; `root`: the book's place on its server."""
    problems = []
    for path in sorted(book.rglob("*.html")):
        if "_static" in path.parts:
            continue
        name = path.relative_to(book).as_posix()
        for target in sorted(_targets(parsed(path))):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or target in ("", "#"):
                continue
            begin = (
                book / parts.path.removeprefix(root)
                if parts.path.startswith("/")
                else path.parent / parts.path
            )
            aim = Path(unquote(str(begin))).resolve() if parts.path else path
            aim = aim / "index.html" if aim.is_dir() else aim
            if not aim.is_file():
                problems.append(f"{name} links to {target}, and there is no such file; correct the link")
            elif parts.fragment and aim.suffix == ".html" and unquote(parts.fragment) not in _anchors(aim):
                problems.append(
                    f"{name} links to {target}, and that page has no such place; correct the anchor"
                )
    return problems


def _targets(page: BeautifulSoup) -> set[str]:
    found = {tag[key] for key in ("href", "src") for tag in page.find_all(**{key: True})}
    refresh = [m["content"] for m in page.find_all("meta", attrs={"http-equiv": "Refresh"})]
    return found | {content.split("url=")[-1].strip() for content in refresh if "url=" in content}


@cache
def _anchors(path: Path) -> frozenset[str]:
    page = parsed(path)
    return frozenset(
        {t["id"] for t in page.find_all(id=True)}
        | {t["name"] for t in page.find_all("a", attrs={"name": True})}
    )
