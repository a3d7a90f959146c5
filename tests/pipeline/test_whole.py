"""A rendered flight through the whole program, with its true boxes as detections."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
import pytest

from detector.data.rendered import CLASS_NAMES, RenderedFrame
from pipeline.batch import Outcome, run_batch
from pipeline.config import OutputConfig, PipelineConfig
from pipeline.score import Boxes, read_boxes, score_tracks
from pipeline.sources.discovery import discover
from tests.pipeline.flights import (
    Flight,
    Oracle,
    Silent,
    shown_by_bytetrack,
    shown_by_drone,
    shown_of_class,
)
from tracking.config import ByteTrackConfig, DroneConfig, SortConfig, TrackerConfig


def run(flight: Flight, output: Path, config: PipelineConfig | None = None) -> Outcome:
    config = config or PipelineConfig()
    config = replace(config, output=replace(config.output, folder=str(output)))
    specs = discover([str(flight.path)])
    [outcome] = run_batch(specs, Oracle(flight.frames), config, Silent())
    if outcome.error is not None:
        raise outcome.error
    return outcome


@pytest.fixture(scope="module")
def outcome(flight: Flight, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Of a run with the default settings."""
    return run(flight, tmp_path_factory.mktemp("default"))


def shown_by_sort(frames: list[RenderedFrame]) -> list[set[int]]:
    """The same of SORT: all in the first three frames, then after a birth and three hits in a row.

    One missed frame is bridged, but three more hits are needed; two make a new birth.
    """
    hits: dict[int, int] = {}
    missed: dict[int, int] = {}
    shown = []
    for number, frame in enumerate(frames, 1):
        there = set(frame.ids.tolist())
        for gone in hits.keys() - there:
            missed[gone] += 1
            hits[gone] = 0
        hits = {one: hits[one] for one in hits if missed[one] <= 1}
        for one in there:
            hits[one] = hits.get(one, -1) + 1
            missed[one] = 0
        shown.append({one for one in there if hits[one] >= 3 or number <= 3})
    return shown


Rule: TypeAlias = Callable[[list[RenderedFrame]], list[set[int]]]

RULES: dict[str, tuple[TrackerConfig, Rule]] = {
    "drone": (DroneConfig(), shown_by_drone),
    "bytetrack": (ByteTrackConfig(), shown_by_bytetrack),
    "sort": (SortConfig(), shown_by_sort),
}


def truth_of(frames: list[RenderedFrame]) -> Boxes:
    """The truth in the form of a track file, frames from 1."""
    counts = [len(frame.ids) for frame in frames]
    return Boxes(
        np.repeat(np.arange(1, len(frames) + 1), counts),
        np.concatenate([frame.ids for frame in frames]),
        np.concatenate([frame.boxes for frame in frames]).astype(np.float64),
        np.concatenate([frame.class_ids for frame in frames]),
    )


def in_frame(boxes: Boxes, frame: int) -> Boxes:
    return boxes[boxes.frames == frame]


def objects_of_tracks(truth: Boxes, tracks: Boxes, frames: int) -> list[dict[int, int]]:
    """For each frame, the object whose centre lies nearest to each track's, by track id."""
    found = []
    for frame in range(1, frames + 1):
        true, shown = in_frame(truth, frame), in_frame(tracks, frame)
        centres = [(b.boxes[:, :2] + b.boxes[:, 2:]) / 2 for b in (shown, true)]
        distance = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=2)
        nearest = true.ids[distance.argmin(axis=1)] if len(shown.ids) else shown.ids
        found.append(dict(zip(shown.ids.tolist(), nearest.tolist(), strict=True)))
    return found


@pytest.mark.parametrize("name", RULES)
def test_each_object_has_one_id_and_is_shown_when_the_tracker_says(
    name: str, flight: Flight, tmp_path: Path
) -> None:
    config, rule = RULES[name]
    settings = PipelineConfig(tracker=config, output=OutputConfig(video=False))
    outcome = run(flight, tmp_path, settings)
    tracks = read_boxes(outcome.folder / "tracks.txt")
    found = objects_of_tracks(truth_of(flight.frames), tracks, len(flight.frames))

    assert [set(one.values()) for one in found] == rule(flight.frames)
    object_of = {track: one for frame in found for track, one in frame.items()}
    assert all(object_of[track] == one for frame in found for track, one in frame.items())
    assert all(len(set(frame.values())) == len(frame) for frame in found)
    if name != "sort":  # it gives an object that was away for two frames a new id
        assert len(set(object_of.values())) == len(object_of)


def test_boxes_and_classes_are_the_true_ones(flight: Flight, outcome: Outcome) -> None:
    tracks = read_boxes(outcome.folder / "tracks.txt")
    scores = score_tracks(truth_of(flight.frames), tracks, CLASS_NAMES)
    for class_id, score in enumerate(scores[:-1]):
        # The filter lags where a half-hidden box jumps, hence not all.
        assert score.precision > 0.95
        assert score.switches == 0
        expected = shown_of_class(flight.frames, class_id)
        assert (score.objects, score.tracks) == expected


