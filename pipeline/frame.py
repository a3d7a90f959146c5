"""The pipeline's contract: frames come from a source, results go to sinks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

from detector.detections import Detections, Image
from tracking.tracks import Tracks


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture.

    Attributes:
        image: `(H, W, 3)` uint8, RGB, rotation applied.
        source: Name of the source, for messages.
        index: 0-based position in the source's own frame order.
        pts: Presentation time in units of `time_base`; never rounded to a frame rate.
        time_base: Seconds per unit of `pts`.
        arrived_s: When it came from a live stream, by `time.monotonic`; `None` of a file.
    """

    image: Image
    source: str
    index: int
    pts: int
    time_base: Fraction
    arrived_s: float | None = None

    @property
    def time_s(self) -> float:
        """Presentation time in seconds."""
        return float(self.pts * self.time_base)


@dataclass(frozen=True, slots=True)
class Counts:
    """Objects per class, indexed by class id.

    Attributes:
        visible: Tracks that this frame shows.
        unique: Distinct track ids since the first frame, each under the class it has now.
    """

    visible: tuple[int, ...]
    unique: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What the pipeline knows of one frame.

    Attributes:
        memory: What the tracker and its helpers remember after this frame, with some frames.
    """

    frame: Frame
    detections: Detections
    tracks: Tracks
    counts: Counts
    memory: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The last frame that an earlier run took, to go on behind it.

    Attributes:
        index: Of the frame.
        pts: Of the frame.
        time_base: Of the frame.
        checksum: CRC-32 of its image, which shows that a source is the same and exactly there.
        lost: What the source had lost by then, or a little later; empty if nothing.
    """

    index: int
    pts: int
    time_base: Fraction
    checksum: int
    lost: tuple[str, ...]

    @property
    def time_s(self) -> float:
        """Presentation time in seconds."""
        return float(self.pts * self.time_base)


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source before its frames are read.

    Attributes:
        path: As the user gave it.
        width: Of a frame in pixels, after rotation.
        height: Of a frame in pixels, after rotation.
        frame_rate: Nominal frames per second; frames carry the true times.
        frame_count: Number of frames as the container states it, `None` if it does not.
        pixel_aspect: Width of a pixel by its height, as the video should be shown. Frames and
            boxes are in pixels as they are stored.
    """

    path: str
    width: int
    height: int
    frame_rate: Fraction
    frame_count: int | None
    pixel_aspect: Fraction = Fraction(1)


class Source(Protocol):
    """Gives the frames of one video or image sequence, once, in order.

    `lost` may grow while frames are read: one line for each kind of loss, with how many
    frames and where; the source goes on after a loss as long as it can.
    """

    @property
    def name(self) -> str:
        """Stem of the source, the name of its output folder."""
        ...

    @property
    def info(self) -> SourceInfo:
        """Known once the source is open."""
        ...

    @property
    def lost(self) -> list[str]:
        """What could not be decoded so far, a line each; empty if all was."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """The frames in presentation order."""
        ...

    def close(self) -> None:
        """Frees the file; may be called twice."""
        ...


class Sink(Protocol):
    """Writes results as they come, so that a kill loses at most the last moments."""

    def write(self, result: Result) -> None:
        """Takes the next frame's result."""
        ...

    def close(self) -> None:
        """Completes the files; may be called twice."""
        ...


@runtime_checkable
class Lasting(Protocol):
    """A sink that a later run can go on with."""

    def state(self) -> dict[str, Any]:
        """What it needs to go on after the last frame that it took."""
        ...

    def holds(self, state: dict[str, Any]) -> bool:
        """Whether the files hold all that it had taken at that state."""
        ...
