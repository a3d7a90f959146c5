"""High dynamic range brought to the standard one, as a table for libavfilter's `lut3d`.

The network was trained on standard pictures; the code values of PQ and HLG shown as they are
look flat and grey.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

PQ, HLG = 16, 18
"""Values of AVColorTransferCharacteristic."""

WHITE_NITS = 203.0
"""Where a standard picture's white stands in one of high range (ITU-R BT.2408, 2.2)."""
PEAK_NITS = 1000.0

_BT2020 = 9
_POINTS = 33
_SDR_GAMMA = 2.4

# From BT.2020 to BT.709 in linear light (ITU-R BT.2087, annex 2).
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)

Array = NDArray[np.float64]


@contextmanager
def table_file(transfer: int, primaries: int) -> Iterator[str]:
    """Name of a .cube file for pictures of this transfer; it is removed afterwards."""
    with tempfile.NamedTemporaryFile("w", suffix=".cube") as file:
        file.write(_cube(transfer, wide=primaries == _BT2020))
        file.flush()
        yield file.name


@lru_cache(maxsize=4)
def _cube(transfer: int, *, wide: bool) -> str:
    levels = np.linspace(0, 1, _POINTS)
    # Red runs fastest.
    blue, green, red = np.meshgrid(levels, levels, levels, indexing="ij")
    signal = np.stack([red, green, blue], -1).reshape(-1, 3)
    rows = [
        "{:.6f} {:.6f} {:.6f}".format(*row)
        for row in to_standard(signal, transfer, wide=wide).tolist()
    ]
    return "\n".join([f"LUT_3D_SIZE {_POINTS}", *rows, ""])


def to_standard(signal: Array, transfer: int, *, wide: bool) -> Array:
    """Standard RGB for RGB of high range, both as coded, 0 to 1.

    Up to about 90 nits colours keep their light; from there to `PEAK_NITS` they are
    rolled off (ITU-R BT.2390, 5.4.1), by the largest of the three so that hues stay.

    Args:
        signal: `(N, 3)`.
        transfer: `PQ` or `HLG`.
        wide: Whether the primaries are those of BT.2020.
    """
    nits = pq_to_nits(signal) if transfer == PQ else _hlg_to_nits(signal)
    if wide:
        nits = np.maximum(nits @ _TO_BT709.T, 0)
    largest = np.maximum(nits.max(1, keepdims=True), 1e-6)
    light = nits * (_rolled_off(largest) / largest) / WHITE_NITS
    result: Array = np.clip(light, 0, 1) ** (1 / _SDR_GAMMA)
    return result


def _rolled_off(nits: Array) -> Array:
    peak, white = nits_to_pq(np.array([PEAK_NITS, WHITE_NITS]))
    at = np.minimum(nits_to_pq(nits) / peak, 1)
    top = white / peak
    knee = 1.5 * top - 0.5
    part = np.maximum(at - knee, 0) / (1 - knee)
    curve = (
        (2 * part**3 - 3 * part**2 + 1) * knee
        + (part**3 - 2 * part**2 + part) * (1 - knee)
        + (3 * part**2 - 2 * part**3) * top
    )
    return pq_to_nits(np.where(at < knee, at, curve) * peak)


# ITU-R BT.2100, table 4.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def pq_to_nits(signal: Any) -> Array:
    """Light of PQ code values.

    >>> round(float(pq_to_nits(0.5806)), 0)
    203.0
    """
    root = np.power(signal, 1 / _M2)
    result: Array = 10000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)
    return result


def nits_to_pq(nits: Any) -> Array:
    """The inverse of `pq_to_nits`."""
    power = np.power(np.asarray(nits) / 10000, _M1)
    result: Array = ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
    return result


def _hlg_to_nits(signal: Array) -> Array:
    """Light of a 1000-nit display (ITU-R BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luma = scene @ np.array([0.2627, 0.6780, 0.0593])
    # The system gamma of 1.2 acts on luminance alone.
    result: Array = PEAK_NITS * scene * np.maximum(luma, 1e-9)[:, None] ** 0.2
    return result
