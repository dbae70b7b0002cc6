"""What the files of a Synthea export hold, by what further rules their rows are judged, and what they become.

Beside the rules of `rules`: a patient has an identifier, a birth date and the sex M or F; an observation has a
value, and a number where its TYPE says numeric. A code of a system that is not known here keeps the system's name
as its prefix.
"""

from typing import Any

from lhs_helpers.records.formats import Format
from lhs_helpers.records.layout import Layout, Rule
from lhs_helpers.records.rules import (
    BY_ID,
    CODE_RULE,
    EMPTY,
    NO_SEX,
    OF_PERSON,
    REPEATED_ID,
    clinical,
    date_rules,
    life_rules,
    patient_rules,
    seen,
    seen_reasons,
    span,
    stop_rules,
    time_rules,
)

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
NOTES = (
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
)

VALUE_RULES: tuple[Rule, ...] = (
    ("VALUE", "VALUE IS NULL", EMPTY),
    ("VALUE", "lower(TYPE) = 'numeric' AND number IS NULL", "is not a number, though TYPE says numeric"),
)
FILE_NAMES = ("patients.csv", "encounters.csv")
REASON = "'SNOMED:' || REASONCODE"


def _system(default: str) -> str:
    """SQL for the prefix of a code: the column SYSTEM, where the export has it, says which."""
    return f"""CASE WHEN SYSTEM IS NULL THEN {default} WHEN SYSTEM ILIKE '%snomed%' THEN 'SNOMED'
        WHEN SYSTEM ILIKE '%loinc%' THEN 'LOINC' WHEN SYSTEM ILIKE '%rxnorm%' THEN 'RxNorm'
        WHEN SYSTEM ILIKE '%cvx%' THEN 'CVX' WHEN SYSTEM ILIKE '%icd%10%' THEN 'ICD10CM'
        WHEN SYSTEM ILIKE '%icd%9%' THEN 'ICD9CM' ELSE replace(SYSTEM, ':', ' ') END"""


def _clinical(name: str, prefix: str, *, optional: tuple[str, ...] = (), **more: Any) -> Layout:
    return clinical(
        name,
        f"{_system(prefix)} || ':' || CODE",
        files=FILE_NAMES,
        optional=("DESCRIPTION", "SYSTEM", *optional),
        reason=REASON if "REASONCODE" in optional else None,
        **more,
    )


ORGANIZATIONS = Layout(
    name="organizations",
    essential=("ID",),
    optional=("NAME",),
    rules=(("ID", "ID IS NULL", EMPTY), ("NAME", "NAME IS NULL", EMPTY), REPEATED_ID),
    joined="",
    derived="NULL AS nothing",
    key=BY_ID,
    kept={},
    remembered=("INSERT INTO organization SELECT ID, NAME FROM judged WHERE fault = 0",),
    forgotten=("organization",),
)
PATIENTS = Layout(
    name="patients",
    essential=("ID", "BIRTHDATE", "GENDER"),
    optional=("DEATHDATE", "RACE", "ETHNICITY"),
    rules=(
        ("ID", "ID IS NULL", EMPTY),
        *time_rules("BIRTHDATE"),
        *date_rules("DEATHDATE", "died"),
        ("DEATHDATE", "died < began", "is before BIRTHDATE"),
        ("GENDER", "sex IS NULL", NO_SEX),
        REPEATED_ID,
    ),
    joined="",
    derived="""moment(BIRTHDATE) AS began,
        moment(DEATHDATE) + to_seconds(CASE WHEN length(DEATHDATE) = 10 THEN 86399 ELSE 0 END) AS died,
        CASE upper(GENDER) WHEN 'F' THEN 'female' WHEN 'M' THEN 'male' END AS sex,
        replace(lower(ETHNICITY), 'nonhispanic', 'not hispanic') AS ethnic""",
    key=BY_ID,
    kept={},  # written at the end: who was first seen when is known by then
    remembered=(
        """INSERT INTO person SELECT line - 1, ID, ID, began::DATE, died, sex, lower(RACE), ethnic, NULL, NULL
            FROM judged WHERE fault = 0""",
    ),
    forgotten=("person",),
)
ENCOUNTERS = Layout(
    name="encounters",
    essential=("ID", "START", "PATIENT", "CODE", "ENCOUNTERCLASS"),
    optional=("STOP", "ORGANIZATION", "DESCRIPTION", "REASONCODE", "REASONDESCRIPTION"),
    rules=(
        ("ID", "ID IS NULL", EMPTY),
        *time_rules("START"),
        *patient_rules("patients.csv"),
        CODE_RULE,
        ("ENCOUNTERCLASS", "class IS NULL", f"is none of {', '.join(CLASSES)}"),
        *life_rules("START"),
        *stop_rules("STOP", "START"),
        REPEATED_ID,
    ),
    joined=f"""{OF_PERSON}
        LEFT JOIN organization ON organization.source_id = ORGANIZATION""",
    derived=f"""patient_id, birth, death, moment(START) AS began, moment(STOP) AS ended,
        coalesce(ended, began) AS known,
        'SNOMED:' || CODE AS coded, {REASON} AS reason, coalesce(organization.name, ORGANIZATION) AS site,
        MAP {CLASSES}[lower(ENCOUNTERCLASS)] AS class""",
    key=BY_ID,
    references=("PATIENT",),
    kept={
        "encounters": """SELECT patient_id, line - 1 AS encounter_id, began AS time, ended AS stop, class,
            coded AS code, reason AS reason_code, site, known AS recorded_at
            FROM judged WHERE fault = 0 ORDER BY line"""
    },
    remembered=(
        """INSERT INTO visit SELECT hash(ID), line - 1, patient_id, began, known
            FROM judged WHERE fault = 0""",
    ),
    summed=(
        seen("encounters", "'encounter'"),
        seen_reasons("encounters"),
        span("encounters"),
    ),
    forgotten=("visit",),
)
REASONS = ("REASONCODE", "REASONDESCRIPTION")
LAYOUTS: tuple[Layout, ...] = (  # in the order they are read: what others refer to comes first
    ORGANIZATIONS,
    PATIENTS,
    ENCOUNTERS,
    _clinical("conditions", "'SNOMED'", statuses=("active", "resolved")),
    _clinical(
        "observations",
        "CASE WHEN CODE LIKE '%_-_' THEN 'LOINC' ELSE 'Synthea' END",
        when="DATE",
        optional=("VALUE", "UNITS", "TYPE"),
        derived=("CASE WHEN coalesce(lower(TYPE), '') <> 'text' THEN number(VALUE) END AS number",),
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
SYNTHEA = Format(
    source="Synthea CSV export",
    reader="read_synthea",
    layouts=LAYOUTS,
    notes=NOTES,
    tables="CREATE TABLE organization (source_id VARCHAR, name VARCHAR);",
)
