"""Just enough of the MP4 file format to tell whether a file is cut off."""

from __future__ import annotations

import os
from pathlib import Path

HEAD_BYTES = 16
CUT_OFF = "cut off or damaged: the file ends within a fragment"

# A fragment is a second or so; longer files are not walked to their end.
_MAX_BOXES = 1_000_000


def is_mp4(head: bytes) -> bool:
    """Whether a file that starts with these bytes is MP4 or MOV."""
    return head[4:8] == b"ftyp"


def ends_within_box(path: Path) -> bool:
    """Whether the last box of an MP4 file states more bytes than the file has."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        start = 0
        for _ in range(_MAX_BOXES):
            if start == end:
                return False
            file.seek(start)
            head = file.read(HEAD_BYTES)
            size = int.from_bytes(head[:4], "big")
            if size == 1:
                size = int.from_bytes(head[8:16], "big")
            if size == 0:  # the last box, which reaches to the end
                return False
            if size < 8 or start + size > end:
                return True
            start += size
    return False
