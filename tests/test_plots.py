"""Every figure of the guide can be read by somebody who does not see it."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from lhs_helpers import plots
from lhs_helpers.errors import LHSError
from lhs_helpers.learning import by_group, calibration_curve, calibration_table, net_benefit
from lhs_helpers.plots import figure, use_style


@pytest.fixture
def drawing():
    with plt.rc_context({"backend": "agg"}):
        use_style()
        fig, ax = plt.subplots()
        ax.plot([40, 60, 80], [1, 3, 9])
        ax.set(xlabel="age (years)", ylabel="strokes (per 1,000 person-years)")
        yield fig
        plt.close("all")


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr("IPython.display.display", outputs.append)
    return outputs


def test_a_figure_carries_its_description_and_its_caption(drawing, shown):
    figure(drawing, alt='Strokes "double" from <60> on.', caption="Risk rises with age & more.")
    (output,) = shown
    assert 'alt="Strokes &quot;double&quot; from &lt;60&gt; on."' in output.data
    assert "<figcaption>Risk rises with age &amp; more.</figcaption>" in output.data


def test_a_figure_is_not_shown_a_second_time_without_its_description(drawing, shown):
    figure(drawing, alt="A line that rises.", caption="Risk rises with age.")
    assert not plt.fignum_exists(drawing.number)


@pytest.mark.parametrize(("alt", "caption"), [("", "Risk rises."), ("A line.", "  ")])
def test_a_figure_without_words_is_refused(drawing, alt, caption):
    with pytest.raises(LHSError, match="empty"):
        figure(drawing, alt=alt, caption=caption)


def test_an_axis_without_a_label_is_refused(drawing):
    drawing.axes[0].set_ylabel("")
    with pytest.raises(LHSError, match="y axis .* has no label"):
        figure(drawing, alt="A line.", caption="Risk rises.")


def test_axes_that_share_a_scale_need_one_label(shown):
    with plt.rc_context({"backend": "agg"}):
        fig, (left, right) = plt.subplots(1, 2, sharey=True)
        left.set(xlabel="age (years)", ylabel="risk")
        right.set_xlabel("age (years)")
        figure(fig, alt="Two panels.", caption="The same in both.")
    assert len(shown) == 1


@pytest.fixture
def studied():
    """Outcomes and risks of 2,000 people, and tables as the learning floor makes them."""
    rng = np.random.default_rng(0)
    p = 1 / (1 + np.exp(3 - rng.normal(size=2_000)))
    y = rng.random(2_000) < p
    with plt.rc_context({"backend": "agg"}):
        use_style()
        yield y, p
        plt.close("all")


def drawn(fig, shown):
    """The figure with words, after the check that each of its axes carries a label."""
    fig.canvas.draw()
    figure(fig, alt="A drawing.", caption="A finding.")
    assert len(shown) == 1
    return fig


def test_a_calibration_plot_shows_curve_groups_and_how_many_people(studied, shown):
    y, p = studied
    fig = drawn(plots.calibration(calibration_curve(y, p), p, calibration_table(y, p)), shown)
    top, below = fig.axes
    assert "observed, with 95 % interval" in top.get_legend_handles_labels()[1]
    counted = sum(bar.get_height() for bar in below.patches)
    assert counted == (100 * p <= top.get_xlim()[1]).sum()


def test_a_decision_plot_shows_each_model_and_both_simple_rules(studied, shown):
    y, p = studied
    curves = {"model": net_benefit(y, p, [0.01, 0.05, 0.1]), "half": net_benefit(y, p / 2, [0.01, 0.05, 0.1])}
    fig = drawn(plots.decision_curve(curves, per=1_000), shown)
    lines = {line.get_label(): line for line in fig.axes[0].lines}
    assert list(lines) == ["model", "half", "everybody", "nobody"]
    np.testing.assert_allclose(lines["half"].get_ydata(), 1_000 * curves["half"]["model"])


def test_a_learning_curve_lies_below_its_ceilings(studied, shown):
    fits = pd.DataFrame({"people": [100, 100, 400, 400], "auroc": [0.6, 0.62, 0.68, 0.7]})
    ends = pd.DataFrame(
        {"estimate": [0.65, 0.8, 0.75, 0.69]}, index=["model", "hazard", "record", "largest fit"]
    )
    fig = drawn(plots.learning_curve(fits, ends.assign(low=0.7, high=0.85)), shown)
    lines = {line.get_label(): line for line in fig.axes[0].lines}
    assert set(lines) == {"one fit", "mean of the fits", "hazard ceiling", "record ceiling"}
    assert lines["mean of the fits"].get_ydata().tolist() == pytest.approx([0.61, 0.69])


def test_a_forest_has_a_line_for_every_group_and_words_where_nothing_can_be_said(studied, shown):
    y, p = studied
    groups = pd.DataFrame({"site": np.where(np.arange(2_000) < 30, "small", "main")})
    table = by_group(y, p, groups, bootstrap=20)
    fig = drawn(plots.forest(table), shown)
    words = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert words[1:] == [f"site: main  ({y[30:].sum()} of 1,970)", f"site: small  ({y[:30].sum()} of 30)"]
    assert [text.get_text() for text in fig.axes[0].texts] == ["too few to say"]
    with pytest.raises(LHSError, match="no measure 'accuracy'; it has prevalence, AUROC"):
        plots.forest(table, "accuracy")
