"""Colours that stay with a track id and are readable on any ground."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Colours: TypeAlias = NDArray[np.uint8]
"""`(N, 3)` uint8, RGB."""

GOLDEN_RATIO = (5**0.5 - 1) / 2
LUMINANCE_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
LEAST_LUMINANCE = 0.28
"""Gives black text a contrast of 6.6 to 1 on every colour (WCAG asks for 4.5)."""


def id_colours(ids: NDArray[np.int64]) -> Colours:
    """A bright colour for each id, the same in every frame and every run.

    Hues step by the golden ratio, so ids that follow each other lie far apart; dark hues are
    mixed with white until black text is readable on them.

    >>> id_colours(np.array([7])).tolist() == id_colours(np.array([3, 7]))[1:].tolist()
    True
    """
    hue = (ids * GOLDEN_RATIO) % 1.0
    sector = (hue[:, None] * 6.0 + np.array([0.0, 4.0, 2.0])) % 6.0
    linear = np.clip(np.abs(sector - 3.0) - 1.0, 0.0, 1.0) ** 2.2
    luminance = linear @ LUMINANCE_WEIGHTS
    white = np.clip((LEAST_LUMINANCE - luminance) / (1.0 - luminance), 0.0, 1.0)[:, None]
    mixed = linear * (1.0 - white) + white
    colours: Colours = np.rint(255.0 * mixed ** (1.0 / 2.2)).astype(np.uint8)
    return colours
