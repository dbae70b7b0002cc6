"""By what rules resources of FHIR R4 are judged, and what they become. https://hl7.org/fhir/R4/

Beside the rules of `rules`: a patient has an identifier, a birth date, and is female or male; nothing is taken that
its status says did not happen (planned, cancelled, refuted, entered in error); an observation has a value, or parts
that have.
"""

from dataclasses import replace
from typing import Any

from lhs_helpers.records.fhir_files import NO_JSON, NO_RESOURCE, UNREADABLE
from lhs_helpers.records.formats import Format
from lhs_helpers.records.layout import Layout, Rule
from lhs_helpers.records.rules import (
    BY_ID,
    BY_ID_OR_WHOLE,
    EMPTY,
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
    "AMB": "ambulatory",
    "VR": "ambulatory",
    "HH": "ambulatory",
    "FLD": "ambulatory",
    "OUTPATIENT": "ambulatory",
    "WELLNESS": "wellness",
    "EMER": "emergency",
    "IMP": "inpatient",
    "ACUTE": "inpatient",
    "NONAC": "inpatient",
    "OBSENC": "inpatient",
    "PRENC": "inpatient",
    "SS": "inpatient",
}
NOTES = (
    "Conditions are recorded at recordedDate, observations when they are issued, vaccinations when recorded; else "
    "at the end of their encounter (of rows without one, and of later ones, the time itself).",
    "People are registered at the start of their first encounter; without one, at birth.",
    "Times with a zone are turned into UTC. A year or a month that stands alone is its first day.",
    "A date without a time of day is midnight; where the row's encounter starts on that day, its start. "
    "A death that has only a date is at the end of that day.",
    "Classes of encounters: VR, HH and FLD are ambulatory; ACUTE, NONAC, OBSENC, PRENC and SS inpatient.",
    "Of several codings the first of the best known system is taken, SNOMED before LOINC, RxNorm, CVX and ICD; a "
    "code of another system has the last part of its name as prefix; a concept of words alone is Text:<words>.",
    "Components of an observation are rows of their own. Comparators of values (<, >) are not kept.",
    "Medications end where the dispense request or the dosage says so; drugs and conditions that end after death "
    "end with it. Reasons of drugs and procedures are followed to the condition they refer to.",
    "The period ends on the day after the last row.",
)
FILES = ("Patient", "Encounter")
WHERE = ("FILE", "ROW")
PLACE = ("FILE", "ROW")
TABLES = """CREATE TABLE organization (organization_id VARCHAR, organization_name VARCHAR);
CREATE TABLE medication (medication_id VARCHAR, medication_code VARCHAR, medication_name VARCHAR);
CREATE TABLE problem (problem_id VARCHAR, problem_code VARCHAR, problem_name VARCHAR);
CREATE TABLE undated (n BIGINT);"""
SAID = {
    "{n} people are said to be dead without a date: no death is in the record.": (
        "SELECT coalesce(sum(n), 0) FROM undated"
    ),
}
REASON = "coalesce(REASONCODE, problem_code)"


def _did_not_happen(*statuses: str, column: str = "STATUS") -> Rule:
    listed = ", ".join(f"'{status}'" for status in statuses)
    return (column, f"lower({column}) IN ({listed})", "says that it did not happen")


def _named(name: str, table: str, columns: tuple[str, ...]) -> Layout:
    """Resources that others refer to, and that make no rows of their own."""
    return Layout(
        name=name,
        essential=("ID",),
        optional=(*columns, *PLACE),
        rules=(("ID", "ID IS NULL", EMPTY), REPEATED_ID),
        joined="",
        derived="NULL AS nothing",
        key=BY_ID,
        kept={},
        remembered=(
            f"INSERT INTO {table} SELECT ID, {', '.join(columns).replace('CODE', 'coded')} FROM judged WHERE fault = 0",
        ),
        forgotten=(table,),
        where=WHERE,
        prepared="CODE AS coded" if "CODE" in columns else "",
    )


