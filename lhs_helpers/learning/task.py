"""A prediction task: what is predicted, for whom, from which past, for which time ahead."""

from dataclasses import asdict, dataclass

from lhs_helpers.errors import LHSError
from lhs_helpers.learning.index_rule import IndexRule

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
PEOPLE = {None: "people", "female": "women", "male": "men"}
# What can be done with those who are not seen to the end of the window, or die in it.
CHOICES = {
    "prior_outcome": ("exclude", "allow"),
    "if_left": ("keep", "exclude"),
    "if_died": ("keep", "exclude", "outcome"),
}
LEAST = {
    "window_days": 1,
    "lookback_days": 1,
    "gap_days": 0,
    "min_history_days": 0,
    "required_follow_up_days": 0,
}


@dataclass(frozen=True)
class Task:
    """A question about the future of people; `print(task)` reads it out.

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
        Days left out on either side of the index date; not more than `window_days`.
    lookback_days : int
        Length of the past that is looked at.
    min_age, max_age : int
        Completed years at the index date, both included.
    min_history_days : int
        Days since the person was first registered.
    target_kind : str
        What kind of event the target is, as in ``emr.events``.
    sex : {None, "female", "male"}
        Whom it concerns; None: both.
    required, excluded : tuple of str
        Codes of any kind: people have at least one of the required, and none of the excluded, on record at the
        index date.
    index : IndexRule
        On which day the prediction is made.
    prior_outcome : {"exclude", "allow"}
        Whether people who have had the target are taken out. Allowed, any event in the window counts.
    washout_days : int, optional
        How far before the index date a target excludes; None: ever.
    required_follow_up_days : int
        Whoever is neither seen so long after the index date, nor has the outcome, nor dies, is taken out.
    if_left : {"keep", "exclude"}
        People who leave before the window ends without the outcome: kept, with their follow-up cut short, or
        taken out.
    if_died : {"keep", "exclude", "outcome"}
        People who die in the window without the outcome: kept, the death being a competing event; taken out;
        or counted as having the outcome.

    Raises
    ------
    LHSError
        When a number, the target or a rule can not be meant.
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
    sex: str | None = None
    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    index: IndexRule = IndexRule()
    prior_outcome: str = "exclude"
    washout_days: int | None = None
    required_follow_up_days: int = 0
    if_left: str = "keep"
    if_died: str = "keep"

    def __post_init__(self) -> None:
        for codes in ("target", "required", "excluded"):
            self._check_codes(codes)
        if not self.target:
            self._refuse("it has no target; give at least one code, for example target=('SNOMED:230690007',)")
        if self.target_kind not in KINDS:
            self._refuse(f"target_kind is {self.target_kind!r}; it is one of {', '.join(KINDS)}")
        if self.sex not in PEOPLE:
            self._refuse(f"sex is {self.sex!r}; it is 'female', 'male' or None for both")
        if not isinstance(self.index, IndexRule):
            self._refuse(f"index is {self.index!r}; give a rule, such as IndexRule.visit('ambulatory')")
        for choice, allowed in CHOICES.items():
            if getattr(self, choice) not in allowed:
                self._refuse(f"{choice} is {getattr(self, choice)!r}; it is one of {', '.join(allowed)}")
        self._check_days()
        self._check_sense()

    def _check_codes(self, which: str) -> None:
        codes = getattr(self, which)
        if isinstance(codes, str):
            self._refuse(f"{which} is the text {codes!r}; give a tuple of codes: {which}=({codes!r},)")
        object.__setattr__(self, which, tuple(codes))
        bare = [code for code in codes if ":" not in code]
        if bare and not (which == "target" and self.target_kind == "death"):
            self._refuse(f"{which} {bare[0]!r} names no code system; write it like 'SNOMED:{bare[0]}'")

    def _check_days(self) -> None:
        washout = {} if self.washout_days is None else {"washout_days": 1}
        for number, least in (LEAST | washout).items():
            days = getattr(self, number)
            if days < least:
                self._refuse(f"{number} is {days}; it must be at least {least}")
        if self.gap_days > self.window_days:
            self._refuse(
                f"the gap of {_days(self.gap_days)} is longer than the window of {_days(self.window_days)}; "
                "most outcomes would fall into the gap. Shorten it, or widen the window"
            )
        if self.required_follow_up_days > self.gap_days + self.window_days:
            self._refuse(
                f"required_follow_up_days is {self.required_follow_up_days}, but people are followed for "
                f"{_days(self.gap_days + self.window_days)} only, to the end of the window"
            )
        if not 0 <= self.min_age <= self.max_age:
            ages = f"ages run from {self.min_age} to {self.max_age}"
            self._refuse(f"{ages}; the first must be 0 or more and not above the second")

    def _check_sense(self) -> None:
        """Rules that are meant one by one and contradict each other."""
        both = set(self.required) & set(self.excluded)
        if both:
            self._refuse(f"{min(both)} is required and excluded; nobody can be meant")
        if self.prior_outcome == "allow" and self.washout_days is not None:
            self._refuse("washout_days says how far back a target excludes, but prior_outcome is 'allow'")
        prior = set(self.target) & set(self.required)
        if prior and self.prior_outcome == "exclude" and self.washout_days is None:
            self._refuse(
                f"the target {min(prior)} is also required before the index date; nobody can be meant"
            )
        if self.index.kind == "age" and not self.min_age <= self.index.years <= self.max_age:
            self._refuse(
                f"its index date is the birthday at {self.index.years}, but ages run from {self.min_age} "
                f"to {self.max_age}"
            )
        if self.target_kind == "death" and self.if_died != "keep":
            self._refuse("death is its target, so if_died can only be 'keep'")

    def _refuse(self, why: str) -> None:
        raise LHSError(f"Task {self.name!r}: {why}.")

    def __str__(self) -> str:
        return " ".join([self._question(), f"The index date is {self.index}.", self._follow_up()])

    def _question(self) -> str:
        window, lookback = "after the index date", "before it"
        if self.gap_days:
            window = f"that begin {_days(self.gap_days)} after the index date"
            lookback = f"that end {_days(self.gap_days)} before it"
        return (
            f"{self.name}: among {self._who()}, who {self._outcome()} in the {_days(self.window_days)} {window}, "
            f"judged by what the record then knew of the {_days(self.lookback_days)} {lookback}?"
        )

    def _who(self) -> str:
        who = f"registered {PEOPLE[self.sex]} aged {self.min_age} to {self.max_age}"
        if self.min_history_days:
            who += f", known for at least {_days(self.min_history_days)}"
        rules = []
        if self.required:
            rules.append(f"with {' or '.join(self.required)} on record")
        if self.excluded:
            rules.append(f"without {' or '.join(self.excluded)} on record")
        if self.prior_outcome == "exclude" and self.target_kind != "death":
            since = "on record" if self.washout_days is None else f"in the {_days(self.washout_days)} before"
            rules.append(f"without this {KINDS[self.target_kind]} {since}")
        if not rules:
            return who
        listed = ", ".join(rules[:-1]) + " and " + rules[-1] if rules[1:] else "and " + rules[0]
        return f"{who} {listed}"

    def _outcome(self) -> str:
        if self.target_kind == "death":
            return "dies"
        first = self.prior_outcome == "exclude" and self.washout_days is None
        kind = KINDS[self.target_kind]
        article = "a first" if first else ("an" if kind[0] in "aeiou" else "a")
        dies = " or dies" if self.if_died == "outcome" else ""
        return f"has {article} {kind} ({' or '.join(self.target)}){dies}"

    def _follow_up(self) -> str:
        left = "are followed until then" if self.if_left == "keep" else "are taken out"
        said = [f"People who leave without the outcome {left}"]
        if self.target_kind != "death" and self.if_died != "outcome":
            died = "a death is a competing event" if self.if_died == "keep" else "so are those who die"
            if self.if_died == "exclude" and self.if_left == "keep":
                died = "those who die are taken out"
            said.append(died)
        if self.required_follow_up_days:
            said.append(
                f"whoever is seen for less than {_days(self.required_follow_up_days)} after the index date, "
                "without the outcome and alive, is taken out"
            )
        return "; ".join(said) + "."

    def to_dict(self) -> dict:
        """The task as plain numbers, words and lists, as a release saves it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: dict) -> "Task":
        """The task that `to_dict` wrote, also after a passage through JSON."""
        return cls(**(saved | {"index": IndexRule(**saved["index"])}))


def _days(days: int) -> str:
    return f"{days:,} day{'s' if days != 1 else ''}"
