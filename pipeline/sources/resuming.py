"""Sources that go on behind the last frame of an earlier run."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

import numpy as np

from detector.detections import Image
from pipeline.errors import ResumeError
from pipeline.frame import Frame, Place, Source


class Recorded(Source, Protocol):
    """A source whose frames can be had again."""

    def skip_to(self, place: Place, *, near: bool) -> Frame | None:
        """Passes over all frames up to the one at this place, and returns that one.

        `None` if it is not found. With `near` as little as possible is decoded.
        """
        ...


def checksum(image: Image) -> int:
    """CRC-32 of the pixels."""
    return zlib.crc32(np.ascontiguousarray(image).data)


def open_behind(open_source: Callable[[], Recorded], place: Place) -> Source:
    """The source, of which the frame after the one at this place comes first.

    The frame at the place is compared with what the earlier run saw there. Where it differs,
    because the key frame before it was none to begin with, all is decoded from the start.

    Args:
        open_source: Opens it at its first frame.
        place: Of the earlier run.

    Raises:
        InputError: If it cannot be opened.
        ResumeError: If it has another frame at that place.
    """
    for near in (True, False):
        source = open_source()
        try:
            frame = source.skip_to(place, near=near)
            if frame is not None and _is_at(frame, place):
                return source
        except BaseException:
            source.close()
            raise
        source.close()
    raise ResumeError(f"frame {place.index} is not the one that was analysed")


def _is_at(frame: Frame, place: Place) -> bool:
    found = (frame.index, frame.pts, frame.time_base, checksum(frame.image))
    return found == (place.index, place.pts, place.time_base, place.checksum)
