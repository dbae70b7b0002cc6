"""A record small enough to know by heart: six people of one practice, 2015 to 2019, written by hand.

1  Ada    born 1950, hypertension in 2016, a stroke on 2018-03-01 (recorded two days later), died 2018-06-10
2  Ben    born 1960, left the catchment in 2017
3  Cleo   born 1975, left in 2016 and registered again in 2018
4  Dan    born 1990, type 2 diabetes from 2017, taking metformin until 2018, vaccinated
5  Eve    born 2018, a newborn with one visit
6  Finn   born 1985, registered, never seen
"""

from datetime import date, datetime
from pathlib import Path

import pyarrow as pa

from lhs_helpers.records.store import write_manifest, write_partition

PERIOD = (date(2015, 1, 1), date(2019, 12, 31))
SYSTOLIC, SMOKING, HBA1C = "LOINC:8480-6", "LOINC:72166-2", "LOINC:4548-4"
STROKE, HYPERTENSION, DIABETES = "SNOMED:230690007", "SNOMED:38341003", "SNOMED:44054006"
METFORMIN, INFLUENZA, CT_HEAD = "RxNorm:860975", "CVX:140", "SNOMED:303653007"
CHECK_UP, EMERGENCY = "SNOMED:162673000", "SNOMED:50849002"

CONCEPTS = [
    (SYSTOLIC, "Systolic blood pressure", "mm[Hg]", "observation"),
    (SMOKING, "Tobacco smoking status", None, "observation"),
    (HBA1C, "Hemoglobin A1c/Hemoglobin.total in Blood", "%", "observation"),
    (STROKE, "Cerebrovascular accident", None, "condition"),
    (HYPERTENSION, "Hypertensive disorder", None, "condition"),
    (DIABETES, "Diabetes mellitus type 2", None, "condition"),
    (METFORMIN, "Metformin hydrochloride 500 mg oral tablet", None, "medication"),
    (INFLUENZA, "Influenza, seasonal, injectable, preservative free", None, "immunization"),
    (CT_HEAD, "CT of head", None, "procedure"),
    (CHECK_UP, "General examination of patient", None, "encounter"),
    (EMERGENCY, "Emergency room admission", None, "encounter"),
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def person(
    patient_id: int, born: str, sex: str, status: str, time: str, recorded_at: str | None = None
) -> dict:
    return {
        "patient_id": patient_id,
        "source_id": f"person-{patient_id}",
        "birth_date": date.fromisoformat(born),
        "sex": sex,
        "race": "white",
        "site": "practice",
        "status": status,
        "time": at(time),
        "recorded_at": at(recorded_at or time),
    }


def visit(
    encounter_id: int, patient_id: int, time: str, stop: str, code: str = CHECK_UP, **more: str
) -> dict:
    kind = "emergency" if code == EMERGENCY else "wellness"
    times = {"time": at(time), "stop": at(stop), "recorded_at": at(stop)}
    return {
        "encounter_id": encounter_id,
        "patient_id": patient_id,
        "class": kind,
        "code": code,
        **times,
        **more,
    }


def row(
    patient_id: int, encounter_id: int | None, time: str, code: str, recorded_at: str | None = None, **more
) -> dict:
    times = {"time": at(time), "recorded_at": at(recorded_at or time)}
    return {"patient_id": patient_id, "encounter_id": encounter_id, "code": code, **times, **more}


def small_rows() -> dict[str, list[dict]]:
    """The rows of every table, as dictionaries."""
    return {
        "patients": [
            person(1, "1950-05-05", "female", "registered", "2015-01-01"),
            person(1, "1950-05-05", "female", "died", "2018-06-10 04:00", "2018-06-12"),
            person(2, "1960-07-07", "male", "registered", "2015-01-01"),
            person(2, "1960-07-07", "male", "left", "2017-03-03"),
            person(3, "1975-01-31", "female", "registered", "2015-01-01"),
            person(3, "1975-01-31", "female", "left", "2016-02-02"),
            person(3, "1975-01-31", "female", "registered", "2018-02-02"),
            person(4, "1990-12-24", "male", "registered", "2015-01-01"),
            person(5, "2018-08-08", "female", "registered", "2018-08-08"),
            person(6, "1985-10-10", "male", "registered", "2015-01-01"),
        ],
        "encounters": [
            visit(101, 1, "2016-04-04 09:00", "2016-04-04 09:30"),
            visit(102, 1, "2018-03-01 22:00", "2018-03-03 10:00", EMERGENCY, reason_code=STROKE),
            visit(103, 2, "2016-05-05 09:00", "2016-05-05 09:20"),
            visit(104, 4, "2017-06-06 11:00", "2017-06-06 11:30"),
            visit(105, 5, "2018-08-08 12:00", "2018-08-08 13:00"),
        ],
        "conditions": [
            row(1, 101, "2016-04-04 09:10", HYPERTENSION, status="active"),
            row(1, 102, "2018-03-01 22:00", STROKE, "2018-03-03 10:00", status="active"),
            row(4, 104, "2017-06-06 11:10", DIABETES, status="active"),
            row(4, None, "2019-01-15", DIABETES, status="resolved"),
        ],
        "observations": [
            row(1, 101, "2016-04-04 09:05", SYSTOLIC, value=162.0, unit="mm[Hg]"),
            row(1, 102, "2018-03-01 22:05", SYSTOLIC, value=188.0, unit="mm[Hg]"),
            row(2, 103, "2016-05-05 09:05", SYSTOLIC, value=118.0, unit="mm[Hg]"),
            row(2, 103, "2016-05-05 09:06", SMOKING, text="never"),
            row(4, 104, "2017-06-06 11:05", HBA1C, "2017-06-07 08:00", value=7.9, unit="%"),
        ],
        "medications": [
            row(4, 104, "2017-06-06 11:20", METFORMIN, status="start", reason_code=DIABETES),
            row(4, None, "2018-12-01", METFORMIN, status="stop", reason_code=DIABETES),
        ],
        "procedures": [row(1, 102, "2018-03-01 22:30", CT_HEAD, reason_code=STROKE)],
        "immunizations": [row(4, 104, "2017-06-06 11:25", INFLUENZA)],
        "concepts": [
            {
                "code": code,
                "system": code.split(":")[0],
                "description": description,
                "unit": unit,
                "kind": kind,
            }
            for code, description, unit, kind in CONCEPTS
        ],
    }


def write_small_emr(folder: Path | str, extra: dict[str, list[dict]] | None = None) -> Path:
    """Write the record into `folder`; the rows of `extra`, per table, are appended: what a test plants.

    The observations lie in two partitions, every other table in one; a table without rows has none.
    """
    files: dict[str, dict] = {}
    for table, rows in small_rows().items():
        rows = rows + (extra or {}).get(table, [])
        parts = {"first": rows[:2], "second": rows[2:]} if table == "observations" else {table: rows}
        files[table] = {
            name: write_partition(folder, table, name, pa.Table.from_pylist(_filled(part)))
            for name, part in parts.items()
        }
    write_manifest(
        folder, source="written by hand", period=PERIOD, parameters={}, notes=["Six people."], files=files
    )
    return Path(folder)


def _filled(rows: list[dict]) -> list[dict]:
    """Rows with the same keys: pyarrow takes the columns of the first."""
    keys = {key: None for row in rows for key in row}
    return [keys | row for row in rows]
