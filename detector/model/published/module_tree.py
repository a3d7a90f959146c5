"""The tree of modules that a file describes."""

from __future__ import annotations

from collections.abc import Iterator

from detector.model.published.inert import Stub
from detector.model.published.tensors import TensorRef

MOST_MODULES = 20_000
"""The largest network has 1,000."""

LONGEST_NAME = 200


def kind(stub: Stub) -> str:
    """Its class without the module."""
    return stub.name.rpartition(".")[2]


def children(stub: Stub) -> dict[str, Stub]:
    """The modules directly inside a module, by name.

    Raises:
        ValueError: If the module has none of the tables that every torch module has.
    """
    found = _table(stub, "_modules")
    return {str(name): child for name, child in found.items() if isinstance(child, Stub)}


def modules(stub: Stub, prefix: str = "") -> Iterator[tuple[str, Stub]]:
    """A module and all inside it, each with its dotted name, in the order of `state_dict`.

    Raises:
        ValueError: If there are so many that they must contain one another.
    """
    waiting, met = [(prefix, stub)], 0
    while waiting:
        name, module = waiting.pop()
        yield name, module
        inside = [(f"{name}.{key}" if name else key, m) for key, m in children(module).items()]
        waiting.extend(reversed(inside))
        met += 1
        if met + len(waiting) > MOST_MODULES or len(name) > LONGEST_NAME:
            raise ValueError("its modules are too many, or contain themselves")


def tensors(stub: Stub, prefix: str = "") -> dict[str, TensorRef]:
    """The parameters and buffers of a module and all inside it, by the keys of `state_dict`."""
    found = {}
    for name, module in modules(stub, prefix):
        for table in ("_parameters", "_buffers"):
            for key, value in _table(module, table).items():
                if isinstance(value, TensorRef):
                    found[f"{name}.{key}" if name else str(key)] = value
    return found


def _table(stub: Stub, name: str) -> dict[object, object]:
    table = stub.attributes.get(name)
    if not isinstance(table, dict):
        raise ValueError(f"a {stub.name} has no {name}: not a torch module")
    return table
