"""Annotated video that every browser plays and a kill does not spoil."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from detector.detections import Image
from pipeline.drawing import Memory, draw
from pipeline.errors import ResumeError
from pipeline.frame import Frame, Result
from pipeline.sinks.files import PART, make_folder, output_errors
from pipeline.sinks.kept_video import kept_packets
from pipeline.sinks.timeline import Timeline
from pipeline.sinks.yuv import BT709, LIMITED_RANGE, Yuv420
from pipeline.state import State, field, restored, state_of

CONTAINER = {
    "movflags": "hybrid_fragmented+frag_every_frame",
    "flush_packets": "1",
}
"""Each frame is a fragment that reaches the disk at once (about 120 bytes more for each); a
clean close makes the file a plain mp4."""
ENCODER = {
    "preset": "superfast",
    "crf": "23",
    "bf": "0",
    "forced-idr": "1",
    "x264-params": "chromaloc=1",
}
"""1280 x 720 from a drone: 8 ms of CPU and 8.7 Mbit/s; veryfast takes 19 ms for 7.1 Mbit/s,
ultrafast 4 ms for 13. Without B-frames a kill loses the fewest frames."""
KEYFRAME_S = 1
MOST_PX = 16384
MOST_THREADS = 4
"""Each thread of the encoder holds a frame back."""


@dataclass(slots=True)
class _Writer:
    """What exists from the first frame on."""

    container: OutputContainer
    stream: VideoStream
    timeline: Timeline
    yuv: Yuv420
    next_key: int = 0
    packets: int = 0
    frames: int = 0


class _Canvas:
    """The annotated frame in the size of the video.

    Args:
        wh: Size of the first frame.
        class_names: Indexed by class id.
    """

    def __init__(self, wh: tuple[int, int], class_names: Sequence[str]) -> None:
        self.drawn_wh = wh
        self.memory = Memory()
        self._class_names = tuple(class_names)
        self.pixels: Image = np.empty((wh[1] + wh[1] % 2, wh[0] + wh[0] % 2, 3), np.uint8)

    def paint(self, result: Result) -> None:
        """Fills `pixels`; the frame's own image is not changed."""
        frame = result.frame
        width, height = self.drawn_wh
        view = self.pixels[:height, :width]
        same = frame.image.shape == view.shape
        image = view if same else np.empty_like(frame.image)
        np.copyto(image, frame.image)
        draw(
            image,
            result.tracks,
            result.counts,
            self._class_names,
            time_s=frame.time_s,
            memory=self.memory,
        )
        if not same:
            view[:] = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        self.pixels[:, width:] = self.pixels[:, width - 1 : width]
        self.pixels[height:] = self.pixels[height - 1 : height]


