"""ByteTrack (Zhang et al., "Multi-object tracking by associating every detection box", 2022)."""

from __future__ import annotations

from tracking.config import ByteTrackConfig
from tracking.kalman import AspectHeightFilters
from tracking.two_stage import Rules, TwoStageTracker

_LEAST_SCORE = 0.1
_BIRTH_MARGIN = 0.1


class ByteTrack(TwoStageTracker[AspectHeightFilters]):
    """Strong detections are associated first, weak ones with the tracks still unmatched.

    Runs as the reference does, quirks included: a score of exactly `track_thresh` is dropped;
    a new track is shown from its second frame (those of the first frame at once), and only if
    a strong detection confirms it there; one missed frame more than the buffer is bridged;
    sizes count whole pixels in the IoU. Ids are spent at birth, so false starts leave holes.
    """

    def __init__(self, config: ByteTrackConfig) -> None:
        rules = Rules(
            strong_above=config.track_thresh,
            weak=(_LEAST_SCORE, config.track_thresh),
            birth=config.track_thresh + _BIRTH_MARGIN,
            match_limit=config.match_thresh,
            longest_gap=int(config.frame_rate / 30.0 * config.track_buffer),
            fuse_score=config.fuse_score,
            show_unconfirmed=False,
        )
        super().__init__(rules, AspectHeightFilters())
