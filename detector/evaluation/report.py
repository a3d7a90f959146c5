"""An evaluation as a table and as plain data for json; split, protocol and maxDets with both."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from rich.table import Table

from detector.evaluation.coco import CocoFigures, CocoResult

_COLUMNS = {
    "AP": "ap",
    "AP50": "ap50",
    "AP75": "ap75",
    "APs": "ap_small",
    "APm": "ap_medium",
    "APl": "ap_large",
    "AR": "ar",
}


def coco_table(result: CocoResult, split: str) -> Table:
    """A table with a row per class and two for their mean, at maxDets 500 and 100.

    Args:
        result: What to show.
        split: Name of the data set and of the part of it that was used.
    """
    recalls = ", ".join(f"AR@{count} {_percent(ar)}" for count, ar in result.ar.items())
    table = Table(
        title=f"{split}, {result.images} images, COCO protocol, percent",
        caption=f"all classes: {recalls}; s/m/l: under 32², to 96², over 96² pixels",
    )
    table.add_column("class")
    for name in ("objects", "maxDets", *_COLUMNS):
        table.add_column(name, justify="right")
    for row in result.classes:
        table.add_row(*_cells(row))
    table.add_section()
    table.add_row(*_cells(result.overall), style="bold")
    table.add_row(*_cells(result.overall_100))
    return table


def coco_json(result: CocoResult, split: str) -> dict[str, Any]:
    """The same as plain data, shares within 0..1; `None` where there is no object to find."""
    figures = {
        "overall": _plain(result.overall),
        "overall_100": _plain(result.overall_100),
        "classes": [_plain(row) for row in result.classes],
        "ar": {str(count): _or_none(ar) for count, ar in result.ar.items()},
    }
    return {"protocol": "coco", "split": split, "images": result.images} | figures


def _plain(figures: CocoFigures) -> dict[str, Any]:
    return {key: _or_none(value) for key, value in asdict(figures).items()}


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _cells(row: CocoFigures) -> list[str]:
    figures = (_percent(getattr(row, field)) for field in _COLUMNS.values())
    return [row.name, str(row.objects), str(row.max_dets), *figures]


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}"
