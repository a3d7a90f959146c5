"""How fast a training goes and what it waits for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from detector.training.distributed import World
from detector.training.progress import Progress, memory_mb

WINDOW_STEPS = 50
"""Steps that speed and waiting are averaged over."""


class Meter:
    """Measures the steps of a run from now on.

    Args:
        steps: Done before, and of the whole run.
        batch: Views per step.
        images: Training images, which make an epoch.
        world: Of which device the memory is reported.
        clock: Seconds from any start.
    """

    def __init__(
        self,
        steps: tuple[int, int],
        batch: int,
        images: int,
        world: World,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._first, self._last = steps
        self._batch = batch
        self._images = images
        self._world = world
        self._clock = clock
        self._began = self._mark = clock()
        self._waited = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=WINDOW_STEPS)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts the time inside as waiting for views."""
        began = self._clock()
        yield
        self._waited += self._clock() - began

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leaves the time inside out of the speed, though not out of the time that is left."""
        began = self._clock()
        yield
        self._mark += self._clock() - began

    def report(self, step: int, loss: tuple[float, float, float], rate: float) -> Progress:
        """What step number `step`, from 1, reports; it ends now."""
        now = self._clock()
        self._recent.append((now - self._mark, self._waited))
        self._mark, self._waited = now, 0.0
        seconds, waited = (sum(column) for column in zip(*self._recent, strict=True))
        return Progress(
            step=step,
            epoch=step * self._batch / self._images,
            loss=loss,
            learning_rate=rate,
            images_per_s=len(self._recent) * self._batch / max(seconds, 1e-9),
            memory_mb=memory_mb(self._world.device),
            waited_share=min(waited / max(seconds, 1e-9), 1.0),
            eta_s=(now - self._began) / (step - self._first) * (self._last - step),
        )
