"""A small rendered flight, and a detector that knows what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.data.rendered import CLASS_NAMES, FlightConfig, RenderedFrame
from detector.detections import Detections, Image

SMALL = FlightConfig(
    seed=4,
    width=384,
    height=216,
    frames=40,
    altitude_m=45.0,
    pitch_deg=60.0,
    scene="junction",
)
"""Objects that enter late, leave, and are hidden for a while."""

TRUE_SCORE = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Flight:
    """A flight as a video file, and its truth by frame."""

    path: Path
    frames: list[RenderedFrame]


class Oracle:
    """Gives the true boxes of a flight's frames in turn, from the first again after the last."""

    def __init__(self, frames: Sequence[RenderedFrame], score: float = TRUE_SCORE) -> None:
        self.batches: list[int] = []
        self._frames = frames
        self._score = score

    @property
    def class_names(self) -> tuple[str, ...]:
        return CLASS_NAMES

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        first = sum(self.batches)
        self.batches.append(len(images))
        return [self._true(k % len(self._frames)) for k in range(first, first + len(images))]

    def _true(self, index: int) -> Detections:
        frame = self._frames[index]
        scores = np.full(len(frame.ids), self._score, np.float32)
        return Detections(frame.boxes, scores, frame.class_ids)


class Silent:
    """Progress that shows nothing and remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int | None]] = []
        self.steps = 0
        self.ended = 0
        self.note = ""

    def begin(self, source: str, frames: int | None) -> None:
        self.heard.append((source, frames))

    def step(self, note: str = "") -> None:
        self.steps += 1
        self.note = note

    def end(self) -> None:
        self.ended += 1


def shown_by_bytetrack(frames: Sequence[RenderedFrame]) -> list[set[int]]:
    """The objects that ByteTrack shows in each frame, if every box is found and matched.

    An object of the first frame is shown at once. A later one is shown from its second frame
    in a row on, and is forgotten if it has none. Once shown, it is shown whenever it is there.
    """
    confirmed = set(frames[0].ids.tolist())
    before: set[int] = set()
    shown = []
    for frame in frames:
        there = set(frame.ids.tolist())
        confirmed |= there & before
        shown.append(there & confirmed)
        before = there
    return shown


def shown_by_drone(frames: Sequence[RenderedFrame]) -> list[set[int]]:
    """The same of the drone mode: all of the first frame, later ones from their third frame on.

    An object that is away in between is not forgotten within 0.12 s, which is three frames.
    """
    confirmed = set(frames[0].ids.tolist())
    seen: dict[int, tuple[int, int]] = {}
    shown = []
    for number, frame in enumerate(frames):
        there = set(frame.ids.tolist())
        for one in there:
            last, hits = seen.get(one, (-9, 0))
            hits = hits + 1 if number - last <= 4 or one in confirmed else 1
            seen[one] = number, hits
            if hits == 3:
                confirmed.add(one)
        shown.append(there & confirmed)
    return shown


def shown_of_class(frames: Sequence[RenderedFrame], class_id: int) -> tuple[int, int]:
    """A class's objects, and those of them that the drone mode ever shows."""
    there = [set(frame.ids[frame.class_ids == class_id].tolist()) for frame in frames]
    objects = set().union(*there)
    return len(objects), len(objects & set().union(*shown_by_drone(frames)))
