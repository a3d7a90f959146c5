"""The drone mode: tracks of many small objects under a moving camera, in true time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.detections import Detections, FloatArray
from tracking.association import Split
from tracking.box_motion import vote
from tracking.class_groups import ClassGroups
from tracking.company import shared_correction
from tracking.config import DroneConfig
from tracking.drone_filters import STEPS_PER_S, DroneFilters
from tracking.drone_matching import (
    Boxes,
    centres,
    doubles,
    first_reach,
    match_far,
    match_near,
    match_sole,
    repeats,
)
from tracking.drone_tracklets import DroneTracklets
from tracking.kalman import Rows
from tracking.overlap import Intp
from tracking.tracks import Float64Array, Motion, Tracks

_LEAST_IOU = 0.4
"""Of buffered boxes. With less, a missed object's track takes its neighbour's detections; of 0.3,
0.4 and 0.5 this gives the best IDF1 on derived detections, and the fewest identity switches."""

_NEW_IOU = 0.3
"""The same for tracks that are not confirmed, whose speed is hardly known: with 0.4 a shaking
camera costs 134 identity switches instead of 77."""

_WEAK_IOU = 0.5
_SAME_IOU = 0.5
"""Two detections of one group that overlap more are one object; detectors say the same."""

_DOUBLE_IOU = 0.7
"""Two tracks of one group of which one is missed and that overlap more are one object."""

_HITS = 3
"""Detections that confirm a track; in the first frame one is enough. With two, the embedded
weights show 17 tracks instead of 12 in a clip with one car and clutter beside the road."""

_TENTATIVE_S = 0.12
"""Seconds after which a track that is not confirmed yet ends, if it was missed."""

_MOST_DEVIATIONS = 2.0
_MOST_SIZES = 1.0
"""An object out of sight is found this near to its predicted place: in standard deviations, but
no farther than so many of its sizes."""

_SOLE_SIZES = 2.0
"""The same for a new track, which clutter seldom makes, where neither side has another choice."""

_VOTES_S = 0.25
"""Seconds in which a track that was missed still votes for the motion of the view, so that all
can be found again after a motion that was not."""

_STEADY_HITS = 10
"""Detections after which a track's speed is known, so that its errors are the view's as well."""

_ROUNDING_S = 1e-6


class Drone:
    """Strong detections first, then weak ones, then tracks that were lost from sight.

    Every box is predicted by BoT-SORT's filter over the true time since the last frame, then
    moved with the view: by the motion given, else by one that the boxes themselves vote for.
    A detection can only feed a track of its own group of classes; the class shown is the one
    with the greatest sum of scores. Ids are given at confirmation, so there are no holes. A
    detection on top of one that has fed a track starts none. All tracks end at a cut.

    A track out of sight goes on with those in sight around it. It is found again near its
    predicted place by a single detection, or farther off by a new track, which then takes its id.

    Boxes that are not finite or have no area are ignored. What ended is forgotten: memory
    depends on the objects in view alone.
    """

    def __init__(self, config: DroneConfig, class_names: Sequence[str] = ()) -> None:
        """Takes the settings, and the names by class id; without names all are one group."""
        self._config = config
        self._groups = ClassGroups(config.groups, class_names)
        self._frame = 0
        self._clock_s = 0.0
        self._given_s: float | None = None
        self._tracklets = DroneTracklets()
        self._filters = DroneFilters()

    def update(
        self,
        detections: Detections,
        *,
        motion: Motion | None = None,
        time_s: float | None = None,
    ) -> Tracks:
        """The tracks of the next frame, older ones first.

        Times that do not rise are taken as unknown.
        """
        self._frame += 1
        boxes = Boxes(
            detections.boxes.astype(np.float64, copy=False),
            self._groups.of(detections.class_ids),
        )
        scores = detections.scores
        with np.errstate(invalid="ignore"):
            usable = (boxes.xyxy[:, 2:] > boxes.xyxy[:, :2]).all(axis=1)
        usable &= np.isfinite(boxes.xyxy).all(axis=1) & (scores >= self._config.low_score)
        steps = self._tick(time_s) * STEPS_PER_S
        self._predict(boxes, np.flatnonzero(usable), motion, steps)

        strong = np.flatnonzero(usable & (scores >= self._config.high_score))
        weak = np.flatnonzero(usable & (scores < self._config.high_score))
        rows, fed, left = self._match(boxes, strong, weak, scores, steps)
        self._feed(rows, detections, fed)
        born = left[scores[left] >= self._config.new_score]
        expired = self._tracklets.life["expired"]
        if expired.any():
            self._keep(np.flatnonzero(~expired))
        self._start(detections, boxes, born[~repeats(boxes, born, fed, _SAME_IOU)])
        self._confirm()
        return self._shown()

    def skip(self, frames: int) -> int:
        """Passes over as many frames without detections; none while there are tracks."""
        if len(self._tracklets):
            return 0
        self._frame += frames
        self._clock_s += frames / self._config.frame_rate
        return frames

    def _predict(self, boxes: Boxes, usable: Intp, motion: Motion | None, steps: float) -> None:
        """Brings all tracks to the place and time of this frame; ends those lost too long."""
        life, unseen_s = self._tracklets.life, self._clock_s - self._tracklets.clock["last_s"]
        longest_s = np.where(life["confirmed"], self._config.lost_s, _TENTATIVE_S)
        over = life["lost"] & (unseen_s > longest_s + _ROUNDING_S)
        if motion is not None and motion.cut:
            over[:] = True
        if over.any():
            self._keep(np.flatnonzero(~over))
        life = self._tracklets.life
        self._filters.stop_growth(np.flatnonzero(life["lost"]))
        self._filters.advance(steps)
        if motion is None:
            missed_s = self._clock_s - self._tracklets.clock["last_s"] - steps / STEPS_PER_S
            sure = life["confirmed"] & (missed_s <= _VOTES_S)
            motion = vote(self._filters.boxes()[sure], boxes.xyxy[usable])
        self._filters.move(motion.matrix)

    def _tick(self, time_s: float | None) -> float:
        """Seconds since the previous frame; moves the tracker's own clock by as much."""
        elapsed = 1 / self._config.frame_rate
        if time_s is not None:
            if self._given_s is not None and time_s > self._given_s:
                elapsed = time_s - self._given_s
            self._given_s = time_s
        self._clock_s += elapsed
        return elapsed

    def _match(
        self, boxes: Boxes, strong: Intp, weak: Intp, scores: FloatArray, steps: float
    ) -> tuple[Intp, Intp, Intp]:
        """Fed tracks, what feeds them, and the strong detections left; marks the lost tracks."""
        life = self._tracklets.life
        tracks = Boxes(self._filters.boxes(), self._tracklets.clock["group"])
        confirmed = np.flatnonzero(life["confirmed"])
        first = match_near(tracks, confirmed, boxes, strong, _LEAST_IOU)
        lost = life["lost"][first.rows_left]
        second = match_near(tracks, first.rows_left[~lost], boxes, weak, _WEAK_IOU)
        tentative = np.flatnonzero(~life["confirmed"])
        third = match_near(tracks, tentative, boxes, first.left, _NEW_IOU)
        surest = third.left[scores[third.left] >= self._config.new_score]
        idle = np.concatenate((second.rows_left, third.rows_left))
        unknown = idle[~life["lost"][idle] & (self._tracklets.clock["hits"][idle] == 1)]
        searched = np.concatenate((first.rows_left[lost], unknown))
        reach = self._reach(tracks, searched, _MOST_SIZES)
        reach[len(searched) - len(unknown) :] = first_reach(tracks, unknown, boxes, first)
        far = match_far(tracks, searched, reach, boxes, surest)
        jumped = ~life["lost"][far.rows]
        self._filters.jump(far.rows[jumped], boxes.xyxy[far.fed[jumped]], steps)
        stages: tuple[Split, ...] = (first, second, third, far)
        rows = np.concatenate([stage.rows for stage in stages])
        fed = np.concatenate([stage.fed for stage in stages])
        rows = self._merge(tracks, rows)
        life["lost"] = True
        return rows, fed, np.setdiff1d(third.left, far.fed)

    def _merge(self, tracks: Boxes, rows: Intp) -> Intp:
        """The fed tracks, where two are one object the one fed more often; ends the other."""
        life, hits = self._tracklets.life, self._tracklets.clock["hits"]
        life["expired"] = False
        place = {int(row): index for index, row in enumerate(rows)}
        idle = np.setdiff1d(np.flatnonzero(life["confirmed"]), rows)
        sure = rows[life["confirmed"][rows]]
        merged = rows.copy()
        for row, other in doubles(tracks, sure, idle, _DOUBLE_IOU):
            if life["expired"][row] or life["expired"][other]:
                continue
            weaker = row if hits[other] > hits[row] else other
            life["expired"][weaker] = True
            if weaker == row:
                merged[place[row]] = other
        return merged

    def _reach(self, tracks: Boxes, rows: Intp, sizes: float) -> Float64Array:
        """`(R, 2)`, how far from their predicted places these tracks are looked for."""
        _, size = centres(tracks.xyxy[rows])
        return np.minimum(_MOST_DEVIATIONS * self._filters.deviations()[rows], sizes * size)

    def _feed(self, rows: Intp, detections: Detections, fed: Intp) -> None:
        if len(rows):
            before = self._filters.state[:2, rows, :2]
            self._filters.update(rows, detections.boxes[fed].astype(np.float64, copy=False))
            self._carry_lost(rows, self._filters.state[:2, rows, :2] - before)
            self._tracklets.feed(rows, self._frame, self._clock_s, detections, fed)
            self._tracklets.life["lost"][rows] = False

    def _carry_lost(self, rows: Intp, corrections: Float64Array) -> None:
        """Takes the tracks out of sight along with those of steady sight that were corrected."""
        life, clock = self._tracklets.life, self._tracklets.clock
        unbroken = life["last_frame"][rows] == self._frame - 1
        steady = unbroken & life["confirmed"][rows] & (clock["hits"][rows] >= _STEADY_HITS)
        out_of_sight = life["confirmed"].copy()
        out_of_sight[rows] = False
        lost = np.flatnonzero(out_of_sight)
        places = self._filters.state[0]
        change = shared_correction(places[lost], places[rows[steady]], corrections[:, steady])
        self._filters.state[:2, lost, :2] += change

    def _start(self, detections: Detections, boxes: Boxes, born: Intp) -> None:
        if len(born):
            self._filters.append(boxes.xyxy[born])
            self._tracklets.start(self._frame, self._clock_s, detections, born, boxes.groups[born])

    def _confirm(self) -> None:
        """Gives ids, old ones where lost tracks go on and new ones else."""
        hits = 1 if self._frame == 1 else _HITS
        ripe = ~self._tracklets.life["confirmed"] & (self._tracklets.clock["hits"] >= hits)
        joined = self._rejoin(np.flatnonzero(ripe))
        ripe[joined] = False
        self._tracklets.confirm(np.flatnonzero(ripe))
        if len(joined):
            self._keep(np.setdiff1d(np.arange(len(self._tracklets)), joined))

    def _rejoin(self, ripe: Intp) -> Intp:
        """Which of the ripe tracks are the continuation of a lost one, as which they go on."""
        life = self._tracklets.life
        lost = np.flatnonzero(life["confirmed"] & life["lost"])
        if not len(ripe) or not len(lost):
            return ripe[:0]
        tracks = Boxes(self._filters.boxes(), self._tracklets.clock["group"])
        found = match_sole(tracks, lost, self._reach(tracks, lost, _SOLE_SIZES), tracks, ripe)
        self._filters.state[:, found.rows] = self._filters.state[:, found.fed]
        self._tracklets.join(found.rows, found.fed)
        return found.fed

    def _shown(self) -> Tracks:
        life = self._tracklets.life
        shown = life["confirmed"].copy()
        if not self._config.show_lost:
            shown &= ~life["lost"]
        return self._tracklets.shown(np.flatnonzero(shown), self._filters.boxes(), self._frame)

    def _keep(self, rows: Rows) -> None:
        self._tracklets.keep(rows)
        self._filters.keep(rows)
