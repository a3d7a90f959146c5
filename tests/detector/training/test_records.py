"""A run's folder, read back: tables, TensorBoard events and pictures, also after a kill."""

from __future__ import annotations

import errno
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from detector.data.annotations import LabelledImage
from detector.data.dataset import Batch
from detector.data.drawing import LINE_PX
from detector.data.images import read_image
from detector.data.targets import Targets
from detector.data.views_config import SourceConfig
from detector.detections import Detections
from detector.evaluation.coco import evaluate_coco
from detector.evaluation.worst import FOUND_COLOUR, MISSED_COLOUR
from detector.training import records
from detector.training.config import TrainConfig
from detector.training.curves import Floats
from detector.training.evaluation import Measurement
from detector.training.progress import Progress
from detector.training.records import RunRecorder
from tests.detector.training.event_files import (
    event_files_in_order,
    everything,
    read_events,
)

__all__ = ["event_files_in_order"]

SOURCE = (SourceConfig("toy.yaml"),)
CONFIG = TrainConfig("yolov5-n", ("car", "bus"), SOURCE, SOURCE, steps=60)


def progress(step: int) -> Progress:
    return Progress(step, step / 4, (1 / step, 0.25, 0.5), 0.001, 40.0, 900.0, 0.5, 9.0)


def batch() -> Batch:
    targets = Targets(torch.tensor([0]), torch.tensor([0]), torch.tensor([[20.0, 20, 10, 10]]))
    return Batch(torch.zeros((2, 3, 64, 64), dtype=torch.uint8), targets, [torch.zeros(0, 4)] * 2)


@pytest.fixture
def measurement(tmp_path: Path) -> Measurement:
    """Of two cars one is found; there is no bus."""
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), np.full((90, 120, 3), 90, np.uint8))
    boxes = np.array([[10, 10, 40, 40], [60, 10, 90, 40]], np.float32)
    images = [LabelledImage(path, (120, 90), boxes, np.zeros(2, np.int64))]
    found = Detections(boxes[:1], np.ones(1, np.float32), np.zeros(1, np.int64))
    return Measurement(images, [found], evaluate_coco(images, [found], CONFIG.class_names))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    return path


def train(
    recorder: RunRecorder, steps: range, measurement: Measurement, *, every: int = 10
) -> None:
    for step in steps:
        recorder.step(progress(step))
        recorder.batch(batch(), step)
        if step % every == 0:
            recorder.measured(step, measurement, best=step == 10)


