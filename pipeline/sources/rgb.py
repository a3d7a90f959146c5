"""Decoded pictures to RGB arrays: matrix, range, HDR, turning and size in one filter graph.

libavfilter reuses the memory of frames that nobody holds any more, which saves the page faults
of a fresh array for each frame; an array that is still held keeps its memory.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from av import VideoFrame
from av.filter import Graph
from av.filter.context import FilterContext

from detector.detections import Image
from pipeline.sources.hdr import HLG, PQ, table_file
from pipeline.sources.orientation import Orientation, orientation

# Values of AVColorSpace and AVColorRange, which PyAV gives as plain numbers.
_RGB, _BT709, _UNTAGGED, _SMPTE170M = 0, 1, 2, 6
_MATRICES = frozenset({_BT709, 4, 5, _SMPTE170M, 7, 9, 10})
_LIMITED, _FULL = 1, 2
_HD_LINES = 720


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """All that the conversion of a picture depends on.

    Attributes:
        size_wh: Width and height as decoded, before it is turned.
        pixel_format: FFmpeg's name.
        matrix: AVColorSpace number, never untagged.
        value_range: AVColorRange number, never untagged.
        orientation: How to turn and mirror the picture for display.
        hdr: AVColorTransferCharacteristic and AVColorPrimaries of a picture of high dynamic
            range; `None` of others.
    """

    size_wh: tuple[int, int]
    pixel_format: str
    matrix: int
    value_range: int
    orientation: Orientation
    hdr: tuple[int, int] | None = None

    @property
    def shown_wh(self) -> tuple[int, int]:
        """Width and height after turning."""
        width, height = self.size_wh
        return (height, width) if self.orientation.transposed else (width, height)


def picture_format(picture: VideoFrame) -> PictureFormat:
    """What must be known of a picture to convert it.

    An untagged matrix is BT.709 from 720 lines on and BT.601 below, as players assume it. An
    untagged range is limited, except for grey and the `yuvj` formats, where it is full.
    """
    pixels = picture.format
    if pixels.is_rgb or pixels.has_palette:
        matrix, value_range = _RGB, _FULL
    else:
        guess = _BT709 if picture.height >= _HD_LINES else _SMPTE170M
        matrix = picture.colorspace if picture.colorspace in _MATRICES else guess
        value_range = _value_range(pixels.name, picture.color_range)
    transfer = picture.color_trc
    return PictureFormat(
        size_wh=(picture.width, picture.height),
        pixel_format=pixels.name,
        matrix=matrix,
        value_range=value_range,
        orientation=orientation(picture),
        hdr=(transfer, picture.color_primaries) if transfer in (PQ, HLG) else None,
    )


def _value_range(pixel_format: str, tagged: int) -> int:
    # libswscale takes grey as full range whatever its tag says, and so do all players built on it.
    if pixel_format.startswith(("yuvj", "gray", "ya")):
        return _FULL
    return tagged if tagged in (_LIMITED, _FULL) else _LIMITED


class RgbConverter:
    """Converts the pictures of one video to arrays of one size.

    Args:
        size_wh: Width and height of the arrays; `None` takes the first picture's, after turning.
    """

    def __init__(self, size_wh: tuple[int, int] | None = None) -> None:
        self.size_wh = size_wh
        self._format: PictureFormat | None = None
        # A FilterContext does not keep its graph alive.
        self._graph: Graph | None = None
        self._ends: tuple[FilterContext, FilterContext] | None = None

    @property
    def scaled(self) -> bool:
        """Whether the last picture had another size than the arrays."""
        return self._format is not None and self._format.shown_wh != self.size_wh

    def convert(self, picture: VideoFrame) -> Image:
        """The picture in RGB, upright, at the converter's size; C-contiguous.

        The array owns its memory for as long as it is referenced.

        Raises:
            av.FFmpegError: If the pixel format cannot be converted.
        """
        found = picture_format(picture)
        if self.size_wh is None:
            self.size_wh = found.shown_wh
        if self._ends is None or found != self._format:
            self._ends = self._build(found, self.size_wh)
            self._format = found
        picture.colorspace = found.matrix
        picture.color_range = found.value_range
        source, sink = self._ends
        source.push(picture)
        converted = sink.pull()
        assert isinstance(converted, VideoFrame)
        return _as_array(converted)

    def _build(
        self, found: PictureFormat, shown_wh: tuple[int, int]
    ) -> tuple[FilterContext, FilterContext]:
        turned = found.orientation.transposed
        width, height = shown_wh[::-1] if turned else shown_wh
        scale = ("scale", {"w": str(width), "h": str(height)})
        steps: list[tuple[str, dict[str, str]]] = [scale]
        with ExitStack() as files:
            if found.hdr is not None:
                table = files.enter_context(table_file(*found.hdr))
                steps += [("format", {"pix_fmts": "gbrp16le"}), ("lut3d", {"file": table}), scale]
            steps.append(("format", {"pix_fmts": "rgb24"}))
            if found.pixel_format == "rgb24":
                # Without it the array would be the decoder's own picture.
                steps.append(("copy", {}))
            return self._link(found, [*steps, *found.orientation.filters])

    def _link(
        self, found: PictureFormat, steps: list[tuple[str, dict[str, str]]]
    ) -> tuple[FilterContext, FilterContext]:
        graph = Graph()
        # One thread: 1080p takes 1 ms, and each source would start a thread for every core.
        graph.threads = 1
        source = graph.add(
            "buffer",
            video_size="{}x{}".format(*found.size_wh),
            pix_fmt=found.pixel_format,
            time_base="1/1",
            pixel_aspect="1/1",
            colorspace=str(found.matrix),
            range=str(found.value_range),
        )
        sink = graph.add("buffersink")
        filters = [graph.add(name, None, **options) for name, options in steps]
        graph.link_nodes(source, *filters, sink).configure()
        self._graph = graph
        return source, sink


def _as_array(picture: VideoFrame) -> Image:
    plane: Any = picture.planes[0]
    shape = (picture.height, picture.width, 3)
    rows = np.ndarray(shape, np.uint8, plane, strides=(plane.line_size, 3, 1))
    # Lines are padded to 64 bytes: widths such as 1100 are copied, 1280, 1920 and 3840 are not.
    return np.ascontiguousarray(rows)
