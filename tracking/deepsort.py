"""DeepSORT (Wojke et al., "Simple online and realtime tracking with a deep association metric")."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections
from tracking.association import assign_all
from tracking.config import DeepSortConfig
from tracking.gallery import Gallery, Vectors
from tracking.kalman import AspectHeightFilters
from tracking.overlap import Intp, Pairs, overlaps
from tracking.tracklets import Tracklets
from tracking.tracks import Float64Array, Motion, Tracks

_GATE = 9.4877
"""The 0.95 quantile of chi-square with 4 degrees of freedom."""

_OVER = 1e-5
"""By so much a pair that is refused costs more than the worst that is not."""


class DeepSort:
    """Appearance first, of the tracks seen last before those missed for longer; then overlap.

    Runs as the reference does: tracks with appearance vectors nearer than `max_cosine_distance`
    within the filter's gate are associated level by level, by the frames since each was seen;
    those that are new, or were missed in just this frame, by IoU. A track is shown from its
    `n_init`-th frame in a row and, with the predicted box, in the first frame that misses it,
    where its `detection` is -1. Ids are spent at birth, so false starts leave holes. Where the
    reference keeps every vector of a track, at most `nn_budget` are kept here. Boxes without height
    are left out. All other detections count, whatever their score: the reference's program passes
    on those from 0.8.
    """

    def __init__(self, config: DeepSortConfig) -> None:
        self._config = config
        self._frame = 0
        self._tracklets = Tracklets()
        self._filters = AspectHeightFilters()
        self._gallery = Gallery(config.nn_budget)
        self._slots: Intp = np.zeros(0, np.intp)

    def update(
        self,
        detections: Detections,
        *,
        motion: Motion | None = None,
        time_s: float | None = None,
    ) -> Tracks:
        """The tracks of the next frame.

        Raises:
            ValueError: If detections have no `features`.
        """
        self._frame += 1
        use = np.flatnonzero(detections.boxes[:, 3] > detections.boxes[:, 1])
        boxes = detections.boxes[use].astype(np.float64, copy=False)
        features = _features(detections)[use]
        self._filters.predict()
        rows, fed = self._associate(boxes, features)
        left = np.delete(np.arange(len(boxes)), fed)
        self._feed(rows, detections, use[fed])
        missed = np.delete(np.arange(len(self._slots)), rows)
        self._start(detections, use[left])
        self._gallery.add(self._slots[rows], features[fed])
        self._gallery.add(self._slots[len(self._slots) - len(left) :], features[left])
        self._end(missed)
        return self._shown()

    def _associate(self, boxes: Float64Array, features: Vectors) -> tuple[Intp, Intp]:
        """Rows of tracks, and the detections that feed them."""
        life = self._tracklets.life
        missed = self._frame - life["last_frame"]
        pairs = self._gated(boxes, features)
        matched = [(np.zeros(0, np.intp), np.zeros(0, np.intp))]
        free = np.ones(len(boxes), bool)
        levels = np.unique(missed[life["confirmed"]])
        for level in levels[levels <= self._config.max_age]:
            rows = np.flatnonzero(life["confirmed"] & (missed == level))
            matched.append(_assign(pairs, rows, free, self._config.max_cosine_distance))
            free[matched[-1][1]] = False
        rows = np.setdiff1d(np.arange(len(life)), np.concatenate([r for r, _ in matched]))
        # Those that the reference puts first have their ties broken first.
        late = rows[life["confirmed"][rows] & (missed[rows] == 1)]
        rows = np.concatenate((rows[~life["confirmed"][rows]], late))
        pairs = overlaps(self._filters.boxes(), boxes, plus_one=False)
        pairs = Pairs(pairs.shape, pairs.rows, pairs.cols, 1 - pairs.ious)
        matched.append(_assign(pairs, rows, free, self._config.max_iou_distance))
        return (
            np.concatenate([rows for rows, _ in matched]),
            np.concatenate([fed for _, fed in matched]),
        )

    def _gated(self, boxes: Float64Array, features: Vectors) -> Pairs:
        """The pairs that the filters allow, with the cosine distance for `ious`."""
        confirmed = np.flatnonzero(self._tracklets.life["confirmed"])
        shape = (len(self._slots), len(boxes))
        place, block = self._filters.state[0, confirmed], self._filters.state[2, confirmed]
        variance = block + self._filters.measurement_noise(place)
        measured = self._filters.measure(boxes)
        # Few pairs pass the first of the four coordinates.
        squares = (measured[:, 0] - place[:, 0, None]) ** 2 / variance[:, 0, None]
        row, col = np.nonzero(squares <= _GATE)
        squares = (measured[col] - place[row]) ** 2 / variance[row]
        near = squares.sum(axis=1) <= _GATE
        row, col = confirmed[row[near]], col[near]
        return Pairs(shape, row, col, self._gallery.distances(self._slots[row], features[col]))

    def _feed(self, rows: Intp, detections: Detections, fed: Intp) -> None:
        if not len(rows):
            return
        self._filters.update(rows, detections.boxes[fed].astype(np.float64, copy=False))
        self._tracklets.update(rows, self._frame, detections, fed)
        life = self._tracklets.life
        # Birth is no hit in the tracklets and one in the reference.
        life["confirmed"][rows] |= life["hits_in_a_row"][rows] + 1 >= self._config.n_init

    def _start(self, detections: Detections, born: Intp) -> None:
        self._filters.append(detections.boxes[born].astype(np.float64, copy=False))
        self._tracklets.append(self._frame, detections, born)
        self._slots = np.concatenate((self._slots, self._gallery.open(len(born))))

    def _end(self, missed: Intp) -> None:
        """Drops those of the missed tracks that are new, or were missed for too long."""
        life = self._tracklets.life
        old = self._frame - life["last_frame"][missed] > self._config.max_age
        gone = missed[old | ~life["confirmed"][missed]]
        if not len(gone):
            return
        self._gallery.close(self._slots[gone])
        kept = np.delete(np.arange(len(life)), gone)
        self._tracklets.keep(kept)
        self._filters.keep(kept)
        self._slots = self._slots[kept]

    def _shown(self) -> Tracks:
        life = self._tracklets.life
        rows = np.flatnonzero(life["confirmed"] & (self._frame - life["last_frame"] <= 1))
        shown = self._tracklets.tracks(rows, self._filters.boxes())
        shown.detection[life["last_frame"][rows] < self._frame] = -1
        return shown


def _features(detections: Detections) -> Vectors:
    if detections.features is not None:
        return detections.features
    if len(detections):
        raise ValueError(
            "deepsort: needs appearance vectors, which only a detector gives and no detection "
            "file has; choose another tracker"
        )
    return np.zeros((0, 0), np.float32)


def _assign(costs: Pairs, rows: Intp, free: NDArray[np.bool_], limit: float) -> tuple[Intp, Intp]:
    """Tracks among `rows` and free detections, matched at a cost of at most the limit.

    The sum of all costs is the least possible where a refused pair costs a little more than
    the limit.

    Args:
        costs: All tracks by all detections; `ious` holds the costs, pairs left out are refused.
        rows: Of the tracks that take part.
        free: `(detections,)`, those that take part.
        limit: Most that a pair may cost.
    """
    cols = np.flatnonzero(free)
    row, col = np.full(costs.shape[0], -1), np.full(costs.shape[1], -1)
    row[rows], col[cols] = np.arange(len(rows)), np.arange(len(cols))
    row, col = row[costs.rows], col[costs.cols]
    some = (row >= 0) & (col >= 0) & (costs.ious <= limit)
    gains = limit + _OVER - costs.ious[some]
    found = assign_all(Pairs((len(rows), len(cols)), row[some], col[some], gains))
    good = found[2] > 0
    return rows[found[0][good]], cols[found[1][good]]
