"""Ground materials by season, each drawn with its own shade."""

from __future__ import annotations

import numpy as np

from detector.data.rendering.shapes import Cover

_TABLE: dict[str, tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]] = {
    "asphalt": ((104, 104, 106), (96, 96, 99), (16, 14, 16)),
    "dark_asphalt": ((66, 68, 72), (74, 75, 78), (14, 14, 16)),
    "old_asphalt": ((138, 135, 130), (124, 122, 120), (20, 20, 20)),
    "warm_asphalt": ((128, 120, 110), (112, 106, 100), (18, 16, 18)),
    "concrete": ((176, 172, 164), (160, 156, 150), (18, 18, 18)),
    "paving": ((168, 158, 148), (156, 148, 140), (20, 26, 34)),
    "red_paving": ((156, 112, 98), (148, 120, 108), (20, 26, 34)),
    "grass": ((88, 108, 56), (104, 112, 66), (40, 44, 60)),
    "lush_grass": ((72, 112, 44), (84, 116, 52), (30, 34, 50)),
    "dry_grass": ((142, 128, 88), (120, 112, 72), (40, 48, 60)),
    "soil": ((136, 106, 80), (164, 136, 108), (40, 50, 54)),
    "sand": ((190, 166, 132), (170, 146, 116), (30, 34, 36)),
    "gravel": ((150, 142, 130), (134, 124, 112), (24, 44, 90)),
    "snow": ((226, 230, 236), (206, 208, 212), (18, 24, 22)),
    "slush": ((160, 158, 158), (126, 122, 118), (40, 44, 44)),
    "leaves": ((118, 98, 62), (140, 98, 54), (50, 50, 80)),
    "water": ((52, 74, 74), (48, 66, 70), (10, 8, 8)),
}

_LAND = {
    "summer": ("grass", "lush_grass", "grass", "gravel", "paving", "soil"),
    "autumn": ("grass", "dry_grass", "leaves", "paving", "concrete"),
    "winter": ("dry_grass", "soil", "grass", "concrete", "paving"),
    "dry": ("soil", "sand", "dry_grass", "gravel", "soil"),
    "snow": ("snow", "snow", "slush"),
}

SEASONS = ("summer", "autumn", "winter", "dry", "snow")


def material(rng: np.random.Generator, name: str) -> Cover:
    """The material `name` with its shade and roughness varied."""
    colour, patch, rough = _TABLE[name]
    gain = rng.uniform(0.84, 1.14)
    tint = rng.normal(0, 3.0) * np.array([1.0, 0.1, -1.0]) + rng.normal(0, 0.9, 3)

    def vary(values: tuple[int, int, int]) -> tuple[int, int, int]:
        r, g, b = np.clip(np.array(values) * gain + tint, 8, 244).astype(int).tolist()
        return r, g, b

    r, g, b = np.clip(np.array(rough) * rng.uniform(0.6, 1.5, 3), 0, 255).astype(int).tolist()
    return Cover(vary(colour), vary(patch), (r, g, b))


def asphalt(rng: np.random.Generator, season: str) -> Cover:
    """A road's surface."""
    names = ["asphalt", "dark_asphalt", "old_asphalt", "warm_asphalt", "concrete"]
    share = [0.34, 0.26, 0.2, 0.15, 0.05]
    if season == "snow" and rng.uniform() < 0.3:
        return material(rng, "slush")
    return material(rng, str(rng.choice(names, p=share)))


def land(rng: np.random.Generator, season: str) -> Cover:
    """Open ground."""
    return material(rng, str(rng.choice(_LAND[season])))


def walk(rng: np.random.Generator, season: str) -> Cover:
    """A footway's surface."""
    if season == "snow" and rng.uniform() < 0.5:
        return material(rng, "slush")
    return material(rng, str(rng.choice(["paving", "concrete", "red_paving", "old_asphalt"])))
