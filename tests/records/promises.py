"""What every reader promises, whatever was done to an export: a sentence, or a record that accounts for every row.

A seed says which export is damaged, and how: whatever a reader answers badly can be done again.
"""

import gzip
import io
import json
import random
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.fhir_reader import read_fhir
from lhs_helpers.records.meds_reader import read_meds
from lhs_helpers.records.mimic_reader import read_mimic
from lhs_helpers.records.omop_reader import read_omop
from lhs_helpers.records.synthea_reader import read_synthea

from .random_damage import damage, files
from .tiny_exports import MIMIC, OMOP, SYNTHEA, accounted, fhir, write_csv, write_fhir, write_meds_rows


def as_parquet(folder: Path) -> Path:
    """The OMOP export, each table a Parquet file with the types that pyarrow guesses."""
    folder.mkdir(parents=True)
    for name, text in OMOP.items():
        pq.write_table(pacsv.read_csv(io.BytesIO(text.encode())), folder / f"{name}.parquet")
    return folder


def in_bundles(folder: Path) -> Path:
    """The FHIR export as a bundle of each person, and one of what they share, as Synthea writes it."""
    held: dict[str, list[dict]] = {}
    for resource in fhir():
        name = next((name for name in ("ann", "bob") if f'"{name}"' in json.dumps(resource)
                     or f"Patient/{name}" in json.dumps(resource)), "shared")  # fmt: skip
        held.setdefault(name, []).append({"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource})
    folder.mkdir(parents=True)
    for name, entries in held.items():
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        (folder / f"{name}.json").write_text(json.dumps(bundle, indent=1))
    return folder


EXPORTS: dict[str, tuple[Callable[[Path], Path], Callable[[Path, Path], EMR]]] = {
    "synthea": (lambda folder: write_csv(folder, SYNTHEA), read_synthea),
    "omop": (lambda folder: write_csv(folder, OMOP), read_omop),
    "omop in parquet": (as_parquet, read_omop),
    "mimic": (lambda folder: write_csv(folder, MIMIC), read_mimic),
    "fhir": (write_fhir, read_fhir),
    "fhir in bundles": (in_bundles, read_fhir),
    "meds": (write_meds_rows, read_meds),
}
# Where each row that was kept makes one row: condition on the table -> the files that it comes from.
ONE_EACH = {
    "synthea": {
        "encounters": ["encounters.csv"],
        "conditions WHERE status = 'active'": ["conditions.csv"],
        "medications WHERE status = 'start'": ["medications.csv"],
        "observations": ["observations.csv"],
        "procedures": ["procedures.csv"],
        "immunizations": ["immunizations.csv"],
        "people": ["patients.csv"],
    },
    "omop": {
        "encounters": ["visit_occurrence"],
        "conditions WHERE status = 'active'": ["condition_occurrence"],
        "observations": ["measurement", "observation"],
        "procedures": ["procedure_occurrence"],
        "people": ["person"],
    },
    "mimic": {
        "encounters": ["admissions.csv", "icustays.csv"],
        "conditions": ["diagnoses_icd.csv"],
        "medications WHERE status = 'start'": ["prescriptions.csv"],
        "procedures": ["procedures_icd.csv"],
        "people": ["patients.csv"],
    },
    "fhir": {
        "encounters": ["Encounter"],
        "conditions WHERE status = 'active'": ["Condition"],
        "medications WHERE status = 'start'": ["MedicationRequest"],
        "procedures": ["Procedure"],
        "immunizations": ["Immunization"],
        "people": ["Patient"],
    },
    "meds": {"people": ["subjects"]},
}


def lines(path: Path) -> int | None:
    """How many rows a CSV file has below its header, counted by line ends alone; None where it has quotation marks."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if b'"' in content:
        return None
    rows = re.split(rb"\r\n|\r|\n", content)
    return max(0, len(rows) - 1 - (rows[-1] == b""))


def promised(kind: str, source: Path, folder: Path, read: Callable[[Path, Path], EMR]) -> str:
    """Read an export, and hold the reader to its promises; "sentence" or "record", whichever it gave.

    A sentence is one line, and leaves no record. A record accounts for every row by its own count and by ours, has a
    row for each that was kept, and breaks no rule of a record but that of units, which readers leave as they are.
    """
    try:
        with redirect_stdout(io.StringIO()):
            emr = read(source, folder)
    except LHSError as error:
        assert "\n" not in str(error) and len(str(error)) < 1500 and str(error).endswith("."), str(error)
        try:
            EMR(folder)
        except LHSError:
            return "sentence"
        raise AssertionError("a record stands where a reader gave up") from error
    accounted(emr)
    rows = emr.manifest["parameters"]["rows"]
    for path in files(source):
        if path.name in rows and path.suffix == ".csv" and (counted := lines(path)) is not None:
            assert rows[path.name]["in"] == counted, (
                f"{path.name} has {counted} rows, {rows[path.name]['in']} counted"
            )
    for table, names in ONE_EACH[kind.split()[0]].items():
        kept = sum(count["kept"] for name, count in rows.items() if name.removesuffix(".parquet") in names
                   or name.removesuffix(".csv") in names or name in names)  # fmt: skip
        held = emr.sql(f"SELECT count(*) AS n FROM {table}").n[0]
        assert held == kept, f"{table}: {held} rows of {kept} kept"
    broken = emr.check()
    broken = broken[broken.rule != "every value has the unit of its concept"]
    assert broken.empty, broken.to_string()
    return "record"


def trial(seed: str, place: Path) -> tuple[str, list[str], str]:
    """Damage one export and read it: its kind, what was done to it, and what the reader gave."""
    draw = random.Random(seed)
    kind = draw.choice(list(EXPORTS))
    write, read = EXPORTS[kind]
    source = write(place / "export")
    done = damage(source, draw)
    return kind, done, promised(kind, source, place / "record", read)
