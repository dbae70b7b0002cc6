"""A database in the OMOP Common Data Model, 5.3 or 5.4, turned into a record."""

from pathlib import Path

from ibis import BaseBackend
from ibis.common.exceptions import IbisError

from lhs_helpers.errors import LHSError
from lhs_helpers.records.csv_files import CSVFile, find_files
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.formats import Source
from lhs_helpers.records.importing import run
from lhs_helpers.records.omop_rules import LAYOUTS, OMOP
from lhs_helpers.records.recognise import hint
from lhs_helpers.records.tabular import DatabaseTable, ParquetFile

ENDING = r"\.(csv(\.gz)?|parquet)"


def read_omop(source: Path | str | BaseBackend, folder: Path | str) -> EMR:
    """Write a database in the OMOP Common Data Model as a record into `folder`, and open it.

    Any subset of the tables will do, as long as there is person; names in any letter case. Rows that can not be
    used go to the table `rejected`, each with its reason (see `rules` and `omop_rules`). Rows in = kept +
    rejected: the sums are printed, and stand in the manifest.

    Parameters
    ----------
    source : a folder with a CSV file (plain or gzip) or a Parquet file for each table, or a connection of ibis
        to a database, e.g. `ibis.postgres.connect(...)`, in whose default schema the tables are.
    folder : where the record goes: new, empty, or holding an earlier import, which is replaced.

    Returns
    -------
    EMR
        What a user must know of the data is in `.manifest["notes"]`.

    Raises
    ------
    LHSError
        When person or a column that identifies rows is missing, nobody can be used, a file can not be read to
        its end, or `folder` holds something else.
    """
    in_database = isinstance(source, BaseBackend)
    place = f"The {source.name} database" if in_database else str(source)
    found = _tables(source) if in_database else find_files(source, "an OMOP database", ENDING)
    if "person" not in found:
        other = "" if in_database else hint(source, "omop")
        raise LHSError(f"{place} holds no table person{other}; a record needs it: give the whole database.")
    names = [layout.name for layout in LAYOUTS if layout.name in found]
    try:
        opened = {name: _open(source, name, found[name]) for name in names}
        notes = [] if in_database else _unread(found, opened)
        return run(OMOP, place, opened, folder, notes)
    except IbisError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise LHSError(f"{place} can not be read ({reason}); check the connection and its rights.") from None


def _tables(connection: BaseBackend) -> dict[str, str]:
    return {name.lower(): name for name in connection.list_tables()}


def _open(source: Path | str | BaseBackend, name: str, found: Path | str) -> Source:
    if isinstance(source, BaseBackend):
        return DatabaseTable(source, found)
    if found.suffix.lower() == ".parquet":
        return ParquetFile(found)
    file = CSVFile(found)
    if name == "concept" and file.delimiter == "\t":
        file.quoted = False  # Athena writes vocabularies with tabs, and quotation marks as they are
    return file


def _unread(found: dict[str, Path], opened: dict[str, Source]) -> list[str]:
    unread = [path.name for name, path in found.items() if name not in opened]
    return [f"Not read, as the record has no place for them: {', '.join(unread)}."] if unread else []
