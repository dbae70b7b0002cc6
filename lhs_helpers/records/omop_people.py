"""People, visits and vocabulary of the OMOP Common Data Model, and how its tables speak of concepts and times.

A person and a visit have whole numbers for identifiers; a person has a year of birth and the sex male or female.
"""

from lhs_helpers.records.layout import Layout, Rule
from lhs_helpers.records.rules import (
    BY_ID,
    BY_PATIENT_AND_WHOLE,
    EMPTY,
    NO_DATE,
    OF_PERSON,
    REPEATED_ID,
    REPEATED_ROW,
    date_rules,
    life_rules,
    patient_rules,
    seen,
    span,
    stop_rules,
    time_rules,
)
from lhs_helpers.records.tables import ALLOWED

# Standard concepts of visits; others are told by the name of their concept, where the vocabulary is there.
VISITS = {
    "9201": "inpatient",
    "262": "inpatient",  # emergency room and inpatient
    "8717": "inpatient",  # inpatient hospital
    "42898160": "inpatient",  # non-hospital institution
    "32037": "inpatient",  # intensive care
    "9203": "emergency",
    "8870": "emergency",
    "581478": "emergency",  # ambulance
    "9202": "ambulatory",
    "8756": "ambulatory",
    "581477": "ambulatory",  # office
    "581476": "ambulatory",  # home
    "581479": "ambulatory",
    "5083": "ambulatory",  # telehealth
    "32036": "ambulatory",  # laboratory
    "8782": "ambulatory",  # urgent care
}
CLASSES = ALLOWED["encounters", "class"]
RACES = {
    "8527": "white",
    "8516": "black or african american",
    "8515": "asian",
    "8657": "american indian or alaska native",
    "8557": "native hawaiian or other pacific islander",
}
FILES = ("person", "visit_occurrence")
NUMBER = "whole_number({})"
REFERENCE = "nullif(whole_number({}), '0')"  # 0 refers to nothing
CELLS = {"ID": NUMBER, "PATIENT": NUMBER, "CODE": REFERENCE, "ENCOUNTER": REFERENCE} | dict.fromkeys(
    ("SOURCE_CONCEPT", "VALUE_CONCEPT", "UNIT_CONCEPT", "SITE", "RACE_CONCEPT", "ETHNICITY_CONCEPT"),
    REFERENCE,
)
CODED = """coalesce(named.coding, 'OMOP:' || chosen, 'Source:' || SOURCE_VALUE)"""
NO_CODE: Rule = ("CODE", "coded IS NULL", "names no concept, and there is no source value")
NO_WHOLE = "is not a whole number"


def described(column: str, alias: str) -> str:
    """The concepts of a column, each looked up once a chunk: a whole vocabulary has millions."""
    return f"""LEFT JOIN (SELECT concept.* FROM concept
        JOIN (SELECT DISTINCT {column} AS concept_id FROM chunked) AS wanted USING (concept_id)
    ) AS {alias} ON {alias}.concept_id = {column}"""


def event_time(column: str) -> str:
    return f"coalesce(moment({column}_TIME), moment({column}))"


def day_time(column: str) -> Rule:
    return (f"{column}_TIME", f"{column}_TIME IS NOT NULL AND moment({column}_TIME) IS NULL", NO_DATE)


CONCEPT = Layout(
    name="concept",
    essential=("ID", "CODE", "VOCABULARY"),
    optional=("DESCRIPTION",),
    rules=(
        ("ID", "ID IS NULL", EMPTY),
        ("CODE", "CODE IS NULL", EMPTY),
        ("VOCABULARY", "VOCABULARY IS NULL", EMPTY),
        REPEATED_ID,
    ),  # fmt: skip
    joined="",
    derived="replace(VOCABULARY, ':', ' ') || ':' || CODE AS coded, CODE AS bare",
    key=BY_ID,
    kept={},
    remembered=("INSERT INTO concept SELECT ID, coded, bare, DESCRIPTION FROM judged WHERE fault = 0",),
    forgotten=("concept",),
    columns={
        "ID": "CONCEPT_ID",
        "CODE": "CONCEPT_CODE",
        "VOCABULARY": "VOCABULARY_ID",
        "DESCRIPTION": "CONCEPT_NAME",
    },
    cells={"ID": NUMBER},
)
CARE_SITE = Layout(
    name="care_site",
    essential=("ID",),
    optional=("NAME",),
    rules=(("ID", "ID IS NULL", EMPTY), REPEATED_ID),
    joined="",
    derived="NULL AS nothing",
    key=BY_ID,
    kept={},
    remembered=("INSERT INTO care_site SELECT ID, NAME FROM judged WHERE fault = 0",),
    forgotten=("care_site",),
    columns={"ID": "CARE_SITE_ID", "NAME": "CARE_SITE_NAME"},
    cells={"ID": NUMBER},
)
# A day that is not in its month is no date: made of text, it is judged as text.
BIRTH = """coalesce(moment(BIRTH), moment(lpad(whole_number(YEAR), 4, '0') || '-'
    || lpad(coalesce(whole_number(MONTH), '1'), 2, '0') || '-' || lpad(coalesce(whole_number(DAY), '1'), 2, '0')))"""
