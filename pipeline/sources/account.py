"""Finds out which frames of a video were lost."""

from __future__ import annotations

import heapq
from fractions import Fraction

from av import Packet, VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from pipeline.sources.container import fraction, nominal_rate, stated_end_s
from pipeline.sources.gaps import Gaps
from pipeline.sources.losses import Losses

# A stream whose pictures never come may not fill the memory with what is awaited.
_MAX_AWAITED = 1024
# A stated end that is so many frames after the last one is not reached.
_EARLY_FRAMES = 2.5


class Account:
    """Compares the packets of a stream with the pictures that come out of the decoder.

    Each packet is expected to give the picture that bears its time; one that is still missing
    when a later picture comes was lost. Decoders drop pictures without an error, so errors alone
    would not tell. Where packets bear no such time, they are only counted. A file that holds or
    lasts less than it states is noted at its end.

    Attributes:
        damaged: Whether there was any sign of damage so far.
    """

    def __init__(
        self, container: InputContainer, stream: VideoStream, losses: Losses, *, paired: bool
    ) -> None:
        """`paired` tells whether each packet gives a picture."""
        self.damaged = False
        self._container = container
        self._stream = stream
        self._losses = losses
        self._paired = paired
        self._time_base = fraction(stream.time_base) or Fraction(1)
        self._step = max(1, round(1 / (nominal_rate(stream, timed=True) * self._time_base)))
        # The times of packets and pictures start anew where recordings were joined.
        self._awaited: list[tuple[int, int]] = []
        self._part_read = self._part_shown = 0
        self._last_dts: int | None = None
        self._packets = 0
        self._untimed = 0
        self._last_pts: int | None = None
        self._gaps = Gaps(self._time_base, self._step)
        self._counted = False

    def read(self, packet: Packet[VideoStream] | None) -> None:
        """Takes a packet that will be decoded; `None` for one that will not."""
        self._packets += 1
        if packet is None:
            return
        self.damaged |= packet.is_corrupt
        if packet.is_discard or not packet.size or not self._paired:
            return
        if packet.pts is None:
            self._untimed += 1
            return
        if packet.dts is not None:
            self._part_read += self._last_dts is not None and packet.dts < self._last_dts
            self._last_dts = packet.dts
        heapq.heappush(self._awaited, (self._part_read, packet.pts))
        if len(self._awaited) > _MAX_AWAITED:
            self.failed(heapq.heappop(self._awaited)[1])

    def passed_over(self, pts: int) -> None:
        """Takes the pictures before this time as shown, although they are not decoded."""
        while self._awaited and self._awaited[0] < (self._part_shown, pts):
            self._advance(self._awaited[0][1])

    def raised(self, packet: Packet[VideoStream] | None) -> None:
        """Takes note that the decoder raised; `None` when it was being emptied."""
        self.damaged = True
        if packet is not None and not self._paired:
            self.failed(packet.pts)

    def failed(self, pts: int | None) -> None:
        """Counts one picture as lost."""
        self.damaged = True
        self._losses.frame("not decoded", self._place(pts))

    def shown(self, picture: VideoFrame) -> None:
        """Takes a picture that the decoder gave."""
        if picture.is_corrupt:
            self.damaged = True
            self._losses.frame(
                "damaged, shown as the decoder repaired it", self._place(picture.pts)
            )
        if picture.interlaced_frame:
            # Each of its two fields may have been a packet.
            self._paired = False
            self._awaited.clear()
            self._untimed = 0
        if picture.pts is None:
            self._untimed -= self._paired
        else:
            self._advance(picture.pts)

    def _advance(self, pts: int) -> None:
        parts = [part for part, awaited in self._awaited if awaited == pts]
        self._part_shown = min(parts, default=self._part_shown)
        lost_before = False
        while self._awaited and self._awaited[0] <= (self._part_shown, pts):
            _, awaited = heapq.heappop(self._awaited)
            if awaited != pts:
                self.failed(awaited)
                lost_before = True
        self._gaps.add(pts, connected=not lost_before)
        self._last_pts = pts

    @property
    def missing(self) -> str | None:
        """The frames that are not in the file, going by the times of the others, so far."""
        return None if self._counted else self._gaps.line(damaged=self.damaged)

    def _place(self, pts: int | None) -> str:
        if pts is None:
            return f"near packet {self._packets}"
        return f"at {float(pts * self._time_base):.3f} s"

    def finish(self) -> None:
        """Notes what is missing at the end of the stream, read as far as it goes."""
        while self._awaited:
            self.failed(heapq.heappop(self._awaited)[1])
        for _ in range(max(0, self._untimed)):
            self.failed(None)
        stated = self._stream.frames
        if stated > self._packets:
            self._counted = True  # with those that gaps show
            self._losses.note(
                f"cut off or damaged: {stated - self._packets} of the {stated} frames that the "
                "file states are not in it"
            )
        elif not stated:
            self._note_early_end()

    def _note_early_end(self) -> None:
        stated_s = stated_end_s(self._container, self._stream)
        if stated_s is None or self._last_pts is None:
            return
        end_s = float((self._last_pts + self._step) * self._time_base)
        if stated_s - end_s > float(self._step * self._time_base) * _EARLY_FRAMES:
            self._losses.note(
                f"cut off or damaged: the file states {stated_s:.3f} s, its frames end "
                f"at {end_s:.3f} s"
            )
