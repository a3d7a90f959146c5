"""Where the pictures of a live stream wait for analysis, and what gives way when it is slow."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

from av import VideoFrame

from pipeline.config import LiveConfig

SLOW = "analysis slower than the stream"
NOT_NTH = "not the n-th"


@dataclass(frozen=True, slots=True, eq=False)
class Arrived:
    """A decoded picture and when it came.

    Attributes:
        picture: Not yet converted.
        ticks: Its time, in units of the live clock.
        arrived_s: When its packet came, by `time.monotonic`.
        missing: Frames that marked breaks have cost so far, by the nominal rate.
    """

    picture: VideoFrame
    ticks: int
    arrived_s: float
    missing: int


class Mailbox:
    """Holds what has arrived and not yet been taken; every picture that gives way is counted.

    Under `latest` it holds one picture, and a new one takes its place. Under `every-nth` it
    holds every n-th, and the oldest gives way. Under `all` nothing does: `put` waits.

    Attributes:
        received: Pictures put in so far.
        dropped: Pictures that gave way so far, by reason.
    """

    def __init__(self, config: LiveConfig) -> None:
        self.received = 0
        self.dropped: dict[str, int] = {}
        self._every = config.every if config.policy == "every-nth" else 1
        self._waits = config.policy == "all"
        self._capacity = 1 if config.policy == "latest" else config.queue_frames
        self._items: deque[Arrived] = deque()
        self._changed = threading.Condition()
        self._ended = self._closed = False

    def keep_all(self) -> None:
        """From now on nothing gives way, whatever the policy: what comes is a recording."""
        with self._changed:
            self._every, self._waits = 1, True

    def put(self, item: Arrived) -> None:
        """Adds a picture; one that comes after the end is left out."""
        with self._changed:
            self.received += 1
            if self._ended:
                return
            if (self.received - 1) % self._every:
                self._drop(NOT_NTH)
                return
            if self._waits:
                self._changed.wait_for(self._has_room)
            elif not self._has_room():
                self._items.popleft()
                self._drop(SLOW)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()

    def take(self, until_s: float | None = None) -> Arrived | None:
        """The next picture; `None` at the end, and when the time `until_s` comes first."""
        with self._changed:
            while not self._items:
                left_s = None if until_s is None else until_s - time.monotonic()
                if self._ended or (left_s is not None and left_s <= 0):
                    return None
                self._changed.wait(left_s)
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def end(self) -> None:
        """Nothing more comes; what is inside can still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Drops what is inside, uncounted, and wakes both sides."""
        with self._changed:
            self._ended = self._closed = True
            self._items.clear()
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._items)

    def _has_room(self) -> bool:
        return self._closed or len(self._items) < self._capacity

    def _drop(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
