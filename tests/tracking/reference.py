"""SORT and ByteTrack track by track with dense filters: slow, literal, and independent of ours.

They follow a description of how the reference implementations run. Frames go in as `(N, 5)`
arrays of x1, y1, x2, y2, score; rows of id, x1, y1, x2, y2, score come out.
"""

from __future__ import annotations

from typing import Any

import lap
import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Array = NDArray[np.float64]


def overlap_table(first: Array, second: Array, unit: float) -> Array:
    if not len(first) or not len(second):
        return np.zeros((len(first), len(second)))
    a, b = first[:, None, :4], second[None, :, :4]
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0]) + unit
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1]) + unit
    shared = np.where((width > 0) & (height > 0), width * height, 0.0)
    area_a = (a[..., 2] - a[..., 0] + unit) * (a[..., 3] - a[..., 1] + unit)
    area_b = (b[..., 2] - b[..., 0] + unit) * (b[..., 3] - b[..., 1] + unit)
    overlap = np.zeros(shared.shape)
    # In whole pixels the reference does not look at pairs apart; else areas may cancel.
    looked_at = shared > 0 if unit else np.ones(shared.shape, bool)
    with np.errstate(invalid="ignore", divide="ignore"):
        np.divide(shared, area_a + area_b - shared, out=overlap, where=looked_at)
    return overlap


# --- SORT ---------------------------------------------------------------------------------


class _SortTrack:
    def __init__(self, number: int, box: Array) -> None:
        from filterpy.kalman import KalmanFilter

        self.id = number
        self.time_since_update = 0
        self.hit_streak = 0
        self.kf = KalmanFilter(dim_x=7, dim_z=4)
        self.kf.F = np.eye(7)
        self.kf.F[0, 4] = self.kf.F[1, 5] = self.kf.F[2, 6] = 1
        self.kf.H = np.eye(4, 7)
        self.kf.P = np.diag([10.0, 10, 10, 10, 1e4, 1e4, 1e4])
        self.kf.Q = np.diag([1, 1, 1, 1, 0.01, 0.01, 0.0001])
        self.kf.R = np.diag([1.0, 1, 10, 10])
        self.kf.x[:4] = self.measurement(box)

    @staticmethod
    def measurement(box: Array) -> Array:
        w, h = box[2] - box[0], box[3] - box[1]
        return np.array([[box[0] + w / 2], [box[1] + h / 2], [w * h], [w / h]])

    def box(self) -> Array:
        x, y, s, r = self.kf.x[:4, 0]
        w = np.sqrt(s * r)
        h = s / w
        return np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])

    def predict(self) -> Array:
        if self.kf.x[2, 0] + self.kf.x[6, 0] <= 0:
            self.kf.x[6, 0] = 0
        self.kf.predict()
        if self.time_since_update > 0:
            self.hit_streak = 0
        self.time_since_update += 1
        return self.box()

    def update(self, box: Array) -> None:
        self.time_since_update = 0
        self.hit_streak += 1
        self.kf.update(self.measurement(box))


class ReferenceSort:
    def __init__(self, max_age: int = 1, min_hits: int = 3, iou_threshold: float = 0.3) -> None:
        self.max_age, self.min_hits, self.iou_threshold = max_age, min_hits, iou_threshold
        self.frame_count = 0
        self.born = 0
        self.tracks: list[_SortTrack] = []

    def update(self, dets: Array) -> Array:
        with np.errstate(all="ignore"):
            return self._update(dets)

    def _update(self, dets: Array) -> Array:  # noqa: C901 - reads as the description does
        self.frame_count += 1
        scores: dict[int, float] = {}
        alive, boxes = [], []
        for track in self.tracks:
            box = track.predict()
            if not np.isnan(box).any():
                alive.append(track)
                boxes.append(box)
        self.tracks = alive
        overlap = overlap_table(dets, np.array(boxes).reshape(-1, 4), 0.0)
        pairs = self._associate(overlap)
        births = [d for d in range(len(dets)) if d not in {d for d, _ in pairs}]
        for d, t in pairs:
            if overlap[d, t] < self.iou_threshold:
                births.append(d)
            else:
                self.tracks[t].update(dets[d, :4])
                scores[self.tracks[t].id] = dets[d, 4]
        for d in births:
            self.born += 1
            self.tracks.append(_SortTrack(self.born, dets[d, :4]))
            scores[self.born] = dets[d, 4]
        out = []
        for track in reversed(list(self.tracks)):
            seen = track.hit_streak >= self.min_hits or self.frame_count <= self.min_hits
            if track.time_since_update < 1 and seen:
                out.append([track.id, *track.box(), scores[track.id]])
            if track.time_since_update > self.max_age:
                self.tracks.remove(track)
        return np.array(out).reshape(-1, 6)

    def _associate(self, overlap: Array) -> list[tuple[int, int]]:
        if not overlap.size:
            return []
        over = overlap > self.iou_threshold
        if over.sum(1).max() == 1 and over.sum(0).max() == 1:
            return list(zip(*(side.tolist() for side in np.nonzero(over)), strict=True))
        _, chosen, _ = lap.lapjv(-overlap, extend_cost=True)
        return [(d, int(t)) for d, t in enumerate(chosen) if t >= 0]


