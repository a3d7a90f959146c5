"""Many sources in several processes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from pipeline import build
from pipeline.batch import Outcome, done_before, run_batch
from pipeline.config import PipelineConfig
from pipeline.errors import InputError
from pipeline.identity import identity_of
from pipeline.ledger import Ledger
from pipeline.metrics import Metrics
from pipeline.runner import Progress
from pipeline.sources.discovery import SourceSpec
from pipeline.worker import BuildDetector, Fault, SourceError, Task, work

ATTEMPTS = 2
"""How often a source is begun whose process ends without a word: killed, or out of memory."""


@dataclass(slots=True, eq=False)
class _Worker:
    process: SpawnProcess
    connection: Connection
    task: Task


def run_all(
    specs: Sequence[SourceSpec],
    config: PipelineConfig,
    progress: Progress,
    metrics: Metrics | None,
    *,
    jobs: int,
    resume: bool,
) -> Iterator[Outcome]:
    """`run_batch` in this process for one job, else `run_jobs`.

    Raises:
        InputError: If the detector cannot be had, or metrics are asked for of several processes.
    """
    if jobs > 1 and len(specs) > 1:
        if metrics is not None:
            raise InputError("--metrics-port: serves one process; leave out --jobs")
        yield from run_jobs(specs, config, progress, jobs, resume=resume, make=build.build_detector)
    else:
        detector = build.build_detector(config.asked_detector)
        yield from run_batch(specs, detector, config, progress, metrics, resume=resume)


def run_jobs(
    specs: Sequence[SourceSpec],
    config: PipelineConfig,
    progress: Progress,
    jobs: int,
    *,
    resume: bool = False,
    make: BuildDetector,
) -> Iterator[Outcome]:
    """As `run_batch`, with `jobs` processes; yields outcomes as sources end.

    Each process has a detector of its own. Results are those of a batch in one process. A
    source whose process is killed is gone on with in another one, once. When this process is
    killed, the others end at once.

    Args:
        specs: As `run_batch`.
        config: As `run_batch`.
        progress: Hears of the batch as a whole.
        jobs: Processes, at least 1; no more than there are sources are started.
        resume: As `run_batch`.
        make: Makes a process's detector; a function of a module.

    Raises:
        InputError: If the detector cannot be had.
    """
    done = done_before(specs, config) if resume else {}
    yield from done.values()
    todo = deque(Task(spec, resume) for spec in specs if spec.name not in done)
    if todo:
        pool = _Pool(todo, config, make)
        yield from pool.run(progress, jobs)


class _Pool:
    def __init__(self, todo: deque[Task], config: PipelineConfig, make: BuildDetector) -> None:
        self._todo = todo
        self._config = config
        self._make = make
        self._workers: list[_Worker] = []
        self._attempts: dict[str, int] = {}

    def run(self, progress: Progress, jobs: int) -> Iterator[Outcome]:
        total, ended = len(self._todo), 0
        progress.begin(f"{total} sources", None)
        try:
            with _few_threads(jobs):
                for _ in range(min(jobs, total)):
                    self._start()
                while self._workers:
                    for message in self._messages():
                        if isinstance(message, Outcome):
                            ended += 1
                            yield message
                        for _ in range(message if isinstance(message, int) else 0):
                            progress.step(f"{ended}/{total} sources")
        finally:
            self._end()
            progress.end()

    def _start(self) -> None:
        """Starts a process with the next task."""
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(
            target=work, args=(theirs, self._make, self._config), name="sources"
        )
        process.start()
        theirs.close()
        worker = _Worker(process, ours, self._todo.popleft())
        self._workers.append(worker)
        self._give(worker, worker.task)

    def _messages(self) -> Iterator[Outcome | int]:
        """What the workers say next; ends or replaces those that have nothing to do or died."""
        ready = wait([worker.connection for worker in self._workers])
        for worker in [worker for worker in self._workers if worker.connection in ready]:
            try:
                message: Any = worker.connection.recv()
            except (EOFError, OSError):
                yield from self._died(worker)
                continue
            if isinstance(message, Fault):
                raise InputError(message.message)
            yield message
            if isinstance(message, Outcome):
                self._next(worker)

    def _next(self, worker: _Worker) -> None:
        if self._todo:
            worker.task = self._todo.popleft()
            self._give(worker, worker.task)
        else:
            self._give(worker, None)
            self._workers.remove(worker)
            worker.process.join()

    def _give(self, worker: _Worker, task: Task | None) -> None:
        if task is not None:
            name = task.spec.name
            self._attempts[name] = self._attempts.get(name, 0) + 1
        with suppress(OSError):  # that it died is noticed when it is asked
            worker.connection.send(task)

    def _died(self, worker: _Worker) -> Iterator[Outcome]:
        worker.process.join()
        self._workers.remove(worker)
        spec = worker.task.spec
        done = done_before([spec], self._config)
        if done:  # all but the message
            yield done[spec.name]
        elif self._attempts[spec.name] < ATTEMPTS:
            self._todo.appendleft(Task(spec, resume=True))
        else:
            yield self._lost(spec, worker.process.exitcode)
        if self._todo:
            self._start()

    def _lost(self, spec: SourceSpec, exit_code: int | None) -> Outcome:
        why = f"{spec.name}: its process ended {ATTEMPTS} times, last with code {exit_code}"
        folder = Path(self._config.output.folder)
        with suppress(InputError):
            Ledger(folder).note(spec.name, "failed", identity_of(spec, self._config), why)
        return Outcome(spec.name, folder / spec.name, error=SourceError(why))

    def _end(self) -> None:
        """Lets those that are still at work complete their files."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()


@contextmanager
def _few_threads(jobs: int) -> Iterator[None]:
    """The processes started inside share the cores; a number that the user set is kept."""
    name = "OMP_NUM_THREADS"
    if name in os.environ:
        yield
        return
    os.environ[name] = str(max(1, (os.cpu_count() or 1) // jobs))
    try:
        yield
    finally:
        del os.environ[name]
