"""From a shard's visits to the rows of its record: who wrote what, when, and when the record knew it."""

from zlib import crc32

import numpy as np
import pyarrow as pa

from lhs_helpers.patients import care, life, measures, results, screening
from lhs_helpers.patients.calendar import NEVER, timestamps
from lhs_helpers.patients.care import EMERGENCY, FOLLOW_UP, INPATIENT, KINDS, WELLNESS, Visits, settings
from lhs_helpers.patients.moment import taking
from lhs_helpers.patients.people import EDUCATION, INSURANCE, RACES, SEXES, People
from lhs_helpers.patients.scenarios import CodeReplaced, UnitChange
from lhs_helpers.patients.words import as_codes, as_words
from lhs_helpers.patients.world import World

RACE_WORDS = (
    "white",
    "white",
    "black",
    "asian",
    "other",
)  # Hispanic people are white with that ethnicity here
DAY_SECONDS = 86_400
STATUS = ("start", "stop")  # of a drug


def concepts(world: World) -> pa.Table:
    """Every code that this hospital can write, with its meaning, unit and kind."""
    rows = [(k["code"], k["description"], None, "encounter") for k in settings()["kinds"].values()]
    rows += [(code, text, None, "condition") for code, text in care.reasons(world).items()]
    rows += [(r.code, r.description, r.unit, "observation") for r in measures.table().itertuples()]
    rows += [(results.SMOKING, "Tobacco smoking status NHIS", None, "observation")]
    rows += [(results.STAGE, "Stage group.clinical Cancer", None, "observation")]
    rows += [(t.code, t.description, None, t.kind) for _, t in world.treatments]
    rows += [(w.code, w.description, None, "procedure") for d in world.diseases for w in d.workup]
    for _, test in world.screenings:
        done = [(test.code, test.description), (test.follow_up, test.follow_up_description)]
        rows += [
            (c, text, None, "procedure") for c, text in [*done, (test.invasive, test.invasive_description)]
        ]
    rows += [(v["code"], v["description"], None, "immunization") for v in settings()["vaccines"].values()]
    meant = {row[0]: row for row in rows}
    for change in world.scenarios:
        if isinstance(change, CodeReplaced):
            rows.append((change.new, change.description, *meant[change.old][2:]))
        elif isinstance(change, UnitChange):
            rows.append((change.code, meant[change.code][1], change.unit, "observation"))
    code, description, unit, kind = zip(*dict.fromkeys(rows), strict=True)
    system = [c.split(":")[0] for c in code]
    return pa.table({"code": code, "system": system, "description": description, "unit": unit, "kind": kind})


