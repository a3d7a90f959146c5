"""An annotated data set on disk, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tracking.evaluation.rows import Protocol, Truth

CLASS_FILE = "classes.txt"


@dataclass(frozen=True, slots=True)
class Dataset:
    """The ground truth of some sequences, and how found tracks are compared with it.

    Attributes:
        protocol: Which boxes count.
        files: The annotation of each sequence, by the sequence's name.
        read: Gives the truth out of such a file; raises `ValueError` with the line at fault.
        class_ids: Class ids of the truth by class name in small letters; empty if classes of
            found tracks are not looked at.
        numbered: Whether found tracks without `classes.txt` have the truth's class ids.
    """

    protocol: Protocol
    files: dict[str, Path]
    read: Callable[[Path], Truth]
    class_ids: Mapping[str, int] = field(default_factory=dict)
    numbered: bool = True


def text_files(folder: Path) -> dict[str, Path]:
    """The text files of a folder by their names' stem, in the order of names; no class names."""
    return {path.stem: path for path in sorted(folder.glob("*.txt")) if path.name != CLASS_FILE}


def read_class_names(folders: Iterable[Path]) -> tuple[str, ...]:
    """The lines of the first `classes.txt` found in the folders; empty if there is none."""
    for folder in folders:
        path = folder / CLASS_FILE
        if path.is_file():
            lines = path.read_text(encoding="utf-8-sig").splitlines()
            return tuple(line.strip() for line in lines if line.strip())
    return ()
