import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import ALGORITHMS, evaluate, train


def patients(n=1500, seed=0):
    """People whose risk rises with pressure and smoking; a tenth of the pressures was never measured."""
    rng = np.random.default_rng(seed)
    pressure, smokes, noise = rng.normal(130, 15, n), rng.random(n) < 0.3, rng.normal(size=n)
    risk = 1 / (1 + np.exp(3 - (pressure - 130) / 12 - 1.5 * smokes))
    pressure[rng.random(n) < 0.1] = np.nan
    X = pd.DataFrame(
        {"Pressure [mm[Hg]]: last": pressure, "Smokes": smokes, "Noise": noise}, dtype=np.float32
    )
    return X, rng.random(n) < risk


@pytest.fixture(scope="module", params=ALGORITHMS)
def fitted(request):
    return request.param, train(*patients(), request.param)


def test_five_algorithms_find_the_risk_and_give_honest_probabilities(fitted):
    _, model = fitted
    X, y = patients(seed=1)
    result = evaluate(y, model.predict_proba(X)[:, 1], bootstrap=0)["estimate"]
    assert result["AUROC"] > 0.75
    # Nothing was resampled: what is predicted on average is what happens on average.
    assert 0.85 < result["O/E"] < 1.15
    assert 0.6 < result["calibration slope"] < 1.7


def test_the_same_seed_gives_the_same_model(fitted):
    algorithm, model = fitted
    X, y = patients()
    again = train(X, y, algorithm, seed=0)
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))


def test_columns_are_known_by_name(fitted):
    _, model = fitted
    X, _ = patients(seed=1)
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X[X.columns[::-1]]))
    with pytest.raises(LHSError, match="missing 'Noise'; unknown 'Sleep'"):
        model.predict_proba(X.rename(columns={"Noise": "Sleep"}))
    with pytest.raises(LHSError, match="X is a ndarray"):
        model.predict_proba(X.to_numpy())


def test_a_column_missing_for_everybody_does_no_harm(fitted):
    algorithm, _ = fitted
    X, y = patients(n=300)
    X["Never measured"] = np.float32(np.nan)
    assert np.isfinite(train(X, y, algorithm).predict_proba(X)).all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda X, y: (X, y, "deep learning"),
            "no algorithm 'deep learning'; choose one of logistic regression, random",
        ),
        (lambda X, y: (X, y & False, "svm"), "Of 1,500 people 0 had the outcome"),
        (lambda X, y: (X, y | True, "svm"), "Of 1,500 people 1,500 had the outcome"),
        (lambda X, y: (X, y[:-1], "svm"), "X has 1,500 rows and y 1,499"),
        (lambda X, y: (X.to_numpy(), y, "svm"), "X is a ndarray; give a DataFrame"),
        (lambda X, y: (X[:0], y[:0], "svm"), "nothing to learn from: X has 0 rows and 3 columns"),
        (lambda X, y: (X, y + 1.5, "svm"), "values other than False and True"),
    ],
)
def test_what_can_not_be_learned_gets_a_sentence(change, says):
    with pytest.raises(LHSError, match=says):
        train(*change(*patients()))


def test_the_package_of_algorithms_is_imported_only_when_one_is_trained():
    code = "import sys, lhs_helpers.learning; print('sklearn' in sys.modules or 'xgboost' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
