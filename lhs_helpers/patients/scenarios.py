"""Scenarios bend time on purpose: from a day on something is different, and everybody can say what.

Each is a few parameters, is saved with the hospital, and is read by the part of the engine that it changes.
Two hospitals that differ in a scenario are the same, byte for byte, until the day it begins.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lhs_helpers.errors import LHSError
from lhs_helpers.patients.calendar import NEVER, day_number
from lhs_helpers.patients.codes import Code
from lhs_helpers.patients.disease_form import Share
from lhs_helpers.patients.sites import Site


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    since: str

    @property
    def begins(self) -> int:
        """The day number from which it holds."""
        return day_number(self.since)


class RateChange(_Change):
    """An epidemic, or a prevalence that shifts: a rate (of a disease, "death", "office" ...) times `factor`."""

    kind: Literal["rate"] = "rate"
    of: str
    factor: Annotated[float, Field(gt=0)]
    until: str | None = None

    def on(self, day: int) -> bool:
        """Does it hold on this day?"""
        return self.begins <= day < (NEVER if self.until is None else day_number(self.until))


class UnitChange(_Change):
    """A laboratory reports in another unit: the value times `factor`."""

    kind: Literal["unit"] = "unit"
    code: Code
    factor: Annotated[float, Field(gt=0)]
    unit: str


class CodeReplaced(_Change):
    """A code is replaced by another one."""

    kind: Literal["code"] = "code"
    old: Code
    new: Code
    description: str


class Guideline(_Change):
    """Another share of patients is given a treatment (its code) when its disease is diagnosed."""

    kind: Literal["guideline"] = "guideline"
    treatment: Code
    share: Share


class Newcomers(_Change):
    """Who moves in from then on has the mix of another site; its name and its records play no part."""

    kind: Literal["newcomers"] = "newcomers"
    mix: Site


Scenario = RateChange | UnitChange | CodeReplaced | Guideline | Newcomers
_FORM = TypeAdapter(list[Annotated[Scenario, Field(discriminator="kind")]])


def as_scenarios(scenarios: list) -> tuple[Scenario, ...]:
    """Scenarios from themselves or from what was saved; LHSError when one makes no sense."""
    saved = [s.model_dump() if isinstance(s, BaseModel) else s for s in scenarios]
    try:
        made = tuple(_FORM.validate_python(saved))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"][1:]) or "kind"
        raise LHSError(f"Scenario {first['loc'][0] + 1}, {key}: {first['msg']}.") from None
    for scenario in made:
        day_number(scenario.since)
        if isinstance(scenario, RateChange) and scenario.until is not None:
            day_number(scenario.until)
    return made
