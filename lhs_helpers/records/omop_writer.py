"""A record, written as the CSV files of the OMOP Common Data Model 5.4."""

from pathlib import Path

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.store import new_folder
from lhs_helpers.records.synthea_writer import PAIRED

FIRST_LOCAL = 2_000_000_000  # concepts from here on are a site's own
VISIT = "CASE class WHEN 'inpatient' THEN 9201 WHEN 'emergency' THEN 9203 ELSE 9202 END"
STANDARD = """VALUES (8507, 'MALE', 'Gender', 'Gender', 'M'), (8532, 'FEMALE', 'Gender', 'Gender', 'F'),
    (9201, 'Inpatient Visit', 'Visit', 'Visit', 'IP'), (9202, 'Outpatient Visit', 'Visit', 'Visit', 'OP'),
    (9203, 'Emergency Room Visit', 'Visit', 'Visit', 'ER')"""
DOMAINS = """MAP {'condition': 'Condition', 'observation': 'Measurement', 'medication': 'Drug',
    'procedure': 'Procedure', 'immunization': 'Drug', 'encounter': 'Visit'}"""

# A period goes from a registration to the next departure or death; who registers anew meanwhile goes on.
HELPERS = f"""label AS (SELECT code, any_value(description) AS description, any_value(kind) AS kind
    FROM concepts GROUP BY code),
used AS (SELECT DISTINCT code FROM events WHERE code LIKE '%:%'),
coded AS (SELECT code, {FIRST_LOCAL} + row_number() OVER (ORDER BY code) AS concept, description, kind
    FROM used LEFT JOIN label USING (code)),
place AS (SELECT site, row_number() OVER (ORDER BY site) AS site_id FROM
    (SELECT site FROM patients UNION SELECT site FROM encounters) WHERE site IS NOT NULL),
version AS (SELECT *, lag(status) OVER course AS before FROM patients
    WINDOW course AS (PARTITION BY patient_id ORDER BY time, recorded_at)),
edge AS (SELECT *, lead(time) OVER course AS until FROM version
    WHERE status <> 'registered' OR coalesce(before, 'left') <> 'registered'
    WINDOW course AS (PARTITION BY patient_id ORDER BY time, recorded_at)),
period AS (SELECT patient_id, time, coalesce(until, TIMESTAMP '{{end}}') AS until FROM edge
    WHERE status = 'registered')"""
DAY, TIME = "strftime({}, '%Y-%m-%d')", "{}::VARCHAR"
EHR = "32817"  # the type of every row: an electronic health record


def _event(name: str, prefix: str, start: str, stop: str | None = None) -> dict[str, str]:
    """The columns that every table of events has."""
    times = {f"{start}_date": DAY.format("time"), f"{start}_datetime": TIME.format("time")}
    if stop:
        times |= {f"{stop}_date": DAY.format("ended"), f"{stop}_datetime": TIME.format("ended")}
    return {
        f"{name}_id": "row_number() OVER ()",
        "person_id": "patient_id",
        f"{prefix}_concept_id": "concept",
        **times,
        f"{prefix}_type_concept_id": EHR,
        "visit_occurrence_id": "encounter_id",
        f"{prefix}_source_value": "code",
        f"{prefix}_source_concept_id": "concept",
    }


