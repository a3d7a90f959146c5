"""Kills batches at random moments, resumes them, and compares with an undisturbed run.

`python -m benchmarks.kill_resume [--kills 20] [--jobs 2] [--flights 4] [--frames 150] [--real]`

Rendered flights go through the program in a process of its own, which is killed with SIGKILL at
a random moment (seeded), resumed, killed again, and so on until the batch is done; then the next
batch begins, until there were enough kills. After each kill the video must play and the text
files must be readable. Of each finished batch tracks, counts and classes must be equal byte for
byte, the summary in all but times, and the video must have the same frames at the same times.

The detector is a quick one that finds whatever stands out, `--real` takes the program's own.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any
from unittest.mock import patch

import av
import cv2
import typer
from rich.console import Console

from benchmarks.machine import describe_machine
from detector.data.rendered import FlightConfig
from pipeline import build
from pipeline.demo import write_flight
from tests.pipeline.blobs import build_blobs

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

ROOT = Path(__file__).resolve().parent.parent
FLIGHT = FlightConfig(width=384, height=216, altitude_m=45.0, pitch_deg=60.0, scene="junction")
TEXTS = ("tracks.txt", "classes.txt", "counts.csv", "counts_per_frame.csv")
NO_FRAME_BYTES = 4096
"""What a video may have that does not play, in its first moments: no frame is in it yet."""
TIMES = ("frames_per_second", "timings")


@dataclass
class Report:
    """What was seen."""

    kills: int = 0
    batches: int = 0
    faults: list[str] = field(default_factory=list)


def child(arguments: list[str]) -> int:
    """Runs the program with the quick detector, in a process that will be killed."""
    import run_pipeline

    if "--real" in arguments:
        arguments.remove("--real")
        return run_pipeline.main(arguments)
    with patch.object(build, "build_detector", build_blobs):
        return run_pipeline.main(arguments)


def command(clips: Path, out: Path, options: list[str]) -> list[str]:
    """The program over all clips."""
    program = [sys.executable, "-m", "benchmarks.kill_resume", "--child"]
    return [*program, "--video", str(clips), "--output", str(out), *options]


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    """The program at work."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen(arguments, cwd=ROOT, stdout=quiet, stderr=quiet)


def render(folder: Path, flights: int, frames: int) -> Path:
    """A folder of rendered clips and one of numbered images."""
    clips = folder / "clips"
    clips.mkdir()
    for seed in range(flights):
        own = folder / f"flight{seed}"
        own.mkdir()
        for _ in write_flight(replace(FLIGHT, seed=seed, frames=frames), own):
            pass
        (own / "flight.mp4").rename(clips / f"flight{seed}.mp4")
    images = clips / "images"
    images.mkdir()
    with av.open(clips / "flight0.mp4") as container:
        for number, picture in enumerate(container.decode(video=0)):
            image = picture.to_ndarray(format="bgr24")
            cv2.imwrite(str(images / f"img{number:06d}.png"), image)
    return clips


def times(video: Path) -> list[float]:
    """When each frame of a video is shown."""
    with av.open(video) as container:
        return [float(frame.time or 0.0) for frame in container.decode(video=0)]


def summary(folder: Path) -> dict[str, Any]:
    """All of a summary that may not depend on the clock or on the folder."""
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    for name in TIMES:
        del found[name]
    del found["config"]["output"]["folder"]
    return found


def differences(expected: Path, found: Path) -> list[str]:
    """What differs between the folders of one source."""
    names = {path.name for path in expected.iterdir()}
    wrong = [f"files: {sorted(names ^ {path.name for path in found.iterdir()})}"]
    wrong = [] if names == {path.name for path in found.iterdir()} else wrong
    wrong += [n for n in TEXTS if (expected / n).read_bytes() != (found / n).read_bytes()]
    if summary(expected) != summary(found):
        wrong.append("summary.json")
    if times(expected / "video.mp4") != times(found / "video.mp4"):
        wrong.append("video.mp4")
    return [f"{found.name}: {name}" for name in wrong]


def unreadable(out: Path) -> list[str]:
    """The videos that do not play after a kill."""
    wrong = []
    for video in out.glob("*/video.mp4"):
        try:
            if video.stat().st_size and not times(video):
                wrong.append(f"{video.parent.name}: plays no frame")
        except (av.FFmpegError, IndexError) as error:
            if video.stat().st_size > NO_FRAME_BYTES:
                wrong.append(f"{video.parent.name}: {error}")
    return wrong


def run_batch(
    report: Report, first: list[str], again: list[str], out: Path, moments: list[float]
) -> None:
    """One batch from its start through some kills to its end."""
    arguments = first
    while True:
        process = start(arguments)
        try:
            process.wait(moments.pop() if moments else None)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            report.kills += 1
            report.faults += unreadable(out)
            arguments = again
            continue
        if process.returncode:
            report.faults.append(f"exit code {process.returncode}")
        report.batches += 1
        return


@app.command()
def main(  # noqa: PLR0913 - one for each option of the command
    *,
    kills: Annotated[int, typer.Option(help="How often it is killed.")] = 20,
    jobs: Annotated[int, typer.Option(help="Processes of a batch.")] = 1,
    flights: Annotated[int, typer.Option(help="Clips of a batch.")] = 4,
    frames: Annotated[int, typer.Option(help="Of each clip.")] = 150,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    real: Annotated[bool, typer.Option("--real", help="Take the program's detector.")] = False,
    checkpoint_s: Annotated[float, typer.Option(help="Seconds between two checkpoints.")] = 0.2,
    json_: Annotated[Path | None, typer.Option("--json", help="Also write it here.")] = None,
) -> None:
    """Prints how many kills there were and what differed; exits with 1 if anything did."""
    console = Console()
    console.print(describe_machine())
    report = Report()
    chance = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="kill-"))
    try:
        clips = render(folder, flights, frames)
        options = ["--jobs", str(jobs), "--set", f"output.checkpoint_s={checkpoint_s}"]
        options += ["--real"] * real
        began_s = perf_counter()
        assert start(command(clips, folder / "whole", options)).wait() == 0
        whole_s = perf_counter() - began_s
        console.print(f"undisturbed: {whole_s:.1f} s")
        while report.kills < kills:
            out = folder / f"out{report.batches}"
            moments = [chance.uniform(0.3, whole_s) for _ in range(kills - report.kills)]
            first = command(clips, out, options)
            run_batch(report, first, [*first, "--resume"], out, moments)
            for source in sorted(path for path in (folder / "whole").iterdir() if path.is_dir()):
                report.faults += differences(source, out / source.name)
            console.print(f"batch {report.batches}: {report.kills} kills, {report.faults or 'ok'}")
            shutil.rmtree(out)
    finally:
        shutil.rmtree(folder)
    if json_ is not None:
        json_.write_text(json.dumps({"kills": report.kills, "faults": report.faults}))
    if report.faults:
        raise typer.Exit(1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        sys.exit(child(sys.argv[2:]))
    app()
