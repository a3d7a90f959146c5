"""An evaluation as tables and as plain data for json."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich import box
from rich.table import Table

from tracking.evaluation.counting import Figures
from tracking.evaluation.run import Evaluation

_SHARES = ("HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR")
_NUMBERS = ("IDSW", "Frag", "MT", "PT", "ML", "FP", "FN", "gt_tracks", "tracks")
_HEADS = {"gt_tracks": "GT"}


def tables(result: Evaluation, *, per_class: bool) -> list[Table]:
    """The sequences and their sum; then the classes, if there are any, and the groups.

    Args:
        result: What to show; shares are shown in percent.
        per_class: Whether each sequence is shown class by class, too.
    """
    sequences = list(result.sequences.items())
    shown = [_table(f"{result.protocol.name}, percent", sequences, result.overall)]
    if result.classes:
        rows = list(result.classes.items())
        if per_class:
            rows += [
                (f"{name} {label}", figures)
                for name, parts in result.sequence_classes.items()
                for label, figures in parts.items()
            ]
        shown.append(_table("per class", rows, result.class_mean, "class mean"))
    if result.groups:
        shown.append(_table("per attribute", result.groups.items()))
    return shown


def as_json(result: Evaluation) -> dict[str, Any]:
    """The same as plain data, shares within 0..1; `None` where there is nothing to share."""
    return {
        "protocol": result.protocol.name,
        "overall": _plain(result.overall),
        "classes": _plain_all(result.classes),
        "class_mean": None if result.class_mean is None else _plain(result.class_mean),
        "attributes": _plain_all(result.groups),
        "sequences": {
            name: _plain(figures) | {"classes": _plain_all(result.sequence_classes[name])}
            for name, figures in result.sequences.items()
        },
    }


def _plain_all(parts: dict[str, Figures]) -> dict[str, Any]:
    return {name: _plain(figures) for name, figures in parts.items()}


def _plain(figures: Figures) -> dict[str, Any]:
    return {name: None if math.isnan(value) else value for name, value in asdict(figures).items()}


def _table(
    title: str,
    rows: Iterable[tuple[str, Figures]],
    total: Figures | None = None,
    total_name: str = "overall",
) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1))
    table.add_column("")
    for name in (*_SHARES, *_NUMBERS):
        table.add_column(_HEADS.get(name, name), justify="right", no_wrap=True)
    for name, figures in rows:
        table.add_row(name, *_cells(figures))
    if total is not None:
        table.add_section()
        table.add_row(total_name, *_cells(total), style="bold")
    return table


def _cells(figures: Figures) -> list[str]:
    shares = (getattr(figures, name) for name in _SHARES)
    percent = ["-" if math.isnan(share) else f"{100 * share:.1f}" for share in shares]
    return [*percent, *(str(getattr(figures, name)) for name in _NUMBERS)]
