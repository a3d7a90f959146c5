"""Boxes of overlapping tiles become objects of the frame, each once.

Only boxes of different tiles meet, and only where their tiles overlap; two boxes of one tile were
told apart by suppression and stay apart. A side of a box is *cut* if it lies on its tile's border
inside the frame: the object may go on there. Three rules, in this order:

1. *Fragments fall.* A cut box that lies mostly inside a larger box which goes on across the cut
   is a part of that object. It stays if the larger box is itself cut where this one goes on.
2. *Agreement joins.* Two boxes are one object if they agree within what both tiles see, and if
   each goes beyond the other's tile only where the other is cut. A group has at most one box of
   each tile; where more agree, the best agreement goes first. If no box of a group is cut, the one
   with the highest score stays; else their union, with the score and class of the highest.
3. *What is left is suppressed* as within one tile, so that cutting a frame does not bring boxes
   that overlap more than those of an uncut one.

A pass over the whole frame is one more tile, without borders inside the frame. Nothing depends
on the order of boxes or tiles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from detector.config import RulesConfig
from detector.detections import Detections, FloatArray, IntArray
from detector.inference.grouping import group_boxes
from detector.inference.nms import resolve
from detector.inference.pairs import BoxIndex
from detector.inference.rectangles import Float64Array, Mask, areas_of, intersections

OUTWARD = np.array([-1.0, -1.0, 1.0, 1.0])
"""Makes all four sides grow outward, so that one comparison serves left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """Boxes with what they know of their tiles.

    Attributes:
        boxes: `(N, 4)`, in order of score.
        tile: `(N,)` row of `tiles`.
        tiles: `(T, 4)`.
        sides: `(N, 4)` sides, growing outward.
        borders: `(N, 4)` borders of each box's tile, growing outward.
        slack: `(N, 4)` by how much a side may be off, in pixels.
        cut: `(N, 4)`, whether the tile's border cut this side.
    """

    boxes: Float64Array
    tile: IntArray
    tiles: Float64Array
    sides: Float64Array
    borders: Float64Array
    slack: Float64Array
    cut: Mask

    @classmethod
    def of(cls, found: FloatArray, tile: IntArray, tiles: IntArray, config: RulesConfig) -> _Cut:
        """Finds the cut sides; the tiles together span the frame."""
        boxes: Float64Array = found.astype(np.float64)
        borders = tiles * OUTWARD
        inner = borders < borders.max(axis=0)
        sides = boxes * OUTWARD
        slack = np.tile(config.border_share * (boxes[:, 2:] - boxes[:, :2]), 2)
        slack += config.border_px
        cut = inner[tile] & (sides >= borders[tile] - slack)
        return cls(boxes, tile, tiles.astype(np.float64), sides, borders[tile], slack, cut)

    def goes_on(self, whole: IntArray, part: IntArray) -> Mask:
        """Whether boxes `whole` cross a border that cut boxes `part`, pair by pair."""
        crosses: Mask = self.sides[whole] > self.borders[part]
        crosses &= self.cut[part]
        return _any_side(crosses)

    def explained(self, i: IntArray, j: IntArray) -> Mask:
        """Whether each box leaves the tile of the other only where the other is cut."""
        first, second = np.concatenate([i, j]), np.concatenate([j, i])
        beyond: Mask = self.sides[first] > self.borders[second] + self.slack[first]
        beyond &= ~self.cut[second]
        unexplained = _any_side(beyond)
        return ~(unexplained[: len(i)] | unexplained[len(i) :])

    def agreement(self, i: IntArray, j: IntArray, shared: Float64Array) -> Float64Array:
        """Intersection over union within what both tiles see, pair by pair."""
        seen = intersections(self.boxes[i], self.tiles[self.tile[j]])
        seen += intersections(self.boxes[j], self.tiles[self.tile[i]])
        return shared / (seen - shared)


def merge_tiles(
    detections: Detections,
    tile_ids: IntArray,
    tiles: IntArray,
    config: RulesConfig,
    *,
    nms_iou: float,
    class_aware: bool = False,
) -> Detections:
    """The objects of a frame, best score first, from what its tiles show.

    Args:
        detections: Of all tiles, in pixels of the frame, each box inside its tile.
        tile_ids: `(N,)` row of `tiles` that each box comes from.
        tiles: `(T, 4)` `x1, y1, x2, y2`; together they cover the frame.
        config: When two boxes are one object.
        nms_iou: Largest intersection over union of two boxes of different tiles.
        class_aware: Whether only boxes of one class are one object.

    Returns:
        At most N objects; empty for none.
    """
    ranked = rank(detections)
    detections, tile_ids = detections[ranked], tile_ids[ranked]
    shared_zone = np.flatnonzero(_in_shared_zone(detections.boxes, tiles))
    if len(shared_zone) == 0:
        return detections
    cut = _Cut.of(detections.boxes[shared_zone], tile_ids[shared_zone], tiles, config)
    least = min(config.contained, config.iou, nms_iou)
    pairs = _pairs(cut, detections.class_ids[shared_zone] if class_aware else None, least)
    boxes, stays = _merge(cut, pairs, config, nms_iou)
    merged = detections.boxes.copy()
    merged[shared_zone] = boxes
    keep = np.ones(len(detections), np.bool_)
    keep[shared_zone] = stays
    return replace(detections, boxes=merged)[keep]


def rank(detections: Detections) -> IntArray:
    """Rows by falling score; rows of equal score by place, so that input order is irrelevant."""
    scores = detections.scores
    order = np.argsort(-scores)
    equal = scores[order][1:] == scores[order][:-1]
    tied = np.flatnonzero(np.append(equal, False) | np.append(False, equal))
    rows = order[tied]
    x1, y1, x2, y2 = detections.boxes[rows].T
    order[tied] = rows[np.lexsort((detections.class_ids[rows], y2, x2, y1, x1, -scores[rows]))]
    return order


