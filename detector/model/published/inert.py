"""A pickle as inert data: tensors' places, plain values, and names instead of objects.

This is a small machine for the pickle format, written for the purpose: it makes no object of a
class that the file names and calls nothing that it names. Each operation makes at most one
object and copies none that was made before, so memory grows with the file alone.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from detector.model.published.names import ALLOWED, ORDERED_DICT, PARAMETER, STORAGES, TENSOR
from detector.model.published.tensors import storage_ref, tensor_ref
from detector.model.published.values import describe, tidy

OLD_FORMAT = "in torch's format from before version 1.6; load it and save it with a newer torch"

FindStorage = Callable[[str], int]
"""Bytes of the storage of a key; `ValueError` if there is none."""


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function that the file names; never looked up."""

    name: str


@dataclass(slots=True, eq=False)
class Stub:
    """What would have been an object: the name of its class and what it was to be given.

    Attributes:
        name: Module and class, as in `torch.nn.modules.conv.Conv2d`.
        args: What its constructor was to get.
        attributes: Its attributes; a state that is no dict stands under `state`.
    """

    name: str
    args: tuple[Any, ...] = ()
    attributes: dict[Any, Any] = field(default_factory=dict, repr=False)


def read_pickle(pickle: bytes | BytesIO, find_storage: FindStorage) -> object:
    """What a pickle holds, as dicts, lists, tuples, text, numbers, `TensorRef` and `Stub`.

    Args:
        pickle: Of a stream the next pickle is read, and the place is left behind it.
        find_storage: Says how large a storage is.

    Raises:
        ValueError: If the pickle is damaged, or names or does anything that the published
            training scripts' files do not; the message says what, without the file's name.
    """
    machine = _Machine(find_storage)
    try:
        for operation, argument in _operations(pickle):
            machine.step(operation, argument)
        return machine.stack[-1]
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"damaged: its pickle makes no sense ({error})") from None


def _operations(pickle: bytes | BytesIO) -> Iterator[tuple[str, Any]]:
    """The name and argument of each operation."""
    operations = pickletools.genops(pickle)
    while True:
        try:
            operation, argument, _ = next(operations)
        except StopIteration:
            return
        except ValueError as error:
            raise ValueError(f"damaged: its pickle makes no sense ({tidy(error, 60)})") from None
        yield operation.name, argument


