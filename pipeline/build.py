"""Chooses the concrete parts that a config names."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from pathlib import Path

from detector.config import DetectorConfig
from detector.detections import Detector
from pipeline.config import MetricsConfig, PipelineConfig
from pipeline.counting import Counter
from pipeline.errors import InputError
from pipeline.frame import Sink, Source
from pipeline.metrics import Metrics
from pipeline.runner import OUTPUT_FILES, VIDEO_FILE
from pipeline.sinks.counts import CountsSink
from pipeline.sinks.files import make_folder
from pipeline.sinks.mot import MotSink
from pipeline.sinks.segments import Segments, segments_in
from pipeline.sinks.video import VideoSink
from pipeline.sources.discovery import SourceSpec, open_source
from pipeline.steps import Parts
from tracking.build import build_tracker
from tracking.camera_motion import CameraMotion
from tracking.config import FOLLOW_CAMERA


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
    spec: SourceSpec, detector: Detector, config: PipelineConfig, folder: Path
) -> Parts:
    """An open source and fresh parts for it, with its files begun in `folder`.

    What an earlier run left in the folder is removed, once the source is known to open.

    Raises:
        InputError: If the source cannot be opened or the files cannot be made.
    """
    with ExitStack() as opened:
        source = open_source(
            spec,
            max_frames=config.max_frames,
            live=config.live,
            duration_s=config.duration_s,
        )
        opened.callback(source.close)
        _clear(folder, source.info.path)
        counts = CountsSink(folder, detector.class_names)
        opened.callback(counts.close)
        sinks: list[Sink] = [MotSink(folder, detector.class_names)]
        opened.callback(sinks[0].close)
        if config.output.video:
            sinks.append(_video_sink(folder, source, detector, config.output.segment_s))
        opened.pop_all()
    return Parts(
        source,
        detector,
        build_tracker(config.tracker, detector.class_names),
        CameraMotion() if config.tracker.name in FOLLOW_CAMERA else None,
        Counter(detector.class_names),
        counts,
        sinks,
    )


def _video_sink(folder: Path, source: Source, detector: Detector, segment_s: float | None) -> Sink:
    def video(name: str) -> VideoSink:
        return VideoSink(
            folder / name,
            frame_rate=source.info.frame_rate,
            class_names=detector.class_names,
        )

    return video(VIDEO_FILE) if segment_s is None else Segments(video, segment_s)


def _clear(folder: Path, source: str) -> None:
    """Makes the folder, or removes what an earlier run left there.

    Raises:
        InputError: If the source itself is one of those files, or they cannot be removed.
    """
    make_folder(folder)
    for name in [*OUTPUT_FILES, *segments_in(folder)]:
        path = folder / name
        with suppress(OSError):
            if path.samefile(source):
                raise InputError(f"{source}: would be overwritten; choose another --output")
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{path}: cannot be replaced: {error.strerror}") from error
