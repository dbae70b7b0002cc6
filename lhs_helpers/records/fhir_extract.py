"""Resources of FHIR R4 made flat: a row of text for each, whatever is in them.

Nothing here raises on what a resource holds: what is not where the standard puts it is empty, and judged later.
"""

from collections.abc import Callable, Iterator

Row = dict[str, str | None]
Resolve = dict[str, str]  # in a bundle: full URL -> identifier

# In the order in which one of several codings is chosen.
SYSTEMS = {
    "http://snomed.info/sct": "SNOMED",
    "http://loinc.org": "LOINC",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM",
    "http://hl7.org/fhir/sid/icd-10": "ICD10",
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm": "ICD10GM",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD9CM",
    "http://www.whocc.no/atc": "ATC",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "http://www.ama-assn.org/go/cpt": "CPT4",
    "http://www.cms.gov/Medicare/Coding/ICD10": "ICD10PCS",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "urn:oid:2.16.840.1.113883.6.88": "RxNorm",
    "urn:oid:2.16.840.1.113883.6.90": "ICD10CM",
    "urn:oid:2.16.840.1.113883.6.103": "ICD9CM",
}
RANK = {system: rank for rank, system in enumerate(SYSTEMS)}
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


def at(value: object, *path: str | int) -> object:
    """What stands at a path, or None: `at(resource, "type", 0, "text")`."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def text(value: object) -> str | None:
    """A value as text; what is no single value is none."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, (int, float)) else None


def items(value: object) -> list:
    """A list, also of one."""
    return value if isinstance(value, list) else [] if value is None else [value]


def moment(value: object) -> str | None:
    """A time; the first day of a year or a month that stands alone."""
    said = text(value)
    if said is None or len(said) >= 10:
        return said
    return f"{said}-01-01" if len(said) == 4 else f"{said}-01" if len(said) == 7 else said


def identifier(reference: object, resolve: Resolve) -> str | None:
    """What a reference points to: the last part of it, without version."""
    said = text(at(reference, "reference"))
    if said is None:
        return text(at(reference, "identifier", "value"))
    if said in resolve:
        return resolve[said]
    said = said.split("/_history/")[0]
    said = said.rsplit("|", 1)[-1] if "?" in said else said
    return said.rsplit("/", 1)[-1].removeprefix("urn:uuid:").removeprefix("urn:oid:") or None


def coded(concept: object) -> tuple[str | None, str | None]:
    """Code with its system as prefix, and description, of a CodeableConcept: the best known system is chosen."""
    best, name, lowest = None, None, len(RANK) + 1
    for coding in items(at(concept, "coding")):
        code, system = text(at(coding, "code")), text(at(coding, "system"))
        rank = RANK.get(system, len(RANK))
        if code and rank < lowest:
            best, name, lowest = f"{_system(system)}:{code}", text(at(coding, "display")), rank
    said = text(at(concept, "text"))
    if best is None and said:
        return f"Text:{said}", said
    return best, name or said


def _system(system: str | None) -> str:
    if system is None:
        return "Local"
    return SYSTEMS.get(system) or system.rstrip("/").rsplit("/", 1)[-1].replace(":", " ")


def _what(concept: object, prefix: str = "") -> Row:
    code, description = coded(concept)
    return {f"{prefix}CODE": code, f"{prefix}DESCRIPTION": description}


def _first(resource: dict, *paths: tuple[str | int, ...]) -> str | None:
    return next((found for path in paths if (found := moment(at(resource, *path)))), None)


def _event(resource: dict, resolve: Resolve, *times: tuple[str | int, ...], patient: str = "subject") -> Row:
    return {
        "ID": text(resource.get("id")),
        "PATIENT": identifier(resource.get(patient), resolve),
        "ENCOUNTER": identifier(resource.get("encounter"), resolve),
        "STATUS": text(resource.get("status")),
        "START": _first(resource, *times),
    }


def _reason(resource: dict, resolve: Resolve) -> Row:
    """The reason as a code, or as a reference to a condition."""
    return _what(at(resource, "reasonCode", 0), "REASON") | {
        "REASON_ID": identifier(at(resource, "reasonReference", 0), resolve)
    }


def _core(resource: dict, name: str) -> str | None:
    """The text of a US Core extension of a patient: race or ethnicity."""
    for extension in items(resource.get("extension")):
        if at(extension, "url") == CORE + name:
            parts = {at(part, "url"): part for part in items(at(extension, "extension"))}
            said = at(parts, "text", "valueString") or at(parts, "ombCategory", "valueCoding", "display")
            return text(said) or text(at(extension, "valueCode"))
    return None


def patient(resource: dict, resolve: Resolve) -> Iterator[tuple[str, Row]]:
    sex, at_birth = text(resource.get("gender")), _core(resource, "birthsex")
    yield (
        "Patient",
        {
            "ID": text(resource.get("id")),
            "BIRTH": moment(resource.get("birthDate")),
            "SEX": sex if sex in ("female", "male") else at_birth or sex,
            "RACE": _core(resource, "race"),
            "ETHNICITY": _core(resource, "ethnicity"),
            "DEATHDATE": moment(resource.get("deceasedDateTime")),
            "DEAD": text(resource.get("deceasedBoolean")),
        },
    )


