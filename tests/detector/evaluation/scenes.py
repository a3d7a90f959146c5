"""Small scenes for tests of the protocols: whole coordinates, few scores, so ties are common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from detector.data.annotations import LabelledImage
from detector.detections import Detections

Box = tuple[float, float, float, float]
Set = tuple[list[LabelledImage], list[Detections]]

WH = (24, 24)


def labelled(
    boxes: Sequence[Sequence[float]],
    ids: Sequence[int] | None = None,
    ignore: Sequence[Sequence[float]] = (),
    sequence: str = "",
) -> LabelledImage:
    return LabelledImage(
        Path("frame.jpg"),
        (640, 480),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(ids if ids is not None else [0] * len(boxes), np.int64),
        np.array(ignore, np.float32).reshape(-1, 4),
        sequence=sequence,
    )


def found(
    boxes: Sequence[Sequence[float]], scores: Sequence[float], ids: Sequence[int] | None = None
) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(ids if ids is not None else [0] * len(boxes), np.int64),
    )


@st.composite
def boxes(draw: st.DrawFn, most: int) -> list[Box]:
    """Up to `most` boxes with whole corners, most of them near each other."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 14), st.integers(0, 8), st.integers(1, 10), st.integers(1, 8)),
            max_size=most,
        )
    )
    return [(x, y, x + w, y + h) for x, y, w, h in rows]


@st.composite
def sets(draw: st.DrawFn, classes: int = 3, regions: int = 2) -> Set:
    """One to three images, some without objects, detections or regions."""
    truth, detections = [], []
    for _ in range(draw(st.integers(1, 3))):
        objects = draw(boxes(6))
        guesses = draw(boxes(5))
        if objects:  # near misses and doubles of what is there
            for at in draw(st.lists(st.integers(0, len(objects) - 1), max_size=6)):
                shift = draw(st.integers(0, 2))
                x1, y1, x2, y2 = objects[at]
                guesses.append((x1, y1 + shift, x2, y2 + shift))
        ids = st.integers(0, classes - 1)
        some = [draw(st.lists(ids, min_size=len(b), max_size=len(b))) for b in (objects, guesses)]
        scores = st.sampled_from([0.25, 0.5, 0.75])
        chosen = draw(st.lists(scores, min_size=len(guesses), max_size=len(guesses)))
        truth.append(labelled(objects, some[0], draw(boxes(regions))))
        detections.append(found(guesses, chosen, some[1]))
    return truth, detections
