"""What a CDS Hooks request brings, as types: the few elements of FHIR R4 that a feature can come from.

Everything else in a resource is ignored. A date may stop at the year or the month, as FHIR allows; a zone is
dropped, because the records here hold the clock of the place.
"""

from datetime import datetime
from typing import (
    Annotated,
    Any,
    Literal,
    Required,  # that of Python 3.11 can not be checked by pydantic
)
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, with_config
from typing_extensions import TypedDict

# A year, a month, a day, or a time to the second; the day of a month is checked when a date is used.
DATE = (
    r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])"
    r"(T([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?)?)?$"
)
# Kept as text: most dates of a record belong to codes that no feature needs, and are never read.
Moment = Annotated[str, StringConstraints(pattern=DATE)]
Text = Annotated[str, StringConstraints(max_length=10_000)]
MOST = 1_000_000_000  # no result of a patient is larger; what is, would overflow in the model's arithmetic
Value = Annotated[float, Field(ge=-MOST, le=MOST)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]


def moment(text: str) -> datetime:
    """A date or dateTime of FHIR as the time of the clock there; ValueError when there is no such day."""
    if len(text) < 10:
        text += "-01-01"[len(text) - 10 :]
    if text[17:19] == "60":  # FHIR allows a leap second
        text = text[:17] + "59" + text[19:]
    # To read a zone and drop it again takes longer than all the rest; most are Z.
    read = datetime.fromisoformat(text[:-1] if text[-1] == "Z" else text)
    return read if read.tzinfo is None else read.replace(tzinfo=None)


LENIENT = ConfigDict(extra="ignore", allow_inf_nan=False)


class Fhir(BaseModel):
    model_config = LENIENT


# Resources are plain dictionaries once they are checked: thousands of small objects a call keep Python's
# garbage collector busier than all the rest (measured: 9 ms a call as models, 2 ms as dictionaries).
_lenient = with_config(LENIENT)


@_lenient
class Coding(TypedDict, total=False):
    system: Text | None
    code: Text | None
    display: Text | None


@_lenient
class CodeableConcept(TypedDict, total=False):
    coding: list[Coding]
    text: Text | None


@_lenient
class Reference(TypedDict, total=False):
    reference: Text | None


@_lenient
class Period(TypedDict, total=False):
    start: Moment | None
    end: Moment | None


@_lenient
class Quantity(TypedDict, total=False):
    value: Value | None
    unit: Text | None
    code: Text | None


class Patient(Fhir):
    resourceType: Literal["Patient"]
    id: Id
    gender: Literal["male", "female", "other", "unknown"] | None = None
    birthDate: Moment | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: Moment | None = None


@_lenient
class Condition(TypedDict, total=False):
    resourceType: Required[Literal["Condition"]]
    verificationStatus: CodeableConcept | None
    code: CodeableConcept | None
    subject: Required[Reference]
    onsetDateTime: Moment | None
    onsetPeriod: Period | None
    abatementDateTime: Moment | None
    recordedDate: Moment | None


@_lenient
class Measured(TypedDict, total=False):
    code: Required[CodeableConcept]
    valueQuantity: Quantity | None
    valueCodeableConcept: CodeableConcept | None
    valueString: Text | None
    valueInteger: Annotated[int, Field(ge=-MOST, le=MOST)] | None


@_lenient
class Observation(Measured, total=False):
    resourceType: Required[Literal["Observation"]]
    status: Required[Text]
    subject: Reference | None
    effectiveDateTime: Moment | None
    effectiveInstant: Moment | None
    effectivePeriod: Period | None
    issued: Moment | None
    component: list[Measured]


@_lenient
class Supply(TypedDict, total=False):
    validityPeriod: Period | None


@_lenient
class MedicationRequest(TypedDict, total=False):
    resourceType: Required[Literal["MedicationRequest"]]
    status: Required[Text]
    medicationCodeableConcept: CodeableConcept | None
    subject: Required[Reference]
    authoredOn: Moment | None
    dispenseRequest: Supply | None


@_lenient
class Procedure(TypedDict, total=False):
    resourceType: Required[Literal["Procedure"]]
    status: Required[Text]
    code: CodeableConcept | None
    subject: Required[Reference]
    performedDateTime: Moment | None
    performedPeriod: Period | None


@_lenient
class Encounter(TypedDict, total=False):
    resourceType: Required[Literal["Encounter"]]
    status: Required[Text]
    type: list[CodeableConcept]
    subject: Reference | None
    period: Period | None


@_lenient
class Immunization(TypedDict, total=False):
    resourceType: Required[Literal["Immunization"]]
    status: Required[Text]
    vaccineCode: Required[CodeableConcept]
    patient: Required[Reference]
    occurrenceDateTime: Moment | None
    recorded: Moment | None


@_lenient
class Other(TypedDict, total=False):
    """A resource that no feature comes from, such as the OperationOutcome of a search."""

    resourceType: Required[Annotated[str, StringConstraints(min_length=1, max_length=64)]]


Clinical = Condition | Observation | MedicationRequest | Procedure | Encounter | Immunization
KNOWN = ("Condition", "Observation", "MedicationRequest", "Procedure", "Encounter", "Immunization")


def _kind(resource: Any) -> str:
    name = resource.get("resourceType") if isinstance(resource, dict) else None
    return name if isinstance(name, str) and name in KNOWN else "Other"


Resource = Annotated[
    Annotated[Condition, Tag("Condition")]
    | Annotated[Observation, Tag("Observation")]
    | Annotated[MedicationRequest, Tag("MedicationRequest")]
    | Annotated[Procedure, Tag("Procedure")]
    | Annotated[Encounter, Tag("Encounter")]
    | Annotated[Immunization, Tag("Immunization")]
    | Annotated[Other, Tag("Other")],
    Discriminator(_kind),
]


@_lenient
class Entry(TypedDict, total=False):
    resource: Resource | None


@_lenient
class Link(TypedDict, total=False):
    relation: Text | None


class Bundle(Fhir):
    resourceType: Literal["Bundle"]
    link: list[Link] = []
    entry: list[Entry] = []


class Prefetch(Fhir):
    """What the client fetched. A key that was left out could not be fetched; null says that there is nothing."""

    patient: Patient | None = None
    conditions: Bundle | None = None
    observations: Bundle | None = None
    medications: Bundle | None = None
    procedures: Bundle | None = None
    encounters: Bundle | None = None
    immunizations: Bundle | None = None


class Context(Fhir):
    userId: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    patientId: Id
    encounterId: Text | None = None


class HookRequest(Fhir):
    """The body of a call of the hook patient-view (CDS Hooks 2.0)."""

    hook: Literal["patient-view"]
    hookInstance: UUID
    fhirServer: Text | None = None
    context: Context
    prefetch: Prefetch = Field(default_factory=Prefetch)
