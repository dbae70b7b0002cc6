"""How a file of a Synthea export is described, and the SQL that this makes."""

from dataclasses import dataclass

Rule = tuple[str | None, str, str]  # column (None: the whole row), the rows against it in SQL, reason

# Columns that nobody asks for once a row is judged.
SPENT = ("PATIENT", "ENCOUNTER", "CODE", "SYSTEM", "START", "STOP", "DATE", "TYPE", "REASONCODE")


@dataclass(frozen=True)
class Layout:
    """One file of an export: its columns, its rules, and the SQL that makes rows of a table of it."""

    name: str
    essential: tuple[str, ...]  # without these columns no row can be used
    optional: tuple[str, ...]
    table: str | None  # the table that its chunks become rows of
    rules: tuple[Rule, ...]
    joined: str  # what is joined to the file, as `chunked`
    derived: str  # columns made of all of these
    key: str  # what tells a row from any other: columns a and b
    kept: str  # rows of the table, from `judged`
    remembered: tuple[str, ...]  # what other files need, from `judged`
    forgotten: tuple[str, ...] = ()  # tables to empty before the file is read (again)

    def judge(self, columns: list[str], has_encounters: bool) -> str:
        """SQL that makes `judged` of a chunk: parsed, linked, with the number of the first rule broken or 0.

        References to encounters are not judged when the export has no encounters.csv.
        """
        names = self.essential + self.optional
        cells = [
            f"""nullif("{name}", '') AS {name}""" if name in columns else f"NULL::VARCHAR AS {name}"
            for name in names
        ]
        whole = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        cases = [
            f"WHEN {broken} THEN {number}"
            for number, (column, broken, _) in enumerate(self.rules, 1)
            if has_encounters or column != "ENCOUNTER"
        ]
        found = [
            f"WHEN {number} THEN {column}" for number, (column, *_) in enumerate(self.rules, 1) if column
        ]
        spent = ", ".join(["whole", *(name for name in names if name in SPENT)])
        return f"""CREATE OR REPLACE TEMP TABLE judged AS
            WITH chunked AS NOT MATERIALIZED (SELECT line, hash({whole}) AS whole, {", ".join(cells)} FROM chunk),
            derived AS (SELECT chunked.*, {self.derived} FROM chunked {self.joined}),
            keyed AS (SELECT *, {self.key} FROM derived),
            faulty AS (SELECT keyed.*, CASE {" ".join(cases)} ELSE 0 END AS fault
                FROM keyed LEFT JOIN repeated USING (a, b))
            SELECT * EXCLUDE ({spent}), CASE fault {" ".join(found)} END AS found FROM faulty"""

    @property
    def rejected(self) -> str:
        """SQL for the rows of `judged` that can not be used, each with the first rule it breaks."""
        columns, _, reasons = zip(*self.rules, strict=True)
        return f"""SELECT line AS row, {_listed(columns)}[fault] AS "column", found,
            {_listed(reasons)}[fault] AS reason FROM judged WHERE fault > 0 ORDER BY line"""


def _listed(texts: tuple[str | None, ...]) -> str:
    quoted = ["NULL" if text is None else "'" + text.replace("'", "''") + "'" for text in texts]
    return f"[{', '.join(quoted)}]"
