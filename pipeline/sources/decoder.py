"""Decodes a video stream packet by packet and accounts for what could not be decoded."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator

import av
from av import Packet, VideoFrame
from av.codec.context import ThreadType
from av.container import InputContainer
from av.video.stream import VideoStream

from pipeline.sources.account import Account
from pipeline.sources.losses import Losses

# After so many failed reads in a row the rest of the file is given up.
_MAX_FAILED_READS = 32
# Where key frames are farther apart, all packets from here on are decoded. Fewer than the
# account awaits.
_MOST_HELD = 1000


class Decoder:
    """Gives the pictures of a stream in presentation order, all that can be decoded."""

    def __init__(self, container: InputContainer, stream: VideoStream, losses: Losses) -> None:
        self._container = container
        self._stream = stream
        self._losses = losses
        codec = stream.codec_context.name
        # Packets of VP8 may be references that are never shown.
        self._account = Account(container, stream, losses, paired=codec not in ("vp8", "libvpx"))
        # AVI numbers these codecs' packets in decoding order; the n-th picture shown has the
        # n-th smallest number.
        reordered = container.format.name == "avi" and codec in ("h264", "hevc")
        self._slots: list[int] | None = [] if reordered else None
        stream.codec_context.thread_type = ThreadType.AUTO
        self._target: int | None = None
        self._newest = -math.inf

    def skip_to(self, pts: int) -> bool:
        """Decodes nothing from here to the key frame that the picture of this time needs.

        Whether that can be done; the pictures from the key frame on are given.
        """
        if self._slots is None and pts > self._newest:
            self._target = pts
        return self._slots is None

    @property
    def missing(self) -> str | None:
        """The frames that are not in the file, going by the times of the others, so far."""
        return self._account.missing

    def __iter__(self) -> Iterator[VideoFrame]:
        for packet in self._from_key_frame():
            yield from self._decode(packet)
        yield from self._decode(None)
        self._account.finish()

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        failures = 0
        while failures < _MAX_FAILED_READS:
            try:
                for packet in self._container.demux(self._stream):
                    failures = 0
                    if self._usable(packet):
                        yield packet
            except av.FFmpegError:
                failures += 1
                self._account.damaged = True
            except IndexError:
                # At the end PyAV stumbles over streams that began within the file.
                return
            else:
                return
        self._losses.note("cut off or damaged: the rest of the file cannot be read")

    def _from_key_frame(self) -> Iterator[Packet[VideoStream]]:
        """The packets, but for those that need not be decoded to come to the target."""
        held: list[Packet[VideoStream]] = []
        key_pts: int | None = None
        for packet in self._packets():
            if packet.pts is not None:
                self._newest = max(self._newest, packet.pts)
            if self._target is None:
                yield packet
                continue
            # The picture of a key frame at the target itself could be followed by some that
            # are shown before it and need the frames before it.
            if packet.is_keyframe and packet.pts is not None and packet.pts < self._target:
                self._pass_over(key_pts)
                held, key_pts = [], packet.pts
            held.append(packet)
            if packet.pts == self._target or len(held) >= _MOST_HELD:
                self._target = None
                if key_pts is not None:
                    self._pass_over(key_pts)
                    self._stream.codec_context.flush_buffers()
                yield from held
                held = []

    def _pass_over(self, key_pts: int | None) -> None:
        # Those shown before a key frame have been read once others have followed it.
        if key_pts is not None:
            self._account.passed_over(key_pts)

    def _usable(self, packet: Packet[VideoStream]) -> bool:
        if packet.pts is None and packet.dts is None and not packet.size:
            return False  # PyAV's own mark of the end; decoding it would end the decoder
        if packet.is_corrupt and self._container.format.name != "mpegts":
            # The file ends within it. Its error, raised while the decoder is emptied, would
            # take the pictures of other threads with it.
            self._account.read(None)
            self._account.failed(packet.pts)
            return False
        self._account.read(packet)
        return packet.size > 0

    def _decode(self, packet: Packet[VideoStream] | None) -> Iterator[VideoFrame]:
        if self._slots is not None and packet is not None:
            slot = packet.dts if packet.pts is None else packet.pts
            heapq.heappush(self._slots, slot or 0)
        try:
            pictures = self._stream.decode(packet)
        except av.FFmpegError:
            self._account.raised(packet)
            return
        for picture in pictures:
            if self._slots:
                picture.pts = heapq.heappop(self._slots)
            self._account.shown(picture)
            yield picture
