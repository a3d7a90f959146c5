"""The life of all live tracks as arrays: ids, ages, what fed them, their class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, IntArray
from tracking.kalman import Rows
from tracking.tracks import Float64Array, Tracks

MAX_CLASSES = 4096
"""Class ids are below it, so that the votes of a track take bounded memory."""

_LEAST_VOTE = 1e-6
"""What a detection without a positive score weighs in the vote."""

_LIFE = np.dtype(
    [
        ("id", np.int64),
        ("first_frame", np.int64),
        ("last_frame", np.int64),
        ("hits_in_a_row", np.int64),
        ("detection", np.int64),
        ("score", np.float64),
        ("confirmed", np.bool_),
        ("lost", np.bool_),
        ("expired", np.bool_),
    ]
)


class Tracklets:
    """The live tracks of one tracker, a row each; nothing is kept of those that ended.

    Attributes:
        life: `(N,)`, with the fields `id` (from 1, never used again), `first_frame` and
            `last_frame` (that fed it), `hits_in_a_row` (updates in successive frames; birth is
            none), `detection` and `score` (the newest), and three marks that the tracker sets.
        votes: `(N, C)`, the sum of scores that each class has had.
    """

    def __init__(self) -> None:
        self.life: NDArray[np.void] = np.zeros(0, _LIFE)
        self.votes: Float64Array = np.zeros((0, 1))
        self._next_id = 1

    def __len__(self) -> int:
        return len(self.life)

    def append(self, frame: int, detections: Detections, feed: Rows) -> None:
        """Starts a track at each of these rows of the detections, behind those there are."""
        born = np.zeros(len(feed), _LIFE)
        born["id"] = self.ids_at_birth(len(feed))
        born["first_frame"] = frame
        rows = np.arange(len(self.life), len(self.life) + len(feed))
        self.life = np.concatenate((self.life, born))
        self.votes = np.concatenate((self.votes, np.zeros((len(feed), self.votes.shape[1]))))
        self._feed(rows, frame, detections, feed)

    def ids_at_birth(self, count: int) -> IntArray:
        """What `id` is of as many tracks that start."""
        return self.next_ids(count)

    def next_ids(self, count: int) -> IntArray:
        """As many ids that no track has had yet."""
        first = self._next_id
        self._next_id += count
        return np.arange(first, self._next_id, dtype=np.int64)

    def update(self, rows: Rows, frame: int, detections: Detections, feed: Rows) -> None:
        """Feeds each of these tracks, once, with the detection of the same place in `feed`."""
        life = self.life
        unbroken = life["last_frame"][rows] == frame - 1
        life["hits_in_a_row"][rows] = np.where(unbroken, life["hits_in_a_row"][rows] + 1, 1)
        self._feed(rows, frame, detections, feed)

    def _feed(self, rows: Rows, frame: int, detections: Detections, feed: Rows) -> None:
        scores = detections.scores[feed].astype(np.float64)
        self.life["last_frame"][rows] = frame
        self.life["detection"][rows] = feed
        self.life["score"][rows] = scores
        self._vote(rows, detections.class_ids[feed], scores)

    def _vote(self, rows: Rows, classes: IntArray, scores: Float64Array) -> None:
        highest = int(classes.max(initial=0))
        if highest >= MAX_CLASSES or classes.min(initial=0) < 0:
            wrong = highest if highest >= MAX_CLASSES else int(classes.min())
            raise ValueError(f"class id {wrong}: trackers take ids from 0 to {MAX_CLASSES - 1}")
        if highest >= self.votes.shape[1]:
            more = np.zeros((len(self.votes), highest + 1 - self.votes.shape[1]))
            self.votes = np.concatenate((self.votes, more), axis=1)
        self.votes[rows, classes] += np.maximum(scores, _LEAST_VOTE)

    def keep(self, rows: Rows) -> None:
        """Keeps these rows, in this order, and forgets the others."""
        self.life = self.life[rows]
        self.votes = self.votes[rows]

    def tracks(self, rows: Rows, boxes: Float64Array) -> Tracks:
        """These rows as a frame's tracks; the class is the one with most votes so far.

        Args:
            rows: All fed by the present frame.
            boxes: `(N, 4)`, of all tracks.
        """
        shown = self.life[rows]
        return Tracks(
            ids=shown["id"].copy(),
            boxes=boxes[rows],
            classes=self.votes[rows].argmax(axis=1).astype(np.int64),
            scores=shown["score"].copy(),
            detection=shown["detection"].copy(),
        )
