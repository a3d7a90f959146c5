from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from detector.detections import Detections, Image
from pipeline.batch import exit_code, find_sources, run_batch
from pipeline.build import build_parts
from pipeline.config import OutputConfig, PipelineConfig
from pipeline.errors import InputError
from pipeline.sources.discovery import discover
from tests.pipeline.flights import Flight, Oracle, Silent


def config(folder: Path) -> PipelineConfig:
    return PipelineConfig(
        output=OutputConfig(folder=str(folder), video=False), max_frames=4, frame_batch=1
    )


def test_one_broken_source_is_told_and_the_others_finish(flight: Flight, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("a.mp4", "c.mp4"):
        shutil.copy(flight.path, clips / name)
    (clips / "b.mp4").write_text("no video at all")
    specs = discover([str(clips)])
    progress = Silent()

    outcomes = list(run_batch(specs, Oracle(flight.frames), config(tmp_path / "out"), progress))

    assert [outcome.source for outcome in outcomes] == ["a", "b", "c"]
    assert [outcome.summary is not None for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1].error, InputError)
    assert not (tmp_path / "out" / "b").exists()
    assert [name for name, _ in progress.heard] == ["a", "c"]
    for name in ("a", "c"):
        assert (tmp_path / "out" / name / "summary.json").exists()


def test_each_source_has_its_own_tracker(flight: Flight, tmp_path: Path) -> None:
    twice = tmp_path / "clips"
    twice.mkdir()
    for name in ("one.mp4", "two.mp4"):
        shutil.copy(flight.path, twice / name)
    detector = Oracle(flight.frames[:4])
    list(run_batch(discover([str(twice)]), detector, config(tmp_path / "out"), Silent()))
    one, two = ((tmp_path / "out" / name / "tracks.txt").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_failure_in_the_detector_is_an_outcome(flight: Flight, tmp_path: Path) -> None:
    class Broken(Oracle):
        def detect(self, images: Sequence[Image]) -> list[Detections]:
            raise MemoryError("no room")

    specs = discover([str(flight.path)])
    [outcome] = run_batch(specs, Broken(flight.frames), config(tmp_path), Silent())
    assert isinstance(outcome.error, MemoryError)


def test_words_without_a_source_do_not_stop_the_others(flight: Flight, tmp_path: Path) -> None:
    specs, faults = find_sources([str(tmp_path / "none.mp4"), str(flight.path), "ftp://u:p@h/x"])
    assert [spec.name for spec in specs] == ["flight"]
    assert len(faults) == 2
    assert "u:p" not in str(faults[1])


def test_names_are_unique_over_all_words(flight: Flight, tmp_path: Path) -> None:
    other = tmp_path / "flight.mp4"
    shutil.copy(flight.path, other)
    specs, _ = find_sources([str(flight.path), str(other)])
    assert len({spec.name for spec in specs}) == 2


def test_the_source_itself_is_never_overwritten(flight: Flight, tmp_path: Path) -> None:
    source = tmp_path / "video" / "video.mp4"
    source.parent.mkdir()
    shutil.copy(flight.path, source)
    before = source.read_bytes()
    [spec] = discover([str(source)])
    with pytest.raises(InputError, match="would be overwritten; choose another --output"):
        build_parts(spec, Oracle(flight.frames), config(tmp_path), source.parent)
    assert source.read_bytes() == before


def test_a_file_in_place_of_the_folder_is_told(flight: Flight, tmp_path: Path) -> None:
    (tmp_path / "flight").write_text("in the way")
    [outcome] = run_batch(
        discover([str(flight.path)]), Oracle(flight.frames), config(tmp_path), Silent()
    )
    assert isinstance(outcome.error, InputError)
    assert str(tmp_path / "flight") in str(outcome.error)


@pytest.mark.parametrize(
    ("finished", "failed", "code"), [(1, 0, 0), (2, 1, 1), (0, 1, 2), (0, 0, 2)]
)
def test_exit_codes(finished: int, failed: int, code: int) -> None:
    assert exit_code(finished=finished, failed=failed) == code
