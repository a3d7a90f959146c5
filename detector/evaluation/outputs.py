"""Where an evaluation writes: figures, report and detections, each only if asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from detector.config import DetectorConfig
from detector.evaluation.saved import require_new, save_detections
from detector.evaluation.selection import Choice, Selection
from detector.evaluation.settings import describe_weights

if TYPE_CHECKING:
    from detector.evaluation.scoring import Run


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files of an evaluation; `None` where one is not wanted.

    Attributes:
        json_file: Of the figures.
        report: Folder of `report.html`.
        detections: File or folder of the detections.
    """

    json_file: Path | None
    report: Path | None
    detections: Path | None

    def require_room(self) -> None:
        """Accepts places that can be written to, before anything is computed.

        Raises:
            ValueError: In one line, at the first that cannot be.
        """
        if self.json_file is not None and not self.json_file.parent.is_dir():
            raise ValueError(f"--json: {self.json_file.parent}: no such folder")
        if self.json_file is not None and self.json_file.is_dir():
            raise ValueError(f"--json: {self.json_file}: a folder; give a file")
        if self.report is not None and self.report.exists() and not self.report.is_dir():
            raise ValueError(f"--report: {self.report}: not a folder")
        if self.detections is not None:
            require_new(self.detections)
        for path in filter(None, (self.json_file, self.report, self.detections)):
            there = next(p for p in (path, *path.absolute().parents) if p.exists())
            if not os.access(there, os.W_OK):
                raise ValueError(f"{path}: no permission to write there")

    def write(
        self,
        choice: Choice,
        selection: Selection,
        runs: Sequence[Run],
        config: DetectorConfig | None,
    ) -> None:
        """Writes what is wanted.

        Args:
            choice: What was measured on.
            selection: Its images.
            runs: At least one; the detections are those of the first.
            config: The detector; `None` where saved detections were measured.

        Raises:
            ValueError: In one line, if a file cannot be written.
        """
        settings = _describe(config) if self.json_file or self.report else {}
        if self.detections is not None:
            with _writing(self.detections):
                save_detections(
                    self.detections,
                    selection.paths,
                    runs[0].detections,
                    selection.result_names(),
                    selection.class_names,
                )
        if self.json_file is not None:
            with _writing(self.json_file):
                _write_json(self.json_file, choice, runs, settings)
        if self.report is not None:
            from detector.evaluation.html import write_report
            from detector.evaluation.scoring import Subject

            images, names = selection.images, selection.class_names
            with _writing(self.report):
                subject = Subject(choice.split, choice.protocol, images, names, settings)
                write_report(self.report, subject, runs)


def _write_json(path: Path, choice: Choice, runs: Sequence[Run], settings: dict[str, Any]) -> None:
    """Writes the figures of the first run, those of others under their names, and the settings."""
    from detector.evaluation.report import as_json

    first, *others = [as_json(run.result, choice.split) | {"how": run.how} for run in runs]
    named = {run.name: figures for run, figures in zip(runs[1:], others, strict=True)}
    path.write_text(json.dumps(first | named | settings, indent=2) + "\n", encoding="utf-8")


def _describe(config: DetectorConfig | None) -> dict[str, Any]:
    """Settings and weights as plain data; nothing of saved detections."""
    if config is None:
        return {}
    settings = TypeAdapter(DetectorConfig).dump_python(config, mode="json")
    return {"detector": settings, "weights": describe_weights(config)}


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ValueError(f"{path}: cannot be written: {error.strerror}") from None
