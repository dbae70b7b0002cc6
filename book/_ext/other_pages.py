"""Pages that nobody writes: the front door, short and former addresses, and the one for addresses that lead nowhere."""

from __future__ import annotations

import posixpath
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from sphinx.application import Sphinx
from sphinx.errors import ConfigError

# A browser that runs scripts keeps the place on the page (#...) that the address names.
ELSEWHERE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="{up}_static/{favicon}" type="image/svg+xml">
<script>location.replace("{target}" + location.hash)</script>
<meta http-equiv="refresh" content="0; url={target}">
<p><a href="{target}">{title}</a></p>
</html>
"""

# A server shows this page under whatever address was asked for, so it brings its own looks, and its links
# begin at the root of the book.
NOWHERE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>No such page · {title}</title>
<link rel="icon" href="{root}_static/{favicon}" type="image/svg+xml">
<style>
  :root {{ color-scheme: light dark; --ink: #1f2328; --ground: #fff; --link: #0f57c2; }}
  @media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6e6e6; --ground: #14181e; --link: #8ab8ff; }} }}
  body {{ font: 1.1rem/1.6 system-ui, sans-serif; color: var(--ink); background: var(--ground);
    max-width: 36rem; margin: 12vh auto 2rem; padding: 0 1.25rem; }}
  a {{ color: var(--link); }}
  input, button {{ font: inherit; padding: 0.3rem 0.6rem; max-width: 100%; }}
</style>
<main>
<h1>No such page</h1>
<p>This address leads to no page of <em>{title}</em>. It may have been cut off when it was copied, or the page may have
moved to another name.</p>
<form action="{root}search.html" role="search">
<label for="q">Search the guide:</label>
<input id="q" name="q" type="search"> <button>Search</button>
</form>
<p>Or start at <a href="{root}{first}">the first page</a>; all others are listed at its side.</p>
</main>
</html>
"""


def write_pages(app: Sphinx, failed: Exception | None) -> None:
    """Write them beside the book, where a build of pages went well.

    Jupyter Book writes a bare redirection as the front door; browsers then ask the server for an icon of its own.
    """
    if failed or app.builder.format != "html":
        return
    given = {"title": app.config.html_title, "favicon": Path(app.config.html_favicon).name}
    for address, page in {"index": app.config.root_doc, **app.config.moved_pages}.items():
        if page not in app.env.found_docs or address in app.env.found_docs:
            raise ConfigError(
                f"moved_pages in _config.yml: {address} leads to {page}; the first must be no page of the book, "
                "and the second one"
            )
        file = Path(app.outdir, f"{address}.html")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(elsewhere(address, page, **given), encoding="utf-8")
    Path(app.outdir, "404.html").write_text(
        nowhere(app.config.html_baseurl, f"{app.config.root_doc}.html", **given), encoding="utf-8"
    )


def elsewhere(address: str, page: str, title: str, favicon: str) -> str:
    """A page at `address` that sends its reader on."""
    target = posixpath.relpath(f"{page}.html", posixpath.dirname(address) or ".")
    up = "../" * address.count("/")
    return ELSEWHERE.format(title=escape(title), favicon=favicon, target=target, up=up)


def nowhere(baseurl: str, first: str, title: str, favicon: str) -> str:
    """The page for addresses that lead nowhere; the book's root is the path of its public address, else `/`."""
    root = urlsplit(baseurl).path.rstrip("/") + "/"
    return NOWHERE.format(title=escape(title), favicon=favicon, root=root, first=first)
