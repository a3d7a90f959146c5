"""What the reader does with pickles that no training script writes: nothing is ever run."""

from __future__ import annotations

import os
import pickle
import pickletools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from detector.model.published.inert import Stub, read_pickle
from detector.model.published.tensors import StorageRef, TensorRef

SIZES = {"0": 24}


def read(content: bytes) -> object:
    return read_pickle(content, lambda key: SIZES[key])


def text(value: str) -> bytes:
    """BINUNICODE."""
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def name(module: str, attribute: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{attribute}\n".encode()


HEAD, STOP = b"\x80\x02", b"."


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self.call = (function, args)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize(
    ("function", "args", "found"),
    [
        (os.system, ("touch {}",), f"{os.name}.system"),
        (eval, ("open({!r}, 'w')",), "builtins.eval"),
        (exec, ("open({!r}, 'w')",), "builtins.exec"),
        (open, ("{}", "w"), "io.open"),
        (getattr, (os, "system"), "builtins.getattr"),
        (torch.load, ("{}",), "torch.serialization.load"),
        (pickle.loads, (b"",), "_?pickle.loads"),
    ],
)
def test_calls_are_refused_by_name(
    tmp_path: Path, protocol: int, function: Any, args: tuple[Any, ...], found: str
) -> None:
    marker = tmp_path / "marker"
    filled = [a.format(str(marker)) if isinstance(a, str) else 0 for a in args]
    content = pickle.dumps({"model": [Calls(function, *filled)]}, protocol)
    legacy = found.replace("builtins.", "__builtin__.")
    with pytest.raises(ValueError, match=f"^holds ({found}|{legacy}), which is no part of"):
        read(content)
    assert not marker.exists()


MARKER_CODE = "open('marker', 'w')"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (name("__builtin__", "eval") + text(MARKER_CODE) + b"\x85R", "holds __builtin__.eval,"),
        (name("os", "system") + text("touch marker") + b"\x85R", "holds os.system,"),
        (name("models.common", "Conv.__init__") + b")R", "holds models.common.Conv.__init__,"),
        (text("os") + text("system") + b"\x93", "holds os.system,"),
        (b"(" + text("touch marker") + b"ios\nsystem\n", "holds os.system,"),
        (b"(ccollections\nOrderedDict\no", "holds the pickle operation OBJ,"),
        (
            name("models.common", "Conv") + b")}\x92",
            "holds the pickle operation NEWOBJ_EX,",
        ),
        (b"\x82\x01", "holds the pickle operation EXT1,"),
        (b"\x83\x01\x00", "holds the pickle operation EXT2,"),
        (b"\x84\x01\x00\x00\x00", "holds the pickle operation EXT4,"),
        (b"Pos.system\n", "holds the pickle operation PERSID,"),
        (name("copyreg", "_reconstructor"), "holds copyreg._reconstructor,"),
        (name("copy_reg", "add_extension"), "holds copy_reg.add_extension,"),
        (name("torch", "load"), "holds torch.load,"),
        (name("torch.nn.modules.module", "Module"), "holds torch.nn.modules.module.Module,"),
        (name("models.yolo", "SegmentationModel"), "holds models.yolo.SegmentationModel,"),
        (name("models.experimental", "Ensemble"), "holds models.experimental.Ensemble,"),
    ],
)
def test_other_ways_to_run_something_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes, found: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r".") as error:
        read(HEAD + body + STOP)
    assert str(error.value).startswith(found)
    assert list(tmp_path.iterdir()) == []


def test_names_are_never_looked_up() -> None:
    content = HEAD + name("models.common", "Conv") + b")\x81}" + text("a") + b"K\x01sb" + STOP
    made = read(content)
    assert isinstance(made, Stub)
    assert (made.name, made.args, made.attributes) == ("models.common.Conv", (), {"a": 1})


