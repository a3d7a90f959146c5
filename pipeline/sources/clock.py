"""Presentation times that always grow, as true to the file as it allows."""

from __future__ import annotations

from fractions import Fraction

LEAP_S = 1800
LEAP_FRAMES = 100
"""A step ahead by so many seconds, and so many frames, is a new start of the file's clock."""


class Clock:
    """Turns the times of decoded pictures into the times of frames.

    Good times pass unchanged. A file without times (raw H.264) is timed by its nominal rate.
    A missing time, a time that repeats and jumps of the file's clock are repaired, and counted.

    Attributes:
        time_base: Seconds per unit of the times that `stamp` returns.
        untimed: Whether the times are made from the nominal rate.
        repaired: How many times were repaired so far.

    >>> clock = Clock(0, Fraction(1, 1000), Fraction(25))
    >>> [clock.stamp(pts) for pts in (0, 40, None, 120, 120, 160)]
    [0, 40, 80, 120, 121, 160]
    >>> clock.repaired
    2
    """

    def __init__(self, first_pts: int | None, time_base: Fraction, frame_rate: Fraction) -> None:
        """Takes the first picture's time, `None` where the file has no times."""
        self.untimed = first_pts is None
        self.time_base = 1 / frame_rate if self.untimed else time_base
        self.repaired = 0
        self._step = max(1, round(1 / (frame_rate * self.time_base)))
        self._second = max(1, round(1 / self.time_base))
        self._leap = max(LEAP_S * self._second, LEAP_FRAMES * self._step)
        self._last: int | None = None
        self._offset = 0
        self._back_pts: int | None = None

    def stamp(self, pts: int | None) -> int:
        """The time of the next frame, greater than the one before.

        A jump back by more than a second, or from which the times grow on, or ahead by `LEAP_S`
        or more (joined recordings, a counter that starts anew), moves all later times, so that
        the video goes on where it was.
        """
        if self._last is None:
            self._last = 0 if self.untimed or pts is None else pts
        elif self.untimed:
            self._last += 1
        elif pts is None:
            self.repaired += 1
            self._last += self._step
        else:
            self._last = self._after(self._last, pts)
        return self._last

    def skip_to(self, pts: int) -> None:
        """Makes this the next time, however far it is."""
        self._last = pts - self._step

    def _after(self, last: int, pts: int) -> int:
        moved = pts + self._offset
        goes_on = self._back_pts is not None and pts > self._back_pts
        self._back_pts = pts if moved <= last else None
        if last < moved < last + self._leap:
            return moved
        self.repaired += 1
        if moved <= last and last - moved <= self._second and not goes_on:
            return last + 1
        self._back_pts = None
        self._offset = last + self._step - pts
        return last + self._step
