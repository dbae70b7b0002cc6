"""A patient of a record as a CDS Hooks client would send them: for trying the service, and for its tests.

What it writes is what the record knew at the day asked for; nothing later can be in it.
"""

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.system.fhir_events import SEARCHES, URLS

if TYPE_CHECKING:
    from lhs_helpers.records.emr import EMR

NAMESPACE = UUID(
    "5f2f1d0a-7f5e-5c0e-9d38-6f0e7a1f4c11"
)  # any fixed one; it makes a call's identifier repeatable


def hook_requests(emr: "EMR", people: list[int], at: str | pd.Timestamp) -> dict[int, dict[str, Any]]:
    """The body of a patient-view call for each of these patients, as the record knew them at `at`.

    Raises
    ------
    LHSError
        When the record did not know a patient then.
    """
    then = emr.as_of(at)
    known = then.people.filter(then.people.patient_id.isin(people)).execute().set_index("patient_id")
    events = then.events.filter(then.events.patient_id.isin(people)).order_by("time", "code").execute()
    stays = {patient: rows for patient, rows in events.groupby("patient_id")}
    unknown = [patient for patient in people if patient not in known.index]
    if unknown:
        raise LHSError(f"The record knew no patient {unknown[0]} on {pd.Timestamp(at):%Y-%m-%d}.")
    return {p: _request(p, known.loc[p], stays.get(p, events[:0]), pd.Timestamp(at)) for p in people}


def _request(patient: int, person: pd.Series, events: pd.DataFrame, at: pd.Timestamp) -> dict[str, Any]:
    subject = {"reference": f"Patient/{patient}"}
    about = {"resourceType": "Patient", "id": str(patient), "gender": person["sex"]}
    about["birthDate"] = str(pd.Timestamp(person["birth_date"]).date())
    if pd.notna(person["death_time"]):
        about["deceasedDateTime"] = _time(person["death_time"])
    prefetch: dict[str, Any] = {"patient": about}
    for key, (kinds, _) in SEARCHES.items():
        rows = events[events["kind"].isin(kinds)]
        resources = [_WRITERS[row.kind](row, dict(subject)) for row in rows.itertuples()]
        entries = [{"resource": resource} for resource in resources]
        prefetch[key] = {"resourceType": "Bundle", "type": "searchset", "entry": entries} if entries else None
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid5(NAMESPACE, f"{patient} {at}")),
        "context": {"userId": "Practitioner/example", "patientId": str(patient)},
        "prefetch": prefetch,
    }


def _time(time: pd.Timestamp) -> str:
    return time.isoformat(timespec="microseconds") + "Z"


def _concept(code: str) -> dict[str, Any]:
    system, _, bare = code.partition(":")
    return {"coding": [{"system": URLS.get(system, f"urn:{system}"), "code": bare}]}


def _condition(row: Any, subject: dict) -> dict[str, Any]:
    condition = {"resourceType": "Condition", "code": _concept(row.code), "subject": subject}
    if row.kind == "condition_end":
        return condition | {"abatementDateTime": _time(row.time)}
    return condition | {"onsetDateTime": _time(row.time), "recordedDate": _time(row.recorded_at)}


def _observation(row: Any, subject: dict) -> dict[str, Any]:
    observation = {"resourceType": "Observation", "status": "final", "code": _concept(row.code)}
    observation |= {"subject": subject, "effectiveDateTime": _time(row.time)}
    observation["issued"] = _time(row.recorded_at)
    if pd.notna(row.value):
        unit = {"code": row.unit, "system": "http://unitsofmeasure.org"} if isinstance(row.unit, str) else {}
        observation["valueQuantity"] = {"value": row.value} | unit
    if isinstance(row.text, str):
        observation["valueCodeableConcept"] = {"text": row.text}
    return observation


def _medication(row: Any, subject: dict) -> dict[str, Any]:
    request = {"resourceType": "MedicationRequest", "intent": "order", "subject": subject}
    request |= {"status": "active", "medicationCodeableConcept": _concept(row.code)}
    if row.kind == "medication_stop":
        return request | {
            "status": "stopped",
            "dispenseRequest": {"validityPeriod": {"end": _time(row.time)}},
        }
    return request | {"authoredOn": _time(row.time)}


def _procedure(row: Any, subject: dict) -> dict[str, Any]:
    period = {"start": _time(row.time), "end": _time(row.recorded_at)}
    procedure = {"resourceType": "Procedure", "status": "completed", "code": _concept(row.code)}
    return procedure | {"subject": subject, "performedPeriod": period}


def _encounter(row: Any, subject: dict) -> dict[str, Any]:
    period = {"start": _time(row.time), "end": _time(row.recorded_at)}
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [_concept(row.code)],
        "subject": subject,
        "period": period,
    }


def _immunization(row: Any, subject: dict) -> dict[str, Any]:
    given = {"resourceType": "Immunization", "status": "completed", "vaccineCode": _concept(row.code)}
    times = {"occurrenceDateTime": _time(row.time), "recorded": _time(row.recorded_at)}
    return given | {"patient": subject} | times


_WRITERS = {
    "condition": _condition,
    "condition_end": _condition,
    "observation": _observation,
    "medication": _medication,
    "medication_stop": _medication,
    "procedure": _procedure,
    "encounter": _encounter,
    "immunization": _immunization,
}
