"""Video files as a source of frames."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av import VideoFrame

from pipeline.errors import InputError
from pipeline.frame import Frame, Place, SourceInfo
from pipeline.sources.clock import Clock
from pipeline.sources.container import (
    fraction,
    nominal_rate,
    open_container,
    pixel_aspect,
    video_stream,
)
from pipeline.sources.decoder import Decoder
from pipeline.sources.deinterlace import deinterlaced
from pipeline.sources.losses import Losses
from pipeline.sources.naming import safe_name, shown
from pipeline.sources.orientation import orientation
from pipeline.sources.rgb import RgbConverter, picture_format

# So many pictures at the start of a file may be damaged before their size is believed.
_MOST_DAMAGED = 100


class VideoSource:
    """Gives the frames of one video file, once, in presentation order.

    Pictures are turned and mirrored as the file asks, interlaced ones are made whole, and
    colours follow the file's tags, from high dynamic range to the standard one. Pixels stay as
    they are stored, square or not. A picture of another size than the
    first is scaled to the first's, and counted in `lost`, as is what could not be decoded.

    Frame times are the file's own. Where the file has none, frame `i` is at `i / frame_rate`,
    which `lost` says; so it says when times had to be repaired to grow.

    A frame's array keeps its memory as long as it is referenced, also after `close`. Frames may
    be read in one thread and the source closed in another.
    """

    def __init__(
        self, path: str | Path, *, name: str | None = None, max_frames: int | None = None
    ) -> None:
        """Opens the file and decodes its first frame.

        Args:
            path: Any name; it is opened as a file even if it looks like a URL.
            name: Of the source; the file's stem by default.
            max_frames: Reading ends after so many frames; `None` reads all.

        Raises:
            InputError: If the file is missing, is no video or has no frame that can be decoded.
        """
        self._name = safe_name(Path(path).stem) if name is None else name
        self._path = path
        self._losses = Losses()
        self._max_frames = max_frames
        self._given = 0
        self._lock = threading.Lock()
        with ExitStack() as stack:
            container = open_container(path, stack, self._losses)
            self._stream = video_stream(container, path)
            self._decoder = Decoder(container, self._stream, self._losses)
            self._pictures = deinterlaced(self._decoder)
            self._converter = RgbConverter()
            self._clock: Clock | None = None
            self._time_base = fraction(self._stream.time_base) or Fraction(1)
            self._frame_rate = Fraction(0)
            self._index = 0
            self._aspect = Fraction(1)
            frame_count = self._stream.frames or None
            self._first = self._next_frame()
            if self._first is None:
                found = "; ".join(self._losses.lines()) or "the file ends before the first"
                raise InputError(f"{shown(path)}: no frame can be decoded ({found}); copy it again")
            height, width = self._first.image.shape[:2]
            self._info = SourceInfo(
                str(path), width, height, self._frame_rate, frame_count, self._aspect
            )
            self._stack = stack.pop_all()

    @property
    def name(self) -> str:
        """Stem of the file, or the name given."""
        return self._name

    @property
    def info(self) -> SourceInfo:
        """Size after rotation; the frame count that the container states, if it does."""
        return self._info

    @property
    def lost(self) -> list[str]:
        """What could not be decoded so far, a line a kind; empty if all was."""
        missing = self._decoder.missing
        lines = self._losses.lines() + ([missing] if missing else [])
        if self._clock is not None and self._clock.untimed:
            lines.append(
                f"no times in the file: frames are timed at {float(self._frame_rate):g} per second"
            )
        if self._clock is not None and self._clock.repaired:
            lines.append(
                f"times missing, repeated or jumping: {self._clock.repaired}, made to grow"
            )
        return lines

    def __iter__(self) -> Iterator[Frame]:
        """The frames not yet read, in presentation order."""
        while self._max_frames is None or self._given < self._max_frames:
            with self._lock:
                frame, self._first = self._first or self._next_frame(), None
            if frame is None:
                return
            self._given += 1
            yield frame

    def skip_to(self, place: Place, *, near: bool) -> Frame | None:
        """Passes over all frames up to the one at this place, and returns that one.

        Args:
            place: Of an earlier run.
            near: Whether to decode from the key frame before it alone. That takes a file without
                damage up to there.

        Returns:
            `None` if it is not found; the source is of no use then.
        """
        if near and self._first is not None and place.index:
            if place.lost or self.lost or not self._decoder.skip_to(place.pts):
                return None
            frame = self._decoded_near(place)
        else:
            frame = self._first
            while frame is not None and frame.index < place.index:
                frame = self._next_frame()
        self._first = None
        self._given = place.index + 1
        return frame

    def _decoded_near(self, place: Place) -> Frame | None:
        for picture in self._pictures:
            if picture.pts is None or picture.pts > place.pts:
                return None
            if picture.pts == place.pts:
                self._index = place.index
                if self._clock is not None:
                    self._clock.skip_to(picture.pts)
                frame = self._to_frame(picture)
                return None if self.lost else frame
        return None

    def close(self) -> None:
        """Frees the file; may be called twice. Waits for a frame that is being decoded."""
        with self._lock:
            self._first = None
            self._pictures = iter(())
            self._stack.close()

    def _next_frame(self) -> Frame | None:
        for picture in self._pictures:
            frame = self._to_frame(picture)
            if frame is not None:
                return frame
        return None

    def _to_frame(self, picture: VideoFrame) -> Frame | None:
        if self._clock is None:
            timed = picture.pts is not None
            self._frame_rate = nominal_rate(self._stream, timed=timed)
            self._clock = Clock(picture.pts, self._time_base, self._frame_rate)
        pts = self._clock.stamp(picture.pts)
        place = f"at {float(pts * self._clock.time_base):.3f} s"
        decoded_wh = (picture.width, picture.height)
        if not self._index:
            self._aspect = pixel_aspect(self._stream, orientation(picture))
            if picture.is_corrupt:
                self._converter = RgbConverter(_sound_wh(self._path))
        try:
            image = self._converter.convert(picture)
        except av.FFmpegError:
            self._losses.frame(f"no RGB for pixel format {picture.format.name}", place)
            return None
        if self._converter.scaled:
            width, height = decoded_wh
            self._losses.frame(f"scaled from {width}x{height} to the first frame's size", place)
        frame = Frame(image, self._name, self._index, pts, self._clock.time_base)
        self._index += 1
        return frame


def _sound_wh(path: str | Path) -> tuple[int, int] | None:
    """Width and height of the first picture that is not damaged; `None` if there is none."""
    with ExitStack() as stack:
        losses = Losses()
        container = open_container(path, stack, losses)
        decoder = Decoder(container, video_stream(container, path), losses)
        for picture in islice(decoder, _MOST_DAMAGED):
            if not picture.is_corrupt:
                return picture_format(picture).shown_wh
    return None
