"""HOTA, CLEAR and identity figures; TrackEval's metric classes do the counting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from trackeval.metrics import CLEAR, HOTA, Identity

from detector.detections import IntArray
from tracking.evaluation.ignoring import MATCH_IOU, box_ious
from tracking.evaluation.rows import TrackRows

Counts: TypeAlias = dict[str, dict[str, Any]]
"""What each metric counted; counts of several sequences add up."""

_AT_MATCH_IOU = {"THRESHOLD": MATCH_IOU, "PRINT_CONFIG": False}
_METRICS = {"HOTA": HOTA(), "CLEAR": CLEAR(_AT_MATCH_IOU), "Identity": Identity(_AT_MATCH_IOU)}


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a sequence, or of several; shares within 0 to 1, MOTA from minus infinity.

    A share that has nothing to be a share of is `nan`.

    Attributes:
        HOTA: And its parts DetA, AssA and LocA: means over the IoU thresholds 0.05 to 0.95
            (Luiten et al. 2021).
        MOTA: And MOTP, the mean IoU of the matches; from IoU 0.5 (Bernardin, Stiefelhagen 2008).
        IDF1: And IDP, IDR; from IoU 0.5 (Ristani et al. 2016).
        IDSW: Identity switches.
        Frag: How often a true track was taken up again after a break.
        MT: True tracks matched in over 80 % of their frames; PT: from 20 % up; ML: the rest.
        TP: Matched boxes; FP: found ones without a match; FN: true ones without a match.
        gt_tracks: Number of true tracks.
        tracks: Number of found tracks.
    """

    HOTA: float
    DetA: float
    AssA: float
    LocA: float
    MOTA: float
    MOTP: float
    IDF1: float
    IDP: float
    IDR: float
    IDSW: int
    Frag: int
    MT: int
    PT: int
    ML: int
    TP: int
    FP: int
    FN: int
    gt_tracks: int
    tracks: int


def count(true: TrackRows, found: TrackRows) -> Counts:
    """Counts of one sequence; classes are not looked at.

    Args:
        true: The boxes to be found; an id at most once in a frame.
        found: The same.
    """
    true_ids, found_ids = _numbered(true), _numbered(found)
    # Frames without any box change no count, and the metrics spend time on each.
    frames = np.union1d(true.frames, found.frames)
    data = {
        "num_timesteps": len(frames),
        "num_gt_dets": len(true),
        "num_tracker_dets": len(found),
        "num_gt_ids": _number(true_ids),
        "num_tracker_ids": _number(found_ids),
        "gt_ids": _by_frame(true, true_ids, frames),
        "tracker_ids": _by_frame(found, found_ids, frames),
    }
    boxes = zip(
        _by_frame(true, true.boxes, frames), _by_frame(found, found.boxes, frames), strict=True
    )
    data["similarity_scores"] = [box_ious(*frame) for frame in boxes]
    counts: Counts = {name: metric.eval_sequence(data) for name, metric in _METRICS.items()}
    return counts | {"tracks": {"true": _number(true_ids), "found": _number(found_ids)}}


def add_up(parts: Mapping[str, Counts]) -> Counts:
    """Counts of several sequences or classes as one: added up, divided once.

    Args:
        parts: At least one.
    """
    counts: Counts = {
        name: metric.combine_sequences({key: part[name] for key, part in parts.items()})
        for name, metric in _METRICS.items()
    }
    tracks = [part["tracks"] for part in parts.values()]
    return counts | {"tracks": {key: sum(part[key] for part in tracks) for key in tracks[0]}}


def figures(counts: Counts) -> Figures:
    """The figures that follow from counts."""
    hota, clear, identity = (counts[name] for name in _METRICS)
    values: dict[str, Any] = {name: int(clear[f"CLR_{name}"]) for name in ("TP", "FP", "FN")}
    true, found = values["TP"] + values["FN"], values["TP"] + values["FP"]
    # What a share divides by, if not all boxes; TrackEval gives 0 or 1 where it is 0.
    base = {"LocA": hota["HOTA_TP"].sum(), "MOTA": true, "IDR": true, "IDP": found}
    base["MOTP"] = values["TP"]
    for counted, names in (
        (hota, ("HOTA", "DetA", "AssA", "LocA")),
        (clear, ("MOTA", "MOTP")),
        (identity, ("IDF1", "IDP", "IDR")),
    ):
        for name in names:
            some = base.get(name, true + found)
            values[name] = float(np.mean(counted[name])) if some else float("nan")
    values |= {name: int(clear[name]) for name in ("IDSW", "Frag", "MT", "PT", "ML")}
    tracks = counts["tracks"]
    return Figures(**values, gt_tracks=tracks["true"], tracks=tracks["found"])


def mean(parts: list[Figures]) -> Figures:
    """The mean of each share over the parts that have it, and the sum of each number."""
    values: dict[str, Any] = {}
    for name in Figures.__dataclass_fields__:
        column = [getattr(part, name) for part in parts]
        known = [value for value in column if not np.isnan(value)]
        if all(isinstance(value, int) for value in column):
            values[name] = sum(column)
        else:
            values[name] = float(np.mean(known)) if known else float("nan")
    return Figures(**values)


def _numbered(rows: TrackRows) -> IntArray:
    """The ids counted from 0 without holes."""
    return np.unique(rows.ids, return_inverse=True)[1].astype(np.int64)


def _number(ids: IntArray) -> int:
    return int(ids.max()) + 1 if len(ids) else 0


def _by_frame(rows: TrackRows, values: Any, frames: IntArray) -> list[Any]:
    """The values of the rows of each of these frames."""
    return np.split(values, np.searchsorted(rows.frames, frames[1:])) if len(frames) else []
