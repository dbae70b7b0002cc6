"""What the rows of a MEDS dataset are, and by what rules they are kept.

A column `kind`, which `write_meds` adds, says what an event is. Without it: what has a value is an observation;
else the system that begins the code decides (see KINDS); what is not known here is an observation without value.
Beside the rules of `rules`: a subject has a birth, and the sex female or male.
"""

from lhs_helpers.records.formats import Format
from lhs_helpers.records.layout import Layout
from lhs_helpers.records.rules import (
    BY_ID,
    EMPTY,
    OF_PERSON,
    REPEATED_ID,
    REPEATED_ROW,
    date_rules,
    life_rules,
    patient_rules,
    span,
    time_rules,
)

KINDS = {
    "condition": ("SNOMED", "ICD9CM", "ICD10CM", "ICD9", "ICD10", "DIAGNOSIS", "CONDITION"),
    "medication": ("RXNORM", "RXNORM EXTENSION", "NDC", "ATC", "MEDICATION", "DRUG"),
    "immunization": ("CVX",),
    "procedure": ("ICD9PROC", "ICD10PCS", "CPT4", "CPT", "HCPCS", "PROCEDURE"),
    "encounter": ("VISIT", "ADMISSION", "HOSPITAL_ADMISSION", "ICU_ADMISSION", "ED_REGISTRATION"),
}
STATUSES = {"REGISTERED": "registered", "LEFT": "left", "MEDS_DEATH": "died"}
NOTES = (
    "patient_id is subject_id; times are recorded when they happen, unless a column recorded_at says otherwise.",
    "Of encounters MEDS knows neither class nor end, nor which rows belong to them: they are ambulatory, unless "
    "their code names emergency or inpatient care. Reasons are not in it.",
    "Codes are kept with : between system and code. A code without a system has the prefix MEDS.",
    "Without a column kind, what has a value is an observation, and the system of a code decides on the others.",
    "An observation without value and text has the text 'recorded'.",
    "Codes that end with //END end what the code without it began.",
    "People without a row REGISTERED are registered at their first event after birth; sex, race and ethnicity, "
    "which have no time, are as the dataset says.",
    "A death at midnight is at the end of that day; the period ends on the day after the last version.",
)
TABLES = """CREATE TABLE version (patient_id BIGINT, status VARCHAR, time TIMESTAMP, recorded_at TIMESTAMP);
CREATE TABLE fact (patient_id BIGINT, time TIMESTAMP, name VARCHAR, word VARCHAR);
CREATE TABLE first_seen (patient_id BIGINT, time TIMESTAMP);
CREATE TABLE label (label_code VARCHAR PRIMARY KEY, label_text VARCHAR);"""
PATIENTS = """
WITH chosen AS (SELECT * FROM person WHERE patient_id BETWEEN {low} AND {high}),
told AS (SELECT DISTINCT * FROM version WHERE patient_id BETWEEN {low} AND {high}),
began AS (SELECT patient_id, min(time) AS time FROM first_seen
    WHERE patient_id BETWEEN {low} AND {high} GROUP BY patient_id),
unsaid AS (SELECT patient_id, 'registered' AS status, coalesce(began.time, birth) AS time, time AS recorded_at
    FROM chosen LEFT JOIN began USING (patient_id)
    ANTI JOIN (SELECT patient_id FROM told WHERE status = 'registered') AS registered USING (patient_id)),
wide AS (SELECT patient_id, time, min(word) FILTER (name = 'EDUCATION') AS education,
    min(word) FILTER (name = 'INSURANCE') AS insurance, min(word) FILTER (name = 'SITE') AS site
    FROM fact WHERE patient_id BETWEEN {low} AND {high} GROUP BY patient_id, time)
SELECT patient_id, source_id, birth AS birth_date, sex, race, ethnicity, wide.education, wide.insurance, wide.site,
    status, version.time AS time, coalesce(version.recorded_at, version.time) AS recorded_at
FROM (SELECT * FROM told UNION ALL SELECT * FROM unsaid) AS version JOIN chosen USING (patient_id)
    ASOF LEFT JOIN wide ON wide.patient_id = version.patient_id AND version.time >= wide.time
ORDER BY patient_id, version.time, status DESC
"""
WHERE = ("FILE", "ROW")
IS_STATIC = "(CODE LIKE 'SEX//%' OR CODE LIKE 'GENDER//%' OR CODE LIKE 'RACE//%' OR CODE LIKE 'ETHNICITY//%')"
IS_FACT = "(CODE LIKE 'EDUCATION//%' OR CODE LIKE 'INSURANCE//%' OR CODE LIKE 'SITE//%')"
PLAIN = "regexp_replace(CODE, '//END$', '')"
SYSTEM = "regexp_extract(CODE, '^([^:/]+)(:|//?)', 1)"
_GUESS = " ".join(
    f"WHEN upper(system) IN ({', '.join(repr(word) for word in words)}) THEN '{kind}'"
    for kind, words in KINDS.items()
)
KIND_OF = f"""CASE WHEN {IS_STATIC} OR {IS_FACT} OR CODE LIKE 'MEDS_BIRTH%' THEN 'person'
    WHEN CODE LIKE 'MEDS_DEATH%' THEN 'died' WHEN CODE = 'REGISTERED' THEN 'registered' WHEN CODE = 'LEFT' THEN 'left'
    WHEN KIND IS NOT NULL THEN regexp_replace(KIND, '_(end|stop)$', '')
    WHEN VALUE IS NOT NULL OR SAID IS NOT NULL THEN 'observation' {_GUESS} ELSE 'observation' END"""
