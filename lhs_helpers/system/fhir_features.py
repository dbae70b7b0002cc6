"""From a prefetched FHIR record to one row of a release's features, by the rules of ``learning.features``.

The database makes the matrix a model learns from; here the same numbers come from one patient's resources in
milliseconds. A test holds the two against each other: a model must be asked what it was taught.
"""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import Task
from lhs_helpers.learning.features import UNKNOWN_AT_FIRST, YEAR_DAYS
from lhs_helpers.system import fhir
from lhs_helpers.system.fhir_events import (
    SEARCHES,
    URLS,
    Event,
    Refused,
    known_codes,
    read_events,
    time_of,
)

# Windows of features, in days before the index; None reaches as far back as the task looks.
Window = int | None


class FeatureReader:
    """Makes feature rows for one feature dictionary and task.

    Parameters
    ----------
    features : DataFrame
        The feature dictionary of a release.
    task : Task

    Raises
    ------
    LHSError
        For a feature that a FHIR record does not tell, such as insurance.
    """

    def __init__(self, features: pd.DataFrame, task: Task):
        self.task, self.names = task, list(features["name"])
        self.start = np.zeros(len(features), dtype=np.float32)
        self.start[features["statistic"].isin(UNKNOWN_AT_FIRST).to_numpy()] = np.nan
        self.start[(features["statistic"] == "missing").to_numpy()] = 1
        # Of each kind and code: the statistics wanted in each window, with their columns.
        self.numbers: dict[tuple[str, str], dict[Window, list[tuple[str, int]]]] = {}
        self.answers: dict[tuple[str, str], dict[str, int]] = {}
        self.person: dict[str, int] = {}
        self.units: dict[str, str] = {}
        for column, row in enumerate(features.itertuples(index=False)):
            if row.kind == "person":
                if row.code not in ("age", "sex"):
                    raise LHSError(
                        f"The feature {row.name!r} is not in a FHIR record as the service reads it; learn "
                        "a model without it (vocabulary with facts=('age', 'sex'))."
                    )
                self.person[row.code] = column
            elif row.statistic != "last is":
                window = getattr(row, "window_days", np.nan)
                window = None if pd.isna(window) else int(window)
                of_code = self.numbers.setdefault((row.kind, row.code), {})
                of_code.setdefault(window, []).append((row.statistic, column))
                if row.statistic not in ("ever", "count", "days since") and isinstance(row.unit, str):
                    self.units[row.code] = row.unit
            else:
                self.answers.setdefault((row.kind, row.code), {})[row.text] = column
        wanted = {code for _, code in [*self.numbers, *self.answers]}
        self.known = known_codes(wanted | {*task.target, *task.required, *task.excluded})
        kinds = {kind for kind, _ in [*self.numbers, *self.answers]} | {task.target_kind}
        anything = task.required or task.excluded  # these codes may be of any kind
        self.keys = [key for key, (made, _) in SEARCHES.items() if anything or kinds & set(made)]

    def templates(self) -> dict[str, str]:
        """The prefetch templates of the discovery answer: what is needed and no more."""
        searches = {key: SEARCHES[key][1] for key in self.keys}
        if "observations" in searches:
            codes = {code for kind, code in [*self.numbers, *self.answers] if kind == "observation"}
            known = [code.split(":", 1) for code in sorted(codes)]
            if all(system in URLS for system, _ in known):
                tokens = ",".join(f"{URLS[system]}|{code}" for system, code in known)
                searches["observations"] += f"&combo-code={tokens}"
        return {"patient": "Patient/{{context.patientId}}"} | searches

    def events(self, prefetch: fhir.Prefetch, patient_id: str) -> list[Event]:
        """The events of a prefetched record whose codes matter.

        Raises
        ------
        Refused
            When a bundle was not fetched (412), is one page of several, or holds another patient's resource.
        """
        return read_events(prefetch, self.keys, self.known, patient_id)

    def row(self, patient: fhir.Patient, events: list[Event], at: datetime) -> np.ndarray:
        """The features of a patient at the index time `at`: float32, in the order of the dictionary.

        Raises
        ------
        Refused
            When birth date or sex are missing, or a value comes in another unit than the model learned.
        """
        born = time_of(patient.birthDate)
        if born is None or patient.gender not in ("male", "female"):
            raise Refused(
                422, "The patient has no birthDate or no gender male or female; the model needs both."
            )
        until = at - timedelta(days=self.task.gap_days)
        since = until - timedelta(days=self.task.lookback_days)
        row = self.start.copy()
        person = {"age": (at - born).days / 365.25, "sex": patient.gender == "male"}
        for what, column in self.person.items():
            row[column] = person[what]
        seen: dict[tuple[str, str], list[Event]] = {}
        for event in events:
            if since <= event.time < until and event.recorded_at < until:
                seen.setdefault((event.kind, event.code), []).append(event)
        for what, here in seen.items():
            for window, wanted in self.numbers.get(what, {}).items():
                first = since if window is None else until - timedelta(days=window)
                inside = [event for event in here if event.time >= first]
                measured = [event for event in inside if event.value is not None]
                self._refuse_other_unit(measured)
                for statistic, column in wanted:
                    number = _number(statistic, inside, measured, at)
                    if number is not None:
                        row[column] = number
        for what, columns in self.answers.items():
            given = [event for event in seen.get(what, []) if event.text is not None]
            if given:
                latest = max(given, key=lambda event: (event.time, event.recorded_at, event.text))
                if latest.text in columns:
                    row[columns[latest.text]] = 1
        return row

    def concerns(self, patient: fhir.Patient, events: list[Event], at: datetime) -> str | None:
        """None when the task concerns this patient at `at`; otherwise why not."""
        if patient.deceasedBoolean or patient.deceasedDateTime is not None:
            return "has died"
        born = time_of(patient.birthDate)
        if born is not None:
            age = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
            if not self.task.min_age <= age <= self.task.max_age:
                return f"is not aged {self.task.min_age} to {self.task.max_age}"
        if self.task.sex is not None and patient.gender != self.task.sex:
            return f"is not {self.task.sex}"
        known = {event.code for event in events if event.recorded_at <= at}
        if self.task.required and not known & set(self.task.required):
            return "has none of the conditions that the model is for"
        if known & set(self.task.excluded):
            return "has a condition that the model is not for"
        if self.task.prior_outcome == "allow":
            return None
        target = any(
            event.kind == self.task.target_kind and event.code in self.task.target and event.recorded_at <= at
            for event in events
        )
        return "has the outcome on record" if target and self.task.target_kind != "death" else None

    def _refuse_other_unit(self, measured: list[Event]) -> None:
        for event in measured:
            expected = self.units.get(event.code)
            if expected is not None and event.unit != expected:
                raise Refused(
                    422,
                    f"{event.code} comes in {event.unit or 'no unit'}, and the model learned it in {expected}; "
                    "convert it, or the risk would be wrong without a sign of it.",
                )


def _number(statistic: str, events: list[Event], measured: list[Event], at: datetime) -> float | None:
    """One statistic of the events of a code in a window; None leaves what holds for those without any."""
    if statistic == "ever":
        return min(len(events), 1)
    if statistic == "count":
        return len(events)
    if statistic == "days since":
        return (at - max(event.time for event in events)) / timedelta(days=1) if events else None
    if not measured:
        return None
    if statistic == "last":
        return max(measured, key=lambda event: (event.time, event.recorded_at, event.value)).value
    if statistic == "missing":
        return 0
    values = [event.value for event in measured]
    if statistic == "slope":
        return _slope([event.time for event in measured], values)
    return sum(values) / len(values) if statistic == "mean" else {"min": min, "max": max}[statistic](values)


def _slope(times: list[datetime], values: list[float]) -> float | None:
    """Of a straight line through the values, a year; None when all were measured at once."""
    days = np.array([(time - times[0]) / timedelta(days=1) for time in times])
    if np.ptp(days) == 0:
        return None
    return float(np.cov(days, values, bias=True)[0, 1] / np.var(days) * YEAR_DAYS)
