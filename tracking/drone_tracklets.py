"""The life of the drone mode's tracks: in seconds, by class group, with ids once confirmed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, IntArray
from tracking.kalman import Rows
from tracking.tracklets import Tracklets
from tracking.tracks import Float64Array, Tracks

_CLOCK = np.dtype([("group", np.int64), ("last_s", np.float64), ("hits", np.int64)])


class DroneTracklets(Tracklets):
    """Tracks without an id until they are confirmed.

    Attributes:
        clock: `(N,)`, with the fields `group` (of the classes that may feed the track),
            `last_s` (when it was fed last), and `hits` (how often it was).
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock: NDArray[np.void] = np.zeros(0, _CLOCK)

    def ids_at_birth(self, count: int) -> IntArray:
        """None, which is 0."""
        return np.zeros(count, np.int64)

    def start(
        self, frame: int, time_s: float, detections: Detections, feed: Rows, group: IntArray
    ) -> None:
        """Starts a track of this group at each of these rows of the detections."""
        born = np.zeros(len(feed), _CLOCK)
        born["group"] = group
        born["last_s"] = time_s
        born["hits"] = 1
        self.clock = np.concatenate((self.clock, born))
        self.append(frame, detections, feed)

    def feed(
        self, rows: Rows, frame: int, time_s: float, detections: Detections, feed: Rows
    ) -> None:
        """Feeds each of these tracks, once, with the detection of the same place in `feed`."""
        self.update(rows, frame, detections, feed)
        self.clock["last_s"][rows] = time_s
        self.clock["hits"][rows] += 1

    def confirm(self, rows: Rows) -> None:
        """Gives these tracks their ids, in this order."""
        self.life["confirmed"][rows] = True
        self.life["id"][rows] = self.next_ids(len(rows))

    def join(self, rows: Rows, later: Rows) -> None:
        """Makes the later one of each pair of tracks the continuation of the other one.

        The later ones stay as they are, to be dropped by `keep`.
        """
        for field in ("last_frame", "hits_in_a_row", "detection", "score", "lost"):
            self.life[field][rows] = self.life[field][later]
        self.clock["last_s"][rows] = self.clock["last_s"][later]
        self.clock["hits"][rows] += self.clock["hits"][later]
        self.votes[rows] += self.votes[later]

    def keep(self, rows: Rows) -> None:
        """Keeps these rows, in this order, and forgets the others."""
        super().keep(rows)
        self.clock = self.clock[rows]

    def shown(self, rows: Rows, boxes: Float64Array, frame: int) -> Tracks:
        """These rows as the tracks of a frame; those that it did not feed have detection -1."""
        tracks = self.tracks(rows, boxes)
        fed = self.life["last_frame"][rows] == frame
        return Tracks(
            tracks.ids,
            tracks.boxes,
            tracks.classes,
            tracks.scores,
            np.where(fed, tracks.detection, -1),
        )
