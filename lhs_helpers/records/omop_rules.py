"""What the tables of the OMOP Common Data Model 5.3 and 5.4 hold, and what their rows become.

Beside the rules of `rules`: a person and a visit have whole numbers for identifiers; a person has a year of birth
and the sex male or female; a number is a number. The model: https://ohdsi.github.io/CommonDataModel/.
"""

from typing import Any

from lhs_helpers.records.formats import Format
from lhs_helpers.records.layout import Layout, Rule
from lhs_helpers.records.omop_people import (
    CARE_SITE,
    CELLS,
    CODED,
    CONCEPT,
    DEATH,
    FILES,
    NO_CODE,
    OBSERVATION_PERIOD,
    PERSON,
    VISIT,
    day_time,
    described,
    event_time,
)
from lhs_helpers.records.rules import BY_ID_OR_WHOLE, clinical

NOTES = (
    "patient_id is person_id, encounter_id is visit_occurrence_id; source_id is person_source_value, if given.",
    "Codes are those of the standard concept, else of the source concept, in their own vocabulary; a concept that "
    "the export does not describe has the code OMOP:<id>, and what was never mapped Source:<source value>.",
    "OMOP says when something happened, not when it was recorded: recorded_at is the end of the visit (of rows "
    "without one, and of later ones, the time itself); ends and deaths are recorded when they happen.",
    "Midnight is a day without a time of day; where the row's visit starts on that day, its start. "
    "A death or the end of an observation period that has only a day is at the end of that day.",
    "Times with a zone are turned into UTC.",
    "A birth date without month or day is the first of the year or month.",
    "People are registered at the start of each observation period and leave at its end, unless they die or the "
    "export ends with it; without periods they are registered at their first visit, else at birth.",
    "Drugs and conditions that end after the person's death end with it: a supply outlasts who took it.",
    "An observation without a value has the text 'recorded'. The operators < and > of values are not kept.",
    "Vaccinations are the drugs with a code of CVX.",
    "The period ends on the day after the last row.",
)
TABLES = """CREATE TABLE concept (concept_id VARCHAR, coding VARCHAR, bare VARCHAR, label VARCHAR);
CREATE TABLE care_site (site_id VARCHAR, site_name VARCHAR);
CREATE TABLE guessed (n BIGINT);"""
SAID = {
    "{n} codes are concepts that the export does not describe; they are kept as OMOP:<id>.": (
        "SELECT count(DISTINCT code) FROM seen WHERE code LIKE 'OMOP:%'"
    ),
    "{n} codes were never mapped to a concept; they are kept as Source:<source value>.": (
        "SELECT count(DISTINCT code) FROM seen WHERE code LIKE 'Source:%'"
    ),
    "{n} visits are of a kind that is not known here, and are taken as ambulatory.": (
        "SELECT coalesce(sum(n), 0) FROM guessed"
    ),
}


def _clinical(
    name: str,
    prefix: str,
    table: str,
    *,
    start: str,
    stop: str | None = None,
    optional: tuple[str, ...] = (),
    names: dict[str, str] | None = None,
    joined: str = "",
    rules: tuple[Rule, ...] = (),
    **more: Any,
) -> Layout:
    """The layout of a table of events: {prefix}_concept_id, {start}_date, {start}_datetime, ..."""
    columns = {
        "ID": f"{name}_ID",
        "PATIENT": "PERSON_ID",
        "ENCOUNTER": "VISIT_OCCURRENCE_ID",
        "CODE": f"{prefix}_CONCEPT_ID",
        "SOURCE_CONCEPT": f"{prefix}_SOURCE_CONCEPT_ID",
        "SOURCE_VALUE": f"{prefix}_SOURCE_VALUE",
        "START": f"{start}_DATE",
        "START_TIME": f"{start}_DATETIME",
        "STOP": f"{stop}_DATE",
        "STOP_TIME": f"{stop}_DATETIME",
    }
    columns = {key: column.upper() for key, column in (columns | (names or {})).items()}
    stops = ("STOP_TIME",) if stop else ()
    return clinical(
        name,
        CODED,
        files=FILES,
        table=table,
        began=event_time("START"),
        day_only="began = began::DATE",
        stop=event_time("STOP"),
        stop_day_only="stopped = stopped::DATE",
        caps_stop=True,
        optional=("ID", "SOURCE_CONCEPT", "SOURCE_VALUE", "START_TIME", *stops, *optional),
        joined=f"{described('chosen', 'named')} {joined}",
        prepared="coalesce(CODE, SOURCE_CONCEPT) AS chosen",
        derived=("named.label AS described", *more.pop("derived", ())),
        described="described",
        code_rule=NO_CODE,
        rules=(day_time("START"), *([day_time("STOP")] if stop else []), *rules),
        names=columns,
        cells=CELLS,
        key=BY_ID_OR_WHOLE,
        **more,
    )


def _observed(name: str, prefix: str, *, texts: tuple[str, ...]) -> Layout:
    """A table of values: numbers with units, concepts, or texts."""
    found = ", ".join(["value.label", "'OMOP:' || VALUE_CONCEPT", *texts])
    return _clinical(
        name,
        prefix,
        "observations",
        start=prefix,
        optional=("VALUE", "VALUE_CONCEPT", "UNIT_CONCEPT", "UNITS", *texts),
        names={
            "VALUE": "VALUE_AS_NUMBER",
            "VALUE_CONCEPT": "VALUE_AS_CONCEPT_ID",
            "UNIT_CONCEPT": "UNIT_CONCEPT_ID",
            "UNITS": "UNIT_SOURCE_VALUE",
        },
        joined=f"{described('VALUE_CONCEPT', 'value')} {described('UNIT_CONCEPT', 'unit_of')}",
        derived=(
            "number(VALUE) AS read",
            "coalesce(unit_of.bare, UNITS, 'OMOP:' || UNIT_CONCEPT) AS unit",
            f"CASE WHEN read IS NULL THEN coalesce({found}, 'recorded') END AS text",
        ),
        columns=", read AS value, text, unit",
        unit="unit",
        rules=(("VALUE", "VALUE IS NOT NULL AND read IS NULL", "is not a number"),),
    )


LAYOUTS: tuple[Layout, ...] = (  # in the order they are read: what others refer to comes first
    CONCEPT,
    CARE_SITE,
    PERSON,
    DEATH,
    OBSERVATION_PERIOD,
    VISIT,
    _clinical(
        "condition_occurrence",
        "condition",
        "conditions",
        start="condition_start",
        stop="condition_end",
        statuses=("active", "resolved"),
    ),
    _clinical(
        "drug_exposure",
        "drug",
        "medications",
        start="drug_exposure_start",
        stop="drug_exposure_end",
        statuses=("start", "stop"),
        kind="CASE WHEN coded LIKE 'CVX:%' THEN 'immunization' ELSE 'medication' END",
        where="coded NOT LIKE 'CVX:%'",
        kept={"immunizations": "coded LIKE 'CVX:%'"},
    ),
    _clinical("procedure_occurrence", "procedure", "procedures", start="procedure"),
    _observed("measurement", "measurement", texts=("VALUE_SOURCE_VALUE",)),
    _observed("observation", "observation", texts=("VALUE_AS_STRING", "VALUE_SOURCE_VALUE")),
)
OMOP = Format(
    source="OMOP Common Data Model",
    reader="read_omop",
    layouts=LAYOUTS,
    notes=NOTES,
    ending="",
    tables=TABLES,
    said=SAID,
)
