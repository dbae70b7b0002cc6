"""What the files of MIMIC-IV hold, and what their rows become. https://mimic.mit.edu/docs/iv/

Beside the rules of `rules`: a patient, an admission and a stay have whole numbers for identifiers; a patient has an
age in a year, and the gender M or F; a code of ICD is of version 9 or 10; a blood pressure is two numbers.
"""

from dataclasses import replace
from typing import Any

from lhs_helpers.records.importing import Format
from lhs_helpers.records.layout import Layout, Rule
from lhs_helpers.records.rules import (
    BY_ID,
    EMPTY,
    KEYS,
    NO_SEX,
    REPEATED_ID,
    clinical,
    date_rules,
    life_rules,
    patient_rules,
    seen,
    span,
    stop_rules,
    time_rules,
)

YEARS = (1850, 2300)  # dates are shifted to 2100 and later
NOTES = (
    "Dates are shifted, each person's by their own span: times between two events of a person are right, calendar "
    "years and comparisons between people are not. Hours, weekdays and seasons are kept.",
    "patient_id is subject_id; encounter_id is hadm_id, of stays on intensive care stay_id.",
    "A birth date is the first of the year that anchor_age and anchor_year give, so that ages in whole years are "
    "right in every year. An anchor_age of 91 stands for all ages above 89.",
    "People are registered at their first admission; most are never seen outside the hospital.",
    "Deaths are known within a year of the last discharge. A death that has only a date is at the end of that day; "
    "rows after it are rejected, and prescriptions that end after it end with it.",
    "Diagnoses are those billed: they have the time of the admission and are recorded at discharge, as are the "
    "procedures of ICD. Results are recorded at storetime, orders when they start, admissions when they end.",
    "Race and insurance are those of the last admission.",
    "Admissions are inpatient, but EU OBSERVATION is emergency and AMBULATORY OBSERVATION ambulatory.",
    "Codes are LOINC where d_labitems has a column loinc_code, NDC, ICD9CM, ICD10CM, ICD9Proc, ICD10PCS and HCPCS "
    "(with their dots), else MIMIC's own. Heights and weights keep their units, inches and pounds.",
    "A prescription that stops before it starts was stopped before the first dose, and is rejected.",
    "A result without a value has the text 'recorded'.",
    "The period ends on the day after the last row.",
)
FILES = ("patients.csv", "admissions.csv")
TABLES = """CREATE TABLE item (item_id VARCHAR PRIMARY KEY, coding VARCHAR, label VARCHAR);
CREATE TABLE trait (patient_id BIGINT, time TIMESTAMP, race VARCHAR, insurance VARCHAR);"""
NUMBER = "whole_number({})"
CELLS = dict.fromkeys(("ID", "PATIENT", "ENCOUNTER", "ITEM", "VERSION", "NDC"), NUMBER)
OF_PERSON = "LEFT JOIN (SELECT key, patient_id, birth, death FROM person) AS person ON person.key = PATIENT"
NO_WHOLE = "is not a whole number"
EMPTY_CODE: Rule = ("CODE", "CODE IS NULL", EMPTY)
VERSION_RULE: Rule = ("VERSION", "VERSION IS NULL OR VERSION NOT IN ('9', '10')", "is neither 9 nor 10")
ITEM_NAMES = {"CODE": "ITEMID"}
LABELLED = """LEFT JOIN (SELECT item.* FROM item JOIN (SELECT DISTINCT chosen AS item_id FROM chunked) AS wanted
    USING (item_id)) AS named ON named.item_id = chosen"""
LABEL = "named.label AS label"


def _dotted(code: str, place: str) -> str:
    """A code of ICD with its dot: MIMIC leaves it out."""
    return f"CASE WHEN length({code}) > {place} THEN {code}[:{place}] || '.' || {code}[{place} + 1:] ELSE {code} END"


DIAGNOSIS = f"""CASE WHEN VERSION = '10' THEN 'ICD10CM:' || {_dotted("CODE", "3")}
    ELSE 'ICD9CM:' || {_dotted("CODE", "(CASE WHEN CODE LIKE 'E%' THEN 4 ELSE 3 END)")} END"""
PROCEDURE = (
    f"CASE WHEN VERSION = '10' THEN 'ICD10PCS:' || CODE ELSE 'ICD9Proc:' || {_dotted('CODE', '2')} END"
)


