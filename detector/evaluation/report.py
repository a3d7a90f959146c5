"""Figures as a table and as plain data for json; split, protocol and maxDets with both."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from rich.table import Table

from detector.data.visdrone import CLASS_NAMES, OTHERS
from detector.evaluation.coco import CocoFigures, CocoResult
from detector.evaluation.scoring import Result
from detector.evaluation.uavdt import CLASS_NAME, IOU, TEST_FRAMES, UavdtResult
from detector.evaluation.visdrone import MAX_DETS, VisDroneFigures, VisDroneResult

_COCO_COLUMNS: Final = {
    "AP": "ap",
    "AP50": "ap50",
    "AP75": "ap75",
    "APs": "ap_small",
    "APm": "ap_medium",
    "APl": "ap_large",
    "AR": "ar",
}

_STATED: Final[dict[type[Result], dict[str, Any]]] = {
    CocoResult: {"protocol": "coco"},
    VisDroneResult: {"protocol": "visdrone", "max_dets": list(MAX_DETS)},
    UavdtResult: {"protocol": "uavdt", "max_dets": None, "iou": IOU},
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of figures in percent, as text.

    Attributes:
        title: Split, number of images and protocol.
        columns: Their heads; the first column names the class.
        rows: One for each class.
        totals: Of all classes, the first the protocol's own.
        notes: What one must know to read it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    totals: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def make_sheet(result: Result, split: str, how: str) -> Sheet:
    """The figures of an evaluation as a table.

    Args:
        result: What to show.
        split: Name of the data set and of the part of it that was used.
        how: Where the detections are from; the first of the notes.
    """
    sheet = _sheet(result, f"{split}, {result.images} images")
    return replace(sheet, notes=(how, *sheet.notes))


def _sheet(result: Result, start: str) -> Sheet:
    match result:
        case CocoResult():
            return _coco_sheet(result, start)
        case VisDroneResult():
            return _visdrone_sheet(result, start)
        case UavdtResult():
            return _uavdt_sheet(result, start)


def rich_table(sheet: Sheet) -> Table:
    """The table for a terminal, without title and notes."""
    table = Table()
    table.add_column(sheet.columns[0])
    for name in sheet.columns[1:]:
        table.add_column(name, justify="right")
    for row in sheet.rows:
        table.add_row(*row)
    table.add_section()
    for at, row in enumerate(sheet.totals):
        table.add_row(*row, style=None if at else "bold")
    return table


def as_json(result: Result, split: str) -> dict[str, Any]:
    """The same as plain data, shares within 0..1; `None` where there is no object to find."""
    figures = asdict(replace(result, curves=()))
    del figures["curves"]
    return {**_STATED[type(result)], "split": split, **_plain(figures)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _coco_sheet(result: CocoResult, start: str) -> Sheet:
    def cells(row: CocoFigures) -> tuple[str, ...]:
        figures = (percent(getattr(row, field)) for field in _COCO_COLUMNS.values())
        return (row.name, str(row.objects), str(row.max_dets), *figures)

    recalls = ", ".join(f"AR@{count} {percent(ar)}" for count, ar in result.ar.items())
    return Sheet(
        title=f"{start}, COCO protocol, percent",
        columns=("class", "objects", "maxDets", *_COCO_COLUMNS),
        rows=tuple(map(cells, result.classes)),
        totals=(cells(result.overall), cells(result.overall_100)),
        notes=(
            f"all classes: {recalls}",
            "maxDets per image and class",
            "s/m/l: under 32², to 96², over 96² pixels",
        ),
    )


def _visdrone_sheet(result: VisDroneResult, start: str) -> Sheet:
    def cells(row: VisDroneFigures) -> tuple[str, ...]:
        figures = map(percent, (row.ap, row.ap50, row.ap75, *row.ar.values()))
        return (row.name, str(row.images), str(row.objects), str(MAX_DETS[-1]), *figures)

    notes = ["maxDets per image over all classes; AR at the number in its name"]
    notes.append("all: each class once for every image that contains it")
    official = {name for name in CLASS_NAMES if name != OTHERS}
    if {row.name for row in result.classes} != official:
        notes.append("not VisDrone's ten classes: no official figure compares")
    recalls = (f"AR{count}" for count in MAX_DETS)
    return Sheet(
        title=f"{start}, VisDrone-DET toolkit's protocol, percent",
        columns=("class", "images", "objects", "maxDets", "AP", "AP50", "AP75", *recalls),
        rows=tuple(map(cells, result.classes)),
        totals=(cells(result.overall),),
        notes=tuple(notes),
    )


def _uavdt_sheet(result: UavdtResult, start: str) -> Sheet:
    row = (CLASS_NAME, str(result.objects), str(result.detections), "all", percent(result.ap))
    notes = ["all classes merged; all-point AP at IoU 0.7"]
    if not result.is_official_split:
        notes.append(
            f"not the toolkit's 20 test sequences of {TEST_FRAMES} images: no official figure "
            "compares"
        )
    return Sheet(
        title=f"{start}, UAVDT toolkit's protocol, percent",
        columns=("class", "objects", "detections", "maxDets", "AP at .7"),
        rows=(),
        totals=(row,),
        notes=tuple(notes),
    )


def percent(share: float) -> str:
    """A share as it stands in tables; `-` for NaN.

    >>> percent(0.12345)
    '12.3'
    """
    return "-" if math.isnan(share) else f"{100 * share:.1f}"
