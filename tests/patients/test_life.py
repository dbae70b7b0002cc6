"""The engine: published incidence and relative risks hold, and less hazard never means earlier disease."""

import numpy as np
import pytest

from lhs_helpers.patients import life, population
from lhs_helpers.patients.calendar import NEVER, YEAR, january, months
from lhs_helpers.patients.draws import Draws
from lhs_helpers.patients.moment import AGES, Moment
from lhs_helpers.patients.reference import at_risk
from lhs_helpers.patients.world import World, by_age, life_table, mean_risks

PEOPLE, START = 60_000, january(2019)


@pytest.fixture(scope="module")
def world() -> World:
    return World(Draws(11))


@pytest.fixture(scope="module")
def residents(world):
    return population.residents(world, 1, PEOPLE, 2019)


def test_there_are_exactly_as_many_living_residents_as_asked_for(residents):
    assert len(residents) == PEOPLE and residents.alive(START).all()


def test_the_age_pyramid_is_the_census(residents):
    import pandas as pd

    census = pd.read_csv(population.DATA / "population_2020.csv")[["female", "male"]].to_numpy().T
    age = residents.age(START)
    for sex in range(2):
        for low in range(0, 85, 5):
            share = ((residents.sex == sex) & (age >= low) & (age < low + 5)).mean()
            assert abs(share - census[sex, low : low + 5].sum() / census.sum()) < 0.005


def test_summed_hazards_are_the_published_incidence(world, residents):
    """Of a disease that hides: of diagnosis years later, for those who live to see it."""
    now = Moment(world, residents, START)
    years, mortality = life_table()
    mortality = mortality[list(years).index(2019)]
    for disease in (d for d in world.diseases if d.incidence):
        healthy = at_risk(world, residents, disease.key)
        shift = round(disease.hidden.mean_years) if disease.hidden else 0
        published = by_age(disease.incidence)[residents.sex, np.minimum(now.age_years + shift, AGES - 1)]
        for year in range(shift):
            published *= np.exp(mortality[residents.sex, np.minimum(now.age_years + year + 1, AGES - 1)])
        ratio = now.hazard(disease.key)[healthy].sum() / published[healthy].sum()
        assert 0.93 < ratio < 1.07, f"{disease.key}: {ratio:.3f}"


def test_onsets_are_as_many_as_their_hazards_say(world, residents):
    people = residents.take(np.arange(PEOPLE))
    expected = np.zeros(len(world.diseases))
    before = people.onset < NEVER
    for year in range(2019, 2022):
        now, alive = Moment(world, people, january(year)), people.alive(january(year))
        for k, disease in enumerate(world.diseases):
            expected[k] += now.hazard(disease.key)[alive & (people.onset[k] == NEVER)].sum()
        life.step(world, people, january(year), january(year + 1))
    seen = ((people.onset < NEVER) & ~before).sum(axis=1)
    # A year's exposure is a little less than a year for those who die or fall ill in it: up to 4 % here.
    # A marker is not drawn; what comes again and again is counted by the month (below).
    drawn = np.array(
        [d.kind != "marker" and (d.kind != "event" or d.recurrence is not None) for d in world.diseases]
    )
    seen, expected = seen[drawn], expected[drawn]
    z = (seen - expected) / np.sqrt(expected)
    assert (np.abs(z) < 4 + 0.04 * np.sqrt(expected)).all(), dict(
        zip(np.array(list(world.index))[drawn], z, strict=True)
    )


def test_events_that_come_again_are_as_many_as_their_hazards_say(world, residents):
    people = residents.take(np.arange(PEOPLE))
    again = [k for k in world.of_kind("event") if world.diseases[k].recurrence is None]
    seen, expected = np.zeros(len(world.diseases)), np.zeros(len(world.diseases))
    for day, until in months(START, january(2020)):
        hazards = Moment(world, people, day).hazards()[:-1]
        expected += (hazards * people.alive(day)).sum(axis=1) * (until - day) / YEAR
        for happening in life.step(world, people, day, until):
            seen[happening.disease] += happening.who.size
    assert len(again) >= 3
    z = (seen[again] - expected[again]) / np.sqrt(expected[again])
    assert (np.abs(z) < 4 + 0.01 * np.sqrt(expected[again])).all(), z


