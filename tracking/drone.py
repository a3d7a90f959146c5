"""Tracks of vehicles and people seen from a moving camera."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.detections import Detections, IntArray
from tracking.association import assign_below
from tracking.box_motion import vote
from tracking.class_groups import ClassGroups
from tracking.config import DroneConfig
from tracking.drone_filters import DroneFilters
from tracking.drone_tracklets import DroneTracklets
from tracking.overlap import Intp, Pairs, overlaps
from tracking.tracks import Float64Array, Motion, Tracks

_STEPS_PER_S = 30.0
_BUFFERS = (0.3, 0.5)
import os

P = dict(b1=0.3, b2=0.5, l1=0.8, l2=0.5, l3=0.8, l4=0.8, hits=2, tent_s=0.12)
for kv in os.environ.get("DP", "").split(","):
    if kv:
        k, v = kv.split("=")
        P[k] = float(v)


class Drone:
    def __init__(self, config: DroneConfig, class_names: Sequence[str] = ()) -> None:
        self._config = config
        self._groups = ClassGroups(config.groups, class_names)
        self._frame = 0
        self._time_s = 0.0
        self._tracklets = DroneTracklets()
        self._filters = DroneFilters()

    def update(
        self,
        detections: Detections,
        *,
        motion: Motion | None = None,
        time_s: float | None = None,
    ) -> Tracks:
        """The tracks of the next frame."""
        self._frame += 1
        elapsed = self._tick(time_s)
        c = self._config
        boxes = detections.boxes.astype(np.float64, copy=False)
        scores = detections.scores.astype(np.float64, copy=False)
        groups = self._groups.of(detections.class_ids)
        tl = self._tracklets
        # expire
        old = (self._time_s - tl.clock["last_s"] > c.lost_s + 1e-6) & tl.life["lost"]
        old |= (
            (self._time_s - tl.clock["last_s"] > P["tent_s"] + 1e-6)
            & tl.life["lost"]
            & ~tl.life["confirmed"]
        )
        if old.any():
            self._keep(np.flatnonzero(~old))
        self._filters.stop_growth(np.flatnonzero(tl.life["lost"]))
        self._filters.advance(elapsed * _STEPS_PER_S)
        if motion is None:
            motion = self._vote(boxes, scores)
        self._filters.move(motion.matrix)
        places = self._filters.boxes()
        st = self._filters.state
        sd = np.sqrt(st[2] + self._filters.measurement_noise(st[0]))
        dm = self._filters.measure(boxes)

        strong = np.flatnonzero(scores >= c.high_score)
        weak = np.flatnonzero((scores >= c.low_score) & (scores < c.high_score))
        conf = np.flatnonzero(tl.life["confirmed"])
        tent = np.flatnonzero(~tl.life["confirmed"])
        fed = []

        def match(rows, cand, buf, limit, fuse, gate):
            if not len(rows) or not len(cand):
                return rows, cand
            pairs = overlaps(_grown(places[rows], buf), _grown(boxes[cand], buf), plus_one=False)
            ok = tl.clock["group"][rows][pairs.rows] == groups[cand][pairs.cols]
            i, j = rows[pairs.rows], cand[pairs.cols]
            dist = ((dm[j, :2] - st[0][i, :2]) / sd[i, :2])
            ok &= (dist**2).sum(axis=1) < gate**2
            pairs = Pairs(pairs.shape, pairs.rows[ok], pairs.cols[ok], pairs.ious[ok])
            gain = pairs.ious * scores[cand][pairs.cols] if fuse else pairs.ious
            r, k = assign_below(pairs, 1 - gain, limit)
            fed.append((rows[r], cand[k]))
            rl = np.ones(len(rows), bool)
            cl = np.ones(len(cand), bool)
            rl[r] = False
            cl[k] = False
            return rows[rl], cand[cl]

        conf, strong = match(conf, strong, P["b1"], P["l1"], True)
        act = conf[~tl.life["lost"][conf]]
        lost = conf[tl.life["lost"][conf]]
        act, weak = match(act, weak, P["b1"], P["l2"], False)
        conf = np.concatenate((act, lost))
        conf, strong = match(conf, strong, P["b2"], P["l3"], False)
        tent, strong = match(tent, strong, P["b1"], P["l4"], True)
        tl.life["lost"][conf] = True
        tl.life["lost"][tent] = True
        rows = np.concatenate([f[0] for f in fed]) if fed else np.zeros(0, np.intp)
        cand = np.concatenate([f[1] for f in fed]) if fed else np.zeros(0, np.intp)
        if len(rows):
            self._filters.update(rows, boxes[cand])
            tl.feed(rows, self._frame, self._time_s, detections, cand)
            tl.life["lost"][rows] = False
        born = strong[scores[strong] >= c.new_score]
        if len(born):
            self._filters.append(boxes[born])
            tl.start(self._frame, self._time_s, detections, born, groups[born])
        need = 1 if self._frame == 1 else P["hits"]
        ripe = ~tl.life["confirmed"] & (tl.clock["hits"] >= need)
        tl.confirm(np.flatnonzero(ripe))
        show = tl.life["confirmed"].copy()
        if not c.show_lost:
            show &= tl.life["last_frame"] == self._frame
        return tl.shown(np.flatnonzero(show), self._filters.boxes(), self._frame)

    def _tick(self, time_s):
        step = 1 / self._config.frame_rate
        if time_s is not None and self._frame > 1 and time_s > self._given:
            step = time_s - self._given
        if time_s is not None:
            self._given = time_s
        if self._frame > 1:
            self._time_s += step
        return step

    def _vote(self, boxes, scores):
        tl = self._tracklets
        sure = tl.life["confirmed"] & ~tl.life["lost"]
        return vote(self._filters.boxes()[sure], boxes[scores >= self._config.low_score])

    def _keep(self, rows):
        self._tracklets.keep(rows)
        self._filters.keep(rows)


def _grown(boxes: Float64Array, share: float) -> Float64Array:
    margin = (boxes[:, 2:] - boxes[:, :2]) * share
    return np.concatenate((boxes[:, :2] - margin, boxes[:, 2:] + margin), axis=1)
