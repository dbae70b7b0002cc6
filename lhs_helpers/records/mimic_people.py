"""Patients and stays of MIMIC-IV.

Patients and stays have whole numbers for identifiers; a patient has an age in a year, and the gender M or F.
"""

from dataclasses import replace

from lhs_helpers.records.layout import Layout, Rule
from lhs_helpers.records.rules import (
    BY_ID,
    EMPTY,
    NO_SEX,
    OF_PERSON,
    REPEATED_ID,
    date_rules,
    life_rules,
    patient_rules,
    seen,
    span,
    stop_rules,
    time_rules,
)

YEARS = (1850, 2300)  # dates are shifted to 2100 and later
FILES = ("patients.csv", "admissions.csv")
NUMBER = "whole_number({})"
CELLS = dict.fromkeys(("ID", "PATIENT", "ENCOUNTER", "ITEM", "VERSION", "NDC"), NUMBER)
NO_WHOLE = "is not a whole number"


def _visits(name: str, *, code: str, class_: str, columns: dict[str, str], optional: tuple[str, ...] = (),
            derived: str = "", rules: tuple[Rule, ...] = (), remembered: tuple[str, ...] = ()) -> Layout:  # fmt: skip
    return Layout(
        name=name,
        essential=("ID", "PATIENT", "START"),
        optional=("STOP", "CODE", *optional),
        rules=(
            ("ID", "ID IS NULL", EMPTY),
            ("ID", "encounter_id IS NULL", NO_WHOLE),
            *time_rules("START", years=YEARS),
            *patient_rules(FILES[0]),
            *life_rules("START"),
            *stop_rules("STOP", columns["START"], years=YEARS),
            *rules,
            REPEATED_ID,
        ),
        joined=OF_PERSON,
        references=("PATIENT",),
        derived=f"""patient_id, birth, death, TRY_CAST(ID AS BIGINT) AS encounter_id, moment(START) AS began,
            moment(STOP) AS ended, greatest(began, ended) AS known, {code} AS coded, {class_} AS class{derived}""",
        key=BY_ID,
        kept={
            "encounters": """SELECT patient_id, encounter_id, began AS time, ended AS stop, class, coded AS code,
                known AS recorded_at FROM judged WHERE fault = 0 ORDER BY line"""
        },
        remembered=(
            "INSERT INTO visit SELECT hash(ID), encounter_id, patient_id, began, known FROM judged WHERE fault = 0",
            *remembered,
        ),
        summed=(seen(name, "'encounter'", described="split_part(coded, ':', 2)"), span(name)),
        columns=columns,
        cells=CELLS,
    )


PATIENTS = Layout(
    name="patients",
    essential=("ID", "SEX", "AGE", "YEAR"),
    optional=("DEATHDATE",),
    rules=(
        ("ID", "ID IS NULL", EMPTY),
        ("ID", "number IS NULL", NO_WHOLE),
        ("AGE", "AGE IS NULL", EMPTY),
        ("AGE", "years IS NULL OR years NOT BETWEEN 0 AND 130", "is not an age in years"),
        ("YEAR", "YEAR IS NULL", EMPTY),
        ("YEAR", "began IS NULL", "is not a year"),
        *date_rules("YEAR", "began", YEARS),
        *date_rules("DEATHDATE", "died", YEARS),
        ("DEATHDATE", "died < began", "is before the patient's birth"),
        ("SEX", "sex_word IS NULL", NO_SEX),
        REPEATED_ID,
    ),
    joined="",
    derived="""TRY_CAST(ID AS BIGINT) AS number, TRY_CAST(AGE AS INTEGER) AS years,
        moment(lpad((TRY_CAST(YEAR AS INTEGER) - years)::VARCHAR, 4, '0') || '-01-01') AS began,
        end_of_day(moment(DEATHDATE)) AS died,
        CASE upper(SEX) WHEN 'F' THEN 'female' WHEN 'M' THEN 'male' END AS sex_word""",
    key=BY_ID,
    kept={},
    remembered=(
        """INSERT INTO person SELECT number, ID, ID, began::DATE, died, sex_word, NULL, NULL, NULL, NULL
            FROM judged WHERE fault = 0""",
    ),
    forgotten=("person",),
    columns={
        "ID": "SUBJECT_ID",
        "SEX": "GENDER",
        "AGE": "ANCHOR_AGE",
        "YEAR": "ANCHOR_YEAR",
        "DEATHDATE": "DOD",
    },
    cells=CELLS,
)
ADMISSIONS = _visits(
    "admissions",
    code="'MIMIC:' || coalesce(replace(CODE, ':', ' '), 'admission')",
    class_="""CASE CODE WHEN 'EU OBSERVATION' THEN 'emergency' WHEN 'AMBULATORY OBSERVATION' THEN 'ambulatory'
        ELSE 'inpatient' END""",
    columns={
        "ID": "HADM_ID",
        "PATIENT": "SUBJECT_ID",
        "START": "ADMITTIME",
        "STOP": "DISCHTIME",
        "CODE": "ADMISSION_TYPE",
        "DEATHDATE": "DEATHTIME",
    },
    optional=("DEATHDATE", "RACE", "ETHNICITY", "INSURANCE"),
    derived=", moment(DEATHDATE) AS died, lower(coalesce(RACE, ETHNICITY)) AS race_word",
    rules=(*date_rules("DEATHDATE", "died", YEARS), ("DEATHDATE", "died < began", "is before ADMITTIME")),
    remembered=(
        """INSERT INTO trait SELECT patient_id, began, race_word, lower(INSURANCE) FROM judged WHERE fault = 0""",
        """UPDATE person SET race = latest.race, insurance = latest.insurance
            FROM (SELECT patient_id, arg_max(race, time) AS race, arg_max(insurance, time) AS insurance
                FROM trait GROUP BY patient_id) AS latest WHERE latest.patient_id = person.patient_id""",
        """UPDATE person SET death = judged.died
            FROM judged WHERE fault = 0 AND died IS NOT NULL AND judged.patient_id = person.patient_id""",
    ),
)
ADMISSIONS = replace(ADMISSIONS, forgotten=("visit", "trait"))
ICUSTAYS = _visits(
    "icustays",
    code="'MIMIC:' || coalesce(replace(CODE, ':', ' '), 'intensive care')",
    class_="'inpatient'",
    columns={
        "ID": "STAY_ID",
        "PATIENT": "SUBJECT_ID",
        "START": "INTIME",
        "STOP": "OUTTIME",
        "CODE": "FIRST_CAREUNIT",
    },
)
