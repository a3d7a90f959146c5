"""OC-SORT track by track with dense filters: slow, literal, and independent of ours.

It follows a description of how the reference implementation runs.
"""

from __future__ import annotations

import lap
import numpy as np

from tests.tracking.reference import Array, _SortTrack, overlap_table

NOWHERE = np.full(5, -1.0)


def _direction(first: Array, second: Array) -> Array:
    x1, y1 = (first[0] + first[2]) / 2, (first[1] + first[3]) / 2
    x2, y2 = (second[0] + second[2]) / 2, (second[1] + second[3]) / 2
    length = np.sqrt((y2 - y1) ** 2 + (x2 - x1) ** 2) + 1e-6
    return np.array([(y2 - y1) / length, (x2 - x1) / length])


class _Track(_SortTrack):
    def __init__(self, number: int, row: Array, delta_t: int) -> None:
        super().__init__(number, row)
        self.delta_t = delta_t
        self.age = 0
        self.seen: dict[int, Array] = {}
        self.last_seen = NOWHERE
        self.heading = np.zeros(2)
        self.measured: list[Array | None] = []
        self.frozen: tuple[Array, Array, list[Array | None]] | None = None
        self.observed = False

    @staticmethod
    def measurement(box: Array) -> Array:
        w, h = box[2] - box[0], box[3] - box[1]
        return np.array([[box[0] + w / 2], [box[1] + h / 2], [w * h], [w / (h + 1e-6)]])

    def predict(self) -> Array:
        self.age += 1
        return super().predict()

    def earlier(self) -> Array:
        for back in range(self.delta_t, 0, -1):
            if self.age - back in self.seen:
                return self.seen[self.age - back]
        return self.last_seen

    def miss(self) -> None:
        self.measured.append(None)
        if self.observed:
            self.frozen = self.kf.x.copy(), self.kf.P.copy(), list(self.measured)
        self.observed = False

    def observe(self, row: Array) -> None:
        if self.last_seen.sum() >= 0:
            self.heading = _direction(self.earlier(), row)
        self.last_seen = self.seen[self.age] = row
        self.time_since_update = 0
        self.hit_streak += 1
        z = self.measurement(row)
        self.measured.append(z)
        if self.frozen is not None:
            self._run_again()
        self.observed = True
        self.kf.update(z)

    def _run_again(self) -> None:
        assert self.frozen is not None
        history = self.measured
        self.kf.x, self.kf.P, before = self.frozen
        self.frozen = None
        self.measured = before[:-1]
        known = [index for index, z in enumerate(history) if z is not None]
        gap = known[-1] - known[-2]
        ends = []
        for index in known[-2:]:
            z = history[index]
            assert z is not None
            x, y, s, r = z[:, 0]
            ends.append(np.array([x, y, np.sqrt(s * r), np.sqrt(s / r)]))
        step = (ends[1] - ends[0]) / gap
        for i in range(1, gap + 1):
            x, y, w, h = ends[0] + i * step
            z = np.array([[x], [y], [w * h], [w / h]])
            self.measured.append(z)
            self.kf.update(z)
            if i < gap:
                self.kf.predict()


