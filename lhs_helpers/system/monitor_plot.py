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
    """Four panels, one under the other; grey is where chance alone puts a good model, orange is outside.

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
    with plt.rc_context(STYLE):
        heights = [1, 1, 0.3 + 0.2 * min(most_features, len(drift)), 1]
        fig, panels = plt.subplots(4, 1, figsize=(5.4, 9.6), height_ratios=heights)
        _chart(panels[0], performance, "O/E", "Outcomes observed\nper expected", "Are the risks right?")
        _chart(panels[1], performance, "AUROC", "AUROC", "Does it still rank people?")
        _features(panels[2], drift.head(most_features))
        _alerts(panels[3], alerts)
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


def _features(axes: Axes, drift: pd.DataFrame) -> None:
    rows = drift[::-1]
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
    drifted = int(drift["drifted"].sum())
    verdict = f"{drifted} of the {len(drift)} that moved most drifted." if drifted else "Not noticeably."
    axes.set_title(f"Has the world moved?\n{verdict}")


def _alerts(axes: Axes, alerts: pd.DataFrame) -> None:
    period = alerts["period"].dt.tz_localize(None)
    axes.fill_between(period, 100 * alerts["low"], 100 * alerts["high"], color=GREEN, alpha=0.2, linewidth=0)
    axes.plot(period, 100 * alerts["overridden_share"], color=GREEN, marker="s", markersize=4)
    axes.plot(period, alerts["per_100"], color=BLUE, marker="o", markersize=4)
    axes.set_ylabel("Percent")
    axes.set_xlabel("Date of the call")
    _dates(axes)
    answered = int((alerts["accepted"] + alerts["overridden"]).sum())
    overridden = f"{alerts['overridden'].sum() / answered:.0%} overridden" if answered else "none answered"
    axes.set_title(f"Does anybody listen?\n{alerts['cards'].sum():,} cards, {overridden}.")
    # Words above the lines, in their colours: a legend would be one more thing to look up.
    axes.set_ylim(0, 125)
    axes.set_yticks(range(0, 101, 25))
    axes.text(0.01, 0.98, "of answers override", color=GREEN, transform=axes.transAxes, va="top")
    axes.text(0.99, 0.98, "of calls show a card", color=BLUE, transform=axes.transAxes, va="top", ha="right")
