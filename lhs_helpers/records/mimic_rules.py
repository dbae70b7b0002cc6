"""What the files of MIMIC-IV hold, and what their rows become. https://mimic.mit.edu/docs/iv/

Beside the rules of `rules`: a patient, an admission and a stay have whole numbers for identifiers; a patient has an
age in a year, and the gender M or F; a code of ICD is of version 9 or 10; a blood pressure is two numbers.
"""

from dataclasses import replace
from typing import Any

from lhs_helpers.records.formats import Format
from lhs_helpers.records.layout import Layout, Rule
from lhs_helpers.records.mimic_people import ADMISSIONS, CELLS, FILES, ICUSTAYS, NUMBER, PATIENTS, YEARS
from lhs_helpers.records.rules import EMPTY, clinical, date_rules

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
TABLES = """CREATE TABLE item (item_id VARCHAR PRIMARY KEY, coding VARCHAR, label VARCHAR);
CREATE TABLE trait (patient_id BIGINT, time TIMESTAMP, race VARCHAR, insurance VARCHAR);"""
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
        remembered=("INSERT OR IGNORE INTO item SELECT item_id, coding, LABEL FROM judged WHERE fault = 0",),
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
    summed=(
        *OMR.summed,
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
    ICUSTAYS,
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
