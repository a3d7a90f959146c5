"""Sun, sky and haze of a scene, and how they colour a surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """One weather. Colours are shares of 1 that a level, sunlit surface would return.

    Attributes:
        sun: `(3,)` unit vector to the sun.
        ambient: `(3,)` what a level surface gets without the sun.
        direct: `(3,)` what a surface that faces the sun gets from it.
        sky: `(3,)` RGB 0..255 of the sky overhead, as mirrored by glass and paint.
        haze: `(3,)` RGB 0..255 of distant air.
        haze_m: Distance at which 63 % of the light is haze.
        shadow_softness_m: Blur of a shadow's edge on the ground.
    """

    sun: F64
    ambient: F64
    direct: F64
    sky: F64
    haze: F64
    haze_m: float
    shadow_softness_m: float

    def shade(self, normals: F64, lit: F64) -> F64:
        """Light `(N, 3)` on faces with unit normals `(N, 3)`; `lit` `(N,)` is 0 in shadow."""
        up = 0.62 + 0.38 * normals[:, 2:3]
        facing = np.maximum(normals @ self.sun, 0.0) * lit
        return np.asarray(self.ambient * up + facing[:, None] * self.direct, np.float64)

    def mirror(self, rays: F64, normals: F64) -> F64:
        """RGB `(N, 3)` that surfaces mirror to the eye; `rays` are unit, from the eye."""
        along = np.einsum("ij,ij->i", rays, normals)
        back = rays - 2 * along[:, None] * normals
        height = np.clip(back[:, 2], -1, 1)
        above = np.clip(height * 4 + 0.5, 0, 1)[:, None]
        horizon = (1 - np.abs(height))[:, None] ** 3
        sky = self.sky * (1 - horizon) + self.haze * horizon
        glint = np.maximum(back @ self.sun, 0.0)[:, None] ** 60 * self.direct * 400
        ground = np.array([70.0, 68, 64])
        return np.asarray(ground * (1 - above) + (sky + glint) * above, np.float64)

    def through_air(self, colours: F64, distance_m: F64) -> F64:
        """RGB `(N, 3)` as seen through `distance_m` `(N,)` of haze."""
        clear = np.exp(-distance_m / self.haze_m)[:, None]
        return np.asarray(colours * clear + self.haze * (1 - clear), np.float64)


def draw_light(rng: np.random.Generator) -> Light:
    """A weather: clear, thin cloud, overcast, low sun or hazy."""
    kind = rng.choice(["clear", "thin", "overcast", "low", "hazy"], p=[0.4, 0.2, 0.2, 0.12, 0.08])
    elevation = np.deg2rad(rng.uniform(14, 28) if kind == "low" else rng.uniform(30, 70))
    azimuth = rng.uniform(0, 2 * np.pi)
    sun = np.array(
        [
            np.cos(elevation) * np.sin(azimuth),
            np.cos(elevation) * np.cos(azimuth),
            np.sin(elevation),
        ]
    )
    share = {"clear": 0.42, "thin": 0.62, "overcast": 0.93, "low": 0.45, "hazy": 0.75}[str(kind)]
    share = float(np.clip(share + rng.uniform(-0.08, 0.06), 0.3, 0.97))
    warm = 0.08 if kind == "low" else rng.uniform(0.0, 0.05)
    ambient = share * np.array([1 - warm, 1.0, 1 + warm])
    direct = (1 - ambient) / max(np.sin(elevation), 0.45)
    grey = rng.uniform(165, 225)
    blue = 0.0 if kind in {"overcast", "hazy"} else rng.uniform(0.2, 1.0)
    sky = np.array([grey - 75 * blue, grey - 35 * blue, grey + 10])
    haze = np.array([grey - 6, grey, grey + 5]) + rng.uniform(-6, 6)
    haze_m = rng.uniform(250, 900) if kind == "hazy" else rng.uniform(900, 4500)
    softness = {"clear": 0.12, "low": 0.25, "thin": 0.5}.get(str(kind), 1.2)
    return Light(sun, ambient, np.clip(direct, 0, 1.2), sky, haze, float(haze_m), softness)
