"""Files that are whole at any time: written beside their place, then put there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, of the same suffix; what was written there replaces `path` at the end."""
    partial = path.with_name(f"{path.stem}.partial{path.suffix}")
    yield partial
    partial.replace(path)


@contextmanager
def checkpointing(path: Path) -> Iterator[Path]:
    """`replacing` for what a run goes on from.

    Raises:
        ValueError: In one line, if it cannot be written, as on a full disk.
    """
    try:
        with replacing(path) as partial:
            yield partial
    except (OSError, RuntimeError, SafetensorError) as error:  # torch's own is a RuntimeError
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path}: cannot be written: {reason}; the same command goes on from the last "
            "checkpoint"
        ) from error
