"""What must hold in every record, and which rows break it."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from lhs_helpers.records.emr import SPILL, select_sql
from lhs_helpers.records.store import content_hash
from lhs_helpers.records.tables import ALLOWED, SCHEMAS, TIMED

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

REPORT = ["rule", "table", "rows", "example"]


@dataclass(frozen=True)
class Rule:
    """A claim about every row of a table; `broken` is the SQL condition that finds the rows against it."""

    name: str
    broken: str
    example: str  # a sentence, filled with one such row


def check(emr: "EMR") -> pd.DataFrame:
    """What does not hold in a record.

    Every partition is hashed, then each table is scanned once for its rules. The whole record is checked,
    whatever time the EMR stands at.

    Returns
    -------
    DataFrame
        One row per broken rule and table (of files: per file): rule, table, rows (how many break it; of a
        file, those it should hold), example (a sentence). No rows when all is well.
    """
    broken, readable = _check_files(emr)
    database = duckdb.connect(config={"temp_directory": SPILL})
    for table in SCHEMAS:
        database.execute(f'CREATE VIEW "{table}" AS {select_sql(table, readable[table])}')
    database.execute(PERSON)
    for table in TIMED:
        broken += _check_rows(database, table)
    broken += _check_duplicates(database)
    return pd.DataFrame(broken, columns=REPORT)


# Files


def _check_files(emr: "EMR") -> tuple[list[tuple], dict[str, list[Path]]]:
    """Broken rules of the files, and the files of each table that can be read."""
    tables = emr.manifest["tables"]
    entries = [
        (table, emr.folder / table / name, info)
        for table, entry in tables.items()
        for name, info in sorted(entry["files"].items())
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda entry: _check_file(*entry), entries))
    broken = [row for row, _ in found if row]
    broken += _unlisted(emr)
    if emr.manifest.get("content_hash") != content_hash(tables):
        example = "The content hash in manifest.json is not that of its files."
        broken.append(("the manifest agrees with itself", "", 0, example))
    readable = {table: [] for table in SCHEMAS}
    for (table, path, _), (_, is_readable) in zip(entries, found, strict=True):
        if is_readable and table in readable:
            readable[table].append(path)
    return broken, readable


def _check_file(table: str, path: Path, info: dict) -> tuple[tuple | None, bool]:
    """The rule that a partition breaks, if any, and whether its rows can be read all the same."""
    name, rows = f"{table}/{path.name}", info["rows"]
    if not path.is_file():
        return ("every partition is there", table, rows, f"{name} is missing."), False
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found == info["sha256"]:
        held = pq.read_metadata(path).num_rows
        example = f"{name} holds {held} rows, the manifest says {rows}."
        return (None if held == rows else ("the manifest counts every row", table, rows, example)), True
    reason = _unreadable(table, path)
    said = f", and can not be read: {reason}." if reason else " after it was written."
    return ("no partition was changed", table, rows, f"{name} was changed{said}"), not reason


def _unreadable(table: str, path: Path) -> str:
    """Why a partition can not be read, or nothing: all of it is read, as what was changed may be anywhere."""
    try:
        with duckdb.connect() as database:
            database.execute(select_sql(table, [path])).fetchnumpy()
    except (duckdb.Error, KeyError, ValueError) as error:
        return str(error).splitlines()[0].rstrip(".")
    return ""


def _unlisted(emr: "EMR") -> list[tuple]:
    """Parquet files among the partitions that nobody reads, as the manifest does not name them."""
    broken = []
    for table in SCHEMAS:
        listed = emr.manifest["tables"].get(table, {"files": {}})["files"]
        for path in sorted((emr.folder / table).glob("*.parquet")):
            if path.name not in listed:
                example = f"{table}/{path.name} is not in manifest.json, and is not read."
                broken.append(("every partition is in the manifest", table, 0, example))
    return broken


# Rows

PERSON = """
CREATE TEMP TABLE person AS
SELECT patient_id, true AS is_known, min(birth_date) AS birth, min(time) FILTER (status = 'died') AS death
FROM patients WHERE patient_id IS NOT NULL GROUP BY patient_id
"""

MISSING = Rule(
    "patient, times and code are given",
    "patient_id IS NULL OR time IS NULL OR recorded_at IS NULL",
    "Patient {patient_id} has a row at {time}, recorded at {recorded_at}, with {code}.",
)
BORN = Rule(
    "every birth date is known", "birth_date IS NULL", "The birth date of patient {patient_id} is not given."
)
BEFORE_BIRTH = Rule(
    "nothing happens before birth",
    "time < birth",
    "Patient {patient_id} has {code} on {time}, but was born on {birth}.",
)
AFTER_DEATH = Rule(
    "nothing happens after death",
    "time > death",
    "Patient {patient_id} has {code} at {time}, but died at {death}.",
)
RECORDED_BEFORE = Rule(
    "nothing is recorded before it happens",
    "recorded_at < time",
    "Patient {patient_id} has {code} at {time}, recorded at {recorded_at}.",
)
PATIENT_KNOWN = Rule(
    "every patient is known",
    "patient_id IS NOT NULL AND is_known IS NULL",
    "Patient {patient_id} has {code} on {time}, but is not in the table patients.",
)
CODE_KNOWN = Rule(
    "every code is known",
    "code NOT IN (SELECT code FROM concepts WHERE code IS NOT NULL)",
    "{code} (patient {patient_id}, {time}) is not in the table concepts.",
)
REASON_KNOWN = Rule(
    "every reason is known",
    "reason_code NOT IN (SELECT code FROM concepts WHERE code IS NOT NULL)",
    "{reason_code}, the reason for {code} (patient {patient_id}), is not in the table concepts.",
)
ENCOUNTER_KNOWN = Rule(
    "every encounter is known",
    "encounter_id IS NOT NULL AND row(encounter_id, patient_id) NOT IN "
    "(SELECT row(encounter_id, patient_id) FROM encounters)",
    "Patient {patient_id} has {code} in encounter {encounter_id}, which the patient does not have.",
)
STOP_AFTER_START = Rule(
    "every encounter stops after it starts",
    "stop < time",
    "Encounter {encounter_id} starts at {time} and stops at {stop}.",
)
UNIT_KNOWN = Rule(
    "every value has the unit of its concept",
    "value IS NOT NULL AND row(code, unit) NOT IN (SELECT row(code, unit) FROM concepts)",
    "{code} (patient {patient_id}, {time}) has the unit {unit}, which is not that of its concept.",
)
VALUE_OR_TEXT = Rule(
    "every observation has a value or a text",
    "(value IS NULL) = (text IS NULL) OR NOT isfinite(value)",
    "{code} (patient {patient_id}, {time}) has the value {value} and the text {text}.",
)


def _rules(table: str) -> Iterator[Rule]:
    """The rules of one table: what its columns call for."""
    columns = SCHEMAS[table].names
    yield (
        MISSING
        if "code" not in columns
        else Rule(MISSING.name, f"{MISSING.broken} OR code IS NULL", MISSING.example)
    )
    yield BEFORE_BIRTH
    yield RECORDED_BEFORE
    if table == "patients":
        yield BORN
    else:
        yield from (AFTER_DEATH, PATIENT_KNOWN, CODE_KNOWN)
    if "reason_code" in columns:
        yield REASON_KNOWN
    if table == "encounters":
        yield STOP_AFTER_START
    elif "encounter_id" in columns:
        yield ENCOUNTER_KNOWN
    if table == "observations":
        yield from (UNIT_KNOWN, VALUE_OR_TEXT)
    for (owner, column), words in ALLOWED.items():
        if owner == table:
            yield _word_rule(column, words)


def _word_rule(column: str, words: tuple[str, ...]) -> Rule:
    listed = ", ".join(f"'{word}'" for word in words)
    example = f"Patient {{patient_id}} has the {column} {{{column}}}; expected is one of {', '.join(words)}."
    return Rule(f"every {column} is known", f'"{column}" IS NULL OR "{column}" NOT IN ({listed})', example)


def _check_rows(database: duckdb.DuckDBPyConnection, table: str) -> list[tuple]:
    """Broken rules of a table: one scan counts for all rules, then one row of each broken rule is fetched."""
    rules = list(_rules(table))
    rows = f'(SELECT * FROM "{table}" LEFT JOIN person USING (patient_id))'
    counts = ", ".join(f"count_if({rule.broken})" for rule in rules)
    found = database.execute(f"SELECT {counts} FROM {rows}").fetchone()
    broken = []
    for rule, count in zip(rules, found, strict=True):
        if count:
            row = database.execute(f"SELECT * FROM {rows} WHERE {rule.broken} LIMIT 1")
            names = [column[0] for column in row.description]
            values = {name: _said(value) for name, value in zip(names, row.fetchone(), strict=True)}
            values.setdefault("code", f"the status {values.get('status')}")
            broken.append((rule.name, table, count, rule.example.format_map(values)))
    return broken


def _said(value: object) -> str:
    return "nothing" if value is None else str(value).removesuffix(" 00:00:00")


def _check_duplicates(database: duckdb.DuckDBPyConnection) -> list[tuple]:
    repeated = database.execute(
        "SELECT encounter_id, count(*) AS n FROM encounters GROUP BY encounter_id HAVING n > 1 "
        "ORDER BY encounter_id"
    ).fetchall()
    if not repeated:
        return []
    identifier, times = repeated[0]
    example = f"Encounter {identifier} is there {times} times."
    return [("every encounter has its own number", "encounters", sum(n for _, n in repeated), example)]
