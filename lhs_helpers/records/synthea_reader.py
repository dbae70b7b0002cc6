"""Synthea's CSV export, of 2022 or current, turned into a record."""

from pathlib import Path

from lhs_helpers.errors import LHSError
from lhs_helpers.records.csv_files import CSVFile, find_files
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.importing import run
from lhs_helpers.records.recognise import hint
from lhs_helpers.records.synthea_rules import LAYOUTS, SYNTHEA


def read_synthea(source: Path | str, folder: Path | str) -> EMR:
    """Write a Synthea CSV export as a record into `folder`, and open it.

    Any subset of the files will do, as long as patients.csv is there; plain or gzip, with the columns of 2022 or
    of today, in any order and letter case. Rows that can not be used go to the table `rejected`, each with its
    reason (see `rules`, `synthea_rules`). Rows in = kept + rejected: the sums are printed, and in the manifest.

    Parameters
    ----------
    source : the folder of CSV files.
    folder : where the record goes: new, empty, or holding an earlier import, which is replaced.

    Returns
    -------
    EMR
        What a user must know of the data is in `.manifest["notes"]`.

    Raises
    ------
    LHSError
        When patients.csv or a column that identifies rows is missing, nobody in the export can be used, a file
        can not be read to its end, or `folder` holds something else.
    """
    files = find_files(source, "a Synthea export")
    if "patients" not in files:
        raise LHSError(
            f"{source} holds no patients.csv{hint(source, 'synthea')}; a record needs it: "
            "give the folder of a whole export."
        )
    opened = {layout.name: CSVFile(files[layout.name]) for layout in LAYOUTS if layout.name in files}
    unread = [path.name for name, path in files.items() if name not in opened]
    notes = [f"Not read, as the record has no table for them: {', '.join(unread)}."] if unread else []
    return run(SYNTHEA, str(source), opened, folder, notes)
