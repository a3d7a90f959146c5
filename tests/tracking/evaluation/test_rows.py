from __future__ import annotations

import numpy as np
import pytest

from tests.tracking.evaluation.moving import rows
from tracking.evaluation.rows import TrackRows
from tracking.tracks import Tracks


def test_from_a_tracker() -> None:
    shown = Tracks(
        np.array([4, 2]),
        np.array([[0.0, 0, 9, 9], [5, 5, 9, 9]]),
        np.array([1, 0]),
        np.ones(2),
        np.array([0, -1]),
    )
    found = TrackRows.from_frames([(1, Tracks.empty()), (2, shown), (5, shown[:1])])
    assert found.frames.tolist() == [2, 2, 5]
    assert found.ids.tolist() == [4, 2, 4]
    assert found.classes.tolist() == [1, 0, 1]
    assert found.boxes[1].tolist() == [5, 5, 9, 9]
    assert (found.last_frame, len(found[found.at(2)]), len(found[found.at(3)])) == (5, 2, 0)


def test_a_tracker_that_shows_nothing() -> None:
    found = TrackRows.from_frames([(1, Tracks.empty())])
    assert (len(found), found.last_frame) == (0, 0)


def test_fields_are_checked() -> None:
    good = rows((1, 1, 0), (2, 1, 0))
    with pytest.raises(ValueError, match=r"TrackRows.boxes: expected shape \(2, 4\), found \(2,"):
        TrackRows(good.frames, good.ids, good.boxes[:, :3], good.classes)
    with pytest.raises(ValueError, match=r"TrackRows.ids: expected shape \(2,\), found \(1,\)"):
        TrackRows(good.frames, good.ids[:1], good.boxes, good.classes)
    with pytest.raises(ValueError, match="not ascending"):
        TrackRows(good.frames[::-1], good.ids, good.boxes, good.classes)