def _clinical(
    name: str, table: str, *, status: tuple[str, ...], optional: tuple[str, ...] = (), joined: str = "",
    rules: tuple[Rule, ...] = (), code: str = "CODE", description: str = "DESCRIPTION", recorded: bool = True,
    reason: bool = False, derived: tuple[str, ...] = (), **more: Any,
) -> Layout:  # fmt: skip
    if reason:
        joined = f"{joined} LEFT JOIN problem ON problem_id = REASON_ID"
    said = "coalesce(moment(RECORDED), visit_stop)" if recorded else "visit_stop"
    return clinical(
        name,
        code,
        files=FILES,
        table=table,
        known=f"greatest(happened, {said})",
        caps_stop=True,
        stop_day_only="length(STOP) = 10",
        optional=(
            "ID",
            "STATUS",
            "DESCRIPTION",
            *(("RECORDED",) if recorded else ()),
            *(("REASONCODE", "REASONDESCRIPTION", "REASON_ID") if reason else ()),
            *optional,
            *PLACE,
        ),  # fmt: skip
        joined=joined,
        derived=(f"{description} AS described", *derived),
        described="described",
        rules=(
            _did_not_happen(*status),
            *(date_rules("RECORDED", "moment(RECORDED)") if recorded else ()),
            *rules,
        ),
        reason=REASON if reason else None,
        columns=", reason AS reason_code" if reason else more.pop("columns", ""),
        key=BY_ID_OR_WHOLE,
        source=WHERE,
        **more,
    )


def _observed(name: str) -> Layout:
    return _clinical(
        name,
        "observations",
        status=("cancelled", "entered-in-error"),
        optional=("NUMBER", "UNITS", "TEXT", "PARTS"),
        derived=("number(NUMBER) AS read", "TEXT AS said"),
        columns=", read AS value, CASE WHEN read IS NULL THEN said END AS text, UNITS AS unit",
        unit="UNITS",
        # Panels hold nothing themselves: they are kept, and their parts make the rows.
        where="(read IS NOT NULL OR said IS NOT NULL)",
        rules=(
            ("NUMBER", "NUMBER IS NOT NULL AND read IS NULL", "is not a number"),
            ("TEXT", "NUMBER IS NULL AND TEXT IS NULL AND PARTS IS NULL", "has no value"),
        ),
    )


