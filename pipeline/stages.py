"""Stages that run as threads, joined by bounded channels."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from types import TracebackType
from typing import Any, Generic, TypeAlias, TypeVar

T = TypeVar("T")

Step: TypeAlias = Callable[[Iterator[Any]], Generator[Any, None, None]]
"""Takes the items of the stage before, yields its own.

The first stage gets no items. What a step opens it closes in its own `finally`, which runs in
the stage's thread however the stage ends.
"""

log = logging.getLogger(__name__)


class StoppedError(Exception):
    """The other side of a channel has gone; never leaves this file."""


class Channel(Generic[T]):
    """A bounded queue between two threads with an end, and a stop from either side.

    Args:
        capacity: Items it holds before `put` waits; at least 1.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"Channel: capacity must be at least 1, found {capacity}")
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._stopped = False
        self._wanted = False

    def put(self, item: T) -> None:
        """Adds an item; waits while the channel is full.

        Raises:
            StoppedError: If nobody will take it any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._items) < self._capacity)
            if self._stopped:
                raise StoppedError
            self._items.append(item)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """The items in order until the channel is closed and empty.

        Raises:
            StoppedError: If the channel was stopped.
        """
        while True:
            with self._changed:
                self._wanted = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._stopped or self._closed or bool(self._items))
                self._wanted = False
                if self._stopped:
                    raise StoppedError
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item

    def __len__(self) -> int:
        return len(self._items)

    def wait_for_taker(self) -> None:
        """Waits until the other side waits for an item.

        Raises:
            StoppedError: If nobody will take one any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or (self._wanted and not self._items))
            if self._stopped:
                raise StoppedError

    def close(self) -> None:
        """Nothing more comes; what is inside can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Drops what is inside and wakes both sides."""
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a line.

    Attributes:
        name: In messages and timings.
        step: What it does.
        on_demand: Whether it makes an item only when the stage after it waits for one, and
            none ahead of that.
        stop: Wakes the step where it waits for something outside the line; called by another
            thread, once all that comes from the step is of no use any more.
        waited_s: Seconds that the step has waited for something outside the line.
    """

    name: str
    step: Step
    on_demand: bool = False
    stop: Callable[[], None] = lambda: None
    waited_s: Callable[[], float] = lambda: 0.0


class _Worker(threading.Thread):
    """The thread of one stage; holds its fault and its times."""

    def __init__(self, stage: Stage, before: Channel[Any], after: Channel[Any]) -> None:
        super().__init__(name=f"stage-{stage.name}", daemon=True)
        self.stage = stage
        self.before = before
        self.after = after
        self.fault: BaseException | None = None
        self.fault_at = 0.0
        self.busy_s = 0.0
        self._began: float | None = None
        self._waited_s = 0.0

    @property
    def busy_so_far_s(self) -> float:
        began = self._began
        if began is None:
            return self.busy_s
        waited_s = self._waited_s + self.stage.waited_s()
        return max(time.perf_counter() - began - waited_s, 0.0)

    def run(self) -> None:
        self._began = time.perf_counter()
        try:
            with closing(self.stage.step(self._timed(iter(self.before)))) as made:
                self._pass_on(made)
        except StoppedError:
            log.debug("stage %s was stopped", self.stage.name)
        except BaseException as error:  # noqa: BLE001 - travels to the caller
            self.fault, self.fault_at = error, time.perf_counter()
        finally:
            self.busy_s, self._began = self.busy_so_far_s, None
            self.before.stop()
            self.after.close()

    def _pass_on(self, made: Generator[Any, None, None]) -> None:
        self._wait_for_demand()
        for item in made:
            asked = time.perf_counter()
            self.after.put(item)
            self._waited_s += time.perf_counter() - asked
            self._wait_for_demand()

    def _wait_for_demand(self) -> None:
        if self.stage.on_demand:
            asked = time.perf_counter()
            self.after.wait_for_taker()
            self._waited_s += time.perf_counter() - asked

    def _timed(self, items: Iterator[T]) -> Iterator[T]:
        while True:
            asked = time.perf_counter()
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                self._waited_s += time.perf_counter() - asked
            yield item


class Line:
    """Stages side by side, each in its thread; iterate it for what the last one yields.

    Order is kept. At most `capacity` items wait between two stages, so memory is bounded
    whatever the input. When a stage fails, the stages after it finish the items that came
    before the fault, the stages before it stop, and iteration ends by raising the fault.
    Leaving the `with` block early stops every stage after the item in its hands; all
    threads have ended and all steps have closed what they opened when the block is left. A
    second Ctrl-C while they end gives up waiting for them.

    Args:
        stages: In the order in which an item passes them; at least one.
        capacity: Items that may wait before each stage and before the caller.
    """

    def __init__(self, stages: Sequence[Stage], capacity: int) -> None:
        if not stages:
            raise ValueError("Line: at least one stage is needed")
        self._channels: list[Channel[Any]] = [Channel(capacity) for _ in range(len(stages) + 1)]
        self._channels[0].close()
        self._workers = [
            _Worker(stage, before, after)
            for stage, before, after in zip(
                stages, self._channels[:-1], self._channels[1:], strict=True
            )
        ]

    def __enter__(self) -> Line:
        try:
            for worker in self._workers:
                worker.start()
        except BaseException:
            self._stop()
            raise
        return self

    def __iter__(self) -> Iterator[Any]:
        """What the last stage yields, in order.

        Raises:
            BaseException: The first fault of a stage, after what came before it.
        """
        yield from self._channels[-1]
        self._join()
        self._raise_fault()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()
        if error is None:
            self._raise_fault()

    @property
    def busy_s(self) -> dict[str, float]:
        """Seconds that each ended stage worked, waiting for its neighbours left out."""
        return {worker.stage.name: worker.busy_s for worker in self._workers}

    @property
    def queued(self) -> dict[str, int]:
        """Items that wait before each stage but the first."""
        waiting = zip(self._workers[1:], self._channels[1:-1], strict=True)
        return {worker.stage.name: len(channel) for worker, channel in waiting}

    @property
    def busy_so_far_s(self) -> dict[str, float]:
        """As `busy_s`, of stages under way too; a wait that has not ended counts as work."""
        return {worker.stage.name: worker.busy_so_far_s for worker in self._workers}

    def _stop(self) -> None:
        for channel in self._channels:
            channel.stop()
        self._join()

    def _join(self) -> None:
        for worker in self._workers:
            worker.stage.stop()
        # The last stage first: it holds the files.
        for worker in reversed(self._workers):
            if worker.ident is not None:
                worker.join()

    def _raise_fault(self) -> None:
        failed = [(worker.fault_at, worker.fault) for worker in self._workers if worker.fault]
        if failed:
            raise min(failed, key=itemgetter(0))[1]
