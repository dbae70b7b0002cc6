"""A disease is a file: the form of that file, and what must hold in it.

Each figure carries its source and how sure it is. Nothing is computed here: the engine (`life`) runs every file in
the same way.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lhs_helpers.patients.codes import Code

COURSES = (
    "bmi",
    "systolic",
    "diastolic",
    "total_cholesterol",
    "hdl",
    "triglycerides",
    "hba1c",
    "egfr",
    "height",
)
with open(Path(__file__).parent / "data" / "measures.csv", encoding="utf-8") as _file:
    MEASURES = frozenset(line.partition(",")[0] for line in _file) - {"measure"}
UNITS = {"per 1000 person-years": 1e-3, "per 100000 person-years": 1e-5, "per person-year": 1.0}
Share = Annotated[float, Field(ge=0, le=1)]
Source = Annotated[str, Field(min_length=8)]
Sureness = Literal["verified", "derived", "assumption"]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Figure(Part):
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

    a disease: `value`, whose excess halves every `half_life_years` after the latest onset where that is given;
    a course (bmi, systolic, ...): `value` per `per` units above `zero`, within `range`,
    or a curve `at` -> `times`;
    "smoking": `women`, `men` (current against never), `half_life_years` of the excess after quitting,
    exponents of the `dose` (over 20 cigarettes a day) and the `duration` (over 45 years); "race": `factors`;
    "frailty": `sd_log`, what no record shows; "attends": how often one comes.
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

    A short one belongs to each event (an antibiotic); any other is taken for good by `adherence` of those who get it,
    and by the others for a year on average. `stops_smoking`: share of smokers who stop for good when it begins.
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
    stops_smoking: Share = 0.0


class Threshold(_Figure):
    """A disease that is a usual value beyond a limit: of a course, at or above `above`, or below `below`.

    `of` may also be "smoking" (who smokes now). `from_age`: nobody has it younger (years). `unless`: who has that
    disease does not get this one (no prediabetes after diabetes).
    """

    of: str
    above: float | None = None
    below: float | None = None
    from_age: float = 18.0
    unless: str | None = None

    @model_validator(mode="after")
    def _one_limit(self):
        if (self.above is None) == (self.below is None) and self.of != "smoking":
            raise ValueError("give one of above and below")
        return self


class Type(_Figure):
    """A kind of the disease, with a code of its own: of a stroke, of the tissue of a cancer.

    `stages` and `fatality` are those of this type where they differ from the disease's.
    """

    code: Code
    description: str
    share: Share
    stages: list[Share] | None = None
    fatality: Share | None = None


class Shift(_Figure):
    """A lasting change: a measurement moves by `change` in the `years` after onset."""

    measure: str
    change: float
    years: float = 1.0


class Screening(_Figure):
    """A test that finds a cancer before it shows itself, in those who are asked to it (by orders).

    `sensitivity`: of one test, for a cancer that is there; `false_positive`: share of tests of people without
    one. `dwell`: the share of its hidden time that a cancer spends in each stage up to that in which it would
    have shown itself. `helped`: the share of the cancers found whose survival becomes that of the stage in which
    they were found; it stays what it would have been for the others. `follow_up` is done after a positive test,
    `invasive` after a share of false positives, `harmed` of them by a complication.
    """

    code: Code
    description: str
    sensitivity: Share
    false_positive: Share
    dwell: list[float]
    helped: Share = 1.0
    follow_up: Code
    follow_up_description: str
    invasive_share: Share = 0.0
    invasive: Code
    invasive_description: str
    harmed: Share = 0.0
    complication: Code
    complication_description: str


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


class Workup(Part):
    """A procedure done when the disease is diagnosed."""

    code: Code
    description: str
    share: Share


class Disease(Part):
    """One disease as its file says it; see the file format in `diseases/README.md`."""

    key: str
    name: str
    code: Code
    description: str
    kind: Literal["chronic", "marker", "event", "cancer"]
    incidence: Rates | None = None
    threshold: Threshold | None = None
    relative_risk: list[RelativeRisk] = []
    visits: Visits
    mortality: Excess | None = None
    recurrence: Recurrence | None = None
    fatality: Fatality | None = None
    hidden: Hidden | None = None
    stages: Stages | None = None
    type: list[Type] = []
    screening: Screening | None = None
    treatment: list[Treatment] = []
    shift: list[Shift] = []
    sign: list[Sign] = []
    complaint: list[Complaint] = []
    workup: list[Workup] = []
    becomes: dict[str, str] = {}

    @model_validator(mode="after")
    def _complete(self):
        if (self.kind == "marker") != (self.threshold is not None):
            raise ValueError("a marker, and only a marker, has the table [threshold]")
        if (self.kind == "marker") == (self.incidence is not None):
            raise ValueError("the table [incidence] is missing; a marker, and only a marker, has none")
        if self.type and abs(sum(t.share for t in self.type) - 1) > 0.005:
            raise ValueError("the shares of the types do not add up to 1")
        if (self.sign or self.complaint or self.screening or self.hidden) and self.kind != "cancer":
            raise ValueError("only a cancer has [hidden], [screening], [[sign]] and [[complaint]]")
        if self.kind == "cancer" and not (self.hidden and self.stages):
            raise ValueError("a cancer needs the tables [hidden] and [stages]")
        if self.kind != "event" and (self.recurrence or self.fatality):
            raise ValueError("only an event has the tables [recurrence] and [fatality]")
        return self


class Mortality(Part):
    """What multiplies death from causes that no disease file models."""

    relative_risk: list[RelativeRisk]


class VisitRates(Part):
    """Published visit rates of one kind, and what multiplies them besides diseases."""

    incidence: Rates
    relative_risk: list[RelativeRisk] = []
