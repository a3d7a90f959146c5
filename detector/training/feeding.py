"""Batches of views, prepared ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from detector.data.augment import View
from detector.data.dataset import Batch, TrainingViews, collate
from detector.training.distributed import World

BATCHES_AHEAD = 3


def batches(
    views: TrainingViews, steps: range, batch: int, workers: int, world: World
) -> Generator[Batch]:
    """This process's share of the batch of each step, prepared ahead by threads.

    Threads, not processes: OpenCV and numpy release the interpreter, images stay in one memory,
    and a forked process can inherit a lock that OpenCV holds.

    Args:
        views: The views of the run.
        steps: Numbers of the steps, from 0.
        batch: Views per step of all processes together, a multiple of their number.
        workers: Threads.
        world: Of which process.
    """
    share = batch // world.size
    with ThreadPoolExecutor(workers) as threads:

        def prepare(step: int) -> list[Future[View]]:
            first = step * batch + world.rank * share
            return [threads.submit(views.__getitem__, first + i) for i in range(share)]

        coming = (prepare(step) for step in steps)
        ahead = deque(islice(coming, BATCHES_AHEAD))
        try:
            while ahead:
                ready = [view.result() for view in ahead.popleft()]
                ahead.extend(islice(coming, 1))
                yield collate(ready)
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
