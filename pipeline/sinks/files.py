"""Output files that a kill or a full disk does not spoil."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pipeline.errors import InputError

FLUSH_S = 1.0
"""Seconds of wall time after which written lines are on their way to the disk."""


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turns what the operating system refuses into one clear line about `path`.

    Raises:
        InputError: For any `OSError` inside, PyAV's among them.
    """
    try:
        yield
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(
            f"{path}: cannot be written: {why}; free some space or choose a folder that can be "
            "written with --output"
        ) from error


def write_atomically(path: Path, text: str) -> None:
    """Replaces a file in one step: readers see the old text or the new, never a part.

    Characters that UTF-8 cannot hold (parts of undecodable file names) become backslash
    escapes, which JSON reads back.

    Raises:
        InputError: If the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    with output_errors(path):
        try:
            part.write_bytes(text.encode("utf-8", "backslashreplace"))
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise


class Timer:
    """Tells when the next flush is due, by the wall clock."""

    def __init__(self, interval_s: float = FLUSH_S) -> None:
        self._interval_s = interval_s
        self._last_s = time.monotonic()

    def due(self) -> bool:
        """Whether the interval has passed since this was last true."""
        now_s = time.monotonic()
        if now_s - self._last_s < self._interval_s:
            return False
        self._last_s = now_s
        return True


class GrowingText:
    """A text file that grows by lines and is flushed about every second.

    Args:
        path: Overwritten if it exists; its folder is made.

    Raises:
        InputError: If the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        make_folder(path.parent)
        with output_errors(path):
            self._file: TextIO = path.open("w", encoding="utf-8", newline="")
        self._timer = Timer()
        self._broken = False

    def write(self, text: str) -> None:
        """Appends text.

        Raises:
            InputError: If the disk is full, or the file or its folder has gone.
        """
        with self._watched():
            self._file.write(text)
            if self._timer.due():
                self._file.flush()
                self.path.stat()

    def close(self) -> None:
        """Completes the file; may be called twice, and after an error does so in silence.

        Raises:
            InputError: If the last lines cannot be written, or the file has gone.
        """
        if self._file.closed:
            return
        was_broken = self._broken
        try:
            with self._watched():
                self._file.close()
                self.path.stat()
        except InputError:
            if not was_broken:
                raise

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            with output_errors(self.path):
                yield
        except InputError:
            self._broken = True
            raise


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it; one that exists is kept.

    Raises:
        InputError: If it cannot be made.
    """
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
