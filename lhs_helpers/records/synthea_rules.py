"""The rules by which rows of a Synthea export are kept or rejected, and what they become.

Of a row that breaks several rules the first is named. The rules, in order:

- a time is given, is a date of the calendar (31 February is none), and lies in the years 1850 to 2200;
- the patient is one kept from patients.csv: with an identifier of its own, a birth date, sex M or F;
- there is a code; an encounter, where one is named, is one of this patient kept from encounters.csv;
- nothing lies before birth or after the day of death; an end does not lie before its beginning;
- an observation has a value, and a number where its TYPE says numeric;
- a row that stands earlier in the file, the same in every column, is not taken twice; nor is an identifier.

Kept as they are, for `emr.check()` to list: units other than the commonest of a code. A code of a system that
is not known here keeps the system's name as its prefix.
"""

from lhs_helpers.records.synthea_layout import Layout, Rule

CLASSES = {
    "wellness": "wellness",
    "ambulatory": "ambulatory",
    "outpatient": "ambulatory",
    "urgentcare": "ambulatory",
    "home": "ambulatory",
    "virtual": "ambulatory",
    "emergency": "emergency",
    "inpatient": "inpatient",
    "hospice": "inpatient",
    "snf": "inpatient",
}
NOTES = [
    "Synthea says when something happened, not when it was recorded: recorded_at is the end of the encounter "
    "(of rows without one, and of later ones, the time itself); ends and deaths are recorded when they happen.",
    "People are registered at the start of their first encounter; without one, at birth.",
    "A date without a time of day is midnight; where the row's encounter starts on that day, its start. "
    "A death that has only a date is at the end of that day.",
    "Times with a zone are turned into UTC.",
    "Rows after the day of death are rejected: Synthea dates death certificates up to weeks later.",
    "Classes of encounters: outpatient, urgentcare, home and virtual are ambulatory; hospice and snf inpatient.",
    "Codes are SNOMED, of observations LOINC, of medications RxNorm, of immunizations CVX, unless a column SYSTEM "
    "says otherwise. Codes of observations that are not LOINC (QALY, DALY, QOLS) have the prefix Synthea.",
    "Education, insurance and the site of a person are not in the files that are read.",
    "The period ends on the day after the last row.",
]

NO_DATE = "is not a date of the calendar"
OUT_OF_TIME = "lies outside the years 1850 to 2200"
EMPTY = "is empty"
AFTER_DEATH = "is after the patient's death"


def _date_rules(column: str, parsed: str) -> tuple[Rule, ...]:
    return (
        (column, f"{column} IS NOT NULL AND {parsed} IS NULL", NO_DATE),
        (column, f"year({parsed}) NOT BETWEEN 1850 AND 2200", OUT_OF_TIME),
    )


PATIENT_RULES: tuple[Rule, ...] = (
    ("PATIENT", "PATIENT IS NULL", EMPTY),
    ("PATIENT", "patient_id IS NULL", "is nobody kept from patients.csv"),
)
ENCOUNTER_RULE: Rule = (
    "ENCOUNTER",
    "ENCOUNTER IS NOT NULL AND encounter_id IS NULL",
    "is no encounter of this patient kept from encounters.csv",
)
CODE_RULE: Rule = ("CODE", "CODE IS NULL", EMPTY)
STOP_RULES: tuple[Rule, ...] = (*_date_rules("STOP", "ended"), ("STOP", "ended < began", "is before START"))
VALUE_RULES: tuple[Rule, ...] = (
    ("VALUE", "VALUE IS NULL", EMPTY),
    ("VALUE", "lower(TYPE) = 'numeric' AND number IS NULL", "is not a number, though TYPE says numeric"),
)
REPEATED_ROW: Rule = (None, "line > first", "the same row stands earlier in the file")
REPEATED_ID: Rule = ("ID", "line > first", "is the identifier of an earlier row")


def _time_rules(when: str) -> tuple[Rule, ...]:
    return ((when, f"{when} IS NULL", EMPTY), *_date_rules(when, "began"))


def _life_rules(when: str) -> tuple[Rule, ...]:
    return (
        (when, "began < birth", "is before the patient's birth"),
        (when, "began > death", AFTER_DEATH),
    )


def _system(default: str) -> str:
    """SQL for the prefix of a code: the column SYSTEM, where the export has it, says which."""
    return f"""CASE WHEN SYSTEM IS NULL THEN {default} WHEN SYSTEM ILIKE '%snomed%' THEN 'SNOMED'
        WHEN SYSTEM ILIKE '%loinc%' THEN 'LOINC' WHEN SYSTEM ILIKE '%rxnorm%' THEN 'RxNorm'
        WHEN SYSTEM ILIKE '%cvx%' THEN 'CVX' WHEN SYSTEM ILIKE '%icd%10%' THEN 'ICD10CM'
        WHEN SYSTEM ILIKE '%icd%9%' THEN 'ICD9CM' ELSE replace(SYSTEM, ':', ' ') END"""


