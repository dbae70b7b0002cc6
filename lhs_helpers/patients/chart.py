"""From a shard's visits to the rows of its record: who wrote what, when, and when the record knew it."""

from functools import cache

import numpy as np
import pyarrow as pa

from lhs_helpers.patients import care, measures
from lhs_helpers.patients.calendar import NEVER, timestamps
from lhs_helpers.patients.care import EMERGENCY, FOLLOW_UP, INPATIENT, KINDS, WELLNESS, Visits, settings
from lhs_helpers.patients.measures import Bedside
from lhs_helpers.patients.people import EDUCATION, INSURANCE, RACES, SEXES, People
from lhs_helpers.patients.world import World

SMOKING = "LOINC:72166-2"
SMOKING_WORDS = ("Never smoker", "Current every day smoker", "Former smoker")
STAGE = "LOINC:21908-9"
RACE_WORDS = (
    "white",
    "white",
    "black",
    "asian",
    "other",
)  # Hispanic people are white with that ethnicity here
SKIPPED = 0.04  # a measurement of a panel that was not made or not kept: our estimate
DAY_SECONDS = 86_400


def concepts(world: World) -> pa.Table:
    """Every code that this hospital can write, with its meaning, unit and kind."""
    rows = [(k["code"], k["description"], None, "encounter") for k in settings()["kinds"].values()]
    rows += [(code, text, None, "condition") for code, text in care.reasons(world).items()]
    rows += [(r.code, r.description, r.unit, "observation") for r in measures.table().itertuples()]
    rows += [(SMOKING, "Tobacco smoking status NHIS", None, "observation")]
    rows += [(STAGE, "Stage group.clinical Cancer", None, "observation")]
    rows += [(t.code, t.description, None, t.kind) for _, t in world.treatments]
    rows += [(w.code, w.description, None, "procedure") for d in world.diseases for w in d.workup]
    rows += [(v["code"], v["description"], None, "immunization") for v in settings()["vaccines"].values()]
    code, description, unit, kind = zip(*dict.fromkeys(rows), strict=True)
    system = [c.split(":")[0] for c in code]
    return pa.table({"code": code, "system": system, "description": description, "unit": unit, "kind": kind})