def _in_shared_zone(boxes: FloatArray, tiles: IntArray) -> Mask:
    """Whether a box reaches into more tiles than its own."""
    x1, y1, x2, y2 = np.ascontiguousarray(boxes.T)
    left, top, right, bottom = tiles.astype(boxes.dtype).T[:, :, None]
    meets = (x1 < right) & (x2 > left)
    meets &= (y1 < bottom) & (y2 > top)
    shared: Mask = np.count_nonzero(meets, axis=0) > 1
    return shared


def _pairs(
    cut: _Cut, class_ids: IntArray | None, least: float
) -> tuple[IntArray, IntArray, Float64Array]:
    """Boxes of different tiles that may be one object: better rows, worse rows, shared areas.

    Of two boxes that no border cut, no rule takes notice unless they share `least` of the
    smaller one.
    """
    areas = areas_of(cut.boxes)
    is_cut = _any_side(cut.cut)
    rows = [np.zeros((2, 0), np.int64)]
    shared_areas = [np.zeros(0)]
    for chunk in BoxIndex(torch.from_numpy(cut.boxes)).pairs():
        i, j, shared = (part.numpy() for part in chunk)
        meet = shared >= least * np.minimum(areas[i], areas[j])
        meet |= is_cut[i] | is_cut[j]
        meet &= cut.tile[i] != cut.tile[j]
        if class_ids is not None:
            meet &= class_ids[i] == class_ids[j]
        chosen = np.flatnonzero(meet)
        rows.append(np.stack([i[chosen], j[chosen]]))
        shared_areas.append(shared[chosen])
    i, j = np.concatenate(rows, axis=1)
    return np.minimum(i, j), np.maximum(i, j), np.concatenate(shared_areas)


def _merge(
    cut: _Cut,
    pairs: tuple[IntArray, IntArray, Float64Array],
    config: RulesConfig,
    nms_iou: float,
) -> tuple[Float64Array, Mask]:
    """`(N, 4)` boxes after the three rules, and which of them stay."""
    i, j, shared = pairs
    stays = _drop_fragments(cut, pairs, config.contained)
    both = stays[i] & stays[j]
    i, j, shared = i[both], j[both], shared[both]
    agreement = cut.agreement(i, j, shared)
    joins = np.flatnonzero(agreement >= config.iou)
    first, second = i[joins], j[joins]
    possible = cut.explained(first, second)
    first, second, joins = first[possible], second[possible], joins[possible]
    group = group_boxes(cut.tile, first, second, agreement[joins])
    boxes = _unite(cut, group)
    stays &= group == np.arange(len(group))
    return boxes, stays & _suppressed_once(boxes, group[i], group[j], nms_iou)


def _drop_fragments(
    cut: _Cut, pairs: tuple[IntArray, IntArray, Float64Array], contained: float
) -> Mask:
    """Which boxes are no fragments of a larger one that stays (rule 1)."""
    i, j, shared = pairs
    areas = areas_of(cut.boxes)
    i_larger = areas[i] >= areas[j]
    large, small = np.where(i_larger, i, j), np.where(i_larger, j, i)
    inside = shared >= contained * areas[small]
    inside &= _any_side(cut.cut)[small]
    large, small = large[inside], small[inside]
    part = cut.goes_on(large, small) & ~cut.goes_on(small, large)
    large, small = large[part], small[part]
    stays = np.ones(len(areas), np.bool_)
    stays[small] = False
    # A fragment's fragment stays if nothing that stays holds it: the largest decide first.
    rows = np.union1d(large, small)
    rows = rows[np.argsort(-areas[rows], kind="stable")]
    place = np.empty(len(areas), np.int64)
    place[rows] = np.arange(len(rows))
    stays[rows[_resolve(len(rows), place[large], place[small])]] = True
    return stays


def _suppressed_once(boxes: Float64Array, i: IntArray, j: IntArray, nms_iou: float) -> Mask:
    """Which boxes are left after suppression among pairs of groups (rule 3)."""
    distinct = i != j
    better, worse = np.minimum(i, j)[distinct], np.maximum(i, j)[distinct]
    first, second = boxes[better], boxes[worse]
    shared = intersections(first, second)
    fall = shared > nms_iou * (areas_of(first) + areas_of(second) - shared)
    left = np.zeros(len(boxes), np.bool_)
    left[_resolve(len(boxes), better[fall], worse[fall])] = True
    return left


def _any_side(sides: Mask) -> Mask:
    """Rows of `(N, 4)` with a true entry; four times as fast as `any(axis=1)`."""
    return (sides[:, 0] | sides[:, 1]) | (sides[:, 2] | sides[:, 3])


def _unite(cut: _Cut, group: IntArray) -> Float64Array:
    """The boxes; in the best row of a group with a cut member, the union of its members."""
    is_joined = group != np.arange(len(group))
    is_joined[group[is_joined]] = True
    has_cut = np.zeros(len(group), np.bool_)
    has_cut[group[is_joined & _any_side(cut.cut)]] = True
    rows = np.flatnonzero(is_joined & has_cut[group])
    sides = cut.sides.copy()
    np.maximum.at(sides, group[rows], cut.sides[rows])
    sides *= OUTWARD
    return sides


def _resolve(count: int, winners: IntArray, losers: IntArray) -> IntArray:
    return resolve(count, torch.from_numpy(winners), torch.from_numpy(losers)).numpy()
