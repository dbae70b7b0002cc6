"""From a prefetched FHIR record to events, as rows of ``emr.events``: what happened, when, and when it was known.

This runs for hundreds of resources at every call, so it is plain: one function a resource, one list that grows.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from lhs_helpers.errors import LHSError
from lhs_helpers.records.fhir_extract import SYSTEMS
from lhs_helpers.system import fhir

# The address of each code system that we write ourselves: the first of those that are read.
URLS = {name: url for url, name in reversed(SYSTEMS.items())}
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


# Our code by the system and code of a coding: what the model and its task know.
Known = dict[tuple[str | None, str | None], str]


class Refused(LHSError):
    """A request that can not be answered, with the HTTP status that says so."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


def known_codes(codes: Iterable[str]) -> Known:
    """Codes of the record ("LOINC:4548-4") by every way in which FHIR writes them."""
    parts = [code.partition(":") for code in codes]
    return {
        (url, bare): f"{system}:{bare}"
        for url, name in SYSTEMS.items()
        for system, _, bare in parts
        if system == name
    }


def read_events(prefetch: fhir.Prefetch, keys: Iterable[str], known: Known, patient_id: str) -> list[Event]:
    """The events of a prefetched record whose codes are known.

    Raises
    ------
    Refused
        When a bundle was not fetched (412), is one page of several, or holds another patient's resource.
    """
    found: list[Event] = []
    own = f"Patient/{patient_id}"
    for key in keys:
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
            read = None if resource is None else READERS.get(resource["resourceType"])
            if read is None:
                continue
            owner = (resource.get("subject") or resource.get("patient") or {}).get("reference")
            if owner is not None and owner != own and not owner.endswith(f"/{own}"):
                raise Refused(422, f"The bundle {key!r} holds a resource of somebody else than the patient.")
            if resource.get("status") not in NOT_DONE:
                read(resource, known, found)
    return found


def time_of(text: str | None) -> datetime | None:
    """A date or time of FHIR; Refused when there is no such day."""
    if text is None:
        return None
    try:
        return fhir.moment(text)
    except ValueError:
        raise Refused(422, "A date in the prefetch is no day of the calendar, such as 30 February.") from None


def _code(concept: fhir.CodeableConcept | None, known: Known) -> str | None:
    """The first coding that the model or its task knows."""
    for coding in concept.get("coding", ()) if concept else ():
        code = known.get((coding.get("system"), coding.get("code")))
        if code is not None:
            return code
    return None


def _part(resource: Any, name: str, part: str) -> Any:
    """A part of an element that may be missing."""
    return (resource.get(name) or {}).get(part)


def _observation(resource: Any, known: Known, found: list[Event]) -> None:
    issued = resource.get("issued")
    time = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
    time = time or _part(resource, "effectivePeriod", "start") or issued
    if time is None:
        return
    for part in (resource, *resource.get("component", ())):
        code = _code(part["code"], known)
        if code is not None:
            at = time_of(time)
            recorded = at if issued is None or issued == time else time_of(issued)
            found.append(Event("observation", code, at, recorded, *_value(part)))


def _value(part: Any) -> tuple[float | None, str | None, str | None]:
    """Number, words and unit."""
    quantity = part.get("valueQuantity")
    if quantity is not None:
        return quantity.get("value"), None, quantity.get("code") or quantity.get("unit")
    number = part.get("valueInteger")
    if number is not None:
        return float(number), None, None
    concept = part.get("valueCodeableConcept")
    if concept is not None:
        displays = (coding.get("display") for coding in concept.get("coding", ()))
        return None, concept.get("text") or next((display for display in displays if display), None), None
    return None, part.get("valueString"), None


def _add(found: list[Event], kind: str, code: str | None, start: str | None, recorded: str | None) -> None:
    """One event, when its code matters and both of its times are known."""
    if code is not None and start is not None and recorded is not None:
        at = time_of(start)
        found.append(Event(kind, code, at, at if recorded == start else time_of(recorded)))


def _condition(resource: Any, known: Known, found: list[Event]) -> None:
    status = _part(resource, "verificationStatus", "coding") or ()
    if any(coding.get("code") in NOT_SO for coding in status):
        return
    code = _code(resource.get("code"), known)
    start = resource.get("onsetDateTime") or _part(resource, "onsetPeriod", "start")
    start = start or resource.get("recordedDate")
    if start is None and code is not None:
        # Long before any look-back: no feature, but who has the outcome on record is not asked about it.
        found.append(Event("condition", code, datetime.min, datetime.min))
    _add(found, "condition", code, start, resource.get("recordedDate") or start)
    end = resource.get("abatementDateTime")
    _add(found, "condition_end", code, end, end)


def _medication(resource: Any, known: Known, found: list[Event]) -> None:
    code, start = _code(resource.get("medicationCodeableConcept"), known), resource.get("authoredOn")
    end = _part(resource.get("dispenseRequest") or {}, "validityPeriod", "end")
    _add(found, "medication", code, start, start)
    _add(found, "medication_stop", code, end, end)


def _procedure(resource: Any, known: Known, found: list[Event]) -> None:
    start = resource.get("performedDateTime") or _part(resource, "performedPeriod", "start")
    ended = _part(resource, "performedPeriod", "end") or start
    _add(found, "procedure", _code(resource.get("code"), known), start, ended)


def _encounter(resource: Any, known: Known, found: list[Event]) -> None:
    # A visit is on record when it ends; one that has not ended is not known yet.
    concept = next(iter(resource.get("type") or ()), None)
    start, end = (_part(resource, "period", part) for part in ("start", "end"))
    _add(found, "encounter", _code(concept, known), start, end)


def _immunization(resource: Any, known: Known, found: list[Event]) -> None:
    start = resource.get("occurrenceDateTime")
    code = _code(resource.get("vaccineCode"), known)
    _add(found, "immunization", code, start, resource.get("recorded") or start)


READERS: dict[str, Callable[[Any, Known, list[Event]], None]] = {
    "Condition": _condition,
    "Observation": _observation,
    "MedicationRequest": _medication,
    "Procedure": _procedure,
    "Encounter": _encounter,
    "Immunization": _immunization,
}
