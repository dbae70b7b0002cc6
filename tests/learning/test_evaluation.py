import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from lhs_helpers.errors import LHSError
from lhs_helpers.learning import calibration_table, evaluate, net_benefit
from lhs_helpers.learning.calibration import calibration_curve, spline
from lhs_helpers.learning.intervals import wilson
from lhs_helpers.learning.measures import discrimination, ranking, recalibrated, shift


def expit(x):
    return 1 / (1 + np.exp(-x))


def predictions(n=2000, seed=0, decimals=2):
    """Outcomes, predicted risks (rounded, so many are tied) and true risks."""
    rng = np.random.default_rng(seed)
    logodds = rng.normal(-2, 1.2, n)
    p = expit(0.3 + 0.8 * logodds + rng.normal(0, 0.4, n)).round(decimals).clip(0.001, 0.999)
    return rng.random(n) < expit(logodds), p, expit(logodds)


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_measures_agree_with_scikit_learn(decimals):
    y, p, truth = predictions(decimals=decimals)
    measured = evaluate(y, p, threshold=0.2, truth=truth, bootstrap=0)["estimate"]
    alert = p >= 0.2
    expected = {
        "prevalence": y.mean(),
        "AUROC": metrics.roc_auc_score(y, p),
        "AUPRC": metrics.average_precision_score(y, p),
        "Brier": metrics.brier_score_loss(y, p),
        "Brier scaled": metrics.d2_brier_score(y, p),
        "O/E": y.sum() / p.sum(),
        "recall": metrics.recall_score(y, alert),
        "precision": metrics.precision_score(y, alert),
        "specificity": metrics.recall_score(~y, ~alert),
        "accuracy": metrics.accuracy_score(y, alert),
        "balanced accuracy": metrics.balanced_accuracy_score(y, alert),
        "alert rate": alert.mean(),
        "AUROC ceiling (truth)": metrics.roc_auc_score(y, truth),
    }
    for name, value in expected.items():
        assert measured[name] == pytest.approx(value, abs=1e-9), name
    share = (expected["AUROC"] - 0.5) / (expected["AUROC ceiling (truth)"] - 0.5)
    assert measured["share of the way"] == pytest.approx(share, abs=1e-9)


def test_a_replicate_is_the_measure_of_people_counted_as_often_as_they_were_drawn():
    y, p, _ = predictions(300)
    weights = np.random.default_rng(1).poisson(1.0, (5, 300)).astype(float)
    auroc, auprc = discrimination(weights, ranking(y.astype(float), p))
    for i, w in enumerate(weights):
        assert auroc[i] == pytest.approx(metrics.roc_auc_score(y, p, sample_weight=w), abs=1e-9)
        assert auprc[i] == pytest.approx(metrics.average_precision_score(y, p, sample_weight=w), abs=1e-9)
    logodds, outcome = np.log(p / (1 - p)), y.astype(float)
    fits, shifts = recalibrated(outcome, logodds, weights, np.zeros(2)), shift(outcome, logodds, weights)
    drawn = weights[0].astype(int)
    again = evaluate(np.repeat(y, drawn), np.repeat(p, drawn), bootstrap=0)["estimate"]
    assert fits[0, 1] == pytest.approx(again["calibration slope"], abs=1e-9)
    assert shifts[0] == pytest.approx(again["calibration intercept"], abs=1e-9)


def test_calibration_agrees_with_a_logistic_regression():
    sm = pytest.importorskip("statsmodels.api")
    y, p, _ = predictions()
    logodds = np.log(p / (1 - p))
    fit = {"family": sm.families.Binomial()}
    intercept = sm.GLM(y.astype(float), np.ones(len(y)), offset=logodds, **fit).fit(tol=1e-13).params[0]
    slope = sm.GLM(y.astype(float), sm.add_constant(logodds), **fit).fit(tol=1e-13).params[1]
    measured = evaluate(y, p, bootstrap=0)["estimate"]
    assert measured["calibration intercept"] == pytest.approx(intercept, abs=1e-9)
    assert measured["calibration slope"] == pytest.approx(slope, abs=1e-9)


def test_calibration_solves_the_equations_of_maximum_likelihood():
    """At the intercept as many are expected as observed; at the slope the log-odds say nothing more."""
    y, p, _ = predictions()
    logodds = np.log(p / (1 - p))
    intercept = evaluate(y, p, bootstrap=0)["estimate"]["calibration intercept"]
    assert expit(intercept + logodds).sum() == pytest.approx(y.sum(), abs=1e-8)
    a, b = recalibrated(y.astype(float), logodds, np.ones((1, len(y))), np.zeros(2))[0]
    residual = y - expit(a + b * logodds)
    assert abs(residual.sum()) < 1e-8 and abs(residual @ logodds) < 1e-8


