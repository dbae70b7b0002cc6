"""Predictions become orders: whom the model in use would call, how many there is room for, and who answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import split_people
from lhs_helpers.learning.intervals import wilson

ORDERS = ["patient_id", "date", "code", "risk", "cycle"]


@dataclass(frozen=True)
class Acting:
    """What follows from a risk.

    Attributes
    ----------
    code : str
        What is ordered: the code of a drug, a procedure or a screening test of a disease file.
    threshold : float, optional
        Order from this risk on.
    capacity : int, optional
        Orders in a cycle at most; the highest risks come first.
    rest_days : int
        Who had an order is not asked again for so long.
    hold_back : float
        Share of the people for whom nothing is ever ordered, drawn once: among them the records stay as they would
        be without the model.

    Raises
    ------
    LHSError
        Without a threshold and a capacity everybody would get an order.
    """

    code: str
    threshold: float | None = None
    capacity: int | None = None
    rest_days: int = 0
    hold_back: float = 0.0

    def __post_init__(self) -> None:
        if self.threshold is None and self.capacity is None:
            raise LHSError(f"Acting with {self.code}: give a threshold, a capacity, or both.")
        if self.capacity is not None and self.capacity < 0:
            raise LHSError(f"Acting with {self.code}: the capacity is {self.capacity}; give 0 or more.")

    def orders(
        self, people: pd.DataFrame, risks: np.ndarray, before: pd.DataFrame, cycle: int, seed: int
    ) -> pd.DataFrame:
        """Orders (`ORDERS`) for a cohort of today and its risks, given the orders made before."""
        asked = people[["patient_id", "index_time"]].assign(risk=risks)
        if self.hold_back:
            asked = split_people(asked, self.hold_back, seed + 1)[1]
        if self.threshold is not None:
            asked = asked[asked["risk"] >= self.threshold]
        if len(before) and self.rest_days and len(asked):
            since = asked["index_time"].iloc[0] - pd.Timedelta(days=self.rest_days)
            asked = asked[~asked["patient_id"].isin(before.loc[before["date"] > since, "patient_id"])]
        # Equal risks: the lower patient_id first, so that the list is the same everywhere.
        asked = asked.sort_values(["risk", "patient_id"], ascending=[False, True])
        asked = asked if self.capacity is None else asked.head(self.capacity)
        made = asked.rename(columns={"index_time": "date"}).assign(code=self.code, cycle=cycle)
        return made[ORDERS].reset_index(drop=True)


def no_orders() -> pd.DataFrame:
    """A frame of orders without a row."""
    kinds = {
        "patient_id": "int64",
        "date": "datetime64[us]",
        "code": "str",
        "risk": "float64",
        "cycle": "int64",
    }
    return pd.DataFrame({column: pd.Series(dtype=kind) for column, kind in kinds.items()})


def answers(journal: Path | str, read_before: Sequence[int]) -> tuple[pd.DataFrame, list[int]]:
    """What came into the service's log since it was last read: cards, and what clinicians made of them.

    An answer counts in the cycle in which it came, also to a card of an earlier one; of several to a card the last.

    Parameters
    ----------
    journal : folder of the service's log
    read_before : how many calls and how many answers had been read

    Returns
    -------
    DataFrame, list of int
        Measures *alert rate shown* (cards a call) and *overridden* (share of the answered), with Wilson intervals,
        ``people`` and ``events`` (calls and cards; cards and answers); and how many calls and answers have been
        read now.
    """
    from lhs_helpers.system.feedback import read_feedback, read_risks

    calls, said = read_risks(journal), read_feedback(journal)
    new, came = calls.iloc[read_before[0] :], said.iloc[read_before[1] :]
    cards, shown = new["card"].dropna(), calls["card"].dropna()
    given = came[came["card"].isin(shown)].drop_duplicates("card", keep="last")["outcome"]
    overridden = int((given == "overridden").sum())
    rows = {
        "alert rate shown": (len(cards), len(new), len(new), len(cards)),
        "overridden": (overridden, len(given), len(cards), len(given)),
    }
    table = {}
    for measure, (counted, of, people, events) in rows.items():
        low, high = wilson(counted, of)
        estimate = counted / of if of else np.nan
        table[measure] = {"estimate": estimate, "low": float(low), "high": float(high)}
        table[measure] |= {"people": people, "events": events}
    return pd.DataFrame(table).T.astype({"people": int, "events": int}), [len(calls), len(said)]
