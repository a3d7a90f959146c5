"""Keeps a live stream connected and empties it into a mailbox."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

from av import VideoFrame

from pipeline.config import LiveConfig
from pipeline.sources.container import DEFAULT_FRAME_RATE
from pipeline.sources.live_address import Address
from pipeline.sources.live_clock import TIME_BASE, LiveClock
from pipeline.sources.live_connection import THE_END, Connection, Receiver
from pipeline.sources.live_mailbox import Arrived, Mailbox
from pipeline.sources.live_report import Break, StreamReport

_BREAKS_KEPT = 100
# A recording whose last frame is so much before its stated end was cut off.
_EARLY_S = 1.0

log = logging.getLogger(__name__)


class Reader(Protocol):
    """A connection, as the drain handles it."""

    def start(self) -> None:
        """Begins to read."""
        ...

    def abandon(self) -> None:
        """Reads no more; returns at once."""
        ...


Connect = Callable[[Address, LiveConfig, Receiver], Reader]


class Drain(threading.Thread):
    """Reads a stream into a mailbox; an end, a fault or a stall leads to a new connection.

    It ends when it is stopped, when the first connection gives no frame, when nothing comes for
    `give_up_s`, and at the end of a recording. FFmpeg tells of a stall late or never, so the
    time of the last frame is watched here.

    Attributes:
        rate: Nominal frames per second.
        length_s: Of a recording, which ends; `None` of a stream.
        failed: Why it ended, if no frame could be had; else `None`.
    """

    def __init__(
        self, address: Address, config: LiveConfig, mailbox: Mailbox, connect: Connect = Connection
    ) -> None:
        super().__init__(name=f"drain-{address.name}", daemon=True)
        self.rate = DEFAULT_FRAME_RATE
        self.length_s: float | None = None
        self.failed: str | None = None
        self._address = address
        self._config = config
        self._mailbox = mailbox
        self._connect = connect
        self._random = random.Random(config.seed)
        self._clock = LiveClock()
        self._changed = threading.Condition()
        self._stopped = False
        self._reader: Reader | None = None
        self._ended: str | None = None
        self._delivering = False
        self._fresh = True
        self._sign_s = self._time_s = 0.0
        self._frame_s: float | None = None
        self._failures = 0
        self._undecoded = self._damaged = self._reconnects = self._missing = 0
        self._faults: dict[str, int] = {}
        self._breaks: deque[Break] = deque(maxlen=_BREAKS_KEPT)
        self._why = ""

    def stop(self) -> None:
        """Ends it soon; what is on the way is left out."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def report(self) -> StreamReport:
        """What the stream gave and lost so far."""
        with self._changed:
            return StreamReport(
                policy="all" if self.length_s is not None else self._config.policy,
                received=self._mailbox.received,
                dropped=dict(self._mailbox.dropped),
                undecoded=self._undecoded,
                damaged=self._damaged,
                reconnects=self._reconnects,
                faults=dict(self._faults),
                breaks=tuple(self._breaks),
            )

    def run(self) -> None:
        """Connects, again and again."""
        try:
            while self._play() and self._pause():
                pass
        finally:
            self._mailbox.end()

    def _play(self) -> bool:
        """One connection from start to end; whether there should be another."""
        reader = self._connect(self._address, self._config, self)
        with self._changed:
            self._reader, self._ended, self._fresh = reader, None, True
            self._sign_s = time.monotonic()
        reader.start()
        with self._changed:
            why = self._watch()
            self._reader = None
        reader.abandon()
        return self._go_on_after(why)

    def _go_on_after(self, why: str) -> bool:
        if self._stopped:
            return False
        if self._frame_s is None:
            self.failed = why
            return False
        if self.length_s is not None:
            missing_s = self.length_s - self._time_s
            if why != THE_END or missing_s > _EARLY_S:
                self._faults[f"{why}, {missing_s:.1f} s before the end of the recording"] = 1
            return False
        self._why = why
        self._faults[why] = self._faults.get(why, 0) + 1
        log.warning("%s: %s; connecting again", self._address.name, why)
        return True

    def _watch(self) -> str:
        """Waits until the connection is over; returns why."""
        while not self._stopped and self._ended is None:
            limit_s = self._config.open_s if self._fresh else self._config.stall_s
            left_s = self._sign_s + limit_s - time.monotonic()
            if left_s <= 0:
                if not self._delivering:
                    return f"no frame for {limit_s:g} s"
                left_s = limit_s  # the analysis is slow, not the stream
            self._changed.wait(left_s)
        return self._ended or "stopped"

    def next_pause_s(self) -> float:
        """Seconds to wait before the next connection; grows from call to call."""
        config = self._config
        longest_s = min(config.retry_s * 2.0 ** min(self._failures, 32), config.retry_most_s)
        self._failures += 1
        return longest_s * (1 + self._random.random()) / 2

    def _pause(self) -> bool:
        """Waits before the next connection; whether there is one."""
        pause_s, give_up_s = self.next_pause_s(), self._config.give_up_s
        with self._changed:
            if give_up_s is not None and self._frame_s is not None:
                left_s = self._frame_s + give_up_s - time.monotonic()
                if left_s <= pause_s:
                    why = f"given up after {give_up_s:g} s without a frame"
                    self._faults[why] = 1
                    log.warning("%s: %s", self._address.name, why)
                    return False
            self._changed.wait_for(lambda: self._stopped, pause_s)
            return not self._stopped

    def opened(self, connection: Reader, rate: Fraction, length_s: float | None) -> None:
        """Takes what a connection knows of its stream."""
        with self._changed:
            if connection is self._reader and self._frame_s is None:
                self.rate, self.length_s = rate, length_s
                if length_s is not None:
                    self._mailbox.keep_all()

    def picture(
        self, connection: Reader, picture: VideoFrame, pts_s: float | None, arrived_s: float
    ) -> None:
        """Takes a picture; those of a connection that was given up are left out."""
        with self._changed:
            if connection is not self._reader or self._stopped:
                return
            first = self._fresh
            item = self._stamped(picture, pts_s, arrived_s)
            self._delivering = True
        self._mailbox.put(item)
        with self._changed:
            self._delivering = False
            self._sign_s = time.monotonic()
            if first:
                # From now on another time limit holds.
                self._changed.notify_all()

    def _stamped(self, picture: VideoFrame, pts_s: float | None, arrived_s: float) -> Arrived:
        if self._frame_s is not None and self._fresh:
            self._clock.cut()
            self._reconnects += 1
        self._damaged += picture.is_corrupt
        ticks = self._clock.stamp(pts_s, arrived_s)
        self._time_s = float(ticks * TIME_BASE)
        # While the mailbox was full, it was the stream that had to wait.
        since_s = self._frame_s if self._fresh else self._sign_s
        gap_s = 0.0 if since_s is None else arrived_s - since_s
        if gap_s > self._config.gap_s:
            self._missing += max(round(gap_s * self.rate) - 1, 1)
            why = self._why if self._fresh else "no frames came"
            self._breaks.append(Break(self._time_s, gap_s, why))
        self._frame_s = arrived_s
        self._fresh = False
        self._failures = 0
        return Arrived(picture, ticks, arrived_s, self._missing)

    def undecoded(self, connection: Reader) -> None:
        """Counts a damaged packet."""
        with self._changed:
            self._undecoded += connection is self._reader

    def ended(self, connection: Reader, why: str) -> None:
        """Takes note that a connection is over."""
        with self._changed:
            if connection is self._reader:
                self._ended = why
                self._changed.notify_all()
