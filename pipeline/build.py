"""Chooses the concrete parts that a config names."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from detector.config import DetectorConfig
from detector.detections import Detector
from pipeline.checkpoints import CHECKPOINT_FILE, Saved, read_saved
from pipeline.config import MetricsConfig, PipelineConfig
from pipeline.counting import Counter
from pipeline.errors import InputError, ResumeError
from pipeline.frame import Sink, Source
from pipeline.identity import Identity, identity_of
from pipeline.metrics import Metrics
from pipeline.refined import REFINED_FILE
from pipeline.runner import OUTPUT_FILES, SUMMARY_FILE, VIDEO_FILE
from pipeline.sinks.counts import CountsSink
from pipeline.sinks.files import PART, make_folder
from pipeline.sinks.mot import MotSink
from pipeline.sinks.segments import Segments, segments_in
from pipeline.sinks.video import VideoSink
from pipeline.sources.discovery import SourceSpec, open_source
from pipeline.state import State, restored
from pipeline.steps import Memory, Parts
from tracking.build import build_tracker
from tracking.camera_motion import CameraMotion
from tracking.config import FOLLOW_CAMERA

log = logging.getLogger(__name__)


def build_detector(config: DetectorConfig) -> Detector:
    """The detector, its network loaded and on its device.

    Raises:
        InputError: If the weights, the device or a class name cannot be used.
    """
    # OpenMP's threads spin between two layers by default, on cores that decoding and encoding
    # need: two busy cores took 0.2-0.4 s for a frame that takes 0.08 s with this. It is read
    # when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Here and not above: torch takes seconds to load, and nothing else here needs it.
    from detector.inference import build

    try:
        return build.build_detector(config)
    except ValueError as error:
        raise InputError(str(error)) from error


def build_metrics(config: MetricsConfig) -> Metrics | None:
    """The server of figures, at work; `None` if none is asked for.

    Raises:
        InputError: If its package is missing or its port cannot be had.
    """
    return None if config.port is None else Metrics(config.port, config.host)


def build_parts(
    spec: SourceSpec,
    detector: Detector,
    config: PipelineConfig,
    folder: Path,
    *,
    resume: bool = False,
) -> Parts:
    """An open source and the parts for it, with its files begun in `folder`.

    What an earlier run left in the folder is removed, once the source is known to open; with
    `resume` it is gone on with, if it is of the same settings and input.

    Raises:
        InputError: If the source cannot be opened or the files cannot be made.
    """
    # A stream cannot be had again.
    identity = None if spec.address else identity_of(spec, config)
    if resume and identity is not None:
        try:
            saved = read_saved(folder, identity)
            if saved is not None:
                return _built(spec, detector, config, folder, identity, saved)
        except ResumeError as error:
            log.warning("%s: begins anew: %s", spec.name, error)
    return _built(spec, detector, config, folder, identity, None)


def _built(
    spec: SourceSpec,
    detector: Detector,
    config: PipelineConfig,
    folder: Path,
    identity: Identity | None,
    saved: Saved | None,
) -> Parts:
    names = detector.class_names
    with ExitStack() as opened:
        source = open_source(
            spec,
            max_frames=config.max_frames,
            live=config.live,
            duration_s=config.duration_s,
            after=saved.place if saved else None,
        )
        opened.callback(source.close)
        camera = CameraMotion() if config.tracker.name in FOLLOW_CAMERA else None
        memory = Memory(build_tracker(config.tracker, names), camera, Counter(names))
        if saved is None:
            _clear(folder, source.info.path)
        else:
            restored(memory, saved.memory)
        counts = CountsSink(folder, names, saved and saved.sink(CountsSink))
        opened.callback(counts.close)
        sinks: list[Sink] = [MotSink(folder, names, saved and saved.sink(MotSink))]
        opened.callback(sinks[0].close)
        if config.output.video:
            sinks.append(_video_sink(folder, source, names, config.output.segment_s, saved))
        if saved is not None:
            _remove(folder, [SUMMARY_FILE, REFINED_FILE])
        opened.pop_all()
    return Parts(
        source,
        detector,
        memory.tracker,
        memory.camera,
        memory.counter,
        counts,
        sinks,
        identity,
        saved,
    )


def _video_sink(
    folder: Path,
    source: Source,
    class_names: Sequence[str],
    segment_s: float | None,
    saved: Saved | None,
) -> Sink:
    def video(name: str, state: State | None) -> VideoSink:
        return VideoSink(
            folder / name,
            frame_rate=source.info.frame_rate,
            pixel_aspect=source.info.pixel_aspect,
            class_names=class_names,
            saved=state,
        )

    if segment_s is None:
        return video(VIDEO_FILE, saved and saved.sink(VideoSink))
    segments = Segments(video, segment_s, saved and saved.sink(Segments))
    # Those that an earlier run began after its last word.
    _remove(folder, segments_in(folder)[segments.count :])
    return segments


def _clear(folder: Path, source: str) -> None:
    """Makes the folder, or removes what an earlier run left there.

    Raises:
        InputError: If the source itself is one of those files, or they cannot be removed.
    """
    make_folder(folder)
    # The checkpoint goes first: without its files it would be of no use.
    names = [CHECKPOINT_FILE, *OUTPUT_FILES, *segments_in(folder)]
    for name in names:
        path = folder / name
        with suppress(OSError):
            if path.samefile(source):
                raise InputError(f"{source}: would be overwritten; choose another --output")
    _remove(folder, [*names, *(name + PART for name in names)])


def _remove(folder: Path, names: Sequence[str]) -> None:
    for path in (folder / name for name in names):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{path}: cannot be replaced: {error.strerror}") from error
