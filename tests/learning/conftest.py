"""A small hospital, written down by hand or at random, for tests that know every row of it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lhs_helpers.learning import Task
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.store import write_manifest, write_partition

STROKE, HYPERTENSION, PRESSURE, SMOKING, ASPIRIN, VISIT = (
    "SNOMED:230690007",
    "SNOMED:59621000",
    "LOINC:8480-6",
    "LOINC:72166-2",
    "RxNorm:243670",
    "SNOMED:185349003",
)
CONCEPTS = pd.DataFrame(
    [
        (STROKE, "Stroke", None, "condition"),
        (HYPERTENSION, "Hypertension", None, "condition"),
        (PRESSURE, "Systolic blood pressure", "mm[Hg]", "observation"),
        (SMOKING, "Tobacco smoking status", None, "observation"),
        (ASPIRIN, "Aspirin", None, "medication"),
        (VISIT, "Visit", None, "encounter"),
    ],
    columns=["code", "description", "unit", "kind"],
)
TIMES = ["time", "recorded_at", "stop", "birth_date"]


def person(
    patient_id, birth="1960-01-01", sex="female", status="registered", time="2010-01-01", recorded_at=None
):
    """One row of `patients`."""
    row = {"patient_id": patient_id, "birth_date": birth, "sex": sex, "status": status, "time": time}
    return row | {"recorded_at": recorded_at or time}


def event(patient_id, time, code, recorded_at=None, **more):
    """One row of a clinical table."""
    row = {"patient_id": patient_id, "encounter_id": 1, "time": time, "code": code}
    return row | {"recorded_at": recorded_at or time} | more


def stroke(patient_id, time, recorded_at=None):
    return event(patient_id, time, STROKE, recorded_at, status="active")


def pressure(patient_id, time, value, recorded_at=None):
    return event(patient_id, time, PRESSURE, recorded_at, value=float(value), unit="mm[Hg]")


def write_record(folder, period=("2010-01-01", "2020-12-31"), **tables) -> EMR:
    """An EMR of these rows: table = list of dictionaries."""
    files = {"concepts": {"all": write_partition(folder, "concepts", "all", pa.Table.from_pandas(CONCEPTS))}}
    for table, rows in tables.items():
        frame = pd.DataFrame(rows)
        for column in frame.columns.intersection(TIMES):
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
        data = pa.Table.from_pandas(frame, preserve_index=False)
        files[table] = {"all": write_partition(folder, table, "all", data)}
    write_manifest(folder, source="by hand", period=period, parameters={}, notes=[], files=files)
    return EMR(folder)


def random_tables(people=15, rows=500, seed=3) -> dict[str, list[dict]]:
    """Rows every thirtieth day, so that many coincide; some recorded late, some planned and recorded before.

    Values are eighths, so that their sums are exact in floats.
    """
    rng = np.random.default_rng(seed)
    day = np.datetime64("2014-01-01") + 30 * rng.integers(0, 50, rows)
    late = day + rng.choice([0, 0, 1, 20, -10], rows)
    who = rng.integers(1, people + 1, rows)
    tables = {"patients": [], "observations": [], "conditions": [], "medications": [], "encounters": []}
    for number in range(1, people + 1):
        sex = "male" if rng.random() < 0.5 else "female"
        tables["patients"].append(person(number, f"{rng.integers(1930, 1995)}-05-17", sex))
    for i, which in enumerate(rng.integers(0, 8, rows)):
        at = {"patient_id": int(who[i]), "time": str(day[i]), "recorded_at": str(late[i])}
        if which < 3:
            tables["observations"].append(pressure(value=rng.integers(800, 1600) / 8, **at))
        elif which == 3:
            answer = str(rng.choice(["never", "former", "current"]))
            tables["observations"].append(event(code=SMOKING, text=answer, **at))
        elif which == 4:
            tables["conditions"].append(
                event(code=HYPERTENSION, status=str(rng.choice(["active", "resolved"])), **at)
            )
        elif which == 5:
            tables["medications"].append(event(code=ASPIRIN, status=str(rng.choice(["start", "stop"])), **at))
        else:
            tables["encounters"].append(event(code=VISIT, stop=str(late[i]), **at))
    # One person has the outcome: without anybody there is no task.
    tables["conditions"].append(stroke(1, "2018-12-01"))
    return tables


def crowd_tables(people=500, seed=11, prompt=False) -> dict[str, list[dict]]:
    """Many people to whom everything can happen: late entries, leaving, returning, death, several strokes.

    `prompt`: the record knows everything when it happens, and nobody comes back.
    """
    rng = np.random.default_rng(seed)

    def when(first="2012-01-01", days=2900):
        return np.datetime64(first) + int(rng.integers(0, days))

    def times(first="2012-01-01", days=2900):
        time = when(first, days)
        late = 0 if prompt else int(rng.choice([0, 0, 0, 3, 40, 400, -20]))
        return {"time": str(time), "recorded_at": str(time + late)}

    tables = {"patients": [], "observations": [], "conditions": [], "medications": [], "encounters": []}
    for n in range(1, people + 1):
        born, sex = (
            f"{rng.integers(1930, 2002)}-{rng.integers(1, 13):02}-11",
            str(rng.choice(["female", "male"])),
        )
        entered = str(when("2010-01-01", 2200))
        facts = {"insurance": str(rng.choice(["public", "private"]))}
        # Leaving and death come after registration, as in life.
        known = entered if prompt else str(np.datetime64(entered) + int(rng.choice([0, 10])))
        tables["patients"].append(person(n, born, sex, time=entered, recorded_at=known) | facts)
        if rng.random() < 0.15:
            tables["patients"].append(person(n, born, sex, "died", **times(entered, 2500)) | facts)
        elif rng.random() < 0.2:
            tables["patients"].append(person(n, born, sex, "left", **times(entered, 2500)) | facts)
            if not prompt and rng.random() < 0.3:
                tables["patients"].append(person(n, born, sex, **times("2016-06-01", 900)) | facts)
        for _ in range(rng.poisson(0.7)):
            tables["conditions"].append(event(n, code=STROKE, status="active", **times()))
        for _ in range(rng.poisson(0.6)):
            status = str(rng.choice(["active", "resolved"]))
            tables["conditions"].append(event(n, code=HYPERTENSION, status=status, **times()))
        for _ in range(rng.poisson(0.4)):
            status = str(rng.choice(["start", "stop"]))
            tables["medications"].append(event(n, code=ASPIRIN, status=status, **times()))
        for _ in range(rng.poisson(3)):
            value = int(rng.integers(800, 1600)) / 8
            tables["observations"].append(pressure(n, value=value, **times()))
        for _ in range(rng.poisson(1)):
            answer = str(rng.choice(["never", "former", "current"]))
            tables["observations"].append(event(n, code=SMOKING, text=answer, **times()))
        for _ in range(rng.poisson(1.5)):
            visit = {"class": str(rng.choice(["wellness", "ambulatory", "emergency"]))}
            tables["encounters"].append(event(n, code=VISIT, **times()) | visit)
    return tables


@pytest.fixture
def ward():
    """The words to write a small record with."""
    return SimpleNamespace(person=person, event=event, stroke=stroke, pressure=pressure, write=write_record)


@pytest.fixture(scope="session")
def random_ward(tmp_path_factory):
    """A random record, and the rows it was written from."""
    tables = random_tables()
    return write_record(tmp_path_factory.mktemp("random"), **tables), tables


@pytest.fixture
def task():
    return Task("Stroke", (STROKE,), window_days=365)


@pytest.fixture(scope="session")
def crowd(tmp_path_factory):
    """A record of 500 people, and the rows it was written from."""
    tables = crowd_tables()
    return write_record(tmp_path_factory.mktemp("crowd"), **tables), tables


@pytest.fixture(scope="session")
def prompt_ward(tmp_path_factory):
    """A record that knows everything when it happens, and the rows it was written from."""
    tables = crowd_tables(people=400, seed=5, prompt=True)
    return write_record(tmp_path_factory.mktemp("prompt"), **tables), tables


@pytest.fixture(scope="session")
def inexact(tmp_path_factory):
    """A crowd whose values are no eighths: their sums are rounded, by each engine in its own order."""
    tables, rng = crowd_tables(people=700, seed=8), np.random.default_rng(8)
    for row in tables["observations"]:
        if "value" in row:
            row["value"] += float(rng.normal())
    return write_record(tmp_path_factory.mktemp("inexact"), **tables)