def _seen(name: str, kind: str, unit: str = "NULL") -> str:
    return f"""INSERT INTO seen SELECT '{name}', coded, '{kind}', DESCRIPTION, {unit}, count(*)
        FROM judged WHERE fault = 0 GROUP BY ALL"""


def _seen_reasons(name: str) -> str:
    """A code that is only ever a reason counts nothing: what names it elsewhere has precedence."""
    return f"""INSERT INTO seen SELECT DISTINCT '{name}', reason, 'condition', REASONDESCRIPTION, NULL, 0
        FROM judged WHERE fault = 0 AND reason IS NOT NULL"""


def _span(name: str, last: str = "known") -> str:
    """What begins the record is the first thing known, which may have happened long before."""
    return f"""INSERT INTO span SELECT '{name}', min(known), max({last}) FROM judged
        WHERE fault = 0 HAVING count(*) > 0"""


KEYS = "INSERT INTO row_key SELECT a, b, line FROM judged WHERE fault = 0"
BY_ID = "hash(ID) AS a, hash(ID || '.') AS b"
REASON = "'SNOMED:' || REASONCODE AS reason"


# References repeat: the few pairs are looked up, and what is found is spread over the rows.
LINKED = """LEFT JOIN (SELECT PATIENT, ENCOUNTER, person.patient_id, birth, death, encounter_id, visit_start, visit_stop
    FROM visit RIGHT JOIN (person RIGHT JOIN (SELECT DISTINCT PATIENT, ENCOUNTER FROM chunked) AS pair
        ON person.source_id = PATIENT)
    ON visit.patient_id = person.patient_id AND visit.source_id = ENCOUNTER) AS linked
    ON linked.PATIENT IS NOT DISTINCT FROM chunked.PATIENT
    AND linked.ENCOUNTER IS NOT DISTINCT FROM chunked.ENCOUNTER"""


def _clinical(
    name: str,
    prefix: str,
    *,
    when: str = "START",
    optional: tuple[str, ...] = (),
    derived: tuple[str, ...] = (),
    columns: str = "",  # of the table, beside those of every clinical table
    unit: str = "NULL",
    statuses: tuple[str, str] | None = None,  # of what STOP ends: before, and after
    rules: tuple[Rule, ...] = (),
) -> Layout:
    """The layout of a file of things that happened to patients."""
    rules = (*_time_rules(when), *PATIENT_RULES, CODE_RULE, ENCOUNTER_RULE, *_life_rules(when), *rules)
    made = [
        "patient_id, birth, death, encounter_id, visit_stop",
        f"moment({when}) AS began",
        f"{_system(prefix)} || ':' || CODE AS coded",
        f"length({when}) = 10 AND visit_start::DATE = began::DATE AS starts_with_visit",
        "CASE WHEN starts_with_visit THEN visit_start ELSE began END AS happened",
        "greatest(happened, visit_stop) AS known",
        *derived,
    ]
    row = "line, patient_id, encounter_id, happened AS time, coded AS code, known AS recorded_at"
    kept = f"SELECT {row}{columns} FROM judged WHERE fault = 0"
    if statuses:
        made.append("moment(STOP) AS ended, greatest(ended, happened) AS finished")
        rules += (*STOP_RULES, ("STOP", "ended > death", AFTER_DEATH))
        kept = f"""SELECT {row}{columns}, '{statuses[0]}' AS status FROM judged WHERE fault = 0 UNION ALL
            SELECT line, patient_id, NULL, finished, coded, greatest(finished, known){columns}, '{statuses[1]}'
            FROM judged WHERE fault = 0 AND ended IS NOT NULL"""
    has_reason = "REASONCODE" in optional
    return Layout(
        name=name,
        essential=(when, "PATIENT", "CODE"),
        optional=(*(("STOP",) if statuses else ()), "ENCOUNTER", "DESCRIPTION", "SYSTEM", *optional),
        table=name,
        rules=(*rules, REPEATED_ROW),
        joined=LINKED,
        derived=", ".join([*made, *([REASON] if has_reason else [])]),
        key="patient_id::UBIGINT AS a, whole AS b",
        kept=f"SELECT * EXCLUDE line FROM ({kept}) ORDER BY line, time",
        remembered=(
            KEYS,
            _seen(name, name.removesuffix("s"), unit),
            _span(name, "greatest(known, finished)" if statuses else "known"),
            *([_seen_reasons(name)] if has_reason else []),
        ),
    )


