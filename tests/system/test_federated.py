"""Sites that share sums learn what they would have learned with all rows in one place, and nothing else travels."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lhs_helpers.errors import LHSError
from lhs_helpers.system.bagged_trees import bagged_trees
from lhs_helpers.system.federated import (
    averaging,
    averaging_rounds,
    newton,
    prepare,
)
from lhs_helpers.system.masks import masked
from lhs_helpers.system.participant import LEAF, Participant


def people(n: int, columns: int = 4, seed: int = 0, different: float = 0.0, gaps: float = 0.1):
    """A matrix with gaps, outcomes that depend on it, and columns whose means move with `different`."""
    rng = np.random.default_rng(seed)
    X = rng.normal(different, 1, (n, columns)) * 10.0 ** np.arange(columns)
    line = X[:, 0] - 0.2 * X[:, 1] / 10 - 1 + different
    y = rng.random(n) < 1 / (1 + np.exp(-line))
    X[rng.random(X.shape) < gaps] = np.nan
    return pd.DataFrame(X, columns=[f"c{i}" for i in range(columns)]), y


def network(*sizes: int, different: float = 0.0, fewest: int = 1) -> tuple[dict, pd.DataFrame, np.ndarray]:
    parts = [people(n, seed=k, different=different * k) for k, n in enumerate(sizes)]
    sites = {f"site {k}": Participant(X, y, fewest) for k, (X, y) in enumerate(parts)}
    return sites, pd.concat([X for X, _ in parts]), np.concatenate([y for _, y in parts])


def in_one_place(X: pd.DataFrame, y: np.ndarray, penalty: float) -> np.ndarray:
    """The same regression by scikit-learn, with all rows: intercept and coefficients of prepared columns."""
    model = make_pipeline(
        SimpleImputer(add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=1 / penalty, solver="newton-cholesky", tol=1e-12, max_iter=1000),
    ).fit(X.to_numpy(dtype=float), y)
    return np.r_[model[-1].intercept_, model[-1].coef_[0]]


def test_newton_steps_of_three_sites_are_the_fit_of_all_rows():
    sites, X, y = network(300, 80, 25, different=0.8)
    model = newton(sites, list(X.columns), penalty=2.0)
    assert np.abs(model.coefficients - in_one_place(X, y, 2.0)).max() < 1e-6
    risk = 1 / (1 + np.exp(-model.log_odds(X)))
    assert np.allclose(model.predict_proba(X)[:, 1], risk)
    assert abs(risk.sum() - y.sum()) < 1e-6  # an intercept without a penalty is right on average


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    sites=st.integers(1, 5),
    columns=st.integers(1, 4),
    penalty=st.sampled_from([0.01, 1.0, 30.0]),
)
def test_newton_steps_are_the_fit_of_all_rows_on_any_sites(data, sites, columns, penalty):
    """Sites of one person, columns of one value, columns that separate the outcomes, values that nobody has."""
    sizes = data.draw(st.lists(st.integers(1, 12), min_size=sites, max_size=sites))
    n = sum(sizes)
    value = st.one_of(st.integers(-3, 3).map(float), st.floats(-100, 100, width=32), st.just(np.nan))
    X = pd.DataFrame(data.draw(arrays(float, (n, columns), elements=value)), columns=list("abcd"[:columns]))
    # A spread that is rounding only, such as of 100 and 100 + 1e-30, is a constant to one and not to the other.
    X = X.round(3)
    y = data.draw(arrays(bool, n)) if data.draw(st.booleans()) else (X["a"].fillna(0) > 0).to_numpy()
    edges = np.cumsum([0, *sizes])
    parts = {
        k: Participant(X[a:b], y[a:b], 1) for k, (a, b) in enumerate(zip(edges, edges[1:], strict=False))
    }
    if y.all() or not y.any():
        with pytest.raises(LHSError, match="nothing to tell apart"):
            newton(parts, list(X.columns), penalty=penalty)
        return
    model = newton(parts, list(X.columns), penalty=penalty)
    assert np.abs(model.coefficients - in_one_place(X, y, penalty)).max() < 1e-6


def test_the_penalty_is_by_default_that_of_learning_train():
    sites, X, y = network(200, 100)
    width = 2 * X.shape[1]  # each of these columns has gaps, and so an indicator
    assert np.allclose(newton(sites, list(X.columns)).coefficients, in_one_place(X, y, width), atol=1e-6)


class Recorder:
    """Stands between a site and the coordinator, and keeps all that passes."""

    def __init__(self, site: Participant):
        self.site, self.questions, self.answers = site, [], []

    def __call__(self, question):
        answer = self.site(question)
        self.questions.append(question), self.answers.append(answer)
        return answer


def test_no_row_leaves_its_site_and_what_is_said_does_not_grow_with_the_people():
    """Everything that is exchanged is inspected: names, shapes, and whether any value of any person is in it."""
    said = {}
    for size in (100, 1000):
        sites, X, _ = network(size, 60)
        wires = {name: Recorder(site) for name, site in sites.items()}
        newton(wires, list(X.columns))
        averaging(wires, list(X.columns), steps=3, rounds=2)
        said[size] = [
            {name: value.shape for name, value in answer.items()} for answer in wires["site 0"].answers
        ]
        own = set(people(size, seed=0)[0].to_numpy().ravel().tolist())
        for wire in wires.values():
            for answer in wire.answers:
                for value in answer.values():
                    assert (
                        isinstance(value, np.ndarray) and value.ndim <= 2 and max(value.shape, default=1) <= 9
                    )
                    assert not own & set(value.ravel().tolist()) - {0.0}
    names = {frozenset(answer) for size in said for answer in said[size]}
    assert names == {
        frozenset({"people", "outcomes", "known", "sum"}),
        frozenset({"squares"}),
        frozenset({"loss", "gradient", "hessian"}),
        frozenset({"people", "weighted"}),
    }
    kinds = [{tuple(sorted(a.items())) for a in answers} for answers in said.values()]
    assert kinds[0] == kinds[1]


def test_what_is_said_is_a_sum_so_the_order_of_people_does_not_show():
    X, y = people(50)
    order = np.random.default_rng(1).permutation(50)
    question = {"ask": "sums", "columns": tuple(X.columns)}
    one, other = Participant(X, y)(question), Participant(X.iloc[order], y[order])(question)
    assert all(np.allclose(one[name], other[name], rtol=1e-12) for name in one)


def test_a_site_of_one_person_would_give_the_row_away_and_so_it_does_not_answer():
    X, y = people(1, seed=3, gaps=0)
    with pytest.raises(LHSError, match=r"too few people \(1\)"):
        Participant(X, y)
    others, everybody, _ = network(100, 50)
    preparation = prepare(others, tuple(everybody.columns))[0]
    careless = Participant(X, y, fewest=1)
    question = {"ask": "newton", "preparation": preparation, "coefficients": np.zeros(9)}
    gradient = careless(question)["gradient"]
    assert np.allclose(gradient / gradient[0], preparation.apply(X)[0])  # the whole row, and
    assert (gradient[0] < 0) == y[0]  # the outcome


def test_a_code_that_one_person_has_gives_that_row_away_in_the_hessian():
    X, y = people(40, seed=5, gaps=0)
    X["rare"] = 0.0
    X.loc[7, "rare"] = 1.0
    site = Participant(X, y)
    preparation = prepare({"alone": site}, tuple(X.columns))[0]
    # The coordinator undoes the standardising of the rare column: 1 for one person, 0 for the others.
    answer = site({"ask": "newton", "preparation": preparation, "coefficients": np.zeros(6)})["hessian"]
    j = 1 + list(X.columns).index("rare")
    row = preparation.scale[j - 1] * answer[j] + preparation.mean[j - 1] * answer[0]
    assert np.allclose(row / row[0], preparation.apply(X)[7])


def test_masks_hide_each_site_and_cancel_in_the_sum():
    sites, X, y = network(200, 60, 30, different=0.5)
    wires = {name: Recorder(site) for name, site in masked(sites, seed=4).items()}
    model = newton(wires, list(X.columns))
    assert np.abs(model.coefficients - newton(sites, list(X.columns)).coefficients).max() < 1e-6
    bare = sites["site 2"]({"ask": "sums", "columns": tuple(X.columns)})
    heard = wires["site 2"].answers[0]
    for name, value in bare.items():
        distance = heard[name].astype(np.int64) / 2.0**30 - value
        assert np.abs(distance).min() > 1  # noise of the size of the whole range, in every number
    first = [wires["site 0"].answers[k]["gradient"] for k in (2, 3)]
    assert not np.array_equal(*first)


def test_a_number_too_large_for_a_mask_is_refused():
    X, y = people(50)
    sites = masked({"a": Participant(X * 1e12, y), "b": Participant(X, y)}, seed=0)
    with pytest.raises(LHSError, match="too large to be masked"):
        newton(sites, list(X.columns))


def apart(model, other, X) -> float:
    return float(np.std(model.log_odds(X) - other.log_odds(X)))


def test_averaging_with_one_step_comes_to_the_newton_fit():
    sites, X, _ = network(200, 80, different=0.5)
    best = newton(sites, list(X.columns))
    after = [apart(m, best, X) for m in averaging_rounds(sites, list(X.columns), 1, 2000)]
    assert after[0] > 0.1 and after[-1] < 1e-4


def test_averaging_falls_short_by_more_the_longer_sites_work_alone_and_the_more_they_differ():
    short = {}
    for different in (0.0, 1.0):
        sites, X, _ = network(400, 100, 50, different=different)
        best = newton(sites, list(X.columns))
        for steps in (1, 10, 100):
            model = averaging(sites, list(X.columns), steps=steps, rounds=1500 // steps + 50)
            short[different, steps] = apart(model, best, X)
    for different in (0.0, 1.0):
        assert short[different, 1] < short[different, 10] < short[different, 100]
    assert short[1.0, 10] > short[0.0, 10] and short[1.0, 100] > short[0.0, 100]


def test_a_bag_is_the_mean_of_all_trees_and_a_site_without_cases_counts():
    sites, X, y = network(300, 100)
    healthy = people(60, seed=9)[0]
    sites["healthy"] = Participant(healthy, np.zeros(60))
    bag = bagged_trees(sites, list(X.columns), trees=20, seed=1)
    assert [forest.n_estimators for forest in bag.forests.values()] == [13, 4, 3]
    risk = bag.predict_proba(X)[:, 1]
    trees = [t for forest in bag.forests.values() for t in forest.estimators_]
    values = X.to_numpy(dtype=np.float32)
    assert np.allclose(risk, np.mean([t.predict(values) for t in trees], axis=0))
    assert roc_auc_score(y, risk) > 0.7
    for tree in trees:
        leaf = tree.tree_.children_left < 0
        assert tree.tree_.n_node_samples[leaf].min() >= LEAF


@pytest.mark.parametrize(
    ("do", "says"),
    [
        (lambda sites, X: newton({}, list(X.columns)), "No site takes part"),
        (lambda sites, X: newton(sites, list(X.columns), penalty=0.0), "penalty is 0"),
        (lambda sites, X: newton(sites, list(X.columns), rounds=1), "still move after 1 rounds"),
        (lambda sites, X: averaging(sites, list(X.columns), steps=0, rounds=3), "steps is 0"),
        (
            lambda sites, X: newton(sites, list(X.columns)).log_odds(X.drop(columns="c1")),
            "lacks the column 'c1'",
        ),
        (lambda sites, X: Participant(X, [True]), "150 rows and y 1"),
    ],
)
def test_what_can_not_be_meant_gets_a_sentence(do, says):
    sites, X, _ = network(100, 50)
    with pytest.raises(LHSError, match=says):
        do(sites, X)
