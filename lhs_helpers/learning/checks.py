"""Sentences for people and columns that no features can be made of."""

import pandas as pd

from lhs_helpers.errors import LHSError

STATISTICS = (
    "ever",
    "count",
    "days since",
    "last",
    "mean",
    "min",
    "max",
    "slope",
    "missing",
    "last is",
)
FACT_STATISTICS = ("value", "is")
NEVER = {
    "death": "that somebody died is known only when there is nothing left to predict",
    "left": "that somebody left is known only when nobody is followed any more",
}


def check_people(cohort: pd.DataFrame) -> None:
    """Raise an LHSError for a cohort that is empty, lacks a column or has index dates that can not be used."""
    if cohort.empty:
        raise LHSError("The cohort is empty, so there is nobody to make features for.")
    missing = [name for name in ("patient_id", "index_time") if name not in cohort]
    if missing:
        raise LHSError(f"The cohort has no column {missing[0]!r}; pass people as `cohort` returns them.")
    times = cohort["index_time"]
    if not pd.api.types.is_datetime64_any_dtype(times):
        raise LHSError(f"The column 'index_time' of the cohort holds {times.dtype}; expected are times.")
    if times.dt.tz is not None:
        raise LHSError(
            f"The column 'index_time' of the cohort has the time zone {times.dt.tz}; the record's times have "
            "none. Take it off: index_time.dt.tz_localize(None)."
        )
    if times.isna().any():
        raise LHSError(f"{times.isna().sum():,} people of the cohort have no index time; leave them out.")


def check_columns(vocabulary: pd.DataFrame) -> None:
    """Raise an LHSError for columns that are not known, are named twice, or would leak."""
    for column in vocabulary.itertuples():
        if column.kind in NEVER:
            raise LHSError(f"The column {column.name!r} is about {column.kind}: {NEVER[column.kind]}.")
        allowed = FACT_STATISTICS if column.kind == "person" else STATISTICS
        if column.statistic not in allowed:
            raise LHSError(
                f"The column {column.name!r} asks for the statistic {column.statistic!r}; "
                f"of a {column.kind} it is one of {', '.join(allowed)}."
            )
    twice = vocabulary["name"][vocabulary["name"].duplicated()]
    if len(twice):
        raise LHSError(f"Two columns have the name {twice.iloc[0]!r}; give each its own.")
