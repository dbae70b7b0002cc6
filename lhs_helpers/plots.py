"""One look for every figure of the guide, and no figure without a description in words.

Colours are the eight of Okabe and Ito, told apart with any common colour blindness and in grey print.
Figures are small on purpose: at 390 pixels, the width of a phone, the lettering is still read.
"""

from __future__ import annotations

import base64
from html import escape
from io import BytesIO

import matplotlib.pyplot as plt
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
