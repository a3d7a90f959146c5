"""The command: its options, its messages, its exit codes."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import av
import numpy as np
import pytest

import run_pipeline
from detector.config import DetectorConfig
from detector.detections import Detections, Image
from pipeline import build
from pipeline.frame import Frame, SourceInfo

ROOT = Path(__file__).resolve().parent.parent


class Stub:
    """Finds one car in each frame and remembers its settings."""

    class_names = ("car", "truck", "bus")
    configs: list[DetectorConfig]

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        box = np.array([[10, 10, 40, 30]], np.float32)
        return [Detections(box, np.full(1, 0.9, np.float32), np.zeros(1, np.int64))] * len(images)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> list[DetectorConfig]:
    """Replaces the detector; gives the configs it was built with."""
    configs: list[DetectorConfig] = []

    def make(config: DetectorConfig) -> Stub:
        configs.append(config)
        return Stub()

    monkeypatch.setattr(build, "build_detector", make)
    return configs


def write_clip(path: Path, frames: int = 5) -> Path:
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(frames):
            image = np.full((48, 64, 3), 40 * index % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4")


def summary(folder: Path) -> Any:
    return json.loads((folder / "summary.json").read_text())


@pytest.mark.parametrize(
    ("given", "spread"),
    [
        ([], []),
        (["--video", "a"], ["--video=a"]),
        (["--video", "a", "b", "--conf", "3"], ["--video=a", "--video=b", "--conf", "3"]),
        (["--video", "a", "--video", "b", "c"], ["--video=a", "--video=b", "--video=c"]),
        (["--video=-a", "--no-video"], ["--video=-a", "--no-video"]),
        (["--no-video", "--video", "a"], ["--no-video", "--video=a"]),
        (["--video"], ["--video"]),
        (["--video", "--demo"], ["--video"]),
    ],
)
def test_sources_may_follow_one_another(given: list[str], spread: list[str]) -> None:
    assert run_pipeline.spread_videos(given) == spread


def test_several_sources_in_every_way(
    clip: Path, tmp_path: Path, stub: list[DetectorConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(write_clip(tmp_path / f"{name}.mp4")) for name in ("a", "b", "c")]
    out = tmp_path / "out"
    argv = ["--video", *names[:2], "--no-video", "--video", str(clip), "--video=" + names[2]]
    assert run_pipeline.main([*argv, "--output", str(out)]) == 0
    assert sorted(file.name for file in out.iterdir()) == ["a", "b", "c", "clip", "ledger.jsonl"]
    assert len(stub) == 1
    shown = capsys.readouterr()
    assert "car 1, truck 0, bus 0" in shown.out
    assert "a: 5 frames" in shown.err
    assert "Traceback" not in shown.err


def test_a_glob_in_quotes(tmp_path: Path, stub: list[DetectorConfig]) -> None:
    for name in ("x1", "x2", "y"):
        write_clip(tmp_path / f"{name}.mp4")
    argv = ["--video", str(tmp_path / "x*.mp4"), "--output", str(tmp_path / "out")]
    assert run_pipeline.main(argv) == 0
    assert sorted(folder.name for folder in (tmp_path / "out").glob("x*")) == ["x1", "x2"]


def test_options_reach_the_config(clip: Path, tmp_path: Path, stub: list[DetectorConfig]) -> None:
    out = tmp_path / "out"
    options = (
        f"--output {out} --weights w.safetensors --tracker sort --device cpu --tile 512 "
        "--conf 0.4 --classes car,bus --no-video --max-frames 3 --set tracker.max_age=4"
    )
    assert run_pipeline.main(["--video", str(clip), *options.split()]) == 0
    config = summary(out / "clip")["config"]
    assert config["tracker"] == {"name": "sort", "max_age": 4, "min_hits": 3, "iou_threshold": 0.3}
    assert config["output"] == {
        "folder": str(out),
        "video": False,
        "segment_s": None,
        "refine": None,
        "checkpoint_s": 5.0,
    }
    assert (config["min_score"], config["max_frames"]) == (0.4, 3)
    [detector] = stub
    assert (detector.weights, detector.device, detector.confidence) == (
        "w.safetensors",
        "cpu",
        0.4,
    )
    assert (detector.classes, detector.tiling.tile_px) == (("car", "bus"), 512)
    assert summary(out / "clip")["input"]["frames"] == 3
    assert not (out / "clip" / "video.mp4").exists()


def test_several_weights_stand_with_commas_between(
    clip: Path, tmp_path: Path, stub: list[DetectorConfig]
) -> None:
    options = f"--output {tmp_path / 'out'} --weights a.safetensors,b.safetensors --no-video"
    assert run_pipeline.main(["--video", str(clip), *options.split()]) == 0
    assert stub[0].weights == ("a.safetensors", "b.safetensors")


def test_a_config_file_and_an_option_over_it(
    clip: Path, tmp_path: Path, stub: list[DetectorConfig]
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(f"output: {{folder: {tmp_path / 'out'}, video: false}}\nmax_frames: 2\n")
    argv = ["--video", str(clip), "--config", str(path), "--max-frames", "4"]
    assert run_pipeline.main(argv) == 0
    assert summary(tmp_path / "out" / "clip")["input"]["frames"] == 4


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        ([], "error: give either --video SRC or --demo; --help shows all options"),
        (
            ["--demo", "--video", "x"],
            "error: give either --video SRC or --demo; --help shows all options",
        ),
        (["--video"], "error: Option '--video' requires an argument; --help shows all options"),
        (
            ["--video", "CLIP", "--tracker", "deep"],
            "error: --tracker: tracker.name: found 'deep'; choose sort, bytetrack, ocsort, "
            "botsort, deepsort, drone",
        ),
        (
            ["--video", "CLIP", "--tile", "1000"],
            "error: --tile: detector.tiling.tile_px: should be a multiple of 32, found 1000",
        ),
        (
            ["--video", "CLIP", "--conf", "1.5"],
            "error: --conf: detector.confidence: should be less than 1, found 1.5 (and 1 more)",
        ),
        (
            ["--video", "CLIP", "--max-frames", "0"],
            "error: --max-frames: max_frames: should be greater than or equal to 1, found 0",
        ),
        (
            ["--video", "CLIP", "--set", "a"],
            "error: --set a: expected key.path=value",
        ),
        (
            ["--video", "CLIP", "--config", "none.yaml"],
            "error: none.yaml: cannot be read: No such file or directory",
        ),
        (
            ["--video", "none.mp4"],
            "error: none.mp4: no such file or folder; give a video, a folder of numbered images, "
            "a folder of either, or a pattern in quotes",
        ),
        (
            ["--video", "ftp://me:secret@host/1"],
            "error: ftp://...: not a stream that can be read; give a file, or one of rtsp, rtsps, "
            "rtmp, rtmps, srt, udp, tcp, http, https",
        ),
        (
            ["--video", "CLIP", "--live-policy", "newest"],
            "error: --live-policy: live.policy: found \"newest\"; choose 'latest', 'all' or "
            "'every-nth'",
        ),
        (
            ["--video", "CLIP", "--set", "live.stal_s=1"],
            "error: --set: live.stal_s: unknown key; live takes policy, every, queue_frames, "
            "rtsp_transport, open_s, stall_s, retry_s, retry_most_s, give_up_s, gap_s, seed",
        ),
    ],
)
def test_bad_input_is_one_line_and_code_2(
    argv: list[str],
    line: str,
    clip: Path,
    stub: list[DetectorConfig],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_pipeline.main([str(clip) if word == "CLIP" else word for word in argv]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", line + "\n")
    assert stub == []


def test_weights_that_are_not_there(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--video", str(clip), "--weights", "none.safetensors", "--device", "cpu"]
    assert run_pipeline.main(argv) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: none.safetensors: ")


def test_one_broken_source_gives_code_1_and_debug_its_traceback(
    clip: Path,
    tmp_path: Path,
    stub: list[DetectorConfig],
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    argv = ["--video", str(broken), str(clip), "--output", str(tmp_path / "out"), "--no-video"]
    assert run_pipeline.main(argv) == 1
    shown = capsys.readouterr()
    assert [row for row in shown.err.splitlines() if row.startswith("error: ")] == [
        row for row in shown.err.splitlines() if "broken.mp4" in row
    ]
    assert "Traceback" not in shown.err
    assert "failed" in shown.out
    assert (tmp_path / "out" / "clip" / "tracks.txt").exists()
    assert run_pipeline.main([*argv, "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_fault_inside_names_stage_and_frame(
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Broken(Stub):
        def detect(self, images: Sequence[Image]) -> list[Detections]:
            raise RuntimeError("the device is gone")

    monkeypatch.setattr(build, "build_detector", lambda _: Broken())
    assert run_pipeline.main(["--video", str(clip), "--output", str(tmp_path)]) == 2
    errors = [row for row in capsys.readouterr().err.splitlines() if row.startswith("error")]
    assert errors == ["error: RuntimeError: the device is gone (clip: detect, frames 0-1)"]


def test_help_is_complete_and_needs_no_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "run_pipeline.py", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    options = (
        "--video --demo --config --output --weights --tracker --device --tile --conf --classes "
        "--no-video --max-frames --duration --live-policy --metrics-port --set --debug"
    )
    assert all(f"{option} " in done.stdout for option in options.split())
    loaded = {row.split("|")[-1].strip() for row in done.stderr.splitlines()}
    assert "typer" in loaded
    assert not {"torch", "cv2", "av", "numpy"} & loaded


class Endless:
    """A source that never ends; after 20 frames it presses Ctrl-C, or what `press` says."""

    press = signal.SIGINT

    name = "endless"
    lost: tuple[str, ...] = ()
    info = SourceInfo("endless", 64, 48, Fraction(25), None)

    def __iter__(self) -> Iterator[Frame]:
        image = np.zeros((48, 64, 3), np.uint8)
        index = 0
        while True:
            if index == 20:
                os.kill(os.getpid(), self.press)
            yield Frame(image, self.name, index, index, Fraction(1, 25))
            index += 1

    def close(self) -> None:
        pass


def run_endless(argv: list[str], press: str) -> int:
    """Runs the command on `Endless`; called in a process of its own."""
    # A shell starts background jobs with Ctrl-C ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Endless.press = signal.Signals[press]
    with (
        patch.object(build, "build_detector", lambda _: Stub()),
        patch.object(build, "open_source", lambda *_, **__: Endless()),
    ):
        return run_pipeline.main(argv)


@pytest.mark.parametrize(
    ("press", "code"), [("SIGINT", run_pipeline.INTERRUPTED), ("SIGTERM", run_pipeline.TERMINATED)]
)
def test_ctrl_c_leaves_complete_files(press: str, code: int, clip: Path, tmp_path: Path) -> None:
    argv = ["--video", str(clip), "--output", str(tmp_path / "out")]
    call = f"run_endless({argv!r}, {press!r})"
    script = f"import sys; from tests.test_run_pipeline import *; sys.exit({call})"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("interrupted")
    folder = tmp_path / "out" / "clip"
    told = summary(folder)
    assert (told["status"], told["error"]) == ("interrupted", "interrupted")
    frames = told["input"]["frames"]
    assert frames >= 1
    with av.open(folder / "video.mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) == frames
    rows = [row.split(",") for row in (folder / "tracks.txt").read_text().splitlines()]
    assert [int(row[0]) for row in rows] == list(range(1, frames + 1))
    assert {len(row) for row in rows} == {10}
    with (folder / "counts_per_frame.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 1 + frames


def test_duration_stops_a_file(clip: Path, tmp_path: Path, stub: list[DetectorConfig]) -> None:
    argv = ["--video", str(clip), "--output", str(tmp_path / "out"), "--duration", "0.1"]
    assert run_pipeline.main(argv) == 0
    told = summary(tmp_path / "out" / "clip")
    # Those at 0.00, 0.04 and 0.08 s.
    assert (told["status"], told["input"]["frames"]) == ("complete", 3)
    assert told["live"] is None


def test_what_is_done_is_shown_and_left_with_resume(
    clip: Path, tmp_path: Path, stub: list[DetectorConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_clip(tmp_path / "other.mp4", frames=3)
    out = tmp_path / "out"
    assert run_pipeline.main(["--video", str(clip), "--output", str(out)]) == 0
    before = (out / "clip" / "summary.json").stat().st_mtime_ns
    capsys.readouterr()
    argv = ["--video", str(clip), str(other), "--output", str(out), "--resume"]
    assert run_pipeline.main(argv) == 0
    assert (out / "clip" / "summary.json").stat().st_mtime_ns == before
    shown = capsys.readouterr()
    assert [word for word in ("clip", "other") if f"{word} " in shown.out] == ["clip", "other"]
    assert "clip: 5 frames" not in shown.err
    assert "other: 3 frames" in shown.err


def test_an_output_folder_that_cannot_be_written_is_one_line(
    clip: Path, tmp_path: Path, stub: list[DetectorConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", Path("/proc/nowhere")):
        assert run_pipeline.main(["--video", str(clip), "--output", str(out)]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")
        assert "cannot be written" in line
        assert "--output" in line


def test_no_jobs_are_no_number_of_jobs(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_pipeline.main(["--video", str(clip), "--jobs", "0"]) == 2
    assert "--jobs" in capsys.readouterr().err
