"""The command `python -m tracking.run`: a tracker on a file of detections, without images."""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer
from pydantic import TypeAdapter, ValidationError

from tracking.build import build_tracker
from tracking.command import INTERRUPTED, describe, fail, note, run_app
from tracking.config import (
    FOLLOW_CAMERA,
    TRACKER_CONFIGS,
    AnyTrackerConfig,
    ByteTrackConfig,
    TrackerConfig,
)
from tracking.mot import MAX_FRAME, MotRows, format_tracks, read_mot
from tracking.refine import RefineConfig, frames_of, refine, rows_of
from tracking.stepping import track_rows
from tracking.tracks import Motion
from tracking.warps import read_warps

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def _help() -> str:
    settings = "\n\n".join(
        f"{name}: {', '.join(f'{key}={value}' for key, value in _defaults(name).items())}"
        for name in TRACKER_CONFIGS
    )
    return f"""Track the detections of a MOT file and write the tracks as a MOT file.

DET has rows of frame,id,x,y,w,h[,score[,class,...]], in any order, with commas, spaces or tabs \
between; `#` begins a comment. Frames count from 1, or from 0 where DET has a frame 0. All are \
stepped, those without detections too. OUT gets rows of \
frame,id,x,y,w,h,score,class,visibility,-1 and is complete or not there at all.

WARPS has a line of index,h00,h01,h02,h10,h11,h12 for each frame, with tabs, spaces or commas \
between: the affine map of pixels of the frame before to those of this one; the index counts the \
frames from 0 or from 1.

With --refine, boxes in filled gaps have a score of 0.

Settings of each tracker, for --set:

{settings}

Exit codes: 0 done, 2 wrong input, 130 interrupted."""


def _defaults(name: str) -> dict[str, object]:
    """The settings and their defaults; groups of classes need names, which no MOT file has."""
    config = vars(TRACKER_CONFIGS[name]())
    return {key: value for key, value in config.items() if key not in ("name", "groups")}


@app.command(help=_help(), no_args_is_help=False)
def run(  # noqa: PLR0913 - one for each option of the command
    *,
    detections: Annotated[Path, typer.Argument(metavar="DET", help="Detections, a MOT file.")],
    output: Annotated[Path, typer.Option(metavar="OUT", help="Tracks, a MOT file.")],
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help=f"{', '.join(TRACKER_CONFIGS)}.")
    ] = ByteTrackConfig.name,
    frames: Annotated[
        int | None,
        typer.Option(metavar="N", help="Step N frames. (default: to the last detection)"),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(metavar="S", help="Leave out detections below this score."),
    ] = None,
    warps: Annotated[
        Path | None,
        typer.Option(metavar="WARPS", help=f"Camera motion, for {' and '.join(FOLLOW_CAMERA)}."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A tracker's setting; may be repeated."),
    ] = None,
    refine_: Annotated[
        bool, typer.Option("--refine", help="Fill short gaps and smooth the finished tracks.")
    ] = False,
    max_gap: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"With --refine: missing frames in a row that are filled at most. "
            f"(default: {RefineConfig.max_gap})",
        ),
    ] = None,
    precise: Annotated[
        bool, typer.Option("--precise", help="Write 6 decimals instead of 2.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> int:
    """Reads the options, runs, and returns the exit code."""
    try:
        _check_options(output, tracker, frames, min_score, warps)
        refining = _refining(wanted=refine_, max_gap=max_gap)
        chosen = build_tracker(read_config(tracker, set_ or []))
        rows = read_mot(detections)
        first = rows.first_frame
        steps = range(first, 1 + (rows.last_frame if frames is None else first + frames - 1))
        motions = None if warps is None else read_warps(warps)
        _note_guesses(detections, rows, motions, steps)
        if min_score is not None:
            rows = rows[rows.scores >= min_score]
        with _replacing(output) as file:
            shown = track_rows(rows, chosen, motions, steps)
            if refining is not None:
                shown = frames_of(refine(rows_of(shown), refining))
            for frame, tracks in shown:
                file.write(format_tracks(frame, tracks, precise=precise))
    except KeyboardInterrupt:
        return fail("interrupted; nothing was written", INTERRUPTED)
    except (ValueError, OSError) as error:
        if debug:
            traceback.print_exception(error)
        return fail(describe(error), 2)
    return 0


def _check_options(
    output: Path, tracker: str, frames: int | None, min_score: float | None, warps: Path | None
) -> None:
    if frames is not None and not 1 <= frames <= MAX_FRAME:
        raise ValueError(f"--frames {frames}: a number from 1 to {MAX_FRAME}")
    if min_score is not None and not math.isfinite(min_score):
        raise ValueError(f"--min-score {min_score}: a finite number")
    if not output.parent.is_dir():
        raise ValueError(f"--output {output}: there is no folder {output.parent}")
    if warps is not None and tracker not in FOLLOW_CAMERA:
        raise ValueError(f"--warps: {tracker} knows no camera; {' and '.join(FOLLOW_CAMERA)} do")


def _refining(*, wanted: bool, max_gap: int | None) -> RefineConfig | None:
    if max_gap is None:
        return RefineConfig() if wanted else None
    if not wanted:
        raise ValueError(f"--max-gap {max_gap}: only with --refine")
    if not 0 <= max_gap <= MAX_FRAME:
        raise ValueError(f"--max-gap {max_gap}: a number from 0 to {MAX_FRAME}")
    return RefineConfig(max_gap=max_gap)


def read_config(name: str, settings: Sequence[str]) -> AnyTrackerConfig:
    """The config of the tracker called `name`, changed by settings of the form `key=value`.

    Raises:
        ValueError: If there is no such tracker or setting, or a value does not fit.

    >>> read_config("sort", ["max_age=5"]).max_age
    5
    """
    if name not in TRACKER_CONFIGS:
        raise ValueError(f"--tracker {name}: unknown; there is {', '.join(TRACKER_CONFIGS)}")
    values: dict[str, object] = {}
    for setting in settings:
        key, equals, value = (part.strip() for part in setting.partition("="))
        if not equals:
            raise ValueError(f"--set {setting}: write it as key=value")
        if key not in _defaults(name):
            raise ValueError(
                f"--set {setting}: unknown key; {name} takes {', '.join(_defaults(name))}"
            )
        values[key] = value
    adapter = TypeAdapter[AnyTrackerConfig](TrackerConfig)
    try:
        return adapter.validate_python({"name": name, **values})
    except ValidationError as error:
        fault = error.errors()[0]
        raise ValueError(f"--set {fault['loc'][-1]}={fault['input']}: {fault['msg']}") from None


def _note_guesses(
    path: Path, rows: MotRows, motions: Sequence[Motion] | None, steps: range
) -> None:
    """Says on stderr what was taken for what the files leave open."""
    if rows.first_frame == 0:
        note(f"{path} counts frames from 0, and so does the output")
    if not rows.scored:
        note(f"{path} has rows without a score; they get 1")
    if motions is not None and len(motions) < len(steps):
        note(f"{len(steps) - len(motions)} frames at the end have no warp; they get the identity")


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A file that takes the place of `path` once it is complete."""
    if path.exists() and not path.is_file():  # a device or pipe cannot be replaced
        with path.open("w", encoding="utf-8") as file:
            yield file
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    return run_app(app, "python -m tracking.run", argv)


if __name__ == "__main__":
    sys.exit(main())
