"""One look for every figure of the guide, and no figure without a description in words.

Colours are the eight of Okabe and Ito, told apart with any common colour blindness and in grey print.
Figures are small on purpose: at 390 pixels, the width of a phone, the lettering is still read.
"""

from __future__ import annotations

import base64
from html import escape
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from cycler import cycler
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from lhs_helpers.errors import LHSError

BLUE, ORANGE, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, AMBER, YELLOW, BLACK = "#56B4E9", "#E69F00", "#F0E442", "#000000"
PALETTE = (BLUE, ORANGE, GREEN, PINK, SKY, AMBER, BLACK, YELLOW)

STYLE = {
    "figure.figsize": (5.4, 3.6),
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 160,
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "lines.linewidth": 2,
    "legend.frameon": False,
    "image.cmap": "cividis",
}


def use_style() -> None:
    """Draw every figure from here on in the guide's style."""
    plt.rcParams.update(STYLE)


def figure(fig: Figure, alt: str, caption: str) -> None:
    """Show a figure with its alternative text and its caption, in a notebook and in the built book alike.

    Jupyter offers no place for alternative text on a plain picture, so the picture is shown as HTML.
    The figure is closed afterwards: a notebook would otherwise show it a second time, without the text.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        The finished figure; every axis that is visible carries a label.
    alt : str
        What a reader who can not see the figure needs: its kind, what is on the axes, what it shows.
    caption : str
        The finding, in a sentence, printed under the figure.

    Raises
    ------
    LHSError
        When the alternative text or the caption is missing, or an axis has no label.
    """
    from IPython.display import (
        HTML,
        display,
    )  # here, because the package also serves programs without Jupyter

    _check(fig, alt, caption)
    picture = BytesIO()
    fig.savefig(picture, format="png", bbox_inches="tight", facecolor="white")
    plt.close(fig)
    data = base64.b64encode(picture.getvalue()).decode()
    display(
        HTML(
            '<figure class="lhs-figure" style="margin: 1em 0">'
            f'<img alt="{escape(alt)}" style="width: 36em; max-width: 100%; height: auto; background: white" '
            f'src="data:image/png;base64,{data}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )
    )


def calibration(curve: pd.DataFrame, risks: np.ndarray, groups: pd.DataFrame | None = None) -> Figure:
    """A calibration curve with its interval, and below it how many people were told which risk.

    Parameters
    ----------
    curve : DataFrame
        ``predicted``, ``observed``, ``low``, ``high`` as shares, from `calibration_curve`.
    risks : array
        Predicted risks of everybody, for the histogram.
    groups : DataFrame, optional
        The same columns for groups of people, from `calibration_table`, drawn as points.
    """
    fig, (top, below) = plt.subplots(
        2, 1, figsize=(4.8, 5.0), sharex=True, height_ratios=[4, 1], layout="constrained"
    )
    ends = [
        curve[["predicted", "observed"]],
        *([] if groups is None else [groups[["predicted", "observed"]]]),
    ]
    highest = max(frame.max().max() for frame in ends)
    most = 100 * max(highest, min(curve["high"].max(), 1.3 * highest))
    top.plot([0, most], [0, most], color="grey", linewidth=1, linestyle="--", label="risks that are true")
    told = 100 * curve["predicted"]
    top.fill_between(told, 100 * curve["low"], 100 * curve["high"], color=SKY, alpha=0.35, linewidth=0)
    top.plot(told, 100 * curve["observed"], color=BLUE, label="observed, with 95 % interval")
    if groups is not None:
        error = 100 * np.abs(groups[["low", "high"]].sub(groups["observed"], axis=0).to_numpy().T)
        at = 100 * groups["predicted"], 100 * groups["observed"]
        top.errorbar(*at, error, fmt="o", color=ORANGE, capsize=3, linewidth=1.2, label="groups of people")
    top.set(ylabel="Observed outcome (%)", xlim=(0, most), ylim=(0, most))
    top.legend(loc="upper left", fontsize=9)
    counted, edges = np.histogram(100 * np.asarray(risks), bins=np.linspace(0, most, 41))
    below.bar(edges[:-1], counted, width=np.diff(edges), align="edge", color=BLUE)
    below.set(xlabel="Predicted risk (%)", ylabel="People", yscale="log")
    below.yaxis.set_major_formatter("{x:,.0f}")
    return fig


def decision_curve(curves: dict[str, pd.DataFrame], per: int = 10_000) -> Figure:
    """Net benefit of one or several models against acting on everybody and on nobody.

    Parameters
    ----------
    curves : dict
        Name of each model, and its table from `net_benefit`; the interval of the first is shaded.
    per : int
        People to whom the net benefit is scaled.
    """
    fig, ax = plt.subplots()
    first = next(iter(curves.values()))
    at = 100 * first.index.to_numpy()
    ax.fill_between(at, per * first["low"], per * first["high"], color=PALETTE[0], alpha=0.18, linewidth=0)
    for (name, table), color, line in zip(
        curves.items(), PALETTE, ("-", "-.", (0, (5, 1)), (0, (3, 1, 1, 1))), strict=False
    ):
        ax.plot(100 * table.index, per * table["model"], color=color, linestyle=line, label=name)
    ax.plot(at, per * first["treat all"], color="grey", linestyle="--", linewidth=1.4, label="everybody")
    ax.plot(at, per * first["treat none"], color="black", linestyle=":", linewidth=1.4, label="nobody")
    top = per * max(table["model"].max() for table in curves.values())
    ax.set(
        xlabel="Threshold (%)",
        ylabel=f"Net benefit (cases per {per:,} people)",
        ylim=(-0.15 * top, 1.15 * top),
    )
    ax.legend(fontsize=9)
    return fig


def learning_curve(fits: pd.DataFrame, ceilings: pd.DataFrame | None = None) -> Figure:
    """AUROC of fits on growing numbers of people, below the ceilings they may reach.

    Parameters
    ----------
    fits : DataFrame
        ``people`` and ``auroc``, one row per fit.
    ceilings : DataFrame, optional
        ``estimate``, ``low``, ``high`` by name, from `ceilings`; the interval is shaded for the record ceiling.
    """
    fig, ax = plt.subplots()
    means = fits.groupby("people")["auroc"].mean()
    ax.plot(fits["people"], fits["auroc"], "o", color=SKY, markersize=4, label="one fit")
    ax.plot(means.index, means, color=BLUE, label="mean of the fits")
    shown = pd.DataFrame() if ceilings is None else ceilings.drop(["model", "largest fit"], errors="ignore")
    styles = {"record": (ORANGE, "-"), "state": (GREEN, "-."), "hazard": (PINK, "--")}
    for name, row in shown.iterrows():
        color, line = styles.get(name, (BLACK, ":"))
        ax.axhline(row["estimate"], color=color, linestyle=line, linewidth=1.6, label=f"{name} ceiling")
    if "record" in shown.index:
        ax.axhspan(*shown.loc["record", ["low", "high"]], color=ORANGE, alpha=0.13, linewidth=0)
    ax.set(xscale="log", xlabel="People learned from", ylabel="AUROC on other people")
    ticks = sorted(set(fits["people"]))
    ax.set_xticks(ticks, labels=[f"{n:,}" for n in ticks])
    ax.minorticks_off()
    ax.legend(fontsize=9, loc="lower right")
    return fig


def forest(table: pd.DataFrame, measure: str = "AUROC", reference: float | None = None) -> Figure:
    """One measure in every group, with its interval and how many had the outcome; groups without a verdict say so.

    Parameters
    ----------
    table : DataFrame
        From `by_group`.
    measure : str
        Which measure.
    reference : float, optional
        A vertical line; by default the estimate of everybody.
    """
    rows = table[table["measure"] == measure].reset_index(drop=True)
    if rows.empty:
        raise LHSError(
            f"The table has no measure {measure!r}; it has {', '.join(table['measure'].unique())}."
        )
    everybody = rows["attribute"] == "all"
    if reference is None and everybody.any():
        reference = rows.loc[everybody, "estimate"].iloc[0]
    # A gap between attributes, so that the eye finds where one ends.
    place = np.arange(len(rows)) + 0.6 * (rows["attribute"] != rows["attribute"].shift()).cumsum()
    fig, ax = plt.subplots(figsize=(5.6, 0.9 + 0.27 * place.max()))
    if reference is not None:
        ax.axvline(reference, color="grey", linewidth=1, linestyle="--")
    said = rows["estimate"].notna()
    error = np.abs(rows[["low", "high"]].sub(rows["estimate"], axis=0).to_numpy().T)
    for which, color, marker in ((said & everybody, BLACK, "D"), (said & ~everybody, BLUE, "o")):
        at = rows.loc[which, "estimate"], place[which]
        ax.errorbar(
            *at, xerr=error[:, which], fmt=marker, color=color, capsize=3, linewidth=1.4, markersize=5
        )
    names = rows["group"].where(everybody, rows["attribute"] + ": " + rows["group"])
    counts = rows["outcomes"].map("{:,}".format) + " of " + rows["people"].map("{:,}".format)
    ax.set_yticks(place, labels=names + "  (" + counts + ")", fontsize=9)
    ax.invert_yaxis()
    ax.set(xlabel=f"{measure} (with 95 % interval)", ylabel="Group (outcomes of people)")
    ax.grid(axis="y", visible=False)
    middle = ax.get_xlim()[0] + 0.02 * np.ptp(ax.get_xlim())
    for y in place[~said]:
        ax.text(middle, y, "too few to say", va="center", fontsize=9, color="#555555", style="italic")
    return fig


def _check(fig: Figure, alt: str, caption: str) -> None:
    for text, name in ((alt, "alternative text (alt)"), (caption, "caption")):
        if not text.strip():
            raise LHSError(
                f"This figure has an empty {name}; write one or two sentences that say what it shows."
            )
    for axes in fig.axes:
        for axis, shared in ((axes.xaxis, fig.get_supxlabel()), (axes.yaxis, fig.get_supylabel())):
            if _has_numbers(axis) and not (axis.get_label_text() or shared):
                name = axis.axis_name
                raise LHSError(
                    f"The {name} axis of this figure has no label; name the quantity and its unit."
                )


def _has_numbers(axis: Axis) -> bool:
    """Whether a reader sees tick labels here (hidden ones belong to a neighbour that shares the scale)."""
    return (
        axis.axes.axison
        and axis.get_visible()
        and any(t.label1.get_visible() for t in axis.get_major_ticks())
    )