ORDER = "ORDER BY patient_id, time, code"
VALUES = {
    "value_as_number": "value",
    "value_as_string": "text",
    "value_as_concept_id": "0",
    "unit_concept_id": "0",
    "unit_source_value": "unit",
}
# Per table: what its columns hold, and of which rows.
CONTENT: dict[str, tuple[dict[str, str], str]] = {
    "concept": (
        {
            "concept_id": "concept_id",
            "concept_name": "name",
            "domain_id": "domain",
            "vocabulary_id": "vocabulary",
            "concept_class_id": "'Local'",
            "standard_concept": "'S'",
            "concept_code": "bare",
            "valid_start_date": "'1970-01-01'",
            "valid_end_date": "'2099-12-31'",
            "invalid_reason": "NULL",
        },
        f"""FROM (SELECT concept AS concept_id, coalesce(description, code) AS name,
            coalesce({DOMAINS}[kind], 'Observation') AS domain, split_part(code, ':', 1) AS vocabulary,
            substr(code, strpos(code, ':') + 1) AS bare FROM coded
            UNION ALL SELECT * FROM ({STANDARD}) AS standard (concept_id, name, domain, vocabulary, bare))
            ORDER BY concept_id""",
    ),
    "care_site": ({"care_site_id": "site_id", "care_site_name": "site"}, "FROM place ORDER BY site_id"),
    "person": (
        {
            "person_id": "patient_id",
            "gender_concept_id": "CASE sex WHEN 'female' THEN 8532 ELSE 8507 END",
            "year_of_birth": "year(birth_date)",
            "month_of_birth": "month(birth_date)",
            "day_of_birth": "day(birth_date)",
            "birth_datetime": TIME.format("birth_date::TIMESTAMP"),
            "race_concept_id": "0",
            "ethnicity_concept_id": "CASE ethnicity WHEN 'hispanic' THEN 38003563 WHEN 'not hispanic' THEN 38003564 "
            "ELSE 0 END",
            "care_site_id": "site_id",
            "person_source_value": "source_id",
            "gender_source_value": "sex",
            "race_source_value": "race",
            "ethnicity_source_value": "ethnicity",
        },
        "FROM people LEFT JOIN place USING (site) ORDER BY patient_id",
    ),
    "observation_period": (
        {
            "observation_period_id": "row_number() OVER (ORDER BY patient_id, time)",
            "person_id": "patient_id",
            "observation_period_start_date": DAY.format("time"),
            "observation_period_end_date": DAY.format("until"),
            "period_type_concept_id": EHR,
        },
        "FROM period ORDER BY patient_id, time",
    ),
    "death": (
        {
            "person_id": "patient_id",
            "death_date": DAY.format("death_time"),
            "death_datetime": TIME.format("death_time"),
            "death_type_concept_id": EHR,
        },
        "FROM people WHERE death_time IS NOT NULL ORDER BY patient_id",
    ),
    "visit_occurrence": (
        {
            "visit_occurrence_id": "encounter_id",
            "person_id": "patient_id",
            "visit_concept_id": VISIT,
            "visit_start_date": DAY.format("time"),
            "visit_start_datetime": TIME.format("time"),
            "visit_end_date": DAY.format("stop"),
            "visit_end_datetime": TIME.format("stop"),
            "visit_type_concept_id": EHR,
            "care_site_id": "site_id",
            "visit_source_value": "class",
            "visit_source_concept_id": "concept",
        },
        "FROM encounters LEFT JOIN coded USING (code) LEFT JOIN place USING (site)",
    ),
    "condition_occurrence": (
        _event("condition_occurrence", "condition", "condition_start", "condition_end"),
        f"FROM (FROM {PAIRED.format(table='conditions', status='resolved')} WHERE status = 'active' {ORDER}) "
        "LEFT JOIN coded USING (code)",
    ),
    "drug_exposure": (
        _event("drug_exposure", "drug", "drug_exposure_start", "drug_exposure_end"),
        f"""FROM (SELECT patient_id, encounter_id, time, code, ended
            FROM {PAIRED.format(table="medications", status="stop")} WHERE status = 'start'
            UNION ALL SELECT patient_id, encounter_id, time, code, time FROM immunizations {ORDER})
            LEFT JOIN coded USING (code)""",
    ),
    "procedure_occurrence": (
        _event("procedure_occurrence", "procedure", "procedure"),
        "FROM procedures LEFT JOIN coded USING (code)",
    ),
    "measurement": (
        _event("measurement", "measurement", "measurement") | VALUES,
        "FROM observations LEFT JOIN coded USING (code) WHERE value IS NOT NULL",
    ),
    "observation": (
        _event("observation", "observation", "observation") | VALUES,
        "FROM observations LEFT JOIN coded USING (code) WHERE value IS NULL",
    ),
}
del CONTENT["measurement"][0]["value_as_string"]  # the model has no such column there


def write_omop(emr: EMR, folder: Path | str) -> dict[str, int]:
    """Write a record as the CSV files of an OMOP database, CDM 5.4, with the columns that a record can fill.

    Codes become concepts of the site's own (from 2,000,000,000 on), each with its vocabulary and code in
    concept.csv: who has the standard vocabularies maps them there. Visits and sexes have the standard concepts.

    What the model can not say is not in it: when something was recorded; reasons; education, insurance; earlier
    versions of a person; the time of day at which somebody came or left; ends without a beginning. A drug that
    is still taken has no end.

    Parameters
    ----------
    emr : any record; of `emr.as_of(time)`, what was known then.
    folder : a new or empty folder. It is filled at the end: a run that was stopped leaves no database.

    Returns
    -------
    dict
        Rows by file name.

    Raises
    ------
    LHSError
        When the folder holds something or can not be written, or a person has neither of the two sexes.
    """
    unclear = emr.sql(
        "SELECT count(*) AS n FROM people WHERE sex IS NULL OR sex NOT IN ('female', 'male')"
    ).n[0]
    if unclear:
        raise LHSError(f"{unclear:,} people are neither female nor male; `lhs check {emr.folder}` shows one.")
    end = emr.period[1] if emr.known_at is None else min(emr.period[1], emr.known_at)
    helpers, views, rows = HELPERS.format(end=end.strftime("%Y-%m-%d")), emr.views(), {}
    with new_folder(folder) as unfinished:
        for table, (held, source) in CONTENT.items():
            cells = ", ".join(f"{sql} AS {name}" for name, sql in held.items())
            target = str(unfinished / f"{table}.csv").replace("'", "''")
            query = f"WITH {views}, {helpers} SELECT {cells} {source}"
            copied = emr.duckdb.raw_sql(f"COPY ({query}) TO '{target}' (FORMAT csv, HEADER)")
            rows[f"{table}.csv"] = copied.fetchone()[0]
    return rows