def table(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_counts_are_exact(flight: Flight, outcome: Outcome) -> None:
    shown = shown_by_drone(flight.frames)
    class_of = dict(
        pair
        for frame in flight.frames
        for pair in zip(frame.ids.tolist(), frame.class_ids.tolist(), strict=True)
    )
    per_frame = [[class_of[one] for one in there] for there in shown]
    rows = table(outcome.folder / "counts_per_frame.csv")
    assert rows[0] == ["frame", "time_s", *CLASS_NAMES]
    for index, row in enumerate(rows[1:]):
        assert int(row[0]) == index + 1
        assert float(row[1]) == pytest.approx(index / 30, abs=1e-6)
        assert [int(cell) for cell in row[2:]] == [per_frame[index].count(k) for k in range(4)]
    assert len(rows) == 1 + len(flight.frames)

    totals = table(outcome.folder / "counts.csv")
    ever = set().union(*shown)
    for class_id, row in enumerate(totals[1:]):
        assert row == [
            CLASS_NAMES[class_id],
            str(sum(class_id in there for there in per_frame)),
            str(sum((frame.class_ids == class_id).sum() for frame in flight.frames)),
            str(sum(class_of[one] == class_id for one in ever)),
        ]


def test_the_summary_says_what_was_done(flight: Flight, outcome: Outcome) -> None:
    summary = json.loads((outcome.folder / "summary.json").read_text())
    assert summary["status"] == "complete"
    assert summary["error"] is None
    assert summary["lost"] == []
    assert summary["input"]["frames"] == len(flight.frames)
    assert summary["input"]["duration_s"] == pytest.approx(len(flight.frames) / 30)
    assert sorted(summary["outputs"]) == sorted(path.name for path in outcome.folder.iterdir())
    assert list(summary["timings"]) == ["decode", "detect", "track", "write"]
    assert sum(timing["share"] for timing in summary["timings"].values()) == pytest.approx(1)
    assert summary["config"]["tracker"]["name"] == "drone"
    assert summary["frames_per_second"] > 0


def times(path: Path) -> list[Fraction]:
    with av.open(path) as container:
        found = [(frame.pts, frame.time_base) for frame in container.decode(video=0)]
    return [pts * base for pts, base in found if pts is not None and base is not None]


def test_the_video_has_every_frame_at_its_time(flight: Flight, outcome: Outcome) -> None:
    assert times(outcome.folder / "video.mp4") == times(flight.path)
    assert len(times(flight.path)) == len(flight.frames)


def test_the_same_input_gives_the_same_bytes(
    flight: Flight, outcome: Outcome, tmp_path: Path
) -> None:
    again = run(flight, tmp_path)
    for name in ("tracks.txt", "classes.txt", "counts.csv", "counts_per_frame.csv"):
        assert (again.folder / name).read_bytes() == (outcome.folder / name).read_bytes()


@pytest.mark.parametrize("frame_batch", [1, 3, 64])
def test_the_batch_changes_no_result(
    frame_batch: int, flight: Flight, outcome: Outcome, tmp_path: Path
) -> None:
    config = PipelineConfig(frame_batch=frame_batch, output=OutputConfig(video=False))
    again = run(flight, tmp_path, config)
    tracks = (again.folder / "tracks.txt").read_bytes()
    assert tracks == (outcome.folder / "tracks.txt").read_bytes()


def test_max_frames_is_the_beginning_of_the_whole(
    flight: Flight, outcome: Outcome, tmp_path: Path
) -> None:
    short = run(flight, tmp_path, PipelineConfig(max_frames=7))
    assert short.summary is not None
    assert short.summary.input.frames == 7
    assert len(times(short.folder / "video.mp4")) == 7
    whole = (outcome.folder / "tracks.txt").read_text()
    begin = "".join(line for line in whole.splitlines(True) if int(line.split(",")[0]) <= 7)
    assert (short.folder / "tracks.txt").read_text() == begin


def test_no_video_writes_all_else_and_removes_an_older_video(
    flight: Flight, tmp_path: Path
) -> None:
    folder = run(flight, tmp_path, PipelineConfig(max_frames=2)).folder
    assert (folder / "video.mp4").exists()
    kept = folder / "notes.md"
    kept.write_text("mine")
    again = run(flight, tmp_path, PipelineConfig(max_frames=2, output=OutputConfig(video=False)))
    assert again.folder == folder
    assert sorted(path.name for path in folder.iterdir()) == [
        "classes.txt",
        "counts.csv",
        "counts_per_frame.csv",
        "notes.md",
        "summary.json",
        "tracks.txt",
    ]


def test_sort_gets_no_detection_below_its_floor(flight: Flight, tmp_path: Path) -> None:
    specs = discover([str(flight.path)])
    for score, tracker, kept in ((0.25, SortConfig(), False), (0.35, SortConfig(), True)):
        config = PipelineConfig(
            tracker=tracker, output=OutputConfig(folder=str(tmp_path), video=False)
        )
        [outcome] = run_batch(specs, Oracle(flight.frames, score), config, Silent())
        assert outcome.summary is not None
        assert (sum(one.detections for one in outcome.summary.counts.values()) > 0) is kept
