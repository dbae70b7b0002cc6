"""Settings are chosen among the training people, on persons and times the candidate has not seen."""

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import train
from lhs_helpers.learning.tuning import GRIDS, _splits, tune


def visits(persons=600, seed=0):
    """Two rows per person, a year apart; one column says who the person is, one is a cause."""
    rng = np.random.default_rng(seed)
    person, time = np.repeat(np.arange(persons), 2), np.tile(["2017-01-01", "2018-01-01"], persons)
    cause, fingerprint = rng.normal(size=2 * persons), np.repeat(rng.normal(size=persons), 2)
    prone = np.repeat(rng.normal(0, 1.5, persons), 2)
    y = rng.random(2 * persons) < 1 / (1 + np.exp(1.5 - cause - prone))
    return pd.DataFrame({"cause": cause, "fingerprint": fingerprint}), y, person, time


def test_no_person_and_no_later_time_is_on_both_sides():
    _, y, person, time = visits()
    judged = []
    for learn, judge in _splits(y.astype(int), person, time, 3, seed=0):
        assert not set(person[learn]) & set(person[judge])
        assert max(time[learn]) < min(time[judge])
        judged.append(person[judge])
    assert sorted(np.concatenate(judged)) == sorted(set(person)), "everybody judges once"


def test_without_times_every_row_judges_once():
    _, y, person, _ = visits()
    judged = np.concatenate([judge for _, judge in _splits(y.astype(int), person, None, 4, seed=0)])
    assert sorted(judged) == list(range(len(y)))


def test_a_fingerprint_of_the_person_does_not_pay():
    """One neighbour finds a person's other row, if it may; on other people it only adds noise."""
    X, y, person, _ = visits()
    grid = {"kneighborsclassifier__n_neighbors": [1, 100]}
    model, tried = tune(X, y, "k-nearest neighbours", people=person, grid=grid)
    assert tried.loc[tried["chosen"], "kneighborsclassifier__n_neighbors"].tolist() == [100]
    assert model["kneighborsclassifier"].n_neighbors == 100
    assert model[0].people_ == len(X), "the chosen settings are fitted to every row"


def test_the_chosen_setting_has_the_least_loss_and_fits_as_train_would():
    X, y, person, time = visits()
    model, tried = tune(X, y, "logistic regression", people=person, index_time=time)
    assert len(tried) == len(GRIDS["logistic regression"]["logisticregression__C"])
    best = tried["log_loss"].astype(float).idxmin()
    assert tried["chosen"].tolist() == [i == best for i in tried.index]
    same = train(X, y, "logistic regression", settings={"logisticregression__C": tried.iloc[best, 0]})
    np.testing.assert_array_equal(model.predict_proba(X), same.predict_proba(X))


@pytest.mark.parametrize("algorithm", GRIDS)
def test_every_setting_of_the_grids_exists(algorithm):
    X, y, _, _ = visits(100)
    for name, values in GRIDS[algorithm].items():
        assert train(X, y, algorithm, settings={name: values[0]}).get_params()[name] == values[0]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"folds": 1}, "1 folds of 600 people"),
        ({"people": [1]}, "people 1; give one of each per row"),
        ({"y": np.arange(1200) < 3}, "too few to choose by"),
    ],
)
def test_what_can_not_be_tuned_gets_a_sentence(more, says):
    X, y, person, _ = visits()
    with pytest.raises(LHSError, match=says):
        tune(X, **{"y": y, "algorithm": "logistic regression", "people": person} | more)
