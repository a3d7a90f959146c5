"""Frames/s of the whole program, against its slowest stage alone and a plain loop.

`python -m benchmarks.pipeline [--video FILE] [--frames 100] [--rounds 3] [--json FILE]`

The three are measured in turn in every round, on the same frames with the same parts, so that a
machine that others use too is slow for all of them; the ratios are of the medians. Without
`--video` a 1280x720 flight is rendered first.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any

import typer

from benchmarks.machine import describe_machine
from detector.data.rendered import FlightConfig
from detector.detections import Detector
from pipeline.build import build_detector, build_parts
from pipeline.config import PipelineConfig
from pipeline.demo import write_flight
from pipeline.load import load_config, parse_override
from pipeline.sources.discovery import SourceSpec, discover
from pipeline.stages import Line, Stage
from pipeline.steps import build_stages

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Bench:
    """Builds fresh stages over one source, as often as they are needed."""

    def __init__(self, spec: SourceSpec, detector: Detector, config: PipelineConfig) -> None:
        self._spec = spec
        self._detector = detector
        self._config = config
        self._folder = Path(tempfile.mkdtemp(prefix="bench-"))

    def close(self) -> None:
        """Removes what the runs wrote."""
        shutil.rmtree(self._folder)

    def stages(self) -> list[Stage]:
        """Fresh ones from decode to write."""
        parts = build_parts(self._spec, self._detector, self._config, self._folder)
        config = self._config
        return build_stages(
            parts, min_score=config.tracker_min_score, frame_batch=config.frame_batch
        )

    def together(self) -> tuple[float, dict[str, float]]:
        """Seconds of the stages side by side as in the program, and each one's busy seconds."""
        stages = self.stages()
        started = perf_counter()
        with Line(stages, capacity=self._config.frame_batch) as line:
            for _ in line:
                pass
        return perf_counter() - started, line.busy_s

    def in_turn(self) -> float:
        """Seconds of the same steps as one plain loop in one thread."""
        items: Iterator[Any] = iter(())
        for stage in self.stages():
            items = stage.step(items)
        return _spent(items)[0]

    def alone(self) -> dict[str, float]:
        """Seconds of each stage alone, its input ready in memory."""
        seconds: dict[str, float] = {}
        items: list[Any] = []
        for stage in self.stages():
            seconds[stage.name], items = _spent(stage.step(iter(items)))
        return seconds


def _spent(items: Iterator[Any]) -> tuple[float, list[Any]]:
    started = perf_counter()
    made = list(items)
    return perf_counter() - started, made


def measure(bench: Bench, frames: int, rounds: int) -> dict[str, Any]:
    """The figures; see the keys."""
    together, in_turn = [], []
    alone: dict[str, list[float]] = {}
    busy: dict[str, list[float]] = {}
    bench.together()  # the first run also loads code and warms the network up
    for _ in range(rounds):
        seconds, shares = bench.together()
        together.append(seconds)
        in_turn.append(bench.in_turn())
        for name, value in bench.alone().items():
            alone.setdefault(name, []).append(value)
            busy.setdefault(name, []).append(shares[name])
    slowest = max(alone, key=lambda name: median(alone[name]))
    total = sum(median(values) for values in busy.values())
    return {
        "frames": frames,
        "rounds": rounds,
        "frames_per_s": {
            "together": frames / median(together),
            "in_turn": frames / median(in_turn),
            "slowest_alone": frames / median(alone[slowest]),
        },
        "slowest": slowest,
        "together_to_slowest_alone": median(alone[slowest]) / median(together),
        "together_to_in_turn": median(in_turn) / median(together),
        "ms_per_frame": {
            name: {
                "alone": 1000 * median(alone[name]) / frames,
                "busy": 1000 * median(busy[name]) / frames,
                "share": median(busy[name]) / total,
            }
            for name in alone
        },
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "machine": describe_machine("torch", "av", "opencv-python-headless", "numpy"),
    }


def show(figures: dict[str, Any]) -> None:
    """Prints the figures as a short table."""
    print(figures["machine"])
    for name, rate in figures["frames_per_s"].items():
        print(f"{name:14} {rate:8.2f} frames/s")
    print(f"together / slowest alone ({figures['slowest']}): ", end="")
    print(f"{figures['together_to_slowest_alone']:.2f}")
    print(f"together / in turn: {figures['together_to_in_turn']:.2f}")
    print(f"{'stage':8} {'alone ms':>10} {'busy ms':>10} {'share':>7}")
    for name, row in figures["ms_per_frame"].items():
        print(f"{name:8} {row['alone']:10.2f} {row['busy']:10.2f} {row['share']:7.1%}")
    print(f"peak memory {figures['peak_mb']:.0f} MB, the frames kept for `alone` included")


@app.command()
def main(
    video: Annotated[Path | None, typer.Option(help="Default: a rendered flight.")] = None,
    frames: Annotated[int, typer.Option(help="Frames of each run.")] = 100,
    rounds: Annotated[int, typer.Option(help="Times that all are measured.")] = 3,
    config: Annotated[Path | None, typer.Option(help="As for run_pipeline.py.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key.path=value")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also written here.")] = None,
) -> None:
    """Frames/s of the whole program, against its slowest stage alone and a plain loop."""
    settings = load_config(config, [parse_override(text) for text in set_ or []])
    with ExitStack() as stack:
        if video is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            flight = FlightConfig(seed=4, width=1280, height=720, frames=frames, scene="junction")
            print(f"rendering {frames} frames", file=sys.stderr)
            for _ in write_flight(flight, folder):
                pass
            video = folder / "flight.mp4"
        [spec] = discover([str(video)])
        settings = replace(settings, max_frames=frames)
        bench = Bench(spec, build_detector(settings.detector), settings)
        stack.callback(bench.close)
        figures = measure(bench, frames, rounds)
    show(figures)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    app()