class Chart:
    """The visits of one shard in one period, as tables. All times are known here; the rest is arithmetic."""

    def __init__(self, world: World, people: People, visits: Visits):
        self.world, self.people, self.visits, self.site = world, people, visits, world.site.name
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
            "observations": results.observations(self),
            "medications": self._medications(start, end),
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
            "sex": as_words(SEXES, people.sex[who]), "race": as_words(RACE_WORDS, people.race[who]),
            "ethnicity": as_words(("not hispanic", "hispanic"), people.race[who] == RACES.index("hispanic")),
            "education": as_words(EDUCATION, people.education[who]), "insurance": as_words(INSURANCE, insurance),
            "site": as_words((self.site,), np.zeros(who.size)), "status": pa.array(status).dictionary_encode(),
            "time": time, "recorded_at": recorded,
        })  # fmt: skip

    def _encounters(self) -> pa.Table:
        kinds = [settings()["kinds"][k] for k in KINDS]
        kind = self.visits.kind
        return pa.table({
            "patient_id": self.patient, "encounter_id": self.encounter, "time": self.time, "stop": self.stop,
            "class": as_words([k["class"] for k in kinds], kind), "code": as_words([k["code"] for k in kinds], kind),
            "reason_code": as_words(self.reasons, self.visits.reason),
            "site": as_words((self.site,), np.zeros(kind.size)), "recorded_at": self.stop,
        })  # fmt: skip

    def _conditions(self, start: int, end: int) -> pa.Table:
        """Diagnoses made, complaints noted, and at the first visit what is known from before."""
        people, visits = self.people, self.visits
        parts = [np.flatnonzero(visits.kind >= care.SYMPTOM)]
        codes, times = [visits.reason[parts[0]]], [self.time[parts[0]]]
        first = self._first_visits()
        for k, disease in enumerate(self.world.diseases):
            code = self.reasons.index(disease.code)
            if disease.kind in care.SLOW:
                made = self.at_diagnosis(k)
                parts.append(made), codes.append(np.full(made.size, code)), times.append(self.time[made])
            elif disease.kind == "cancer":
                made = self.at_diagnosis(k)
                made = made[visits.reason[made] != code]
                parts.append(made), codes.append(np.full(made.size, code)), times.append(self.time[made])
            if disease.type:
                made = self._at_event(k) if disease.kind == "event" else self.at_diagnosis(k)
                day = visits.day[made] if disease.kind == "event" else 0
                types = np.array([self.reasons.index(t.code) for t in disease.type])
                parts.append(made), times.append(self.time[made])
                codes.append(types[life.type_of(self.world, k, self.patient[made], day)])
            if disease.kind == "event" and not disease.recurrence and all(t.short for t in disease.treatment):
                continue  # nobody tells a new doctor of the colds of a life
            before = first[people.diagnosed[k, visits.who[first]] < people.entry[visits.who[first]]]
            parts.append(before), codes.append(np.full(before.size, code))
            times.append(timestamps(people.diagnosed[k, visits.who[before]], 12 * 3600))
        for s, (_, test) in enumerate(self.world.screenings):
            at, shown = self._scanned(s)
            parts.append(at[shown.harmed]), times.append(self.time[parts[-1]])
            codes.append(np.full(parts[-1].size, self.reasons.index(test.complication)))
        index, code, time = np.concatenate(parts), np.concatenate(codes), np.concatenate(times)
        index, code, time = self._written_down(index, code, time)
        ids = self.patient[index]
        return pa.table({
            "patient_id": ids, "encounter_id": self.encounter[index], "time": time,
            "code": as_codes(self.world, self.reasons, code, self.time[index]),
            "status": as_words(("active",), np.zeros(ids.size)), "recorded_at": self.time[index],
        })  # fmt: skip

    def _written_down(self, index: np.ndarray, code: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, ...]:
        """Not every diagnosis is recorded everywhere: the site says for whom how many are."""
        if not self.world.site.recorded:
            return index, code, time
        share = self.world.site.share_recorded(self.people, self.visits.who[index])
        what = np.array([crc32(reason.encode()) for reason in self.reasons])[code]
        u = self.world.draws.uniform("written down", self.patient[index], self.encounter[index] ^ what)
        kept = u < share
        return index[kept], code[kept], time[kept]

    def _scanned(self, s: int) -> tuple[np.ndarray, screening.Results]:
        """Index of the visits for screening test s, and what it showed."""
        at = np.flatnonzero(self.visits.ordinal == care.ORDINAL["scan"] + s)
        return at, screening.results(self.world, self.people, s, self.visits.who[at], self.visits.day[at])

    def _first_visits(self) -> np.ndarray:
        """Index of each person's first recorded visit ever, where it falls in this period."""
        visits = self.visits
        first = np.flatnonzero(visits.day == self.people.known[visits.who])
        order = np.lexsort((visits.ordinal[first], visits.who[first]))
        first = first[order]
        return first[np.unique(visits.who[first], return_index=True)[1]]

    def at_diagnosis(self, k: int) -> np.ndarray:
        """Index of the visit at which each new diagnosis of disease k was made."""
        visits = self.visits
        made = np.flatnonzero(visits.day == self.people.diagnosed[k, visits.who])
        # Of several visits on that day, the one that the disease itself brought; else the earliest.
        other = visits.ordinal[made] != care.ORDINAL["disease"] + self.world.numbers[k]
        made = made[np.lexsort((self.time[made], other))]
        return made[np.unique(visits.who[made], return_index=True)[1]]

    def _earliest(self, index: np.ndarray, *, latest: bool = False) -> np.ndarray:
        """Of the visits of `index` the earliest of each person (or the latest), in the order of people."""
        order = np.argsort(self.time[index], kind="stable")
        index = index[order[::-1] if latest else order]
        return index[np.unique(self.visits.who[index], return_index=True)[1]]

    def _at_event(self, k: int) -> np.ndarray:
        """Index of the visits that events of disease k caused."""
        return np.flatnonzero(self.visits.ordinal == care.ORDINAL["disease"] + self.world.numbers[k])

    def _medications(self, start: int, end: int) -> pa.Table:
        """Prescriptions, and what patients say they have stopped."""
        return pa.concat_tables([self._prescriptions(), self._stops(start, end)])

    def _prescriptions(self) -> pa.Table:
        """A prescription at the visit that starts a drug, and at each planned visit and stay while it is taken."""
        visits, parts, codes, reasons = self.visits, *([np.empty(0, np.int64)] for _ in range(3))
        planned = np.flatnonzero(np.isin(visits.kind, (WELLNESS, FOLLOW_UP, INPATIENT)))
        who, day = visits.who[planned], visits.day[planned]
        for j, (k, treatment) in enumerate(self.world.treatments):
            if treatment.kind == "medication" and treatment.short:
                index = self._at_event(k)
                u = self.world.draws.uniform(
                    f"given {treatment.code}", self.patient[index], visits.day[index]
                )
                parts.append(index[u < treatment.share])
            elif treatment.kind == "medication":
                # On its first day a drug is prescribed last, after whatever visit of that day told why.
                begun = np.flatnonzero(self.people.started[j, visits.who] == visits.day)
                begun = self._earliest(begun, latest=True)
                goes_on = (self.people.started[j, who] < day) & taking(self.people, [j], day, who)
                parts.append(np.concatenate([begun, planned[goes_on]]))
            else:
                continue
            codes.append(np.full(parts[-1].size, j))
            reasons.append(np.full(parts[-1].size, self.reasons.index(self.world.diseases[k].code)))
        index, code, reason = np.concatenate(parts), np.concatenate(codes), np.concatenate(reasons)
        index, code, reason = self._once(index, code, reason)
        return pa.table({
            "patient_id": self.patient[index], "encounter_id": self.encounter[index], "time": self.time[index],
            "code": as_codes(self.world, [t.code for _, t in self.world.treatments], code, self.time[index]),
            "status": as_words(STATUS, np.zeros(index.size)), "reason_code": as_words(self.reasons, reason),
            "recorded_at": self.time[index],
        })  # fmt: skip

    def _stops(self, start: int, end: int) -> pa.Table:
        """Drugs that were started here, and that nobody takes any more; no visit is needed to know it."""
        people, codes = self.people, [t.code for _, t in self.world.treatments]
        parts = [(np.empty(0, np.int64), np.empty(0, np.int32), 0, 0)]
        for j, (k, treatment) in enumerate(self.world.treatments):
            if (
                treatment.kind != "medication"
                or treatment.short
                or people.keeps[j].min(initial=NEVER) == NEVER
            ):
                continue
            stop = people.started[j] + np.maximum(people.keeps[j], 1)
            here = (stop >= start) & (stop < np.minimum(end, np.minimum(people.left, people.death)))
            who = np.flatnonzero(here & (people.started[j] >= people.known))
            others = [i for i, code in enumerate(codes) if code == treatment.code and i != j]
            if others:  # a drug with two reasons is stopped when the last of them is
                who = who[~taking(people, others, stop[who], who)]
                first = [i for i in others if i < j]
                who = who[(people.started[first][:, who] != people.started[j, who]).all(axis=0)]
            parts.append((who, stop[who], j, self.reasons.index(self.world.diseases[k].code)))
        who, day = (np.concatenate([part[i] for part in parts]) for i in range(2))
        code, reason = (
            np.repeat([part[i] for part in parts], [part[0].size for part in parts]) for i in (2, 3)
        )
        ids = people.id[who]
        noon = timestamps(day, DAY_SECONDS // 2)
        return pa.table({
            "patient_id": ids, "encounter_id": pa.nulls(ids.size, pa.int64()), "time": noon,
            "code": as_codes(self.world, codes, code, noon),
            "status": as_words(STATUS, np.ones(ids.size)), "reason_code": as_words(self.reasons, reason),
            "recorded_at": noon,
        })  # fmt: skip

    def _once(self, index: np.ndarray, treatment: np.ndarray, reason: np.ndarray) -> tuple[np.ndarray, ...]:
        """A drug that is taken for two reasons is prescribed once at a visit, for the first of them."""
        codes = [t.code for _, t in self.world.treatments]
        if len(set(codes)) == len(codes):
            return index, treatment, reason
        drug = np.array([codes.index(c) for c in codes])[treatment]
        first = np.sort(np.unique(index * len(codes) + drug, return_index=True)[1])
        return index[first], drug[first], reason[first]

    def _procedures(self) -> pa.Table:
        """The work-up of each new diagnosis, and treatments that are procedures."""
        visits, parts, codes, reasons = self.visits, *([np.empty(0, np.int64)] for _ in range(3))
        known = []
        for k, disease in enumerate(self.world.diseases):
            made = self._at_event(k) if disease.kind == "event" else self.at_diagnosis(k)
            todo = [(w.code, made, w.share) for w in disease.workup]
            for j, (of, treatment) in enumerate(self.world.treatments):
                if of == k and treatment.kind == "procedure":
                    todo.append((treatment.code, made[self.people.started[j, visits.who[made]] < NEVER], 1.0))
            for code, at, share in todo:
                done = at[self.world.draws.uniform(f"done {code}", self.patient[at], visits.day[at]) < share]
                parts.append(done), codes.append(np.full(done.size, len(known)))
                reasons.append(np.full(done.size, self.reasons.index(disease.code)))
                known.append(code)
        for s, (k, test) in enumerate(self.world.screenings):
            at, shown = self._scanned(s)
            positive = self.people.diagnosed[k, visits.who[at]] == visits.day[at]
            todo = ((test.code, np.ones(at.size, bool)), (test.follow_up, positive | shown.alarmed))
            for code, which in (*todo, (test.invasive, shown.invaded)):
                parts.append(at[which]), codes.append(np.full(which.sum(), len(known)))
                reasons.append(np.full(which.sum(), -1))
                known.append(code)
        index = np.concatenate(parts)
        return pa.table({
            "patient_id": self.patient[index], "encounter_id": self.encounter[index], "time": self.time[index],
            "code": as_codes(self.world, known, np.concatenate(codes), self.time[index]),
            "reason_code": as_words(self.reasons, np.concatenate(reasons)), "recorded_at": self.time[index],
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
            "code": as_words((vaccine["code"],), np.zeros(index.size)), "recorded_at": self.time[index],
        })  # fmt: skip
