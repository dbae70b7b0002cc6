"""The rules by which rows of an export are kept or rejected, whatever its format.

Of a row that breaks several rules the first is named. The rules of things that happened, in order:

- a time is given, is a date of the calendar (31 February is none), and lies in the years that the format knows;
- the patient is one kept from the file of patients;
- there is a code; an encounter, where one is named, is one of this patient kept from the file of encounters;
- nothing lies before birth or after the day of death; an end does not lie before its beginning;
- what the format asks for beside;
- a row that stands earlier in the file, the same in every column, is not taken twice; nor is an identifier.

Kept as they are, for `emr.check()` to list: units other than the commonest of a code.
"""

from collections.abc import Mapping

from lhs_helpers.records.layout import Layout, Rule

NO_DATE = "is not a date of the calendar"
EMPTY = "is empty"
AFTER_DEATH = "is after the patient's death"
YEARS = (1850, 2200)

CODE_RULE: Rule = ("CODE", "CODE IS NULL", EMPTY)
REPEATED_ROW: Rule = (None, "line > first", "the same row stands earlier in the file")
REPEATED_ID: Rule = ("ID", "line > first", "is the identifier of an earlier row")
NO_SEX = "is neither M nor F"


def date_rules(column: str, parsed: str, years: tuple[int, int] = YEARS) -> tuple[Rule, ...]:
    """A date, where there is one, is of the calendar and of our times."""
    first, last = years
    return (
        (column, f"{column} IS NOT NULL AND {parsed} IS NULL", NO_DATE),
        (
            column,
            f"year({parsed}) NOT BETWEEN {first} AND {last}",
            f"lies outside the years {first} to {last}",
        ),
    )


def time_rules(when: str, parsed: str = "began", years: tuple[int, int] = YEARS) -> tuple[Rule, ...]:
    """There is a time."""
    return ((when, f"{when} IS NULL", EMPTY), *date_rules(when, parsed, years))


def stop_rules(
    column: str,
    start: str,
    parsed: str = "ended",
    years: tuple[int, int] = YEARS,
    day_only: str = "false",
) -> tuple[Rule, ...]:
    """An end does not lie before its beginning; one that is only a day may be that of the beginning."""
    early = f"{parsed} < began AND NOT ({day_only} AND {parsed}::DATE = began::DATE)"
    return (*date_rules(column, parsed, years), (column, early, f"is before {start}"))


def life_rules(when: str) -> tuple[Rule, ...]:
    """Nothing happens before birth or after death."""
    return (
        (when, "began < birth", "is before the patient's birth"),
        (when, "began > death", AFTER_DEATH),
    )


def patient_rules(file: str) -> tuple[Rule, ...]:
    """The patient is known."""
    return (
        ("PATIENT", "PATIENT IS NULL", EMPTY),
        ("PATIENT", "patient_id IS NULL", f"is nobody kept from {file}"),
    )


def encounter_rule(file: str) -> Rule:
    """An encounter, where one is named, is known."""
    return (
        "ENCOUNTER",
        "ENCOUNTER IS NOT NULL AND encounter_id IS NULL",
        f"is no encounter of this patient kept from {file}",
    )


def seen(
    name: str, kind: str, unit: str = "NULL", described: str = "DESCRIPTION", code: str = "coded"
) -> str:
    """SQL that remembers the codes of a chunk, for the table of concepts; `kind` is SQL, too."""
    return f"""INSERT INTO seen SELECT '{name}', {code}, {kind}, {described}, {unit}, count(*)
        FROM judged WHERE fault = 0 AND {code} IS NOT NULL GROUP BY ALL"""


def seen_reasons(name: str) -> str:
    """A code that is only ever a reason counts nothing: what names it elsewhere has precedence."""
    return f"""INSERT INTO seen SELECT DISTINCT '{name}', reason, 'condition', REASONDESCRIPTION, NULL, 0
        FROM judged WHERE fault = 0 AND reason IS NOT NULL"""


def span(name: str, last: str = "known") -> str:
    """What begins the record is the first thing known, which may have happened long before."""
    return f"""INSERT INTO span SELECT '{name}', min(known), max({last}) FROM judged
        WHERE fault = 0 HAVING count(*) > 0"""


BY_ID = "hash(ID) AS a, hash(ID || '.') AS b"
# Not coalesce: the hash of nothing is a number like any other.
BY_ID_OR_WHOLE = "if(ID IS NULL, whole, hash(ID)) AS a, if(ID IS NULL, whole, hash(ID || '.')) AS b"
BY_PATIENT_AND_WHOLE = "patient_id::UBIGINT AS a, whole AS b"

# References repeat: the few pairs are looked up, and what is found is spread over the rows.
OF_PERSON = """LEFT JOIN (SELECT pair, patient_id, birth, death FROM person JOIN referred ON person.key = PATIENT
    ) AS person USING (pair)"""
LINKED = """LEFT JOIN (SELECT pair, person.patient_id, birth, death, encounter_id, visit_start, visit_stop
    FROM visit RIGHT JOIN (person RIGHT JOIN referred ON person.key = PATIENT)
    ON visit.patient_id = person.patient_id AND visit.key = hash(ENCOUNTER)) AS linked USING (pair)"""


