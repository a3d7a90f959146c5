"""What TensorBoard reads of a run's events, by its own reader."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.training.events import EventLog
from tests.detector.training.event_files import event_files_in_order, read_events

__all__ = ["event_files_in_order"]


def curve(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read_events(folder).Scalars(tag)]


def test_curves_texts_and_pictures_are_read_back(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events", 0)
    for step in (10, 20):
        log.scalars({"loss/box": 0.5 / step, "AP50/car": step / 100}, step)
    coded = cv2.imencode(".png", np.full((4, 6, 3), (30, 20, 10), np.uint8))[1].tobytes()
    log.picture("batch/0", coded, (6, 4), 10)
    log.text("config", "    steps: 20")
    log.close()
    for tag, values in (("loss/box", [0.05, 0.025]), ("AP50/car", [0.1, 0.2])):
        steps, found = zip(*curve(tmp_path / "events", tag), strict=True)
        assert steps == (10, 20)
        assert found == pytest.approx(values)
    events = read_events(tmp_path / "events")
    (picture,) = events.Images("batch/0")
    assert (picture.step, picture.width, picture.height) == (10, 6, 4)
    assert picture.encoded_image_string == coded
    (text,) = events.Tensors("config/text_summary")
    assert text.tensor_proto.string_val == [b"    steps: 20"]


@pytest.mark.parametrize("purge", [0, 15, 20])
def test_a_run_that_goes_on_draws_no_curve_twice(tmp_path: Path, purge: int) -> None:
    log = EventLog(tmp_path, 0)
    for step in (0, 10, 20, 30):
        log.scalars({"loss/box": 1}, step)
    log.flush()  # and then killed
    again = EventLog(tmp_path, purge)
    for step in (20, 30):
        again.scalars({"loss/box": 2}, step)
    again.close()
    first = [(0, 1.0), (10, 1.0)] if purge else []
    assert curve(tmp_path, "loss/box") == [*first, (20, 2.0), (30, 2.0)]
    log.close()
