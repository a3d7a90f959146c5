"""Output files that a kill or a full disk does not spoil."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import InputError, ResumeError

FLUSH_S = 1.0
"""Seconds of wall time after which totals are written anew, and files are looked for."""

PART = ".part"
"""Ends the name of a file that is not whole yet."""


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
    write_bytes_atomically(path, text.encode("utf-8", "backslashreplace"))


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """As `write_atomically`.

    Raises:
        InputError: If the file cannot be written.
    """
    part = path.with_name(path.name + PART)
    with output_errors(path):
        try:
            part.write_bytes(content)
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
    """A text file that grows by lines; each write is on its way to the disk when it returns.

    A kill of the process loses nothing of what was written; a disk that is full leaves no part
    of a write.

    Args:
        path: Overwritten if it exists; its folder is made.
        kept: Bytes of the file that stay; it goes on behind them. `None`: it begins anew.

    Attributes:
        size: Bytes written so far.

    Raises:
        InputError: If the file cannot be made.
        ResumeError: If it is shorter than what should stay of it.
    """

    def __init__(self, path: Path, kept: int | None = None) -> None:
        self.path = path
        self.size = kept or 0
        make_folder(path.parent)
        if kept is not None:
            _shorten(path, kept)
        with output_errors(path):
            # Unbuffered: one system call for each frame, 5 us.
            self._file = path.open("wb" if kept is None else "ab", buffering=0)
        self._timer = Timer()
        self._broken = False

    def write(self, text: str) -> None:
        """Appends text.

        Raises:
            InputError: If the disk is full, or the file or its folder has gone.
        """
        content = text.encode()
        with self._watched():
            if self._file.write(content) != len(content):
                with suppress(OSError):
                    self._file.truncate(self.size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.size += len(content)
            if self._timer.due():
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


def _shorten(path: Path, size: int) -> None:
    with output_errors(path):
        found = path.stat().st_size if path.exists() else -1
        if found >= size:
            os.truncate(path, size)
    if found < size:
        raise ResumeError(f"{path}: is missing or shorter than the {size} bytes it should have")


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it; one that exists is kept.

    Raises:
        InputError: If it cannot be made.
    """
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