@pytest.fixture
def quick_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws what the curves would be drawn from as the pixels of a tiny picture."""

    def save(steps: dict[str, Floats], results: list[dict[str, float]], path: Path) -> None:
        losses = np.round(steps["box"] * 255).astype(np.uint8)
        scores = [round(row["AP"] * 255 + row["step"]) for row in results]
        cv2.imwrite(str(path), np.array([*losses, *scores], np.uint8)[None])

    monkeypatch.setattr(records, "save_curves", save)


def curve(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(e.step, round(e.value, 5)) for e in read_events(folder / "events").Scalars(tag)]


def test_what_a_run_leaves(
    folder: Path, measurement: Measurement, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), RunRecorder(folder, CONFIG, first_step=0) as recorder:
        train(recorder, range(1, 26), measurement)
    assert {path.name for path in folder.iterdir()} == {
        *("steps.csv", "results.csv", "events", "curves.png", "predictions.jpg"),
        *("pr_curves.png", "confusion.png", "batch_0.jpg", "batch_1.jpg", "batch_2.jpg"),
    }
    assert len((folder / "steps.csv").read_text().splitlines()) == 26
    box = [sum(1 / step for step in part) / 10 for part in (range(1, 11), range(11, 21))]
    assert (folder / "results.csv").read_text() == (
        "step,epoch,box,objectness,classification,learning_rate,AP,AP50,AP50 car\n"
        f"10,2.5,{box[0]:.6f},0.25,0.5,0.001,0.505,0.505,0.505\n"
        f"20,5.0,{box[1]:.6f},0.25,0.5,0.001,0.505,0.505,0.505\n"
    )
    assert caplog.messages == [
        "step 10: AP 0.505, AP50 0.505, AP50 car 0.505, the best so far",
        "step 20: AP 0.505, AP50 0.505, AP50 car 0.505",
    ]
    events = read_events(folder / "events")
    tags = events.Tags()
    assert set(tags["scalars"]) == {
        *("loss/box", "loss/objectness", "loss/classification"),
        *("train/epoch", "train/learning_rate", "train/images_per_s"),
        *("train/memory_mb", "train/waited_share"),
        *(f"{figure}/{name}" for figure in ("AP", "AP50", "AP75", "AR") for name in ("all", "car")),
        *("AP small/all", "AP small/car"),
    }
    assert curve(folder, "loss/box") == [(10, round(box[0], 5)), (20, round(box[1], 5))]
    assert curve(folder, "train/images_per_s") == [(10, 40), (20, 40)]
    assert curve(folder, "train/epoch") == [(10, 2.5), (20, 5)]
    assert curve(folder, "AP50/car") == [(10, 0.50495), (20, 0.50495)]
    shown = {tag: [e.step for e in events.Images(tag)] for tag in tags["images"]}
    assert shown == {
        "batch/0": [1],
        "batch/1": [2],
        "batch/2": [3],
        "curves": [10, 20],
        "predictions": [10],
        "pr_curves": [10],
        "confusion": [10],
    }
    for tag, file in (("predictions", "predictions.jpg"), ("confusion", "confusion.png")):
        (image,) = events.Images(tag)
        assert image.encoded_image_string == (folder / file).read_bytes()
        assert read_image(folder / file).shape == (image.height, image.width, 3)
    (text,) = events.Tensors("config/text_summary")
    assert b"network: yolov5-n\n" in text.tensor_proto.string_val[0]


def test_the_pictures_show_something(folder: Path, measurement: Measurement) -> None:
    with RunRecorder(folder, CONFIG, first_step=0) as recorder:
        recorder.step(progress(1))
        recorder.measured(1, measurement, best=True)
    for name in ("pr_curves.png", "confusion.png", "curves.png"):
        picture = read_image(folder / name)
        assert min(picture.shape[:2]) > 300
        assert picture.std() > 15
        assert tuple(picture[0, 0]) == (255, 255, 255)
    # The image is drawn twice as large; a JPEG keeps colours nearly.
    view = read_image(folder / "predictions.jpg")[2 * LINE_PX :]
    for x, colour in ((50, FOUND_COLOUR), (150, MISSED_COLOUR)):
        assert abs(view[80, x].astype(int) - colour).max() < 40


@pytest.mark.usefixtures("quick_curves")
@pytest.mark.parametrize("first_step", [0, 7, 10, 20])
def test_a_killed_run_leaves_the_same(
    tmp_path: Path, measurement: Measurement, first_step: int
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    with RunRecorder(whole, CONFIG, first_step=0) as recorder:
        train(recorder, range(1, 41), measurement)
    dead = RunRecorder(killed, CONFIG, first_step=0)
    train(dead, range(1, 33), measurement)
    dead.flush()  # as before the state is saved
    with (killed / "steps.csv").open("a") as file:
        file.write("33,8.2")
    with RunRecorder(killed, CONFIG, first_step=first_step) as recorder:
        train(recorder, range(first_step + 1, 41), measurement)
    for name in ("steps.csv", "results.csv"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    drawn, expected = (read_image(path / "curves.png") for path in (killed, whole))
    np.testing.assert_array_equal(drawn, expected)
    dead.close()
    assert everything(killed / "events") == everything(whole / "events")


@pytest.mark.usefixtures("quick_curves")
def test_a_measurement_that_was_cut_off_comes_again(
    tmp_path: Path, measurement: Measurement
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
        with RunRecorder(folder, CONFIG, first_step=0) as recorder:
            train(recorder, range(1, 21), measurement)
    with RunRecorder(killed, CONFIG, first_step=20, measured=False) as recorder:
        recorder.measured(20, measurement, best=False)
    assert (killed / "results.csv").read_bytes() == (whole / "results.csv").read_bytes()
    shown = everything(killed / "events")
    assert [step for step, _ in shown["AP/all"]] == [10, 20]
    assert shown == everything(whole / "events")


@pytest.mark.usefixtures("quick_curves")
def test_other_validation_images_when_a_run_goes_on(folder: Path, measurement: Measurement) -> None:
    with RunRecorder(folder, CONFIG, first_step=0) as recorder:
        train(recorder, range(1, 11), measurement)
    (image,) = measurement.images
    images = [LabelledImage(image.path, image.image_wh, image.boxes, image.class_ids + 1)]
    other = Measurement(
        images,
        measurement.detections,
        evaluate_coco(images, measurement.detections, ("car", "bus")),
    )
    with RunRecorder(folder, CONFIG, first_step=10) as recorder:
        train(recorder, range(11, 21), other)
    lines = (folder / "results.csv").read_text().splitlines()
    assert lines[0].endswith("AP,AP50,AP50 car,AP50 bus")
    assert [line.split(",")[-2:] for line in lines[1:]] == [["0.505", ""], ["", "0.0"]]


def test_a_full_disk_ends_the_run_in_one_line(
    folder: Path, measurement: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(folder / "curves.png"))

    monkeypatch.setattr(records, "save_curves", full)
    with RunRecorder(folder, CONFIG, first_step=0) as recorder:
        recorder.step(progress(1))
        with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
            recorder.measured(1, measurement, best=True)
    assert str(error.value) == (
        f"{folder / 'curves.png'}: cannot be written: No space left on device; the same command "
        "goes on from the last checkpoint"
    )


@pytest.mark.parametrize("name", ["steps.csv", "results.csv", "events"])
def test_what_stands_in_the_way_is_named(folder: Path, name: str) -> None:
    if name == "events":
        (folder / name).write_text("")
    else:
        (folder / name).mkdir()
    with pytest.raises(ValueError, match=f"^{folder / name}: cannot be written: "):
        RunRecorder(folder, CONFIG, first_step=0)
