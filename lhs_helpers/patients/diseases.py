"""A disease is a file: read, checked, and explained when something in it is wrong.

`load_diseases()` reads the TOML files of the folder `diseases`; each figure in them carries its source and
how sure it is. Nothing is computed here: the engine (`life`) runs every file in the same way.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from lhs_helpers.errors import LHSError

FOLDER = Path(__file__).parent / "diseases"
UNITS = {"per 1000 person-years": 1e-3, "per 100000 person-years": 1e-5, "per person-year": 1.0}
SYSTEMS = ("SNOMED", "LOINC", "RxNorm", "CVX")


def _code(text: str) -> str:
    system, _, value = text.partition(":")
    if system not in SYSTEMS or not value.isascii() or not value.replace("-", "").isalnum():
        raise ValueError(
            f"'{text}' is not a code: write SYSTEM:value with one of the systems {', '.join(SYSTEMS)}"
        )
    return text


Code = Annotated[str, AfterValidator(_code)]
Share = Annotated[float, Field(ge=0, le=1)]
Source = Annotated[str, Field(min_length=8)]
Sureness = Literal["verified", "derived", "assumption"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Figure(_Part):
    source: Source
    sure: Sureness


class Rates(_Figure):
    """Rates by age for women and men; log-linear between the ages, none below the first, constant above the last.

    `per_decade` is the ratio of the rates ten years apart, before 2019; afterwards they stay.
    """

    unit: str
    age: list[float]
    women: list[float]
    men: list[float]
    per_decade: float = 1.0

    @model_validator(mode="after")
    def _sensible(self):
        if self.unit not in UNITS:
            raise ValueError(f"unit '{self.unit}' is not one of: {', '.join(UNITS)}")
        if not len(self.age) == len(self.women) == len(self.men):
            raise ValueError("age, women and men must be lists of the same length")
        if self.age != sorted(set(self.age)):
            raise ValueError("the ages must rise")
        if min(self.women + self.men) < 0:
            raise ValueError("a rate is below 0")
        if self.unit != "per person-year" and max(self.women + self.men) * UNITS[self.unit] > 1:
            raise ValueError("a rate is above 1 per person-year: is the unit right?")
        return self


class RelativeRisk(_Figure):
    """What multiplies the rate of a person. Exactly one of the forms below, by `of`.

    a disease: `value`; a course (bmi, systolic, ...): `value` per `per` units above `zero`, within `range`,
    or a curve `at` -> `times`;
    "smoking": `women`, `men` (current against never), `half_life_years` of the excess after quitting,
    `dose` and
    `duration` exponents; "race": `factors`; "frailty": `sd_log`, what no record shows; "attends": how often
    one comes.
    """

    of: str
    value: float | None = None
    per: float | None = None
    zero: float = 0.0
    range: tuple[float, float] | None = None
    at: list[float] | None = None
    times: list[float] | None = None
    women: float | None = None
    men: float | None = None
    half_life_years: float | None = None
    dose: float = 0.0
    duration: float = 0.0
    factors: dict[str, float] | None = None
    sd_log: float | None = None


class Visits(_Figure):
    """How the disease is found and followed, and how much more often it brings people to care.

    `places` says where an event is seen: shares of "inpatient", "emergency" and "symptom" (an office visit);
    `office`, `emergency` and `inpatient` multiply the rates of visits for other reasons.
    """

    found_at_visit: Share = 1.0
    followups_per_year: float = 0.0
    places: dict[Literal["inpatient", "emergency", "symptom"], Share] = {"inpatient": 1.0}
    office: float = 1.0
    emergency: float = 1.0
    inpatient: float = 1.0


class Excess(_Figure):
    """Death from other causes, of those with the disease against those without."""

    relative_risk: float


class Recurrence(_Figure):
    """Yearly hazard of a further event, in the first year after the last one and later."""

    first_year: Share
    later: Share


class Fatality(_Figure):
    """Share that dies within `days` of an event."""

    days: int
    share: Share


class Hidden(_Figure):
    """Years between onset and the day the disease shows itself: a gamma distribution."""

    mean_years: float
    shape: float


class Stages(_Figure):
    """Stage when it shows itself, and cause-specific survival after `months`, per stage."""

    names: list[str]
    shares: list[Share]
    months: list[float]
    survival: list[list[Share]]


class Treatment(_Figure):
    """A drug or procedure given after diagnosis, to a share of patients, and what it changes.

    A short one belongs to each event (an antibiotic); any other is taken for good.
    """

    code: Code
    description: str
    kind: Literal["medication", "procedure"]
    share: Share
    adherence: Share = 1.0
    course: str | None = None
    change: float = 0.0
    relative_risk: dict[str, float] = {}
    short: bool = False


class Sign(_Figure):
    """A trace: a measurement drifts by `change` over the `years` before the disease shows itself."""

    measure: str
    change: float
    years: float


class Complaint(_Figure):
    """A symptom that brings people with the hidden disease to the doctor."""

    code: Code
    description: str
    per_year: float
    years: float


class Workup(_Part):
    """A procedure done when the disease is diagnosed."""

    code: Code
    description: str
    share: Share


class Disease(_Part):
    """One disease as its file says it; see the file format in `diseases/README.md`."""

    key: str
    name: str
    code: Code
    description: str
    kind: Literal["chronic", "event", "cancer"]
    incidence: Rates
    relative_risk: list[RelativeRisk] = []
    visits: Visits
    mortality: Excess | None = None
    recurrence: Recurrence | None = None
    fatality: Fatality | None = None
    hidden: Hidden | None = None
    stages: Stages | None = None
    treatment: list[Treatment] = []
    sign: list[Sign] = []
    complaint: list[Complaint] = []
    workup: list[Workup] = []
    becomes: dict[str, str] = {}

    @model_validator(mode="after")
    def _complete(self):
        if self.kind == "cancer" and not (self.hidden and self.stages):
            raise ValueError("a cancer needs the tables [hidden] and [stages]")
        if self.kind != "event" and (self.recurrence or self.fatality):
            raise ValueError("only an event has the tables [recurrence] and [fatality]")
        return self


class Mortality(_Part):
    """What multiplies death from causes that no disease file models."""

    relative_risk: list[RelativeRisk]


class VisitRates(_Part):
    """Published visit rates of one kind, and what multiplies them besides diseases."""

    incidence: Rates
    relative_risk: list[RelativeRisk] = []


def read_file(path: Path, form: type[_Part], **extra) -> _Part:
    """A TOML file in one of the forms above; an LHSError names the file and the key that is wrong."""
    try:
        return form.model_validate(tomllib.loads(path.read_text(encoding="utf-8")) | extra)
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.toml")))
        raise LHSError(f"There is no disease '{path.stem}'. Known diseases: {known}.") from None
    except tomllib.TOMLDecodeError as error:
        raise LHSError(f"{path.name} is not valid TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise LHSError(f"{path.name}, {key}: {first['msg'].removeprefix('Value error, ')}.") from None


def load_diseases(names: list[str] | None = None) -> list[Disease]:
    """The named diseases (all when None), each after those it depends on; LHSError if one is unknown or missing."""
    names = sorted(path.stem for path in FOLDER.glob("*.toml")) if names is None else names
    found = {name: read_file(FOLDER / f"{name}.toml", Disease, key=name) for name in names}
    ordered: list[Disease] = []
    while len(ordered) < len(found):
        done = {disease.key for disease in ordered}
        ready = [d for key, d in found.items() if key not in done and _needs(d, found) <= done]
        if not ready:
            raise LHSError(
                f"The diseases {', '.join(sorted(set(found) - done))} depend on each other in a circle."
            )
        ordered += ready
    return ordered


def _needs(disease: Disease, found: dict[str, Disease]) -> set[str]:
    files = {path.stem for path in FOLDER.glob("*.toml")}
    needs = {risk.of for risk in disease.relative_risk if risk.of in files}
    if missing := needs - set(found):
        raise LHSError(
            f"{disease.key}.toml names {', '.join(sorted(missing))} as a risk: load that disease too, or none by name."
        )
    return needs
