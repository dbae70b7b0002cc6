"""A FHIR R4 export, bulk or bundles, turned into a record."""

import tempfile
from pathlib import Path

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.fhir_files import Export
from lhs_helpers.records.fhir_rules import FHIR, LAYOUTS
from lhs_helpers.records.importing import run


def read_fhir(source: Path | str, folder: Path | str) -> EMR:
    """Write a FHIR R4 export as a record into `folder`, and open it.

    Read are Patient, Encounter, Condition, Observation with its components, MedicationRequest (its medication
    inline, contained or referred to), Procedure and Immunization. Resources that can not be used go to the table
    `rejected`, each with its file, line (in a bundle: entry) and reason (see `rules` and `fhir_rules`). Resources
    in = kept + rejected: the sums by type are printed, and stand in the manifest.

    Parameters
    ----------
    source : the folder with NDJSON files of a bulk export, or with bundles; plain or gzip.
    folder : where the record goes: new, empty, or holding an earlier import, which is replaced.

    Returns
    -------
    EMR
        What a user must know of the data is in `.manifest["notes"]`.

    Raises
    ------
    LHSError
        When there is no Patient, nobody can be used, a file can not be read to its end, or `folder` holds
        something else.
    """
    with tempfile.TemporaryDirectory(prefix="lhs-fhir-") as scratch:
        export = Export(Path(source), Path(scratch))
        if "Patient" not in export.spools:
            damaged = export.damaged
            said = f"; {damaged[0]}, line {damaged[1]:,}, {damaged[2]}" if damaged else ""
            raise LHSError(
                f"{source} holds no resource of type Patient{said}; give the folder of a whole export."
            )
        opened = {
            layout.name: export.spools[layout.name] for layout in LAYOUTS if layout.name in export.spools
        }
        return run(FHIR, str(source), opened, folder, _notes(export))


def _notes(export: Export) -> list[str]:
    notes = [f"{name} holds lines that are not UTF-8; they were read as Latin-1." for name in export.latin]
    if export.unread:
        listed = ", ".join(f"{kind} ({count:,})" for kind, count in sorted(export.unread.items()))
        notes.append(f"Not read, as the record has no table for them: {listed}.")
    return notes
