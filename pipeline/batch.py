"""Many sources in one call: a failure does not stop the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from detector.detections import Detector
from pipeline.build import build_parts
from pipeline.checkpoints import CHECKPOINT_FILE
from pipeline.config import PipelineConfig
from pipeline.errors import InputError
from pipeline.identity import Identity, identity_of
from pipeline.ledger import Ledger
from pipeline.lock import locked
from pipeline.metrics import Metrics
from pipeline.runner import SUMMARY_FILE, TRACKS_FILE, Progress, describe, run_source
from pipeline.sinks.summary import Summary, read_summary
from pipeline.sources.discovery import SourceSpec, discover

ORPHANS_S = 2.0
"""Seconds in which the workers of a killed batch have ended."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """How one source ended.

    Attributes:
        source: Its name.
        folder: Where its files are.
        summary: Of a source that was taken to its end, by this run or one before.
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
    *,
    resume: bool = False,
) -> Iterator[Outcome]:
    """Runs the sources one after the other and yields each one's outcome as it ends.

    The ledger in the output folder says of each what became of it. Ctrl-C goes through: the
    source in work is closed with complete files first.

    Args:
        specs: Names are unique; each source's files go to the folder of its name.
        detector: Serves all of them.
        config: Of each run.
        progress: Hears of every source and frame.
        metrics: May ask for figures of every source.
        resume: Whether to leave out what is done, and to go on within what was begun, where
            settings and input are the same.
    """
    done = done_before(specs, config) if resume else {}
    for spec in specs:
        if spec.name in done:
            yield done[spec.name]
        else:
            yield run_one(spec, detector, config, progress, metrics, resume=resume)


def done_before(specs: Sequence[SourceSpec], config: PipelineConfig) -> dict[str, Outcome]:
    """The outcomes of those sources that an earlier run has done, with the same settings."""
    folder = Path(config.output.folder)
    identities: dict[str, Identity] = {}
    for spec in specs:
        with suppress(InputError):  # it is told when the source is run
            identities[spec.name] = identity_of(spec, config)
    found: dict[str, Outcome] = {}
    for name in Ledger(folder).done(identities):
        with suppress(InputError):  # without its summary it is run again
            summary = read_summary(folder / name / SUMMARY_FILE)
            if summary.status == "complete":
                found[name] = Outcome(name, folder / name, summary)
    return found


def run_one(
    spec: SourceSpec,
    detector: Detector,
    config: PipelineConfig,
    progress: Progress,
    metrics: Metrics | None = None,
    *,
    resume: bool = False,
) -> Outcome:
    """Runs one source, as `run_batch`; its folder is locked meanwhile."""
    folder = Path(config.output.folder) / spec.name
    try:
        identity = identity_of(spec, config)
        with locked(folder, ORPHANS_S if resume else 0.0), _noted(spec.name, identity, config):
            if resume:
                _check_stream(spec, folder)
            parts = build_parts(spec, detector, config, folder, resume=resume)
            summary = run_source(parts, config, folder, progress, metrics)
    except Exception as error:  # noqa: BLE001 - is the outcome; the next source goes on
        return Outcome(spec.name, folder, error=error)
    with suppress(OSError):
        (folder / CHECKPOINT_FILE).unlink()
    return Outcome(spec.name, folder, summary)


@contextmanager
def _noted(source: str, identity: Identity, config: PipelineConfig) -> Iterator[None]:
    """Writes what becomes of a source into the ledger."""
    ledger = Ledger(Path(config.output.folder))
    ledger.note(source, "claimed", identity)
    try:
        yield
    except BaseException as error:
        with suppress(InputError):  # the fault itself is told
            stopped = isinstance(error, KeyboardInterrupt)
            ledger.note(source, "interrupted" if stopped else "failed", identity, describe(error))
        raise
    ledger.note(source, "done", identity)


def _check_stream(spec: SourceSpec, folder: Path) -> None:
    """Keeps a stream's files, which could not be made again.

    Raises:
        InputError: If there are any.
    """
    if spec.address is not None and (folder / TRACKS_FILE).exists():
        raise InputError(
            f"{spec.name}: a live stream cannot be gone on with, and {folder} holds what an "
            "earlier run saw of it; choose another --output, or leave out --resume to replace it"
        )


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
