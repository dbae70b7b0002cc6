"""One shard's people as a struct of arrays: one NumPy array per attribute, one entry per person."""

import os
from pathlib import Path

import numpy as np

from lhs_helpers.patients.calendar import NEVER, YEAR

SEXES = ("female", "male")
RACES = ("white", "hispanic", "black", "asian", "other")
EDUCATION = ("below high school", "high school", "some college", "college degree")
INSURANCE = ("private", "public", "none")


class People:
    """Arrays that share their last axis: people. `people.birth`, `people.onset[k]` (disease k), ...

    Columns (days are day numbers, NEVER when it has not happened):
    id, birth, entry (joins the catchment), left, death int32 days except id int64; sex, race, education,
    insurance,
    cause (index of the disease that killed, -1 other) int8; smoke_start, smoke_quit; cigarettes per day;
    z, za, zb (course, person): the person-specific courses; attends (relative frequency of visits);
    frailty (disease, person); need (disease, person): hazard still to be lived through before onset; onset,
    diagnosed (disease, person); surfaces (disease, person): when a hidden disease will show itself; stage;
    doom, doom_cause: death already decided by a disease; survive: other-cause hazard still to be lived
    through; started, keeps (treatment, person): the day it began, and how many
    days it is taken; known: the day of the first recorded visit; scan
    (screening, person): the day of the latest test that was agreed on.
    """

    def __init__(self, columns: dict[str, np.ndarray]):
        self.__dict__.update(columns)

    @property
    def columns(self) -> dict[str, np.ndarray]:
        return dict(self.__dict__)

    def __len__(self) -> int:
        return self.id.size

    def alive(self, day: int) -> np.ndarray:
        """Born and not dead on this day: a boolean per person."""
        return (self.birth <= day) & (self.death > day)

    def present(self, day: int) -> np.ndarray:
        """Alive and living in the catchment on this day."""
        return self.alive(day) & (self.entry <= day) & (self.left > day)

    def age(self, day: int | np.ndarray) -> np.ndarray:
        """Age in years (float; negative before birth)."""
        return (day - self.birth) / YEAR

    def take(self, who: np.ndarray) -> "People":
        """The people of an index or mask, each attribute's entries side by side in memory."""
        index = np.flatnonzero(who) if who.dtype == bool else who
        return People({name: column.take(index, axis=-1) for name, column in self.columns.items()})

    def put(self, who: np.ndarray, others: "People") -> None:
        """Replace the people of an index by others, in place."""
        for name, column in others.columns.items():
            mine = getattr(self, name)
            for row, new in zip(np.atleast_2d(mine), np.atleast_2d(column), strict=True):
                row[who] = new

    def join(self, others: "People") -> "People":
        """These people, then the others."""
        mine, theirs = self.columns, others.columns
        return People({name: np.concatenate([mine[name], theirs[name]], axis=-1) for name in mine})

    def save(self, path: Path, **scalars: np.ndarray) -> None:
        """Write to one file: a temporary name first, then renamed, so that a killed run leaves no half file."""
        temporary = path.with_suffix(".tmp")
        with open(temporary, "wb") as file:
            np.savez(file, **self.columns, **scalars)
        os.replace(temporary, path)


def never(*shape: int) -> np.ndarray:
    """An int32 array of NEVER."""
    return np.full(shape, NEVER, np.int32)
