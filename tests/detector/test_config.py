"""The detector's settings reject what cannot work."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from detector.config import (
    VIEWS,
    DetectorConfig,
    RulesConfig,
    TilingConfig,
    View,
    WbfConfig,
)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"confidence": 0.0}, "confidence"),
        ({"confidence": 1.0}, "confidence"),
        ({"suppression": {"name": "nms", "iou": 1.5}}, "iou"),
        ({"suppression": {"name": "soft-nms", "decay": "cubic"}}, "decay"),
        ({"suppression": {"name": "diou-nms", "power": 0.0}}, "power"),
        ({"suppression": {"name": "wbf", "skip_score": -0.1}}, "skip_score"),
        ({"suppression": {"name": "wbf", "weights": [1.0, 0.0]}}, 1),
        ({"suppression": {"name": "wbf", "sigma": 0.5}}, "sigma"),
        ({"views": [{"scale": 0.0}]}, "scale"),
        ({"views": [{"without": "middle"}]}, "without"),
        ({"device": "gpu"}, "device"),
        ({"device": "cuda:"}, "device"),
        ({"precision": "float16"}, "precision"),
        ({"batch_tiles": 0}, "batch_tiles"),
        ({"classes": ()}, "classes"),
        ({"weights": ""}, "<text>"),
        ({"tiling": {"tile_px": 1000}}, "tile_px"),
        ({"tiling": {"tile_px": 0}}, "tile_px"),
        ({"tiling": {"overlap": 0.6}}, "overlap"),
        ({"tiling": {"overlap": -0.1}}, "overlap"),
        ({"merge": {"name": "rules", "iou": 0.0}}, "iou"),
        ({"merge": {"name": "rules", "border_px": -1.0}}, "border_px"),
        ({"tiling": {"tile": 1024}}, "tile"),
        ({"conf": 0.3}, "conf"),
    ],
)
def test_a_value_out_of_range_or_an_unknown_key_names_its_field(
    values: dict[str, Any], field: str | int
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
    assert config.merge == RulesConfig()


def test_a_config_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        DetectorConfig().confidence = 0.5  # type: ignore[misc]


def test_one_file_or_several_make_the_models() -> None:
    assert DetectorConfig(weights="a").weight_files == ("a",)
    assert DetectorConfig(weights=("a", "b")).weight_files == ("a", "b")


def test_views_go_by_name_or_one_by_one() -> None:
    assert DetectorConfig().view_list == (View(),)
    assert DetectorConfig(views="tph-yolov5").view_list == VIEWS["tph-yolov5"]
    mirrored = (View(), View(flip=True))
    assert DetectorConfig(views=mirrored).view_list == mirrored


def test_the_published_views() -> None:
    found = {name: [(view.scale, view.flip) for view in views] for name, views in VIEWS.items()}
    assert found["yolov5"] == [(1.0, False), (0.83, True), (0.67, False)]
    assert found["tph-yolov5"] == [
        (scale, flip) for scale in (1.0, 0.83, 0.67) for flip in (False, True)
    ]
    for views in (VIEWS["yolov5"], VIEWS["tph-yolov5"]):
        left_out = ["coarsest", *[None] * (len(views) - 2), "finest"]
        assert [view.without for view in views] == left_out


def test_fusion_takes_one_weight_for_each_model() -> None:
    with pytest.raises(ValidationError, match=r"suppression\.weights: 2 for 1 models"):
        DetectorConfig(suppression=WbfConfig(weights=(1.0, 2.0)))
    config = DetectorConfig(weights=("a", "b"), suppression=WbfConfig(weights=(1.0, 2.0)))
    assert config.suppression == WbfConfig(weights=(1.0, 2.0))
