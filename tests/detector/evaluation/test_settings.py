"""What an evaluation says about its detector; the command's tests read files and options."""

from __future__ import annotations

import hashlib
from pathlib import Path

from detector.config import DetectorConfig, TilingConfig
from detector.evaluation.settings import describe_weights, how_cut, untiled
from detector.weights import EMBEDDED


def test_untiled_is_one_tile() -> None:
    config = DetectorConfig(tiling=TilingConfig(tile_px=640, full_frame=True), confidence=0.2)
    assert how_cut(config) == "tiles of 640 px"
    whole = untiled(config)
    assert (whole.tiling.resize_px, whole.tiling.tile_px, whole.confidence) == (640, 640, 0.2)
    assert how_cut(whole) == "whole images at 640 px"
    enlarged = DetectorConfig(tiling=TilingConfig(tile_px=640, resize_px=2016))
    assert how_cut(enlarged) == "images at 2016 px in tiles of 640 px"


def test_weights_are_named_with_their_hash(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"weights")
    config = DetectorConfig(weights=("default", str(other)))
    assert describe_weights(config) == [
        {
            "file": EMBEDDED["default"].name,
            "sha256": hashlib.sha256(EMBEDDED["default"].read_bytes()).hexdigest(),
        },
        {"file": other.name, "sha256": hashlib.sha256(b"weights").hexdigest()},
    ]
