"""Detects, tracks and counts vehicles in drone video: `python run_pipeline.py --video SRC`."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from pipeline.errors import InputError
from pipeline.termination import Terminated, terminable

if TYPE_CHECKING:
    from pipeline.batch import Outcome
    from pipeline.config import PipelineConfig
    from pipeline.load import Override
    from pipeline.metrics import Metrics

INTERRUPTED = 130
TERMINATED = 143


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


HELP = """Detect, track and count vehicles in drone video.

For a source named S, DIR/S/ gets video.mp4 (annotated), tracks.txt (MOT) with classes.txt, \
counts.csv, counts_per_frame.csv and summary.json.

Exit codes: 0 all sources went through, 1 some failed, 2 none did or the arguments are wrong, \
130 interrupted and 143 terminated (the files are complete up to there)."""


@app.command(help=HELP)
def run(  # noqa: PLR0913 - one for each option of the command
    *,
    video: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SRC [SRC ...]",
            help="A video file, a folder of numbered images, a folder or glob of either, a "
            "stream's URL or a webcam's device; several may follow. Write --video=NAME for a "
            "name with a leading dash.",
        ),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo",
            help="Render a short flight with known truth, run on it and show what was found.",
        ),
    ] = False,
    config: Annotated[
        Path | None, typer.Option(metavar="YAML", help="Settings; see configs/default.yaml.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Each source gets a folder in it. (default: runs)"),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="W[,W]",
            help="A .safetensors file, or several with commas between, whose detections are put "
            "together; `thermal` for thermal video. (default: the embedded vehicles)",
        ),
    ] = None,
    tracker: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="sort, bytetrack, ocsort, botsort, deepsort or drone. (default: drone)",
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="D", help="auto, cpu or cuda:N. (default: auto)")
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="B",
            help="What runs the network: torch, onnx or openvino. (default: the fastest one "
            "installed)",
        ),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(metavar="PX", help="Longest side of a tile, a multiple of 32."),
    ] = None,
    conf: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Least score of a detection, 0 to 1. (default: 0.1; 0.3 for sort and "
            "deepsort, which do not sort out low scores themselves)",
        ),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="A,B", help="Names to report. (default: all)")
    ] = None,
    no_video: Annotated[
        bool, typer.Option("--no-video", help="Write no annotated video; faster.")
    ] = False,
    refine: Annotated[
        bool,
        typer.Option("--refine", help="Write tracks_refined.txt too: gaps filled, smoothed."),
    ] = False,
    max_frames: Annotated[
        int | None, typer.Option(metavar="N", help="Stop each source after N frames.")
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(metavar="S", help="Stop each source after S seconds, live streams too."),
    ] = None,
    live_policy: Annotated[
        str | None,
        typer.Option(
            metavar="P",
            help="What gives way when analysis is slower than a live stream: latest (all but "
            "the newest frame), every-nth, or all (nothing does). (default: latest)",
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(metavar="N", help="Serve figures of the run for Prometheus at this port."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on where an earlier run into the same folder ended."),
    ] = False,
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, help="Sources analysed at once, each in a process.")
    ] = 1,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY.PATH=VALUE", help="Any setting; may be repeated."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> int:
    """Reads the options, runs, and returns the exit code."""
    given: dict[str, tuple[str, Any]] = {
        "output.folder": ("--output", output),
        "detector.weights": ("--weights", _one_or_list(weights)),
        "tracker.name": ("--tracker", tracker),
        "detector.device": ("--device", device),
        "detector.backend": ("--backend", backend),
        "detector.tiling.tile_px": ("--tile", tile),
        "detector.confidence": ("--conf", conf),
        "min_score": ("--conf", conf),
        "detector.classes": ("--classes", classes and classes.split(",")),
        "output.video": ("--no-video", False if no_video else None),
        "output.refine": ("--refine", {} if refine else None),
        "max_frames": ("--max-frames", max_frames),
        "duration_s": ("--duration", duration),
        "metrics.port": ("--metrics-port", metrics_port),
        "live.policy": ("--live-policy", live_policy),
    }
    try:
        if demo == bool(video):
            raise InputError("give either --video SRC or --demo; --help shows all options")
        settings = _settings(config, given, set_ or [])
        if demo:
            return _demo(settings)
        return _run(video or [], settings, jobs=jobs, resume=resume, debug=debug)
    except KeyboardInterrupt as stop:
        _say("interrupted; the files are complete up to the last frame shown")
        return TERMINATED if isinstance(stop, Terminated) else INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a user gets one line
        _fail(error, debug=debug)
        return 2 if isinstance(error, InputError) else 1


def _one_or_list(weights: str | None) -> str | list[str] | None:
    return weights.split(",") if weights and "," in weights else weights


def _settings(
    path: Path | None, given: dict[str, tuple[str, Any]], sets: Sequence[str]
) -> PipelineConfig:
    from pipeline.load import Override, load_config, parse_override

    overrides: list[Override] = [
        Override(key, value, option) for key, (option, value) in given.items() if value is not None
    ]
    return load_config(path, [*overrides, *map(parse_override, sets)])


def _run(
    sources: Sequence[str], config: PipelineConfig, *, jobs: int, resume: bool, debug: bool
) -> int:
    from pipeline.batch import exit_code, find_sources
    from pipeline.build import build_metrics
    from pipeline.jobs import run_all
    from pipeline.progress import build_progress
    from pipeline.report import summary_table

    specs, faults = find_sources(sources)
    for fault in faults:
        _fail(fault, debug=debug)
    outcomes: list[Outcome] = []
    metrics: Metrics | None = None
    try:
        if specs:
            metrics = build_metrics(config.metrics)
            progress = build_progress(Console(stderr=True))
            for outcome in run_all(specs, config, progress, metrics, jobs=jobs, resume=resume):
                outcomes.append(outcome)
                if outcome.error is not None:
                    _fail(outcome.error, debug=debug)
    finally:
        if metrics is not None:
            metrics.close()
        if outcomes:
            _wide(Console()).print(summary_table(outcomes))
    finished = sum(outcome.error is None for outcome in outcomes)
    return exit_code(finished=finished, failed=len(outcomes) - finished + len(faults))


def _demo(config: PipelineConfig) -> int:
    from pipeline.build import build_detector
    from pipeline.demo import run_demo
    from pipeline.progress import build_progress
    from pipeline.report import score_table, summary_table

    detector = build_detector(config.asked_detector)
    demo = run_demo(detector, config, build_progress(Console(stderr=True)))
    if demo.outcome.error is not None:
        raise demo.outcome.error
    console = _wide(Console())
    console.print(summary_table([demo.outcome]))
    console.print(score_table(demo.scores))
    return 0


def _fail(error: Exception, *, debug: bool) -> None:
    from pipeline.runner import describe

    if debug:
        traceback.print_exception(error)
    _say(f"error: {describe(error)}")


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _wide(console: Console) -> Console:
    """Outside a terminal lines need not fit 80 characters."""
    return console if console.is_terminal else Console(width=160)


def spread_videos(argv: Sequence[str]) -> list[str]:
    """The arguments with one `--video=` for each source that follows a `--video`.

    >>> spread_videos(["--video", "a.mp4", "b.mp4", "--no-video", "--video", "c"])
    ['--video=a.mp4', '--video=b.mp4', '--no-video', '--video=c']
    """
    spread: list[str] = []
    follows = False
    for argument in argv:
        bare = spread[-1:] == ["--video"]
        if argument.startswith("-"):
            if bare:
                break  # nothing follows it: the usage error is about that
            follows = argument == "--video"
            spread.append(argument)
        elif follows:
            if bare:
                spread.pop()
            spread.append(f"--video={argument}")
        else:
            spread.append(argument)
    return spread


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    arguments = spread_videos(sys.argv[1:] if argv is None else argv)
    try:
        with terminable():
            return int(app(arguments, prog_name="run_pipeline.py", standalone_mode=False) or 0)
    except Exception as error:
        # Typer's usage errors have no public base class; they format themselves.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        _say(f"error: {message().rstrip('.')}; --help shows all options")
        return 2


if __name__ == "__main__":
    sys.exit(main())
