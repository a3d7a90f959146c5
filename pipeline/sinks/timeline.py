"""Times of frames as a video file wants them."""

from __future__ import annotations

from fractions import Fraction

from pipeline.frame import Frame

JUMP_BACK = Fraction(1)
"""Seconds; a step back of this or more is a new start of the source's clock."""


class Timeline:
    """Gives frames strictly rising times that count from the first frame.

    Spaces between frames are kept exactly in the first frame's time base. Where the source's
    times do not rise, the frame follows the one before by one tick, so the next right times
    stay right; after a step back of a second or more (a stream that came back) it follows by
    one frame of the nominal rate, and later times are moved with it.

    Args:
        first: The first frame; sets zero and the time base.
        frame_rate: Nominal frames per second.
    """

    def __init__(self, first: Frame, frame_rate: Fraction) -> None:
        self.time_base = first.time_base
        self._shift = -first.pts
        self._last = -1
        self._frame = max(round(1 / frame_rate / self.time_base), 1)

    def ticks(self, frame: Frame) -> int:
        """The frame's time in units of `time_base`."""
        own = frame.pts
        if frame.time_base != self.time_base:
            own = round(own * frame.time_base / self.time_base)
        ticks = own + self._shift
        if ticks <= self._last:
            back = (self._last - ticks) * self.time_base >= JUMP_BACK
            follow = self._last + (self._frame if back else 1)
            if back:
                self._shift += follow - ticks
            ticks = follow
        self._last = ticks
        return ticks
