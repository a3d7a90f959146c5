"""A state as one file: numbers and text as JSON, arrays as safetensors; nothing is unpickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pipeline.errors import ResumeError
from pipeline.sinks.files import output_errors, write_bytes_atomically
from pipeline.state import State

MAX_BYTES = 1 << 30
"""A state is a few megabytes; what is larger is none."""

_ARRAY = "array"
_TREE = "state"


def write_state(path: Path, state: State) -> None:
    """Replaces the file in one step.

    Raises:
        InputError: If it cannot be written.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    tree = json.dumps(_without_arrays(state, arrays))
    write_bytes_atomically(path, save(arrays, {_TREE: tree}))


def read_state(path: Path) -> State:
    """The state in a file; `None` if there is no such file.

    Raises:
        ResumeError: If it holds none, or more than `MAX_BYTES`.
        InputError: If it cannot be read.
    """
    with output_errors(path):
        if not path.exists():
            return None
        size = path.stat().st_size
    if size > MAX_BYTES:
        raise ResumeError(f"{path}: {size} bytes are too many for the state of a run")
    try:
        with safe_open(path, framework="numpy") as file:
            tree = json.loads((file.metadata() or {})[_TREE])
            return _with_arrays(tree, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ResumeError(f"{path}: not the state of a run: {error}") from error


def _without_arrays(state: State, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    """The state with a number in place of each array, which goes to `arrays`."""
    if isinstance(state, np.ndarray):
        name = str(len(arrays))
        arrays[name] = np.ascontiguousarray(state)
        return {_ARRAY: name}
    if isinstance(state, dict):
        # Nested, so that no key can be taken for the mark of an array.
        return {"dict": {key: _without_arrays(one, arrays) for key, one in state.items()}}
    if isinstance(state, list):
        return [_without_arrays(one, arrays) for one in state]
    return state


def _with_arrays(tree: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> State:
    if isinstance(tree, list):
        return [_with_arrays(one, arrays) for one in tree]
    if not isinstance(tree, dict):
        return tree
    if _ARRAY in tree:
        return arrays[tree[_ARRAY]]
    return {key: _with_arrays(one, arrays) for key, one in tree["dict"].items()}