class Chart:
    """The visits of one shard in one period, as tables. All times are known here; the rest is arithmetic."""

    def __init__(self, world: World, people: People, visits: Visits, site: str):
        self.world, self.people, self.visits, self.site = world, people, visits, site
        draws, ids, when = world.draws, people.id[visits.who], visits.day
        self.patient = ids
        month = when.astype("M8[D]").astype("M8[M]").astype(np.int64)
        self.encounter = (ids * 10_000 + month) * 1_000 + visits.ordinal
        hours = np.where(visits.kind >= EMERGENCY, 23.0, 8.5)
        opens = np.where(visits.kind >= EMERGENCY, 0.0, 8.0)
        second = ((opens + hours * draws.uniform("hour", ids, self.encounter)) * 3600).astype(np.int64)
        self.time = timestamps(when, second)
        minutes = np.array([settings()["kinds"][k]["minutes"] for k in KINDS])[visits.kind]
        minutes = minutes * (0.5 + draws.uniform("length", ids, self.encounter))
        end_of_life = timestamps(np.minimum(people.death[visits.who], NEVER), DAY_SECONDS - 1)
        self.stop = np.minimum(self.time + (minutes * 60).astype("m8[s]"), np.maximum(end_of_life, self.time))
        self.results = self.time + (4 + 40 * draws.uniform("results", ids, self.encounter)).astype("m8[h]")
        self.age = (when - people.birth[visits.who]) / 365.25
        self.reasons = list(care.reasons(world))

    def tables(self, start: int, end: int) -> dict[str, pa.Table]:
        """The record's tables for the period (day numbers)."""
        return {
            "patients": self._patients(start, end),
            "encounters": self._encounters(),
            "conditions": self._conditions(start, end),
            "observations": self._observations(start, end),
            "medications": self._medications(),
            "procedures": self._procedures(),
            "immunizations": self._immunizations(),
        }

    def _patients(self, start: int, end: int) -> pa.Table:
        """A row for everyone who enters, leaves or dies; the last row of a person is what is known."""
        people, parts = self.people, []
        resident = (people.entry < people.death) & (people.entry < people.left)
        for status, day in (("registered", people.entry), ("left", people.left), ("died", people.death)):
            happens = resident & (day >= start) & (day < end)
            if status == "left":
                happens &= people.left < people.death
            if status == "died":
                happens &= people.death < people.left
            who = np.flatnonzero(happens)
            late = (
                self.world.draws.uniform("death known", people.id[who]) * 20
                if status == "died"
                else np.zeros(who.size)
            )
            second = DAY_SECONDS - 1 if status == "died" else 0
            time = timestamps(day[who], second)
            parts.append((who, np.full(who.size, status), time, time + late.astype("m8[D]")))
        who, status, time, recorded = (np.concatenate([p[i] for p in parts]) for i in range(4))
        age = (time.astype("M8[D]").astype(int) - people.birth[who]) / 365.25
        insurance = np.where(age >= 65, INSURANCE.index("public"), people.insurance[who])
        return pa.table({
            "patient_id": people.id[who], "source_id": people.id[who].astype(str),
            "birth_date": pa.array(people.birth[who].astype("M8[D]")),
            "sex": _words(SEXES, people.sex[who]), "race": _words(RACE_WORDS, people.race[who]),
            "ethnicity": _words(("not hispanic", "hispanic"), people.race[who] == RACES.index("hispanic")),
            "education": _words(EDUCATION, people.education[who]), "insurance": _words(INSURANCE, insurance),
            "site": _words((self.site,), np.zeros(who.size)), "status": pa.array(status).dictionary_encode(),
            "time": time, "recorded_at": recorded,
        })  # fmt: skip

    def _encounters(self) -> pa.Table:
        kinds = [settings()["kinds"][k] for k in KINDS]
        kind = self.visits.kind
        return pa.table({
            "patient_id": self.patient, "encounter_id": self.encounter, "time": self.time, "stop": self.stop,
            "class": _words([k["class"] for k in kinds], kind), "code": _words([k["code"] for k in kinds], kind),
            "reason_code": _words(self.reasons, self.visits.reason),
            "site": _words((self.site,), np.zeros(kind.size)), "recorded_at": self.stop,
        })  # fmt: skip

    def _conditions(self, start: int, end: int) -> pa.Table:
        """Diagnoses made, complaints noted, and at the first visit what is known from before."""
        people, visits = self.people, self.visits
        parts = [np.flatnonzero(visits.kind >= care.SYMPTOM)]
        codes, times = [visits.reason[parts[0]]], [self.time[parts[0]]]
        first = self._first_visits()
        for k, disease in enumerate(self.world.diseases):
            code = self.reasons.index(disease.code)
            if disease.kind == "chronic":
                made = self._at_diagnosis(k)
                parts.append(made), codes.append(np.full(made.size, code)), times.append(self.time[made])
            elif disease.kind == "cancer":
                made = self._at_diagnosis(k)
                made = made[visits.reason[made] != code]
                parts.append(made), codes.append(np.full(made.size, code)), times.append(self.time[made])
            before = first[people.diagnosed[k, visits.who[first]] < people.entry[visits.who[first]]]
            parts.append(before), codes.append(np.full(before.size, code))
            times.append(timestamps(people.diagnosed[k, visits.who[before]], 12 * 3600))
        index, code, time = np.concatenate(parts), np.concatenate(codes), np.concatenate(times)
        ids = self.patient[index]
        return pa.table({
            "patient_id": ids, "encounter_id": self.encounter[index], "time": time, "code": _words(self.reasons, code),
            "status": _words(("active",), np.zeros(ids.size)), "recorded_at": self.time[index],
        })  # fmt: skip

    def _first_visits(self) -> np.ndarray:
        """Index of each person's first recorded visit ever, where it falls in this period."""
        visits = self.visits
        first = np.flatnonzero(visits.day == self.people.known[visits.who])
        order = np.lexsort((visits.ordinal[first], visits.who[first]))
        first = first[order]
        return first[np.unique(visits.who[first], return_index=True)[1]]

    def _at_diagnosis(self, k: int) -> np.ndarray:
        """Index of the visit at which each new diagnosis of disease k was made."""
        visits = self.visits
        made = np.flatnonzero(visits.day == self.people.diagnosed[k, visits.who])
        return made[np.unique(visits.who[made], return_index=True)[1]]

    def _at_event(self, k: int) -> np.ndarray:
        """Index of the visits that events of disease k caused."""
        return np.flatnonzero(self.visits.ordinal == care.ORDINAL["disease"] + k)

    def _medications(self) -> pa.Table:
        """A prescription at the visit that starts a drug, and at each planned visit and stay while it is taken."""
        visits, parts, codes, reasons = self.visits, [], [], []
        for j, (k, treatment) in enumerate(self.world.treatments):
            if treatment.kind == "medication" and treatment.short:
                index = self._at_event(k)
                u = self.world.draws.uniform(
                    f"given {treatment.code}", self.patient[index], visits.day[index]
                )
                parts.append(index[u < treatment.share])
            elif treatment.kind == "medication":
                given = self.people.started[j, visits.who]
                planned = np.isin(visits.kind, (WELLNESS, FOLLOW_UP, INPATIENT))
                parts.append(np.flatnonzero((given == visits.day) | ((given < visits.day) & planned)))
            else:
                continue
            codes.append(np.full(parts[-1].size, j))
            reasons.append(np.full(parts[-1].size, self.reasons.index(self.world.diseases[k].code)))
        index, code, reason = np.concatenate(parts), np.concatenate(codes), np.concatenate(reasons)
        return pa.table({
            "patient_id": self.patient[index], "encounter_id": self.encounter[index], "time": self.time[index],
            "code": _words([t.code for _, t in self.world.treatments], code),
            "status": _words(("start",), np.zeros(index.size)), "reason_code": _words(self.reasons, reason),
            "recorded_at": self.time[index],
        })  # fmt: skip

    def _procedures(self) -> pa.Table:
        """The work-up of each new diagnosis, and treatments that are procedures."""
        visits, parts, codes, reasons, known = self.visits, [], [], [], []
        for k, disease in enumerate(self.world.diseases):
            made = self._at_event(k) if disease.kind == "event" else self._at_diagnosis(k)
            todo = [(w.code, made, w.share) for w in disease.workup]
            for j, (of, treatment) in enumerate(self.world.treatments):
                if of == k and treatment.kind == "procedure":
                    todo.append((treatment.code, made[self.people.started[j, visits.who[made]] < NEVER], 1.0))
            for code, at, share in todo:
                done = at[self.world.draws.uniform(f"done {code}", self.patient[at], visits.day[at]) < share]
                parts.append(done), codes.append(np.full(done.size, len(known)))
                reasons.append(np.full(done.size, self.reasons.index(disease.code)))
                known.append(code)
        index = np.concatenate(parts)
        return pa.table({
            "patient_id": self.patient[index], "encounter_id": self.encounter[index], "time": self.time[index],
            "code": _words(known, np.concatenate(codes)), "reason_code": _words(self.reasons, np.concatenate(reasons)),
            "recorded_at": self.time[index],
        })  # fmt: skip

    def _immunizations(self) -> pa.Table:
        vaccine = settings()["vaccines"]["influenza"]
        visits = self.visits
        month = self.time.astype("M8[M]").astype(int) % 12 + 1
        year = self.time.astype("M8[Y]").astype(int)
        season = np.isin(month, vaccine["months"]) & (visits.kind <= FOLLOW_UP)
        willing = self.world.draws.uniform("vaccine", self.patient, year) < vaccine["share"]
        index = np.flatnonzero(season & willing)
        index = index[np.unique(self.patient[index] * 1000 + year[index], return_index=True)[1]]
        return pa.table({
            "patient_id": self.patient[index], "encounter_id": self.encounter[index], "time": self.time[index],
            "code": _words((vaccine["code"],), np.zeros(index.size)), "recorded_at": self.time[index],
        })  # fmt: skip

    def _observations(self, start: int, end: int) -> pa.Table:
        """Every measure of every panel made at a visit, measure by measure."""
        bed = Bedside(self.world, self.people, self.visits.who, self.visits.day, self.visits.ordinal)
        rows = list(measures.table().itertuples())
        panels = {panel: self._panel(panel) for panel in settings()["panels"]}
        index, values = [], []
        for row in rows:
            made = panels[row.panel]
            bits = self.world.draws.bits(f"kept {row.panel}", self.patient[made], self.encounter[made])
            kept = made[(bits >> np.uint64(row.Index % 50)) % np.uint64(1000) >= np.uint64(1000 * SKIPPED)]
            index.append(kept)
            values.append(bed.measured(row, kept))
        counts = [i.size for i in index]
        texts = [self._smoking(), self._stages()]
        all_codes = [r.code for r in rows] + [SMOKING, STAGE]
        units = sorted({r.unit for r in rows})
        unit = np.repeat([units.index(r.unit) for r in rows], counts)
        code = np.repeat(np.arange(len(all_codes)), counts + [t[0].size for t in texts])
        late = np.concatenate([np.full(c, r.panel != "vitals") for r, c in zip(rows, counts, strict=True)])
        words = [
            *SMOKING_WORDS,
            *(f"Stage {s}" for d in self.world.diseases if d.stages for s in d.stages.names),
        ]
        number, extra = int(np.sum(counts)), sum(t[0].size for t in texts)
        where = np.concatenate(index + [t[0] for t in texts])
        time = self.time[where]
        recorded = np.where(np.concatenate([late, np.zeros(extra, bool)]), self.results[where], time)
        text = np.concatenate([np.full(number, -1), texts[0][1], texts[1][1] + len(SMOKING_WORDS)])
        value = pa.array(np.concatenate([*values, np.zeros(extra)]), mask=np.arange(number + extra) >= number)
        return pa.table({
            "patient_id": self.patient[where], "encounter_id": self.encounter[where], "time": time,
            "code": _words(all_codes, code), "value": value, "text": _words(words, text),
            "unit": _words(units, np.concatenate([unit, np.full(extra, -1)])), "recorded_at": recorded,
        })  # fmt: skip

    def _panel(self, panel: str) -> np.ndarray:
        """Index of the visits at which a panel is made: by kind of visit, and for known diagnoses."""
        visits = self.visits
        chance = np.array(settings()["panels"][panel])[visits.kind]
        planned = visits.kind <= FOLLOW_UP
        for key, added in settings()["reasons"].items():
            if panel in added and key in self.world.index:
                known = self.people.diagnosed[self.world.index[key], visits.who] <= visits.day
                chance = chance + added[panel] * (known & planned)
        if panel != "vitals":
            chance = chance * np.where(self.age < 18, 0.15, 1.0)  # children: our estimate
        return np.flatnonzero(
            self.world.draws.uniform(f"panel {panel}", self.patient, self.encounter) < chance
        )

    def _smoking(self) -> tuple[np.ndarray, np.ndarray]:
        """Smoking status, asked of adults at yearly checks: index of the visit and of the answer."""
        visits, people = self.visits, self.people
        index = np.flatnonzero((visits.kind == WELLNESS) & (self.age >= 15))
        who, day = visits.who[index], visits.day[index]
        answer = np.where(people.smoke_start[who] > day, 0, np.where(people.smoke_quit[who] > day, 1, 2))
        return index, answer

    def _stages(self) -> tuple[np.ndarray, np.ndarray]:
        parts, stages, offset = [], [], 0
        for k, disease in enumerate(self.world.diseases):
            if disease.stages:
                made = self._at_diagnosis(k)
                parts.append(made)
                stages.append(self.people.stage[k, self.visits.who[made]] + offset)
                offset += len(disease.stages.names)
        return np.concatenate(parts), np.concatenate(stages)


@cache
def _dictionary(words: tuple[str, ...]) -> pa.Array:
    return pa.array(words, pa.string())


def _words(words, index: np.ndarray) -> pa.DictionaryArray:
    """Indices into a list of words as an Arrow dictionary; an index below 0 is null.

    A word that stands twice in the list is stored once: Parquet gives up on dictionaries with doubles.
    """
    index, unique = np.asarray(index).astype(np.int32), tuple(dict.fromkeys(words))
    if len(unique) < len(words):
        index = np.where(index < 0, -1, np.array([unique.index(w) for w in words], np.int32)[index])
    return pa.DictionaryArray.from_arrays(pa.array(index, mask=index < 0), _dictionary(unique))
