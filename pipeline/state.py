"""What an object remembers, as plain data and back.

A class needs nothing for it: its attributes are walked. Restoring fills a fresh object of the
same class and settings, and takes nothing from the data but numbers, text and arrays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

import numpy as np

from pipeline.errors import ResumeError

State: TypeAlias = Any
"""`None`, a bool, an int, a float, text, an array, or lists and dicts (by text) of these."""

_PLAIN = (type(None), bool, int, float, str)


def state_of(thing: object) -> State:
    """A copy of all that an object remembers.

    Arrays, numbers, text, lists, tuples, deques, dicts from int to int, and objects made of
    these. Frozen dataclasses are settings, not memory: they are left out.

    Raises:
        TypeError: If there is anything else in it.
    """
    if isinstance(thing, np.generic):
        return thing.item()
    if isinstance(thing, _PLAIN):
        return thing
    if isinstance(thing, np.ndarray):
        return _copied(thing)
    if isinstance(thing, list | tuple | deque):
        return [state_of(one) for one in thing]
    if isinstance(thing, dict):
        return np.array(list(thing.items()), np.int64).reshape(-1, 2)
    return {name: state_of(value) for name, value in _memory(thing)}


def restored(fresh: Any, state: State) -> Any:
    """What an object was when `state` was taken of it.

    Args:
        fresh: One like it, just made; objects are filled and returned themselves.
        state: Of `state_of`.

    Raises:
        ResumeError: If the state is not of such an object.
    """
    if fresh is None:
        return _unframed(state)
    if isinstance(fresh, _PLAIN):
        return _expect(state, type(fresh))
    if isinstance(fresh, np.ndarray):
        return _array(fresh, state)
    if isinstance(fresh, list | tuple):
        return type(fresh)(_unframed(one) for one in _expect(state, list))
    if isinstance(fresh, deque):
        return deque((_unframed(one) for one in _expect(state, list)), fresh.maxlen)
    if isinstance(fresh, dict):
        pairs = _array(np.zeros((0, 2), np.int64), state)
        return dict(pairs.tolist())
    _fill(fresh, _expect(state, dict))
    return fresh


def field(state: State, name: str, kind: type) -> Any:
    """An entry of a state.

    Raises:
        ResumeError: If it is missing or of another kind.
    """
    found = _expect(state, dict)
    if name not in found:
        raise ResumeError(f"{name} is missing")
    return _expect(found[name], kind)


def _fill(fresh: object, state: dict[str, State]) -> None:
    memory = dict(_memory(fresh))
    if memory.keys() != state.keys():
        odd = ", ".join(sorted(memory.keys() ^ state.keys()))
        raise ResumeError(f"{type(fresh).__name__}: other contents than before: {odd}")
    for name, value in memory.items():
        setattr(fresh, name, restored(value, state[name]))


def _memory(thing: object) -> Iterator[tuple[str, Any]]:
    """The attributes of an object that are no settings."""
    if is_dataclass(thing):
        found = {field.name: getattr(thing, field.name) for field in fields(thing)}
    elif hasattr(thing, "__dict__") and not callable(thing):
        found = vars(thing)
    else:
        raise TypeError(f"{type(thing).__name__} cannot be kept for a later run")
    for name, value in found.items():
        if not _is_frozen(value):
            yield name, value


def _is_frozen(value: object) -> bool:
    return is_dataclass(value) and bool(getattr(value, "__dataclass_params__").frozen)  # noqa: B009


def _copied(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if array.dtype.hasobject:
        raise TypeError("arrays of objects cannot be kept for a later run")
    if array.dtype.fields is None:
        return np.array(array, order="C")
    # A record array as its bytes: files of tensors know numbers only.
    return np.frombuffer(array.tobytes(), np.uint8)


def _array(fresh: np.ndarray[Any, Any], state: State) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = _expect(state, np.ndarray)
    if fresh.dtype.fields is not None and found.dtype == np.uint8:
        if found.ndim != 1 or found.size % fresh.dtype.itemsize:
            raise ResumeError(f"records of {fresh.dtype.itemsize} bytes: found {found.size} bytes")
        return np.frombuffer(found.tobytes(), fresh.dtype).copy()
    if found.dtype != fresh.dtype or found.ndim != fresh.ndim:
        raise ResumeError(
            f"an array of {fresh.dtype} with {fresh.ndim} axes: found {found.dtype} with "
            f"{found.ndim}"
        )
    return found


def _unframed(state: State) -> Any:
    """Plain data where a fresh object says nothing about it; lists become tuples."""
    if isinstance(state, list):
        return tuple(_unframed(one) for one in state)
    if isinstance(state, dict):
        raise ResumeError("an object where plain data was expected")
    return state


def _expect(state: State, kind: type) -> Any:
    if type(state) is not kind:
        raise ResumeError(f"{kind.__name__} expected, found {type(state).__name__}")
    return state
