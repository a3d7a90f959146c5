"""What became of a live stream, for the summary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Break:
    """A gap that was too long to count as one run.

    Attributes:
        time_s: Of the first frame after it, since the first of all.
        gap_s: Seconds without a frame.
        reason: Why the last connection before it ended.
    """

    time_s: float
    gap_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What a live stream gave and lost so far.

    Attributes:
        policy: What gave way when analysis was slower.
        received: Frames that were decoded.
        dropped: Frames that were decoded and not analysed, by reason.
        undecoded: Packets that were too damaged to decode.
        damaged: Frames that were analysed as the decoder repaired them.
        reconnects: Connections after the first that gave frames.
        faults: How often a connection ended or could not be made, by reason.
        breaks: The last hundred.
    """

    policy: str
    received: int
    dropped: dict[str, int]
    undecoded: int
    damaged: int
    reconnects: int
    faults: dict[str, int]
    breaks: tuple[Break, ...]

    def lines(self) -> list[str]:
        """A line for each kind of loss; none if there was none."""
        lines = [f"{reason}: {_frames(count)} dropped" for reason, count in self.dropped.items()]
        if self.undecoded:
            lines.append(f"not decoded: {self.undecoded} packets")
        if self.damaged:
            lines.append(f"damaged, shown as the decoder repaired it: {_frames(self.damaged)}")
        for reason, count in self.faults.items():
            times = "once" if count == 1 else f"{count} times"
            lines.append(f"connection lost {times}: {reason}")
        return lines + [
            f"break of {one.gap_s:.1f} s before {one.time_s:.1f} s" for one in self.breaks
        ]


def _frames(count: int) -> str:
    return f"{count} {'frame' if count == 1 else 'frames'}"