# --- ByteTrack ----------------------------------------------------------------------------

_F = np.eye(8) + np.eye(8, k=4)
_H = np.eye(4, 8)


class _ByteTrack:
    def __init__(self, box: Array, score: float) -> None:
        self.first_box = box
        self.score = score
        self.id = -1
        self.state = "new"
        self.is_activated = False
        self.mean: Any = None
        self.covariance: Any = None
        self.start_frame = self.frame_id = 0

    @staticmethod
    def measurement(box: Array) -> Array:
        w, h = box[2] - box[0], box[3] - box[1]
        return np.array([box[0] + w / 2, box[1] + h / 2, w / h, h])

    def box(self) -> Array:
        if self.mean is None:
            return self.first_box
        cx, cy, a, h = self.mean[:4]
        w = a * h
        x, y = cx - w / 2, cy - h / 2
        return np.array([x, y, x + w, y + h])

    def activate(self, number: int, frame_id: int) -> None:
        z = self.measurement(self.first_box)
        h = z[3]
        place, speed = 2 * (1 / 20) * h, 10 * (1 / 160) * h
        std = [place, place, 1e-2, place, speed, speed, 1e-5, speed]
        self.mean, self.covariance = np.r_[z, np.zeros(4)], np.diag(np.square(std))
        self.id, self.state = number, "tracked"
        self.is_activated = frame_id == 1
        self.start_frame = self.frame_id = frame_id

    def predict(self) -> None:
        if self.state != "tracked":
            self.mean[7] = 0
        h = self.mean[3]
        place, speed = (1 / 20) * h, (1 / 160) * h
        std = [place, place, 1e-2, place, speed, speed, 1e-5, speed]
        self.mean = _F @ self.mean
        self.covariance = _F @ self.covariance @ _F.T + np.diag(np.square(std))

    def update(self, box: Array, score: float, frame_id: int) -> None:
        place = (1 / 20) * self.mean[3]
        noise = np.diag(np.square([place, place, 1e-1, place]))
        projected = _H @ self.covariance @ _H.T + noise
        factor = scipy.linalg.cho_factor(projected, lower=True)
        gain = scipy.linalg.cho_solve(factor, (self.covariance @ _H.T).T).T
        self.mean = self.mean + (self.measurement(box) - _H @ self.mean) @ gain.T
        self.covariance = self.covariance - np.linalg.multi_dot((gain, projected, gain.T))
        self.state, self.is_activated = "tracked", True
        self.score, self.frame_id = score, frame_id


def _boxes(tracks: list[_ByteTrack]) -> Array:
    return np.array([track.box() for track in tracks]).reshape(-1, 4)


