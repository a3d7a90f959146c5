from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest

from detector.detections import Detections, Image
from pipeline.frame import Counts, Frame, Result
from tracking.tracks import Tracks

MakeResult = Callable[..., Result]


def _result(  # noqa: PLR0913
    index: int = 0,
    *,
    image: Image | None = None,
    pts: int | None = None,
    time_base: Fraction = Fraction(1, 25),
    boxes: Sequence[Sequence[float]] = (),
    ids: Sequence[int] | None = None,
    classes: Sequence[int] | None = None,
    scores: Sequence[float] | None = None,
    detected: Sequence[int] = (),
    counts: Counts | None = None,
) -> Result:
    """A result of made-up parts; a grey 64 x 48 frame without tracks unless told otherwise."""
    count = len(boxes)
    frame = Frame(
        np.full((48, 64, 3), 128, np.uint8) if image is None else image,
        "made-up",
        index,
        index if pts is None else pts,
        time_base,
    )
    tracks = Tracks(
        np.array(range(1, count + 1) if ids is None else ids, np.int64),
        np.array(boxes, np.float64).reshape(count, 4),
        np.array([0] * count if classes is None else classes, np.int64),
        np.array([0.5] * count if scores is None else scores, np.float64),
        np.arange(count),
    )
    found = len(detected)
    detections = Detections(
        np.zeros((found, 4), np.float32),
        np.ones(found, np.float32),
        np.array(detected, np.int64).reshape(found),
    )
    return Result(frame, detections, tracks, counts or Counts((0, 0), (0, 0)))


@pytest.fixture(scope="session")
def make_result() -> MakeResult:
    return _result
