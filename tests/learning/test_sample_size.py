"""How many people a model needs, against published examples; how steady its risks are, against theory."""

import numpy as np
import pandas as pd
import pytest

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import train
from lhs_helpers.learning.sample_size import cox_snell_r2, instability, required_sample_size


def test_the_example_of_pmsampsize():
    """Riley et al. 2019 and the help of `pmsampsize`: 24 parameters, prevalence 0.174, Cox-Snell R2 0.288."""
    table = required_sample_size(24, 0.174, r2=0.288)
    assert table["people"].tolist() == [623, 662, 221, 662]
    assert table.loc["all", "outcomes"] == 116
    assert table.loc["all", "outcomes per parameter"] == pytest.approx(4.80, abs=0.005)


def test_the_example_of_pre_eclampsia():
    """Riley et al. 2020 (BMJ 368:m441): 30 parameters, prevalence 0.05, R2 of 15 % of the largest, about 0.05."""
    table = required_sample_size(30, 0.05, r2=0.05, error=0.05)["people"]
    assert table["little overfitting"] == table["all"] == 5_249
    assert table["precise overall risk"] == 73
    assert table["small error of individual risks"] == 544


@pytest.mark.parametrize(("prevalence", "auroc"), [(0.174, 0.89), (0.02, 0.8), (0.5, 0.6)])
def test_r2_of_an_auroc_is_that_of_simulated_people(prevalence, auroc):
    rng, n = np.random.default_rng(0), 2_000_000
    y = np.arange(n) < prevalence * n
    apart = np.sqrt(2) * float(
        pd.Series(rng.normal(size=n)).quantile(auroc)
    )  # the normal quantile, by drawing
    score = rng.normal(size=n) + apart * y
    logodds = np.log(prevalence / (1 - prevalence)) + apart * score - apart**2 / 2
    likelihood = np.where(y, -np.logaddexp(0, -logodds), -np.logaddexp(0, logodds)).mean()
    null = prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)
    assert cox_snell_r2(prevalence, auroc) == pytest.approx(1 - np.exp(2 * (null - likelihood)), rel=0.02)
    assert required_sample_size(24, 0.174, auroc=0.89).loc["all", "people"] == pytest.approx(662, abs=15)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"r2": 0.7}, "no model exceeds 0.603"),
        ({}, "one of the two"),
        ({"r2": 0.2, "auroc": 0.8}, "one of the two"),
        ({"auroc": 0.5}, "one above 0.5"),
        ({"r2": 0.2, "prevalence": 17}, "a share between 0 and 1"),
    ],
)
def test_what_can_not_be_planned_gets_a_sentence(arguments, says):
    with pytest.raises(LHSError, match=says):
        required_sample_size(**{"parameters": 24, "prevalence": 0.174} | arguments)


def people(n, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    risk = 1 / (1 + np.exp(1 - X["a"]))
    return X, rng.random(n) < risk


def logistic(X, y):
    return train(X, y, "logistic regression", settings={"logisticregression__C": 1e6})


def test_four_times_the_people_halve_the_error():
    X_new, _ = people(500, seed=9)
    few, many = (instability(logistic, *people(n), X_new) for n in (500, 2_000))
    assert few.attrs["error"] / many.attrs["error"] == pytest.approx(2, rel=0.25)
    assert few.attrs["error"] == pytest.approx(few["error"].mean())
    assert ((few["low"] < few["risk"]) & (few["risk"] < few["high"])).mean() > 0.95


def test_the_spread_of_a_risk_is_the_standard_error_of_its_regression():
    """The delta method's standard error of each person's risk, from statsmodels."""
    sm = pytest.importorskip("statsmodels.api")
    (X, y), (X_new, _) = people(1_500), people(300, seed=9)
    spread = instability(logistic, X, y, X_new, bootstrap=200)
    fit = sm.Logit(y.astype(float), sm.add_constant(X)).fit(disp=False)
    error = fit.get_prediction(sm.add_constant(X_new)).summary_frame()["se"]
    # 95 % of a normal spread are 3.92 standard errors wide; its mean absolute value is 0.80 of one.
    ratio = (spread["high"] - spread["low"]) / (3.92 * error.to_numpy())
    assert ratio.median() == pytest.approx(1, abs=0.1)
    assert (spread["error"] / error.to_numpy()).median() == pytest.approx(np.sqrt(2 / np.pi), abs=0.08)


def test_one_model_has_no_spread():
    with pytest.raises(LHSError, match="at least 2 models"):
        instability(logistic, *people(200), bootstrap=1)