UNREAD = Layout(
    name=UNREADABLE,
    essential=("CONTENT",),
    optional=("WHY", *PLACE),
    rules=tuple(("CONTENT", f"WHY = '{why}'", why) for why in (NO_JSON, NO_RESOURCE)),
    joined="",
    derived="NULL AS nothing",
    key="whole AS a, whole AS b",
    kept={},
    remembered=(),
    where=WHERE,
)
PATIENT = Layout(
    name="Patient",
    essential=("ID", "BIRTH", "SEX"),
    optional=("RACE", "ETHNICITY", "DEATHDATE", "DEAD", *PLACE),
    rules=(
        ("ID", "ID IS NULL", EMPTY),
        *time_rules("BIRTH"),
        *date_rules("DEATHDATE", "died"),
        ("DEATHDATE", "died < began", "is before the birth"),
        ("SEX", "sex_word IS NULL", "is neither female nor male"),
        REPEATED_ID,
    ),
    joined="",
    derived="""moment(BIRTH) AS began, end_of_day(moment(DEATHDATE)) AS died,
        CASE lower(SEX) WHEN 'female' THEN 'female' WHEN 'f' THEN 'female' WHEN 'male' THEN 'male'
            WHEN 'm' THEN 'male' END AS sex_word,
        replace(replace(lower(ETHNICITY), ' or latino', ''), 'non hispanic', 'not hispanic') AS ethnic""",
    key=BY_ID,
    kept={},
    remembered=(
        """INSERT INTO person SELECT line, ID, ID, began::DATE, died, sex_word, lower(RACE), ethnic, NULL, NULL
            FROM judged WHERE fault = 0""",
        "INSERT INTO undated SELECT count(*) FROM judged WHERE fault = 0 AND DEAD = 'true' AND died IS NULL",
    ),
    forgotten=("person", "undated"),
    where=WHERE,
)
ENCOUNTER = Layout(
    name="Encounter",
    essential=("ID", "START", "PATIENT", "CLASS"),
    optional=(
        "STOP",
        "STATUS",
        "CODE",
        "DESCRIPTION",
        "REASONCODE",
        "REASONDESCRIPTION",
        "SITE",
        "ORGANIZATION",
        *PLACE,
    ),  # fmt: skip
    rules=(
        ("ID", "ID IS NULL", EMPTY),
        _did_not_happen("planned", "cancelled", "entered-in-error"),
        *time_rules("START"),
        *patient_rules(FILES[0]),
        ("CLASS", "class_word IS NULL", f"is none of {', '.join(CLASSES)}"),
        *life_rules("START"),
        *stop_rules("STOP", "START", day_only="length(STOP) = 10"),
        REPEATED_ID,
    ),
    joined=f"{OF_PERSON} LEFT JOIN organization ON organization_id = ORGANIZATION",
    derived=f"""patient_id, birth, death, moment(START) AS began, moment(STOP) AS ended,
        greatest(began, ended) AS known, coalesce(CODE, 'ActCode:' || CLASS) AS coded, REASONCODE AS reason,
        coalesce(SITE, organization_name, ORGANIZATION) AS place, MAP {CLASSES}[upper(CLASS)] AS class_word""",
    key=BY_ID,
    references=("PATIENT",),
    kept={
        # An end that is only a day may be that of the beginning.
        "encounters": """SELECT patient_id, line AS encounter_id, began AS time,
            if(ended < began, began, ended) AS stop, class_word AS class,
            coded AS code, reason AS reason_code, place AS site, known AS recorded_at
            FROM judged WHERE fault = 0 ORDER BY line"""
    },
    remembered=(
        "INSERT INTO visit SELECT hash(ID), line, patient_id, began, known FROM judged WHERE fault = 0",
    ),
    summed=(
        seen("Encounter", "'encounter'"),
        seen_reasons("Encounter"),
        span("Encounter"),
    ),
    forgotten=("visit",),
    where=WHERE,
)
CONDITION = _clinical(
    "Condition",
    "conditions",
    status=("refuted", "entered-in-error"),
    statuses=("active", "resolved"),
)
CONDITION = replace(
    CONDITION,
    remembered=("INSERT INTO problem SELECT ID, coded, described FROM judged WHERE fault = 0",),
    forgotten=("problem",),
)
LAYOUTS: tuple[Layout, ...] = (  # in the order they are read: what others refer to comes first
    UNREAD,
    _named("Organization", "organization", ("NAME",)),
    _named("Medication", "medication", ("CODE", "DESCRIPTION")),
    PATIENT,
    ENCOUNTER,
    CONDITION,
    _observed("Observation"),
    _observed("Observation.component"),
    _clinical(
        "MedicationRequest",
        "medications",
        status=("draft", "cancelled", "entered-in-error"),
        code="coalesce(CODE, medication_code)",
        description="coalesce(DESCRIPTION, medication_name)",
        optional=("MEDICATION", "INTENT"),
        joined="LEFT JOIN medication ON medication_id = MEDICATION",
        rules=(_did_not_happen("proposal", "plan", column="INTENT"),),
        code_rule=("MEDICATION", "coded IS NULL", "has no code, and none is kept from Medication"),
        statuses=("start", "stop"),
        recorded=False,
        reason=True,
    ),
    _clinical(
        "Procedure",
        "procedures",
        status=("preparation", "not-done", "entered-in-error"),
        recorded=False,
        reason=True,
    ),
    _clinical("Immunization", "immunizations", status=("not-done", "entered-in-error")),
)
FHIR = Format(
    source="FHIR R4 export",
    reader="read_fhir",
    layouts=LAYOUTS,
    notes=NOTES,
    ending="",
    quiet=(UNREADABLE, "Observation.component"),
    tables=TABLES,
    said=SAID,
)
