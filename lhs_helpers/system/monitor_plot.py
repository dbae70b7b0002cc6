"""One figure for the committee that oversees a model: is it right, does it rank, has the world moved, who listens?"""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from lhs_helpers.plots import BLUE, GREEN, ORANGE, STYLE

GREY = "#E3E3E3"


def monitoring_figure(
    performance: pd.DataFrame, drift: pd.DataFrame, alerts: pd.DataFrame, *, most_features: int = 5
) -> Figure:
    """Panels one under the other; grey is where chance alone puts a good model, orange is outside.

    Each has a question for a title and its answer below: are the risks right, does the model still rank people, has the
    world moved, how often does it speak, and, once a card was answered, does anybody listen?

    Parameters
    ----------
    performance : DataFrame
        From ``monitor.performance_over_time``.
    drift : DataFrame
        From ``monitor.data_drift``.
    alerts : DataFrame
        From ``monitor.alert_burden``.
    most_features : int
        How many features to show, those that moved most.
    """
    shown = min(most_features, len(drift))
    answered = bool((alerts["accepted"] + alerts["overridden"]).any())
    heights = [1, 1, 0.3 + 0.2 * shown, 1, 1] if answered else [1, 1, 0.3 + 0.2 * shown, 1]
    with plt.rc_context(STYLE):
        fig, panels = plt.subplots(
            len(heights), 1, figsize=(5.4, 2.2 * sum(heights) + 0.4), height_ratios=heights
        )
        note = "Grey: where chance alone keeps a good model. Orange: outside."
        fig.suptitle(note, size=10, x=0.01, horizontalalignment="left")
        _chart(panels[0], performance, "O/E", "Outcomes observed\nper expected", "Are the risks right?")
        _chart(panels[1], performance, "AUROC", "AUROC", "Does it still rank people?")
        _features(panels[2], drift, shown)
        _cards(panels[3], alerts)
        if answered:
            _answers(panels[4], alerts)
    return fig


def _chart(axes: Axes, performance: pd.DataFrame, measure: str, label: str, question: str) -> None:
    rows = performance[performance["measure"] == measure]
    axes.fill_between(rows["period"], rows["low"], rows["high"], color=GREY, step=None, linewidth=0)
    axes.plot(rows["period"], rows["centre"], color="#777777", linewidth=1, linestyle="--")
    axes.plot(rows["period"], rows["estimate"], color=BLUE, marker="o", markersize=4)
    outside = rows[rows["outside"]]
    axes.plot(
        outside["period"], outside["estimate"], linestyle="", marker="D", markersize=8, color=ORANGE, zorder=3
    )
    judged = rows["estimate"].notna().sum()
    axes.set_title(f"{question}\n{_verdict(len(outside), judged)}")
    axes.set_ylabel(label)
    axes.set_xlabel("Index date")
    axes.margins(y=0.12)
    _dates(axes)


def _dates(axes: Axes) -> None:
    locator = AutoDateLocator(minticks=3, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _verdict(outside: int, judged: int) -> str:
    if not judged:
        return "No labels yet."
    return (
        f"{outside} of {judged} periods outside chance."
        if outside
        else f"All {judged} periods within chance."
    )


def _features(axes: Axes, drift: pd.DataFrame, shown: int) -> None:
    rows = drift.head(shown)[::-1]
    places = range(len(rows))
    colours = [ORANGE if drifted else BLUE for drifted in rows["drifted"]]
    axes.barh(places, rows["psi"], color=colours, height=0.35)
    axes.plot(rows["psi_limit"], places, linestyle="", marker="|", markersize=13, color="black")
    # The names stand above their bars: beside them they would take half of the width from every panel.
    for place, name in zip(places, rows.index, strict=True):
        axes.text(0, place + 0.23, f" {name if len(name) <= 55 else name[:54] + '…'}", size=9, va="bottom")
    axes.set_ylim(-0.5, len(rows) - 0.2)
    axes.set_yticks([])
    axes.set_ylabel("Feature")
    axes.set_xlabel("Population stability index (| limit)")
    verdict = f"{drift['drifted'].sum()} of {len(drift)} features drifted; those that moved most:"
    axes.set_title(f"Has the world moved?\n{verdict}")


def _cards(axes: Axes, alerts: pd.DataFrame) -> None:
    """On a scale of its own: from eight cards a hundred calls to two is news, and hardly seen on one to a hundred."""
    axes.plot(_periods(alerts), alerts["per_100"], color=BLUE, marker="o", markersize=4)
    axes.set_ylim(0, 1.15 * max(alerts["per_100"].max(), 1))
    axes.set_ylabel("Cards a\nhundred calls")
    axes.set_xlabel("Date of the call")
    _dates(axes)
    cards, repeats = alerts["cards"].sum(), alerts["repeats"].sum()
    axes.set_title(
        f"How often does it speak?\n{cards:,} cards, {repeats:,} of them to somebody who had one before."
    )


def _answers(axes: Axes, alerts: pd.DataFrame) -> None:
    axes.fill_between(
        _periods(alerts), 100 * alerts["low"], 100 * alerts["high"], color=GREEN, alpha=0.2, linewidth=0
    )
    axes.plot(_periods(alerts), 100 * alerts["overridden_share"], color=GREEN, marker="s", markersize=4)
    axes.set_ylim(0, 105)
    axes.set_ylabel("Overridden, of\nanswered (%)")
    axes.set_xlabel("Date of the call (band: 95 % interval)")
    _dates(axes)
    answered = (alerts["accepted"] + alerts["overridden"]).sum()
    overridden, ignored = alerts["overridden"].sum() / answered, alerts["ignored"].sum()
    axes.set_title(f"Does anybody listen?\n{overridden:.0%} overridden; {ignored:,} cards never answered.")


def _periods(alerts: pd.DataFrame) -> pd.Series:
    return alerts["period"].dt.tz_localize(None)
