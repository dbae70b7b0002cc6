"""A small Synthea export for tests to damage, and what they ask of its record."""

from pathlib import Path

import pandas as pd

from lhs_helpers.records.emr import EMR
from lhs_helpers.records.synthea import read_synthea

from .tiny_exports import SYNTHEA, TABLES


def export(folder: Path) -> Path:
    folder.mkdir()
    for name, text in SYNTHEA.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def change(source: Path, name: str, old: str, new: str) -> None:
    path = source / f"{name}.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def append(source: Path, name: str, row: str) -> None:
    with (source / f"{name}.csv").open("a") as file:
        file.write(row + "\n")


def read(source: Path) -> EMR:
    """Import, and hold the reader to its promises: rows in = kept + rejected, and the record is sound."""
    emr = read_synthea(source, source.parent / "emr")
    rows = emr.manifest["parameters"]["rows"]
    assert all(count["in"] == count["kept"] + count["rejected"] for count in rows.values())
    assert all(count["rejected"] == sum(count["reasons"].values()) for count in rows.values())
    rejected = emr.rejected.file.execute().value_counts().to_dict()
    assert rejected == {name: count["rejected"] for name, count in rows.items() if count["rejected"]}
    return emr


def tables(emr: EMR) -> dict[str, pd.DataFrame]:
    return {table: getattr(emr, table).execute() for table in TABLES}


def rejected(emr: EMR) -> list[tuple]:
    """File, row, column and what was found, of each rejected row."""
    rows = emr.rejected.execute().astype(object)
    rows = rows.where(rows.notna(), None).sort_values(["file", "row"])
    return list(rows[["file", "row", "column", "found"]].itertuples(index=False, name=None))


def notes(emr: EMR) -> str:
    return "\n".join(emr.manifest["notes"])


def assert_same(first: EMR, second: EMR) -> None:
    for table, rows in tables(first).items():
        pd.testing.assert_frame_equal(rows, getattr(second, table).execute())
