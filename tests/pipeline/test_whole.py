"""A rendered flight through the whole program, with its true boxes as detections."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from detector.data.rendered import CLASS_NAMES, RenderedFrame
from pipeline.batch import Outcome, run_batch
from pipeline.config import OutputConfig, PipelineConfig
from pipeline.score import Boxes, read_boxes, score_tracks
from pipeline.sources.discovery import discover
from tests.pipeline.flights import TRUE_SCORE, Flight, Oracle, Silent
from tracking.config import ByteTrackConfig, SortConfig


def run(
    flight: Flight, output: Path, config: PipelineConfig | None = None, score: float = TRUE_SCORE
) -> Outcome:
    config = replace(config or PipelineConfig(), output=OutputConfig(folder=str(output)))
    detector = Oracle(flight.frames, score)
    [outcome] = run_batch(discover([str(flight.path)]), detector, config, Silent())
    if outcome.error is not None:
        raise outcome.error
    return outcome


@pytest.fixture(scope="module")
def bytetrack(flight: Flight, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return run(flight, tmp_path_factory.mktemp("bytetrack"))


def shown_by_bytetrack(frames: list[RenderedFrame]) -> list[set[int]]:
    """The objects that ByteTrack shows in each frame, if every box is found and matched.

    An object of the first frame is shown at once. A later one is shown from its second frame
    in a row on, and is forgotten if it has none. Once shown it is shown whenever it is there.
    """
    confirmed, shown, before = set(frames[0].ids.tolist()), [], set[int]()
    for frame in frames:
        there = set(frame.ids.tolist())
        confirmed |= there & before
        shown.append(there & confirmed)
        before = there
    return shown


def shown_by_sort(frames: list[RenderedFrame]) -> list[set[int]]:
    """The same of SORT: in the first three frames all, then after a birth and three hits in a row.

    One missed frame is bridged, but three more hits are needed; two make a new birth.
    """
    hits: dict[int, int] = {}
    missed: dict[int, int] = {}
    shown = []
    for number, frame in enumerate(frames, 1):
        there = set(frame.ids.tolist())
        for gone in list(hits.keys() - there):
            missed[gone] += 1
            hits[gone] = 0
            if missed[gone] > 1:
                del hits[gone]
        for object_id in there:
            hits[object_id] = hits.get(object_id, -1) + 1 if not missed.get(object_id) else (
                hits.get(object_id, -1) + 1
            )
            missed[object_id] = 0
        shown.append({one for one in there if hits[one] >= 3 or number <= 3})
    return shown
