"""Time in the simulator: whole days since 1 January 1970, the 'day number'; NEVER is later than any of them."""

from datetime import date

import numpy as np

from lhs_helpers.errors import LHSError

NEVER = np.int32(2**30)
YEAR = 365.25


def day_number(when: str | date) -> int:
    """The day number of an ISO date."""
    try:
        when = date.fromisoformat(str(when)[:10])
    except ValueError:
        raise LHSError(f"'{when}' is not a date: write it as 2020-01-31.") from None
    return (when - date(1970, 1, 1)).days


def iso(day: int) -> str:
    """The ISO date of a day number."""
    return str(np.datetime64(int(day), "D"))


def january(year: int) -> int:
    """The day number of 1 January."""
    return (date(year, 1, 1) - date(1970, 1, 1)).days


def year_of(day: int) -> int:
    """The calendar year of a day number."""
    return int(str(np.datetime64(int(day), "D"))[:4])


def months(start: int, end: int) -> list[tuple[int, int]]:
    """The whole months between two firsts of a month, as (first day, first day of the next) pairs."""
    edges = np.arange(np.datetime64(start, "D").astype("M8[M]"), np.datetime64(end, "D").astype("M8[M]") + 1)
    days = edges.astype("M8[D]").astype(int).tolist()
    return list(zip(days[:-1], days[1:], strict=True))


def working_days(start: int, end: int) -> np.ndarray:
    """The day numbers from Monday to Friday among [start, end)."""
    days = np.arange(start, end, dtype=np.int32)
    return days[_weekday(days) < 5]


def next_working_day(day: np.ndarray) -> np.ndarray:
    """These days; of a Saturday or Sunday the Monday after it."""
    return day + (7 - _weekday(day)) * (_weekday(day) >= 5)


def _weekday(day: np.ndarray) -> np.ndarray:
    """0 for Monday: 1 January 1970 was a Thursday."""
    return (day + 3) % 7


def timestamps(day: np.ndarray, second: np.ndarray | int) -> np.ndarray:
    """Days and seconds of the day as datetime64[us]."""
    return ((day.astype(np.int64) * 86_400 + second) * 1_000_000).view("M8[us]")
