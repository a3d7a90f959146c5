"""Files of the camera's motion, as BoT-SORT's reference writes them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tracking.mot import MAX_FRAME
from tracking.tracks import Motion

_COLUMNS = ("index", "h00", "h01", "h02", "h10", "h11", "h12")


def read_warps(path: Path) -> list[Motion]:
    """One motion for each frame, the first frame's first; each maps the frame before to it.

    A line is `index h00 h01 h02 h10 h11 h12`, parted by tabs, spaces or commas. The index counts
    the frames, from 0 as in the reference's files, or from 1; a frame without a line has the
    identity. Blank lines, and what follows a `#`, are passed over.

    Raises:
        ValueError: If a line cannot be used; the message names file and line.
        OSError: If the file cannot be read.
    """
    motions: list[Motion] = []
    base = None
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            content = line.partition("#")[0].strip(" \t\r\n,")
            if not content:
                continue
            index, motion = _read(content, f"{path}, line {number}")
            base = min(index, 1) if base is None else base
            missing = index - base - len(motions)
            if missing < 0:
                raise ValueError(
                    f"{path}, line {number}: index is {index}; it must rise from line to line, "
                    f"from 0 or 1"
                )
            motions += [Motion.identity()] * missing + [motion]
    return motions


def _read(content: str, place: str) -> tuple[int, Motion]:
    fields = re.split(r"\s*,\s*|\s+", content)
    if len(fields) != len(_COLUMNS):
        raise ValueError(
            f"{place}: {len(fields)} columns in {content[:60]!r}; a line is {' '.join(_COLUMNS)}"
        )
    values = []
    for name, field in zip(_COLUMNS, fields, strict=True):
        try:
            values.append(float(field))
        except ValueError:
            raise ValueError(f"{place}: {name} is {field[:40]!r}, not a number") from None
    index, *matrix = values
    if not 0 <= index <= MAX_FRAME or index != int(index):
        raise ValueError(f"{place}: index is {fields[0]}; a whole number from 0 to {MAX_FRAME}")
    if not np.isfinite(matrix).all():
        raise ValueError(f"{place}: {content[:60]!r} has a number that is not finite")
    return int(index), Motion(np.array(matrix).reshape(2, 3))
