"""Chooses the tracker that a config names."""

from __future__ import annotations

from tracking.bytetrack import ByteTrack
from tracking.config import ByteTrackConfig, SortConfig
from tracking.sort import Sort
from tracking.tracks import Tracker


def build_tracker(config: SortConfig | ByteTrackConfig) -> Tracker:
    """A fresh tracker, at its first frame and with ids from 1."""
    match config:
        case SortConfig():
            return Sort(config)
        case ByteTrackConfig():
            return ByteTrack(config)
