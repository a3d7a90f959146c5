"""What a run did, as one JSON file."""

from __future__ import annotations

import json
import math
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter

from pipeline.errors import InputError
from pipeline.sinks.counts import ClassTotals
from pipeline.sinks.files import write_atomically
from pipeline.sources.live_report import StreamReport

Status: TypeAlias = Literal["complete", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class InputSummary:
    """The source that was read.

    Attributes:
        path: As the user gave it.
        width: Of a frame in pixels.
        height: Of a frame in pixels.
        frame_rate: Nominal frames per second.
        pixel_aspect: Width of a pixel by its height; boxes are in pixels as they are stored.
        frames: Frames that went through all stages.
        duration_s: From the first frame's time to the end of the last.
    """

    path: str
    width: int
    height: int
    frame_rate: float
    frames: int
    duration_s: float
    pixel_aspect: float = 1.0


@dataclass(frozen=True, slots=True)
class StageTiming:
    """How long one stage worked.

    Attributes:
        busy_s: Seconds spent working, waiting left out.
        share: Part of the busy seconds of all stages, 0 to 1.
    """

    busy_s: float
    share: float


@dataclass(frozen=True, slots=True)
class LiveSummary:
    """What became of a live stream.

    Attributes:
        stream: Frames received and dropped, cuts and breaks.
        latency_s: Seconds from a frame's arrival until all files had it: the percentiles
            `p50`, `p90`, `p99` and the greatest, `max`.
    """

    stream: StreamReport
    latency_s: dict[str, float]


@dataclass(frozen=True, slots=True)
class Summary:
    """A run's record.

    Attributes:
        status: `complete` if every frame was taken to the end, `interrupted` after Ctrl-C,
            `failed` after a fault.
        input: The source.
        frames_per_second: Frames through all stages by seconds of wall time.
        counts: By class name.
        lost: What could not be decoded, a line each; empty if all was.
        outputs: File names in the same folder.
        timings: By stage, in order of the stages.
        versions: Of the project, of Python and of the packages that decide the result.
        seeds: Of every random generator, by its use.
        config: The complete config of the run.
        error: What stopped a failed run.
        live: Of a live stream alone.
    """

    status: Status
    input: InputSummary
    frames_per_second: float
    counts: dict[str, ClassTotals]
    lost: list[str]
    outputs: list[str]
    timings: dict[str, StageTiming]
    versions: dict[str, str]
    seeds: dict[str, int]
    config: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    live: LiveSummary | None = None


def stage_timings(busy_s: dict[str, float]) -> dict[str, StageTiming]:
    """Each stage's seconds with its share of their sum; shares are 0 if the sum is.

    >>> stage_timings({"detect": 3.0, "track": 1.0})["detect"]
    StageTiming(busy_s=3.0, share=0.75)
    """
    total_s = sum(busy_s.values())
    return {
        stage: StageTiming(seconds, seconds / total_s if total_s else 0.0)
        for stage, seconds in busy_s.items()
    }


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a run's result."""
    versions = {"python": platform.python_version()}
    for name in ("torch", "numpy", "av", "opencv-python-headless", "opencv-python"):
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def write_summary(path: Path, summary: Summary) -> None:
    """Writes the summary as JSON, in one step: an older one stays until the new is whole.

    Numbers that JSON lacks (NaN, infinity) become `null`; paths become strings.

    Raises:
        InputError: If the file cannot be written.
        TypeError: If the config holds something that is not plain data.
    """
    plain = _plain(asdict(summary))
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(path, text + "\n")


def read_summary(path: Path) -> Summary:
    """The summary in a file.

    Raises:
        InputError: If there is none, or it is no summary of this version.
    """
    try:
        return TypeAdapter(Summary).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no summary of a run: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
