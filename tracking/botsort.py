"""BoT-SORT (Aharon et al., "Robust associations multi-pedestrian tracking", 2022), no ReID."""

from __future__ import annotations

from tracking.config import BotSortConfig
from tracking.kalman_xywh import WidthHeightFilters
from tracking.tracks import Motion
from tracking.two_stage import Rules, TwoStageTracker


class BotSort(TwoStageTracker[WidthHeightFilters]):
    """ByteTrack's association, with a filter of width and height that follows the camera.

    Runs as the reference does, quirks included: as ByteTrack, but a new track is shown from
    its first frame, before anything confirms it, and the camera's rotation turns a box's width
    and height like a point.
    """

    def __init__(self, config: BotSortConfig) -> None:
        high, low = config.track_high_thresh, config.track_low_thresh
        rules = Rules(
            strong_above=max(high, low),
            weak=(low, high),
            birth=config.new_track_thresh,
            match_limit=config.match_thresh,
            longest_gap=int(config.frame_rate / 30.0 * config.track_buffer),
            fuse_score=config.fuse_score,
            show_unconfirmed=True,
        )
        super().__init__(rules, WidthHeightFilters())

    def _move(self, motion: Motion) -> None:
        self._filters.warp(motion.matrix)