def _dictionary(name: str, code: str, names: dict[str, str], *, coding: str = "item_id") -> Layout:
    """A file that says what codes mean."""
    columns = {"LABEL": "LABEL"} | names
    versioned = ("VERSION",) if "VERSION" in names else ()
    return Layout(
        name=name,
        essential=("CODE", *versioned),
        optional=("LABEL", "LOINC"),
        rules=(
            EMPTY_CODE,
            *([VERSION_RULE] if versioned else []),
            ("CODE", "line > first", "is the code of an earlier row"),
        ),
        joined="",
        derived=f"{code} AS item_id, {coding} AS coding",
        key="hash(item_id) AS a, hash(item_id || '.') AS b",
        kept={},
        remembered=(
            KEYS,
            "INSERT OR IGNORE INTO item SELECT item_id, coding, LABEL FROM judged WHERE fault = 0",
        ),
        columns=columns | {"LOINC": "LOINC_CODE"},
        cells=CELLS | {"CODE": NUMBER},
    )


def _clinical(name: str, coded: str, table: str, *, names: dict[str, str], **more: Any) -> Layout:
    columns = {"PATIENT": "SUBJECT_ID", "ENCOUNTER": "HADM_ID"} | names
    return clinical(
        name,
        "coalesce(named.coding, chosen)",
        files=FILES,
        table=table,
        names=columns,
        years=YEARS,
        cells=CELLS,
        prepared=f"{coded} AS chosen",
        joined=LABELLED,
        derived=(LABEL, *more.pop("derived", ())),
        described=more.pop("described", "label"),
        caps_stop=True,
        **more,
    )


def _results(name: str) -> Layout:
    return _clinical(
        name,
        "'MIMIC:' || whole_number(CODE)",
        "observations",
        when="DATE",
        names=ITEM_NAMES
        | {"DATE": "CHARTTIME", "STORED": "STORETIME", "UNITS": "VALUEUOM", "NUMBER": "VALUENUM"},
        optional=("STORED", "NUMBER", "VALUE", "UNITS"),
        derived=(
            "number(NUMBER) AS read",
            "CASE WHEN read IS NULL THEN coalesce(VALUE, 'recorded') END AS text",
        ),
        known="greatest(happened, moment(STORED))",
        columns=", read AS value, text, UNITS AS unit",
        unit="UNITS",
        rules=(
            *date_rules("STORED", "moment(STORED)", YEARS),
            ("NUMBER", "NUMBER IS NOT NULL AND read IS NULL", "is not a number"),
        ),
    )


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
        derived=f"""patient_id, birth, death, TRY_CAST(ID AS BIGINT) AS encounter_id, moment(START) AS began,
            moment(STOP) AS ended, greatest(began, ended) AS known, {code} AS coded, {class_} AS class{derived}""",
        key=BY_ID,
        kept={
            "encounters": """SELECT patient_id, encounter_id, began AS time, ended AS stop, class, coded AS code,
                known AS recorded_at FROM judged WHERE fault = 0 ORDER BY line"""
        },
        remembered=(
            KEYS,
            "INSERT INTO visit SELECT ID, encounter_id, patient_id, began, known FROM judged WHERE fault = 0",
            seen(name, "'encounter'", described="split_part(coded, ':', 2)"),
            span(name),
            *remembered,
        ),
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
        KEYS,
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
PRESSURES = "regexp_extract(VALUE, '^([0-9.]+)/([0-9.]+)$', {})"
OMR = _clinical(
    "omr",
    """CASE WHEN CODE LIKE 'Blood Pressure%' THEN 'LOINC:8480-6' WHEN CODE LIKE 'Height%' THEN 'LOINC:8302-2'
        WHEN CODE LIKE 'Weight%' THEN 'LOINC:29463-7' WHEN CODE LIKE 'BMI%' THEN 'LOINC:39156-5'
        ELSE 'MIMIC:' || replace(CODE, ':', ' ') END""",
    "observations",
    when="DATE",
    names={"CODE": "RESULT_NAME", "DATE": "CHARTDATE", "VALUE": "RESULT_VALUE"},
    optional=("VALUE",),
    derived=(
        "CASE WHEN CODE LIKE 'Blood Pressure%' THEN [8462] END AS is_pressure",
        f"number({PRESSURES.format(1)}) AS systolic, number({PRESSURES.format(2)}) AS diastolic",
        "CASE WHEN is_pressure IS NOT NULL THEN systolic ELSE number(VALUE) END AS read",
        """CASE WHEN is_pressure IS NOT NULL THEN 'mm[Hg]' WHEN CODE LIKE 'Height%' THEN '[in_i]'
            WHEN CODE LIKE 'Weight%' THEN '[lb_av]' WHEN CODE LIKE 'BMI%' THEN 'kg/m2' END AS units""",
        "CASE WHEN read IS NULL THEN VALUE END AS text",
        "CODE AS result",
    ),
    known="happened",
    columns=", read AS value, text, units AS unit",
    unit="units",
    described="result",
    rules=(
        ("VALUE", "VALUE IS NULL", EMPTY),
        (
            "VALUE",
            "is_pressure IS NOT NULL AND (systolic IS NULL OR diastolic IS NULL)",
            "is not two pressures",
        ),
        ("VALUE", "units IS NOT NULL AND read IS NULL", "is not a number"),
    ),
)
DIASTOLIC = """ UNION ALL SELECT line, patient_id, encounter_id, happened, 'LOINC:8462-4', known, diastolic, NULL, units
    FROM judged WHERE fault = 0 AND is_pressure IS NOT NULL) ORDER BY"""
