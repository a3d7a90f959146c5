"""The paper's experiments on tiny data in the formats of VisDrone-DET and UAVDT."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from detector.evaluate import app as evaluate
from detector.train import app as train
from detector.training import start
from detector.training.loss_config import effective_gains
from detector.training.run_file import load_train_config
from tests.detector.data import writers

CONFIGS = Path(__file__).resolve().parents[2] / "configs"

SMALL = {"network": "tph-yolov5pp-n", "image_px": 64, "epochs": 1, "accumulate": 2, "workers": 1}
"""What a processor can train within seconds; all the rest stays as published."""


@pytest.mark.parametrize(
    ("name", "image_px", "batch", "epochs", "gains"),
    [
        # The effective gains are those of the spec's section 5.
        ("visdrone", 1536, 2, 65, (0.07, 0.864, 0.0225)),
        ("uavdt", 1024, 4, 30, (0.07, 0.384, 0.00675)),
    ],
)
def test_settings_are_those_of_the_paper(
    name: str, image_px: int, batch: int, epochs: int, gains: tuple[float, float, float]
) -> None:
    config = load_train_config(CONFIGS / "train" / f"{name}.yaml")
    assert (config.network, config.image_px) == ("tph-yolov5pp-x", image_px)
    assert (config.batch, config.epochs, config.batch * config.accumulate) == (batch, epochs, 64)
    assert (config.optimizer.name, config.optimizer.learning_rate) == ("adam", 3e-4)
    assert (config.final_share, config.ema_decay, config.loss.ratio_limit) == (0.12, 0.9999, 3.0)
    loss = effective_gains(config.loss, config.spec)
    found = (loss.box, loss.objectness, loss.classification)
    assert found == pytest.approx(gains, rel=1e-3)


def _boxes(rng: np.random.Generator, classes: int) -> list[tuple[int, ...]]:
    """x, y, w, h and class from 0, one in each quarter of a 200 x 100 image."""
    corners = ((8, 6), (110, 8), (12, 56), (114, 54))
    sizes = rng.integers(10, 40, (4, 2)).tolist()
    kinds = rng.integers(0, classes, 4).tolist()
    return [(*xy, *wh, kind) for xy, wh, kind in zip(corners, sizes, kinds, strict=True)]


def _paint(path: Path, boxes: list[tuple[int, ...]]) -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    for x, y, w, h, kind in boxes:
        image[y : y + h, x : x + w] = (40 + 20 * kind, 255 - 20 * kind, 128)
    assert cv2.imwrite(str(path), image)


def _write_visdrone(root: Path) -> None:
    rng = np.random.default_rng(0)
    for split, count in (("train", 3), ("val", 2)):
        found = {f"{split}_{at}": _boxes(rng, 10) for at in range(count)}
        rows = {
            stem: [(x, y, w, h, 1, kind + 1, 0, 0) for x, y, w, h, kind in boxes]
            + [(60, 30, 20, 20, 0, 0, 0, 0), (70, 70, 20, 20, 0, 11, 0, 0)]
            for stem, boxes in found.items()
        }
        writers.visdrone(root, split, rows)
        for stem, boxes in found.items():
            _paint(root / f"VisDrone2019-DET-{split}" / "images" / f"{stem}.jpg", boxes)


def _write_uavdt(root: Path) -> None:
    rng = np.random.default_rng(0)
    data = yaml.safe_load((CONFIGS / "data" / "uavdt.yaml").read_text(encoding="utf-8"))
    sequences = [pattern.partition("/")[0] for part in data["flights"].values() for pattern in part]
    assert len(sequences) == 50
    for sequence in sequences:
        found = [_boxes(rng, 3)]
        whole = [
            (frame, number, x, y, w, h, 1, 1, kind + 1)
            for frame, boxes in enumerate(found, 1)
            for number, (x, y, w, h, kind) in enumerate(boxes, 1)
        ]
        writers.uavdt(root, sequence, 1, whole, [(1, 1, 60, 30, 20, 20, 1, 1, 1)])
        for frame, boxes in enumerate(found, 1):
            _paint(root / "UAV-benchmark-M" / sequence / f"img{frame:06}.jpg", boxes)


def _run(app: Any, *arguments: object) -> None:
    with pytest.raises(SystemExit) as end:
        app([str(argument) for argument in arguments])
    assert not end.value.code


@pytest.mark.slow
@pytest.mark.parametrize(("name", "part"), [("visdrone", "val"), ("uavdt", "test")])
def test_experiment_runs_from_the_data_to_the_official_figures(
    name: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "ANCHOR_VIEWS", 12)
    root = tmp_path / "data"
    (_write_visdrone if name == "visdrone" else _write_uavdt)(root)
    values = yaml.safe_load((CONFIGS / "train" / f"{name}.yaml").read_text(encoding="utf-8"))
    for source in (*values["train"], *values["validation"]):
        source["data"] = str(CONFIGS / "train" / source["data"])
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(values | SMALL), encoding="utf-8")
    output = tmp_path / "out"
    _run(train, config, "--root", f"{name}={root}", "--output", output)
    figures = tmp_path / "figures.json"
    _run(
        evaluate,
        *("--data", CONFIGS / "data" / f"{name}.yaml", "--root", root, "--flights", part),
        *("--weights", output / "last.safetensors", "--protocol", name, "--json", figures),
        *("--device", "cpu"),
    )
    assert json.loads(figures.read_text(encoding="utf-8"))["protocol"].lower().startswith(name)
