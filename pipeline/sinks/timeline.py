"""Times of frames as a video file wants them."""

from __future__ import annotations

from fractions import Fraction

from pipeline.frame import Frame

FINEST = Fraction(1, 1_000_000)
"""mp4 keeps the time between two frames in 31 bits: at this time base, 35 minutes."""
JUMP_BACK = Fraction(1)
JUMP_AHEAD = Fraction(1800)
"""Seconds; a step back or ahead of this or more is a new start of the source's clock."""


class Timeline:
    """Gives frames strictly rising times that count from the first frame.

    Spaces between frames are kept exactly in the first frame's time base; one finer than a
    microsecond is rounded to it. Where the source's times do not rise, the frame follows the
    one before by one tick, so the next right times stay right. After a step back of a second
    or more, or ahead of half an hour (a stream that came back with another clock), it follows
    by one frame of the nominal rate, and later times are moved with it.

    Args:
        first: The first frame; sets zero and the time base.
        frame_rate: Nominal frames per second.
    """

    def __init__(self, first: Frame, frame_rate: Fraction) -> None:
        self.time_base = max(first.time_base, FINEST)
        self._shift = -self._own_ticks(first)
        self._last = -1
        self._frame = max(round(1 / frame_rate / self.time_base), 1)

    def ticks(self, frame: Frame) -> int:
        """The frame's time in units of `time_base`."""
        own = self._own_ticks(frame)
        step_s = (own + self._shift - self._last) * self.time_base
        if self._last >= 0 and (step_s <= -JUMP_BACK or step_s >= JUMP_AHEAD):
            self._shift = self._last + self._frame - own
        self._last = max(own + self._shift, self._last + 1)
        return self._last

    def _own_ticks(self, frame: Frame) -> int:
        if frame.time_base == self.time_base:
            return frame.pts
        return round(frame.pts * frame.time_base / self.time_base)
