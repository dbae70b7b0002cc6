"""A dataset of MEDS, the Medical Event Data Standard 0.3 or 0.4, turned into a record."""

import tempfile
from pathlib import Path

import duckdb

from lhs_helpers.errors import LHSError
from lhs_helpers.records.chunked_import import MEMORY
from lhs_helpers.records.csv_files import require_file
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.importing import run
from lhs_helpers.records.meds_rules import CODES, EVENTS, MEDS, SUBJECTS
from lhs_helpers.records.recognise import hint
from lhs_helpers.records.tabular import ParquetFile, ParquetFiles

# What is known of each person, wherever in the data it stands.
PEOPLE = """COPY (SELECT subject_id, min(time) FILTER (code LIKE 'MEDS_BIRTH%') AS birth,
    min(time) FILTER (code LIKE 'MEDS_DEATH%') AS death,
    min(split_part(code, '//', 2)) FILTER (code LIKE 'SEX//%' OR code LIKE 'GENDER//%') AS sex,
    min(split_part(code, '//', 2)) FILTER (code LIKE 'RACE//%') AS race,
    min(split_part(code, '//', 2)) FILTER (code LIKE 'ETHNICITY//%') AS ethnicity
    FROM read_parquet([{files}], union_by_name = true, hive_partitioning = false)
    GROUP BY subject_id ORDER BY subject_id) TO '{target}' (FORMAT parquet)"""


def read_meds(source: Path | str, folder: Path | str) -> EMR:
    """Write a MEDS dataset as a record into `folder`, and open it.

    A dataset written by `write_meds` says of each event what it is, and comes back as it was, but for what its
    form can not say (of encounters class and end, of events their encounter and reason). Of another dataset the
    prefix of a code decides (see `meds_rules`). Rows that can not be used go to the table `rejected`, each with
    its reason. Rows in = kept + rejected: the sums are printed, and stand in the manifest.

    Parameters
    ----------
    source : the folder that holds data/ and, for what codes mean, metadata/codes.parquet.
    folder : where the record goes: new, empty, or holding an earlier import, which is replaced.

    Returns
    -------
    EMR
        What a user must know of the data is in `.manifest["notes"]`.

    Raises
    ------
    LHSError
        When there are no data, a column that identifies rows is missing, nobody can be used, a file can not be
        read, or `folder` holds something else.
    """
    source = Path(source)
    paths = sorted(path for path in (source / "data").glob("**/*.parquet"))
    if not paths:
        raise LHSError(
            f"{source} holds no data/**/*.parquet{hint(source, 'meds')}; give the folder of a MEDS dataset."
        )
    for path in paths:
        require_file(path)
    data = ParquetFiles(EVENTS.name, source, paths)
    for file in data.files:
        for name in map(EVENTS.column, EVENTS.essential):
            if name not in file.columns:
                raise LHSError(f"{file.path} has no column {name.lower()}; MEDS has it in every file.")
    with tempfile.TemporaryDirectory(prefix="lhs-meds-") as scratch:
        people = Path(scratch) / "subjects.parquet"
        _collect(paths, people)
        subjects = ParquetFile(people)
        subjects.name = SUBJECTS.name
        codes = source / "metadata" / "codes.parquet"
        opened = {SUBJECTS.name: subjects, EVENTS.name: data}
        opened |= {CODES.name: ParquetFile(codes)} if codes.is_file() else {}
        return run(MEDS, str(source), opened, folder, [])


def _collect(paths: list[Path], target: Path) -> None:
    files = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    try:
        limits = {"memory_limit": MEMORY, "temp_directory": str(target.parent / "spill"), "threads": 1}
        with duckdb.connect(config=limits) as database:
            database.execute(PEOPLE.format(files=files, target=str(target).replace("'", "''")))
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise LHSError(
            f"{paths[0].parent} can not be read as MEDS ({reason}); get the dataset again."
        ) from None
