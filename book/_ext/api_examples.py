"""Under each function of the API page: a line that uses it, taken from a page that runs or from a study."""

from __future__ import annotations

import ast
import importlib
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from sphinx.application import Sphinx

LONGEST = 12  # lines of an example, where there is one as short


def add_example(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Append the example to the text of a function or class; methods have the one of their class."""
    if what not in ("function", "class"):
        return
    found = examples(Path(app.srcdir)).get(full_name(thing))
    if found:
        where, code = found
        lines += ["", f"*In use*, {where}:", "", ".. code-block:: python", ""]
        lines += textwrap.indent(code, "   ").splitlines() + [""]


def full_name(thing: object) -> str:
    """The module that defines a function or class, and its name there; empty for anything else."""
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"


@cache
def examples(root: Path) -> dict[str, tuple[str, str]]:
    """By full name: where a function is used, in the markup of the page, and the statement that uses it.

    The first page that uses it in few lines; where no page does, the first study or assignment.
    """
    pages = [
        (f":doc:`page {int(path.name[:2])} </notebooks/{path.stem}>`", path)
        for path in sorted(root.glob("notebooks/*.py"))
    ]
    studies = [(f"study ``{path.stem}``", path) for path in sorted(root.glob("studies/*.py"))]
    tasks = [(f"assignment {int(path.name[:2])}", path) for path in sorted(root.glob("assignments/0*.py"))]
    short: dict[str, tuple[str, str]] = {}
    long: dict[str, tuple[str, str]] = {}
    for where, path in pages + studies + tasks:
        for name, code in uses(path.read_text(encoding="utf-8")):
            kept = short if len(code.splitlines()) <= LONGEST else long
            kept.setdefault(name, (where, code))
    return long | short


def uses(source: str) -> Iterator[tuple[str, str]]:
    """Each function or class of the package that a program uses, with the statement in which it does."""
    tree = ast.parse(source)
    known = dict(imported(tree))
    for statement in ast.walk(tree):
        if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr, ast.Return)):
            parts = [statement]
        elif isinstance(statement, ast.With):
            parts = [item.context_expr for item in statement.items]
        else:
            continue
        names = {full_name(resolved(part, known)) for whole in parts for part in ast.walk(whole)}
        for name in sorted(names):
            if name.startswith("lhs_helpers."):
                yield name, text_of(statement, source)


def text_of(statement: ast.stmt, source: str) -> str:
    """The lines of a statement, moved to the margin; of a `with` only its head."""
    if isinstance(statement, ast.With):
        return f"with {', '.join(map(ast.unparse, statement.items))}:\n    ..."
    return textwrap.dedent("\n".join(source.splitlines()[statement.lineno - 1 : statement.end_lineno]))


def imported(tree: ast.Module) -> Iterator[tuple[str, object]]:
    """The names that a program takes from the package, and what they are."""
    for line in ast.walk(tree):
        if isinstance(line, ast.ImportFrom) and (line.module or "").startswith("lhs_helpers"):
            module = importlib.import_module(line.module)
            for alias in line.names:
                thing = getattr(module, alias.name, None)
                thing = thing or importlib.import_module(f"{line.module}.{alias.name}")
                yield alias.asname or alias.name, thing


def resolved(part: ast.AST, known: dict[str, object]) -> object:
    """What a name stands for: something that was imported, or something in an imported module."""
    if isinstance(part, ast.Name):
        return known.get(part.id)
    if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
        return getattr(known.get(part.value.id), part.attr, None)
    return None