class ReferenceByteTrack:
    make: type[_ByteTrack] = _ByteTrack
    shows_unconfirmed = False

    def __init__(
        self,
        track_thresh: float = 0.6,
        match_thresh: float = 0.9,
        track_buffer: int = 30,
        frame_rate: float = 30,
        fuse_score: bool = True,
    ) -> None:
        self.track_thresh, self.match_thresh, self.fuse_score = (
            track_thresh,
            match_thresh,
            fuse_score,
        )
        self.max_time_lost = int(frame_rate / 30.0 * track_buffer)
        self.low_thresh, self.birth_thresh = 0.1, track_thresh + 0.1
        self.frame_id = 0
        self.born = 0
        self.tracked: list[_ByteTrack] = []
        self.lost: list[_ByteTrack] = []
        self.removed: set[int] = set()

    def is_high(self, score: float) -> bool:
        return score > self.track_thresh

    def follow_camera(self, tracks: list[_ByteTrack]) -> None:
        """ByteTrack does not."""

    def update(self, dets: Array) -> Array:
        with np.errstate(all="ignore"):
            return self._update(dets)

    def _assign(
        self, tracks: list[_ByteTrack], dets: list[_ByteTrack], limit: float, fuse: bool
    ) -> tuple[list[tuple[int, int]], list[_ByteTrack], list[_ByteTrack]]:
        cost = 1 - overlap_table(_boxes(tracks), _boxes(dets), 1.0)
        if fuse and cost.size:
            cost = 1 - (1 - cost) * np.array([det.score for det in dets])
        pairs: list[tuple[int, int]] = []
        if cost.size:
            _, chosen, _ = lap.lapjv(cost, extend_cost=True, cost_limit=limit)
            pairs = [(t, int(d)) for t, d in enumerate(chosen) if d >= 0]
        matched_t, matched_d = {t for t, _ in pairs}, {d for _, d in pairs}
        return (
            pairs,
            [track for t, track in enumerate(tracks) if t not in matched_t],
            [det for d, det in enumerate(dets) if d not in matched_d],
        )

    def _update(self, rows: Array) -> Array:  # noqa: C901 - reads as the description does
        self.frame_id += 1
        high = [self.make(r[:4], r[4]) for r in rows if self.is_high(r[4])]
        low = [self.make(r[:4], r[4]) for r in rows if self.low_thresh < r[4] < self.track_thresh]
        unconfirmed = [track for track in self.tracked if not track.is_activated]
        pool = [track for track in self.tracked if track.is_activated] + self.lost
        for track in pool:
            track.predict()
        self.follow_camera(pool + unconfirmed)

        activated: list[_ByteTrack] = []
        refound: list[_ByteTrack] = []
        newly_lost: list[_ByteTrack] = []
        pairs, left_tracks, left = self._assign(pool, high, self.match_thresh, self.fuse_score)
        for t, d in pairs:
            (activated if pool[t].state == "tracked" else refound).append(pool[t])
            pool[t].update(high[d].first_box, high[d].score, self.frame_id)
        waiting = [track for track in left_tracks if track.state == "tracked"]
        pairs, missed, _ = self._assign(waiting, low, 0.5, False)
        for t, d in pairs:
            waiting[t].update(low[d].first_box, low[d].score, self.frame_id)
            activated.append(waiting[t])
        for track in missed:
            track.state = "lost"
            newly_lost.append(track)
        pairs, dead, births = self._assign(unconfirmed, left, 0.7, self.fuse_score)
        for t, d in pairs:
            unconfirmed[t].update(left[d].first_box, left[d].score, self.frame_id)
            activated.append(unconfirmed[t])
        now_removed = dead
        for track in dead:
            track.state = "removed"
        for track in births:
            if track.score >= self.birth_thresh:
                self.born += 1
                track.activate(self.born, self.frame_id)
                activated.append(track)
        for track in self.lost:
            if self.frame_id - track.frame_id > self.max_time_lost:
                track.state = "removed"
                now_removed.append(track)
        self._lists(activated, refound, newly_lost, now_removed)
        return np.array(
            [
                [t.id, *t.box(), t.score]
                for t in self.tracked
                if t.is_activated or self.shows_unconfirmed
            ]
        ).reshape(-1, 6)

    def _lists(
        self,
        activated: list[_ByteTrack],
        refound: list[_ByteTrack],
        newly_lost: list[_ByteTrack],
        now_removed: list[_ByteTrack],
    ) -> None:
        tracked = {track.id: track for track in self.tracked if track.state == "tracked"}
        for track in activated + refound:
            tracked.setdefault(track.id, track)
        lost = [track for track in self.lost if track.id not in tracked] + newly_lost
        lost = [track for track in lost if track.id not in self.removed]
        self.removed.update(track.id for track in now_removed)
        self.tracked, self.lost = list(tracked.values()), lost
        same = 1 - overlap_table(_boxes(self.tracked), _boxes(self.lost), 1.0) < 0.15
        drop_tracked, drop_lost = set(), set()
        for p, q in zip(*(side.tolist() for side in np.nonzero(same)), strict=True):
            a, b = self.tracked[p], self.lost[q]
            if a.frame_id - a.start_frame > b.frame_id - b.start_frame:
                drop_lost.add(q)
            else:
                drop_tracked.add(p)
        self.tracked = [t for p, t in enumerate(self.tracked) if p not in drop_tracked]
        self.lost = [t for q, t in enumerate(self.lost) if q not in drop_lost]