PERSON = Layout(
    name="person",
    essential=("ID", "YEAR"),
    optional=(
        "SEX",
        "MONTH",
        "DAY",
        "BIRTH",
        "SEX_SOURCE",
        "RACE_CONCEPT",
        "RACE",
        "ETHNICITY_CONCEPT",
        "SITE",
        "SOURCE",
    ),  # fmt: skip
    rules=(
        ("ID", "ID IS NULL", EMPTY),
        ("ID", "number IS NULL", NO_WHOLE),
        ("YEAR", "YEAR IS NULL AND BIRTH IS NULL", EMPTY),
        ("BIRTH", "BIRTH IS NOT NULL AND moment(BIRTH) IS NULL", NO_DATE),
        ("YEAR", "began IS NULL", "makes no date of the calendar with month and day"),
        *date_rules("YEAR", "began"),
        ("SEX", "sex_word IS NULL", "is neither male (8507) nor female (8532)"),
        REPEATED_ID,
    ),
    joined=f"{described('RACE_CONCEPT', 'race_of')} LEFT JOIN care_site ON care_site.site_id = SITE",
    derived=f"""{BIRTH} AS began, TRY_CAST(ID AS BIGINT) AS number,
        CASE WHEN SEX = '8532' THEN 'female' WHEN SEX = '8507' THEN 'male'
            WHEN upper(SEX_SOURCE) IN ('F', 'FEMALE') THEN 'female'
            WHEN upper(SEX_SOURCE) IN ('M', 'MALE') THEN 'male' END AS sex_word,
        lower(coalesce(race_of.label, MAP {RACES}[RACE_CONCEPT], RACE)) AS race_word,
        CASE ETHNICITY_CONCEPT WHEN '38003563' THEN 'hispanic' WHEN '38003564' THEN 'not hispanic' END AS ethnic,
        coalesce(site_name, SITE) AS place""",
    key=BY_ID,
    kept={},
    remembered=(
        """INSERT INTO person SELECT number, ID, coalesce(SOURCE, ID), began::DATE, NULL, sex_word, race_word,
            ethnic, NULL, place FROM judged WHERE fault = 0""",
    ),
    forgotten=("person",),
    columns={
        "ID": "PERSON_ID",
        "YEAR": "YEAR_OF_BIRTH",
        "MONTH": "MONTH_OF_BIRTH",
        "DAY": "DAY_OF_BIRTH",
        "BIRTH": "BIRTH_DATETIME",
        "SEX": "GENDER_CONCEPT_ID",
        "SEX_SOURCE": "GENDER_SOURCE_VALUE",
        "RACE_CONCEPT": "RACE_CONCEPT_ID",
        "RACE": "RACE_SOURCE_VALUE",
        "ETHNICITY_CONCEPT": "ETHNICITY_CONCEPT_ID",
        "SITE": "CARE_SITE_ID",
        "SOURCE": "PERSON_SOURCE_VALUE",
    },
    cells=CELLS | {"SEX": NUMBER},
)
DEATH = Layout(
    name="death",
    essential=("PATIENT", "START"),
    optional=("START_TIME",),
    rules=(
        *time_rules("START"),
        day_time("START"),
        *patient_rules("person"),
        ("START", "died < birth", "is before the patient's birth"),
        ("PATIENT", "line > first", "has died on an earlier row"),
    ),
    joined=OF_PERSON,
    references=("PATIENT",),
    derived=f"patient_id, birth, {event_time('START')} AS began, end_of_day(began) AS died",
    key="hash(PATIENT) AS a, hash(PATIENT || '.') AS b",
    kept={},
    remembered=("UPDATE person SET death = died FROM judged WHERE fault = 0 AND key = judged.dead",),
    columns={"PATIENT": "PERSON_ID", "START": "DEATH_DATE", "START_TIME": "DEATH_DATETIME"},
    cells=CELLS,
    prepared="PATIENT AS dead",
)
OBSERVATION_PERIOD = Layout(
    name="observation_period",
    essential=("PATIENT", "START", "STOP"),
    optional=(),
    rules=(
        *time_rules("START"),
        *patient_rules("person"),
        *life_rules("START"),
        ("STOP", "STOP IS NULL", EMPTY),
        *stop_rules("STOP", "OBSERVATION_PERIOD_START_DATE"),
        REPEATED_ROW,
    ),
    joined=OF_PERSON,
    references=("PATIENT",),
    derived="patient_id, birth, death, moment(START) AS began, moment(STOP) AS ended",
    key=BY_PATIENT_AND_WHOLE,
    kept={},
    remembered=(
        "INSERT INTO membership SELECT patient_id, began, end_of_day(ended) FROM judged WHERE fault = 0",
    ),
    forgotten=("membership",),
    columns={
        "PATIENT": "PERSON_ID",
        "START": "OBSERVATION_PERIOD_START_DATE",
        "STOP": "OBSERVATION_PERIOD_END_DATE",
    },
    cells=CELLS,
)
VISIT = Layout(
    name="visit_occurrence",
    essential=("ID", "PATIENT", "START", "CODE"),
    optional=("STOP", "START_TIME", "STOP_TIME", "SOURCE_CONCEPT", "SOURCE_VALUE", "SITE"),
    rules=(
        ("ID", "ID IS NULL", EMPTY),
        ("ID", "encounter_id IS NULL", NO_WHOLE),
        *time_rules("START"),
        day_time("START"),
        *patient_rules("person"),
        NO_CODE,
        *life_rules("START"),
        day_time("STOP"),
        *stop_rules("STOP", "VISIT_START_DATE", day_only="ended = ended::DATE"),
        REPEATED_ID,
    ),
    joined=f"{OF_PERSON} {described('chosen', 'named')} {described('CODE', 'kind')} "
    "LEFT JOIN care_site ON care_site.site_id = SITE",
    references=("PATIENT",),
    # The source's own concept says more of a visit than the few standard ones, which make its class.
    prepared="coalesce(SOURCE_CONCEPT, CODE) AS chosen",
    derived=f"""patient_id, birth, death, {event_time("START")} AS began, {event_time("STOP")} AS ended,
        greatest(began, ended) AS known, TRY_CAST(ID AS BIGINT) AS encounter_id, {CODED} AS coded,
        named.label AS described, coalesce(site_name, SITE) AS place,
        coalesce(CASE WHEN lower(SOURCE_VALUE) IN {CLASSES} THEN lower(SOURCE_VALUE) END, MAP {VISITS}[CODE],
            CASE WHEN kind.label ILIKE '%inpatient%' THEN 'inpatient'
                WHEN kind.label ILIKE '%emergency%' THEN 'emergency'
                WHEN kind.label IS NOT NULL THEN 'ambulatory' END) AS told,
        coalesce(told, 'ambulatory') AS class""",
    key=BY_ID,
    kept={
        # An end that is only a day may be that of the beginning.
        "encounters": """SELECT patient_id, encounter_id, began AS time,
            if(ended < began, began, ended) AS stop, class, coded AS code,
            place AS site, known AS recorded_at FROM judged WHERE fault = 0 ORDER BY line"""
    },
    remembered=(
        "INSERT INTO visit SELECT hash(ID), encounter_id, patient_id, began, known FROM judged WHERE fault = 0",
    ),
    summed=(
        "INSERT INTO guessed SELECT count(*) FROM judged WHERE fault = 0 AND told IS NULL",
        seen("visit_occurrence", "'encounter'", described="described"),
        span("visit_occurrence"),
    ),
    forgotten=("visit", "guessed"),
    columns={
        "ID": "VISIT_OCCURRENCE_ID",
        "PATIENT": "PERSON_ID",
        "CODE": "VISIT_CONCEPT_ID",
        "SOURCE_CONCEPT": "VISIT_SOURCE_CONCEPT_ID",
        "SOURCE_VALUE": "VISIT_SOURCE_VALUE",
        "START": "VISIT_START_DATE",
        "START_TIME": "VISIT_START_DATETIME",
        "STOP": "VISIT_END_DATE",
        "STOP_TIME": "VISIT_END_DATETIME",
        "SITE": "CARE_SITE_ID",
    },
    cells=CELLS,
)
