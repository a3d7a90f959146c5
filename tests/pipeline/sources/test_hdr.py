"""Pictures of high dynamic range against values worked out from the standards."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.sources.hdr import HLG, PQ, to_standard
from pipeline.sources.rgb import RgbConverter

BT2020, BT709 = 9, 1


def pq(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084, equation 5.2."""
    power = (nits / 10000) ** 0.1593017578125
    result: NDArray[np.float64] = (
        (0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)
    ) ** 78.84375
    return result


def test_up_to_half_of_white_greys_are_those_of_a_standard_picture() -> None:
    greys = np.linspace(0, 0.7, 15)
    signal = pq(203 * greys**2.4)
    found = to_standard(np.repeat(signal[:, None], 3, 1), PQ, wide=True)
    np.testing.assert_allclose(found, np.repeat(greys[:, None], 3, 1), atol=0.002)


def test_above_light_is_rolled_off_and_never_turns_back() -> None:
    signal = pq(np.array([90.0, 150, 203, 400, 700, 1000, 4000, 10000]))
    found = to_standard(np.repeat(signal[:, None], 3, 1), PQ, wide=True)[:, 0]
    assert (np.diff(found)[:5] > 0.001).all()
    assert found[2] == pytest.approx(0.88, abs=0.03)
    np.testing.assert_allclose(found[5:], 1, atol=0.001)


def test_colours_of_bt709_come_back_from_bt2020() -> None:
    # Linear BT.709 to BT.2020: ITU-R BT.2087, annex 1.
    to_wide = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    colours = np.array([[0.5, 0.2, 0.1], [0.1, 0.6, 0.2], [0.2, 0.1, 0.65]])
    found = to_standard(pq(203 * (colours**2.4 @ np.array(to_wide).T)), PQ, wide=True)
    np.testing.assert_allclose(found, colours, atol=0.004)


def test_white_of_hlg_is_that_of_pq() -> None:
    # ITU-R BT.2408, table 1: diffuse white is 75 % of HLG and 58 % of PQ.
    white = to_standard(np.full((1, 3), 0.75), HLG, wide=True)
    same = to_standard(np.full((1, 3), 0.58), PQ, wide=True)
    np.testing.assert_allclose(white, same, atol=0.01)


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("level", [100, 300, 420, 560, 700, 940])
def test_through_the_converter(transfer: int, level: int) -> None:
    picture: Any = av.VideoFrame(64, 48, "yuv420p10le")
    for plane, value in zip(picture.planes, (level, 512, 512), strict=True):
        samples = np.full(plane.buffer_size // 2, value, np.uint16)
        plane.update(samples.tobytes())
    picture.colorspace, picture.color_range = BT2020, 1
    picture.color_primaries, picture.color_trc = BT2020, transfer
    wanted = to_standard(np.full((1, 3), (level - 64) / 876), transfer, wide=True)[0] * 255
    image = RgbConverter().convert(picture)
    assert np.abs(image.astype(int) - wanted).max() <= 2.5
