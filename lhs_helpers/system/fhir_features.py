"""From a prefetched FHIR record to one row of a release's features, by the rules of ``learning.features``.

The database makes the matrix a model learns from; here the same numbers come from one patient's resources in
milliseconds. A test holds the two against each other: a model must be asked what it was taught.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task
from lhs_helpers.learning.features import UNKNOWN_AT_FIRST, YEAR_DAYS
from lhs_helpers.system import fhir

SYSTEMS = {
    "http://snomed.info/sct": "SNOMED",
    "http://loinc.org": "LOINC",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD9CM",
}
# Of each key of the prefetch: the kinds of events it brings, and the search that fetches it.
SEARCHES = {
    "conditions": (("condition", "condition_end"), "Condition?patient={{context.patientId}}"),
    "observations": (("observation",), "Observation?patient={{context.patientId}}"),
    "medications": (("medication", "medication_stop"), "MedicationRequest?patient={{context.patientId}}"),
    "procedures": (("procedure",), "Procedure?patient={{context.patientId}}"),
    "encounters": (("encounter",), "Encounter?patient={{context.patientId}}"),
    "immunizations": (("immunization",), "Immunization?patient={{context.patientId}}"),
}
NOT_DONE = {
    "entered-in-error",
    "cancelled",
    "draft",
    "not-done",
    "registered",
    "planned",
    "preparation",
    "unknown",
}
NOT_SO = {"refuted", "entered-in-error"}


class Event(NamedTuple):
    """As a row of ``emr.events``."""

    kind: str
    code: str
    time: datetime
    recorded_at: datetime
    value: float | None = None
    text: str | None = None
    unit: str | None = None


class Refused(LHSError):
    """A request that can not be answered, with the HTTP status that says so."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


