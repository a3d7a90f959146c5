"""The file that a killed run goes on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from detector.training.files import checkpointing

FORMAT = 2
"""Of the file's content; raised with every change of it."""


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Writes plain data and tensors; a kill leaves the old file or the new one.

    Raises:
        ValueError: If it cannot be written.
    """
    with checkpointing(path) as partial:
        torch.save({"format": FORMAT, **state}, partial)


def load_state(path: Path) -> dict[str, Any] | None:
    """What `save_state` wrote, on the CPU; `None` if there is no such file.

    Nothing in the file is executed.

    Raises:
        ValueError: In one line, if the file is damaged or of another version.
    """
    if not path.exists():
        return None
    try:
        state: Any = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # noqa: BLE001 - damaged bytes fail anywhere inside torch's reader
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(
            f"{path}: damaged, the run cannot go on from it: {reason}; a new run needs a folder "
            "of its own"
        ) from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(
            f"{path}: of another version of this program, which alone can go on from it; "
            "a new run needs a folder of its own"
        )
    return state