KNOWN_KINDS = (*KINDS, "observation", "person", "died", "registered", "left", "death")

CODES = Layout(
    name="codes",
    essential=("CODE",),
    optional=("DESCRIPTION",),
    rules=(("CODE", "CODE IS NULL", EMPTY), ("CODE", "line > first", "is the code of an earlier row")),
    joined="",
    derived="CODE AS label_code",
    key="hash(label_code) AS a, hash(label_code || '.') AS b",
    kept={},
    remembered=("INSERT OR IGNORE INTO label SELECT label_code, DESCRIPTION FROM judged WHERE fault = 0",),
)
SUBJECTS = Layout(
    name="subjects",
    essential=("ID", "BIRTH", "SEX"),
    optional=("DEATHDATE", "RACE", "ETHNICITY"),
    rules=(
        ("ID", "ID IS NULL", EMPTY),
        ("ID", "number IS NULL", "is not a whole number"),
        ("BIRTH", "BIRTH IS NULL", "is in no row MEDS_BIRTH"),
        *date_rules("BIRTH", "began"),
        *date_rules("DEATHDATE", "died"),
        ("DEATHDATE", "died < began", "is before the birth"),
        ("SEX", "sex_word IS NULL", "is neither female nor male"),
        REPEATED_ID,
    ),
    joined="",
    derived="""TRY_CAST(ID AS BIGINT) AS number, moment(BIRTH) AS began, end_of_day(moment(DEATHDATE)) AS died,
        CASE WHEN lower(SEX) IN ('f', 'female') THEN 'female' WHEN lower(SEX) IN ('m', 'male') THEN 'male' END
            AS sex_word""",
    key=BY_ID,
    kept={},
    remembered=(
        """INSERT INTO person SELECT number, ID, ID, began::DATE, died, sex_word, RACE, ETHNICITY, NULL, NULL
            FROM judged WHERE fault = 0""",
    ),
    forgotten=("person",),
    columns={"ID": "SUBJECT_ID", "DEATHDATE": "DEATH"},
)
ROW = "patient_id, began AS time, coded AS code, known AS recorded_at"


def _rows(kind: str, columns: str = "") -> str:
    return f"SELECT {ROW}{columns} FROM judged WHERE fault = 0 AND kind_of = '{kind}' ORDER BY line"


