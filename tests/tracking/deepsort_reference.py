"""DeepSORT track by track with dense filters and cost matrices: slow, literal, independent."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Array = NDArray[np.float64]

F, H = np.eye(8) + np.eye(8, k=4), np.eye(4, 8)
REFUSED = 1e5


def _measure(box: Array) -> Array:
    w, h = box[2] - box[0], box[3] - box[1]
    return np.array([box[0] + w / 2, box[1] + h / 2, w / h, h])


def _noise(h: float, place: float, speed: float, ratio: float, ratio_speed: float) -> Array:
    sp, sv = place * h / 20, speed * h / 160
    return np.diag(np.square([sp, sp, ratio, sp, sv, sv, ratio_speed, sv]))


@dataclass
class _Track:
    id: int
    mean: Array
    covariance: Array
    gallery: list[Array] = field(default_factory=list)
    hits: int = 1
    missed: int = 0
    confirmed: bool = False

    def project(self) -> tuple[Array, Array]:
        sp = self.mean[3] / 20
        noise = np.diag(np.square([sp, sp, 1e-1, sp]))
        return H @ self.mean, H @ self.covariance @ H.T + noise

    def box(self) -> Array:
        x, y, a, h = self.mean[:4]
        return np.array([x - a * h / 2, y - h / 2, x + a * h / 2, y + h / 2])


class ReferenceDeepSort:
    def __init__(
        self,
        max_cosine_distance: float = 0.2,
        nn_budget: int = 100,
        max_iou_distance: float = 0.7,
        max_age: int = 30,
        n_init: int = 3,
    ) -> None:
        self.max_cosine_distance, self.nn_budget = max_cosine_distance, nn_budget
        self.max_iou_distance, self.max_age, self.n_init = max_iou_distance, max_age, n_init
        self.tracks: list[_Track] = []
        self.born = 0

    def update(self, boxes: Array, features: Array) -> Array:
        for track in self.tracks:
            noise = _noise(track.mean[3], 1, 1, 1e-2, 1e-5)
            track.mean = F @ track.mean
            track.covariance = F @ track.covariance @ F.T + noise
            track.missed += 1
        for track, row in self._match(boxes, features):
            expected, spread = track.project()
            gain = track.covariance @ H.T @ np.linalg.inv(spread)
            track.mean = track.mean + gain @ (_measure(boxes[row]) - expected)
            track.covariance = track.covariance - gain @ spread @ gain.T
            track.gallery.append(features[row])
            track.hits += 1
            track.missed = 0
            track.confirmed |= track.hits >= self.n_init
        self.tracks = [
            t for t in self.tracks if not t.missed or (t.confirmed and t.missed <= self.max_age)
        ]
        for row in self.left:
            self.born += 1
            mean = np.r_[_measure(boxes[row]), np.zeros(4)]
            noise = _noise(mean[3], 2, 10, 1e-2, 1e-5)
            self.tracks.append(_Track(self.born, mean, noise, [features[row]]))
        shown = [[t.id, *t.box()] for t in self.tracks if t.confirmed and t.missed <= 1]
        return np.array(shown).reshape(-1, 5)

    def _match(self, boxes: Array, features: Array) -> list[tuple[_Track, int]]:
        self.left = list(range(len(boxes)))
        pairs: list[tuple[_Track, int]] = []
        for level in range(1, self.max_age + 1):
            tracks = [t for t in self.tracks if t.confirmed and t.missed == level]
            costs = [[self._look(t, boxes[d], features[d]) for d in self.left] for t in tracks]
            pairs += self._assign(tracks, costs, self.max_cosine_distance)
        busy = {id(track) for track, _ in pairs}
        rest = [t for t in self.tracks if id(t) not in busy and (not t.confirmed or t.missed == 1)]
        costs = [[1 - _iou(t.box(), boxes[d]) for d in self.left] for t in rest]
        return pairs + self._assign(rest, costs, self.max_iou_distance)

    def _look(self, track: _Track, box: Array, feature: Array) -> float:
        expected, spread = track.project()
        apart = _measure(box) - expected
        if apart @ np.linalg.inv(spread) @ apart > 9.4877:
            return REFUSED
        return float(min(1 - one @ feature for one in track.gallery[-self.nn_budget :]))

    def _assign(
        self, tracks: list[_Track], costs: list[list[float]], limit: float
    ) -> list[tuple[_Track, int]]:
        if not tracks or not self.left:
            return []
        matrix = np.array(costs)
        matrix[matrix > limit] = limit + 1e-5
        found = [
            (tracks[t], self.left[d])
            for t, d in zip(*linear_sum_assignment(matrix), strict=True)
            if matrix[t, d] <= limit
        ]
        self.left = [d for d in self.left if d not in {d for _, d in found}]
        return found


def _iou(a: Array, b: Array) -> float:
    w, h = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = max(w, 0) * max(h, 0)
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))
