"""What became of people in two groups, or in clinics that begin one after the other, as a record tells it."""

import pandas as pd

from lhs_helpers.patients.calendar import YEAR
from lhs_helpers.records.emr import EMR


def followed(emr: EMR, disease: str, since: str, until: str) -> pd.DataFrame:
    """What the record says became of everybody registered and alive on `since`, until `until` or until they leave.

    Index ``patient_id``; ``end`` (Timestamp), ``years`` of follow-up, ``diagnosed`` (time of the first diagnosis of
    `disease`, a code; NaT for none), ``died`` and ``died_with``: died after that diagnosis. A record has no causes of
    death: who dies *with* the disease need not have died *of* it.
    """
    first, last = pd.Timestamp(since), pd.Timestamp(until)
    people = emr.people.execute().set_index("patient_id").sort_index()
    entered = people["entered"] <= first
    here = entered & ~(people["death_time"] <= first) & ~(people["left_time"] <= first)
    people = people[here]
    end = people[["death_time", "left_time"]].min(axis=1).fillna(last).clip(upper=last)
    found = emr.conditions.filter(emr.conditions.code == disease)
    found = (
        found.group_by("patient_id")
        .aggregate(time=found.time.min())
        .execute()
        .set_index("patient_id")["time"]
    )
    found = found.reindex(people.index)
    died = (people["death_time"] <= end) & (people["death_time"] < last)
    years = (end - first).dt.total_seconds() / (86_400 * YEAR)
    table = pd.DataFrame({"end": end, "years": years, "diagnosed": found.where(found < last), "died": died})
    return table.assign(died_with=died & table["diagnosed"].notna())


def split_at(people: pd.DataFrame, since: str, until: str) -> pd.DataFrame:
    """The follow-up of `followed`, cut into calendar years.

    A row per person and year begun: ``patient_id``, ``year``, ``years`` lived in it, ``died_with``.
    """
    first, parts = pd.Timestamp(since), []
    for begin in pd.date_range(since, until, freq="YS")[:-1]:
        end = begin + pd.DateOffset(years=1)
        still = people[people["end"] > begin] if begin > first else people
        years = (still["end"].clip(upper=end) - begin).dt.total_seconds() / (86_400 * YEAR)
        dies = still["died_with"] & (still["end"] < end)
        part = pd.DataFrame({"year": begin.year, "years": years, "died_with": dies}).reset_index()
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