OMR = replace(
    OMR,
    kept={"observations": OMR.kept["observations"].replace(") ORDER BY", DIASTOLIC)},
    remembered=(
        *OMR.remembered,
        """INSERT INTO seen SELECT 'omr', 'LOINC:8462-4', 'observation', 'Diastolic blood pressure', units, count(*)
            FROM judged WHERE fault = 0 AND is_pressure IS NOT NULL GROUP BY ALL""",
    ),
)
LAYOUTS: tuple[Layout, ...] = (  # in the order they are read: what others refer to comes first
    _dictionary(
        "d_labitems",
        "'MIMIC:' || CODE",
        ITEM_NAMES,
        coding="coalesce('LOINC:' || LOINC, item_id)",
    ),
    _dictionary("d_items", "'MIMIC:' || CODE", ITEM_NAMES),
    _dictionary(
        "d_icd_diagnoses",
        DIAGNOSIS,
        {"CODE": "ICD_CODE", "VERSION": "ICD_VERSION", "LABEL": "LONG_TITLE"},
    ),
    _dictionary(
        "d_icd_procedures",
        PROCEDURE,
        {"CODE": "ICD_CODE", "VERSION": "ICD_VERSION", "LABEL": "LONG_TITLE"},
    ),
    PATIENTS,
    ADMISSIONS,
    _visits(
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
    ),
    _clinical(
        "diagnoses_icd",
        DIAGNOSIS,
        "conditions",
        when="ENCOUNTER",
        began="visit_start",
        day_only="false",
        timed=(("ENCOUNTER", "ENCOUNTER IS NULL", EMPTY),),
        names={"CODE": "ICD_CODE", "VERSION": "ICD_VERSION"},
        essential=("PATIENT", "CODE", "VERSION"),
        rules=(VERSION_RULE,),
        columns=", 'active' AS status",
    ),
    _clinical(
        "procedures_icd",
        PROCEDURE,
        "procedures",
        when="DATE",
        names={"CODE": "ICD_CODE", "VERSION": "ICD_VERSION", "DATE": "CHARTDATE"},
        essential=("PATIENT", "CODE", "VERSION"),
        rules=(VERSION_RULE,),
    ),
    _clinical(
        "hcpcsevents",
        "'HCPCS:' || CODE",
        "procedures",
        when="DATE",
        names={"CODE": "HCPCS_CD", "DATE": "CHARTDATE"},
        optional=("SHORT_DESCRIPTION",),
        derived=("SHORT_DESCRIPTION AS short",),
        described="short",
    ),
    _clinical(
        "prescriptions",
        "CASE WHEN NDC <> '0' THEN 'NDC:' || lpad(NDC, 11, '0') ELSE 'MIMIC:' || replace(CODE, ':', ' ') END",
        "medications",
        names={"CODE": "DRUG", "START": "STARTTIME", "STOP": "STOPTIME"},
        optional=("NDC",),
        derived=("CODE AS drug",),
        described="drug",
        known="happened",
        day_only="false",
        statuses=("start", "stop"),
    ),
    OMR,
    _results("labevents"),
    _results("chartevents"),
)
MIMIC = Format(source="MIMIC-IV", reader="read_mimic", layouts=LAYOUTS, notes=NOTES, tables=TABLES,
               quiet=("LOINC", "ETHNICITY", "RACE"))  # fmt: skip
