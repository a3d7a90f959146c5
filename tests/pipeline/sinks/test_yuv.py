from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from pipeline.sinks.yuv import Yuv420


def test_known_colours_of_bt709() -> None:
    # Limited-range codes of 100 % bars, as ITU-R BT.709 and SMPTE RP 219 list them.
    table = {
        (0, 0, 0): (16, 128, 128),
        (255, 255, 255): (235, 128, 128),
        (255, 0, 0): (63, 102, 240),
        (0, 255, 0): (173, 42, 26),
        (0, 0, 255): (32, 240, 118),
        (255, 255, 0): (219, 16, 138),
    }
    for rgb, yuv in table.items():
        frame = Yuv420((4, 2)).convert(np.full((2, 4, 3), rgb, np.uint8))
        found = [memoryview(plane)[0] for plane in frame.planes]
        assert np.abs(np.subtract(found, yuv, dtype=np.float64)).max() <= 1, (rgb, found)


def test_agrees_with_libswscale() -> None:
    image = np.random.default_rng(3).integers(0, 256, (66, 98, 3), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.AREA,
    )
    ours = Yuv420((98, 66)).convert(image).to_ndarray()
    assert np.abs(frame.to_ndarray().astype(int) - ours).max() <= 2
