"""A change-control plan that a committee can read and the loop obeys.

The plan is written before the model goes live, as a TOML file with the parts of the FDA's predetermined change
control plan: what may change (description of modifications), how each change is made and tested (modification
protocol), what it may break (impact assessment); and the stop rule. What no test can decide stands there in words.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lhs_helpers.errors import LHSError

Words = Annotated[str, Field(min_length=1)]
Change = Literal["intercept", "recalibrate", "refit"]
JUDGED = ("AUROC", "AUPRC", "O/E", "calibration intercept", "calibration slope", "Brier", "Brier scaled")
JUDGED += ("recall", "precision", "specificity", "alert rate", "net benefit", "overridden")
COMPARED = ("AUROC", "AUPRC", "Brier", "recall", "precision", "specificity", "alert rate", "net benefit")
LESS_IS_BETTER = ("Brier",)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Part):
    """Inside which a measure of the model in use may lie; with fewer events it is not judged."""

    measure: str
    outside: tuple[float, float]
    least_events: Annotated[int, Field(ge=0)]

    @field_validator("measure")
    @classmethod
    def _known(cls, measure: str) -> str:
        return _one_of(measure, JUDGED)

    @model_validator(mode="after")
    def _in_order(self):
        if not self.outside[0] < self.outside[1]:
            raise ValueError("outside gives the lower limit first, then the upper")
        return self

    def broken(self, measures: pd.DataFrame) -> str | None:
        """What lies outside, in words; None when all is well or too little is known.

        `measures` is indexed by measure, with ``estimate`` and ``events``.
        """
        if self.measure not in measures.index or measures.loc[self.measure, "events"] < self.least_events:
            return None
        found, (low, high) = measures.loc[self.measure, "estimate"], self.outside
        if not (found < low or found > high):
            return None
        return f"{self.measure} {found:.2f}, outside {low:g} to {high:g}"


class MayChange(_Part):
    """A change that may be made without asking the committee again."""

    change: Change
    why: Words
    most_in_a_year: Annotated[int, Field(ge=1)]
    not_covered: str = ""


class Must(_Part):
    """How the changed model must do against the version in use, on the same people.

    `gain_at_least` 0 with `surely`: the whole 95 % interval of the gain lies above 0. A negative one says what may be
    lost. Of Brier, where less is better, the gain is what it fell by.
    """

    measure: str
    gain_at_least: float
    surely: bool = False

    @field_validator("measure")
    @classmethod
    def _known(cls, measure: str) -> str:
        return _one_of(measure, COMPARED)

    def failed(self, difference: pd.DataFrame) -> str | None:
        """How the challenger falls short, in words; None when it does not."""
        row = difference.loc[self.measure]
        gain, worst = row["estimate"], row["low"]
        if self.measure in LESS_IS_BETTER:
            gain, worst = -gain, -row["high"]
        counts = worst if self.surely else gain
        if counts >= self.gain_at_least and not (self.surely and counts <= self.gain_at_least):
            return None
        of = "gain at worst" if self.surely else "gain"
        return f"{self.measure}: {of} {counts:+.4f}, at least {self.gain_at_least:+g} is asked"


class Tested(_Part):
    """How each change is made and tested. Without `begins`, a change is considered whenever labels arrive."""

    begins: Limits | None = None
    must: tuple[Must, ...] = ()
    alert_rate: tuple[float, float] = (0.0, 1.0)
    data_for_learning: Words
    held_out: Words
    records_the_model_has_changed: Words
    compared_with: Words
    who_decides: Words
    way_back: Words
    users_told: Words


class MayBreak(_Part):
    """What a change may break, and how that would be seen."""

    change: Change
    benefit: Words
    risk: Words
    how_lessened: Words
    how_seen: Words


class Stop(Limits):
    """A sign, and what then happens.

    "pause": nobody is called while it lasts. "fall back": the version before is in use again. "stop": nobody is called
    and nothing is released until people start it again.
    """

    sign: Words
    then: Literal["pause", "fall back", "stop"]


class ChangeControlPlan(_Part):
    """What may change, how it is tested, what it may break, when it stops."""

    model: Words
    version: Words
    approved_by: Words
    approved_on: Words
    may_change: tuple[MayChange, ...] = ()
    tested: Tested
    may_break: tuple[MayBreak, ...] = ()
    stop: tuple[Stop, ...]

    @model_validator(mode="after")
    def _whole(self):
        kinds = [part.change for part in self.may_change]
        if len(set(kinds)) < len(kinds):
            raise ValueError("may_change names a change twice")
        if unsaid := set(kinds) - {part.change for part in self.may_break}:
            raise ValueError(f"may_break does not say what the change {min(unsaid)!r} may break")
        if not self.stop:
            raise ValueError("a plan needs a stop rule: add a [[stop]]")
        return self

    @classmethod
    def read(cls, file: Path | str) -> "ChangeControlPlan":
        """The plan in a TOML file; LHSError says what is missing in it, or not meant."""
        path = Path(file)
        try:
            return cls.from_text(path.read_text(encoding="utf-8"), str(file))
        except OSError as error:
            raise LHSError(f"The plan {file} can not be read ({error.strerror}).") from None

    @classmethod
    def from_text(cls, text: str, name: str = "the plan") -> "ChangeControlPlan":
        """The plan in a text of that form."""
        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise LHSError(f"Change-control plan, {name}: {error}.") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            said = first["msg"].removeprefix("Value error, ")
            raise LHSError(f"Change-control plan, {name}{', ' + where if where else ''}: {said}.") from None

    def does_not_begin(self, measures: pd.DataFrame) -> str | None:
        """Why no change is considered in this cycle; None when one may be."""
        limits = self.tested.begins
        if limits is None or limits.broken(measures):
            return None
        low, high = limits.outside
        return f"plan: {limits.measure} is not outside {low:g} to {high:g}, by {limits.least_events} events or more"

    def forbids(self, change: str, date: pd.Timestamp, made: list[tuple[str, pd.Timestamp]]) -> str | None:
        """Why this change may not be made on this date, given the changes made before; None when it may."""
        allowed = {part.change: part.most_in_a_year for part in self.may_change}
        if change not in allowed:
            return f"plan: the change {change!r} is not in it and goes to {self.approved_by}"
        year_ago = date - pd.DateOffset(years=1)
        already = sum(kind == change and year_ago < when for kind, when in made)
        if already >= allowed[change]:
            return f"plan: {change!r} was made {already} times within a year, {allowed[change]} is the most"
        return None

    def refuses(self, difference: pd.DataFrame, alert_rate: float) -> str | None:
        """Why the changed model fails its test; None when it passes."""
        for must in self.tested.must:
            if said := must.failed(difference):
                return f"plan: {said}"
        low, high = self.tested.alert_rate
        if not low <= alert_rate <= high:
            return f"plan: alert rate {alert_rate:.3f}, between {low:g} and {high:g} is asked"
        return None

    def stops(self, measures: pd.DataFrame) -> tuple[str, str] | None:
        """What the stop rule demands of the model in use, and why; None when no sign is there. The gravest counts."""
        found = [(rule.then, rule.broken(measures), rule.sign) for rule in self.stop]
        for then in ("stop", "fall back", "pause"):
            for action, said, sign in found:
                if said and action == then:
                    return action, f"stop rule: {sign} ({said})"
        return None


def _one_of(measure: str, known: tuple[str, ...]) -> str:
    if measure not in known:
        raise ValueError(f"{measure!r} is no measure of the loop; choose one of {', '.join(known)}")
    return measure