class VideoSink:
    """Writes frames with what was found drawn on them, as H.264 in mp4.

    - Times count from the first frame; the spaces between frames are the source's own, so a
      variable rate stays variable.
    - The first frame sets the size. Later frames of another size are resized to it. An odd
      width or height is made even by repeating the last column or row.
    - Colours are converted to BT.709, limited range, and tagged so.
    - There is a keyframe each second. After a kill the file opens and lacks the last few
      frames: those in the encoder's threads, at most `MOST_THREADS`, and the one before them.

    No frames, no file.

    Args:
        path: Overwritten if it exists; its folder is made.
        frame_rate: Nominal frames per second, for the encoder's rate control alone.
        class_names: Indexed by class id.
        pixel_aspect: Width of a pixel by its height; players stretch the video by it.
        saved: State of an earlier run's sink: the frames that it had written by then stay in the
            file, without being encoded again, and others follow. `None` begins anew.

    Raises:
        InputError: If the folder cannot be made.
        ResumeError: If the earlier frames are not there.
    """

    def __init__(
        self,
        path: Path,
        *,
        frame_rate: Fraction,
        class_names: Sequence[str],
        pixel_aspect: Fraction = Fraction(1),
        saved: State | None = None,
    ) -> None:
        # An absolute path, because FFmpeg reads `a:b.mp4` as a protocol.
        self._path = path.absolute()
        self._frame_rate = frame_rate
        self._class_names = tuple(class_names)
        self._pixel_aspect = pixel_aspect
        self._canvas: _Canvas | None = None
        self._writer: _Writer | None = None
        self._broken = self._closed = False
        make_folder(path.parent)
        if saved:
            self._restore(saved)

    def write(self, result: Result) -> None:
        """Draws and encodes the frame; the frame's own image is not changed.

        Raises:
            InputError: If the disk is full, or the file cannot be made.
        """
        if self._canvas is None:
            height, width = result.frame.image.shape[:2]
            self._canvas = _Canvas((width, height), self._class_names)
        try:
            # Painted before the file is opened, so that a fault there leaves no empty file.
            self._canvas.paint(result)
            with output_errors(self._path):
                if self._writer is None:
                    timeline = Timeline(result.frame, self._frame_rate)
                    self._writer = self._open(self._path, timeline, self._canvas)
                self._encode(self._writer, result.frame, self._canvas)
        except BaseException:
            self._broken = True
            raise

    def close(self) -> None:
        """Completes the file; may be called twice, and after an error does so in silence.

        Raises:
            InputError: If the last frames cannot be written, or the file has gone.
        """
        if self._closed or self._writer is None:
            return
        self._closed = True
        writer = self._writer
        if self._broken:
            # FFmpeg 8 crashes when it closes a hybrid-fragmented file that got no packet.
            if writer.packets:
                with suppress(OSError):
                    writer.container.close()
            return
        with output_errors(self._path):
            try:
                _mux(writer, writer.stream.encode())
            finally:
                writer.container.close()
            self._path.stat()

    def state(self) -> State:
        """What it needs to go on after the last frame that it took; empty if it took none."""
        if self._writer is None or self._canvas is None:
            return {}
        return {
            "frames": self._writer.frames,
            "wh": list(self._canvas.drawn_wh),
            "timeline": self._writer.timeline.state(),
            "memory": state_of(self._canvas.memory),
        }

    def holds(self, state: State) -> bool:
        """Whether the frames of then are in the file: each is once the next leaves the encoder."""
        writer = self._writer
        return writer is None or writer.packets > state.get("frames", 0)

    def _restore(self, saved: State) -> None:
        """Begins a new file with the frames that stay, in place of the old one."""
        canvas = _Canvas(_size(field(saved, "wh", list)), self._class_names)
        restored(canvas.memory, field(saved, "memory", dict))
        timeline = Timeline.restored(field(saved, "timeline", dict))
        count = field(saved, "frames", int)
        part = self._path.with_name(self._path.name + PART)
        with output_errors(part):
            writer = self._open(part, timeline, canvas)
            try:
                headers = bytes(writer.stream.codec_context.extradata or b"")
                for packet in kept_packets(self._path, count, headers):
                    packet.stream = writer.stream
                    _mux(writer, [packet])
                part.replace(self._path)
            except BaseException:
                if writer.packets:
                    writer.container.close()
                part.unlink()
                raise
        writer.frames = count
        self._canvas, self._writer = canvas, writer

    def _open(self, path: Path, timeline: Timeline, canvas: _Canvas) -> _Writer:
        height, width = canvas.pixels.shape[:2]
        container = av.open(path, "w", format="mp4", options=CONTAINER)
        stream = container.add_stream("libx264", rate=self._frame_rate, options=ENCODER)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        codec = stream.codec_context
        stream.time_base = codec.time_base = timeline.time_base
        codec.thread_count = min(os.cpu_count() or 1, MOST_THREADS)
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709
        codec.color_range = LIMITED_RANGE
        codec.sample_aspect_ratio = self._pixel_aspect
        container.start_encoding()
        return _Writer(container, stream, timeline, Yuv420((width, height)))

    def _encode(self, writer: _Writer, frame: Frame, canvas: _Canvas) -> None:
        picture = writer.yuv.convert(canvas.pixels)
        picture.pts = writer.timeline.ticks(frame)
        picture.time_base = writer.timeline.time_base
        picture.colorspace, picture.color_range = BT709, LIMITED_RANGE
        picture.pict_type = PictureType.NONE
        if picture.pts >= writer.next_key:
            picture.pict_type = PictureType.I
            writer.next_key = picture.pts + round(KEYFRAME_S / writer.timeline.time_base)
        writer.frames += 1
        _mux(writer, writer.stream.encode(picture))


def _mux(writer: _Writer, packets: Iterable[Packet[VideoStream]]) -> None:
    for packet in packets:
        writer.container.mux(packet)
        writer.packets += 1


def _size(wh: list[object]) -> tuple[int, int]:
    match wh:
        case [int(width), int(height)] if 0 < width <= MOST_PX and 0 < height <= MOST_PX:
            return width, height
    raise ResumeError(f"video size {wh}")