def test_current_smokers_have_the_published_risk_of_lung_cancer_death_over_never_smokers(world, residents):
    now = Moment(world, residents, START)
    age = residents.age(START)
    old = (age >= 60) & (age < 75)
    never = residents.smoke_start > START
    current = ~never & (residents.smoke_quit > START)
    hazard = now.hazard("lung_cancer")
    assert 15 < hazard[old & current].mean() / hazard[old & never].mean() < 40


def test_when_everybody_stops_smoking_nobody_falls_ill_earlier(world, residents):
    lives = []
    for stop in (False, True):
        people = residents.take(np.arange(PEOPLE))
        if stop:
            people.smoke_quit = np.minimum(people.smoke_quit, START).astype(np.int32)
        for year in range(2019, 2029):
            life.step(world, people, january(year), january(year + 1))
        lives.append(people)
    smoked, quit_ = (people.onset[world.index["lung_cancer"]] for people in lives)
    both_alive = (lives[0].death == NEVER) & (lives[1].death == NEVER)
    assert (quit_ >= smoked)[both_alive].all()
    smokes = (residents.smoke_start <= START) & (residents.smoke_quit > START)
    new = [((o >= START) & (o < NEVER) & smokes).sum() for o in (smoked, quit_)]
    assert new[1] < 0.8 * new[0]


def test_nobody_falls_ill_before_birth_or_after_death(residents):
    onset = np.where(residents.onset < NEVER, residents.onset, residents.birth)
    assert (onset >= residents.birth).all()
    assert (onset <= residents.death).all()


def test_life_expectancy_is_that_of_the_life_table(world, residents):
    """Hazards of death of 2019, summed over a life: modelled causes and all others together."""
    people = residents.take(np.arange(PEOPLE))
    years, hazards = life_table()
    age = np.clip(people.age(START), 0, AGES - 1).astype(int)
    expected = hazards[list(years).index(2019)][people.sex, age]
    life.step(world, people, START, january(2020))
    died = (people.death < january(2020)).sum()
    assert abs(died - expected.sum()) < 4 * np.sqrt(expected.sum())


def test_the_frozen_table_belongs_to_the_disease_files(world, residents):
    """Means over these people agree with the table: someone who changes a disease file must compute it again."""
    now, tables = Moment(world, residents, START), mean_risks()
    age = residents.age(START)
    middle = (age >= 45) & (age < 80)
    for disease in world.diseases:
        healthy = middle & at_risk(world, residents, disease.key)
        frozen = tables[disease.key][residents.sex, now.age_years][healthy].mean()
        found = now.relative_risk(disease.key)[healthy].mean()
        assert abs(found / frozen - 1) < 0.08, f"{disease.key}: run python -m lhs_helpers.patients.reference"


@pytest.mark.parametrize(
    ("years", "low", "high"),
    [
        (2.5, 0.40, 0.93),
        (7.5, 0.39, 0.89),
        (12.5, 0.23, 0.67),
        (20, 0.18, 0.48),
    ],
)
def test_after_quitting_lung_cancer_falls_as_it_did_in_framingham(world, residents, years, low, high):
    """Hazard ratios of heavy smokers who had quit for so long against those who went on, with their 95 % intervals:
    Tindle HA et al., J Natl Cancer Inst 2018;110:1201-1207, doi 10.1093/jnci/djy041, table 3.
    """
    age = residents.age(START)
    heavy = (residents.smoke_start <= START) & (residents.smoke_quit > START) & (residents.cigarettes >= 15)
    smokers = residents.take(np.flatnonzero(heavy & (age >= 45) & (age < 65)))
    smokers.smoke_quit[:] = NEVER
    hazards = []
    for quits in (False, True):
        people = smokers.take(np.arange(len(smokers)))
        people.smoke_quit[:] = START if quits else NEVER
        hazards.append(Moment(world, people, START + int(years * YEAR)).hazard("lung_cancer").sum())
    assert low < hazards[1] / hazards[0] < high
