"""What a reader says of its kind of export: the files, the rules, and what becomes of people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from lhs_helpers.records.csv_files import Broken
from lhs_helpers.records.layout import Layout

# Registered at the beginning of each membership; without one at the first encounter, else at birth. Who dies has
# not left, nor has who is there when the export ends.
PATIENTS = """
WITH chosen AS (SELECT * FROM person WHERE patient_id BETWEEN {low} AND {high}),
entry AS (SELECT patient_id, min(visit_start) AS first_visit FROM visit
    WHERE patient_id BETWEEN {low} AND {high} GROUP BY patient_id),
entered AS (SELECT chosen.*, coalesce(entered, first_visit, birth) AS entry, left_at
    FROM chosen LEFT JOIN entry USING (patient_id) LEFT JOIN membership USING (patient_id)),
version AS (SELECT *, 'registered' AS status, entry AS time FROM entered UNION ALL
    SELECT *, 'left', left_at FROM entered
    WHERE left_at < coalesce(death::DATE, 'infinity') AND left_at < (SELECT max(left_at) FROM membership) UNION ALL
    SELECT *, NULL, NULL, 'died', death FROM chosen WHERE death IS NOT NULL)
SELECT patient_id, source_id, birth AS birth_date, sex, race, ethnicity, insurance, site, status, time,
    time AS recorded_at
FROM version ORDER BY patient_id, time
"""


class Source(Protocol):
    """What rows come from: a file, a table of a database, the resources of one type."""

    name: str  # by which its rows are counted
    columns: list[str]
    has_rows: bool
    notes: list[str]  # what is odd about it

    def chunks(self) -> Iterator[tuple[pa.Table, list[Broken]]]:
        """The rows as tables of text with their number in `line`, and what can not be told apart into columns."""


@dataclass(frozen=True)
class Format:
    """A kind of export: its layouts in the order they are read (what others refer to first), its notes."""

    source: str  # as the manifest tells it
    reader: str  # the function, for sentences
    layouts: tuple[Layout, ...]
    notes: tuple[str, ...]
    ending: str = ".csv"
    quiet: tuple[str, ...] = ("SYSTEM",)  # layouts and columns whose absence is not worth a word
    tables: str = ""  # SQL of further things to remember
    patients: str = PATIENTS  # SQL that makes the table of people, from {low} to {high}
    said: Mapping[str, str] | None = None  # sentences, each with the SQL that counts the rows it speaks of

    @property
    def encounters(self) -> tuple[str, ...]:
        """The layouts of encounters: without any of them, references to them are not judged."""
        return tuple(layout.name for layout in self.layouts if "encounters" in layout.kept)
