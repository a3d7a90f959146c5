"""Many sources in one call: a failure does not stop the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from detector.detections import Detector
from pipeline.build import build_parts
from pipeline.config import PipelineConfig
from pipeline.errors import InputError
from pipeline.metrics import Metrics
from pipeline.runner import Progress, run_source
from pipeline.sinks.summary import Summary
from pipeline.sources.discovery import SourceSpec, discover


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """How one source ended.

    Attributes:
        source: Its name.
        folder: Where its files are.
        summary: Of a source that was taken to its end.
        error: What stopped it otherwise.
    """

    source: str
    folder: Path
    summary: Summary | None = None
    error: Exception | None = None


def find_sources(words: Sequence[str]) -> tuple[list[SourceSpec], list[InputError]]:
    """The sources that the words stand for, and why other words stand for none."""
    usable: list[str] = []
    faults: list[InputError] = []
    for word in words:
        try:
            discover([word])
        except InputError as fault:
            faults.append(fault)
        else:
            usable.append(word)
    # Together, so that names are unique and a source given twice is taken once.
    return discover(usable), faults


def run_batch(
    specs: Sequence[SourceSpec],
    detector: Detector,
    config: PipelineConfig,
    progress: Progress,
    metrics: Metrics | None = None,
) -> Iterator[Outcome]:
    """Runs the sources one after the other and yields each one's outcome as it ends.

    Ctrl-C goes through: the source in work is closed with complete files first.

    Args:
        specs: Names are unique; each source's files go to the folder of its name.
        detector: Serves all of them.
        config: Of each run.
        progress: Hears of every source and frame.
        metrics: May ask for figures of every source.
    """
    for spec in specs:
        folder = Path(config.output.folder) / spec.name
        try:
            parts = build_parts(spec, detector, config, folder)
            summary = run_source(parts, config, folder, progress, metrics)
        except Exception as error:  # noqa: BLE001 - is the outcome; the next source goes on
            yield Outcome(spec.name, folder, error=error)
        else:
            yield Outcome(spec.name, folder, summary)


def exit_code(*, finished: int, failed: int) -> int:
    """0 if every source was taken to its end, 1 if some were, 2 if none was.

    >>> exit_code(finished=3, failed=0), exit_code(finished=3, failed=1)
    (0, 1)
    >>> exit_code(finished=0, failed=0)
    2
    """
    if not finished:
        return 2
    return 1 if failed else 0
