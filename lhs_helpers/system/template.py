"""The guide's forms, filled: the same Markdown that people download, with the blanks answered.

A blank is a text in angle brackets, or an empty row of a table. Its name is the words before it: "Not meant for",
"AUROC". What nobody answered says so, as in the model card of a release.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from lhs_helpers.errors import LHSError
from lhs_helpers.system.model_card import NOT_STATED
from lhs_helpers.system.release import Release

FOLDER = Path(__file__).resolve().parents[2] / "book" / "templates"
BLANK = re.compile(r"<[^<>]+>")
PERFORMANCE = {
    "AUROC": "AUROC",
    "AUPRC, at prevalence": "AUPRC",
    "Observed over expected": "O/E",
    "Calibration intercept, slope": "calibration slope",
    "At the threshold in use: sensitivity": "recall",
    "At the threshold in use: positive predictive value": "precision",
}

Answer = str | list[str] | list[list[str]]


def template(name: str) -> str:
    """A form of the guide, such as "model-card".

    Raises
    ------
    LHSError
        When there is none of this name, or the guide's `book` folder is not beside the package.
    """
    path = FOLDER / f"{name}.md"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.md")))
        raise LHSError(
            f"There is no form {name!r} in {FOLDER}"
            + (f"; there are {known}." if known else ": the guide's folder is needed, not the package alone.")
        )
    return path.read_text(encoding="utf-8")


def blanks(form: str) -> list[str]:
    """The names of the blanks of a form, in their order."""
    names: list[str] = []
    _walk(form, lambda name, width: names.append(name) or None)
    return list(dict.fromkeys(names))


def filled(form: str, answers: Mapping[str, Answer]) -> str:
    """The form with its blanks answered; every other word stays as it is.

    Parameters
    ----------
    form : str
        From `template`.
    answers : mapping
        By the name of the blank (`blanks` lists them): a text; for a row of a table, the texts of its cells; for
        an empty row, a list of rows.

    Raises
    ------
    LHSError
        When an answer belongs to no blank, or a row has more cells than the table.
    """
    unknown = [name for name in answers if name not in blanks(form)]
    if unknown:
        raise LHSError(f"The form has no blank {unknown[0]!r}; its blanks are {', '.join(blanks(form))}.")
    return _walk(form, lambda name, width: answers.get(name))


def measured(release: Release, *others: Mapping[str, str]) -> dict[str, Answer]:
    """The answers of the form "model-card" that a release knows: names, numbers with their intervals.

    `others` are the columns beside the model's, such as the present rule and age alone: texts by measure.
    """
    task, metrics = release.task, release.metrics
    rows: dict[str, Answer] = {
        blank: [_interval(metrics, measure), *(other.get(measure, NOT_STATED) for other in others)]
        for blank, measure in PERFORMANCE.items()
        if measure in metrics.index
    }
    return rows | {
        "Name": release.name,
        "Version": release.version,
        "Released": release.date,
        "at prevalence": f"{metrics.loc['prevalence', 'estimate']:.3g}",
        "Filled from the run": release.identity[:12],
        "on": release.date,
        "What it gives": f"{task}",
        "Label, version, how checked": [" or ".join(task.target)],
        "Variables, look-back, gap": [
            f"{len(release.features)} variables; look-back {task.lookback_days} days; gap {task.gap_days} days"
        ],
        "Algorithm, settings, seed": [f"{release.algorithm}; log-odds adjusted by {release.adjustment}"],
    }


def _interval(metrics, measure: str) -> str:
    row = metrics.loc[measure]
    return f"{row['estimate']:.3g} ({row['low']:.3g} to {row['high']:.3g})"


def _walk(form: str, answer) -> str:
    """The form, each blank asked for by its name and the number of cells (0 in running text)."""
    lines, heads = [], None
    for line in form.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            lines.append(_text(line, answer))
            heads = None
        elif heads is None:
            lines.append(line)
            heads = cells
        elif set(line) <= set("| -:"):
            lines += [line] if "-" in line else _rows(heads[0], len(cells), answer, line)
        elif any(cells[1:]):
            lines.append(_text(line, answer))
        else:
            lines.append(_row(cells, answer, line))
    return "\n".join(lines) + "\n"


def _row(cells: list[str], answer, line: str) -> str:
    name = BLANK.sub("", cells[0]).strip(" ,")
    first = _text(cells[0], answer)
    given = answer(name, len(cells) - 1)
    if given is None:
        given = [NOT_STATED]
    return _table_line([first, *given], len(cells), name)


def _rows(name: str, width: int, answer, line: str) -> list[str]:
    given = answer(name, width)
    return [_table_line(row, width, name) for row in given or [[NOT_STATED]]]


def _table_line(cells: list[str], width: int, name: str) -> str:
    if isinstance(cells, str) or len(cells) > width:
        raise LHSError(f"The row {name!r} takes a list of up to {width} texts; given was {cells!r}.")
    return "| " + " | ".join([*cells, *[""] * (width - len(cells))]) + " |"


def _text(line: str, answer) -> str:
    parts, end = [], 0
    for blank in BLANK.finditer(line):
        before = line[end : blank.start()]
        # "For which decision, taken by whom: <...>" is one name; "on <date>, after <...>" are two.
        colon = before.rstrip(" *").endswith(":")
        words = re.split(r"[.;] " if colon else r"[:.;,|]", before)
        words = [word.strip(" -*#>|:;.,") for word in words]
        name = next((word for word in reversed(words) if word), blank.group().strip("<>"))
        parts += [before, str(answer(name, 0) or NOT_STATED.rstrip("."))]
        end = blank.end()
    return "".join([*parts, line[end:]])