def encounter(resource: dict, resolve: Resolve) -> Iterator[tuple[str, Row]]:
    class_ = at(resource, "class", 0, "coding", 0) or at(resource, "class", 0) or resource.get("class")
    yield (
        "Encounter",
        {
            **_event(resource, resolve, ("period", "start")),
            "STOP": moment(at(resource, "period", "end")),
            "CLASS": text(at(class_, "code")),
            **_what(at(resource, "type", 0)),
            **_reason(resource, resolve),
            "SITE": text(at(resource, "serviceProvider", "display")),
            "ORGANIZATION": identifier(resource.get("serviceProvider"), resolve),
        },
    )


def condition(resource: dict, resolve: Resolve) -> Iterator[tuple[str, Row]]:
    times = (("onsetDateTime",), ("onsetPeriod", "start"), ("recordedDate",))
    yield (
        "Condition",
        {
            **_event(resource, resolve, *times),
            "STATUS": text(at(resource, "verificationStatus", "coding", 0, "code")),
            "STOP": _first(resource, ("abatementDateTime",), ("abatementPeriod", "start")),
            "RECORDED": moment(resource.get("recordedDate")),
            **_what(resource.get("code")),
        },
    )


def _value(part: dict) -> Row:
    """The value of an observation or component: a number with its unit, or a text."""
    quantity = at(part, "valueQuantity")
    if quantity is not None:
        unit = text(at(quantity, "code")) or text(at(quantity, "unit"))
        return {"NUMBER": text(at(quantity, "value")), "UNITS": unit, "TEXT": None}
    said = at(part, "valueCodeableConcept")
    if said is not None:
        code, name = coded(said)
        return {"NUMBER": None, "UNITS": None, "TEXT": name or code}
    words = (
        ("valueString",),
        ("valueBoolean",),
        ("valueDateTime",),
        ("valueTime",),
        ("valuePeriod", "start"),
    )
    found = next((word for path in words if (word := text(at(part, *path)))), None)
    for kind, low, high, between in (
        ("valueRange", "low", "high", "-"),
        ("valueRatio", "numerator", "denominator", "/"),
    ):
        if found is None and at(part, kind) is not None:
            ends = (text(at(part, kind, end, "value")) for end in (low, high))
            found = between.join(end or "" for end in ends)
    return {"NUMBER": text(at(part, "valueInteger")), "UNITS": None, "TEXT": found}


def observation(resource: dict, resolve: Resolve) -> Iterator[tuple[str, Row]]:
    times = (("effectiveDateTime",), ("effectivePeriod", "start"), ("effectiveInstant",), ("issued",))
    event = _event(resource, resolve, *times) | {"RECORDED": moment(resource.get("issued"))}
    parts = [part for part in items(resource.get("component")) if isinstance(part, dict)]
    holds = "true" if parts or resource.get("hasMember") else None
    yield "Observation", {**event, **_what(resource.get("code")), **_value(resource), "PARTS": holds}
    for number, part in enumerate(parts, 1):
        name = event["ID"] and f"{event['ID']}#{number}"
        row = {**event, **_what(part.get("code")), **_value(part), "PARTS": None, "ID": name}
        yield "Observation.component", row


def medication_request(resource: dict, resolve: Resolve) -> Iterator[tuple[str, Row]]:
    reference = text(at(resource, "medicationReference", "reference")) or ""
    concept = resource.get("medicationCodeableConcept")
    for inside in items(resource.get("contained")):
        if reference.startswith("#") and at(inside, "id") == reference[1:]:
            concept = at(inside, "code")
    ends = (
        ("dispenseRequest", "validityPeriod", "end"),
        ("dosageInstruction", 0, "timing", "repeat", "boundsPeriod", "end"),
    )
    yield (
        "MedicationRequest",
        {
            **_event(resource, resolve, ("authoredOn",)),
            "STOP": _first(resource, *ends),
            "INTENT": text(resource.get("intent")),
            **_what(concept),
            "MEDICATION": identifier(resource.get("medicationReference"), resolve),
            **_reason(resource, resolve),
        },
    )


def procedure(resource: dict, resolve: Resolve) -> Iterator[tuple[str, Row]]:
    times = (("performedDateTime",), ("performedPeriod", "start"), ("occurrenceDateTime",))
    yield (
        "Procedure",
        {
            **_event(resource, resolve, *times),
            **_what(resource.get("code")),
            **_reason(resource, resolve),
        },
    )


def immunization(resource: dict, resolve: Resolve) -> Iterator[tuple[str, Row]]:
    yield (
        "Immunization",
        {
            **_event(resource, resolve, ("occurrenceDateTime",), ("recorded",), patient="patient"),
            "RECORDED": moment(resource.get("recorded")),
            **_what(resource.get("vaccineCode")),
        },
    )


def medication(resource: dict, resolve: Resolve) -> Iterator[tuple[str, Row]]:
    yield "Medication", {"ID": text(resource.get("id")), **_what(resource.get("code"))}


def organization(resource: dict, resolve: Resolve) -> Iterator[tuple[str, Row]]:
    yield "Organization", {"ID": text(resource.get("id")), "NAME": text(resource.get("name"))}


EXTRACT: dict[str, Callable[[dict, Resolve], Iterator[tuple[str, Row]]]] = {
    "Patient": patient,
    "Encounter": encounter,
    "Condition": condition,
    "Observation": observation,
    "MedicationRequest": medication_request,
    "Procedure": procedure,
    "Immunization": immunization,
    "Medication": medication,
    "Organization": organization,
}