EVENTS = Layout(
    name="data",
    essential=("PATIENT", "DATE", "CODE"),
    optional=("VALUE", "SAID", "UNITS", "RECORDED", "KIND", "FILE", "ROW"),
    rules=(
        ("CODE", "CODE IS NULL", EMPTY),
        *patient_rules("the subjects"),
        ("DATE", "DATE IS NULL AND kind_of <> 'person'", EMPTY),
        *time_rules("DATE")[1:],
        ("DATE", "began::DATE < birth", "is before the patient's birth"),
        *life_rules("DATE")[1:],
        *date_rules("RECORDED", "moment(RECORDED)"),
        ("VALUE", "VALUE IS NOT NULL AND lower(VALUE) <> 'nan' AND read IS NULL", "is not a number"),
        ("KIND", "kind_of NOT IN " + repr(KNOWN_KINDS), "is no kind of event"),
        REPEATED_ROW,
    ),
    joined=f"""{OF_PERSON}
        LEFT JOIN label ON label_code = plain""",
    references=("PATIENT",),
    prepared=f"{PLAIN} AS plain, {SYSTEM} AS system, {KIND_OF} AS kind_of",
    derived="""patient_id, birth, death, moment(DATE) AS moment_of,
        CASE WHEN kind_of = 'died' THEN end_of_day(moment_of) ELSE moment_of END AS began,
        greatest(began, moment(RECORDED)) AS known, plain <> CODE AS ends, label_text AS label,
        CASE WHEN plain LIKE '%:%' THEN plain WHEN system <> ''
            THEN regexp_replace(plain, '^([^:/]+)//?', '\\1:') ELSE 'MEDS:' || plain END AS coded,
        number(VALUE) AS read, CASE WHEN read IS NULL THEN coalesce(SAID, 'recorded') END AS text,
        CODE AS code_said""",
    # A dataset that has its rows twice is told by the place; within a file, sorted rows may well be equal.
    key="patient_id::UBIGINT AS a, hash(PATIENT, DATE, CODE, VALUE, SAID, UNITS, RECORDED) AS b",
    kept={
        "encounters": """SELECT patient_id, line AS encounter_id, began AS time,
            CASE WHEN label ILIKE '%emergency%' OR code_said ILIKE 'ED_%' OR coded = 'Visit:ER' THEN 'emergency'
                WHEN label ILIKE '%inpatient%' OR code_said ILIKE '%ADMISSION%' OR coded = 'Visit:IP' THEN 'inpatient'
                ELSE 'ambulatory' END AS class, coded AS code, known AS recorded_at
            FROM judged WHERE fault = 0 AND kind_of = 'encounter' ORDER BY line""",
        "conditions": _rows("condition", ", CASE WHEN ends THEN 'resolved' ELSE 'active' END AS status"),
        "observations": _rows("observation", ", read AS value, text, UNITS AS unit"),
        "medications": _rows("medication", ", CASE WHEN ends THEN 'stop' ELSE 'start' END AS status"),
        "procedures": _rows("procedure"),
        "immunizations": _rows("immunization"),
    },
    summed=(
        f"""INSERT INTO seen SELECT 'data', coded, kind_of, label, UNITS, count(*) FROM judged
            WHERE fault = 0 AND kind_of IN {(*KINDS, "observation")} GROUP BY ALL""",
        """INSERT INTO version SELECT patient_id, kind_of, began, known FROM judged
            WHERE fault = 0 AND kind_of IN ('registered', 'left', 'died')""",
        """INSERT INTO fact SELECT patient_id, began, split_part(code_said, '//', 1), split_part(code_said, '//', 2)
            FROM judged WHERE fault = 0 AND kind_of = 'person' AND began IS NOT NULL""",
        """INSERT INTO first_seen SELECT patient_id, min(began) FROM judged
            WHERE fault = 0 AND kind_of <> 'person' GROUP BY patient_id""",
        span("data").replace("fault = 0", "fault = 0 AND kind_of <> 'person'"),
    ),
    forgotten=("version", "fact", "first_seen"),
    columns={
        "PATIENT": "SUBJECT_ID",
        "DATE": "TIME",
        "VALUE": "NUMERIC_VALUE",
        "SAID": "TEXT_VALUE",
        "UNITS": "UNIT",
        "RECORDED": "RECORDED_AT",
    },
    where=WHERE,
)
MEDS = Format(
    source="MEDS dataset",
    reader="read_meds",
    layouts=(CODES, SUBJECTS, EVENTS),
    notes=NOTES,
    ending=".parquet",
    quiet=("UNITS", "RECORDED", "KIND"),
    tables=TABLES,
    patients=PATIENTS,
)
