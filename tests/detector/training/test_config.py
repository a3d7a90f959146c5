"""Settings of a training run that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from detector.data.views_config import AugmentConfig, SourceConfig
from detector.training.config import TrainConfig
from detector.training.loss_config import LossConfig

GOOD = {
    "network": "tph-yolov5pp-n",
    "class_names": ["car"],
    "train": [{"data": "a.yaml"}],
    "validation": [{"data": "b.yaml"}],
    "steps": 10,
}


def test_what_is_left_out_has_its_default() -> None:
    config = TypeAdapter(TrainConfig).validate_python(GOOD)
    assert config.train == (SourceConfig("a.yaml"),)
    assert (config.augment, config.loss) == (AugmentConfig(), LossConfig())


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"network": 5}, ("network",)),
        ({"neighbourhood": [3, 2]}, ("neighbourhood", 0)),
        ({"anchors_per_head": 0}, ("anchors_per_head",)),
        ({"class_names": []}, ("class_names",)),
        ({"train": []}, ("train",)),
        ({"validation": []}, ("validation",)),
        ({"image_px": 100}, ("image_px",)),
        ({"image_px": 32}, ("image_px",)),
        ({"steps": 0}, ("steps",)),
        ({"epochs": 0}, ("epochs",)),
        ({"optimizer": {"learning_rate": 0.1}}, ("optimizer",)),
        ({"optimizer": {"name": "lion"}}, ("optimizer",)),
        ({"optimizer": {"name": "sgd", "momentum": 1}}, ("optimizer", "sgd", "momentum")),
        ({"optimizer": {"name": "adam", "momentum": 0.9}}, ("optimizer", "adam", "momentum")),
        ({"loss": {"focal": {"alpha": 1}}}, ("loss", "focal", "alpha")),
        ({"save_every_s": -1}, ("save_every_s",)),
        ({"clip_norm": 0}, ("clip_norm",)),
        ({"seed": -1}, ("seed",)),
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


def test_a_run_names_its_network() -> None:
    given = {"network": "tph-yolov5pp-x", "neighbourhood": [4, 6], "attention_scale": "channels"}
    spec = TypeAdapter(TrainConfig).validate_python(GOOD | given).spec
    assert (spec.name, spec.neighbourhood, spec.attention_scale) == (
        "tph-yolov5pp-x",
        (4, 6),
        "channels",
    )
    assert (spec.form, spec.class_names, spec.train_px) == ("corrected", ("car",), 640)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"network": "tph-yolov5pp"}, "'tph-yolov5pp' is no network; a name is one of yolov5, "),
        ({"network": "yolov5-n", "neighbourhood": [4, 4]}, "yolov5 has no CA-Trans"),
        ({"epochs": 3}, "steps, epochs: give the length of the run in one of them"),
        ({"steps": None}, "steps, epochs: give the length of the run in one of them"),
        ({"loss": {"class_weights": [1.0, 2.0]}}, "loss.class_weights: 2 for 1 classes"),
    ],
)
def test_a_network_that_cannot_be_is_refused(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        TypeAdapter(TrainConfig).validate_python(GOOD | change)
