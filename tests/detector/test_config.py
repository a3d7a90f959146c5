"""The detector's settings reject what cannot work."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from detector.config import DetectorConfig, MergeConfig, TilingConfig


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"confidence": 0.0}, "confidence"),
        ({"confidence": 1.0}, "confidence"),
        ({"nms_iou": 1.5}, "nms_iou"),
        ({"device": "gpu"}, "device"),
        ({"device": "cuda:"}, "device"),
        ({"precision": "float16"}, "precision"),
        ({"batch_tiles": 0}, "batch_tiles"),
        ({"classes": ()}, "classes"),
        ({"weights": ""}, "weights"),
        ({"tiling": {"tile_px": 1000}}, "tile_px"),
        ({"tiling": {"tile_px": 0}}, "tile_px"),
        ({"tiling": {"overlap": 0.6}}, "overlap"),
        ({"tiling": {"overlap": -0.1}}, "overlap"),
        ({"merge": {"iou": 0.0}}, "iou"),
        ({"merge": {"border_px": -1.0}}, "border_px"),
        ({"tiling": {"tile": 1024}}, "tile"),
        ({"conf": 0.3}, "conf"),
    ],
)
def test_a_value_out_of_range_or_an_unknown_key_names_its_field(
    values: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(DetectorConfig).validate_python(values)
    assert error.value.errors()[0]["loc"][-1] == field


def test_yaml_like_values_become_the_nested_config() -> None:
    config = TypeAdapter(DetectorConfig).validate_python(
        {"classes": ["car", "bus"], "device": "cuda:1", "tiling": {"tile_px": 1024}}
    )
    assert config.classes == ("car", "bus")
    assert config.tiling == TilingConfig(tile_px=1024)
    assert config.merge == MergeConfig()


def test_a_config_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        DetectorConfig().confidence = 0.5  # type: ignore[misc]
