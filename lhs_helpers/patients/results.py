"""From the visits of a chart to what was measured and asked there: the observations of a record."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lhs_helpers.patients import measures
from lhs_helpers.patients.calendar import timestamps
from lhs_helpers.patients.care import FOLLOW_UP, WELLNESS, settings
from lhs_helpers.patients.measures import Bedside
from lhs_helpers.patients.scenarios import UnitChange
from lhs_helpers.patients.words import as_codes, as_words
from lhs_helpers.records.tables import conform

if TYPE_CHECKING:
    from lhs_helpers.patients.chart import Chart

SMOKING = "LOINC:72166-2"
SMOKING_WORDS = ("Never smoker", "Current every day smoker", "Former smoker")
STAGE = "LOINC:21908-9"
SKIPPED = 0.04  # a measurement of a panel that was not made or not kept: our estimate


def observations(chart: "Chart") -> pa.Table:
    """What was measured at each visit, measure by measure, and what was asked there."""
    return pa.concat_tables([_numbers(chart), _answers(chart)])


def _numbers(chart: "Chart") -> pa.Table:
    """Every measure of every panel made at a visit."""
    bed = Bedside(chart.world, chart.people, chart.visits.who, chart.visits.day, chart.visits.ordinal)
    rows = list(measures.table().itertuples())
    panels = {panel: _panel(chart, panel) for panel in settings()["panels"]}
    at, values = [], []
    for row in rows:
        made, bits = panels[row.panel]
        kept = made[(bits >> np.uint64(row.Index % 50)) % np.uint64(1000) >= np.uint64(1000 * SKIPPED)]
        at.append(kept)
        values.append(bed.measured(row, kept))
    counts, units = [kept.size for kept in at], sorted({row.unit for row in rows})
    code = np.repeat(np.arange(len(rows), dtype=np.int32), counts)
    unit = np.array([units.index(row.unit) for row in rows], np.int32)[code]
    value, visit, time = (
        np.concatenate(values),
        np.concatenate(at),
        np.concatenate([chart.time[kept] for kept in at]),
    )
    recorded = [
        (chart.time if row.panel == "vitals" else chart.results)[kept]
        for row, kept in zip(rows, at, strict=True)
    ]
    for change in chart.world.scenarios:
        if isinstance(change, UnitChange):
            moved = code == [row.code for row in rows].index(change.code)
            moved &= time >= timestamps(np.array(change.begins), 0)
            value[moved] = (value[moved] * change.factor).round(2)
            unit[moved], units = len(units), [*units, change.unit]
    codes = as_codes(chart.world, _codes(), code, time)
    return _table(
        chart, visit, time, np.concatenate(recorded), code=codes, value=value, unit=as_words(units, unit)
    )


def _answers(chart: "Chart") -> pa.Table:
    """What is written in words: smoking status, the stage of a cancer."""
    stages = [f"Stage {name}" for d in chart.world.diseases if d.stages for name in d.stages.names]
    (asked, smoking), (staged, stage) = _smoking(chart), _stages(chart)
    visit = np.concatenate([asked, staged])
    text = np.concatenate([smoking, stage + len(SMOKING_WORDS)])
    which = np.repeat([_codes().index(SMOKING), _codes().index(STAGE)], [asked.size, staged.size])
    code = as_codes(chart.world, _codes(), which, chart.time[visit])
    return _table(
        chart,
        visit,
        chart.time[visit],
        chart.time[visit],
        code=code,
        text=as_words([*SMOKING_WORDS, *stages], text),
    )


def _codes() -> list[str]:
    """The codes of all observations, in one order."""
    return [*measures.table().code, SMOKING, STAGE]


def _table(chart: "Chart", visit: np.ndarray, time: np.ndarray, recorded: np.ndarray, **columns) -> pa.Table:
    where = {"patient_id": chart.patient[visit], "encounter_id": chart.encounter[visit], "time": time}
    return conform("observations", pa.table(where | columns | {"recorded_at": recorded}))


def _panel(chart: "Chart", panel: str) -> tuple[np.ndarray, np.ndarray]:
    """Visits at which a panel is made (index), by kind of visit and known diagnoses; and bits that say what is kept."""
    visits = chart.visits
    chance = np.array(settings()["panels"][panel])[visits.kind]
    planned = visits.kind <= FOLLOW_UP
    for key, added in settings()["reasons"].items():
        if panel in added and key in chart.world.index:
            known = chart.people.diagnosed[chart.world.index[key], visits.who] <= visits.day
            chance = chance + added[panel] * (known & planned)
    if panel != "vitals":
        chance = (
            chance * np.where(chart.age < 18, 0.15, 1.0) * chart.world.site.tests
        )  # children: our estimate
    draws = chart.world.draws
    made = np.flatnonzero(draws.uniform(f"panel {panel}", chart.patient, chart.encounter) < chance)
    return made, draws.bits(f"kept {panel}", chart.patient[made], chart.encounter[made])


def _smoking(chart: "Chart") -> tuple[np.ndarray, np.ndarray]:
    """Smoking status, asked of adults at yearly checks: index of the visit and of the answer."""
    visits, people = chart.visits, chart.people
    index = np.flatnonzero((visits.kind == WELLNESS) & (chart.age >= 15))
    who, day = visits.who[index], visits.day[index]
    answer = np.where(people.smoke_start[who] > day, 0, np.where(people.smoke_quit[who] > day, 1, 2))
    return index, answer


def _stages(chart: "Chart") -> tuple[np.ndarray, np.ndarray]:
    parts, stages, offset = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for k, disease in enumerate(chart.world.diseases):
        if disease.stages:
            made = chart.at_diagnosis(k)
            parts.append(made)
            stages.append(chart.people.stage[k, chart.visits.who[made]] + offset)
            offset += len(disease.stages.names)
    return np.concatenate(parts), np.concatenate(stages)
