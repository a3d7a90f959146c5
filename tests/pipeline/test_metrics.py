"""What Prometheus is told, in its own text format."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from detector.data.rendered import CLASS_NAMES
from detector.detections import Detections, Image
from pipeline.batch import run_batch
from pipeline.config import OutputConfig, PipelineConfig
from pipeline.errors import InputError
from pipeline.metrics import Figures, Metrics
from pipeline.sources.discovery import discover
from tests.pipeline.flights import Flight, Oracle, Silent


def ask(metrics: Metrics) -> dict[str, float]:
    """The samples by name with labels."""
    from prometheus_client.parser import text_string_to_metric_families

    with urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return {
        ",".join([one.name, *(one.labels[key] for key in sorted(one.labels))]): one.value
        for one in samples
    }


@pytest.fixture
def metrics() -> Any:
    pytest.importorskip("prometheus_client")
    served = Metrics(0, "127.0.0.1")
    yield served
    served.close()


def test_figures_are_told_with_their_labels(metrics: Metrics) -> None:
    figures = Figures(
        counters={"frames_written": 7},
        gauges={"tracks": 3},
        labelled_counters={"frames_dropped": ("reason", {"late": 2})},
        labelled_gauges={"queue_frames": ("stage", {"track": 1})},
        latency=({0.1: 5, 1.0: 7}, 1.5),
    )
    metrics.follow("gate", lambda: figures)
    told = ask(metrics)
    expected = {
        "video_frames_written_total,gate": 7,
        "video_tracks,gate": 3,
        "video_frames_dropped_total,late,gate": 2,
        "video_queue_frames,gate,track": 1,
        "video_latency_seconds_bucket,0.1,gate": 5,
        "video_latency_seconds_bucket,1.0,gate": 7,
        "video_latency_seconds_bucket,+Inf,gate": 7,
        "video_latency_seconds_count,gate": 7,
        "video_latency_seconds_sum,gate": 1.5,
    }
    assert expected.items() <= told.items()
    if sys.platform == "linux":
        assert told["process_resident_memory_bytes"] > 0


def test_a_run_can_be_asked_while_it_lasts_and_after(
    metrics: Metrics, flight: Flight, tmp_path: Path
) -> None:
    answers: list[dict[str, float]] = []

    class Asking(Oracle):
        def detect(self, images: Sequence[Image]) -> list[Detections]:
            if len(self.batches) == 12:
                answers.append(ask(metrics))
            return super().detect(images)

    config = PipelineConfig(output=OutputConfig(folder=str(tmp_path), video=False))
    specs = discover([str(flight.path)])
    [outcome] = run_batch(specs, Asking(flight.frames), config, Silent(), metrics)
    assert outcome.summary is not None
    [during] = answers
    after = ask(metrics)
    assert 0 < during["video_frames_written_total,flight"] < len(flight.frames)
    assert after["video_frames_written_total,flight"] == len(flight.frames)
    for name in CLASS_NAMES:
        unique = outcome.summary.counts[name].unique_tracks
        assert after[f"video_objects_unique,{name},flight"] == unique
    assert during["video_stage_busy_seconds_total,flight,detect"] > 0
    assert 0 <= during["video_queue_frames,flight,track"] <= 2
    assert "video_frames_received_total,flight" not in after


def test_a_port_that_is_taken_is_one_line(metrics: Metrics) -> None:
    with pytest.raises(InputError, match=r"^--metrics-port: 127.0.0.1:\d+: "):
        Metrics(metrics.port, "127.0.0.1")


def test_without_the_package_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(InputError, match="install the extra `live`"):
        Metrics(0, "127.0.0.1")
