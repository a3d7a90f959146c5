"""Tiny data sets in each of the formats, written as their makers do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np


def picture(path: Path, wh: tuple[int, int] = (200, 100), level: int = 0) -> Path:
    """A plain image; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((wh[1], wh[0], 3), level, np.uint8))
    return path


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def table(path: Path, rows: Sequence[Sequence[float]], end: str = "") -> Path:
    """Rows with commas between, as VisDrone and UAVDT write them."""
    lines = [",".join(f"{value:.10g}" for value in row) + end for row in rows]
    return text(path, "".join(f"{line}\n" for line in lines))


def visdrone(root: Path, split: str, images: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Images of 200 x 100 in the folders of an unpacked VisDrone-DET archive."""
    folder = root / f"VisDrone2019-DET-{split}"
    for stem, rows in images.items():
        picture(folder / "images" / f"{stem}.jpg")
        table(folder / "annotations" / f"{stem}.txt", rows)


def uavdt(
    root: Path,
    sequence: str,
    frames: int,
    whole: Sequence[Sequence[float]],
    ignore: Sequence[Sequence[float]] = (),
) -> None:
    """A sequence of 200 x 100 frames in the folders of UAVDT's unpacked archives."""
    for frame in range(1, frames + 1):
        picture(root / "UAV-benchmark-M" / sequence / f"img{frame:06}.jpg")
    labels = root / "UAV-benchmark-MOTD_v1.0" / "GT"
    table(labels / f"{sequence}_gt_whole.txt", whole)
    table(labels / f"{sequence}_gt_ignore.txt", ignore)


def coco(
    path: Path,
    names: Sequence[str],
    classes: Mapping[int, str],
    annotations: Sequence[Mapping[str, Any]],
) -> Path:
    """A json of images of 200 x 100, numbered from 1 in the order of their names."""
    content = {
        "info": {"year": 2020},
        "images": [
            {"id": number, "file_name": name, "width": 200, "height": 100}
            for number, name in enumerate(names, 1)
        ],
        "categories": [{"id": key, "name": name} for key, name in classes.items()],
        "annotations": [{"id": row, **entry} for row, entry in enumerate(annotations)],
    }
    return text(path, json.dumps(content))
