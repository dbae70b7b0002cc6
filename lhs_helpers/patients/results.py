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

if TYPE_CHECKING:
    from lhs_helpers.patients.chart import Chart

SMOKING = "LOINC:72166-2"
SMOKING_WORDS = ("Never smoker", "Current every day smoker", "Former smoker")
STAGE = "LOINC:21908-9"
SKIPPED = 0.04  # a measurement of a panel that was not made or not kept: our estimate


def observations(chart: "Chart") -> pa.Table:
    """Every measure of every panel made at a visit, measure by measure."""
    bed = Bedside(chart.world, chart.people, chart.visits.who, chart.visits.day, chart.visits.ordinal)
    rows = list(measures.table().itertuples())
    panels = {panel: _panel(chart, panel) for panel in settings()["panels"]}
    index, values = [], []
    for row in rows:
        made = panels[row.panel]
        bits = chart.world.draws.bits(f"kept {row.panel}", chart.patient[made], chart.encounter[made])
        kept = made[(bits >> np.uint64(row.Index % 50)) % np.uint64(1000) >= np.uint64(1000 * SKIPPED)]
        index.append(kept)
        values.append(bed.measured(row, kept))
    counts = [i.size for i in index]
    texts = [_smoking(chart), _stages(chart)]
    all_codes = [r.code for r in rows] + [SMOKING, STAGE]
    units = sorted({r.unit for r in rows})
    unit = np.repeat([units.index(r.unit) for r in rows], counts)
    code = np.repeat(np.arange(len(all_codes)), counts + [t[0].size for t in texts])
    late = np.concatenate([np.full(c, r.panel != "vitals") for r, c in zip(rows, counts, strict=True)])
    words = [
        *SMOKING_WORDS,
        *(f"Stage {s}" for d in chart.world.diseases if d.stages for s in d.stages.names),
    ]
    number, extra = int(np.sum(counts)), sum(t[0].size for t in texts)
    where = np.concatenate(index + [t[0] for t in texts])
    time, values, unit = (
        chart.time[where],
        np.concatenate([*values, np.zeros(extra)]),
        np.concatenate([unit, np.full(extra, -1)]),
    )
    for change in chart.world.scenarios:
        if isinstance(change, UnitChange):
            moved = (code == all_codes.index(change.code)) & (time >= timestamps(np.array(change.begins), 0))
            values[moved] = (values[moved] * change.factor).round(2)
            unit[moved], units = len(units), [*units, change.unit]
    recorded = np.where(np.concatenate([late, np.zeros(extra, bool)]), chart.results[where], time)
    text = np.concatenate([np.full(number, -1), texts[0][1], texts[1][1] + len(SMOKING_WORDS)])
    value = pa.array(values, mask=np.arange(number + extra) >= number)
    return pa.table({
        "patient_id": chart.patient[where], "encounter_id": chart.encounter[where], "time": time,
        "code": as_codes(chart.world, all_codes, code, time), "value": value, "text": as_words(words, text),
        "unit": as_words(units, unit), "recorded_at": recorded,
    })  # fmt: skip


def _panel(chart: "Chart", panel: str) -> np.ndarray:
    """Index of the visits at which a panel is made: by kind of visit, and for known diagnoses."""
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
    return np.flatnonzero(
        chart.world.draws.uniform(f"panel {panel}", chart.patient, chart.encounter) < chance
    )


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
