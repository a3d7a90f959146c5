"""BoT-SORT without ReID on the slow ByteTrack: another dense filter, and the camera's motion."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from tests.tracking.reference import Array, ReferenceByteTrack, _ByteTrack

_F = np.eye(8) + np.eye(8, k=4)
_H = np.eye(4, 8)


def _weights(mean: Array, place: float, speed: float) -> Array:
    size = np.tile(mean[2:4], 2)
    return np.concatenate((size * place, size * speed))


class BotTrack(_ByteTrack):
    @staticmethod
    def measurement(box: Array) -> Array:
        w, h = box[2] - box[0], box[3] - box[1]
        return np.array([box[0] + w / 2, box[1] + h / 2, w, h])

    def box(self) -> Array:
        if self.mean is None:
            return self.first_box
        cx, cy, w, h = self.mean[:4]
        x, y = cx - w / 2, cy - h / 2
        return np.array([x, y, x + w, y + h])

    def activate(self, number: int, frame_id: int) -> None:
        super().activate(number, frame_id)
        self.covariance = np.diag(np.square(_weights(self.mean, 2 * (1 / 20), 10 * (1 / 160))))

    def predict(self) -> None:
        if self.state != "tracked":
            self.mean[6:8] = 0
        noise = np.diag(np.square(_weights(self.mean, 1 / 20, 1 / 160)))
        self.mean = _F @ self.mean
        self.covariance = _F @ self.covariance @ _F.T + noise

    def warp(self, matrix: Array) -> None:
        turn = np.kron(np.eye(4), matrix[:, :2])
        self.mean = turn @ self.mean
        self.mean[:2] += matrix[:, 2]
        self.covariance = turn @ self.covariance @ turn.T

    def update(self, box: Array, score: float, frame_id: int) -> None:
        noise = np.diag(np.square(_weights(self.mean, 1 / 20, 0.0)[:4]))
        projected = _H @ self.covariance @ _H.T + noise
        factor = scipy.linalg.cho_factor(projected, lower=True)
        gain = scipy.linalg.cho_solve(factor, (self.covariance @ _H.T).T).T
        self.mean = self.mean + (self.measurement(box) - _H @ self.mean) @ gain.T
        self.covariance = self.covariance - np.linalg.multi_dot((gain, projected, gain.T))
        self.state, self.is_activated = "tracked", True
        self.score, self.frame_id = score, frame_id


class ReferenceBotSort(ReferenceByteTrack):
    make = BotTrack
    shows_unconfirmed = True

    def __init__(  # noqa: PLR0913 - the tracker's own parameters
        self,
        track_high_thresh: float = 0.6,
        track_low_thresh: float = 0.1,
        new_track_thresh: float = 0.7,
        track_buffer: int = 30,
        match_thresh: float = 0.8,
        frame_rate: float = 30,
        fuse_score: bool = True,
    ) -> None:
        super().__init__(track_high_thresh, match_thresh, track_buffer, frame_rate, fuse_score)
        self.low_thresh, self.birth_thresh = track_low_thresh, new_track_thresh
        self.motion = np.eye(2, 3)

    def is_high(self, score: float) -> bool:
        return score > self.low_thresh and score > self.track_thresh

    def follow_camera(self, tracks: list[_ByteTrack]) -> None:
        for track in tracks:
            assert isinstance(track, BotTrack)
            track.warp(self.motion)