@pytest.mark.parametrize(("shift", "stretch"), [(0.0, 1.0), (0.7, 1.0), (0.0, 2.0), (0.0, 0.5)])
def test_a_model_that_is_too_timid_has_a_slope_above_one(shift, stretch):
    rng = np.random.default_rng(2)
    logodds = rng.normal(-1, 1, 40_000)
    y = rng.random(40_000) < expit(logodds)
    measured = evaluate(y, expit(logodds / stretch - shift), bootstrap=0)["estimate"]
    assert measured["calibration slope"] == pytest.approx(stretch, rel=0.05)
    if stretch == 1:
        assert measured["calibration intercept"] == pytest.approx(shift, abs=0.05)


def known_truth(threshold, spread=1.2):
    """What the measures are of a model that tells everybody the true risk, from a great many people."""
    risks = np.sort(expit(np.random.default_rng(4).normal(-1, spread, 1_000_000)))[::-1]
    alert, cases, others = risks >= threshold, risks.sum(), (1 - risks).sum()
    recall, specificity = risks[alert].sum() / cases, (1 - risks)[~alert].sum() / others
    odds = threshold / (1 - threshold)
    return {
        "prevalence": risks.mean(),
        # Of two people, one a case and one not, how often has the case the higher risk? Over all pairs.
        "AUROC": (risks * (others - np.cumsum(1 - risks))).sum() / (cases * others),
        "AUPRC": (risks * np.cumsum(risks) / np.arange(1, len(risks) + 1)).sum() / cases,
        "Brier": (risks * (1 - risks)).mean(),
        "Brier scaled": 1 - (risks * (1 - risks)).mean() / (risks.mean() * (1 - risks.mean())),
        "calibration intercept": 0.0,
        "calibration slope": 1.0,
        "O/E": 1.0,
        "recall": recall,
        "precision": risks[alert].mean(),
        "specificity": specificity,
        "balanced accuracy": (recall + specificity) / 2,
        "alert rate": alert.mean(),
        "net benefit": (risks * alert - odds * (1 - risks) * alert).mean(),
        "precision at prevalence": 0.02 * recall / (0.02 * recall + 0.98 * (1 - specificity)),
    }


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng, truth = np.random.default_rng(5), pd.Series(known_truth(threshold=0.3))
    held = []
    for run in range(1_200):
        p = expit(rng.normal(-1, 1.2, 500))
        y = rng.random(500) < p
        result = evaluate(y, p, threshold=0.3, prevalence=0.02, bootstrap=200, seed=run).loc[truth.index]
        held.append((result["low"] <= truth) & (truth <= result["high"]))
    coverage = pd.DataFrame(held).mean()
    assert coverage.between(0.93, 0.97).all(), coverage


def test_intervals_of_curves_hold_the_truth_as_often_as_they_say():
    """Net benefit, here and at a stated prevalence, and the calibration curve of a model that is right."""
    rng, truth = np.random.default_rng(6), known_truth(threshold=0.3)
    recall, specificity = truth["recall"], truth["specificity"]
    stated = 0.02 * recall - 0.98 * (1 - specificity) * 0.3 / 0.7
    held = []
    for _ in range(2_000):
        p = expit(rng.normal(-1, 1.2, 500))
        y = rng.random(500) < p
        curve = pd.concat([net_benefit(y, p, [0.3]), net_benefit(y, p, [0.3], prevalence=0.02)])
        smooth = calibration_curve(y, p, points=3)
        low, high = (np.concatenate([curve[end], smooth[end]]) for end in ("low", "high"))
        right = np.concatenate([[truth["net benefit"], stated], smooth["predicted"]])
        held.append((low <= right) & (right <= high))
    coverage = np.mean(held, axis=0)
    assert ((coverage > 0.93) & (coverage < 0.97)).all(), coverage


def test_the_same_seed_gives_the_same_intervals():
    y, p, _ = predictions(400)
    pd.testing.assert_frame_equal(evaluate(y, p, seed=3), evaluate(y, p, seed=3))
    assert not evaluate(y, p, seed=3).equals(evaluate(y, p, seed=4))


