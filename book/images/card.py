"""Draws card.png, which others show beside a link to the book. Run it after a change: python book/images/card.py"""

from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyArrowPatch

WIDTH, HEIGHT = 1200, 630  # pixels, the size that those who show cards ask for
STATIONS = [("Data", "#56B4E9"), ("Knowledge", "#F0E442"), ("Practice", "#E69F00")]  # as in cycle.svg
CENTRE, RADIUS = np.array([905, 290]), 178
INK = "#222222"


def on_ring(degrees: float) -> np.ndarray:
    """A point of the ring, clockwise from its top."""
    turned = np.radians(90 - degrees)
    return CENTRE + RADIUS * np.array([np.cos(turned), np.sin(turned)])


def draw(target: Path) -> None:
    plt.rcParams["font.family"] = "DejaVu Sans"  # matplotlib's own: the same on every computer
    fig = plt.figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor="#FBFBF8")
    ax = fig.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, HEIGHT))
    ax.axis("off")
    ax.text(64, 440, "LHS Quick Guide", fontsize=40, fontweight="bold", color=INK, va="center")
    ax.text(64, 335, "A learning health system,\nrun in front of you", fontsize=26, color=INK, va="center")
    ax.text(64, 205, "A synthetic hospital, its records,\na model, and what it changes", fontsize=19,
            color="#444444", va="center")  # fmt: skip
    for number, (word, colour) in enumerate(STATIONS):
        begin = 120 * number + (38 if number != 1 else 26)
        end = 120 * (number + 1) - (38 if number != 1 else 26)
        ax.add_patch(
            FancyArrowPatch(
                on_ring(begin), on_ring(end), connectionstyle="arc3,rad=-0.17", shrinkA=0, shrinkB=0,
                arrowstyle="-|>,head_width=0.25,head_length=0.5", mutation_scale=45, linewidth=6, color="#333333",
            )
        )  # fmt: skip
        box = {"boxstyle": "round,pad=0.65,rounding_size=1.2", "facecolor": colour, "edgecolor": "none"}
        ax.text(*on_ring(120 * number), word, fontsize=21, fontweight="bold", color="#111111", ha="center",
                va="center", bbox=box)  # fmt: skip
    fig.savefig(target, dpi=100, metadata={"Software": None})
    plt.close(fig)


if __name__ == "__main__":
    draw(Path(__file__).with_suffix(".png"))
