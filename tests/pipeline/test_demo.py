from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

import run_pipeline
from detector.config import DetectorConfig
from detector.detections import Detections, Image
from pipeline import build
from pipeline.build import build_detector
from pipeline.config import OutputConfig, PipelineConfig
from pipeline.demo import FLIGHT, Demo, run_demo
from pipeline.score import read_boxes
from tests.pipeline.flights import SMALL, Flight, Oracle, Silent, shown_of_class

LEAST_RECALL = 0.85
LEAST_PRECISION = 0.85
"""Of vehicles of any class on the demo's flight, with the embedded weights."""


class Vehicles(Oracle):
    """Knows no pedestrians, and orders its classes in its own way."""

    @property
    def class_names(self) -> tuple[str, ...]:
        return ("bus", "car", "truck")

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        ours = np.array([1, 2, 0, -1])
        found = super().detect(images)
        kept = [one[one.class_ids < 3] for one in found]
        return [replace(one, class_ids=ours[one.class_ids]) for one in kept]


@pytest.fixture(scope="module")
def demo(flight: Flight, tmp_path_factory: pytest.TempPathFactory) -> tuple[Demo, Path]:
    output = tmp_path_factory.mktemp("demo")
    config = PipelineConfig(output=OutputConfig(folder=str(output)))
    return run_demo(Vehicles(flight.frames), config, Silent(), SMALL), output / "demo"


def test_the_truth_is_found_by_name(demo: tuple[Demo, Path], flight: Flight) -> None:
    scores = {score.name: score for score in demo[0].scores}
    assert list(scores) == ["car", "truck", "bus", "any class"]
    for class_id, name in enumerate(("car", "truck", "bus")):
        score = scores[name]
        expected = shown_of_class(flight.frames, class_id)
        assert (score.objects, score.tracks) == expected
        assert score.switches == 0
        assert min(score.recall, score.precision) > 0.95


def test_the_files_are_where_they_belong(demo: tuple[Demo, Path], flight: Flight) -> None:
    folder = demo[1]
    assert sorted(path.name for path in folder.iterdir()) == [
        "flight",
        "flight.mp4",
        "ledger.jsonl",
        "truth.txt",
        "truth_classes.txt",
    ]
    assert demo[0].outcome.folder == folder / "flight"
    assert (folder / "flight" / "video.mp4").exists()
    truth = read_boxes(folder / "truth.txt")
    assert len(truth.ids) == sum(len(frame.ids) for frame in flight.frames)
    assert truth.frames.min() == 1


def test_the_video_shows_the_rendered_pictures(flight: Flight) -> None:
    with av.open(flight.path) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.color_primaries == 1
        assert stream.average_rate == 30
        for picture, frame in zip(container.decode(stream), flight.frames, strict=True):
            seen = picture.to_ndarray(format="rgb24").astype(int)
            assert np.abs(seen - frame.image).mean() < 6


def test_only_the_chosen_classes_are_scored(flight: Flight, tmp_path: Path) -> None:
    config = PipelineConfig(
        detector=DetectorConfig(classes=("bus",)),
        output=OutputConfig(folder=str(tmp_path), video=False),
        max_frames=3,
    )
    found = run_demo(Vehicles(flight.frames), config, Silent(), SMALL)
    assert [score.name for score in found.scores] == ["bus", "any class"]
    assert found.outcome.summary is not None
    assert found.outcome.summary.input.frames == 3


def test_the_command_shows_the_table(
    flight: Flight,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(build, "build_detector", lambda _: Vehicles(flight.frames))
    monkeypatch.setattr("pipeline.demo.FLIGHT", SMALL)
    argv = ["--demo", "--output", str(tmp_path), "--max-frames", "3", "--no-video"]
    assert run_pipeline.main(argv) == 0
    shown = capsys.readouterr()
    assert "Found against the truth" in shown.out
    assert "any class" in shown.out

    class Broken(Vehicles):
        def detect(self, images: Sequence[Image]) -> list[Detections]:
            raise RuntimeError("gone")

    monkeypatch.setattr(build, "build_detector", lambda _: Broken(flight.frames))
    assert run_pipeline.main(argv) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: RuntimeError: gone (flight:")


@pytest.mark.slow
def test_the_embedded_weights_find_the_vehicles(tmp_path: Path) -> None:
    config = PipelineConfig(
        detector=DetectorConfig(device="cpu"),
        output=OutputConfig(folder=str(tmp_path), video=False),
        max_frames=60,
    )
    found = run_demo(build_detector(config.detector), config, Silent(), FLIGHT)
    assert found.outcome.error is None
    overall = found.scores[-1]
    assert not math.isnan(overall.recall)
    assert overall.recall >= LEAST_RECALL, found.scores
    assert overall.precision >= LEAST_PRECISION, found.scores