def test_more_people_give_a_narrower_interval_around_the_estimate():
    wide, narrow = (evaluate(*predictions(n)[:2]).loc["AUROC"] for n in (400, 6400))
    assert wide["low"] < wide["estimate"] < wide["high"]
    assert 3 < (wide["high"] - wide["low"]) / (narrow["high"] - narrow["low"]) < 5.5


def test_a_model_as_good_as_the_truth_is_all_the_way():
    y, _, truth = predictions()
    result = evaluate(y, truth, truth=truth)
    assert (result.loc["share of the way"] == 1).all()


def test_what_has_no_value_is_missing_and_the_rest_is_there():
    y = np.arange(40) < 8
    result = evaluate(y, np.full(40, 0.2), threshold=0.9, bootstrap=20)["estimate"]
    assert result["AUROC"] == 0.5 and result["recall"] == 0 and result["specificity"] == 1
    assert np.isnan(result["precision"]) and np.isnan(result["calibration slope"])
    assert result["calibration intercept"] == pytest.approx(0, abs=1e-9)
    apart = evaluate(y, np.where(y, 0.9, 0.1), bootstrap=20)["estimate"]
    assert apart["AUROC"] == 1 and np.isnan(apart["calibration slope"])  # no finite slope separates them


def test_risks_of_exactly_zero_and_one_can_be_judged():
    y, p, _ = predictions()
    p[p < 0.05] = 0
    assert np.isfinite(evaluate(y, p, bootstrap=20)).to_numpy().all()


def test_groups_of_the_calibration_table_hold_everybody_once():
    y, p, _ = predictions()
    table = calibration_table(y, p)
    assert table["people"].sum() == len(y) and table["outcomes"].sum() == y.sum()
    assert table["predicted"].is_monotonic_increasing and table["people"].between(120, 280).all()
    assert ((table["low"] <= table["observed"]) & (table["observed"] <= table["high"])).all()
    first = p <= np.quantile(p, 0.1)
    assert table.loc[0, "observed"] == pytest.approx(y[first].mean())
    assert len(calibration_table(y, np.full(len(y), 0.1))) == 1


def test_the_interval_of_a_share_is_that_of_wilson():
    """10 of 100: 5.52 % to 17.44 % (Wilson 1927, to four digits)."""
    table = calibration_table(np.arange(100) < 10, np.full(100, 0.1))
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx([0.0552, 0.1744], abs=1e-4)


def test_net_benefit_counts_false_alarms_at_the_odds_of_the_threshold():
    y, p, _ = predictions()
    curve = net_benefit(y, p, [0, 0.1, 0.3])
    true, false = (y & (p >= 0.3)).sum(), (~y & (p >= 0.3)).sum()
    assert curve.loc[0.3, "model"] == pytest.approx((true - false * 0.3 / 0.7) / len(y), abs=1e-12)
    assert curve.loc[0, "model"] == curve.loc[0, "treat all"] == pytest.approx(y.mean())
    assert (curve["treat none"] == 0).all()


@pytest.mark.parametrize(
    ("y", "p", "more", "says"),
    [
        ([0, 1], [0.1], {}, "shape"),
        ([0, 1, 1], [0.1, np.nan, 1.5], {}, "2 of 3 risks are missing or outside 0 to 1"),
        ([0, 0], [0.1, 0.2], {}, "All 2 people have the same outcome"),
        ([], [], {}, "All 0 people"),
        ([0, 2], [0.1, 0.2], {}, "values other than False and True"),
        ([0, 1], [0.1, 0.2], {"threshold": 20}, "The threshold is 20"),
        ([0, 1], [0.1, 0.2], {"prevalence": 0.1}, "needs both"),
        ([0, 1], [0.1, 0.2], {"threshold": 0.1, "prevalence": 4}, "The prevalence is 4"),
        ([0, 1], [0.1, 0.2], {"truth": [0.1]}, "shape"),
        ([0, 1], [0.1, 0.2], {"bootstrap": -1}, "bootstrap is -1"),
    ],
)
def test_what_can_not_be_judged_gets_a_sentence(y, p, more, says):
    with pytest.raises(LHSError, match=says):
        evaluate(y, p, **more)


def test_a_threshold_of_certainty_has_no_net_benefit():
    with pytest.raises(LHSError, match="below 1"):
        net_benefit([0, 1], [0.1, 0.2], [0.5, 1.0])


