"""How many frames went through, and how long it took."""

from __future__ import annotations

from time import monotonic, perf_counter

from pipeline.frame import Counts, Result
from pipeline.latency import Latency
from pipeline.stages import Line
from pipeline.state import State, field


class Tally:
    """Counts the frames that all sinks before it have taken.

    Args:
        saved: State of an earlier run's, which goes on; `None` begins anew.

    Raises:
        ResumeError: If it is no such state.
    """

    def __init__(self, saved: State | None = None) -> None:
        self.frames = 0
        self.first_s = self.last_s = 0.0
        if saved is not None:
            self.frames = field(saved, "frames", int)
            self.first_s = field(saved, "first_s", float)
            self.last_s = field(saved, "last_s", float)
        self.latency = Latency()
        self.tracks = 0
        self.counts: Counts | None = None

    def write(self, result: Result) -> None:
        """Counts one more."""
        self.last_s = result.frame.time_s
        if not self.frames:
            self.first_s = self.last_s
        self.frames += 1
        self.tracks, self.counts = len(result.tracks), result.counts
        if result.frame.arrived_s is not None:
            self.latency.add(monotonic() - result.frame.arrived_s)

    def state(self) -> State:
        """What it needs to go on."""
        return {"frames": self.frames, "first_s": self.first_s, "last_s": self.last_s}

    def holds(self, _: State) -> bool:
        """It has no files."""
        return True

    def close(self) -> None:
        """Has nothing to complete."""


class Spent:
    """Working times, those of earlier runs over the same source included.

    Args:
        saved: State of the run that it goes on with.

    Attributes:
        line: Whose stages work, once it is there.

    Raises:
        ResumeError: If it is no such state.
    """

    def __init__(self, saved: State | None = None) -> None:
        self._before_s = 0.0
        self._busy_before_s: dict[str, float] = {}
        if saved is not None:
            self._before_s = field(saved, "wall_s", float)
            busy_s = field(saved, "busy_s", dict)
            self._busy_before_s = {stage: field(busy_s, stage, float) for stage in busy_s}
        self._started_s = perf_counter()
        self.line: Line | None = None

    @property
    def wall_s(self) -> float:
        """Seconds so far."""
        return self._before_s + perf_counter() - self._started_s

    @property
    def busy_s(self) -> dict[str, float]:
        """Seconds that each stage has worked so far."""
        now = self.line.busy_so_far_s if self.line else {}
        return {name: busy_s + self._busy_before_s.get(name, 0.0) for name, busy_s in now.items()}

    @property
    def queued(self) -> dict[str, int]:
        """Frames that wait before each stage."""
        return self.line.queued if self.line else {}

    def state(self) -> State:
        """What a later run adds to its own."""
        return {"wall_s": self.wall_s, "busy_s": self.busy_s}
