"""How a picture must be turned and mirrored to be seen as it was meant."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from av import VideoFrame

_MATRIX_BYTES = 36


class Orientation(NamedTuple):
    """Rows and columns exchanged first, then left and right, then top and bottom.

    >>> Orientation(True, False, True).filters  # a quarter turn counterclockwise
    [('transpose', {'dir': 'cclock'})]
    """

    transposed: bool
    hflip: bool
    vflip: bool

    @property
    def filters(self) -> list[tuple[str, dict[str, str]]]:
        """The filters of libavfilter that do it."""
        if self.transposed:
            turns = ("cclock_flip", "cclock"), ("clock", "clock_flip")
            return [("transpose", {"dir": turns[self.hflip][self.vflip]})]
        wanted = (("hflip", self.hflip), ("vflip", self.vflip))
        return [(name, {}) for name, needed in wanted if needed]


UPRIGHT = Orientation(transposed=False, hflip=False, vflip=False)


def orientation(picture: VideoFrame) -> Orientation:
    """What the display matrix of a picture asks for, to the nearest quarter turn."""
    matrix: Any = picture.side_data.get("DISPLAYMATRIX")
    if matrix is None or matrix.buffer_size < _MATRIX_BYTES:
        return UPRIGHT
    # Rows of a 3x3 matrix from the left of which (x, y, 1) is multiplied; ISO/IEC 14496-12, 6.2.2.
    xx, xy, _, yx, yy = struct.unpack_from("=5i", bytes(matrix))
    if abs(xx) + abs(yy) >= abs(xy) + abs(yx):
        return Orientation(transposed=False, hflip=xx < 0, vflip=yy < 0)
    return Orientation(transposed=True, hflip=yx < 0, vflip=xy < 0)