class FeatureReader:
    """Makes feature rows for one feature dictionary and task.

    Parameters
    ----------
    features : DataFrame
        The feature dictionary of a release.
    task : Task

    Raises
    ------
    LHSError
        For a feature that a FHIR record does not tell, such as insurance.
    """

    def __init__(self, features: pd.DataFrame, task: Task):
        self.task, self.names = task, list(features["name"])
        self.start = np.zeros(len(features), dtype=np.float32)
        self.start[features["statistic"].isin(UNKNOWN_AT_FIRST).to_numpy()] = np.nan
        self.start[(features["statistic"] == "missing").to_numpy()] = 1
        self.numbers: dict[tuple[str, str], list[tuple[str, float, int]]] = {}
        self.answers: dict[tuple[str, str], dict[str, int]] = {}
        self.person: dict[str, int] = {}
        self.units: dict[str, str] = {}
        for column, row in enumerate(features.itertuples(index=False)):
            if row.kind == "person":
                if row.code not in ("age", "sex"):
                    raise LHSError(
                        f"The feature {row.name!r} is not in a FHIR record as the service reads it; learn "
                        "a model without it (vocabulary with facts=('age', 'sex'))."
                    )
                self.person[row.code] = column
            elif row.statistic != "last is":
                window = getattr(row, "window_days", np.nan)
                self.numbers.setdefault((row.kind, row.code), []).append((row.statistic, window, column))
                if row.statistic not in ("ever", "count", "days since") and isinstance(row.unit, str):
                    self.units[row.code] = row.unit
            else:
                self.answers.setdefault((row.kind, row.code), {})[row.text] = column
        self.wanted = {code for _, code in [*self.numbers, *self.answers]} | set(task.target)
        self.wanted |= {*task.required, *task.excluded}
        kinds = {kind for kind, _ in [*self.numbers, *self.answers]} | {task.target_kind}
        anything = task.required or task.excluded  # these codes may be of any kind
        self.keys = [key for key, (made, _) in SEARCHES.items() if anything or kinds & set(made)]

    def templates(self) -> dict[str, str]:
        """The prefetch templates of the discovery answer: what is needed and no more."""
        searches = {key: SEARCHES[key][1] for key in self.keys}
        if "observations" in searches:
            back = {name: url for url, name in SYSTEMS.items()}
            codes = {code for kind, code in [*self.numbers, *self.answers] if kind == "observation"}
            known = [code.split(":", 1) for code in sorted(codes)]
            if all(system in back for system, _ in known):
                tokens = ",".join(f"{back[system]}|{code}" for system, code in known)
                searches["observations"] += f"&combo-code={tokens}"
        return {"patient": "Patient/{{context.patientId}}"} | searches

    def events(self, prefetch: fhir.Prefetch, patient_id: str) -> list[Event]:
        """The events of a prefetched record whose codes matter.

        Raises
        ------
        Refused
            When a bundle was not fetched (412), is one page of several, or holds another patient's resource.
        """
        events: list[Event] = []
        for key in self.keys:
            if key not in prefetch.model_fields_set:
                raise Refused(
                    412,
                    f"The prefetch lacks {key!r}, which this model needs; a client that has nothing sends null.",
                )
            bundle = getattr(prefetch, key)
            if bundle is None:
                continue
            if any(link.get("relation") == "next" for link in bundle.link):
                raise Refused(422, f"The bundle {key!r} is one page of several; send all of it at once.")
            for entry in bundle.entry:
                resource = entry.get("resource")
                if resource is not None and resource["resourceType"] in fhir.KNOWN:
                    self._refuse_stranger(resource, key, patient_id)
                    events += self._read(resource)
        return events

    def row(self, patient: fhir.Patient, events: list[Event], at: datetime) -> np.ndarray:
        """The features of a patient at the index time `at`: float32, in the order of the dictionary.

        Raises
        ------
        Refused
            When birth date or sex are missing, or a value comes in another unit than the model learned.
        """
        born = _time(patient.birthDate)
        if born is None or patient.gender not in ("male", "female"):
            raise Refused(
                422, "The patient has no birthDate or no gender male or female; the model needs both."
            )
        until = at - timedelta(days=self.task.gap_days)
        since = until - timedelta(days=self.task.lookback_days)
        row = self.start.copy()
        person = {"age": (at - born).days / 365.25, "sex": patient.gender == "male"}
        for what, column in self.person.items():
            row[column] = person[what]
        seen: dict[tuple[str, str], list[Event]] = {}
        for event in events:
            if since <= event.time < until and event.recorded_at < until:
                seen.setdefault((event.kind, event.code), []).append(event)
        for what, columns in self.numbers.items():
            for statistic, window, column in columns if what in seen else ():
                since = datetime.min if pd.isna(window) else until - timedelta(days=int(window))
                events_in = [event for event in seen[what] if event.time >= since]
                number = self._number(statistic, events_in, at)
                if number is not None:
                    row[column] = number
        for what, columns in self.answers.items():
            given = [event for event in seen.get(what, []) if event.text is not None]
            if given:
                latest = max(given, key=lambda event: (event.time, event.recorded_at, event.text))
                if latest.text in columns:
                    row[columns[latest.text]] = 1
        return row

    def concerns(self, patient: fhir.Patient, events: list[Event], at: datetime) -> str | None:
        """None when the task concerns this patient at `at`; otherwise why not."""
        if patient.deceasedBoolean or patient.deceasedDateTime is not None:
            return "has died"
        born = _time(patient.birthDate)
        if born is not None:
            age = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
            if not self.task.min_age <= age <= self.task.max_age:
                return f"is not aged {self.task.min_age} to {self.task.max_age}"
        if self.task.sex is not None and patient.gender != self.task.sex:
            return f"is not {self.task.sex}"
        known = {event.code for event in events if event.recorded_at <= at}
        if self.task.required and not known & set(self.task.required):
            return "has none of the conditions that the model is for"
        if known & set(self.task.excluded):
            return "has a condition that the model is not for"
        if self.task.prior_outcome == "allow":
            return None
        target = any(
            event.kind == self.task.target_kind and event.code in self.task.target and event.recorded_at <= at
            for event in events
        )
        return "has the outcome on record" if target and self.task.target_kind != "death" else None

    def _number(self, statistic: str, events: list[Event], at: datetime) -> float | None:
        """One statistic of the events of a code in a window; None leaves what holds for those without any."""
        measured = [event for event in events if event.value is not None]
        for event in measured:
            expected = self.units.get(event.code)
            if expected is not None and event.unit != expected:
                raise Refused(
                    422,
                    f"{event.code} comes in {event.unit or 'no unit'}, and the model learned it in {expected}; "
                    "convert it, or the risk would be wrong without a sign of it.",
                )
        if statistic in ("ever", "count"):
            return min(len(events), 1) if statistic == "ever" else len(events)
        if statistic == "days since":
            return (at - max(event.time for event in events)) / timedelta(days=1) if events else None
        if not measured:
            return None
        values = [event.value for event in measured]
        if statistic == "last":
            return max(measured, key=lambda event: (event.time, event.recorded_at, event.value)).value
        if statistic == "slope":
            return _slope([event.time for event in measured], values)
        return {"mean": sum(values) / len(values), "min": min(values), "max": max(values), "missing": 0}[
            statistic
        ]

    def _refuse_stranger(self, resource: fhir.Clinical, key: str, patient_id: str) -> None:
        owner = (resource.get("subject") or resource.get("patient") or {}).get("reference")
        if owner is not None:
            kind, _, identifier = owner.rpartition("/")
            if kind.rpartition("/")[2] != "Patient" or identifier != patient_id:
                raise Refused(422, f"The bundle {key!r} holds a resource of somebody else than the patient.")

    def _code(self, concept: fhir.CodeableConcept | None) -> str | None:
        """The first coding that the model or its task knows."""
        for coding in concept.get("coding", ()) if concept else ():
            code = f"{SYSTEMS.get(coding.get('system') or '', '')}:{coding.get('code')}"
            if code in self.wanted:
                return code
        return None

    def _read(self, resource: fhir.Clinical) -> Iterator[Event]:
        if resource.get("status") in NOT_DONE:
            return
        if resource["resourceType"] == "Observation":
            yield from self._observed(resource)
            return
        kind, concept, start, recorded, end_kind, end = _told(resource)
        code = self._code(concept)
        if code is None:
            return
        if start is not None and recorded is not None:
            yield Event(kind, code, _time(start), _time(recorded))
        if end is not None:
            yield Event(end_kind, code, _time(end), _time(end))

    def _observed(self, resource: fhir.Observation) -> Iterator[Event]:
        issued = resource.get("issued")
        time = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
        time = time or _part(resource, "effectivePeriod", "start") or issued
        if time is None:
            return
        for part in (resource, *resource.get("component", ())):
            code = self._code(part["code"])
            if code is not None:
                yield Event("observation", code, _time(time), _time(issued or time), **_value(part))


