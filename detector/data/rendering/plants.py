"""Trees, palms, conifers and bushes as clouds of leaf blobs, drawn once into sprites."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.light import Light

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

SPRITE_PX = 240
ELEVATIONS_DEG = (8.0, 28.0, 52.0, 86.0)
"""View angles below the horizon that sprites are drawn for."""


@dataclass(frozen=True, slots=True, eq=False)
class Plant:
    """A plant's leaves: blobs in units of the crown's radius around the crown's middle.

    Attributes:
        blobs: `(N, 3)` centres, x right, y away, z up.
        sizes: `(N,)` radii.
        colours: `(N, 3)` RGB without light.
        height: The crown's middle above the ground, in crown radii.
        trunk: Trunk's RGB.
        twig: Blobs are drawn as strokes from the middle (palm leaves, bare branches).
    """

    blobs: F64
    sizes: F64
    colours: F64
    height: float
    trunk: tuple[int, int, int]
    twig: bool = False


def _round(rng: np.random.Generator, green: F64) -> Plant:
    count = 1000
    lobes = rng.normal(size=(9, 3)) * 0.42
    centre = lobes[rng.integers(0, 9, count)]
    way = rng.normal(size=(count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    blobs = centre + way * rng.uniform(0.25, 0.55, (count, 1))
    blobs *= np.minimum(1, 0.95 / np.maximum(np.linalg.norm(blobs, axis=1, keepdims=True), 0.1))
    blobs[:, 2] *= 0.85
    colours = green * rng.uniform(0.75, 1.25, (count, 1))
    return Plant(blobs, rng.uniform(0.03, 0.075, count), colours, 1.3, (82, 70, 58))


def _conifer(rng: np.random.Generator, green: F64) -> Plant:
    count = 900
    z = 1 - 2 * np.sqrt(rng.uniform(0, 1, count))
    angle = rng.uniform(0, 2 * np.pi, count)
    boughs = 0.82 + 0.18 * np.sin(angle * 7 + z * 19 + rng.uniform(0, 6.3))
    radius = (1 - z) * 0.34 * boughs * rng.uniform(0.55, 1.05, count)
    blobs = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), z * 1.25])
    colours = green * np.array([0.7, 0.78, 0.85]) * rng.uniform(0.6, 1.3, (count, 1))
    return Plant(blobs, rng.uniform(0.035, 0.075, count), colours, 1.35, (70, 58, 46))


def _palm(rng: np.random.Generator, green: F64) -> Plant:
    count = 70
    angle = rng.uniform(0, 2 * np.pi, count)
    rise = rng.uniform(-0.75, 0.95, count)
    flat = np.sqrt(np.maximum(1 - rise**2, 0.05))
    blobs = np.column_stack([flat * np.cos(angle), flat * np.sin(angle), rise * 0.75 - 0.1])
    dry = np.where(rise[:, None] < -0.3, np.array([150.0, 128, 84]), green * [1.1, 1.02, 0.75])
    return Plant(
        blobs,
        np.full(count, 0.06),
        dry * rng.uniform(0.75, 1.2, (count, 1)),
        3.0,
        (122, 100, 76),
        twig=True,
    )


def _bare(rng: np.random.Generator, _green: F64) -> Plant:
    count = 190
    way = rng.normal(size=(count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    way[:, 2] = np.abs(way[:, 2]) * 1.2 - 0.25
    blobs = way * rng.uniform(0.6, 1.0, (count, 1))
    tint = np.array([138.0, 124, 112]) * rng.uniform(0.8, 1.2)
    return Plant(
        blobs,
        np.full(count, 0.012),
        tint * rng.uniform(0.7, 1.3, (count, 1)),
        1.2,
        (96, 84, 74),
        twig=True,
    )


def _bush(rng: np.random.Generator, green: F64) -> Plant:
    plant = _round(rng, green)
    return Plant(plant.blobs * [1, 1, 0.7], plant.sizes, plant.colours, 0.55, (70, 60, 50))


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
    order = np.argsort(near)
    paints = np.column_stack([np.clip(colours, 0, 255), np.full(len(colours), 255.0)])[
        order
    ].tolist()
    if plant.twig:
        for tip, width, paint in zip(fixed[order], plant.sizes[order] * unit, paints, strict=True):
            _stroke(image, (heart, heart), tip, float(width), paint)
        return image
    reach = (plant.sizes[order] * unit * 16).astype(int).tolist()
    for spot, radius, paint in zip(fixed[order].tolist(), reach, paints, strict=True):
        cv2.circle(image, spot, radius, paint, -1, cv2.LINE_8, 4)
    return image


def _stroke(
    image: U8, heart: tuple[int, int], tip: NDArray[np.int64], width: float, colour: list[float]
) -> None:
    """A branch, or where `width` is over 3 px a palm leaf with leaflets, bent to its tip."""
    way = tip - np.array(heart)
    bend = np.array([0, 0.14 * np.hypot(*way)])
    share = np.linspace(0, 1, 12)[:, None]
    line = np.array(heart) + way * share - bend * np.sin(np.pi * share)
    fixed = np.round(line).astype(np.int32)
    if width < 3:
        cv2.polylines(
            image, [fixed], isClosed=False, color=colour, thickness=max(1, round(width)), shift=4
        )
        return
    side = np.array([-way[1], way[0]]) / max(float(np.hypot(*way)), 1.0)
    ahead = way / max(float(np.hypot(*way)), 1.0)
    reach = 16 * width * 1.7 * np.sin(np.pi * np.clip(share[1:] * 0.9 + 0.08, 0, 1))
    leaflets = [
        np.stack([line[1:], line[1:] + reach * (ahead * 0.9 + s * side)], axis=1)
        for s in (-0.8, 0.8)
    ]
    strokes = np.round(np.concatenate(leaflets)).astype(np.int32)
    cv2.polylines(image, list(strokes), isClosed=False, color=colour, thickness=1, shift=4)
    cv2.polylines(image, [fixed], isClosed=False, color=colour, thickness=1, shift=4)


def shade_blobs(plant: Plant, light: Light) -> F64:
    """Octagons `(N, 8, 2)` that a plant's blobs shade on the ground, in crown radii."""
    step = max(1, len(plant.blobs) // 90)
    blobs = plant.blobs[::step]
    slope = light.sun[:2] / max(light.sun[2], 0.2)
    spots = blobs[:, :2] - slope * (blobs[:, 2] + plant.height)[:, None]
    angle = np.linspace(0, 2 * np.pi, 9)[:-1]
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    sizes = np.maximum(plant.sizes[::step] * 2.4, 0.05)
    if plant.twig:
        hub = -slope * plant.height
        along = np.linspace(0.15, 1.0, 6)[None, :, None]
        spots = (hub + (spots - hub)[:, None] * along).reshape(-1, 2)
        sizes = np.repeat(sizes, 6)
    return np.asarray(spots[:, None] + sizes[:, None, None] * ring, np.float64)
