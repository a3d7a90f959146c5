from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from detector.model.published.archive import TorchArchive
from detector.model.published.inert import read_pickle
from detector.model.published.tensors import TensorRef

Entries = dict[str, bytes]

USUAL: Entries = {"a/data.pkl": b"\x80\x02}.", "a/version": b"3\n", "a/data/0": b"\x00" * 8}


def write(path: Path, entries: Entries, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def fault(path: Path) -> str:
    with pytest.raises(ValueError, match=r".") as error, TorchArchive(path) as archive:
        archive.storage("0")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_torch_saves_is_read(tmp_path: Path) -> None:
    tensors = {
        str(dtype): (torch.rand(3, 4) * 100).to(dtype)
        for dtype in (
            *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64),
            *(torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
        )
    }
    base = torch.arange(24.0).view(4, 6)
    tensors |= {"part": base[1:3, ::2], "turned": base.t(), "empty": torch.zeros(0, 3)}
    tensors |= {"one": torch.tensor(2.5), "same": base}
    torch.save(tensors, tmp_path / "t.pt")
    with TorchArchive(tmp_path / "t.pt") as archive:
        found = read_pickle(archive.pickle, archive.storage_bytes)
        assert isinstance(found, dict)
        assert list(found) == list(tensors)
        for key, tensor in tensors.items():
            assert isinstance(found[key], TensorRef)
            read = found[key].read(archive)
            assert read.dtype == tensor.dtype
            assert torch.equal(read, tensor)


def test_a_tensor_larger_than_its_storage_is_not_made(tmp_path: Path) -> None:
    torch.save(torch.zeros(1).expand(10**9, 10**3), tmp_path / "t.pt")
    with TorchArchive(tmp_path / "t.pt") as archive:
        found = read_pickle(archive.pickle, archive.storage_bytes)
        assert isinstance(found, TensorRef)
        with pytest.raises(ValueError, match="is larger than its storage"):
            found.read(archive)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (USUAL | {"b/data.pkl": b""}, "not one of torch.save: its entries lie elsewhere"),
        (USUAL | {"a/../../x": b""}, "not one of torch.save: its entries lie elsewhere"),
        (USUAL | {"/etc/x": b""}, "not one of torch.save: its entries lie elsewhere"),
        (USUAL | {"a\\..\\x": b""}, "not one of torch.save: its entries lie elsewhere"),
        (USUAL | {"a/constants.pkl": b""}, "a TorchScript program; convert the .pt file"),
        (USUAL | {"a/byteorder": b"big"}, "written on a big-endian machine"),
        ({"a/version": b"3\n"}, "it has no data.pkl"),
        ({"x.txt": b""}, "it has no data.pkl"),
        ({"a/data.pkl": b"\x80\x02}."}, "entry data/0 is missing"),
    ],
)
def test_other_zip_files(tmp_path: Path, entries: Entries, expected: str) -> None:
    assert expected in fault(write(tmp_path / "t.pt", entries))


def test_bombs(tmp_path: Path) -> None:
    packed = write(tmp_path / "t.pt", USUAL | {"a/data/0": bytes(10**6)}, zipfile.ZIP_DEFLATED)
    assert "is compressed, which torch.save never does" in fault(packed)
    large = write(tmp_path / "u.pt", USUAL | {"a/data.pkl": bytes(17 << 20)})
    assert "entry data.pkl has 17825792 bytes, more than" in fault(large)


def test_a_torchscript_program_is_told_by_its_kind(tmp_path: Path) -> None:
    code = write(
        tmp_path / "t.pt", {"a/constants.pkl": b"", "a/code/x.py": b""}, zipfile.ZIP_DEFLATED
    )
    assert fault(code).startswith("a TorchScript program;")


def test_two_entries_of_one_name(tmp_path: Path) -> None:
    path = write(tmp_path / "t.pt", USUAL)
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("a/data.pkl", b"")
    assert fault(path) == "has several entries of one name"


def enlarge(content: bytearray) -> None:
    """Gives the storage a size in the directory that goes beyond the file's end."""
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(b"a/data/0"))
    content[place + 20 : place + 28] = struct.pack("<II", 10**9, 10**9)


def lengthen(content: bytearray) -> None:
    """The same by a few bytes, which end in the directory."""
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(b"a/data/0"))
    content[place + 20 : place + 28] = struct.pack("<II", 20, 20)


def spoil(content: bytearray) -> None:
    """Changes a byte of the storage."""
    content[content.index(b"a/data/0") + 10] ^= 1


def cut(content: bytearray) -> None:
    del content[len(content) // 2 :]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (enlarge, "its entries overlap: together they are larger than the file"),
        (lengthen, "entry data/0 is damaged: "),
        (spoil, "entry data/0 is damaged: Bad CRC-32"),
        (cut, "damaged or cut off: "),
    ],
)
def test_damage(tmp_path: Path, change: Callable[[bytearray], None], expected: str) -> None:
    path = write(tmp_path / "t.pt", USUAL)
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    assert fault(path).startswith(expected)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"PK"])
def test_files_that_are_no_zip_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.pt"
    path.write_bytes(content)
    assert fault(path).startswith("not a file of torch.save")
