"""Changes of light, colour and sharpness keep what they should."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from detector.data.colours import change_colours
from detector.data.views_config import AugmentConfig
from detector.detections import Image

STILL = AugmentConfig(
    mosaic=0,
    squash=0,
    hue=0,
    saturation=0,
    brightness=0,
    grey=0,
    blur=0,
    sharpen=0,
    noise=0,
    compression=0,
)


def noise_image() -> Image:
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)


def test_without_changes_colours_stay() -> None:
    image = np.array([[[200, 30, 30], [90, 90, 90], [0, 0, 0], [255, 255, 255]]], np.uint8)
    found = change_colours(image, STILL, np.random.default_rng(0))
    assert np.abs(found.astype(int) - image).max() <= 2  # through HSV and back


@pytest.mark.parametrize(
    "name",
    ["hue", "saturation", "brightness", "grey", "blur", "sharpen", "noise", "compression"],
)
def test_each_change_keeps_shape_and_type_and_the_input(name: str) -> None:
    image = noise_image()
    before = image.copy()
    config = AugmentConfig(**{**vars(STILL), name: 1})
    found = change_colours(image, config, np.random.default_rng(3))
    assert found.shape == image.shape
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(image, before)
    still = change_colours(image, STILL, np.random.default_rng(3))
    assert np.abs(found.astype(int) - still).mean() > 1
    again = change_colours(image, config, np.random.default_rng(3))
    np.testing.assert_array_equal(found, again)


def test_grey_has_no_colour_and_hue_keeps_brightness() -> None:
    grey = change_colours(
        noise_image(), AugmentConfig(**{**vars(STILL), "grey": 1}), np.random.default_rng(0)
    )
    assert (np.ptp(grey, axis=2) == 0).all()
    image = noise_image()
    turned = change_colours(
        image, AugmentConfig(**{**vars(STILL), "hue": 1}), np.random.default_rng(1)
    )
    assert np.abs(turned.max(2).astype(int) - image.max(2)).max() <= 2


def test_published_hues_are_multiplied_and_brightness_is_not_bent() -> None:
    """Red is 0 on the colour circle and stays there; a pure blue, 240 of 360 degrees, moves."""
    image = np.array([[[200, 0, 0], [0, 0, 200], [100, 100, 100], [50, 50, 50]]], np.uint8)
    changes = {"hue": 0.4, "brightness": 0.5, "hsv_form": "published"}
    config = AugmentConfig(**{**vars(STILL), **changes})
    for seed in range(10):
        hue, _, value = 1 + (np.random.default_rng(seed).random(3) * 2 - 1) * (0.4, 0, 0.5)
        found = change_colours(image, config, np.random.default_rng(seed))[0].astype(int)
        assert found[0].tolist() == [int(min(200 * value, 255)), 0, 0]
        turned = colorsys.rgb_to_hsv(*(found[1] / 255))[0]
        assert abs((turned - 2 / 3 * hue + 0.5) % 1 - 0.5) < 0.01
        np.testing.assert_allclose(found[2:, 0], np.array((100, 50)) * value, atol=1)


def test_compression_keeps_red_red() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[..., 0] = 220
    config = AugmentConfig(**{**vars(STILL), "compression": 1})
    found = change_colours(image, config, np.random.default_rng(0))
    np.testing.assert_allclose(found.mean((0, 1)), [220, 0, 0], atol=6)
