"""Roads: their surfaces, markings and lanes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.shapes import Cover, Shape

F64 = NDArray[np.float64]

WHITE = (228, 228, 224)
YELLOW = (222, 178, 64)


@dataclass(frozen=True, slots=True, eq=False)
class Road:
    """A road along a centre line, with right-hand traffic.

    Attributes:
        line: `(N, 2)` points in metres.
        lanes: Lanes in each direction (the first along the line).
        lane_m: Width of a lane.
        median_m: Width between the directions; 0 is a painted line.
        shoulder_m: Paved strip beyond the lanes (parking, hard shoulder).
        pavement_m: Footway beyond the kerb.
        asphalt, pavement, median: Surfaces.
        edge: Colour of the edge line, `None` without.
    """

    line: F64
    lanes: tuple[int, int]
    lane_m: float
    median_m: float
    shoulder_m: float
    pavement_m: float
    asphalt: Cover
    pavement: Cover
    median: Cover
    edge: tuple[int, int, int] | None

    @property
    def half_m(self) -> float:
        """From the centre line to the wider kerb."""
        return self.median_m / 2 + max(self.lanes) * self.lane_m + self.shoulder_m

    def lane(self, index: int, *, forward: bool) -> F64:
        """The middle of a lane in driving direction; 0 is next to the median."""
        out = self.median_m / 2 + (index + 0.5) * self.lane_m
        return offset(self.line, -out) if forward else offset(self.line, out)[::-1]


def offset(line: F64, left_m: float) -> F64:
    """A polyline moved to its left."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    return np.asarray(line + left_m * np.column_stack([-along[:, 1], along[:, 0]]), np.float64)


def strip(line: F64, left_m: float, right_m: float) -> F64:
    """The polygon between two offsets of a polyline."""
    return np.concatenate([offset(line, left_m), offset(line, right_m)[::-1]])


def resample(line: F64, step_m: float) -> F64:
    """A polyline with points about every `step_m`."""
    gone = arc_length(line)
    count = max(2, int(np.ceil(gone[-1] / step_m)) + 1)
    at = np.linspace(0, gone[-1], count)
    return np.column_stack([np.interp(at, gone, line[:, k]) for k in (0, 1)])


def arc_length(line: F64) -> F64:
    """Length up to each point."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def cut(line: F64, start_m: float, end_m: float) -> F64:
    """The part of a polyline between two arc lengths."""
    gone = arc_length(line)
    inside = (gone > start_m) & (gone < end_m)
    at = np.concatenate([[start_m], gone[inside], [end_m]])
    return np.column_stack([np.interp(at, gone, line[:, k]) for k in (0, 1)])


def surfaces(road: Road) -> tuple[list[Shape], list[Shape]]:
    """A road's footways and kerbs, and its asphalt and median: paint the former of all first."""
    half = road.half_m
    kerb = Cover((186, 182, 174), (160, 157, 150), (20, 20, 30))
    below = []
    if road.pavement_m > 0:
        wide = half + road.pavement_m
        below.append(Shape("cover", strip(road.line, wide, -wide), road.pavement))
    below.append(Shape("cover", strip(road.line, half + 0.3, -half - 0.3), kerb))
    above = [Shape("cover", strip(road.line, half, -half), road.asphalt)]
    if road.median_m > 0.5:
        m = road.median_m / 2
        above.append(Shape("cover", strip(road.line, m, -m), kerb))
        above.append(Shape("cover", strip(road.line, m - 0.25, -m + 0.25), road.median))
    return below, above


def wear(road: Road, rng: np.random.Generator) -> list[Shape]:
    """Wheel tracks, patches, cracks, covers and stains."""
    shapes = []
    track = int(rng.integers(112, 134))
    for forward in (True, False):
        for index in range(road.lanes[0 if forward else 1]):
            lane = road.lane(index, forward=forward)
            shapes += [Shape("tone", offset(lane, side), track, 0.6) for side in (-0.8, 0.8)]
            shapes.append(Shape("tone", lane, int(rng.integers(110, 130)), 0.7))
    length = float(arc_length(road.line)[-1])
    patches, cracks = (rng.integers(2, (14, 30)) * length / 300).astype(int)
    shapes += [_patch(road, rng, length) for _ in range(patches)]
    shapes += [_crack(road, rng, length) for _ in range(cracks)]
    for _ in range(int(rng.integers(2, 12) * length / 300)):
        spot = (
            cut(road.line, *_span(rng, length, 1.0)).mean(axis=0)
            + rng.uniform(-1, 1, 2) * road.half_m * 0.8
        )
        shapes.append(Shape("crack", disc(spot, 0.36), int(rng.integers(60, 105))))
    return shapes


def disc(centre: F64, radius: float) -> F64:
    """A circle as a polygon."""
    angle = np.linspace(0, 2 * np.pi, 25)[:-1]
    return np.asarray(centre + radius * np.column_stack([np.cos(angle), np.sin(angle)]), np.float64)


