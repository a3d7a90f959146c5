"""A process that runs sources for a batch, one after the other."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import TypeAlias

from detector.config import DetectorConfig
from detector.detections import Detector
from pipeline.batch import Outcome, run_one
from pipeline.config import PipelineConfig
from pipeline.errors import InputError
from pipeline.runner import describe
from pipeline.sources.discovery import SourceSpec
from pipeline.termination import terminable

REPORT_S = 0.2

BuildDetector: TypeAlias = Callable[[DetectorConfig], Detector]


@dataclass(frozen=True, slots=True)
class Task:
    """A source to run, and whether to go on with what is there of it."""

    spec: SourceSpec
    resume: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a worker cannot work at all."""

    message: str


class SourceError(Exception):
    """A failure in a worker, as it was described there."""


def work(tasks: Connection, build: BuildDetector, config: PipelineConfig) -> None:
    """Runs what comes through the connection until `None` comes; sends back what became of it.

    It sends numbers of frames as they pass, and an `Outcome` for each task; a `Fault` if there
    can be no detector. It ends with the process that started it, even if that is killed.
    """
    # Ctrl-C reaches every process of a terminal; the first process tells what is to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with terminable():
            _serve(tasks, build, config)
    except KeyboardInterrupt:
        pass


def _serve(tasks: Connection, build: BuildDetector, config: PipelineConfig) -> None:
    try:
        detector = build(config.asked_detector)
    except InputError as error:
        tasks.send(Fault(str(error)))
        return
    while (task := tasks.recv()) is not None:
        frames = Frames(tasks)
        outcome = run_one(task.spec, detector, config, frames, resume=task.resume)
        frames.send()
        tasks.send(_plain(outcome))


class Frames:
    """Progress that counts frames and sends how many there were, a few times a second."""

    def __init__(self, to: Connection) -> None:
        self._to = to
        self._frames = 0
        self._sent_s = time.monotonic()

    def begin(self, source: str, frames: int | None) -> None:
        """A source begins; the batch as a whole is shown."""

    def step(self, note: str = "") -> None:
        """Counts one more."""
        self._frames += 1
        if time.monotonic() - self._sent_s >= REPORT_S:
            self.send()

    def send(self) -> None:
        """Tells of the frames since the last time."""
        self._to.send(self._frames)
        self._frames, self._sent_s = 0, time.monotonic()

    def end(self) -> None:
        """The source has ended."""


def _plain(outcome: Outcome) -> Outcome:
    """The outcome with its error in words: not every exception can be sent."""
    if outcome.error is None:
        return outcome
    kind = InputError if isinstance(outcome.error, InputError) else SourceError
    return replace(outcome, error=kind(describe(outcome.error)))


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
