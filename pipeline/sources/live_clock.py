"""Times of a live stream that always grow, over cuts and jumps of the stream's own clock."""

from __future__ import annotations

from fractions import Fraction

TIME_BASE = Fraction(1, 90_000)
"""The clock of RTP and MPEG-TS."""

_JUMP_S = 2.0
# What a new connection gives at once was sent before it: at most this is taken into account.
_MOST_LEAD_S = 1.0


class LiveClock:
    """Gives each frame its time since the first, in units of `TIME_BASE`.

    Within a connection steps are the stream's own. Where the stream's clock starts again, wraps,
    jumps or is missing, and over a cut, steps are those of the arrivals.

    >>> clock = LiveClock()
    >>> [clock.stamp(pts, at) / 90_000 for pts, at in [(9.0, 100.0), (9.5, 100.5), (0.0, 101.0)]]
    [0.0, 0.5, 1.0]
    """

    def __init__(self) -> None:
        self._last: int | None = None
        self._arrived_s = 0.0
        self._pts_s: float | None = None
        self._lead_s = 0.0
        self._cut = False

    def cut(self) -> None:
        """The next frame is the first of another connection."""
        self._cut = True

    def stamp(self, pts_s: float | None, arrived_s: float) -> int:
        """The time of the next frame, greater than the one before.

        Args:
            pts_s: By the stream's clock; `None` if it has none.
            arrived_s: By a clock that never jumps.
        """
        if self._last is None:
            self._last = 0
        else:
            step_s = self._step_s(pts_s, arrived_s)
            self._last = max(self._last + round(step_s / TIME_BASE), self._last + 1)
        self._arrived_s = arrived_s
        self._pts_s = pts_s
        self._cut = False
        return self._last

    def _step_s(self, pts_s: float | None, arrived_s: float) -> float:
        waited_s = arrived_s - self._arrived_s
        if self._cut:
            step_s = waited_s - self._lead_s
            self._lead_s = 0.0
            return step_s
        if pts_s is None or self._pts_s is None:
            return waited_s
        step_s = pts_s - self._pts_s
        if step_s <= 0 or step_s > waited_s + _JUMP_S:
            return waited_s
        self._lead_s = min(max(self._lead_s + step_s - waited_s, 0.0), _MOST_LEAD_S)
        return step_s
