from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from pipeline.batch import run_batch
from pipeline.config import OutputConfig, PipelineConfig
from pipeline.sinks.segments import segments_in
from pipeline.sources.discovery import discover
from tests.pipeline.flights import Flight, Oracle, Silent


def run(flight: Flight, output: Path, segment_s: float | None) -> Path:
    config = PipelineConfig(output=OutputConfig(folder=str(output), segment_s=segment_s))
    specs = discover([str(flight.path)])
    [outcome] = run_batch(specs, Oracle(flight.frames), config, Silent())
    assert outcome.summary is not None
    assert sorted(outcome.summary.outputs) == sorted(p.name for p in outcome.folder.iterdir())
    return outcome.folder


def count(path: Path) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


def test_segments_hold_every_frame_once_and_play_alone(flight: Flight, tmp_path: Path) -> None:
    folder = run(flight, tmp_path, 1 / 3)
    names = segments_in(folder)
    assert names == ["video_00001.mp4", "video_00002.mp4", "video_00003.mp4", "video_00004.mp4"]
    assert [count(folder / name) for name in names] == [10, 10, 10, 10]
    with av.open(folder / names[1]) as container:
        first = next(container.decode(video=0))
        assert first.pts is not None
        assert first.pts * Fraction(first.time_base or 0) == 0


def test_older_segments_and_videos_do_not_stay(flight: Flight, tmp_path: Path) -> None:
    folder = run(flight, tmp_path, 1 / 3)
    mine = folder / "video_of_mine.mp4"
    mine.write_text("mine")
    assert segments_in(folder) == segments_in(folder)[:4]
    mine.rename(tmp_path / mine.name)
    run(flight, tmp_path, 2.0)
    assert segments_in(folder) == ["video_00001.mp4"]
    run(flight, tmp_path, None)
    assert segments_in(folder) == []
    assert (folder / "video.mp4").exists()


def test_no_frames_no_segment(tmp_path: Path) -> None:
    (tmp_path / "video_1.mp4").write_text("not ours")
    assert segments_in(tmp_path) == []
