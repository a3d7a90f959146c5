"""What a run does, for Prometheus to ask."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError

if TYPE_CHECKING:
    from prometheus_client import Metric

_PREFIX = "video_"


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of one source at one moment.

    Attributes:
        counters: Numbers that only grow, by name.
        gauges: Numbers that go up and down, by name.
        labelled_counters: The same by name, each with one label: its name, and numbers by value.
        labelled_gauges: As `labelled_counters`.
        latency: Upper limits in seconds with how many frames were not above; their sum.
    """

    counters: Mapping[str, float] = field(default_factory=dict)
    gauges: Mapping[str, float] = field(default_factory=dict)
    labelled_counters: Mapping[str, tuple[str, Mapping[str, float]]] = field(default_factory=dict)
    labelled_gauges: Mapping[str, tuple[str, Mapping[str, float]]] = field(default_factory=dict)
    latency: tuple[Mapping[float, int], float] = field(default_factory=lambda: ({}, 0.0))


class Metrics:
    """Answers at `http://host:port/metrics` until it is closed.

    Args:
        port: 0 takes a free one.
        host: Address that it listens at.

    Attributes:
        port: Where it listens.

    Raises:
        InputError: If the package prometheus-client is missing, or the port cannot be had.
    """

    def __init__(self, port: int, host: str) -> None:
        try:
            import prometheus_client
        except ImportError:
            raise InputError(
                "--metrics-port: needs the package prometheus-client; install the extra `live`"
            ) from None
        self._sources: dict[str, Callable[[], Figures]] = {}
        self._lock = threading.Lock()
        registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=registry)
        registry.register(self)
        try:
            started = prometheus_client.start_http_server(port, host, registry)
        except OSError as error:
            raise InputError(f"--metrics-port: {host}:{port}: {error.strerror}") from error
        self._server, self._thread = started
        self.port: int = self._server.server_port

    def follow(self, source: str, read: Callable[[], Figures]) -> None:
        """From now on asks `read`, in another thread, about this source."""
        with self._lock:
            self._sources[source] = read

    def finish(self, source: str) -> None:
        """The source has ended: its last figures stay."""
        with self._lock:
            last = self._sources[source]()
            self._sources[source] = lambda: last

    def close(self) -> None:
        """Answers no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def describe(self) -> list[Metric]:
        """Nothing: names are known once a source runs."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All sources' figures; called by prometheus-client."""
        with self._lock:
            now = {source: read() for source, read in self._sources.items()}
        yield from _plain(now)
        yield from _labelled(now)
        yield from _latency(now)
        yield from _device_memory()


def _plain(now: Mapping[str, Figures]) -> Iterator[Metric]:
    from prometheus_client import core

    kinds: tuple[tuple[str, Any], ...] = (
        ("counters", core.CounterMetricFamily),
        ("gauges", core.GaugeMetricFamily),
    )
    for kind, family in kinds:
        names = dict.fromkeys(name for found in now.values() for name in getattr(found, kind))
        for name in names:
            metric = family(_PREFIX + name, _words(name), labels=["source"])
            for source, found in now.items():
                if name in getattr(found, kind):
                    metric.add_metric([source], getattr(found, kind)[name])
            yield metric


def _labelled(now: Mapping[str, Figures]) -> Iterator[Metric]:
    from prometheus_client import core

    kinds: tuple[tuple[str, Any], ...] = (
        ("labelled_counters", core.CounterMetricFamily),
        ("labelled_gauges", core.GaugeMetricFamily),
    )
    for kind, family in kinds:
        labels = {n: one[0] for found in now.values() for n, one in getattr(found, kind).items()}
        for name, label in labels.items():
            metric = family(_PREFIX + name, _words(name), labels=["source", label])
            for source, found in now.items():
                _, values = getattr(found, kind).get(name, (label, {}))
                for value, number in values.items():
                    metric.add_metric([source, value], number)
            yield metric


def _latency(now: Mapping[str, Figures]) -> Iterator[Metric]:
    from prometheus_client import core

    words = "Seconds from a frame's arrival until all files had it"
    metric = core.HistogramMetricFamily(f"{_PREFIX}latency_seconds", words, labels=["source"])
    for source, found in now.items():
        counts, total_s = found.latency
        if counts:
            buckets = [(str(limit_s), float(count)) for limit_s, count in counts.items()]
            buckets.append(("+Inf", buckets[-1][1]))
            metric.add_metric([source], buckets, total_s)
    yield metric


def _device_memory() -> Iterator[Metric]:
    from prometheus_client import core

    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return
    name, words = f"{_PREFIX}device_memory_bytes", "Memory that torch holds on the device"
    metric = core.GaugeMetricFamily(name, words, labels=["device"])
    for index in range(torch.cuda.device_count()):
        metric.add_metric([f"cuda:{index}"], torch.cuda.memory_reserved(index))
    yield metric


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
