"""What image decoders print past Python, caught instead of shown."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

_T = TypeVar("_T")

# libjpeg, libpng and OpenCV (and, through it, libtiff).
_MESSAGE = re.compile(
    rb"libpng |Corrupt JPEG|Premature end of JPEG|Warning: unknown JFIF|Unsupported marker"
    rb"|Inconsistent progression|Invalid |\[ ?(?:WARN|ERROR|INFO|DEBUG):"
)
_STDERR = 2
_lock = threading.Lock()


def caught(decode: Callable[[], _T]) -> tuple[_T, list[str]]:
    """What the call returns, and the lines that decoders printed meanwhile.

    They write to the process's standard error, into the midst of the progress display, and
    libjpeg tells of damage in no other way. Lines of other threads are passed on.
    """
    with _lock, ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile())
            shown = os.dup(_STDERR)
        except OSError:  # no standard error, or no room
            return decode(), []
        stack.callback(os.close, shown)
        os.dup2(file.fileno(), _STDERR)
        try:
            result = decode()
        finally:
            os.dup2(shown, _STDERR)
            file.seek(0)
            lines = [line for line in file.read().splitlines() if line.strip()]
            others = [line + b"\n" for line in lines if not _MESSAGE.match(line)]
            os.write(shown, b"".join(others))
    return result, [line.decode(errors="replace") for line in lines if _MESSAGE.match(line)]