class _Machine:
    """The stack, the marks in it and the memo of a pickle."""

    def __init__(self, find_storage: FindStorage) -> None:
        self.find_storage = find_storage
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def step(self, operation: str, argument: Any) -> None:
        """Does one operation."""
        if operation in _PUSHES_ARGUMENT:
            self.stack.append(argument)
        elif operation in _CONSTANTS:
            self.stack.append(_CONSTANTS[operation]())
        elif operation in _STEPS:
            _STEPS[operation](self, argument)
        elif operation == "INST":
            raise _refusal(argument.replace(" ", "."))
        elif operation not in ("PROTO", "FRAME", "STOP"):
            raise _refusal(f"the pickle operation {operation}")

    def to_mark(self) -> list[Any]:
        """Takes what was pushed since the last mark."""
        items = self.stack
        self.stack = self.below.pop()
        return items

    def take(self, count: int) -> list[Any]:
        """Takes the last `count` values."""
        if len(self.stack) < count:
            raise IndexError("stack is empty")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def mark(self, _: Any) -> None:
        self.below.append(self.stack)
        self.stack = []

    def name(self, argument: str) -> None:
        self._push_name(argument.replace(" ", ".", 1))

    def name_from_stack(self, _: Any) -> None:
        module, name = self.take(2)
        self._push_name(f"{module}.{name}")

    def _push_name(self, name: str) -> None:
        if name not in ALLOWED:
            raise _refusal(name)
        self.stack.append(Name(name))

    def remember(self, index: int | None) -> None:
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def recall(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def tuple_of_all(self, _: Any) -> None:
        items = self.to_mark()
        self.stack.append(tuple(items))

    def append(self, _: Any) -> None:
        (item,) = self.take(1)
        _expect(self.stack[-1], list).append(item)

    def append_all(self, _: Any) -> None:
        items = self.to_mark()
        _expect(self.stack[-1], list).extend(items)

    def set_item(self, _: Any) -> None:
        self._set_items(self.take(2))

    def set_all_items(self, _: Any) -> None:
        self._set_items(self.to_mark())

    def _set_items(self, items: list[Any]) -> None:
        target = _expect(self.stack[-1], dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            # The hash of a tuple of tuples can take for ever.
            if not isinstance(key, str | int):
                raise _refusal(f"a dict with a key that is a {type(key).__name__}")
            target[key] = value

    def make(self, _: Any) -> None:
        """REDUCE and NEWOBJ: a stub, a tensor or a dict."""
        called, args = self.take(2)
        name, args = _expect(called, Name).name, _expect(args, tuple)
        if name == TENSOR:
            made: Any = tensor_ref(*args[:4])
        elif name == PARAMETER:
            made = args[0]
        elif name == ORDERED_DICT and not args:
            made = {}
        else:
            made = Stub(name, args)
        self.stack.append(made)

    def build(self, _: Any) -> None:
        (state,) = self.take(1)
        built = self.stack[-1]
        # An OrderedDict has attributes too; none is of use.
        if isinstance(built, dict):
            return
        stub = _expect(built, Stub)
        if stub.attributes:
            raise _refusal(f"a {stub.name} that is given a state twice")
        stub.attributes = state if isinstance(state, dict) else {"state": state}

    def storage(self, _: Any) -> None:
        (reference,) = self.take(1)
        reference = _expect(reference, tuple)
        if reference[:1] == ("module",):
            raise ValueError(OLD_FORMAT)
        if len(reference) < 5:
            raise _refusal("a reference that is no storage")
        kind, name, key, device, elements = reference[:5]
        dtype = STORAGES.get(_expect(name, Name).name)
        if kind != "storage" or dtype is None or not re.fullmatch("[0-9]{1,20}", key, re.ASCII):
            raise _refusal(f"a reference that is no storage: {describe(key)}")
        if not re.fullmatch("(cpu|cuda|mps)(:[0-9]+)?", device, re.ASCII):
            raise _refusal(f"storage {key} on device {describe(device)}")
        self.stack.append(storage_ref(key, dtype, elements, self.find_storage(key)))


def _expect(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"a {type(value).__name__} where a {kind.__name__} is due")
    return value


def _refusal(found: str) -> ValueError:
    return ValueError(
        f"holds {found}, which is no part of a detection checkpoint of YOLOv5 or TPH-YOLOv5; "
        "nothing in the file was run"
    )


_INTEGERS = ("BININT", "BININT1", "BININT2", "LONG1")
_TEXTS = ("BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES")
_PUSHES_ARGUMENT = frozenset((*_INTEGERS, *_TEXTS, "BINFLOAT"))

_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}

_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.name_from_stack,
    "BINPUT": _Machine.remember,
    "LONG_BINPUT": _Machine.remember,
    "MEMOIZE": _Machine.remember,
    "BINGET": _Machine.recall,
    "LONG_BINGET": _Machine.recall,
    "TUPLE": _Machine.tuple_of_all,
    "TUPLE1": lambda machine, _: machine.stack.append(tuple(machine.take(1))),
    "TUPLE2": lambda machine, _: machine.stack.append(tuple(machine.take(2))),
    "TUPLE3": lambda machine, _: machine.stack.append(tuple(machine.take(3))),
    "APPEND": _Machine.append,
    "APPENDS": _Machine.append_all,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_all_items,
    "REDUCE": _Machine.make,
    "NEWOBJ": _Machine.make,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.storage,
}
