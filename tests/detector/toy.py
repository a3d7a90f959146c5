"""A data set of a few painted images and a training on it, over within seconds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

RUN = """\
network: tph-yolov5pp-n
class_names: [car, bus]
train: [{data: toy.yaml, flights: [a], scale: [0.8, 1.25], cache: true}]
validation: [{data: toy.yaml, flights: [b]}]
image_px: 64
batch: 2
steps: 4
warmup_steps: 2
evaluate_every: 2
optimizer: {name: adamw, learning_rate: 0.001}
augment: {mosaic: 0.3}
"""


def draw_no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a run's diagrams one pixel: drawing them takes longer than training on the toy."""

    def pixel(*arguments: object) -> None:
        path = next(argument for argument in arguments if isinstance(argument, Path))
        cv2.imwrite(str(path), np.zeros((1, 1, 3), np.uint8))

    for name in ("save_curves", "save_pr_curves", "save_confusion"):
        monkeypatch.setattr(f"detector.training.records.{name}", pixel)


def write_toy(folder: Path) -> Path:
    """The training file, beside its data: three images to learn from, one to measure on."""
    rng = np.random.default_rng(0)
    for name in ("images", "labels"):
        (folder / "toy" / name).mkdir(parents=True)
    (folder / "toy" / "names.txt").write_text("car\nbus\n")
    for name in ("a0", "a1", "a2", "b0"):
        image = rng.integers(0, 60, (80, 96, 3)).astype(np.uint8)
        rows = []
        for class_id, (x, y) in enumerate([(6, 8), (50, 8), (6, 44), (50, 44)]):
            w, h = rng.integers(8, 32, 2).tolist()
            image[y : y + h, x : x + w, class_id % 2] = 255
            centre = ((x + w / 2) / 96, (y + h / 2) / 80, w / 96, h / 80)
            rows.append(" ".join(map(str, (class_id % 2, *centre))))
        cv2.imwrite(str(folder / "toy" / "images" / f"{name}.png"), image)
        (folder / "toy" / "labels" / f"{name}.txt").write_text("\n".join(rows))
    (folder / "toy.yaml").write_text(
        "format: yolo\nimages: images\nlabels: labels\nnames: names.txt\n"
        "flights: {a: [a*], b: [b*]}\n"
    )
    path = folder / "run.yaml"
    path.write_text(RUN)
    return path