def clinical(
    name: str,
    coded: str,
    *,
    files: tuple[str, str],  # of patients and of encounters
    table: str | None = None,
    when: str = "START",
    began: str | None = None,
    day_only: str | None = None,  # whether a time is only a day
    known: str = "greatest(happened, visit_stop)",
    stop: str = "moment(STOP)",
    stop_day_only: str = "false",  # whether an end is only a day
    caps_stop: bool = False,  # an end after death becomes the death; otherwise the row is rejected
    essential: tuple[str, ...] = ("PATIENT", "CODE"),
    optional: tuple[str, ...] = (),
    joined: str = "",
    derived: tuple[str, ...] = (),
    prepared: str = "",
    columns: str = "",  # of the table, beside those of every clinical table
    kept: Mapping[str, str] | None = None,  # further tables -> condition: rows that belong there instead
    where: str = "",  # which rows make rows of the table
    unit: str = "NULL",
    described: str = "DESCRIPTION",
    kind: str | None = None,  # of concept, as SQL; that of the table when not given
    statuses: tuple[str, str] | None = None,  # of what STOP ends: before, and after
    timed: tuple[Rule, ...] | None = None,  # where the time is not one column of the file
    rules: tuple[Rule, ...] = (),
    code_rule: Rule = CODE_RULE,
    years: tuple[int, int] = YEARS,
    names: Mapping[str, str] | None = None,
    cells: Mapping[str, str] | None = None,
    reason: str | None = None,
    key: str = BY_PATIENT_AND_WHOLE,
    source: tuple[str, str] | None = None,
) -> Layout:
    """The layout of a file of things that happened to patients."""
    table = table or name
    column = dict(names or {})
    rules = (
        *(time_rules(when, years=years) if timed is None else timed),
        *patient_rules(files[0]),
        code_rule,
        encounter_rule(files[1]),
        *life_rules(when),
        *rules,
    )
    made = [
        "patient_id, birth, death, encounter_id, visit_stop",
        f"{began or f'moment({when})'} AS began",
        f"{coded} AS coded",
        f"{day_only or f'length({when}) = 10'} AND visit_start::DATE = began::DATE AS starts_with_visit",
        "CASE WHEN starts_with_visit THEN visit_start ELSE began END AS happened",
        f"{known} AS known",
        *derived,
    ]
    rows = f"fault = 0{f' AND {where}' if where else ''}"
    row = "line, patient_id, encounter_id, happened AS time, coded AS code, known AS recorded_at"
    selected = f"SELECT {row}{columns} FROM judged WHERE {rows}"
    if statuses:
        last = "CASE WHEN stopped > death THEN death ELSE stopped END" if caps_stop else "stopped"
        made.append(f"{stop} AS stopped, {last} AS ended")
        made.append("greatest(ended, happened) AS finished")
        rules += stop_rules("STOP", column.get(when, when), "stopped", years, stop_day_only)
        rules += () if caps_stop else (("STOP", "ended > death", AFTER_DEATH),)
        selected = f"""SELECT {row}{columns}, '{statuses[0]}' AS status FROM judged WHERE {rows} UNION ALL
            SELECT line, patient_id, NULL, finished, coded, greatest(finished, known){columns}, '{statuses[1]}'
            FROM judged WHERE {rows} AND ended IS NOT NULL"""
    if reason:
        made.append(f"{reason} AS reason")
    return Layout(
        name=name,
        essential=(when, *essential),
        optional=(
            *(("STOP",) if statuses else ()),
            *(("ENCOUNTER",) if when != "ENCOUNTER" else ()),
            *optional,
        ),
        rules=(*rules, *_repeated(key)),
        joined=f"{LINKED} {joined}",
        derived=", ".join(made),
        key=key,
        kept={table: f"SELECT * EXCLUDE line FROM ({selected}) ORDER BY line, time", **_elsewhere(row, kept)},
        references=("PATIENT", "ENCOUNTER"),
        spent=("birth", "death", "visit_stop", "starts_with_visit", "began"),
        summed=(
            seen(name, kind or f"'{table.removesuffix('s')}'", unit, described),
            span(name, "greatest(known, finished)" if statuses else "known"),
            *([seen_reasons(name)] if reason else []),
        ),
        columns=column,
        cells=dict(cells or {}),
        prepared=prepared,
        where=source,
    )


def _repeated(key: str) -> tuple[Rule, ...]:
    if key == BY_PATIENT_AND_WHOLE:
        return (REPEATED_ROW,)
    column, broken, reason = REPEATED_ID
    return ((column, f"{broken} AND ID IS NOT NULL", reason), REPEATED_ROW)


def _elsewhere(row: str, kept: Mapping[str, str] | None) -> dict[str, str]:
    return {
        table: f"SELECT * EXCLUDE line FROM (SELECT {row} FROM judged WHERE fault = 0 AND {which}) ORDER BY line, time"
        for table, which in (kept or {}).items()
    }
