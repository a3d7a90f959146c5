"""Trees, palms, conifers and bushes as clouds of leaf blobs, drawn once into sprites."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.light import Light

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

SPRITE_PX = 176
ELEVATIONS_DEG = (8.0, 28.0, 52.0, 86.0)
"""View angles below the horizon that sprites are drawn for."""


@dataclass(frozen=True, slots=True, eq=False)
class Plant:
    """A plant's leaves: blobs in units of the crown's radius around the crown's middle.

    Attributes:
        blobs: `(N, 3)` centres, x right, y away, z up.
        sizes: `(N,)` radii.
        colours: `(N, 3)` RGB without light.
        twig: Blobs are drawn as strokes from the middle (palm leaves, bare branches).
        height: The crown's middle above the ground, in crown radii.
        trunk: Trunk's RGB.
    """

    blobs: F64
    sizes: F64
    colours: F64
    twig: bool
    height: float
    trunk: tuple[int, int, int]


def _round(rng: np.random.Generator, green: F64) -> Plant:
    count = 330
    lobes = rng.normal(size=(9, 3)) * 0.42
    centre = lobes[rng.integers(0, 9, count)]
    way = rng.normal(size=(count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    blobs = centre + way * rng.uniform(0.25, 0.55, (count, 1))
    blobs *= np.minimum(1, 0.95 / np.maximum(np.linalg.norm(blobs, axis=1, keepdims=True), 0.1))
    blobs[:, 2] *= 0.85
    colours = green * rng.uniform(0.75, 1.25, (count, 1))
    return Plant(blobs, rng.uniform(0.06, 0.13, count), colours, False, 1.3, (82, 70, 58))


def _conifer(rng: np.random.Generator, green: F64) -> Plant:
    count = 360
    z = 1 - 2 * rng.uniform(0, 1, count) ** 0.6
    layer = 0.72 + 0.28 * ((z * 6) % 1)
    radius = (1 - z) * 0.36 * layer
    angle = rng.uniform(0, 2 * np.pi, count)
    blobs = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), z * 1.25])
    colours = green * np.array([0.7, 0.78, 0.85]) * rng.uniform(0.7, 1.25, (count, 1))
    return Plant(blobs, rng.uniform(0.045, 0.09, count), colours, False, 1.35, (70, 58, 46))


def _palm(rng: np.random.Generator, green: F64) -> Plant:
    count = 46
    angle = rng.uniform(0, 2 * np.pi, count)
    rise = rng.uniform(-0.75, 0.95, count)
    flat = np.sqrt(np.maximum(1 - rise**2, 0.05))
    blobs = np.column_stack([flat * np.cos(angle), flat * np.sin(angle), rise * 0.75 - 0.1])
    dry = np.where(rise[:, None] < -0.3, np.array([150.0, 128, 84]), green * [1.1, 1.02, 0.75])
    return Plant(blobs, np.full(count, 0.06), dry * rng.uniform(0.75, 1.2, (count, 1)), True,
                 3.0, (122, 100, 76))


def _bare(rng: np.random.Generator, green: F64) -> Plant:
    count = 190
    way = rng.normal(size=(count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    way[:, 2] = np.abs(way[:, 2]) * 1.2 - 0.25
    blobs = way * rng.uniform(0.6, 1.0, (count, 1))
    tint = np.array([138.0, 124, 112]) * rng.uniform(0.8, 1.2)
    return Plant(blobs, np.full(count, 0.012), tint * rng.uniform(0.7, 1.3, (count, 1)) + green * 0,
                 True, 1.2, (96, 84, 74))


def _bush(rng: np.random.Generator, green: F64) -> Plant:
    plant = _round(rng, green)
    return Plant(plant.blobs * [1, 1, 0.7], plant.sizes, plant.colours, False, 0.55, (70, 60, 50))


MAKERS = {"round": _round, "conifer": _conifer, "palm": _palm, "bare": _bare, "bush": _bush}


def draw_plant(rng: np.random.Generator, kind: str, season: str) -> Plant:
    """A plant of `kind` with the season's leaf colour."""
    summer = np.array([58.0, 82, 38]) * rng.uniform(0.75, 1.3) + rng.uniform(-10, 14, 3)
    autumn = np.array([150.0, 102, 42]) * rng.uniform(0.6, 1.15) + rng.uniform(-18, 18, 3)
    dry = np.array([98.0, 98, 60]) * rng.uniform(0.8, 1.2)
    green = {"autumn": autumn, "dry": dry}.get(season, summer)
    if kind in {"conifer", "palm"}:
        green = summer
    return MAKERS[kind](rng, np.clip(green, 20, 190))


def sprite(plant: Plant, elevation_deg: float, light: Light) -> U8:
    """The crown as seen from a drone, `(SPRITE_PX, SPRITE_PX, 4)` RGBA; up is the crown's up.

    The canvas spans 1.45 crown radii either side of the crown's middle.
    """
    angle = np.deg2rad(elevation_deg)
    right, away, up = plant.blobs.T
    v = -(up * np.cos(angle) + away * np.sin(angle))
    near = up * np.sin(angle) - away * np.cos(angle)
    normals = plant.blobs / np.maximum(np.linalg.norm(plant.blobs, axis=1, keepdims=True), 0.05)
    inner = 0.55 + 0.45 * np.clip(np.linalg.norm(plant.blobs, axis=1), 0, 1)
    colours = plant.colours * light.shade(normals, np.ones(len(normals))) * 1.15 * inner[:, None]
    unit = SPRITE_PX / 2 / 1.45
    image = np.zeros((SPRITE_PX, SPRITE_PX, 4), np.uint8)
    at = np.column_stack([right, v]) * unit + SPRITE_PX / 2
    fixed = np.round(at * 16).astype(int)
    heart = SPRITE_PX * 8
    for i in np.argsort(near):
        colour = (*np.clip(colours[i], 0, 255).tolist(), 255.0)
        if plant.twig:
            _stroke(image, (heart, heart), fixed[i], plant.sizes[i] * unit, colour)
        else:
            cv2.circle(image, fixed[i].tolist(), int(plant.sizes[i] * unit * 16), colour, -1,
                       cv2.LINE_8, 4)
    return image


def _stroke(image: U8, heart: tuple[int, int], tip: NDArray[np.int64], width: float,
            colour: tuple[float, ...]) -> None:
    """A leaf or branch that bends down towards its tip."""
    bend = np.array([0, 0.10 * np.hypot(*(tip - heart))])
    share = np.linspace(0, 1, 6)[:, None]
    line = np.array(heart) * (1 - share) + tip * share - bend * np.sin(np.pi * share) * 1.4
    cv2.polylines(image, [np.round(line).astype(np.int32)], False, colour,
                  max(1, round(width)), cv2.LINE_8, 4)


def shade_blobs(plant: Plant, light: Light) -> tuple[F64, F64]:
    """Where a plant's blobs shade the ground, `(N, 2)` and radii `(N,)`, in crown radii."""
    step = 3 if len(plant.blobs) > 100 else 1
    blobs = plant.blobs[::step]
    slope = light.sun[:2] / max(light.sun[2], 0.2)
    height = blobs[:, 2] + plant.height
    return blobs[:, :2] - slope * height[:, None], np.maximum(plant.sizes[::step] * 1.5, 0.05)
