"""Two lives of one population differ in what the orders caused, and in nothing else."""

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.patients import Hospital
from lhs_helpers.patients.calendar import day_number, january
from lhs_helpers.system import screening
from lhs_helpers.system.lives import another_life, answer_key, averted, keeping
from lhs_helpers.system.trial import followed, split_at

PLACE = {"patients": 3_000, "seed": 5, "start": "2014-01-01"}
FIRST, END = "2015-01-01", "2018-01-01"


def smokers(people):
    return (people.age(january(2015)) >= 50) & (people.smoke_start < january(2015))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The smokers of a town, a year into their record."""
    made = keeping(smokers, tmp_path_factory.mktemp("lives") / "base", **PLACE)
    made.advance(FIRST)
    return made


@pytest.fixture(scope="module")
def lives(base, tmp_path_factory):
    """Nobody scanned, everybody asked to come each year, and only those with an even number."""
    folder, made = tmp_path_factory.mktemp("lives"), {}
    whom = screening.candidates(base.emr, FIRST).index
    for name, asked in (("nobody", whom[:0]), ("all", whom), ("even", whom[whom % 2 == 0])):
        made[name] = another_life(base, folder / name)
        years = [screening.orders(asked, f"{year}-01-01") for year in (2015, 2016, 2017)]
        made[name].advance(END, pd.concat(years))
    return made


def test_a_life_lived_twice_without_orders_is_the_same_life(base, lives, tmp_path):
    again = another_life(base, tmp_path / "again")
    again.advance(END)
    one, other = (answer_key(h, "lung_cancer") for h in (lives["nobody"], again))
    pd.testing.assert_frame_equal(one, other)
    assert not averted(one, other, "lung_cancer", FIRST, END).any(axis=None)
    assert base.clock == FIRST  # the original has not moved


def test_those_whose_records_are_kept_live_as_in_the_whole_town(base, tmp_path):
    town = Hospital(tmp_path / "town", **PLACE, workers=1)
    town.advance(FIRST)
    kept, everybody = (answer_key(h, "lung_cancer") for h in (base, town))
    assert 200 < len(kept) < len(everybody) / 3
    pd.testing.assert_frame_equal(kept, everybody.loc[kept.index])
    assert kept["smoked"].all()
    born = 2015 - 50 - 1970
    assert (kept["birth"] < (born + 1) * 365.25).all()


def test_a_trial_of_two_halves_is_the_two_lives_put_together(lives):
    """So a randomised trial needs no world of its own: nobody's life depends on another's."""
    nobody, every, half = (answer_key(lives[name], "lung_cancer") for name in ("nobody", "all", "even"))
    even = nobody.index % 2 == 0
    pd.testing.assert_frame_equal(half[even], every[even])
    pd.testing.assert_frame_equal(half[~even], nobody[~even])
    assert not every.equals(nobody)


def test_scans_are_of_those_who_were_ordered_and_come_in_their_numbers(lives):
    whom = screening.candidates(lives["even"].emr, FIRST).index
    done = screening.scans(lives["even"])
    ordered = whom[whom % 2 == 0]
    assert set(done["patient_id"]) <= set(ordered)
    assert 0.55 < len(done) / (3 * len(ordered)) < 0.72  # seven in ten come, and some die or leave
    assert screening.scans(lives["nobody"]).empty
    every = screening.scans(lives["all"])
    assert not (every["found"] & every["false_alarm"]).any()
    assert 0.18 < every["false_alarm"].mean() < 0.29  # 0.235 in the disease file
    assert (every["harmed"] <= every["biopsy"]).all() and (every["biopsy"] <= every["false_alarm"]).all()


def test_what_a_scan_finds_is_a_diagnosis_of_that_day_and_not_a_later_stage(lives):
    nobody, every = (answer_key(lives[name], "lung_cancer") for name in ("nobody", "all"))
    found = screening.scans(lives["all"]).query("found").set_index("patient_id")["day"]
    assert len(found) >= 3
    assert (every.loc[found.index, "diagnosed"] == found).all()
    both = found.index[nobody.loc[found.index, "stage"].notna()]
    # Roman numerals up to IV are in the order of the alphabet, too.
    assert (every.loc[both, "stage"] <= nobody.loc[both, "stage"]).all()
    assert (every["death"] >= nobody["death"]).all()


def key(**columns):
    people = pd.Index([1, 2, 3, 4, 5], name="patient_id")
    return pd.DataFrame(columns, index=people)


def test_averted_deaths_counted_by_hand():
    day = day_number("2016-01-01")
    ill = "lung_cancer"
    # 1: dies of it, later, inside the years; 2: dies of it, then not at all; 3: dies of it, then of something else;
    # 4: dies before the years begin; 5: dies of it in both, ten days later.
    without = key(death=[day + 10.0, day + 20, day + 30, day - 400, day + 5], cause=[ill, ill, ill, ill, ill])
    with_ = key(
        death=[day + 50.0, np.inf, day + 60, day - 400, day + 15], cause=[ill, None, "other", ill, ill]
    )
    spared = averted(without, with_, ill, "2016-01-01", "2017-01-01")
    assert spared["disease_deaths"].tolist() == [0, 1, 1, 0, 0]
    assert spared["deaths"].tolist() == [0, 1, 0, 0, 0]
    assert spared["days"].tolist() == [40, 366 - 20, 30, 0, 10]
    back = averted(with_, without, ill, "2016-01-01", "2017-01-01")
    pd.testing.assert_frame_equal(back, -spared)


def test_lives_of_different_people_are_refused():
    one = key(death=[np.inf] * 5, cause=[None] * 5)
    with pytest.raises(LHSError, match="different people"):
        averted(one, one.iloc[1:], "lung_cancer", FIRST, END)


def test_an_answer_key_says_what_it_lacks(base, tmp_path):
    with pytest.raises(LHSError, match="no disease 'plague'"):
        answer_key(base, "plague")
    with pytest.raises(LHSError, match="has not lived yet"):
        answer_key(Hospital(tmp_path / "new", **PLACE), "lung_cancer")


def test_the_record_follows_each_until_death_leaving_or_the_end(lives):
    emr = lives["nobody"].emr
    read, truth = followed(emr, screening.LUNG_CANCER, FIRST, END), answer_key(lives["nobody"], "lung_cancer")
    whole = (day_number(END) - day_number(FIRST)) / 365.25
    assert read["years"].between(0, whole + 1e-9).all()
    stayed = read["years"] > whole - 1e-6
    assert not read.loc[stayed, "died"].any()
    assert (truth.loc[read.index[read["died"]], "death"] < day_number(END)).all()
    died_here = truth.loc[read.index, "death"].between(day_number(FIRST), day_number(END), "left")
    left = read.index[died_here & ~read["died"]]
    gone = emr.people.execute().set_index("patient_id").loc[left, "left_time"]
    assert gone.notna().all()  # the record loses sight of whoever moves away
    ill = (truth.loc[read.index, "diagnosed"] < day_number(END)).to_numpy()
    assert (read["died_with"] == (read["died"] & ill)).all() and read["died_with"].any()


def test_years_of_follow_up_add_up_whatever_the_cut(lives):
    read = followed(lives["nobody"].emr, screening.LUNG_CANCER, FIRST, END)
    cut = split_at(read, FIRST, END)
    assert cut["years"].sum() == pytest.approx(read["years"].sum())
    assert cut["died_with"].sum() == read["died_with"].sum()
    assert cut["year"].unique().tolist() == [2015, 2016, 2017]
    deaths = cut[cut["died_with"]]
    assert (read.loc[deaths["patient_id"], "end"].dt.year.to_numpy() == deaths["year"].to_numpy()).all()
