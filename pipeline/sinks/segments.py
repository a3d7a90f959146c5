"""Annotated video in files of a set length, for runs without end."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from pipeline.frame import Result
from pipeline.sinks.video import VideoSink
from pipeline.state import State, field

_NAME = re.compile(r"video_\d{5,}\.mp4")


def segments_in(folder: Path) -> list[str]:
    """Names of the segments that a folder holds, in order."""
    names = [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(names, key=lambda name: (len(name), name))


class Segments:
    """Writes `video_00001.mp4`, `video_00002.mp4` ...; each is complete when the next begins.

    Args:
        video: Makes the sink of a file of that name, from the state of an earlier one if any.
        segment_s: A frame so many seconds after the first of a segment begins the next.
        saved: State of an earlier run's sink, which goes on; `None` begins anew.

    Attributes:
        count: Segments begun so far.

    Raises:
        ResumeError: If the state does not fit.
    """

    def __init__(
        self,
        video: Callable[[str, State | None], VideoSink],
        segment_s: float,
        saved: State | None = None,
    ) -> None:
        self._video = video
        self._segment_s = segment_s
        self.count = 0
        self._sink: VideoSink | None = None
        self._begun_s = 0.0
        if saved is not None:
            self.count = field(saved, "count", int)
            self._begun_s = field(saved, "begun_s", float)
            if self.count:
                self._sink = video(self._name, field(saved, "video", dict))

    @property
    def _name(self) -> str:
        return f"video_{self.count:05d}.mp4"

    def write(self, result: Result) -> None:
        """Takes the next frame.

        Raises:
            InputError: If a file cannot be written.
        """
        now_s = result.frame.time_s
        if self._sink is None or not 0 <= now_s - self._begun_s < self._segment_s:
            self.close()
            self.count += 1
            self._sink = self._video(self._name, None)
            self._begun_s = now_s
        self._sink.write(result)

    def state(self) -> State:
        """What it needs to go on after the last frame that it took."""
        video = self._sink.state() if self._sink else {}
        return {"count": self.count, "begun_s": self._begun_s, "video": video}

    def holds(self, state: State) -> bool:
        """Whether the segment of then is complete, or has all frames of then."""
        if self._sink is None or field(state, "count", int) < self.count:
            return True
        return self._sink.holds(field(state, "video", dict))

    def close(self) -> None:
        """Completes the last file; may be called twice.

        Raises:
            InputError: If its last frames cannot be written.
        """
        if self._sink is not None:
            self._sink.close()
