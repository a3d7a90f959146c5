"""How far a run is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from pipeline.runner import Progress

LINE_EVERY_S = 5.0


def build_progress(console: Console) -> Progress:
    """A bar if the console is a terminal, else lines."""
    return BarProgress(console) if console.is_terminal else LineProgress(console)


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text("" if rate is None else f"{rate:.1f} frames/s")


class BarProgress:
    """A bar with frames, frames/s and time left for each source, one after the other."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: RichProgress | None = None

    def begin(self, source: str, frames: int | None) -> None:
        """Starts a bar; one without end if `frames` is unknown."""
        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
        )
        self._task = self._bar.add_task(source, total=frames, note="")
        self._bar.start()

    def step(self, note: str = "") -> None:
        """Moves the bar."""
        if self._bar is not None:
            self._bar.update(self._task, advance=1, note=note)

    def end(self) -> None:
        """Leaves the bar as it is."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class LineProgress:
    """A line with frames, frames/s and time left every few seconds and at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def begin(self, source: str, frames: int | None) -> None:
        """Names the source."""
        self._source, self._total, self._done, self._note = source, frames, 0, ""
        self._started_s = self._shown_s = time.monotonic()
        expected = "" if frames is None else f" {frames} frames"
        self._print(f"{source}:{expected} started")

    def step(self, note: str = "") -> None:
        """Counts, and shows a line when the last one is old."""
        self._done += 1
        self._note = note
        now_s = time.monotonic()
        if now_s - self._shown_s >= LINE_EVERY_S:
            self._shown_s = now_s
            self._show(now_s)

    def end(self) -> None:
        """Shows the last line."""
        self._total = self._done
        self._show(time.monotonic())

    def _show(self, now_s: float) -> None:
        rate = self._done / max(now_s - self._started_s, 1e-9)
        line = f"{self._source}: {self._done} frames, {rate:.1f} frames/s"
        if self._total is not None and self._done < self._total:
            left_s = round((self._total - self._done) / rate)
            line = (
                f"{self._source}: {self._done}/{self._total} frames, {rate:.1f} frames/s, "
                f"ETA {left_s // 60}:{left_s % 60:02d}"
            )
        self._print(f"{line}, {self._note}" if self._note else line)

    def _print(self, line: str) -> None:
        # `a:b:.mp4` holds an emoji's name.
        self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
