"""Every figure of the guide can be read by somebody who does not see it."""

import matplotlib.pyplot as plt
import pytest

from lhs_helpers.errors import LHSError
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
