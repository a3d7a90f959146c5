"""The painted ground of a scene: world shapes drawn into textures that frames are warped from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.camera import Camera

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

SHIFT = 4
REACH_M = 1600.0
"""Nothing farther is painted; beyond it lies haze."""
LEVEL_STEP = 1.8
"""Ratio of texel sizes between two levels."""


@dataclass(frozen=True, slots=True)
class Cover:
    """A ground material: two colours that mix in patches, and how rough it looks.

    `rough` holds the contrast (0..255) at about 12 m, 2 m and 0.3 m.
    """

    colour: tuple[int, int, int]
    patch: tuple[int, int, int]
    rough: tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Something flat: a polygon, or a line of `width_m` above 0, painted in list order.

    `points` are `(N, 2)`, or `(K, N, 2)` for polygons of one kind.

    Layers: `cover` takes a `Cover`; `tone` a grey level that darkens below 128; `crack` the same
    but never blurred; `line` a marking colour; `shadow` 0..255 of shadow.
    """

    layer: Literal["cover", "tone", "crack", "line", "shadow"]
    points: F64
    value: Cover | tuple[int, int, int] | int
    width_m: float = 0.0


@lru_cache(maxsize=1)
def _noise_tiles() -> tuple[U8, ...]:
    """Tileable noises of 256 px: smooth with cells of 32 px, 8 px and white."""
    rng = np.random.default_rng(7)
    tiles = []
    for cell in (32, 8, 1):
        white = rng.normal(size=(256, 256)).astype(np.float32)
        if cell > 1:
            wide = np.tile(white, (2, 2))
            smooth = sum(
                cv2.GaussianBlur(wide, (0, 0), cell * s)[128:384, 128:384] * (cell * s) * w
                for s, w in ((0.4, 1.0), (0.2, 0.6), (0.1, 0.35))
            )
            white = np.asarray(smooth, np.float32)
        white = (white - white.mean()) / white.std()
        tiles.append(np.clip(128 + 42 * white, 0, 255).astype(np.uint8))
    return tuple(tiles)


