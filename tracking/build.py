"""Chooses the tracker that a config names."""

from __future__ import annotations

from tracking.botsort import BotSort
from tracking.bytetrack import ByteTrack
from tracking.config import (
    AnyTrackerConfig,
    BotSortConfig,
    ByteTrackConfig,
    OcSortConfig,
    SortConfig,
)
from tracking.ocsort import OcSort
from tracking.sort import Sort
from tracking.tracks import Tracker


def build_tracker(config: AnyTrackerConfig) -> Tracker:
    """A fresh tracker, at its first frame and with ids from 1."""
    match config:
        case SortConfig():
            return Sort(config)
        case ByteTrackConfig():
            return ByteTrack(config)
        case OcSortConfig():
            return OcSort(config)
        case BotSortConfig():
            return BotSort(config)
