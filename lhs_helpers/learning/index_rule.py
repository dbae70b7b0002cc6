"""On which day a prediction is made: a date, a visit, a birthday, a diagnosis."""

from dataclasses import dataclass

from lhs_helpers.errors import LHSError

RULES = ("date", "visit", "age", "diagnosis")
VISITS = ("wellness", "ambulatory", "emergency", "inpatient")


@dataclass(frozen=True)
class IndexRule:
    """How each person gets an index date; made by `IndexRule.date`, `.visit`, `.age` or `.diagnosis`.

    A date is the same for everybody. The other rules give each person the first matching day inside the period
    that `cohort` is asked about, and take out whoever has none.

    Attributes
    ----------
    kind : {"date", "visit", "age", "diagnosis"}
    visits : tuple of str
        Classes of encounter, for a visit.
    years : int
        The birthday, for an age.
    codes : tuple of str
        The diagnoses, with their system.
    """

    kind: str = "date"
    visits: tuple[str, ...] = ()
    years: int = 0
    codes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "visits", _several(self.visits))
        object.__setattr__(self, "codes", _several(self.codes))
        if self.kind not in RULES:
            raise LHSError(f"An index date is given by {', '.join(RULES)}; not by {self.kind!r}.")
        unknown = [visit for visit in self.visits if visit not in VISITS]
        if self.kind == "visit" and (unknown or not self.visits):
            found = f"not {unknown[0]!r}" if unknown else "none was given"
            raise LHSError(f"A visit as index date is one or more of {', '.join(VISITS)}; {found}.")
        if self.kind == "age" and not 0 < self.years < 130:
            raise LHSError(
                f"The index date is the birthday at {self.years} years; give an age from 1 to 129."
            )
        if self.kind == "diagnosis" and not (self.codes and all(":" in code for code in self.codes)):
            raise LHSError(
                f"A diagnosis as index date needs codes with their system, such as 'SNOMED:38341003'; "
                f"given was {self.codes!r}."
            )

    @classmethod
    def date(cls) -> "IndexRule":
        """The date given to `cohort`, the same for everybody."""
        return cls("date")

    @classmethod
    def visit(cls, *classes: str) -> "IndexRule":
        """The beginning of a person's first encounter of one of these classes in the period."""
        return cls("visit", visits=classes)

    @classmethod
    def age(cls, years: int) -> "IndexRule":
        """The birthday on which a person reaches this age, if it falls into the period."""
        return cls("age", years=years)

    @classmethod
    def diagnosis(cls, *codes: str) -> "IndexRule":
        """The moment at which the record first knew of one of these diagnoses, if it lies in the period."""
        return cls("diagnosis", codes=codes)

    def __str__(self) -> str:
        return {
            "date": "the date that is asked about",
            "visit": f"the first {' or '.join(self.visits)} visit in the period that is asked about",
            "age": f"the day of reaching {self.years} years, in the period that is asked about",
            "diagnosis": f"the day on which the record first knows of {' or '.join(self.codes)}, "
            "in the period that is asked about",
        }[self.kind]


def _several(words: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else tuple(words)
