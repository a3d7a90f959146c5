"""A folder with a readable report: `report.html`, and the pictures that it shows beside it."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from html import escape
from importlib import metadata
from pathlib import Path
from typing import Final

import cv2

from detector.data.images import read_image
from detector.detections import Image
from detector.evaluation.confusion import confusion_matrix
from detector.evaluation.plots import save_confusion, save_pr_curves
from detector.evaluation.report import Sheet, make_sheet
from detector.evaluation.scoring import Run, Subject, counted
from detector.evaluation.worst import draw_errors, worst_images

WORST: Final = 8
"""Images that are shown."""

SHOWN_SCORE: Final = 0.25
"""Least score of detections in the confusion matrix and in the pictures."""

_JPEG_QUALITY = 88

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1100px; margin: 2em auto;
  padding: 0 1em; color: #222; }
h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin-top: 2em; }
table { border-collapse: collapse; margin: .6em 0; }
th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
tr.total { font-weight: 600; background: #f2f5fa; }
p.note, figcaption { color: #555; font-size: .9em; }
figure { margin: 1em 0; } img { max-width: 100%; }
pre { background: #f6f6f6; padding: .8em; overflow-x: auto; font-size: .85em; }
.found { color: #0a8a35; } .missed { color: #b36b00; } .false { color: #d0106a; }
"""


def write_report(folder: Path, subject: Subject, runs: Sequence[Run]) -> None:
    """Writes `report.html` and its pictures; files of the same names are replaced.

    Args:
        folder: Made if it does not exist.
        subject: What was measured.
        runs: At least one.

    Raises:
        ValueError: If an image that is to be shown cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    title = f"Detections on {subject.split}"
    parts = [f"<h1>{escape(title)}</h1>"]
    for run in runs:
        parts += [
            f"<h2>{escape(run.how)}</h2>",
            html_table(make_sheet(run.result, subject.split, run.how)),
        ]
    for run in runs:
        parts += _pictures(folder, subject, run)
    details = json.dumps({**subject.settings, "versions": versions()}, indent=2)
    parts += ["<h2>Settings and versions</h2>", f"<pre>{escape(details)}</pre>"]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    page = "\n".join(["<!doctype html>", f'<html lang="en"><head>{head}</head><body>', *parts])
    (folder / "report.html").write_text(page + "\n</body></html>\n", encoding="utf-8")


def html_table(sheet: Sheet) -> str:
    """The table as HTML, its title above and its notes below."""

    def line(cells: Sequence[str], tag: str = "td") -> str:
        return "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells)

    rows = [f"<tr>{line(row)}</tr>" for row in sheet.rows]
    rows += [f'<tr class="total">{line(row)}</tr>' for row in sheet.totals]
    notes = escape("; ".join(sheet.notes))
    return "\n".join(
        [
            f"<p>{escape(sheet.title)}</p>",
            f"<table><tr>{line(sheet.columns, 'th')}</tr>",
            *rows,
            f'</table><p class="note">{notes}</p>',
        ]
    )


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the figures."""
    found = {"python": platform.python_version()}
    for name in ("numpy", "torch", "hotcoco", "opencv-python-headless"):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _pictures(folder: Path, subject: Subject, run: Run) -> list[str]:
    """Curves, confusion matrix and worst images of a run, written; the HTML that shows them."""
    iou = subject.protocol.iou
    truth, found, names = counted(
        subject.protocol, subject.truth, run.detections, subject.class_names
    )
    at = f"IoU {iou}"
    save_pr_curves(run.result.curves, folder / f"{run.name}_pr_curves.png", f"{at}, {run.how}")
    shown = f"{at}, scores from {SHOWN_SCORE}"
    matrix = confusion_matrix(truth, found, names, iou=iou, score=SHOWN_SCORE)
    save_confusion(matrix, names, folder / f"{run.name}_confusion.png", shown)
    parts = [f"<h2>Precision over recall: {escape(run.how)}</h2>"]
    parts.append(_figure(f"{run.name}_pr_curves.png", ""))
    parts.append(f"<h2>What was taken for what: {escape(run.how)}</h2>")
    parts.append(_figure(f"{run.name}_confusion.png", ""))
    parts.append(f"<h2>Images with the most mistakes: {escape(run.how)}</h2>")
    parts.append(
        f'<p class="note">{shown}: <b class="found">found</b>, <b class="missed">missed</b> and '
        '<b class="false">false</b> boxes; ignore regions in grey.</p>'
    )
    for errors in worst_images(truth, found, WORST, iou=iou, score=SHOWN_SCORE):
        original = subject.truth[errors.index]
        labels = replace(truth[errors.index], ignore=original.ignore)
        picture = draw_errors(read_image(original.path), labels, found[errors.index], errors, names)
        file = f"{run.name}_worst_{errors.index:06d}.jpg"
        _write_jpeg(folder / file, picture)
        parts.append(
            _figure(file, f"{original.path.name}: {errors.missed} missed, {errors.false} false")
        )
    return parts


def _figure(file: str, caption: str) -> str:
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img src="{file}" alt="{file}">{below}</figure>'


def _write_jpeg(path: Path, picture: Image) -> None:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    path.write_bytes(data.tobytes())
