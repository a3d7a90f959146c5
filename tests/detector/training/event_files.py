"""Reading TensorBoard's event files by its own reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer


def read_events(folder: Path) -> EventAccumulator:
    """All that TensorBoard would show of a folder."""
    events = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    events.Reload()
    return events


def everything(folder: Path) -> dict[str, list[tuple[int, object]]]:
    """All points and pictures with their steps, by tag."""
    events = read_events(folder)
    tags = events.Tags()
    points = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags["scalars"]}
    pictures = {
        tag: [(e.step, e.encoded_image_string) for e in events.Images(tag)]
        for tag in tags["images"]
    }
    return points | pictures


@pytest.fixture(autouse=True)
def event_files_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of one folder are read by name: second, process, number; ...9 would follow ...10.

    Only a test writes two within a second.
    """
    counter = event_file_writer.AtomicCounter(1000)
    monkeypatch.setattr(event_file_writer, "_global_uid", counter)
