"""Paints one ground texture: covers with their noise, wear, markings and shadows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.shapes import Cover, Shape

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

SHIFT = 4


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


def _noise(tile: int, cell_m: float, level: LevelFrame, turn: float) -> U8:
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
class LevelFrame:
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


class Canvas:
    """Buffers of one level while it is painted."""

    def __init__(self, frame: LevelFrame, base: Cover) -> None:
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
                    image,
                    [points],
                    isClosed=False,
                    color=value,
                    thickness=max(1, round(thick)),
                    lineType=cv2.LINE_AA,
                    shift=SHIFT,
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
        noises = (
            _noise(0, 12.0, frame, turn),
            _noise(1, 2.0, frame, turn + 0.7),
            _noise(2, max(0.05, frame.texel_m), frame, turn + 0.2),
        )
        colour = self._mixed(noises)
        factor = _merged(self._relief(noises))
        lit = cv2.multiply(self._marked(colour, noises[1]), factor, dtype=cv2.CV_8U)
        sigma = softness_m / frame.texel_m
        shadow = cv2.GaussianBlur(self.shadow, (0, 0), sigma) if sigma > 0.3 else self.shadow
        return Level(frame.origin, frame.texel_m, np.dstack([lit, shadow]).astype(np.uint8))

    def _mixed(self, noises: tuple[U8, U8, U8]) -> U8:
        """Each cover's two colours in patches."""
        mixed = cv2.addWeighted(noises[0], 0.65, noises[1], 0.35, 0)
        share = np.clip((np.arange(256) - 108) * 6.4, 0, 255).astype(np.float32) / 255
        weight = np.asarray(cv2.LUT(mixed, share), np.float32)
        return np.asarray(cv2.blendLinear(self.colour, self.patch, 1 - weight, weight), np.uint8)

    def _relief(self, noises: tuple[U8, U8, U8]) -> F32:
        """What roughness, wear and cracks make of the brightness; 1 leaves it."""
        factor: F32 = np.ones(self.tone.shape, np.float32)
        for channel, (noise, strength) in enumerate(zip(noises, (0.45, 0.5, 0.55), strict=True)):
            amount = cv2.extractChannel(self.rough, channel)
            signed = noise.astype(np.int16) - 128
            scale = strength / (42.0 * 255.0)
            ripple = cv2.multiply(signed, amount.astype(np.int16), scale=scale, dtype=cv2.CV_32F)
            factor = np.asarray(cv2.add(factor, ripple), np.float32)
        blur = 0.35 / self.frame.texel_m
        tone = cv2.GaussianBlur(self.tone, (0, 0), blur) if blur > 0.5 else self.tone
        for layer in (tone, self.crack):
            factor = np.asarray(
                cv2.multiply(factor, layer, scale=1 / 128, dtype=cv2.CV_32F), np.float32
            )
        return factor

    def _marked(self, colour: U8, noise: U8) -> U8:
        """The colours with worn markings on them."""
        wear = np.clip((np.arange(256) - 40) * 3.0, 90, 235).astype(np.float32) / 255
        alpha = np.asarray(
            cv2.multiply(
                cv2.extractChannel(self.line, 3), cv2.LUT(noise, wear), scale=1 / 255,
                dtype=cv2.CV_32F,
            ),
            np.float32,
        )  # fmt: skip
        painted = cv2.cvtColor(self.line, cv2.COLOR_BGRA2BGR)
        return np.asarray(cv2.blendLinear(painted, colour, alpha, 1 - alpha), np.uint8)


def _merged(grey: F32) -> F32:
    return np.asarray(cv2.merge([grey, grey, grey]), np.float32)
