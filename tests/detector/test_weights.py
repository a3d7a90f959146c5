from __future__ import annotations

from pathlib import Path

import pytest

from detector.data.config import load_dataset_config
from detector.data.reading import read_flights
from detector.model.checkpoint import load_checkpoint
from detector.training.evaluation import measure
from detector.weights import EMBEDDED

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "class_names"),
    [
        ("default", ("car", "truck", "bus")),
        ("thermal", ("person", "car", "bicycle", "other vehicle")),
    ],
)
def test_the_embedded_weights_say_what_they_are(name: str, class_names: tuple[str, ...]) -> None:
    model = load_checkpoint(EMBEDDED[name])
    assert model.spec.name == "tph-yolov5pp-n"
    assert model.class_names == class_names
    assert model.spec.form == "corrected"


@pytest.mark.shared
@pytest.mark.slow
def test_the_embedded_weights_find_cars_on_flights_left_out_of_their_training(
    shared_data: Path,
) -> None:
    description = ROOT / "configs/data/aerial-cars.yaml"
    dataset = load_dataset_config(description, shared_data / "aerial-cars")
    model = load_checkpoint(EMBEDDED["default"])
    images = read_flights(dataset, model.class_names, ("dji-00760", "kit-b"), str(description))
    figures = measure(model, images, "cpu").figures
    assert len(images) == 36
    assert figures["AP50 car"] >= 0.93
    assert figures["AP50 bus"] >= 0.70


@pytest.mark.shared
@pytest.mark.slow
def test_the_thermal_weights_find_what_they_were_chosen_on(shared_data: Path) -> None:
    description = ROOT / "configs/data/hit-uav.yaml"
    dataset = load_dataset_config(description, shared_data / "hit-uav")
    model = load_checkpoint(EMBEDDED["thermal"])
    images = read_flights(dataset, model.class_names, ("val",), str(description))
    figures = measure(model, images, "cpu").figures
    assert len(images) == 145
    assert figures["AP50 person"] >= 0.70
    assert figures["AP50 car"] >= 0.75
    assert figures["AP50 bicycle"] >= 0.45
