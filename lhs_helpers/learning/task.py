"""A prediction task: what is predicted, for whom, from which past, for which time ahead."""

from dataclasses import dataclass

from lhs_helpers.errors import LHSError

# What an event of the record can be, and how a sentence names it.
KINDS = {
    "condition": "diagnosis",
    "encounter": "encounter",
    "observation": "observation",
    "medication": "prescription",
    "procedure": "procedure",
    "immunization": "immunization",
    "death": "death",
}


@dataclass(frozen=True)
class Task:
    """A question about the future of people who have not had the outcome; `print(task)` reads it out.

    The look-back ends, and the prediction window begins, `gap_days` away from the index date: the days right
    before it may already hold the work-up of the outcome, the days right after it are too late to act.

    Parameters
    ----------
    name : str
        What is predicted, in a clinician's words.
    target : tuple of str
        Codes of the outcome, with their system: ``("SNOMED:230690007",)``; the first event with any of them
        counts. For death: ``("death",)`` with ``target_kind="death"``.
    window_days : int
        Length of the prediction window.
    gap_days : int
        Days left out on either side of the index date.
    lookback_days : int
        Length of the past that is looked at.
    min_age, max_age : int
        Completed years at the index date, both included.
    min_history_days : int
        Days since the person was first registered.
    target_kind : str
        What kind of event the target is, as in ``emr.events``.

    Raises
    ------
    LHSError
        When a number or the target can not be meant.
    """

    name: str
    target: tuple[str, ...]
    window_days: int
    gap_days: int = 0
    lookback_days: int = 1826
    min_age: int = 18
    max_age: int = 120
    min_history_days: int = 0
    target_kind: str = "condition"

    def __post_init__(self) -> None:
        if isinstance(self.target, str):
            self._refuse(
                f"target is the text {self.target!r}; give a tuple of codes: target=({self.target!r},)"
            )
        object.__setattr__(self, "target", tuple(self.target))
        if not self.target:
            self._refuse("it has no target; give at least one code, for example target=('SNOMED:230690007',)")
        if self.target_kind not in KINDS:
            self._refuse(f"target_kind is {self.target_kind!r}; it is one of {', '.join(KINDS)}")
        bare = [code for code in self.target if ":" not in code]
        if bare and self.target_kind != "death":
            self._refuse(f"target {bare[0]!r} names no code system; write it like 'SNOMED:{bare[0]}'")
        for number, least in {
            "window_days": 1,
            "lookback_days": 1,
            "gap_days": 0,
            "min_history_days": 0,
        }.items():
            days = getattr(self, number)
            if days < least:
                self._refuse(f"{number} is {days}; it must be at least {least}")
        if not 0 <= self.min_age <= self.max_age:
            ages = f"ages run from {self.min_age} to {self.max_age}"
            self._refuse(f"{ages}; the first must be 0 or more and not above the second")

    def _refuse(self, why: str) -> None:
        raise LHSError(f"Task {self.name!r}: {why}.")

    def __str__(self) -> str:
        kind, codes = KINDS[self.target_kind], " or ".join(self.target)
        who = f"registered people aged {self.min_age} to {self.max_age}"
        if self.min_history_days:
            who += f", known for at least {_days(self.min_history_days)}"
        outcome, without = f"has a first {kind} ({codes})", f" and without this {kind} on record"
        if self.target_kind == "death":
            outcome, without = "dies", ""
        window, lookback = "after the index date", "before it"
        if self.gap_days:
            window = f"that begin {_days(self.gap_days)} after the index date"
            lookback = f"that end {_days(self.gap_days)} before it"
        return (
            f"{self.name}: among {who}{without}, who {outcome} in the {_days(self.window_days)} {window}, "
            f"judged by what the record then knew of the {_days(self.lookback_days)} {lookback}?"
        )


def _days(days: int) -> str:
    return f"{days:,} day{'s' if days != 1 else ''}"
