"""The whole book as one HTML file that needs nothing beside it: to keep, to send, to read on a train, to print."""

from __future__ import annotations

import re
from base64 import b64encode
from html import escape
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag
from sphinx.application import Sphinx

NAME = "lhs-quick-guide.html"
STYLE = Path(__file__).with_suffix(".css")
POINTS_AT = ("for", "aria-labelledby", "aria-describedby")  # attributes that hold ids
# Only what is marked as mathematics is read as such, as on the book's pages.
MATHEMATICS = 'window.MathJax = {"options": {"ignoreHtmlClass": ".*", "processHtmlClass": "math"}}'
SHELL = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{style}
</style>
<header><h1>{title}</h1>
<p>The whole guide in one file. Text: CC BY 4.0. Code: MIT. Synthetic patients are for learning; no model here is for
care.</p></header>
<nav aria-label="Contents"><h2>Contents</h2>
{contents}
</nav>
<main>
{pages}
</main>
{script}
</html>
"""


def write_single_file(app: Sphinx, failed: Exception | None) -> None:
    """Put the pages of _toc.yml, as they were built, into one file beside them."""
    if failed or app.builder.format != "html":
        return
    toc = yaml.safe_load(Path(app.srcdir, app.config.external_toc_path).read_text(encoding="utf-8"))
    Path(app.outdir, NAME).write_text(
        single_file(Path(app.outdir), parts(toc), app.config.html_title), encoding="utf-8"
    )


def parts(toc: dict) -> dict[str, list[str]]:
    """Pages by the caption of their part."""
    found = {"": [toc["root"]]}
    for part in toc.get("parts", [toc]):
        found[part.get("caption", "Pages")] = [chapter["file"] for chapter in part["chapters"]]
    return found


def single_file(book: Path, parts: dict[str, list[str]], title: str) -> str:
    """The text of the one file."""
    names = [name for pages in parts.values() for name in pages]
    pages = {name: Page(book, name, names) for name in names}
    aims = {aim for page in pages.values() for aim in page.aims()}
    contents = []
    for caption, held in parts.items():
        items = "".join(f'<li><a href="#{_id(n)}">{escape(pages[n].title)}</a></li>\n' for n in held)
        contents.append((f"<h3>{escape(caption)}</h3>\n" if caption else "") + f"<ul>\n{items}</ul>")
    text = "\n".join(page.html(aims) for page in pages.values())
    mathematics = Path(book, "_static", "tex-svg-full.js")
    script = ""
    if 'class="math' in text:
        script = mathematics.read_text(encoding="utf-8").replace("</script", "<\\/script")
    return SHELL.format(
        title=escape(title),
        style=STYLE.read_text(encoding="utf-8") + _colours_of_code(book),
        contents="\n".join(contents),
        pages=text,
        script=script and f"<script>{MATHEMATICS}</script>\n<script>\n{script}\n</script>",
    )


class Page:
    """One page, on its way into the file: what it links to and what it shows comes along."""

    def __init__(self, book: Path, name: str, names: list[str]):
        self.path, self.name = book / f"{name}.html", name
        self.pages = {(book / f"{other}.html").resolve(): other for other in names}
        soup = BeautifulSoup(self.path.read_text(encoding="utf-8"), "html.parser")
        self.article = soup.find("article")
        for idle in self.article.select("a.headerlink, script, div.toctree-wrapper, button"):
            idle.decompose()
        self.title = self.article.h1.get_text().strip()
        for tag in self.article.find_all(True):
            self._carry(tag)
        for heading in self.article.find_all(re.compile("^h[1-5]$")):
            heading.name = f"h{int(heading.name[1]) + 1}"
        for folded in self.article.select("div.dropdown"):
            _fold(folded, self.article)

    def aims(self) -> set[str]:
        """The ids that something on this page points at."""
        links = {a["href"][1:] for a in self.article.find_all("a", href=re.compile("^#"))}
        return links | {
            one
            for tag in self.article.find_all(True)
            for key in POINTS_AT
            for one in tag.get(key, "").split()
        }

    def html(self, aims: set[str]) -> str:
        for tag in self.article.find_all(id=True):
            if tag["id"] not in aims:
                del tag["id"]
        return f'<article id="{_id(self.name)}">\n{self.article.decode_contents()}\n</article>'

    def _carry(self, tag: Tag) -> None:
        if tag.get("id"):
            tag["id"] = _id(self.name, tag["id"])
        for key in POINTS_AT:
            if tag.get(key):
                tag[key] = " ".join(_id(self.name, one) for one in tag[key].split())
        if tag.name == "img":
            tag["src"] = self._inline(tag["src"])
            tag.attrs.pop("srcset", None)
        elif tag.name == "a" and tag.get("href"):
            self._link(tag)

    def _link(self, tag: Tag) -> None:
        """Links within the book stay in the file; files to download come along; the rest leads out, or is no link."""
        parts = urlsplit(tag["href"])
        if parts.scheme or parts.netloc:
            return
        aim = (self.path.parent / unquote(parts.path)).resolve() if parts.path else self.path.resolve()
        if aim in self.pages:
            tag["href"] = "#" + _id(self.pages[aim], parts.fragment)
        elif aim.is_file() and "_downloads" in aim.parts:
            tag["href"], tag["download"] = self._inline(tag["href"]), aim.name
        else:
            del tag["href"]

    def _inline(self, address: str) -> str:
        if urlsplit(address).scheme:
            return address
        file = self.path.parent / unquote(urlsplit(address).path)
        kind = guess_type(file.name)[0] or "text/plain"
        return f"data:{kind};base64,{b64encode(file.read_bytes()).decode()}"


def _id(page: str, place: str = "") -> str:
    """A place on a page, among those of all pages."""
    return page.replace("/", "-") + (f"--{place}" if place else "")


def _fold(box: Tag, article: Tag) -> None:
    """What a script of the book folds is folded without one."""
    maker = BeautifulSoup("", "html.parser")
    details, summary = maker.new_tag("details"), maker.new_tag("summary")
    title = box.find(class_="admonition-title")
    summary.string = title.get_text() if title else "More"
    if title:
        title.decompose()
    details["class"] = box.get("class", [])
    if box.get("id"):
        details["id"] = box["id"]
    details.extend([summary, *list(box.children)])
    box.replace_with(details)


def _colours_of_code(book: Path) -> str:
    """The book's colours of code; those of its dark theme where the reader's system is dark."""
    rules = (book / "_static" / "pygments.css").read_text(encoding="utf-8").splitlines()
    light, dark = (
        [rule.replace(theme, "") for rule in rules if theme in rule]
        for theme in ('html[data-theme="light"] ', 'html[data-theme="dark"] ')
    )
    return "\n".join([*light, "@media screen and (prefers-color-scheme: dark) {", *dark, "}"])