def _slope(times: list[datetime], values: list[float]) -> float | None:
    """Of a straight line through the values, a year; None when all were measured at once."""
    days = np.array([(time - times[0]) / timedelta(days=1) for time in times])
    if np.ptp(days) == 0:
        return None
    return float(np.cov(days, values, bias=True)[0, 1] / np.var(days) * YEAR_DAYS)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return fhir.moment(text)
    except ValueError:
        raise Refused(422, "A date in the prefetch is no day of the calendar, such as 30 February.") from None


def _part(resource: Any, name: str, part: str) -> Any:
    """A part of an element that may be missing."""
    return (resource.get(name) or {}).get(part)


def _told(resource: fhir.Clinical) -> tuple[Any, ...]:
    """Kind, concept, start and time of recording of a resource; kind and time of its end, where it has one."""
    name, get = resource["resourceType"], resource.get
    if name == "Condition":
        status = _part(resource, "verificationStatus", "coding") or ()
        concept = None if any(coding.get("code") in NOT_SO for coding in status) else get("code")
        start = get("onsetDateTime") or _part(resource, "onsetPeriod", "start") or get("recordedDate")
        known = get("recordedDate") or start
        return "condition", concept, start, known, "condition_end", get("abatementDateTime")
    if name == "MedicationRequest":
        start, end = get("authoredOn"), _part(get("dispenseRequest") or {}, "validityPeriod", "end")
        return "medication", get("medicationCodeableConcept"), start, start, "medication_stop", end
    if name == "Procedure":
        start = get("performedDateTime") or _part(resource, "performedPeriod", "start")
        known = _part(resource, "performedPeriod", "end") or start
        return "procedure", get("code"), start, known, None, None
    if name == "Encounter":
        # A visit is on record when it ends; one that has not ended is not known yet.
        concept = next(iter(get("type") or ()), None)
        start, end = (_part(resource, "period", part) for part in ("start", "end"))
        return "encounter", concept, start, end, None, None
    start = get("occurrenceDateTime")
    return "immunization", get("vaccineCode"), start, get("recorded") or start, None, None


def _value(part: fhir.Measured) -> dict[str, Any]:
    quantity, number, concept = (
        part.get(name) for name in ("valueQuantity", "valueInteger", "valueCodeableConcept")
    )
    if quantity is not None:
        return {"value": quantity.get("value"), "unit": quantity.get("code") or quantity.get("unit")}
    if number is not None:
        return {"value": float(number)}
    if concept is not None:
        displays = (coding.get("display") for coding in concept.get("coding", ()))
        return {"text": concept.get("text") or next((display for display in displays if display), None)}
    return {"text": part.get("valueString")}
