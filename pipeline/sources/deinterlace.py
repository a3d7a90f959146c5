"""Interlaced pictures made whole, one for one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import av
from av import VideoFrame
from av.filter import Graph
from av.filter.context import FilterContext

_NEVER = object()
# BWDIF refuses planes of less than three lines or columns.
_LEAST_PX = 16


class Deinterlacer:
    """Fills in the lines that the second field of an interlaced picture shifts.

    Each picture gives one, at its own time and with its own tags. Progressive pictures pass
    unchanged, at once before the first interlaced one and one picture later from then on
    (BWDIF looks at the pictures before and after).
    """

    def __init__(self) -> None:
        self._ends: tuple[Graph, FilterContext, FilterContext] | None = None
        self._format: object = _NEVER
        self._inside: deque[VideoFrame] = deque()

    def push(self, picture: VideoFrame) -> Iterator[VideoFrame]:
        """Takes the next picture; gives those that are done."""
        found = (picture.width, picture.height, picture.format.name)
        if min(found[:2]) < _LEAST_PX or (self._ends is None and not picture.interlaced_frame):
            yield from self.flush()
            yield picture
            return
        if found != self._format:
            yield from self.flush()
            self._ends, self._format = _graph(picture), found
        assert self._ends is not None
        _, source, sink = self._ends
        self._inside.append(picture)
        source.push(picture)
        yield from self._pull(sink)

    def flush(self) -> Iterator[VideoFrame]:
        """The pictures still inside; a picture pushed later starts anew."""
        if self._ends is not None:
            _, source, sink = self._ends
            self._ends, self._format = None, _NEVER
            source.push(None)
            yield from self._pull(sink)
        self._inside.clear()

    def _pull(self, sink: FilterContext) -> Iterator[VideoFrame]:
        while True:
            try:
                done = sink.pull()
            except (BlockingIOError, av.error.EOFError):
                return
            assert isinstance(done, VideoFrame)
            # The filter counts in a time base of its own.
            done.pts = self._inside.popleft().pts
            yield done


def deinterlaced(pictures: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
    """The pictures of one video, the interlaced ones made whole."""
    deinterlacer = Deinterlacer()
    for picture in pictures:
        yield from deinterlacer.push(picture)
    yield from deinterlacer.flush()


def _graph(picture: VideoFrame) -> tuple[Graph, FilterContext, FilterContext]:
    graph = Graph()
    graph.threads = 1
    source = graph.add(
        "buffer",
        video_size=f"{picture.width}x{picture.height}",
        pix_fmt=picture.format.name,
        time_base="1/1",
        pixel_aspect="1/1",
        colorspace=str(picture.colorspace),
        range=str(picture.color_range),
    )
    steps = [graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")]
    graph.link_nodes(source, *steps).configure()
    return graph, source, steps[-1]
