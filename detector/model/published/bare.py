"""Pickles that are in no archive: always refused, by what they hold."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import NoReturn

from detector.model.published.archive import MOST_PICKLE_BYTES
from detector.model.published.inert import OLD_FORMAT, read_pickle


def refuse_bare_pickle(path: Path) -> None:
    """Refuses a file that begins as a pickle, as torch wrote them before version 1.6.

    Raises:
        ValueError: If it is one; the message names what it holds that no checkpoint does, else
            the format.
    """
    with path.open("rb") as file:
        if file.read(1) != b"\x80":
            return
        file.seek(0)
        content = file.read(MOST_PICKLE_BYTES)
    stream = BytesIO(content)
    while stream.tell() < len(content):
        read_pickle(stream, _refuse_storage)
    raise ValueError("a bare pickle, not a file of torch.save")


def _refuse_storage(_: str) -> NoReturn:
    raise ValueError(OLD_FORMAT)