class ReferenceOcSort:
    def __init__(  # noqa: PLR0913 - the tracker's own parameters
        self,
        det_thresh: float = 0.6,
        max_age: int = 30,
        min_hits: int = 3,
        iou_threshold: float = 0.3,
        delta_t: int = 3,
        inertia: float = 0.2,
        use_byte: bool = False,
    ) -> None:
        self.det_thresh, self.max_age, self.min_hits = det_thresh, max_age, min_hits
        self.iou_threshold, self.delta_t, self.inertia = iou_threshold, delta_t, inertia
        self.use_byte = use_byte
        self.frame_count = 0
        self.born = 0
        self.tracks: list[_Track] = []

    def update(self, dets: Array) -> Array:
        with np.errstate(all="ignore"):
            return self._update(dets)

    def _update(self, rows: Array) -> Array:  # noqa: C901 - reads as the description does
        self.frame_count += 1
        high = rows[rows[:, 4] > self.det_thresh]
        low = rows[(rows[:, 4] > 0.1) & (rows[:, 4] < self.det_thresh)]
        alive, boxes = [], []
        for track in self.tracks:
            box = track.predict()
            if not np.isnan(box).any():
                alive.append(track)
                boxes.append(box)
        self.tracks = alive
        places = np.array(boxes).reshape(-1, 4)
        last_seen = np.array([track.last_seen for track in alive]).reshape(-1, 5)

        overlap = overlap_table(high, places, 0.0)
        pairs = self._associate(overlap, overlap + self._angles(high))
        kept = [(d, t) for d, t in pairs if not overlap[d, t] < self.iou_threshold]
        refused = [pair for pair in pairs if pair not in kept]
        left = [d for d in range(len(high)) if d not in {d for d, _ in pairs}]
        idle = [t for t in range(len(alive)) if t not in {t for _, t in pairs}]
        left += [d for d, _ in refused]
        idle += [t for _, t in refused]
        scores: dict[int, float] = {}
        for d, t in kept:
            alive[t].observe(high[d])
        if self.use_byte:
            kept, _, idle = self._again(low, places, list(range(len(low))), idle)
            for d, t in kept:
                alive[t].observe(low[d])
        kept, left, idle = self._again(high, last_seen, left, idle)
        for d, t in kept:
            alive[t].observe(high[d])
        for t in idle:
            alive[t].miss()
        for d in left:
            self.born += 1
            self.tracks.append(_Track(self.born, high[d], self.delta_t))
            scores[self.born] = high[d, 4]
        out = []
        for track in reversed(list(self.tracks)):
            steady = track.hit_streak >= self.min_hits or self.frame_count <= self.min_hits
            unseen = track.last_seen.sum() < 0
            box = track.box() if unseen else track.last_seen[:4]
            if track.time_since_update < 1 and steady:
                score = scores.get(track.id, track.last_seen[4])
                out.append([track.id, *box, score])
            if track.time_since_update > self.max_age:
                self.tracks.remove(track)
        return np.array(out).reshape(-1, 6)

    def _angles(self, high: Array) -> Array:
        gains = np.zeros((len(high), len(self.tracks)))
        for t, track in enumerate(self.tracks):
            earlier = track.earlier()
            if earlier[4] < 0:
                continue
            cosine = np.clip(track.heading @ _direction(earlier, high.T), -1, 1)
            closeness = (np.pi / 2 - np.abs(np.arccos(cosine))) / np.pi
            gains[:, t] = closeness * self.inertia * high[:, 4]
        return gains

    def _associate(self, overlap: Array, weight: Array) -> list[tuple[int, int]]:
        if not overlap.size:
            return []
        over = overlap > self.iou_threshold
        if over.sum(1).max() == 1 and over.sum(0).max() == 1:
            return list(zip(*(side.tolist() for side in np.nonzero(over)), strict=True))
        _, chosen, _ = lap.lapjv(-weight, extend_cost=True)
        return [(d, int(t)) for d, t in enumerate(chosen) if t >= 0]

    def _again(
        self, rows: Array, places: Array, left: list[int], idle: list[int]
    ) -> tuple[list[tuple[int, int]], list[int], list[int]]:
        if not left or not idle:
            return [], left, idle
        overlap = overlap_table(rows[left], places[idle], 0.0)
        if not overlap.max() > self.iou_threshold:
            return [], left, idle
        _, chosen, _ = lap.lapjv(-overlap, extend_cost=True)
        kept = [
            (left[d], idle[int(t)])
            for d, t in enumerate(chosen)
            if t >= 0 and not overlap[d, int(t)] < self.iou_threshold
        ]
        return (
            kept,
            sorted(set(left) - {d for d, _ in kept}),
            sorted(set(idle) - {t for _, t in kept}),
        )
