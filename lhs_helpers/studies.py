"""The results of studies, and the hash that says which code made them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lhs_helpers import paths
from lhs_helpers.errors import LHSError

if TYPE_CHECKING:
    import pandas as pd

FOLDER = paths.PACKAGE.parent / "studies"
FLOORS = ("learning", "system")
# The libraries whose versions can change a figure.
LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "xgboost", "duckdb", "ibis-framework", "pyarrow")


def study(name: str) -> tuple[pd.DataFrame, dict]:
    """The results of a study, wherever a page is opened: its table, and the facts of the run that made it.

    Facts are ``seeds``, ``seconds`` of each part, ``versions`` of libraries, what the study itself adds, the hash of
    the ``code`` (see `study_hash`), and ``verified``, if the code has changed since and a share of the parts was run
    again to show that no row did (studies/README.md). Raises LHSError where the results are not there.
    """
    import pandas as pd  # here: a hash needs no tables

    table, facts = (FOLDER / "results" / f"{name}{suffix}" for suffix in (".csv", ".json"))
    if not (table.exists() and facts.exists()):
        raise LHSError(
            f"The study {name} has no results in {table.parent}. They come with the repository of the guide: install "
            "the package from there (pip install -e .), or make them with `make studies`."
        )
    return pd.read_csv(table), json.loads(facts.read_text(encoding="utf-8"))


def study_hash(scripts: Sequence[str]) -> str:
    """SHA-256 over what decides the figures of a study.

    That is its scripts; the simulator, whole; those modules of `learning` and `system` that the scripts import, and
    what these import; and the locked versions of the libraries that compute. Where records lie and how pages look
    decides nothing.
    """
    digest = sha256(paths.package_hash("patients").encode())
    for path in (*(FOLDER / script for script in scripts), *_modules(scripts)):
        digest.update(path.name.encode() + b"\0" + sha256(path.read_bytes()).digest())
    lock = (paths.PACKAGE.parent / "requirements.lock").read_text(encoding="utf-8")
    digest.update("\n".join(line for line in lock.splitlines() if _computes(line)).encode())
    return digest.hexdigest()


def _computes(line: str) -> bool:
    name = re.match(r"[A-Za-z0-9_.-]*", line)[0].removesuffix("-cpu")
    return name in LIBRARIES


def _modules(scripts: Sequence[str]) -> list[Path]:
    """Files of `learning` and `system` that the scripts reach by imports, in order of their paths."""
    found, waiting = set(), [FOLDER / script for script in scripts]
    while waiting:
        for path in _imported(waiting.pop()):
            if path not in found and path.relative_to(paths.PACKAGE).parts[0] in FLOORS:
                found.add(path)
                waiting.append(path)
    return sorted(found)


def _imported(path: Path) -> Iterator[Path]:
    """Files of the package that a file imports, wherever in it; a name taken from a floor leads to its module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(alias.name, None)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield from _files(node.module, alias.name)


def _files(module: str, name: str | None) -> Iterator[Path]:
    """The files behind ``from module import name``; none when it is not of this package."""
    first, *rest = module.split(".")
    if first != paths.PACKAGE.name:
        return
    place = paths.PACKAGE.joinpath(*rest)
    if place.with_suffix(".py").is_file():
        yield place.with_suffix(".py")
    elif name and (place / f"{name}.py").is_file():
        yield place / f"{name}.py"
    elif name and (place / name).is_dir():
        yield from sorted((place / name).rglob("*.py"))  # a whole floor, whose names are used later
    elif (place / "__init__.py").is_file():
        yield from _behind(place / "__init__.py", name)


def _behind(init: Path, name: str | None) -> Iterator[Path]:
    """Where a floor takes a name from; a name it knows only when asked leads to all it imports when asked."""
    tree = ast.parse(init.read_text(encoding="utf-8"))
    late = [node for part in tree.body if isinstance(part, ast.FunctionDef) for node in ast.walk(part)]
    nodes = [n for n in tree.body if isinstance(n, ast.ImportFrom) and name in {a.name for a in n.names}]
    for node in nodes or [n for n in late if isinstance(n, ast.ImportFrom)]:
        for alias in node.names:
            if not nodes or alias.name == name:
                yield from _files(node.module, alias.name)
