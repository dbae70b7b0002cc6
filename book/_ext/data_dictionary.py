"""The data dictionary: tables, columns and types from the code, meanings and units from book/data-dictionary.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pyarrow as pa

from lhs_helpers.records.emr import EVENT_COLUMNS
from lhs_helpers.records.tables import ALLOWED, SCHEMAS

# A column of the view `events` has the type that it has in the tables.
EVENTS = pa.schema(
    [
        next(schema.field(name) for schema in SCHEMAS.values() if name in schema.names)
        for name in EVENT_COLUMNS
    ]
)
TABLES = SCHEMAS | {"events": EVENTS}


def in_words(kind: pa.DataType) -> str:
    """How a reader names a type."""
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        return "text"
    if pa.types.is_timestamp(kind):
        return "time, to the microsecond"
    if pa.types.is_date(kind):
        return "date"
    return "whole number" if pa.types.is_integer(kind) else "number"


def problems(meanings: dict[str, dict[str, str]], tables: dict[str, pa.Schema] = TABLES) -> list[str]:
    """Columns without a meaning, and meanings without a column."""
    where = "book/data-dictionary.toml"
    found = [f"{where} has no table {table}; say what it holds" for table in tables if table not in meanings]
    found += [
        f"{where} has a table {table}, and the code has none" for table in meanings if table not in tables
    ]
    for table in set(tables) & set(meanings):
        said, there = set(meanings[table]) - {"about"}, set(tables[table].names)
        found += [f"{where}: {table}.{name} has no meaning; say it" for name in sorted(there - said)]
        found += [f"{where}: the code has no column {table}.{name}" for name in sorted(said - there)]
        if not meanings[table].get("about", "").strip():
            found.append(f"{where}: {table} has no `about`; say what the table holds")
    return sorted(found)


def as_markdown(path: Path) -> str:
    """A section for each table. Raises ValueError when code and meanings disagree: the build stops."""
    meanings = tomllib.loads(path.read_text(encoding="utf-8"))
    wrong = problems(meanings)
    if wrong:
        raise ValueError("\n".join(wrong))
    return "\n\n".join(_section(table, schema, meanings[table]) for table, schema in TABLES.items())


def _section(table: str, schema: pa.Schema, said: dict[str, str]) -> str:
    rows = [
        f"| `{field.name}` | {in_words(field.type)} | {_meaning(table, field.name, said)} |"
        for field in schema
    ]
    return "\n".join(
        [
            f"## {table}",
            "",
            said["about"].strip(),
            "",
            "| Column | Type | Meaning |",
            "| --- | --- | --- |",
            *rows,
        ]
    )


def _meaning(table: str, column: str, said: dict[str, str]) -> str:
    allowed = ALLOWED.get((table, column))
    words = ", ".join(f"`{word}`" for word in allowed) if allowed else ""
    return f"{said[column]}: {words}" if words else said[column]