ORGANIZATIONS = Layout(
    name="organizations",
    essential=("ID",),
    optional=("NAME",),
    table=None,
    rules=(("ID", "ID IS NULL", EMPTY), ("NAME", "NAME IS NULL", EMPTY), REPEATED_ID),
    joined="",
    derived="NULL AS nothing",
    key=BY_ID,
    kept="",
    remembered=(KEYS, "INSERT INTO organization SELECT ID, NAME FROM judged WHERE fault = 0"),
    forgotten=("organization",),
)
PATIENTS = Layout(
    name="patients",
    essential=("ID", "BIRTHDATE", "GENDER"),
    optional=("DEATHDATE", "RACE", "ETHNICITY"),
    table=None,  # written at the end: who was first seen when is known by then
    rules=(
        ("ID", "ID IS NULL", EMPTY),
        *_time_rules("BIRTHDATE"),
        *_date_rules("DEATHDATE", "died"),
        ("DEATHDATE", "died < began", "is before BIRTHDATE"),
        ("GENDER", "sex IS NULL", "is neither M nor F"),
        REPEATED_ID,
    ),
    joined="",
    derived="""moment(BIRTHDATE) AS began,
        moment(DEATHDATE) + to_seconds(CASE WHEN length(DEATHDATE) = 10 THEN 86399 ELSE 0 END) AS died,
        CASE upper(GENDER) WHEN 'F' THEN 'female' WHEN 'M' THEN 'male' END AS sex,
        replace(lower(ETHNICITY), 'nonhispanic', 'not hispanic') AS ethnic""",
    key=BY_ID,
    kept="",
    remembered=(
        KEYS,
        """INSERT INTO person SELECT line - 1, ID, began::DATE, died, sex, lower(RACE), ethnic
            FROM judged WHERE fault = 0""",
    ),
    forgotten=("person",),
)
ENCOUNTERS = Layout(
    name="encounters",
    essential=("ID", "START", "PATIENT", "CODE", "ENCOUNTERCLASS"),
    optional=("STOP", "ORGANIZATION", "DESCRIPTION", "REASONCODE", "REASONDESCRIPTION"),
    table="encounters",
    rules=(
        ("ID", "ID IS NULL", EMPTY),
        *_time_rules("START"),
        *PATIENT_RULES,
        CODE_RULE,
        ("ENCOUNTERCLASS", "class IS NULL", f"is none of {', '.join(CLASSES)}"),
        *_life_rules("START"),
        *STOP_RULES,
        REPEATED_ID,
    ),
    joined="""LEFT JOIN person ON person.source_id = PATIENT
        LEFT JOIN organization ON organization.source_id = ORGANIZATION""",
    derived=f"""patient_id, birth, death, moment(START) AS began, moment(STOP) AS ended,
        coalesce(ended, began) AS known,
        'SNOMED:' || CODE AS coded, {REASON}, coalesce(organization.name, ORGANIZATION) AS site,
        MAP {CLASSES}[lower(ENCOUNTERCLASS)] AS class""",
    key=BY_ID,
    kept="""SELECT patient_id, line - 1 AS encounter_id, began AS time, ended AS stop, class, coded AS code,
        reason AS reason_code, site, known AS recorded_at
        FROM judged WHERE fault = 0 ORDER BY line""",
    remembered=(
        KEYS,
        """INSERT INTO visit SELECT ID, line - 1, patient_id, began, known
            FROM judged WHERE fault = 0""",
        _seen("encounters", "encounter"),
        _seen_reasons("encounters"),
        _span("encounters"),
    ),
    forgotten=("visit",),
)
REASONS = ("REASONCODE", "REASONDESCRIPTION")
FILES: tuple[Layout, ...] = (  # in the order they are read: what others refer to comes first
    ORGANIZATIONS,
    PATIENTS,
    ENCOUNTERS,
    _clinical("conditions", "'SNOMED'", statuses=("active", "resolved")),
    _clinical(
        "observations",
        "CASE WHEN CODE LIKE '%_-_' THEN 'LOINC' ELSE 'Synthea' END",
        when="DATE",
        optional=("VALUE", "UNITS", "TYPE"),
        derived=(
            """CASE WHEN coalesce(lower(TYPE), '') <> 'text' AND strpos(VALUE, '_') = 0
                THEN TRY_CAST(VALUE AS DOUBLE) END AS read""",
            "CASE WHEN isfinite(read) THEN read END AS number",
        ),
        columns=", number AS value, CASE WHEN number IS NULL THEN VALUE END AS text, UNITS AS unit",
        unit="UNITS",
        rules=VALUE_RULES,
    ),
    _clinical(
        "medications",
        "'RxNorm'",
        optional=REASONS,
        columns=", reason AS reason_code",
        statuses=("start", "stop"),
    ),
    _clinical("procedures", "'SNOMED'", optional=REASONS, columns=", reason AS reason_code"),
    _clinical("immunizations", "'CVX'", when="DATE"),
)
