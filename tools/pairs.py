"""Write the .ipynb of every pair in notebooks/ from the .py, which is the source; outputs are never stored.

python tools/pairs.py            write what is out of step
python tools/pairs.py --check    only report; exit 1 when a pair is out of step
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jupytext

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def as_notebook(source: Path) -> str:
    """The text of the .ipynb that belongs to a page: the same page gives the same bytes, on any machine."""
    page = jupytext.read(source, fmt="py:percent")
    cells = []
    for number, cell in enumerate(page.cells, start=1):
        plain = {
            "cell_type": cell.cell_type,
            "id": f"cell-{number:03d}",  # jupytext's own are drawn at random
            "metadata": {k: v for k, v in cell.metadata.items() if k != "lines_to_next_cell"},
            "source": cell.source.splitlines(keepends=True),
        }
        if cell.cell_type == "code":
            plain |= {"execution_count": None, "outputs": []}
        cells.append(plain)
    notebook = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def out_of_step(folder: Path = NOTEBOOKS) -> dict[Path, str | None]:
    """Each .ipynb that differs from its page, with the text it should have (None: it has no page)."""
    wanted = {source.with_suffix(".ipynb"): as_notebook(source) for source in sorted(folder.glob("*.py"))}
    found = {path: path.read_text(encoding="utf-8") for path in folder.glob("*.ipynb")}
    return {path: wanted.get(path) for path in sorted(wanted | found) if wanted.get(path) != found.get(path)}


def main() -> int:
    differing = out_of_step()
    if "--check" in sys.argv[1:]:
        for path, text in differing.items():
            remedy = "has no .py beside it; delete it" if text is None else "is out of step; run: make pairs"
            print(f"notebooks/{path.name} {remedy}")
        return bool(differing)
    for path, text in differing.items():
        if text is None:
            print(f"notebooks/{path.name} has no .py beside it; delete it")
            return 1
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"notebooks/{path.name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
