"""Monitoring against known answers: no alarm without a change, a change is seen, and what can not be seen stays so."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from lhs_helpers.errors import LHSError
from lhs_helpers.plots import _check
from lhs_helpers.system.monitor import (
    alert_burden,
    data_drift,
    expected_performance,
    performance_over_time,
)
from lhs_helpers.system.monitor_plot import monitoring_figure


def ward(draw, n, age=60.0, share=0.2, measured=0.7):
    """Age, a flag, and a laboratory value that some have."""
    value = np.where(draw.random(n) < measured, draw.gamma(5, 2, n), np.nan)
    return pd.DataFrame(
        {"age": draw.normal(age, 12, n), "flag": draw.random(n) < share, "lab": value}
    ).astype(float)


def test_psi_and_smd_by_hand():
    then = pd.DataFrame({"flag": [0.0] * 800 + [1.0] * 200})
    now = pd.DataFrame({"flag": [0.0] * 600 + [1.0] * 400})
    row = data_drift(then, now).loc["flag"]
    by_hand = (0.4 - 0.2) * np.log(0.4 / 0.2) + (0.6 - 0.8) * np.log(0.6 / 0.8)
    assert row["psi"] == pytest.approx(by_hand, rel=0.01)
    assert row["smd"] == pytest.approx(0.2 / np.sqrt((0.16 + 0.24) / 2), rel=0.01)
    assert row["drifted"]


@pytest.mark.parametrize("people", [300, 3_000])
def test_without_drift_alarms_are_as_rare_as_promised(people, monkeypatch):
    monkeypatch.setattr("lhs_helpers.system.monitor.MATERIAL", 0)  # chance alone, whatever its size
    draw, trials = np.random.default_rng(0), 400
    alarms = sum(
        data_drift(ward(draw, 2 * people), ward(draw, people), false_alarm=0.1)["drifted"].any()
        for _ in range(trials)
    )
    # Sharing the chance among the features promises at most 10 %; far below it the limits would be useless.
    assert stats.binom.ppf(0.001, trials, 0.03) <= alarms <= stats.binom.ppf(0.999, trials, 0.1)


@pytest.mark.parametrize(
    ("change", "feature"),
    [
        (lambda now: now.assign(age=now["age"] + 6), "age"),
        (lambda now: now.assign(lab=now["lab"] * 18), "lab"),  # an assay changes its unit
        (lambda now: now.assign(lab=now["lab"].where(now.index % 3 == 0)), "lab"),  # and is ordered less
        (lambda now: now.assign(flag=0.0), "flag"),  # a code is replaced
    ],
)
def test_what_moves_is_found_and_nothing_else(change, feature):
    draw = np.random.default_rng(1)
    table = data_drift(ward(draw, 4_000), change(ward(draw, 2_000)))
    assert table.index[table["drifted"]].to_list() == [feature]
    assert table.index[0] == feature


def test_a_few_people_are_no_drift():
    draw = np.random.default_rng(2)
    then = ward(draw, 4_000)
    assert not data_drift(then, ward(draw, 25)).loc[:, "drifted"].any()


def test_frames_with_other_columns_are_refused():
    draw = np.random.default_rng(3)
    with pytest.raises(LHSError, match="need the same columns"):
        data_drift(ward(draw, 10), ward(draw, 10)[["age"]])


def years(draw, n, periods, odds=1.0, slope=1.0):
    """People of several years whose true log-odds are `slope` times the predicted ones plus log(`odds`)."""
    logodds = draw.normal(-2, 1, (periods, n))
    truth = 1 / (1 + np.exp(-(slope * logodds + np.log(odds))))
    return pd.DataFrame(
        {
            "time": np.repeat(pd.date_range("1900-01-01", periods=periods, freq="YS"), n),
            "risk": (1 / (1 + np.exp(-logodds))).ravel(),
            "label": (draw.random((periods, n)) < truth).ravel(),
        }
    )


def true_auroc(draw):
    calm = years(draw, 200_000, 1)
    return roc_auc_score(calm["label"], calm["risk"])


def test_a_good_model_stays_within_its_limits():
    draw = np.random.default_rng(4)
    auroc = true_auroc(draw)
    table = performance_over_time(years(draw, 800, 350), reference_auroc=auroc)
    for _, rows in table.groupby("measure"):
        # Three standard errors: 1 in 370 of a normal; the limits of AUROC are a little generous.
        assert rows["outside"].sum() <= stats.binom.ppf(0.999, len(rows), 0.006)
        spread = (rows["estimate"] - rows["centre"]).std() / ((rows["high"] - rows["low"]).mean() / 6)
        assert 0.8 < spread < 1.2, "and they are no wider than chance is"


def test_risks_that_are_wrong_on_average_leave_the_limits_of_calibration_only():
    draw = np.random.default_rng(5)
    table = performance_over_time(years(draw, 3_000, 20, odds=1.6), reference_auroc=true_auroc(draw))
    outside = table.groupby("measure")["outside"].mean()
    assert outside["O/E"] > 0.9 and outside["AUROC"] < 0.2
    assert table.query("measure == 'O/E'")["estimate"].mean() == pytest.approx(1.45, abs=0.1)


def test_a_model_that_ranks_worse_leaves_the_limits_of_discrimination():
    draw = np.random.default_rng(6)
    table = performance_over_time(years(draw, 3_000, 20, slope=0.3), reference_auroc=true_auroc(draw))
    assert table.query("measure == 'AUROC'")["outside"].mean() > 0.9


def test_a_period_with_hardly_an_outcome_gets_no_estimate():
    draw = np.random.default_rng(7)
    table = performance_over_time(years(draw, 8, 3, odds=0.01), reference_auroc=0.8)
    assert table["estimate"].isna().all() and not table["outside"].any() and (table["people"] == 8).all()


def measured(y, p, threshold):
    alert = p >= threshold
    return {
        "AUROC": roc_auc_score(y, p),
        "recall": y[alert].sum() / y.sum(),
        "precision": y[alert].mean(),
        "prevalence": y.mean(),
    }


def test_expected_performance_is_what_calibrated_risks_reach():
    draw = np.random.default_rng(8)
    big = years(draw, 200_000, 1)
    found = measured(big["label"], big["risk"], 0.2)
    expected = expected_performance(big["risk"], threshold=0.2, draws=2)["estimate"]
    for measure, value in found.items():
        assert expected[measure] == pytest.approx(value, abs=0.006), measure
    inside, trials = dict.fromkeys(found, 0), 200
    for _ in range(trials):
        some = years(draw, 400, 1)
        table = expected_performance(some["risk"], threshold=0.2, draws=300)
        for measure, value in measured(some["label"], some["risk"], 0.2).items():
            inside[measure] += table.loc[measure, "low"] <= value <= table.loc[measure, "high"]
    for measure, times in inside.items():
        assert stats.binom.ppf(0.001, trials, 0.93) <= times, measure


def test_expected_performance_follows_who_comes():
    draw = np.random.default_rng(9)
    everybody = years(draw, 100_000, 1)
    alike = everybody[everybody["risk"].between(0.1, 0.3)]
    expected = expected_performance(alike["risk"], draws=2)["estimate"]
    assert expected["AUROC"] == pytest.approx(roc_auc_score(alike["label"], alike["risk"]), abs=0.01)
    assert expected["AUROC"] < expected_performance(everybody["risk"], draws=2)["estimate"]["AUROC"] - 0.05


def test_the_blind_spot_when_the_disease_changes_and_the_patients_do_not_nothing_moves():
    draw = np.random.default_rng(10)
    before, after = years(draw, 50_000, 1), years(draw, 50_000, 1, slope=0.0)
    expected = [expected_performance(some["risk"], draws=2)["estimate"]["AUROC"] for some in (before, after)]
    real = [roc_auc_score(some["label"], some["risk"]) for some in (before, after)]
    assert real[0] - real[1] > 0.2, "the model has become useless"
    assert abs(expected[0] - expected[1]) < 0.01, "and nobody can tell without labels"


def calls():
    """Two months: four calls with three cards, two of them to the same person; then two calls with one card."""
    rows = [
        ("2018-01-05", "ann", "a", True),
        ("2018-01-06", "bob", "b", True),
        ("2018-01-07", "cleo", None, False),
        ("2018-01-20", "ann", "c", True),
        ("2018-02-05", "ann", "d", True),
        ("2018-02-06", "dan", None, True),
    ]
    risks = pd.DataFrame(rows, columns=["received_at", "person", "card", "alert"])
    said = [
        ("a", "overridden", "2018-01-05"),
        ("b", "overridden", "2018-01-06"),
        ("d", "accepted", "2018-02-07"),
    ]
    said += [("a", "accepted", "2018-01-09")]  # a second answer to the same card counts
    feedback = pd.DataFrame(said, columns=["card", "outcome", "received_at"])
    for frame in (risks, feedback):
        frame["received_at"] = pd.to_datetime(frame["received_at"], utc=True)
    return risks, feedback


def test_alerts_and_answers_are_counted():
    table = alert_burden(*calls()).drop(columns=["period", "low", "high"])
    january, february = table.to_dict("records")
    whole = {"calls": 4, "alerts": 3, "cards": 3, "repeats": 1, "accepted": 1, "overridden": 1, "ignored": 1}
    assert january == whole | {"per_100": 75.0, "overridden_share": 0.5}
    whole = {"calls": 2, "alerts": 2, "cards": 1, "repeats": 1, "accepted": 1, "overridden": 0, "ignored": 0}
    assert february == whole | {"per_100": 50.0, "overridden_share": 0.0}


def test_without_answers_every_card_was_ignored_and_no_share_is_made_up():
    table = alert_burden(calls()[0])
    assert table["ignored"].to_list() == [3, 1] and table["overridden_share"].isna().all()


def example():
    """Ten years in which the disease becomes commoner, an assay changes and clinicians tire."""
    draw = np.random.default_rng(11)
    calm, changed = years(draw, 2_000, 6), years(draw, 2_000, 4, odds=1.7)
    changed["time"] += pd.DateOffset(years=6)
    both = pd.concat([calm, changed])
    both["time"] += pd.DateOffset(years=114)
    performance = performance_over_time(both, reference_auroc=true_auroc(draw))
    then, now = ward(draw, 4_000), ward(draw, 2_000)
    drift = data_drift(then, now.assign(lab=now["lab"] * 18))
    drift.index = ["Glucose [Mass/volume] in Blood: last", "Age (years)", "Tobacco smoking status: ever"]
    month = np.repeat(np.arange(12), 120)
    time = pd.date_range("2018-01-01", periods=12, freq="MS", tz="UTC")[month]
    shown = draw.random(len(month)) < 0.15
    names = np.char.add("p", draw.integers(0, 600, len(month)).astype(str))
    risks = pd.DataFrame({"received_at": time, "person": names, "alert": shown})
    risks["card"] = np.where(shown, np.char.add("c", np.arange(len(month)).astype(str)), None)
    cards = risks[shown]
    overridden = draw.random(len(cards)) < 0.3 + 0.05 * month[shown]
    feedback = pd.DataFrame({"card": cards["card"], "received_at": cards["received_at"]})
    feedback["outcome"] = np.where(overridden, "overridden", "accepted")
    return performance, drift, alert_burden(risks, feedback)


def test_the_figure_says_what_the_tables_say():
    performance, drift, alerts = example()
    fig = monitoring_figure(performance, drift, alerts)
    titles = [axes.get_title(loc="left") for axes in fig.axes]
    outside = performance.query("measure == 'O/E'")["outside"]
    assert 3 <= outside.sum() <= 4
    assert titles[0] == f"Are the risks right?\n{outside.sum()} of 10 periods outside chance."
    assert titles[1] == "Does it still rank people?\nAll 10 periods within chance."
    assert titles[2] == "Has the world moved?\n1 of 3 features drifted; those that moved most:"
    assert titles[3].startswith(f"How often does it speak?\n{alerts['cards'].sum():,} cards")
    overridden = alerts["overridden"].sum() / (alerts["accepted"] + alerts["overridden"]).sum()
    assert titles[4].startswith(f"Does anybody listen?\n{overridden:.0%} overridden")
    _check(fig, "a description", "a finding")  # every axis has a label
    plt.close(fig)


def test_a_change_in_how_often_it_speaks_fills_its_panel_and_no_answers_make_no_panel():
    performance, drift, alerts = example()
    alerts = alerts.assign(accepted=0, overridden=0, per_100=np.linspace(8, 2, len(alerts)))
    fig = monitoring_figure(performance, drift, alerts, most_features=2)
    assert len(fig.axes) == 4
    low, high = fig.axes[3].get_ylim()
    assert (8 - 2) / (high - low) > 0.5
    for axes in fig.axes[:2]:
        (line,) = (line for line in axes.lines if line.get_marker() == "D")
        assert all(axes.get_ylim()[0] < value < axes.get_ylim()[1] for value in line.get_ydata())
    plt.close(fig)
