import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC

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


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda X: X.assign(Noise=np.inf), "Infinite values in 'Noise'"),
        (lambda X: X.assign(Noise="high"), "no numbers: 'Noise'; make a column of 0 and 1 per answer"),
        (lambda X: X * 0 + 1, "the same for everybody"),
        (lambda X: X.set_axis(["a", "b", "a"], axis=1), "two columns named 'a'"),
    ],
)
def test_columns_that_can_not_teach_get_a_sentence(change, says):
    X, y = patients()
    X["Pressure [mm[Hg]]: last"] = X["Pressure [mm[Hg]]: last"].fillna(130)
    with pytest.raises(LHSError, match=says):
        train(change(X), y, "gradient boosting")


def test_a_constant_column_is_kept_and_named_and_changes_nothing(fitted):
    algorithm, model = fitted
    X, y = patients()
    more = train(X.assign(Same=np.float32(7)), y, algorithm)
    assert more[0].constant_ == ["Same"] and model[0].constant_ == []
    if algorithm != "gradient boosting":  # which draws its columns: another column is another draw
        risks = (m.predict_proba(x)[:, 1] for m, x in ((model, X), (more, X.assign(Same=7.0))))
        one, other = risks
        assert np.corrcoef(one, other)[0, 1] > 0.97


def test_a_model_tells_what_it_learned_from(fitted):
    _, model = fitted
    X, y = patients()
    assert (model[0].people_, model[0].outcomes_) == (len(X), y.sum())
    assert model[0].missing_ == pytest.approx(X.isna().to_numpy().mean())


def test_an_unknown_setting_gets_a_sentence():
    with pytest.raises(LHSError, match="no setting 'depth'; its steps are namedcolumns, xgbclassifier"):
        train(*patients(), "gradient boosting", settings={"depth": 3})


@pytest.fixture(scope="module")
def kernel_svm():
    """Fits an exact kernel SVM to what our SVM prepares; gives the risks of both on other people."""

    def compared(X, y, X_new, **settings):
        settings = {f"calibratedclassifiercv__estimator__{name}": value for name, value in settings.items()}
        ours = train(X, y, "svm", settings=settings)
        prepared = ours[:3]
        exact = SVC(C=0.1, kernel="rbf", gamma=1 / ours[2].n_features_in_)
        exact = CalibratedClassifierCV(exact, cv=3).fit(prepared.transform(X), y)
        return ours.predict_proba(X_new)[:, 1], exact.predict_proba(prepared.transform(X_new))[:, 1]

    return compared


def test_the_approximate_svm_is_the_kernel_svm(kernel_svm):
    """The same loss, half of the people cases, more people than the 300 landmarks."""
    X, y = patients(n=4_000)
    half = np.concatenate([np.flatnonzero(y), np.flatnonzero(~y)[: y.sum()]])
    assert len(half) > 2 * 300
    X_new, _ = patients(n=2_000, seed=1)
    ours, exact = kernel_svm(X.iloc[half], y[half], X_new, loss="hinge", max_iter=100_000)
    assert spearmanr(ours, exact).statistic > 0.99
    assert np.abs(ours - exact).max() < 0.03


def test_where_the_outcome_is_rare_the_squared_loss_ranks_better(kernel_svm):
    """The kernel SVM's own loss is content to call everybody healthy."""
    X, y = patients(n=1_000)
    X_new, y_new = patients(n=4_000, seed=1)
    ours, exact = (evaluate(y_new, p, bootstrap=0).loc["AUROC", "estimate"] for p in kernel_svm(X, y, X_new))
    assert y.mean() < 0.15 and ours > exact + 0.05
