"""Chooses the tracker that a config names."""

from __future__ import annotations

from collections.abc import Sequence

from tracking.botsort import BotSort
from tracking.bytetrack import ByteTrack
from tracking.config import (
    AnyTrackerConfig,
    BotSortConfig,
    ByteTrackConfig,
    DeepSortConfig,
    DroneConfig,
    OcSortConfig,
    SortConfig,
)
from tracking.deepsort import DeepSort
from tracking.drone import Drone
from tracking.ocsort import OcSort
from tracking.sort import Sort
from tracking.tracks import Tracker


def build_tracker(config: AnyTrackerConfig, class_names: Sequence[str] = ()) -> Tracker:
    """A fresh tracker, at its first frame and with ids from 1.

    Args:
        config: Which, and its settings.
        class_names: By class id, for trackers that group classes; none if they are not known.
    """
    match config:
        case SortConfig():
            return Sort(config)
        case ByteTrackConfig():
            return ByteTrack(config)
        case OcSortConfig():
            return OcSort(config)
        case BotSortConfig():
            return BotSort(config)
        case DeepSortConfig():
            return DeepSort(config)
        case DroneConfig():
            return Drone(config, class_names)