def _span(rng: np.random.Generator, length: float, size: float) -> tuple[float, float]:
    start = float(rng.uniform(0.2, 0.8) * length)
    return start, start + size


def _patch(road: Road, rng: np.random.Generator, length: float) -> Shape:
    start = float(rng.uniform(0, 1) * length)
    part = cut(road.line, start, min(start + float(rng.uniform(1.5, 25)), length))
    side = float(rng.uniform(-1, 1)) * (road.half_m - 1)
    tone = int(rng.choice([rng.integers(96, 116), rng.integers(140, 152)]))
    return Shape("crack", strip(part, side + 0.9 * rng.uniform(0.4, 2), side - 0.9), tone)


def _crack(road: Road, rng: np.random.Generator, length: float) -> Shape:
    start = float(rng.uniform(0, 1) * length)
    along = cut(road.line, start, min(start + 30, length))
    across = rng.uniform() < 0.4
    heading = along[-1] - along[0]
    heading /= max(float(np.hypot(*heading)), 1e-6)
    if across:
        heading = np.array([-heading[1], heading[0]])
    steps = heading * 0.7 + rng.normal(0, 0.22, (int(rng.integers(6, 40)), 2))
    side = rng.uniform(-1, 1, 2) * road.half_m * 0.9
    width = float(rng.choice([0.05, 0.05, 0.12, 0.3]))
    return Shape(
        "crack", along[0] + side + np.cumsum(steps, axis=0), int(rng.integers(70, 108)), width
    )


def markings(road: Road, keep: list[tuple[float, float]]) -> list[Shape]:
    """Edge, lane and centre lines on the stretches `keep`, in arc length."""
    shapes: list[Shape] = []
    for start, end in keep:
        if end - start < 3:
            continue
        part = resample(cut(road.line, start, end), 4.0)
        inner = road.median_m / 2
        for sign, lanes in ((-1, road.lanes[0]), (1, road.lanes[1])):
            for k in range(1, lanes):
                shapes += _dashes(part, sign * (inner + k * road.lane_m), 3.0, 6.0)
            if road.edge:
                out = inner + lanes * road.lane_m - 0.1
                shapes.append(Shape("line", offset(part, sign * out), road.edge, 0.15))
                if road.median_m > 0.5:
                    shapes.append(
                        Shape("line", offset(part, sign * (inner + 0.25)), road.edge, 0.15)
                    )
        if road.median_m <= 0.5 and min(road.lanes) > 0:
            shapes += _centre(part, road)
    return shapes


def _centre(part: F64, road: Road) -> list[Shape]:
    colour = YELLOW if road.edge == YELLOW else WHITE
    if sum(road.lanes) > 2:
        return [Shape("line", offset(part, d), colour, 0.14) for d in (-0.16, 0.16)]
    return _dashes(part, 0.0, 3.0, 5.0, colour)


def _dashes(
    line: F64, left_m: float, on_m: float, off_m: float, colour: tuple[int, int, int] = WHITE
) -> list[Shape]:
    path = offset(line, left_m)
    length = float(arc_length(path)[-1])
    starts = np.arange(0.5, length - on_m, on_m + off_m)
    return [Shape("line", cut(path, s, s + on_m), colour, 0.14) for s in starts]


def crossing(at: F64, along: F64, half_m: float) -> list[Shape]:
    """Zebra stripes over a road at `at`; `along` is the road's unit direction."""
    side = np.array([-along[1], along[0]])
    stripes = []
    for y in np.arange(-half_m + 0.5, half_m - 0.3, 1.0):
        corner = at + side * y
        stripes.append(
            Shape(
                "line",
                np.array(
                    [
                        corner,
                        corner + along * 3.2,
                        corner + along * 3.2 + side * 0.5,
                        corner + side * 0.5,
                    ]
                ),
                WHITE,
            )
        )
    return stripes


ARROWS = {
    "ahead": [
        (0, -0.08),
        (2.6, -0.08),
        (2.6, -0.35),
        (4.2, 0),
        (2.6, 0.35),
        (2.6, 0.08),
        (0, 0.08),
    ],
    "right": [
        (0, -0.08),
        (1.9, -0.08),
        (1.9, -0.5),
        (1.5, -0.5),
        (2.3, -1.15),
        (3.1, -0.5),
        (2.7, -0.5),
        (2.7, 0.08),
        (0, 0.08),
    ],
}


def arrow(at: F64, along: F64, kind: str) -> Shape:
    """A lane arrow with its foot at `at`."""
    side = np.array([-along[1], along[0]])
    mirrored = -1.0 if kind == "left" else 1.0
    outline = np.array(ARROWS["ahead" if kind == "ahead" else "right"]) * [1, mirrored]
    return Shape("line", at + outline[:, :1] * along + outline[:, 1:] * side, WHITE)
