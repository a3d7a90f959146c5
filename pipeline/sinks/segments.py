"""Annotated video in files of a set length, for runs without end."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from pipeline.frame import Result, Sink

_NAME = re.compile(r"video_\d{5,}\.mp4")


def segments_in(folder: Path) -> list[str]:
    """Names of the segments that a folder holds, in order."""
    names = [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(names, key=lambda name: (len(name), name))


class Segments:
    """Writes `video_00001.mp4`, `video_00002.mp4` ...; each is complete when the next begins.

    Args:
        video: Makes the sink of a file of that name.
        segment_s: A frame so many seconds after the first of a segment begins the next.
    """

    def __init__(self, video: Callable[[str], Sink], segment_s: float) -> None:
        self._video = video
        self._segment_s = segment_s
        self._count = 0
        self._sink: Sink | None = None
        self._begun_s = 0.0

    def write(self, result: Result) -> None:
        """Takes the next frame.

        Raises:
            InputError: If a file cannot be written.
        """
        now_s = result.frame.time_s
        if self._sink is None or not 0 <= now_s - self._begun_s < self._segment_s:
            self.close()
            self._count += 1
            self._sink = self._video(f"video_{self._count:05d}.mp4")
            self._begun_s = now_s
        self._sink.write(result)

    def close(self) -> None:
        """Completes the last file; may be called twice.

        Raises:
            InputError: If its last frames cannot be written.
        """
        if self._sink is not None:
            self._sink.close()
