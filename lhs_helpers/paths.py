"""Where the guide keeps what it can make again, and what tells one version of the package from another."""

from __future__ import annotations

import os
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def cache_folder() -> Path:
    """The folder for generated hospitals: $LHS_CACHE, or `lhs-quick-guide` in the system's place for caches.

    It is made when it is first written to, and may be deleted at any time.
    """
    chosen = os.environ.get("LHS_CACHE")
    return Path(chosen).expanduser() if chosen else _system_caches() / "lhs-quick-guide"


@cache
def package_hash(*floors: str) -> str:
    """SHA-256 over code and data of these floors of the package, or of all of it: another version, another hash."""
    digest = sha256()
    files = [p for folder in floors or (".",) for p in (PACKAGE / folder).rglob("*") if p.is_file()]
    for path in sorted(p for p in files if "__pycache__" not in p.parts):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
        digest.update(sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _system_caches() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    named = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return Path(named) if named else Path.home() / ".cache"