def test_decision_curves_agree_with_dcurves():
    dcurves = pytest.importorskip("dcurves")
    y, p, _ = predictions()
    cuts, frame = np.linspace(0.01, 0.9, 90), pd.DataFrame({"y": y.astype(int), "model": p})
    for prevalence in (None, 0.02):
        theirs = dcurves.dca(
            data=frame, outcome="y", modelnames=["model"], thresholds=cuts, prevalence=prevalence
        )
        theirs = theirs.pivot_table(index="threshold", columns="model", values="net_benefit", dropna=False)
        ours = net_benefit(y, p, cuts, prevalence)
        for mine, its in {"model": "model", "treat all": "all", "treat none": "none"}.items():
            np.testing.assert_allclose(ours[mine], theirs[its], atol=1e-9)


def test_net_benefit_at_the_threshold_is_that_of_the_curve():
    y, p, _ = predictions()
    result, curve = evaluate(y, p, threshold=0.2).loc["net benefit"], net_benefit(y, p, [0.2]).iloc[0]
    assert result["estimate"] == pytest.approx(curve["model"], abs=1e-12)
    # The interval of the curve is worked out, that of `evaluate` is drawn.
    assert result["high"] - result["low"] == pytest.approx(curve["high"] - curve["low"], rel=0.2)


def test_precision_at_the_prevalence_of_the_sample_is_the_precision():
    y, p, _ = predictions()
    result = evaluate(y, p, threshold=0.2, prevalence=y.mean(), bootstrap=0)["estimate"]
    assert result["precision at prevalence"] == pytest.approx(result["precision"], abs=1e-12)


def test_the_study_of_2022_at_the_natural_prevalence():
    """Recall 0.936 and precision 0.962 among 25 % cases are a precision of about 0.75 among 3.7 %."""
    cases, others = 25_000, 75_000
    found, false = round(0.936 * cases), round(0.936 * cases * (1 / 0.962 - 1))
    y = np.arange(cases + others) < cases
    alert = np.zeros(len(y))
    alert[:found] = alert[cases : cases + false] = 1
    result = evaluate(y, alert, threshold=0.5, prevalence=0.037, bootstrap=0)["estimate"]
    assert result["precision"] == pytest.approx(0.962, abs=1e-3)
    assert result["precision at prevalence"] == pytest.approx(0.75, abs=0.01)


def test_wilson_agrees_with_statsmodels():
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    k, n = np.array([0, 1, 10, 99, 100]), np.array([100, 3, 100, 100, 100])
    theirs = [proportion.proportion_confint(*pair, method="wilson") for pair in zip(k, n, strict=True)]
    np.testing.assert_allclose(np.transpose(wilson(k, n)), theirs, atol=1e-6)
    assert [float(end) for end in wilson(0, 0)] == [0, 1], "among nobody the share can be anything"


def test_the_calibration_curve_agrees_with_a_logistic_regression_on_the_same_spline():
    sm = pytest.importorskip("statsmodels.api")
    y, p, _ = predictions(decimals=12)
    x = np.log(p / (1 - p))
    knots = np.quantile(x, [0.05, 0.35, 0.65, 0.95])
    fit = sm.GLM(y.astype(float), spline(x, knots), family=sm.families.Binomial()).fit(tol=1e-14)
    curve = calibration_curve(y, p)
    at = spline(np.log(curve["predicted"] / (1 - curve["predicted"])).to_numpy(), knots)
    theirs = fit.get_prediction(at).summary_frame()
    np.testing.assert_allclose(curve["observed"], theirs["mean"], atol=1e-9)
    np.testing.assert_allclose(curve[["low", "high"]], theirs.iloc[:, 2:4], atol=1e-6)


def test_the_calibration_curve_finds_the_bend_that_was_put_in():
    rng = np.random.default_rng(3)
    told = rng.normal(-1, 1.5, 50_000)
    bent = np.where(told > -1, -1 + 0.4 * (told + 1), told)  # high risks are told too high
    curve = calibration_curve(rng.random(50_000) < expit(bent), expit(told))
    told = np.log(curve["predicted"] / (1 - curve["predicted"]))
    assert (curve["observed"] - expit(np.where(told > -1, -1 + 0.4 * (told + 1), told))).abs().max() < 0.03
    assert curve["predicted"].iloc[-1] - curve["observed"].iloc[-1] > 0.25
    assert (curve["high"] < curve["predicted"]).iloc[-10:].all()


def test_equal_or_separated_predictions_have_no_smooth_curve():
    y = np.arange(200) < 40
    with pytest.raises(LHSError, match="use calibration_table"):
        calibration_curve(y, np.full(200, 0.2))
    with pytest.raises(LHSError, match="do not overlap"):
        calibration_curve(y, np.linspace(0.9, 0.1, 200))
