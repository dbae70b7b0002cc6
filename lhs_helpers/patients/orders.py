"""Orders at the door of a hospital: are they possible, and when is there room for them?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.patients.world import World


@dataclass
class Orders:
    """What a model or a guideline asked for: parallel arrays of patient, day number and code."""

    patient: np.ndarray
    day: np.ndarray
    code: np.ndarray

    def take(self, which: np.ndarray) -> "Orders":
        return Orders(self.patient[which], self.day[which], self.code[which])


def read_orders(world: World, frame: pd.DataFrame | None, waiting: list[list]) -> Orders:
    """Orders of a frame (patient_id, date, code), after those still `waiting` from before.

    Raises LHSError when a column is missing, or when nobody here can carry out a code.
    """
    frame = pd.DataFrame(columns=["patient_id", "date", "code"]) if frame is None else frame
    if missing := {"patient_id", "date", "code"} - set(frame):
        raise LHSError(
            f"The orders lack the columns {', '.join(sorted(missing))}; give patient_id, date and code."
        )
    known = {t.code for _, t in world.treatments} | {s.code for _, s in world.screenings}
    if unknown := set(frame.code) - known:
        raise LHSError(
            f"Nobody here can carry out {', '.join(sorted(unknown))}; orders may be {', '.join(sorted(known))}."
        )
    days = pd.to_datetime(frame.date).to_numpy().astype("M8[D]").astype(np.int64)
    patient, day, code = (list(column) for column in zip(*waiting, strict=True)) if waiting else ([], [], [])
    return Orders(
        np.concatenate([np.array(patient, np.int64), frame.patient_id.to_numpy().astype(np.int64)]),
        np.concatenate([np.array(day, np.int64), days]),
        np.concatenate([np.array(code, "U32"), frame.code.to_numpy().astype("U32")]),
    )


def queued(orders: Orders, capacity: dict[str, int]) -> Orders:
    """Orders moved to the first month that has room for them: first come, first served.

    `capacity` is how many orders of a code are carried out in a month; a code it lacks has no limit.
    """
    day = orders.day.copy()
    for code, per_month in capacity.items():
        rows = np.flatnonzero(orders.code == code)
        rows = rows[np.argsort(orders.day[rows], kind="stable")]
        month = day[rows].astype("M8[D]").astype("M8[M]")
        # Places are numbered through the months, per_month in each: the earliest that is free and not too early.
        place = np.arange(rows.size)
        place = place + np.maximum.accumulate(month.astype(np.int64) * per_month - place)
        served = (place // per_month).astype("M8[M]")
        first = served.astype("M8[D]").astype(np.int64)
        day[rows] = np.where(served > month, first, day[rows])
    return Orders(orders.patient, day, orders.code)
