"""A training's progress on the error stream."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

if TYPE_CHECKING:
    # As a type alone: the command checks its files before torch loads.
    from detector.training.progress import Progress as Step

Show: TypeAlias = "Callable[[Step, int], None]"

PLAIN_EVERY = 50
"""Steps between lines where the error stream is no terminal."""


@contextmanager
def shown_progress(*, quiet: bool) -> Iterator[Show]:
    """A function that shows a step, given the steps of the whole run; log lines are shown too.

    Args:
        quiet: Show nothing.
    """
    console = Console(stderr=True, soft_wrap=True, quiet=quiet)
    bar = Progress(
        BarColumn(), TextColumn("{task.completed}/{task.total} {task.fields[figures]}"),
        console=console, disable=not console.is_terminal,
    )  # fmt: skip
    handler = _Lines(console)
    log = logging.getLogger("detector.training")
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    task = bar.add_task("train", total=None, figures="")

    def show(step: Step, steps: int) -> None:
        figures = describe(step)
        bar.update(task, completed=step.step, total=steps, figures=figures)
        if not console.is_terminal and (step.step % PLAIN_EVERY == 0 or step.step == steps):
            console.print(f"step {step.step}/{steps} {figures}", highlight=False)

    try:
        with bar:
            yield show
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def describe(step: Step) -> str:
    """One line on a step: losses, rate, speed, memory, waiting and time that is left."""
    box, objectness, classes = step.loss
    minutes = round(step.eta_s / 60)
    return (
        f"box {box:.4f} obj {objectness:.4f} cls {classes:.4f} lr {step.learning_rate:.5f} "
        f"{step.images_per_s:.1f} images/s {step.memory_mb:.0f} MB "
        f"waited {step.waited_share:.0%} {minutes // 60}:{minutes % 60:02} h left"
    )


class _Lines(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(record.getMessage(), highlight=False, markup=False)
