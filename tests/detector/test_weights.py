from __future__ import annotations

from pathlib import Path

import pytest

from detector.data.config import load_dataset_config
from detector.data.reading import read_flights
from detector.model.checkpoint import load_checkpoint
from detector.training.evaluation import measure
from detector.weights import DEFAULT_WEIGHTS

ROOT = Path(__file__).resolve().parents[2]


def test_the_embedded_weights_say_what_they_are() -> None:
    model = load_checkpoint(DEFAULT_WEIGHTS)
    assert model.spec.name == "tph-yolov5pp-n"
    assert model.class_names == ("car", "truck", "bus")
    assert model.spec.form == "corrected"


@pytest.mark.shared
@pytest.mark.slow
def test_the_embedded_weights_find_cars_on_flights_left_out_of_their_training(
    shared_data: Path,
) -> None:
    description = ROOT / "configs/data/aerial-cars.yaml"
    dataset = load_dataset_config(description, shared_data / "aerial-cars")
    model = load_checkpoint(DEFAULT_WEIGHTS)
    images = read_flights(dataset, model.class_names, ("dji-00760", "kit-b"), str(description))
    figures = measure(model, images, "cpu")
    assert len(images) == 36
    assert figures["AP50 car"] >= 0.93
    assert figures["AP50 bus"] >= 0.70
