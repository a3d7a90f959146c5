"""What a drone's lens, sensor and encoder do to a picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Optics:
    """One camera's look.

    Attributes:
        blur_px: Gaussian softness; 0 is none.
        streak_px: `(2,)` motion blur along x and y.
        sharpen: Strength of the camera's own sharpening.
        curve: `(256, 3)` tone curve per channel, RGB.
        saturation: 1 keeps colours.
        vignette: Darkening in the corners, as a share.
        noise: Sensor noise in grey levels.
        quality: JPEG quality, 0 for none.
    """

    blur_px: float
    streak_px: tuple[float, float]
    sharpen: float
    curve: U8
    saturation: float
    vignette: float
    noise: float
    quality: int


def draw_optics(rng: np.random.Generator, *, harsh: float) -> Optics:
    """A look; `harsh` 0..1 widens blur, noise, compression and colour casts."""
    level = np.linspace(0, 1, 256)[:, None]
    gain = rng.uniform(0.98 - 0.2 * harsh, 1.28 + 0.1 * harsh) * (
        1 + rng.normal(0, 0.012 + 0.02 * harsh, 3)
    )
    gamma = rng.uniform(0.8 - 0.1 * harsh, 1.05 + 0.15 * harsh)
    lift = rng.uniform(0.0, 0.03 + 0.05 * harsh)
    curve = np.clip(level * gain, 0, 1.3) ** gamma
    curve = np.where(curve > 0.8, 0.8 + 0.2 * np.tanh((curve - 0.8) / 0.2), curve)
    curve = lift + (1 - lift) * curve
    streak = rng.uniform(0, 2.5, 2) * harsh * (rng.uniform() < 0.35)
    return Optics(
        blur_px=float(rng.uniform(0.0, 0.7 + 0.9 * harsh * rng.uniform() ** 2)),
        streak_px=(float(streak[0]), float(streak[1])),
        sharpen=float(rng.choice([0.0, rng.uniform(0.2, 0.9)])),
        curve=np.clip(curve * 255, 0, 255).astype(np.uint8),
        saturation=float(rng.uniform(0.75 - 0.3 * harsh, 1.15 + 0.15 * harsh)),
        vignette=float(rng.uniform(0, 0.18 + 0.12 * harsh)),
        noise=float(rng.uniform(0.3, 2.2 + 4 * harsh * rng.uniform() ** 2)),
        quality=int(rng.integers(90 - int(55 * harsh), 97)),
    )


@lru_cache(maxsize=1)
def _noise_bank() -> NDArray[np.int16]:
    """`(1024, 1280, 3)` unit noise in 1/64, mostly grey and slightly soft as a sensor's."""
    rng = np.random.default_rng(11)
    grey = rng.standard_normal((1024, 1280, 1), np.float32)
    colour = rng.standard_normal((1024, 1280, 3), np.float32)
    field = cv2.GaussianBlur(grey + 0.5 * colour, (0, 0), 0.6)
    return np.asarray(field / field.std() * 64, np.int16)


@lru_cache(maxsize=8)
def _vignette(width: int, height: int, share: float) -> U8:
    x = np.linspace(-1, 1, width)[None, :]
    y = np.linspace(-1, 1, height)[:, None]
    fall = 1 - share * (x * x + y * y) / 2
    return np.repeat((fall * 255).astype(np.uint8)[..., None], 3, axis=2)


def expose(image: U8, optics: Optics, rng: np.random.Generator) -> U8:
    """The picture `(H, W, 3)` RGB that the camera delivers of a clean one."""
    height, width = image.shape[:2]
    for axis, size in enumerate(optics.streak_px):
        taps = int(size) * 2 + 1
        if taps > 1:
            image = np.asarray(cv2.blur(image, (taps, 1) if axis == 0 else (1, taps)), np.uint8)
    if optics.blur_px > 0.25:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), optics.blur_px), np.uint8)
    if optics.sharpen > 0:
        soft = cv2.GaussianBlur(image, (0, 0), 1.2)
        image = np.asarray(
            cv2.addWeighted(image, 1 + optics.sharpen, soft, -optics.sharpen, 0), np.uint8
        )
    image = np.asarray(cv2.LUT(image, optics.curve[None]), np.uint8)
    grey = np.array([0.299, 0.587, 0.114])
    mix = np.eye(3) * optics.saturation + (1 - optics.saturation) * grey
    out = cv2.transform(image, mix)
    if optics.vignette > 0.02:
        out = cv2.multiply(out, _vignette(width, height, optics.vignette), scale=1 / 255)
    bank = _noise_bank()
    y, x = rng.integers(0, 64, 2)
    reps = (-(-(height + 64) // 1024), -(-(width + 64) // 1280), 1)
    field = (bank if reps == (1, 1, 1) else np.tile(bank, reps))[y : y + height, x : x + width]
    out = cv2.scaleAdd(field.astype(np.float32), optics.noise / 64, out.astype(np.float32))
    image = np.asarray(np.clip(out, 0, 255), np.uint8)
    return _encode(image, optics.quality)


def _encode(image: U8, quality: int) -> U8:
    if quality <= 0:
        return image
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
