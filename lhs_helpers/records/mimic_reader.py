"""MIMIC-IV, the hospital and intensive care of Beth Israel Deaconess Medical Center, turned into a record."""

from pathlib import Path

from lhs_helpers.errors import LHSError
from lhs_helpers.records.csv_files import CSVFile, find_files
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.importing import run
from lhs_helpers.records.mimic_rules import LAYOUTS, MIMIC
from lhs_helpers.records.recognise import hint

MODULES = ("hosp", "icu")


def read_mimic(source: Path | str, folder: Path | str) -> EMR:
    """Write MIMIC-IV, or its demo, as a record into `folder`, and open it.

    Any subset of the files will do, as long as there are patients and admissions; gzip is read as it is. Rows
    that can not be used go to the table `rejected`, each with its reason (see `rules` and `mimic_rules`). Rows
    in = kept + rejected: the sums are printed, and stand in the manifest.

    Parameters
    ----------
    source : the folder that holds hosp/ and icu/, as PhysioNet ships them, or all their files.
    folder : where the record goes: new, empty, or holding an earlier import, which is replaced.

    Returns
    -------
    EMR
        What a user must know of the data, above all of its dates, is in `.manifest["notes"]`.

    Raises
    ------
    LHSError
        When patients, admissions or a column that identifies rows is missing, nobody can be used, a file can
        not be read to its end, or `folder` holds something else.
    """
    files = find_files(source, "MIMIC-IV")
    for module in MODULES:
        if (Path(source) / module).is_dir():
            further = find_files(Path(source) / module, "MIMIC-IV")
            twice = sorted(files.keys() & further.keys())
            if twice:
                raise LHSError(f"{source} holds {twice[0]}.csv more than once; leave one of them.")
            files |= further
    for name in ("patients", "admissions"):
        if name not in files:
            raise LHSError(
                f"{source} holds no {name}.csv{hint(source, 'mimic')}; a record needs it: "
                "give the folder above hosp and icu."
            )
    opened = {layout.name: CSVFile(files[layout.name]) for layout in LAYOUTS if layout.name in files}
    unread = [path.name for name, path in files.items() if name not in opened]
    notes = [f"Not read, as the record has no place for them: {', '.join(unread)}."] if unread else []
    return run(MIMIC, str(source), opened, folder, notes)
