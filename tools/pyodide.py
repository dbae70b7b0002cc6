"""Fetch Python for the browser (Pyodide) with npm, for the page *Try without installing*: python tools/pyodide.py

The files go beside the environment that runs this, and from there into the book (book/_ext/browser_python.py). Without
npm or without a network nothing is fetched, and the page says so.
"""

import sys
import tarfile
import tempfile
from base64 import b64encode
from hashlib import sha512
from pathlib import Path
from shutil import which
from subprocess import run

VERSION = "314.0.7"
# What `npm view pyodide@VERSION dist.integrity` tells.
INTEGRITY = "0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A=="
FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
PLACE = Path(sys.prefix, "pyodide")


def fetch(place: Path) -> str:
    """Why nothing was fetched; empty where all is well."""
    npm = which("npm")
    if not npm:
        return "npm is not installed"
    with tempfile.TemporaryDirectory() as folder:
        asked = run(
            [npm, "pack", "--silent", f"pyodide@{VERSION}"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        packed = next(Path(folder).glob("*.tgz"), None)
        if asked.returncode or packed is None:
            return f"npm could not fetch pyodide {VERSION}: {asked.stderr.strip()[-200:]}"
        if b64encode(sha512(packed.read_bytes()).digest()).decode() != INTEGRITY:
            return f"what npm fetched is not pyodide {VERSION} as it was published"
        unpack(packed, place)
    return ""


def unpack(packed: Path, place: Path) -> None:
    """Keep the files that a browser asks for; VERSION is written last, when all others are there."""
    place.mkdir(parents=True, exist_ok=True)
    with tarfile.open(packed) as archive:
        for name in FILES:
            (place / name).write_bytes(archive.extractfile(f"package/{name}").read())
    (place / "VERSION").write_text(VERSION, encoding="utf-8")


if __name__ == "__main__":
    if not (PLACE / "VERSION").exists() or (PLACE / "VERSION").read_text(encoding="utf-8") != VERSION:
        problem = fetch(PLACE)
        if problem:
            print(
                f"No Python for the browser: {problem}. The book is built without it, and its page says so."
            )
