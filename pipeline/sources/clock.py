"""Presentation times that always grow, as true to the file as it allows."""

from __future__ import annotations

from fractions import Fraction


class Clock:
    """Turns the times of decoded pictures into the times of frames.

    Good times pass unchanged. A file without times (raw H.264) is timed by its nominal rate.
    A missing time, a time that repeats and a jump back are repaired, and counted.

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
        self._last: int | None = None
        self._offset = 0

    def stamp(self, pts: int | None) -> int:
        """The time of the next frame, greater than the one before.

        A jump back by more than a second (joined recordings, a counter that starts anew)
        moves all later times, so that the video goes on where it was.
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

    def _after(self, last: int, pts: int) -> int:
        moved = pts + self._offset
        if moved > last:
            return moved
        self.repaired += 1
        if last - moved <= self._second:
            return last + 1
        self._offset = last + self._step - pts
        return last + self._step
