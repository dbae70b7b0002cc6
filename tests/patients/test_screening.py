"""Screening finds some cancers early, alarms many, and lengthens no life by finding alone."""

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.patients import Hospital, life, population, screening
from lhs_helpers.patients.calendar import NEVER, YEAR, january, months
from lhs_helpers.patients.draws import Draws
from lhs_helpers.patients.world import World

START = january(2019)


@pytest.fixture(scope="module")
def world() -> World:
    return World(Draws(12))


@pytest.fixture(scope="module")
def hidden(world):
    """People who carry a lung cancer that nobody has found yet."""
    people = population.residents(world, 1, 60_000, 2019)
    k, _ = world.screenings[0]
    there = (people.onset[k] <= START) & (people.surfaces[k] > START) & (people.diagnosed[k] == NEVER)
    healthy = people.onset[k] == NEVER
    return people.take(there), people.take(healthy)


def scan(world, people):
    who = np.arange(len(people))
    return screening.results(world, people, 0, who, np.full(len(people), START, np.int32))


def test_it_finds_and_alarms_as_often_as_published(world, hidden):
    ill, healthy = hidden
    test = world.screenings[0][1]
    assert len(ill) > 80
    found, alarmed = scan(world, ill).found.mean(), scan(world, healthy).alarmed.mean()
    assert abs(found - test.sensitivity) < 4 * np.sqrt(test.sensitivity * (1 - test.sensitivity) / len(ill))
    assert abs(alarmed - test.false_positive) < 0.01
    assert not scan(world, healthy).found.any() and not scan(world, ill).alarmed.any()


def test_found_cancers_are_earlier_and_nobody_dies_sooner_for_it(world, hidden):
    k, _ = world.screenings[0]
    ill = hidden[0]
    left_alone, screened = ill.take(np.arange(len(ill))), ill.take(np.arange(len(ill)))
    who, day = np.arange(len(ill)), np.full(len(ill), START, np.int32)
    found = screening.look(world, screened, 0, who, day)
    for people in (left_alone, screened):
        for year in range(2019, 2035):
            life.step(world, people, january(year), january(year + 1))
    assert (screened.diagnosed[k, found] == START).all()
    both = found & (left_alone.stage[k] >= 0)
    assert (screened.stage[k, both] <= left_alone.stage[k, both]).all()
    assert screened.stage[k, both].mean() < left_alone.stage[k, both].mean() - 0.5
    assert (screened.death >= left_alone.death).all() and (screened.death > left_alone.death).any()
    missed = ~found
    assert (screened.death[missed] == left_alone.death[missed]).all()


def test_survival_is_counted_from_the_day_it_would_have_shown_itself(world, hidden):
    """No lead time: somebody found at the same stage dies on the same day."""
    k, _ = world.screenings[0]
    ill = hidden[0].take(np.arange(len(hidden[0])))
    found = screening.look(world, ill, 0, np.arange(len(ill)), np.full(len(ill), START, np.int32))
    doomed = np.flatnonzero(found & (ill.doom_cause == k))
    assert (ill.doom[doomed] >= ill.surfaces[k, doomed]).all()


def test_who_is_not_helped_dies_as_if_nobody_had_looked(world, hidden):
    """The stage in the record is that of the test; of those not helped, the day of death stays."""
    k, test = world.screenings[0]
    others = World(Draws(12))
    others.screenings[0] = k, test.model_copy(update={"helped": 0.0})
    ill = hidden[0]
    left_alone, screened = ill.take(np.arange(len(ill))), ill.take(np.arange(len(ill)))
    found = screening.look(others, screened, 0, np.arange(len(ill)), np.full(len(ill), START, np.int32))
    for people in (left_alone, screened):
        for year in range(2019, 2035):
            life.step(others, people, january(year), january(year + 1))
    assert found.sum() > 80 and (screened.stage[k, found] < left_alone.stage[k, found]).any()
    np.testing.assert_array_equal(screened.death, left_alone.death)


def test_three_rounds_avert_as_many_deaths_as_in_the_trial(world):
    """National Lung Screening Trial: 20 % (6.8 to 26.7) fewer deaths from lung cancer in those whom it took."""
    k, _ = world.screenings[0]
    taken = [_whom_the_trial_took(world, population.residents(world, first, 50_000, 2019), k)
             for first in range(1, 6_000_001, 1_000_000)]  # fmt: skip
    died, stages = [], []
    for rounds in (0, 3):
        lost = 0
        for people in (part.take(np.arange(len(part))) for part in taken):
            for year in range(2019, 2025):
                if year - 2019 < rounds:
                    who = np.flatnonzero((people.death == NEVER) & (people.diagnosed[k] == NEVER))
                    found = screening.look(world, people, 0, who, np.full(who.size, january(year), np.int32))
                    stages.append(people.stage[k, who[found]])
                for day, until in months(january(year), january(year + 1)):
                    life.step(world, people, day, until)
            lost += ((people.death < january(2025)) & (people.cause == k)).sum()
        died.append(lost)
    assert died[0] > 250
    assert 0.12 < 1 - died[1] / died[0] < 0.267
    late = (np.concatenate(stages) >= 2).mean()
    assert 0.2 < late < 0.36, "31 % of the cancers of the second round were in stages III and IV"


def _whom_the_trial_took(world, people, k):
    """55 to 74 years old, 30 pack-years, smoked within 15 years; nobody who is known to have it."""
    end = np.minimum(people.smoke_quit, START)
    packs = people.cigarettes / 20 * np.clip(end - people.smoke_start, 0, None) / YEAR
    age, since = people.age(START), (START - end) / YEAR
    taken = (age >= 55) & (age < 75) & (packs >= 30) & (since <= 15) & (people.diagnosed[k] == NEVER)
    return people.take(taken)


def test_orders_become_scans_in_the_record_and_change_nobody_else(tmp_path):
    place = {"patients": 2500, "seed": 3, "start": "2014-01-01", "workers": 1}
    plain, made = Hospital(tmp_path / "plain", **place), Hospital(tmp_path / "h", **place)
    plain.advance("2016-01-01")
    people = plain.emr.people.execute()
    old = people[people.birth_date.astype("M8[ns]") < "1960"].patient_id.to_numpy()
    code = World(Draws(3)).screenings[0][1].code
    orders = [
        pd.DataFrame({"patient_id": old, "date": day, "code": code}) for day in ("2014-03-10", "2015-03-10")
    ]
    made.advance("2016-01-01", pd.concat(orders))
    assert made.emr.check().empty
    scans = made.emr.procedures.filter(lambda p: p.code == code).execute()
    assert set(scans.patient_id) <= set(old) and len(scans) > 0.8 * len(old)
    assert scans.groupby("patient_id").size().max() == 2
    for table in ("encounters", "observations", "conditions"):
        before, after = (getattr(h.emr, table).execute() for h in (plain, made))
        others = [t[~t.patient_id.isin(old)].reset_index(drop=True) for t in (before, after)]
        pd.testing.assert_frame_equal(*others)


def test_years_of_hidden_disease_are_as_long_as_the_file_says(world, hidden):
    k, _ = world.screenings[0]
    ill = hidden[0]
    lasting = (ill.surfaces[k] - ill.onset[k]) / YEAR
    # Who is seen on a day has a longer course than average: length-biased sampling, (1 + 1/shape) times the mean.
    form = world.diseases[k].hidden
    expected = form.mean_years * (1 + 1 / form.shape)
    assert abs(lasting.mean() / expected - 1) < 0.2
