"""Streams that PyAV cannot open, through a program that can."""

from __future__ import annotations

import shutil
import subprocess
from types import TracebackType
from typing import IO

from pipeline.errors import InputError


def find_ffmpeg() -> str:
    """The ffmpeg program: one on the PATH, else that of the package imageio-ffmpeg.

    Raises:
        InputError: If there is neither.
    """
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        raise InputError(
            "SRT needs the ffmpeg program; install the extra `live`, or ffmpeg itself"
        ) from None


class Pipe:
    """The ffmpeg program, which reads a stream and hands on its packets as MPEG-TS.

    Attributes:
        output: What it hands on.
    """

    def __init__(self, url: str) -> None:
        """Starts it.

        Raises:
            InputError: If there is no ffmpeg program.
        """
        command = [find_ffmpeg(), "-nostdin", "-loglevel", "quiet"]
        command += ["-analyzeduration", "500000", "-i", url]
        command += ["-map", "0:v:0", "-c", "copy", "-f", "mpegts", "-flush_packets", "1", "pipe:1"]
        self._process = subprocess.Popen(
            command,
            # With a buffer, `read` would wait until as much is there as was asked for.
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        self.output: IO[bytes] = self._process.stdout

    def kill(self) -> None:
        """Ends it; a reader of `output` then finds the end."""
        self._process.kill()

    def __enter__(self) -> Pipe:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self.output.close()
