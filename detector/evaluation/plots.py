"""Pictures of curves and tables, as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from detector.detections import IntArray
from detector.evaluation.confusion import BACKGROUND
from detector.evaluation.curves import PrCurve

_MOST_POINTS = 2000
"""Of a drawn curve: more than the picture has pixels."""

_COLOURS = (
    *("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7"),
    *("#a463f2", "#97bbf5", "#9c6b4e", "#6b6f76"),
)


def save_pr_curves(curves: Sequence[PrCurve], path: Path, title: str = "") -> None:
    """Writes precision over recall, a line for each class that has objects.

    Args:
        curves: As `pr_curves` gives them; without any, the picture has axes alone.
        path: The PNG file; an old one is replaced.
        title: Above the picture.
    """
    figure = Figure(figsize=(7.5, 5), dpi=110, layout="constrained")
    axes = figure.add_subplot(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    shown = [curve for curve in curves if curve.objects]
    for row, curve in enumerate(shown):
        part = np.unique(np.linspace(0, len(curve.recall) - 1, _MOST_POINTS).astype(int))
        part = part[: len(curve.recall)]
        style = "-" if row < len(_COLOURS) else "--"
        axes.plot(
            curve.recall[part],
            curve.precision[part],
            style,
            color=_COLOURS[row % len(_COLOURS)],
            label=f"{curve.name}  {100 * curve.ap:.1f}",
        )
    if shown:
        figure.legend(loc="outside right upper", title="class, AP in %", fontsize=8)
    _save(figure, path)


def save_confusion(
    matrix: IntArray, class_names: Sequence[str], path: Path, title: str = ""
) -> None:
    """Writes a confusion matrix: counts, on a shade of their share of the row.

    Args:
        matrix: `(C + 1, C + 1)`, as `confusion_matrix` gives it.
        class_names: Of the first `C` rows and columns.
        path: The PNG file; an old one is replaced.
        title: Above the picture.
    """
    names = [*class_names, BACKGROUND]
    side = max(4.5, 1.8 + 0.55 * len(names))
    figure = Figure(figsize=(side * 1.05, side), dpi=110, layout="constrained")
    axes = figure.add_subplot(xlabel="found as", ylabel="truth")
    axes.set_title(title, fontsize=10)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(ticks, names, fontsize=8)
    for row, column in np.argwhere(matrix).tolist():
        ink = "white" if shares[row, column] > 0.5 else "black"
        axes.text(
            column, row, str(matrix[row, column]), ha="center", va="center", color=ink, fontsize=8
        )
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png")
