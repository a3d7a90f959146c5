"""Found tracks on disk: which file belongs to which sequence, and what its classes mean."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from tracking.evaluation.dataset import Dataset, read_class_names, text_files
from tracking.evaluation.rows import NO_CLASS, TrackRows
from tracking.evaluation.tables import BOX_COLUMNS, LIMIT, read_table

TRACK_FILE = "tracks.txt"

_COLUMNS = (*BOX_COLUMNS, "score", "class")
_SHOWN = 5


def find_results(root: Path, names: Collection[str]) -> tuple[dict[str, Path], list[str]]:
    """The found tracks of the sequences: `SEQ.txt` or `SEQ/tracks.txt` in a folder.

    For one sequence `root` may be its file, or the folder with its `tracks.txt`.

    Returns:
        The file of each sequence, and the names of those that belong to no sequence.

    Raises:
        ValueError: If a sequence has none.
    """
    if root.is_file():
        if len(names) > 1:
            raise ValueError(f"{root}: one file of tracks for {len(names)} sequences of truth")
        return dict.fromkeys(names, root), []
    here = {**_nested(root), **text_files(root)}
    alone = here.pop(Path(TRACK_FILE).stem, None)
    if alone is not None and len(names) == 1 and not here.keys() & set(names):
        return dict.fromkeys(names, alone), []
    missing = [name for name in names if name not in here]
    if missing:
        raise ValueError(
            f"{root}: no {shorten(missing, '.txt')} or SEQ/{TRACK_FILE}; without tracks nothing "
            f"is compared: add an empty file, or choose with --sequences"
        )
    extra = sorted(set(here) - set(names))
    return {name: here[name] for name in names}, extra


def shorten(names: Collection[str], suffix: str = "") -> str:
    """The first names with commas between, and how many follow.

    >>> shorten(["a", "b"], ".txt")
    'a.txt, b.txt'
    """
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"{name}{suffix}" for name in list(names)[:_SHOWN]) + more


def read_found(path: Path, dataset: Dataset) -> TrackRows:
    """The tracks in a file of `frame,id,x,y,w,h[,score,class,...]`, with the truth's class ids.

    With `classes.txt` beside it class 0 is the first name there, and rows whose class the truth
    does not know are left out. A row without a class has `NO_CLASS`.

    Raises:
        ValueError: If a row cannot be used.
    """
    table = read_table(path, _COLUMNS, required=len(BOX_COLUMNS))
    table.whole("id", 0, LIMIT)
    nothing = np.full(len(table.values), NO_CLASS)
    if not dataset.class_ids:
        return table.tracks(nothing)
    if names := read_class_names([path.parent]):
        own = table.whole("class", 0, len(names) - 1)
        ids = [dataset.class_ids.get(name.lower(), NO_CLASS) for name in names]
        classes = np.array(ids, np.int64)[own]
        return table.tracks(classes, classes != NO_CLASS)
    if not dataset.numbered:
        return table.tracks(nothing)
    # Another number: tracks without a class have 0 or -1 there.
    known = np.isin(table["class"], list(dataset.class_ids.values()))
    return table.tracks(np.where(known, table["class"], NO_CLASS).astype(np.int64))


def unknown_classes(path: Path, dataset: Dataset) -> list[str]:
    """The names in the `classes.txt` beside a file of tracks that the truth does not know."""
    names = read_class_names([path.parent]) if dataset.class_ids else ()
    return [name for name in names if name.lower() not in dataset.class_ids]


def _nested(root: Path) -> dict[str, Path]:
    return {path.parent.name: path for path in sorted(root.glob(f"*/{TRACK_FILE}"))}
