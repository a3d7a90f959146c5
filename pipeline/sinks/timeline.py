"""Times of frames as a video file wants them."""

from __future__ import annotations

from fractions import Fraction

from pipeline.errors import ResumeError
from pipeline.frame import Frame
from pipeline.state import State, field

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

    @classmethod
    def restored(cls, state: State) -> Timeline:
        """The one that gave this state.

        Raises:
            ResumeError: If it is no state of one.
        """
        fresh = cls.__new__(cls)
        numerator, denominator = field(state, "time_base", list)
        if not (type(numerator) is type(denominator) is int and min(numerator, denominator) > 0):
            raise ResumeError(f"time base {numerator!r}/{denominator!r}")
        fresh.time_base = Fraction(numerator, denominator)
        fresh._shift = field(state, "shift", int)
        fresh._last = field(state, "last", int)
        fresh._frame = field(state, "frame", int)
        return fresh

    def state(self) -> State:
        """What it needs to go on."""
        return {
            "time_base": [self.time_base.numerator, self.time_base.denominator],
            "shift": self._shift,
            "last": self._last,
            "frame": self._frame,
        }

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
