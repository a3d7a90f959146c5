"""A picture of how a run went: losses, figures, learning rate and speed over the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from detector.training.tables import LOSSES

Floats = NDArray[np.float64]

MOST_POINTS = 400
"""Of a drawn curve: each is the mean of as many steps as needed."""

SMOOTH_POINTS = 20
"""Points that the bold curve of a loss is the mean of, up to its place."""


def save_curves(
    steps: Mapping[str, Floats], results: Sequence[Mapping[str, float]], path: Path
) -> None:
    """Writes the curves of a run so far as a PNG file.

    Args:
        steps: Columns of `StepTable`.
        results: Rows of `ResultTable`, at least one.
        path: An old one is replaced.
    """
    figure = Figure(figsize=(16, 7), dpi=90, layout="constrained")
    figure.supxlabel("step", fontsize=10)
    above, below = figure.subplots(2, 4)
    for axes, name in zip(above, LOSSES, strict=False):
        _draw(axes, steps, name, f"{name} loss")
    _draw(above[3], steps, "learning_rate", "learning rate")
    _draw_figures(below[0], results, ("AP", "AP50"), "all classes, validation images")
    names = dict.fromkeys(name for row in results for name in row if name.startswith("AP50 "))
    _draw_figures(below[1], results, list(names), "each class, validation images")
    _draw(below[2], steps, "images_per_s", "training images/s")
    _draw(below[3], steps, "waited_share", "share of the time waiting for images")
    below[3].set_ylim(0, 1)
    for axes in figure.axes:
        axes.set_xlim(0, results[-1]["step"])
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png")


def _draw(axes: Axes, steps: Mapping[str, Floats], name: str, title: str) -> None:
    axes.set_title(title, fontsize=10)
    count = len(steps["step"])
    if not count:
        return
    starts = np.arange(0, count, max(1, -(-count // MOST_POINTS)))
    sizes = np.diff(np.append(starts, count))
    at, values = (np.add.reduceat(steps[key], starts) / sizes for key in ("step", name))
    if name in LOSSES:
        axes.plot(at, values, color="C0", lw=0.8, alpha=0.35)
        # The first steps, and single ones, can lie far above all others.
        axes.set_ylim(top=1.3 * float(np.percentile(values, 97)))
        values = _trailing_mean(values, SMOOTH_POINTS)
    axes.plot(at, values, color="C0", lw=1.5)


def _trailing_mean(values: Floats, count: int) -> Floats:
    """Each value's mean with up to `count - 1` before it."""
    sums = np.concatenate(([0.0], values.cumsum()))
    last = np.arange(1, len(sums))
    first = np.maximum(last - count, 0)
    means: Floats = (sums[last] - sums[first]) / (last - first)
    return means


def _draw_figures(
    axes: Axes, results: Sequence[Mapping[str, float]], names: Sequence[str], title: str
) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_ylim(0, 1)
    for name in names:
        points = [(row["step"], row[name]) for row in results if name in row]
        if points:
            axes.plot(*zip(*points, strict=True), marker=".", lw=1.5, label=name)
    if axes.lines:
        axes.legend(fontsize=8)
