"""Frames that should be in a video, going by the times of those that are."""

from __future__ import annotations

from fractions import Fraction

from pipeline.sources.clock import LEAP_FRAMES, LEAP_S

# A video is steady if so many of its steps are alike; in one that varies a longer step is no gap.
_STEADY_SHARE = 0.9
_LEAST_STEPS = 10
_MOST_LENGTHS = 256
# Steps of a steady video, and of another that is known to be damaged.
_STEADY_GAP = 1.5
_GAP = 2.5


class Gaps:
    """Collects the steps between frames and tells which of them are gaps.

    Args:
        time_base: Seconds per unit of times and steps.
        step: Between two frames as the file states it.

    >>> gaps = Gaps(Fraction(1, 25), 1)
    >>> for pts in (*range(20), *range(23, 40)):
    ...     gaps.add(pts)
    >>> gaps.line(damaged=False)
    'missing: 3 frames in 1 place, first after 0.760 s'
    """

    def __init__(self, time_base: Fraction, step: int) -> None:
        self._time_base = time_base
        self._step = step
        self._leap = max(Fraction(LEAP_S) / time_base, Fraction(LEAP_FRAMES * step))
        self._last: int | None = None
        # By length: how many there are, and the time before the first.
        self._steps: dict[int, tuple[int, int]] = {}

    def add(self, pts: int, *, connected: bool = True) -> None:
        """Takes a frame's time; `connected` is false where the step to it is told elsewhere."""
        length = 0 if self._last is None else pts - self._last
        if self._last is not None and connected and 0 < length < self._leap:
            if length not in self._steps and len(self._steps) >= _MOST_LENGTHS:
                length = 1 << length.bit_length()
            count, first = self._steps.get(length, (0, self._last))
            self._steps[length] = (count + 1, first)
        self._last = pts

    def line(self, *, damaged: bool) -> str | None:
        """What is missing; `None` if that is nothing, or cannot be told of a sound file."""
        steps = list(self._steps.items())
        steady = self._steady_step(steps)
        usual, factor = (self._step, _GAP) if steady is None else (steady, _STEADY_GAP)
        long = [item for item in steps if item[0] > usual * factor]
        if not long or (steady is None and not damaged):
            return None
        frames = sum(count * (round(length / usual) - 1) for length, (count, _) in long)
        places = sum(count for _, (count, _) in long)
        first_s = float(min(first for _, (_, first) in long) * self._time_base)
        return (
            f"missing: {'about ' if steady is None else ''}{frames} "
            f"{'frame' if frames == 1 else 'frames'} "
            f"in {places} {'place' if places == 1 else 'places'}, first after {first_s:.3f} s"
        )

    @staticmethod
    def _steady_step(steps: list[tuple[int, tuple[int, int]]]) -> float | None:
        """The mean of the steps that are alike, if nearly all are; else `None`."""
        total = sum(count for _, (count, _) in steps)
        if total < _LEAST_STEPS:
            return None
        typical = max(steps, key=lambda item: item[1][0])[0]
        # Whole milliseconds make 33 and 34 of one length.
        near = max(0.1 * typical, min(1.0, 0.3 * typical))
        alike = [(length, count) for length, (count, _) in steps if abs(length - typical) <= near]
        number = sum(count for _, count in alike)
        if number < _STEADY_SHARE * total:
            return None
        return sum(length * count for length, count in alike) / number