def test_a_state_sets_no_attribute_of_ours() -> None:
    state = b"}" + b"".join(
        text(key) + text("os.system") + b"s" for key in ("__setstate__", "__class__", "name")
    )
    made = read(HEAD + name("models.common", "Conv") + b")\x81" + state + b"b" + STOP)
    assert isinstance(made, Stub)
    assert type(made) is Stub
    assert made.name == "models.common.Conv"
    assert made.attributes["__setstate__"] == "os.system"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (name("models.common", "Conv") + b"}b", "damaged: "),
        (name("models.common", "Conv") + b")\x81}" + text("a") + b"Ns" + b"b}b", "holds a models."),
        (text("x") + text("y") + b"R", "damaged: "),
        (name("models.common", "Conv") + text("x") + b"R", "damaged: "),
        (b"K\x01K\x02a", "damaged: "),
        (b"}" + b"N\x85Ns", "holds a dict with a key that is a tuple,"),
        (b")Q", "holds a reference that is no storage,"),
        (text("x") + b"\x85Q", "holds a reference that is no storage,"),
        (name("pathlib._local", "PosixPath") + b"a", "damaged: "),
        (b"a", "damaged: "),
        (b"h\x05", "damaged: "),
        (b"(((", "damaged: "),
        (b"", "damaged: "),
        (name("torch._utils", "_rebuild_tensor_v2") + b")R", "damaged: "),
        (name("torch._utils", "_rebuild_parameter") + b")R", "damaged: "),
    ],
)
def test_pickles_that_make_no_sense(body: bytes, found: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        read(HEAD + body + STOP)
    assert str(error.value).startswith(found)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("end", range(0, 60, 3))
def test_a_pickle_that_is_cut_off(end: int) -> None:
    content = HEAD + tensor(shape=(2, 3), strides=(3, 1)) + STOP
    with pytest.raises(ValueError, match=r"."):
        read(content[: len(content) - 1 - end])


def number(value: int) -> bytes:
    """LONG1."""
    return b"\x8a\x10" + value.to_bytes(16, "little", signed=True)


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(
    *, key: str = "0", kind: str = "FloatStorage", device: str = "cpu", elements: int = 6
) -> bytes:
    ids = text("storage") + name("torch", kind) + text(key) + text(device) + number(elements)
    return b"(" + ids + b"tQ"


def tensor(
    *,
    shape: tuple[int, ...] = (2, 3),
    strides: tuple[int, ...] = (3, 1),
    offset: int = 0,
    place: bytes = b"",
) -> bytes:
    parts = (place or storage()) + number(offset) + numbers(shape) + numbers(strides)
    return name("torch._utils", "_rebuild_tensor_v2") + b"(" + parts + b"\x89}tR"


def test_a_tensor_is_found_and_not_read() -> None:
    found = read(HEAD + tensor(place=storage(device="cuda:3")) + STOP)
    assert found == TensorRef(StorageRef("0", torch.float32, 6), 0, (2, 3), (3, 1))


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (tensor(shape=(3, 3)), "reaches beyond its 6 elements"),
        (tensor(offset=1), "reaches beyond its 6 elements"),
        (tensor(strides=(4, 1)), "reaches beyond its 6 elements"),
        (tensor(offset=-1), "a tensor's place is no row of counts"),
        (tensor(strides=(-3, 1)), "a tensor's place is no row of counts"),
        (tensor(shape=(-2, 3)), "a tensor's place is no row of counts"),
        (tensor(shape=(2**100, 1), strides=(0, 0)), "a tensor's place is no row of counts"),
        (tensor(shape=(2,)), "a tensor's place is no row of counts"),
        (tensor(shape=(1,) * 9, strides=(1,) * 9), "a tensor's place is no row of counts"),
        (tensor(place=storage(elements=7)), "7 elements of torch.float32 do not take 24 bytes"),
        (tensor(place=storage(elements=-6)), "-6 elements of torch.float32 do not take 24 bytes"),
        (tensor(place=storage(kind="DoubleStorage")), "6 elements of torch.float64"),
        (tensor(place=storage(kind="Size")), "holds a reference that is no storage"),
        (tensor(place=storage(key="../0")), "holds a reference that is no storage"),
        (tensor(place=storage(device="meta")), "holds storage 0 on device 'meta'"),
        (tensor(place=b"N"), "a tensor's storage is a NoneType"),
        (text("os.system") + b"Q", "damaged: "),
    ],
)
def test_tensors_outside_their_storage(body: bytes, fault: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        read(HEAD + body + STOP)
    assert fault in str(error.value)


def test_deep_nesting_and_large_memo_numbers_cost_nothing() -> None:
    deep = b"(" * 200_000 + b"t" * 200_000
    assert isinstance(read(HEAD + deep + STOP), tuple)
    assert read(HEAD + b"]r\xff\xff\xff\x7f" + STOP) == []


def test_rows_that_double_with_each_operation_are_not_written_out() -> None:
    doubled = b"N" + b"".join(
        b"q" + bytes([index]) + b"h" + bytes([index]) + b"\x86" for index in range(100)
    )
    with pytest.raises(ValueError, match="shape a tuple"):
        read(
            HEAD
            + name("torch._utils", "_rebuild_tensor_v2")
            + b"("
            + storage()
            + number(0)
            + doubled
            + numbers((1, 1))
            + b"\x89}tR"
            + STOP
        )


def test_only_operations_that_are_known_to_be_harmless_are_done() -> None:
    """Each operation of the format is done, or refused by name or as damage."""
    for operation in pickletools.opcodes:
        argument = b"\x00" * 8 + b"\n" if operation.arg is not None else b""
        with pytest.raises(ValueError, match=r"."):
            read(HEAD + operation.code.encode("latin1") + argument + b"\xff")
