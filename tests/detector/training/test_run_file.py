"""The YAML file of a run: read, and written complete so that it runs again."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from detector.training.config import TrainConfig
from detector.training.run_file import claim_folder, load_train_config, relocate

VALUES = {
    "network": "tph-yolov5pp-n",
    # Each would be something else than text where YAML has to guess.
    "class_names": ["1e5", "on", "null", "ü: #", "12"],
    "train": [{"data": "../data/a.yaml", "flights": ["b"]}],
    "validation": [{"data": "c.yaml"}],
    "init": "weights/d.safetensors",
    "epochs": 3,
    "loss": {"focal": {"gamma": 1.5}, "class_weights": [1, 2, 3, 4, 0.00001234567]},
    "optimizer": {"name": "sgd"},
}


@pytest.fixture
def config() -> TrainConfig:
    return TypeAdapter(TrainConfig).validate_python(VALUES)


def test_what_is_written_is_read_again(tmp_path: Path, config: TrainConfig) -> None:
    claim_folder(tmp_path, config)
    assert load_train_config(tmp_path / "config.yaml") == config
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    for name in ("ema_decay", "  momentum", "  ratio_limit", "  mosaic"):  # defaults too
        assert f"\n{name}: " in text
    claim_folder(tmp_path, config)
    assert (tmp_path / "config.yaml").read_text(encoding="utf-8") == text


def test_paths_follow_the_file(tmp_path: Path, config: TrainConfig) -> None:
    moved = relocate(config, tmp_path / "configs", tmp_path / "runs" / "one")
    assert moved.train[0].data == "../../data/a.yaml"
    assert moved.validation[0].data == "../../configs/c.yaml"
    assert moved.init == "../../configs/weights/d.safetensors"
    assert relocate(moved, tmp_path / "runs" / "one", tmp_path / "configs") == config


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"workers": 7, "patience": 3, "init": None, "validation": [{"data": "e.yaml"}]}, None),
        ({"train": [{"data": "/elsewhere/a.yaml", "flights": ["b"]}]}, None),
        ({"train": [{"data": "../data/x.yaml", "flights": ["b"]}]}, "train: "),
        ({"seed": 1}, "seed: 0 there, 1 here; another run needs a folder of its own"),
    ],
)
def test_a_folder_is_of_one_run(
    tmp_path: Path, config: TrainConfig, changes: dict[str, object], fault: str | None
) -> None:
    claim_folder(tmp_path, config)
    other = TypeAdapter(TrainConfig).validate_python(VALUES | changes)
    if fault is None:
        claim_folder(tmp_path, other)
    else:
        with pytest.raises(ValueError, match=f"config.yaml: {fault}"):
            claim_folder(tmp_path, other)
