from __future__ import annotations

import colorsys

import numpy as np

from pipeline.palette import id_colours


def luminance(rgb: list[int]) -> float:
    """WCAG's relative luminance, written out."""
    parts = [c / 255 for c in rgb]
    r, g, b = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_black_text_is_readable_on_every_colour() -> None:
    for rgb in id_colours(np.arange(1, 500)).tolist():
        assert (luminance(rgb) + 0.05) / 0.05 > 6


def test_near_ids_have_far_hues() -> None:
    hues = [colorsys.rgb_to_hsv(*(c / 255 for c in rgb))[0] for rgb in id_colours(np.arange(1, 9))]
    for i, a in enumerate(hues):
        for b in hues[i + 1 : i + 3]:
            apart = abs(a - b)
            assert min(apart, 1 - apart) > 0.15


def test_colour_belongs_to_the_id_alone() -> None:
    ids = np.array([5, 1_000_000, 3])
    alone = [id_colours(ids[i : i + 1])[0].tolist() for i in range(3)]
    assert id_colours(ids).tolist() == alone
    assert len({tuple(c) for c in id_colours(np.arange(50)).tolist()}) == 50