def _noise(tile: int, cell_m: float, level: _Frame, turn: float) -> U8:
    """World-anchored noise over a level, with cells of about `cell_m`."""
    scale = level.texel_m / cell_m * (32, 8, 1)[tile]
    c, s = np.cos(turn) * scale, np.sin(turn) * scale
    x0, y0 = level.origin / level.texel_m
    matrix = np.array([[c, s, c * x0 + s * y0 + 7919.0], [-s, c, -s * x0 + c * y0 + 6151.0]])
    matrix[:, 2] %= 256.0
    width, height = level.size
    out = cv2.warpAffine(
        _noise_tiles()[tile],
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_WRAP,
    )
    return np.asarray(out, np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """Where a level lies: its south-west corner, texel and size in texels."""

    origin: F64
    texel_m: float
    size: tuple[int, int]

    def pixels(self, points: F64) -> NDArray[np.int32]:
        """Fixed-point texel positions of world points."""
        texels = (points - self.origin) / self.texel_m - 0.5
        return np.round(texels * (1 << SHIFT)).astype(np.int32)

    def sees(self, low: F64, high: F64) -> NDArray[np.bool_]:
        """Which of the extents `(N, 2)` meet the level."""
        far = self.origin + np.array(self.size) * self.texel_m
        return np.asarray(((high > self.origin) & (low < far)).all(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One painted texture `(h, w, 4)`: RGB without shadow, and shadow 0..255."""

    origin: F64
    texel_m: float
    texture: U8

    def to_world(self) -> F64:
        """`(3, 3)`, takes texel centres to ground points."""
        half = self.texel_m / 2
        return np.array(
            [
                [self.texel_m, 0, self.origin[0] + half],
                [0, self.texel_m, self.origin[1] + half],
                [0, 0, 1],
            ]
        )


class _Canvas:
    """Buffers of one level while it is painted."""

    def __init__(self, frame: _Frame, base: Cover) -> None:
        width, height = frame.size
        self.frame = frame
        self.colour = np.full((height, width, 3), base.colour, np.uint8)
        self.patch = np.full((height, width, 3), base.patch, np.uint8)
        self.rough = np.full((height, width, 3), base.rough, np.uint8)
        self.tone = np.full((height, width), 128, np.uint8)
        self.crack = np.full((height, width), 128, np.uint8)
        self.line = np.full((height, width, 4), (230, 230, 226, 0), np.uint8)
        self.shadow = np.zeros((height, width), np.uint8)

    def draw(self, shape: Shape) -> None:
        """Paint one shape."""
        points = self.frame.pixels(shape.points)
        for image, value in self._targets(shape):
            if shape.width_m > 0:
                thick = shape.width_m / self.frame.texel_m
                if thick < 0.4 and shape.layer != "line":
                    continue
                cv2.polylines(
                    image, [points], False, value, max(1, round(thick)), cv2.LINE_AA, SHIFT
                )
            else:
                many = list(points) if points.ndim == 3 else [points]
                cv2.fillPoly(image, many, value, cv2.LINE_AA, SHIFT)

    def _targets(self, shape: Shape) -> list[tuple[U8, tuple[int, ...]]]:
        value = shape.value
        if isinstance(value, Cover):
            return [
                (self.colour, value.colour),
                (self.patch, value.patch),
                (self.rough, value.rough),
            ]
        if isinstance(value, tuple):
            thin = min(1.0, max(shape.width_m, 0.1) / self.frame.texel_m)
            return [(self.line, (*value, int(255 * thin)))]
        return [(getattr(self, shape.layer), (value,))]

    def finish(self, turn: float, softness_m: float) -> Level:
        """The level's texture from the buffers."""
        frame = self.frame
        coarse = _noise(0, 12.0, frame, turn)
        middle = _noise(1, 2.0, frame, turn + 0.7)
        grain = _noise(2, max(0.10, frame.texel_m), frame, turn + 0.2)
        mixed = cv2.addWeighted(coarse, 0.65, middle, 0.35, 0)
        share = np.clip((np.arange(256) - 108) * 6.4, 0, 255).astype(np.float32) / 255
        weight = np.asarray(cv2.LUT(mixed, share), np.float32)
        colour = cv2.blendLinear(self.colour, self.patch, 1 - weight, weight)
        blur = 0.35 / frame.texel_m
        tone = cv2.GaussianBlur(self.tone, (0, 0), blur) if blur > 0.5 else self.tone
        factor = np.full(tone.shape, 1.0, np.float32)
        for noise, channel, strength in ((coarse, 0, 0.45), (middle, 1, 0.5), (grain, 2, 0.55)):
            amount = cv2.extractChannel(self.rough, channel)
            ripple = cv2.multiply(
                cv2.subtract(noise, 128, dtype=cv2.CV_16S),
                amount,
                scale=strength / (42.0 * 255.0),
                dtype=cv2.CV_32F,
            )
            factor = cv2.add(factor, ripple)
        factor = cv2.multiply(factor, tone, scale=1 / 128, dtype=cv2.CV_32F)
        factor = cv2.multiply(factor, self.crack, scale=1 / 128, dtype=cv2.CV_32F)
        wear = np.clip((np.arange(256) - 40) * 3.0, 90, 235).astype(np.float32) / 255
        alpha = cv2.multiply(
            cv2.extractChannel(self.line, 3), cv2.LUT(middle, wear), scale=1 / 255, dtype=cv2.CV_32F
        )
        painted = cv2.cvtColor(self.line, cv2.COLOR_BGRA2BGR)
        colour = cv2.blendLinear(painted, colour, alpha, 1 - alpha)
        lit = cv2.multiply(colour, cv2.merge([factor] * 3), dtype=cv2.CV_8U)
        sigma = softness_m / frame.texel_m
        shadow = cv2.GaussianBlur(self.shadow, (0, 0), sigma) if sigma > 0.3 else self.shadow
        return Level(frame.origin, frame.texel_m, np.dstack([lit, shadow]))


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The levels, finest first, and the finest ground resolution that each serves."""

    levels: tuple[Level, ...]

    def warp(self, camera: Camera) -> U8:
        """The ground in a camera's frame, `(H, W, 4)`; without light, sky or haze."""
        width, height = camera.image_wh
        rows = row_texel(camera)
        sizes = np.array([level.texel_m for level in self.levels])
        chosen = np.clip(np.searchsorted(sizes, rows * 1.05, side="right") - 1, 0, len(sizes) - 1)
        out = np.zeros((height, width, 4), np.uint8)
        to_pixels = camera.ground_homography()
        cuts = np.flatnonzero(np.diff(chosen)) + 1
        for first, last in zip([0, *cuts], [*cuts, height], strict=True):
            level = self.levels[chosen[first]]
            shift = np.array([[1, 0, -0.5], [0, 1, -0.5 - float(first)], [0, 0, 1]])
            matrix = shift @ to_pixels @ level.to_world()
            out[first:last] = cv2.warpPerspective(
                level.texture,
                matrix,
                (width, int(last - first)),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT,
            )
        return out


def row_texel(camera: Camera) -> F64:
    """`(H,)` ground metres per pixel at each row's middle, stretched where the view is flat."""
    width, height = camera.image_wh
    rows = np.arange(height) + 0.5
    pixels = np.column_stack([np.full(height, width / 2), rows])
    rays = camera.rays(pixels)
    sine = np.maximum(-rays[:, 2] / np.linalg.norm(rays, axis=1), 1e-3)
    depth = camera.position[2] / np.maximum(-rays[:, 2], 1e-9)
    depth = np.where(rays[:, 2] < 0, np.minimum(depth, REACH_M), REACH_M)
    return np.asarray(depth / camera.focal_px / sine**0.5, np.float64)


def plan_levels(cameras: Sequence[Camera], budget_px: int) -> list[_Frame]:
    """Where the levels lie so that every camera sees ground at its own resolution."""
    points, texels = [], []
    for camera in cameras:
        width, height = camera.image_wh
        rows = row_texel(camera)
        y = np.linspace(0.5, height - 0.5, 25)
        x = np.linspace(-8, width + 8, 3)
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        points.append(camera.ground_points(grid, REACH_M))
        texels.append(np.repeat(rows[np.clip(y.astype(int), 0, height - 1)], 3))
    where, size = np.concatenate(points), np.concatenate(texels)
    finest = float(size.min()) * 0.95
    frames = _frames(where, size, finest)
    total = sum(frame.size[0] * frame.size[1] for frame in frames)
    if total > budget_px:
        frames = _frames(where, size, finest * (total / budget_px) ** 0.5)
    return frames


def _frames(where: F64, size: F64, finest: float) -> list[_Frame]:
    frames = []
    count = int(np.ceil(np.log(max(float(size.max()) / finest, 1.01)) / np.log(LEVEL_STEP)))
    for k in range(max(count, 1)):
        texel = finest * LEVEL_STEP**k
        near = size <= texel * LEVEL_STEP * 1.3 if k + 1 < count else np.full(len(size), True)
        served = near & ((size >= texel * 0.8) if k else True)
        if not served.any():
            continue
        low = where[served].min(axis=0) - 6 * texel
        high = where[served].max(axis=0) + 6 * texel
        wide = np.maximum(np.ceil((high - low) / texel).astype(int), 8)
        shrink = max(1.0, float(wide.max()) / 6000.0)
        frames.append(_Frame(low, texel * shrink, (int(wide[0] / shrink), int(wide[1] / shrink))))
    return frames


def paint(
    frames: Sequence[_Frame],
    base: Cover,
    shapes: Sequence[Shape],
    *,
    turn: float,
    softness_m: float,
) -> Ground:
    """The ground of a scene.

    Args:
        frames: The levels' places, finest first.
        base: Cover where no shape lies.
        shapes: Painted in order.
        turn: Rotation of the noise, radians.
        softness_m: Blur of shadow edges.
    """
    levels = []
    low, high = _extents(shapes)
    for frame in frames:
        canvas = _Canvas(frame, base)
        for k in np.flatnonzero(frame.sees(low, high)):
            canvas.draw(shapes[k])
        levels.append(canvas.finish(turn, softness_m))
    return Ground(tuple(sorted(levels, key=lambda level: level.texel_m)))


def _extents(shapes: Sequence[Shape]) -> tuple[F64, F64]:
    """Lowest and highest x and y `(N, 2)` of each shape with its width."""
    if not shapes:
        return np.zeros((0, 2)), np.zeros((0, 2))
    flat = [shape.points.reshape(-1, 2) for shape in shapes]
    first = np.cumsum([0] + [len(points) for points in flat[:-1]])
    every = np.concatenate(flat)
    margin = np.array([[shape.width_m] for shape in shapes])
    return (
        np.asarray(np.minimum.reduceat(every, first, axis=0) - margin, np.float64),
        np.asarray(np.maximum.reduceat(every, first, axis=0) + margin, np.float64),
    )
