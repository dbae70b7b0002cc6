"""How a file of an export is described, and the SQL that this makes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Rule = tuple[str | None, str, str]  # column (None: the whole row), the rows against it in SQL, reason

# Columns of files that nobody asks for once a row is judged.
SPENT = (
    "PATIENT", "ENCOUNTER", "CODE", "SYSTEM", "START", "START_TIME", "STOP", "STOP_TIME", "DATE", "TYPE", "REASONCODE",
)  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """One file of an export: its columns, its rules, and the SQL that makes rows of a table of it.

    The SQL speaks of columns by names that all formats share (PATIENT, START, CODE, ...); `columns` says what
    the file calls them, where that differs, and people are told the file's own names.
    """

    name: str
    essential: tuple[str, ...]  # without these columns no row can be used
    optional: tuple[str, ...]
    rules: tuple[Rule, ...]
    joined: str  # what is joined to the file, as `chunked`; people and encounters by way of `referred`
    derived: str  # columns made of all of these
    key: str  # what tells a row from any other: columns a and b
    kept: Mapping[str, str]  # per table, its rows, from `judged`; none where they are written at the end
    remembered: tuple[str, ...] = ()  # what later rows and other files need, from `judged`
    summed: tuple[str, ...] = ()  # what is asked for when all is read, from `judged`
    references: tuple[str, ...] = ()  # columns that name people and encounters; each pair once: `referred`
    spent: tuple[str, ...] = ()  # columns of `derived` that nobody asks for once a row is judged
    forgotten: tuple[str, ...] = ()  # tables to empty before the file is read (again)
    columns: Mapping[str, str] = field(default_factory=dict)  # name in the SQL -> name in the file
    cells: Mapping[str, str] = field(default_factory=dict)  # name in the SQL -> SQL that tidies the text {}
    prepared: str = ""  # further columns made of the row alone, to be joined by
    where: tuple[str, str] | None = None  # columns with file and row, when rows come from several files

    def column(self, name: str) -> str:
        """What the file calls a column."""
        return self.columns.get(name, name)

    def judge(self, columns: list[str], has_encounters: bool) -> str:
        """SQL of what a chunk is, once `judged`: parsed, linked, with the number of the first rule broken or 0.

        References to encounters are not judged when the export has no file of them.
        """
        names = self.essential + self.optional
        cells = {
            name: f"{self._cell(name)} AS {name}"
            if self.column(name) in columns
            else f"NULL::VARCHAR AS {name}"
            for name in names
        }
        referred = ", ".join(["pair", *(cells[name] for name in self.references)])
        # Where a row stands is no part of what it says.
        whole = ", ".join(_quoted(name) for name in columns if name not in (self.where or ()))
        prepared = f", {self.prepared}" if self.prepared else ""
        cases = [
            f"WHEN {broken} THEN {number}"
            for number, (column, broken, _) in enumerate(self.rules, 1)
            if has_encounters or column != "ENCOUNTER"
        ]
        found = [
            f"WHEN {number} THEN {column}" for number, (column, *_) in enumerate(self.rules, 1) if column
        ]
        spent = ", ".join(["pair", "whole", *(name for name in names if name in SPENT), *self.spent])
        return f"""WITH cell AS NOT MATERIALIZED
                (SELECT line, pair, hash({whole}) AS whole, {", ".join(cells.values())} FROM chunk),
            referred AS NOT MATERIALIZED (SELECT {referred} FROM pairs),
            chunked AS NOT MATERIALIZED (SELECT *{prepared} FROM cell),
            derived AS (SELECT chunked.*, {self.derived} FROM chunked {self.joined}),
            keyed AS (SELECT *, {self.key} FROM derived),
            faulty AS (SELECT keyed.*, CASE {" ".join(cases)} ELSE 0 END AS fault
                FROM keyed LEFT JOIN repeated USING (a, b))
            SELECT * EXCLUDE ({spent}), CASE fault {" ".join(found)} END AS found FROM faulty"""

    def pair(self, columns: list[str]) -> list[str]:
        """What the file calls the columns by which people and encounters are looked up."""
        return [name for name in map(self.column, self.references) if name in columns]

    def _cell(self, name: str) -> str:
        text = f"nullif({_quoted(self.column(name))}, '')"
        return self.cells[name].replace("{}", text) if name in self.cells else text

    def rejected(self, file: str) -> str:
        """SQL for the rows of `judged` that can not be used, each with the first rule it breaks."""
        columns, _, reasons = zip(*self.rules, strict=True)
        columns = tuple(column and self.column(column) for column in columns)
        file, row = self.where or (_listed((file,)) + "[1]", "line")
        return f"""SELECT {file} AS file, {row}::BIGINT AS row, {_listed(columns)}[fault] AS "column", found,
            {_listed(reasons)}[fault] AS reason FROM judged WHERE fault > 0 ORDER BY line"""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _listed(texts: tuple[str | None, ...]) -> str:
    quoted = ["NULL" if text is None else "'" + text.replace("'", "''") + "'" for text in texts]
    return f"[{', '.join(quoted)}]"
