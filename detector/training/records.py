"""What a training run leaves for people to look at: tables, TensorBoard events and pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
import yaml
from pydantic import TypeAdapter

from detector.data.dataset import Batch
from detector.data.images import image_size
from detector.detections import Image
from detector.evaluation.confusion import confusion_matrix
from detector.evaluation.plots import save_confusion, save_pr_curves
from detector.training.config import TrainConfig
from detector.training.curves import save_curves
from detector.training.evaluation import Measurement
from detector.training.events import EventLog
from detector.training.files import replacing
from detector.training.pictures import SHOWN_SCORE, batch_picture, predictions_picture
from detector.training.progress import Progress
from detector.training.tables import LOSSES, STEP_COLUMNS, ResultTable, StepTable

_LOG = logging.getLogger(__name__)

BATCH_PICTURES = 3
"""Training batches that are drawn, from the first."""

EVENT_STEPS = 10
"""Steps whose mean is a point of the curves in TensorBoard."""

FIGURES = {
    "AP": "ap",
    "AP50": "ap50",
    "AP75": "ap75",
    "AP small": "ap_small",
    "AP medium": "ap_medium",
    "AP large": "ap_large",
    "AR": "ar",
}
"""Curves of TensorBoard for each class, and the field of `CocoFigures` that each shows."""


class RunRecorder:
    """What a run leaves for people to look at, in its folder.

    | file | holds | written |
    |---|---|---|
    | `steps.csv` | losses, learning rate, images/s, memory, waiting share | at each step |
    | `results.csv` | mean losses since the last row, figures | at each measurement |
    | `events/` | the same, every class's figures and the pictures, for TensorBoard | on the way |
    | `curves.png` | losses, figures, learning rate, speed over the steps | at each measurement |
    | `predictions.jpg` | parts of validation images: found, missed, false | of the best weights |
    | `pr_curves.png` | precision over recall of each class at IoU 0.5 | of the best weights |
    | `confusion.png` | what was found as what at IoU 0.5 | of the best weights |
    | `batch_0.jpg`, ... | the first training batches, boxes and ignore regions | once |

    When a run goes on, what lies behind `first_step` is dropped, so that nothing stands there
    twice. A file that cannot be written, as on a full disk, ends the run: checkpoints could not be
    written either, and the same command goes on from the last one.

    Args:
        folder: Of the run; existing.
        config: The run.
        first_step: Steps that the run has done.
        measured: Whether the measurement of `first_step`, if one was due, was noted; otherwise it
            comes again.

    Raises:
        ValueError: If a file cannot be written, or an old table is malformed. So do the methods.
    """

    def __init__(
        self, folder: Path, config: TrainConfig, *, first_step: int, measured: bool = True
    ) -> None:
        self._folder = folder
        self._names = config.class_names
        with _writing(folder):
            self._steps = StepTable(folder / "steps.csv", first_step)
            kept = first_step if measured else first_step - 1
            self._results = ResultTable(folder / "results.csv", kept)
            self._events = EventLog(folder / "events", kept + 1 if first_step else 0)
            if first_step == 0:
                settings = TypeAdapter(TrainConfig).dump_python(config, mode="json")
                text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
                self._events.text("config", "    " + text.replace("\n", "\n    "))
            elif not measured:
                self._mean_events(first_step)

    def step(self, progress: Progress) -> None:
        """Notes a step."""
        with _writing(self._folder):
            self._steps.append(progress)
            self._mean_events(progress.step)

    def batch(self, batch: Batch, step: int) -> None:
        """Draws the batch that step number `step`, from 1, learns from, if it is an early one."""
        if step <= BATCH_PICTURES:
            picture = batch_picture(batch, self._names, f"training batch of step {step}")
            with _writing(self._folder):
                self._save(picture, f"batch_{step - 1}.jpg")
                self._show(f"batch_{step - 1}.jpg", step)

    def measured(self, step: int, measurement: Measurement, *, best: bool) -> None:
        """Notes a measurement; draws the curves and, of the best so far, what it found."""
        figures = {
            f"{figure}/{row.name}": float(getattr(row, field))
            for row in (measurement.result.overall, *measurement.result.classes)
            for figure, field in FIGURES.items()
        }
        with _writing(self._folder):
            self._results.append(self._row(step, measurement))
            known = {tag: value for tag, value in figures.items() if not np.isnan(value)}
            self._events.scalars(known, step)
            with replacing(self._folder / "curves.png") as partial:
                save_curves(self._steps.numbers(), self._results.rows, partial)
            self._show("curves.png", step)
            if best:
                self._draw_best(step, measurement)
        self.flush()
        texts = ", ".join(f"{name} {value:.3f}" for name, value in measurement.figures.items())
        _LOG.info("step %d: %s%s", step, texts, ", the best so far" if best else "")

    def flush(self) -> None:
        """Puts everything into the files, so that a run can go on from here after a kill."""
        with _writing(self._folder):
            self._steps.flush()
            self._events.flush()

    def close(self) -> None:
        """Ends the files."""
        with _writing(self._folder):
            self._steps.flush()
            self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _row(self, step: int, measurement: Measurement) -> dict[str, float]:
        """Of `results.csv`."""
        last = max((row["step"] for row in self._results.rows), default=0)
        recent = self._steps.numbers(since=int(last))
        row: dict[str, float] = {"step": step}
        if len(recent["step"]):
            row["epoch"] = float(recent["epoch"][-1])
            row |= {name: round(float(recent[name].mean()), 6) for name in LOSSES}
            row["learning_rate"] = float(recent["learning_rate"][-1])
        return row | measurement.figures

    def _mean_events(self, step: int) -> None:
        recent = self._steps.numbers(since=step - EVENT_STEPS)
        if step % EVENT_STEPS == 0 and len(recent["step"]):
            means = {_tag(name): float(recent[name].mean()) for name in STEP_COLUMNS[1:]}
            means["train/epoch"] = float(recent["epoch"][-1])
            self._events.scalars(means, step)
            self._steps.flush()

    def _draw_best(self, step: int, measurement: Measurement) -> None:
        images, detections = measurement.images, measurement.detections
        what = f"best weights, step {step}, {len(images)} validation images"
        scores = f"from score {SHOWN_SCORE} up"
        picture = predictions_picture(measurement, self._names, f"{what}, {scores}")
        self._save(picture, "predictions.jpg")
        with replacing(self._folder / "pr_curves.png") as partial:
            save_pr_curves(measurement.result.curves, partial, f"{what}, IoU 0.5")
        matrix = confusion_matrix(images, detections, self._names, score=SHOWN_SCORE)
        with replacing(self._folder / "confusion.png") as partial:
            save_confusion(matrix, self._names, partial, f"{what}\nIoU 0.5, {scores}")
        for name in ("predictions.jpg", "pr_curves.png", "confusion.png"):
            self._show(name, step)

    def _save(self, picture: Image, name: str) -> None:
        """Puts a picture into the folder."""
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        # Colours at full resolution: thin lines would turn dull otherwise.
        how = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
        coded = cv2.imencode(".jpg", bgr, how)[1]
        with replacing(self._folder / name) as partial:
            partial.write_bytes(coded.tobytes())

    def _show(self, name: str, step: int) -> None:
        """Puts a picture of the folder into TensorBoard."""
        path = self._folder / name
        tag = path.stem.replace("_", "/") if path.stem.startswith("batch") else path.stem
        self._events.picture(tag, path.read_bytes(), image_size(path), step)


def _tag(column: str) -> str:
    """Of TensorBoard, which groups by what stands before the slash."""
    return f"{'loss' if column in LOSSES else 'train'}/{column}"


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Turns an error of the system into one line that says what to do."""
    try:
        yield
    except OSError as error:
        raise ValueError(
            f"{error.filename or folder}: cannot be written: {error.strerror}; the same command "
            "goes on from the last checkpoint"
        ) from error
