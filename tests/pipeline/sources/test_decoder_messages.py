"""What decoders print is caught; what others print is not lost."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.sources.decoder_messages import caught
from pipeline.sources.image_sequence import ImageError, read_image


def test_lines_of_decoders_are_caught_and_others_passed_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def noisy() -> int:
        os.write(2, b"libpng warning: iCCP: too short\nmine\n\n[ WARN:0@1.2] global a.cpp:1\n")
        return 7

    assert caught(noisy) == (
        7,
        ["libpng warning: iCCP: too short", "[ WARN:0@1.2] global a.cpp:1"],
    )
    assert capfd.readouterr().err == "mine\n"
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_an_error_goes_through(capfd: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        os.write(2, b"words\n")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        caught(fails)
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "words\nafter\n"


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".bmp", ".webp"])
def test_damaged_images_are_told_of_and_nothing_is_shown(
    tmp_path: Path, ending: str, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(7)
    noise = cv2.resize(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8), (160, 120))
    good, coded = cv2.imencode(ending, noise)
    assert good
    path = tmp_path / f"1{ending}"
    repaired = refused = 0
    for _ in range(30):
        content = bytearray(coded.tobytes())
        at = int(rng.integers(len(content) // 3, len(content) - 40))
        content[at : at + 30] = rng.bytes(30)
        if rng.random() < 0.5:
            content = content[: -int(rng.integers(1, len(content) // 2))]
        path.write_bytes(content)
        try:
            image, damaged = read_image(path)
        except ImageError:
            refused += 1
        else:
            assert image.shape == (120, 160, 3)
            repaired += damaged
    assert refused > 3
    assert repaired or ending in (".png", ".bmp", ".webp")
    assert capfd.readouterr().err == ""
