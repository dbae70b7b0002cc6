"""Rules for the exercises of pages that run.

Between `exercise-start` and `exercise-end` stands a function `check_…`, and the first thing it asks is whether there is
an answer. The solution calls it: that it passes there is shown each time the page is executed. That it refuses the
empty answer is shown here, without running the page, since it must not need anything of it for that.
"""

from __future__ import annotations

import ast
import re

from .sources import Cell

MARK = re.compile(r"\{(exercise|solution)-(start|end)\}[^\n]*((?:\n *:[^\n]*)*)")


def parts(cells: list[Cell]) -> dict[str, dict[str, list[str]]]:
    """Of each exercise, by label: the code of its own cells, and that of its solution."""
    found: dict[str, dict[str, list[str]]] = {}
    inside: tuple[str, str] | None = None
    for cell in cells:
        if cell.kind == "code":
            if inside:
                found[inside[0]][inside[1]].append(cell.source)
            continue
        for mark in MARK.finditer(cell.source):
            kind, edge, options = mark.groups()
            if edge == "end":
                inside = None
                continue
            label = (
                re.search(r":label: *(\S+)", options)
                if kind == "exercise"
                else re.search(r"\} +(\S+)", mark[0])
            )
            if label:
                inside = (label[1], kind)
                found.setdefault(label[1], {"exercise": [], "solution": []})
    return found


def exercise_problems(name: str, cells: list[Cell]) -> list[str]:
    """Exercises without a self-check, checks that take the empty answer, solutions that do not face their check."""
    problems = []
    for label, code in parts(cells).items():
        where = f"{name}, exercise {label}"
        checks = [
            node
            for source in code["exercise"]
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
        ]
        if not checks:
            problems.append(f"{where} has no self-check; define a function check_… before exercise-end")
        called = {
            ast.unparse(node.func)
            for source in code["solution"]
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call)
        }
        for check in checks:
            if check.name not in called:
                problems.append(f"{where}: its solution does not call {check.name}; call it on the answer")
            taken = _answer_to(check)
            if taken:
                problems.append(f"{where}: {check.name} {taken} when every answer is None; {REMEDY}")
    return problems


REMEDY = 'begin with: assert answer is not None, "what to store"'


def _answer_to(check: ast.FunctionDef) -> str:
    """What a check does with an empty answer, when it is not a refusal in words."""
    page: dict = {}
    exec(compile(ast.Module([check], []), "check", "exec"), page)
    try:
        page[check.name](*[None] * len(check.args.args))
    except AssertionError as refusal:
        return "" if str(refusal).strip() else "refuses without a word"
    except Exception as error:
        return f"stumbles ({type(error).__name__}: {error})"
    return "passes"
