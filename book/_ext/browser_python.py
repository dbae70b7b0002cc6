"""Python in the reader's browser, for the page *Try without installing*: its files, and a record to read with it.

Both lie in the book's own folder, so no other server is asked for anything.
"""

from __future__ import annotations

import gzip
import sqlite3
import sys
from pathlib import Path
from shutil import copy2
from tempfile import TemporaryDirectory

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lhs_helpers.patients import cached_hospital
from lhs_helpers.records.emr import EMR

PYTHON = Path(sys.prefix, "pyodide")  # where tools/pyodide.py puts it
PLACE = "_static/try"
RECORD = "record.sqlite.gz"

# Of page 01's hospital: all people, diagnoses and drugs, and of the measurements the systolic blood pressure.
TABLES = {
    "people": "SELECT patient_id, sex, birth_date::VARCHAR AS birth_date, status FROM people ORDER BY 1",
    "conditions": """SELECT patient_id, time::VARCHAR AS time, recorded_at::VARCHAR AS recorded_at, code
        FROM conditions ORDER BY 1, 2, 4""",
    "medications": "SELECT patient_id, time::VARCHAR AS time, code, status FROM medications ORDER BY 1, 2, 3, 4",
    "observations": """SELECT patient_id, time::VARCHAR AS time, code, value
        FROM observations WHERE code = 'LOINC:8480-6' ORDER BY 1, 2""",
    "concepts": "SELECT code, description, unit FROM concepts ORDER BY 1",
}
START = '<div class="try-python" data-files="{up}{place}/" data-megabytes="{megabytes:.0f}"></div>'


class BrowserPython(SphinxDirective):
    """Where Python is started; without its files, a note that says so."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the files may have been fetched since
        if not (PYTHON / "VERSION").exists():
            text = (
                "This copy of the book was built without Python for the browser: npm, which fetches it, was missing, "
                "or the network was. What you read here is the code, and the whole page still runs after `make book`."
            )
            return self.parse_text_to_nodes(f":::{{note}}\n{text}\n:::")
        size = sum(file.stat().st_size for file in Path(self.env.app.outdir, PLACE).iterdir())
        up = "../" * self.env.docname.count("/")
        start = START.format(up=up, place=PLACE, megabytes=size / 1e6)
        return [nodes.raw("", f'{start}\n<script src="{up}_static/try.js" defer></script>', format="html")]


def bring_python(app: Sphinx) -> None:
    """Python and the record, among the book's own static files."""
    if app.builder.format != "html" or not (PYTHON / "VERSION").exists():
        return
    place = Path(app.outdir, PLACE)
    place.mkdir(parents=True, exist_ok=True)
    for file in PYTHON.iterdir():
        copy2(file, place)
    if not (place / RECORD).exists():
        hospital = cached_hospital(patients=7_500, years=5, seed=1, start="2015-01-01")
        (place / RECORD).write_bytes(packed(hospital.emr))


def packed(emr: EMR) -> bytes:
    """The tables in one SQLite file, compressed; the same record gives the same bytes."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "record.sqlite")
        database = sqlite3.connect(file)
        for name, question in TABLES.items():
            emr.sql(question).to_sql(name, database, index=False)
        database.close()
        return gzip.compress(file.read_bytes(), compresslevel=6, mtime=0)
