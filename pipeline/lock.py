"""One run at a time in a folder."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import InputError
from pipeline.sinks.files import make_folder, output_errors

LOCK_FILE = ".lock"
_RETRY_S = 0.05


@contextmanager
def locked(folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Keeps other runs out of a folder, which is made; it goes again if nothing is put into it.

    The system frees the lock of a process that ends in any way, SIGKILL too, so a stale lock
    keeps nobody out.

    Args:
        folder: Of one source.
        wait_s: Seconds to wait for another run that is just ending.

    Raises:
        InputError: If another run is at work there, with its process number; or if the folder
            cannot be made or written.
    """
    until_s = time.monotonic() + wait_s
    make_folder(folder)
    path = folder / LOCK_FILE
    while (file := _take(path)) is None:
        if time.monotonic() >= until_s:
            raise InputError(
                f"{folder}: another run{_holder(path)} is at work in it; wait for its end or "
                "choose another folder with --output"
            )
        time.sleep(_RETRY_S)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(file)
        with suppress(OSError):
            folder.rmdir()


def _take(path: Path) -> int | None:
    """The open lock file; `None` if another process holds it."""
    while True:
        with output_errors(path):
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        # Its holder may have removed the file since it was opened.
        with suppress(OSError):
            if os.path.samestat(os.fstat(file), path.stat()):
                os.truncate(file, 0)
                os.write(file, f"{os.getpid()}\n".encode())
                return file
        os.close(file)


def _holder(path: Path) -> str:
    with suppress(OSError, ValueError), path.open("rb") as file:
        return f" (process {int(file.read(20))})"
    return ""
