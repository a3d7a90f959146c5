"""Names of sources as folders, and names of files in messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\ud800-\udfff]")
_MAX_NAME_BYTES = 200


def shown(path: str | Path) -> str:
    r"""A path as it is if it can be printed in one line, else with escapes.

    >>> shown("a b.mp4"), shown("a\nb.mp4")
    ('a b.mp4', "'a\\nb.mp4'")
    """
    text = str(path)
    return text if text.isprintable() else ascii(text)


def safe_name(stem: str) -> str:
    r"""A name that can be a folder's: no control characters, at most 200 bytes, not empty.

    >>> safe_name("flight 1: north"), safe_name("a\nb"), safe_name("..")
    ('flight 1: north', 'a_b', 'source')
    """
    name = _UNSAFE.sub("_", stem)
    name = name.encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
    return "source" if name in ("", ".", "..") else name


def unique_names(names: Sequence[str]) -> list[str]:
    """The names, with `_2`, `_3` ... where one is taken; case alone does not tell two apart.

    Folders whose names differ in case only are one folder on many disks.

    >>> unique_names(["a", "a", "a_2", "A"])
    ['a', 'a_3', 'a_2', 'A_4']
    """
    wanted = {name.casefold() for name in names}
    used: set[str] = set()
    unique = []
    for name in names:
        candidate, number = name, 1
        while candidate.casefold() in used or (number > 1 and candidate.casefold() in wanted):
            number += 1
            candidate = f"{name}_{number}"
        used.add(candidate.casefold())
        unique.append(candidate)
    return unique
