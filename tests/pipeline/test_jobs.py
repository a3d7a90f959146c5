"""Batches in several processes, some of which are killed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from multiprocessing import active_children
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.kill_resume import differences
from pipeline.batch import Outcome, run_batch
from pipeline.config import OutputConfig, PipelineConfig
from pipeline.errors import InputError
from pipeline.jobs import run_all, run_jobs
from pipeline.ledger import LEDGER_FILE, Ledger
from pipeline.metrics import Metrics
from pipeline.sources.discovery import SourceSpec, discover
from pipeline.worker import BuildDetector
from tests.pipeline.blobs import Blobs, build_blobs, build_mortal, build_none
from tests.pipeline.flights import Silent

FRAMES = 14
BLACK_AT = 8


def clip(path: Path, seed: int, *, black: bool = False) -> None:
    """Squares that move; one black picture stands for what a process dies of."""
    rng = np.random.default_rng(seed)
    starts, speeds = rng.uniform(10, 100, (4, 2)), rng.uniform(-2, 2, (4, 2))
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "5"})
        stream.width, stream.height, stream.pix_fmt = 128, 128, "yuv420p"
        for index in range(FRAMES):
            image = np.full((128, 128, 3), 0 if black and index == BLACK_AT else 90, np.uint8)
            if image.any():
                for x, y in (starts + index * speeds).astype(int):
                    image[y : y + 6, x : x + 6] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for seed, name in enumerate("abc"):
        clip(folder / f"{name}.mp4", seed, black=name == "b")
    return folder


def configured(out: Path) -> PipelineConfig:
    return PipelineConfig(output=OutputConfig(folder=str(out), checkpoint_s=0.0))


def run(
    specs: Sequence[SourceSpec],
    out: Path,
    make: BuildDetector = build_blobs,
    *,
    jobs: int = 2,
    resume: bool = False,
) -> dict[str, Outcome]:
    config = configured(out)
    outcomes = list(run_jobs(specs, config, Silent(), jobs, resume=resume, make=make))
    assert not active_children()
    found = {outcome.source: outcome for outcome in outcomes}
    assert len(found) == len(outcomes), "doubled"
    return found


def whole(specs: Sequence[SourceSpec], out: Path) -> Path:
    assert all(o.error is None for o in run_batch(specs, Blobs(), configured(out), Silent()))
    return out


def test_processes_give_what_one_gives(clips: Path, tmp_path: Path) -> None:
    (clips / "d.mp4").write_text("no video at all")
    specs = discover([str(clips)])
    found = run(specs, tmp_path / "out", jobs=2)
    assert {name: outcome.error is None for name, outcome in found.items()} == {
        **dict.fromkeys("abc", True),
        "d": False,
    }
    assert isinstance(found["d"].error, InputError)
    assert not (tmp_path / "out" / "d").exists()
    expected = whole(specs[:3], tmp_path / "whole")
    for name in "abc":
        assert differences(expected / name, tmp_path / "out" / name) == []
    last = Ledger(tmp_path / "out").last()
    assert {n: e.event for n, e in last.items()} == {**dict.fromkeys("abc", "done"), "d": "failed"}


@pytest.fixture
def deaths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    notes = tmp_path / "notes"
    notes.mkdir()
    monkeypatch.setenv("MORTAL_NOTES", str(notes))
    return notes


def test_a_killed_worker_s_source_is_gone_on_with(
    clips: Path, tmp_path: Path, deaths: Path
) -> None:
    specs = discover([str(clips)])
    found = run(specs, tmp_path / "out", build_mortal)
    assert len(list(deaths.iterdir())) == 1
    assert [outcome.error for outcome in found.values()] == [None] * 3
    expected = whole(specs, tmp_path / "whole")
    for name in "abc":
        assert differences(expected / name, tmp_path / "out" / name) == []


def test_a_source_that_kills_twice_is_given_up(
    clips: Path, tmp_path: Path, deaths: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MORTAL_DEATHS", "9")
    specs = discover([str(clips)])
    found = run(specs, tmp_path / "out", build_mortal)
    assert len(list(deaths.iterdir())) == 2
    assert {name for name, outcome in found.items() if outcome.error is None} == {"a", "c"}
    assert "its process ended 2 times, last with code -9" in str(found["b"].error)
    entry = Ledger(tmp_path / "out").last()["b"]
    assert entry.event == "failed"
    assert "code -9" in str(entry.reason)

    # It is not lost: a later run takes it, and nothing else.
    before = (tmp_path / "out" / LEDGER_FILE).read_text()
    found = run(specs, tmp_path / "out", resume=True)
    assert [outcome.error for outcome in found.values()] == [None] * 3
    added = (tmp_path / "out" / LEDGER_FILE).read_text().removeprefix(before).splitlines()
    assert [json.loads(line)["source"] for line in added] == ["b", "b"]
    assert differences(whole(specs, tmp_path / "whole") / "b", tmp_path / "out" / "b") == []


def test_no_detector_is_one_error(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"w.safetensors: no such file"):
        run(discover([str(clips)]), tmp_path / "out", build_none)
    assert not active_children()


def test_ctrl_c_ends_all_with_complete_files(clips: Path, tmp_path: Path) -> None:
    class Interrupting(Silent):
        def step(self, note: str = "") -> None:
            raise KeyboardInterrupt

    specs = discover([str(clips)])
    config = configured(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        list(run_jobs(specs, config, Interrupting(), 2, make=build_blobs))
    assert not active_children()
    found = run(specs, tmp_path / "out", resume=True)
    assert [outcome.error for outcome in found.values()] == [None] * 3
    expected = whole(specs, tmp_path / "whole")
    for name in "abc":
        assert differences(expected / name, tmp_path / "out" / name) == []


def test_metrics_are_of_one_process(clips: Path, tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    metrics = Metrics(0, "127.0.0.1")
    try:
        runs = run_all(
            discover([str(clips)]), configured(tmp_path), Silent(), metrics, jobs=2, resume=False
        )
        with pytest.raises(InputError, match="leave out --jobs"):
            next(runs)
    finally:
        metrics.close()


def test_threads_are_shared_and_a_user_s_number_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.jobs import _few_threads

    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with _few_threads(3):
        assert os.environ["OMP_NUM_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in os.environ
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    with _few_threads(3):
        assert os.environ["OMP_NUM_THREADS"] == "5"
