"""Settings of a training run that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from detector.training.config import AugmentConfig, LossConfig, SourceConfig, TrainConfig

GOOD = {
    "size": "n",
    "class_names": ["car"],
    "train": [{"data": "a.yaml"}],
    "validation": [{"data": "b.yaml"}],
}


def test_what_is_left_out_has_its_default() -> None:
    config = TypeAdapter(TrainConfig).validate_python(GOOD)
    assert config.train == (SourceConfig("a.yaml"),)
    assert (config.augment, config.loss) == (AugmentConfig(), LossConfig())


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"size": "xl"}, ("size",)),
        ({"class_names": []}, ("class_names",)),
        ({"train": []}, ("train",)),
        ({"validation": []}, ("validation",)),
        ({"image_px": 100}, ("image_px",)),
        ({"image_px": 32}, ("image_px",)),
        ({"steps": 0}, ("steps",)),
        ({"learning_rate": 0}, ("learning_rate",)),
        ({"batchs": 1}, ("batchs",)),
        ({"augment": {"mosaic": 1.5}}, ("augment", "mosaic")),
        ({"loss": {"ratio_limit": 1}}, ("loss", "ratio_limit")),
        ({"train": [{"data": "a", "scale": [1.5, 0.5]}]}, ("train", 0, "scale")),
        ({"train": [{"data": "a", "scale": [0, 1]}]}, ("train", 0, "scale", 0)),
        ({"train": [{"data": "a", "share": 0}]}, ("train", 0, "share")),
    ],
)
def test_values_out_of_range_are_refused(change: dict[str, Any], place: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(TrainConfig).validate_python(GOOD | change)
    assert caught.value.errors()[0]["loc"] == place
