"""Training images in another light, colour, sharpness and compression."""

from __future__ import annotations

import cv2
import numpy as np

from detector.data.views_config import AugmentConfig
from detector.detections import Image

LIGHT = 0.2
"""Largest relative change of contrast, and of brightness as a share of white: Albumentations'."""


def change_colours(image: Image, config: AugmentConfig, rng: np.random.Generator) -> Image:
    """The image in another light, colour, sharpness and compression.

    Changes that are off draw nothing, so that a new one leaves the views of other runs alone.
    """
    image = _change_light(image, config, rng)
    image = _change_hsv(image, config, rng)
    if rng.random() < config.grey:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        image = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB).astype(np.uint8, copy=False)
    image = _change_sharpness(image, config, rng)
    if rng.random() < config.noise:
        noise = rng.standard_normal(image.shape, np.float32)
        noise *= 2 + 8 * rng.random()
        noise += image
        image = np.clip(noise, 0, 255, out=noise).astype(np.uint8)
    if rng.random() < config.compression:
        image = _compress(image, int(rng.integers(30, 90)))
    return image


def _change_light(image: Image, config: AugmentConfig, rng: np.random.Generator) -> Image:
    if config.clahe and rng.random() < config.clahe:
        image = _equalise(image, 1 + 3 * rng.random())
    if config.light and rng.random() < config.light:
        contrast, brightness = (rng.random(2) * 2 - 1) * LIGHT
        levels = np.arange(256) * (1 + contrast) + brightness * 255
        table = np.clip(levels, 0, 255).astype(np.uint8)
        image = cv2.LUT(image, table).astype(np.uint8, copy=False)
    return image


def _equalise(image: Image, limit: float) -> Image:
    """Contrast-limited adaptive histogram equalisation of the lightness, over 8x8 tiles."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(limit, (8, 8)).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).astype(np.uint8, copy=False)


def _change_hsv(image: Image, config: AugmentConfig, rng: np.random.Generator) -> Image:
    spread = np.array((config.hue, config.saturation, config.brightness))
    gains = 1 + (rng.random(3) * 2 - 1) * spread
    levels = np.arange(256)
    if config.hsv_form == "published":
        hues, gamma = levels * gains[0], 1.0
    else:
        hues = levels + (gains[0] - 1) * 180
        gamma = float(np.exp((rng.random() * 2 - 1) * config.brightness))
    tables = (
        (hues % 180).astype(np.uint8),
        np.clip(levels * gains[1], 0, 255).astype(np.uint8),
        np.clip(255 * (levels / 255) ** gamma * gains[2], 0, 255).astype(np.uint8),
    )
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    cv2.LUT(hsv, np.stack(tables, 1)[None], dst=hsv)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB, dst=hsv).astype(np.uint8, copy=False)


def _change_sharpness(image: Image, config: AugmentConfig, rng: np.random.Generator) -> Image:
    if config.median_blur and rng.random() < config.median_blur:
        image = cv2.medianBlur(image, int(rng.choice((3, 5, 7)))).astype(np.uint8, copy=False)
    if rng.random() < config.blur:
        image = cv2.GaussianBlur(image, (0, 0), 0.4 + 1.2 * rng.random()).astype(np.uint8)
    if rng.random() < config.sharpen:
        amount = 0.5 + 2 * rng.random()
        soft = cv2.GaussianBlur(image, (0, 0), 0.8 + rng.random())
        image = cv2.addWeighted(image, 1 + amount, soft, -amount, 0).astype(np.uint8, copy=False)
    return image


def _compress(image: Image, quality: int) -> Image:
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded.astype(np.uint8, copy=False)
