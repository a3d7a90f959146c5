"""Tensors of an archive: where they stand, checked before one is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from detector.model.published.archive import TorchArchive
from detector.model.published.values import describe

MOST_DIMENSIONS = 8


@dataclass(frozen=True, slots=True)
class StorageRef:
    """A storage: its key in the archive, the dtype and number of its elements."""

    key: str
    dtype: torch.dtype
    elements: int


@dataclass(frozen=True, slots=True)
class TensorRef:
    """A tensor: the part of a storage that it is, in elements."""

    storage: StorageRef
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def read(self, archive: TorchArchive) -> Tensor:
        """The tensor, in the file's dtype, on CPU, with memory of its own.

        Raises:
            ValueError: If it would be larger than its storage, or the archive is damaged.
        """
        if torch.Size(self.shape).numel() > self.storage.elements:
            raise ValueError(f"a tensor of shape {self.shape} is larger than its storage")
        if not self.storage.elements:
            return torch.zeros(self.shape, dtype=self.storage.dtype)
        content = bytearray(archive.storage(self.storage.key))
        flat = torch.frombuffer(content, dtype=self.storage.dtype)
        return flat.as_strided(self.shape, self.strides, self.offset).clone()


def storage_ref(key: Any, dtype: torch.dtype, elements: Any, stored_bytes: int) -> StorageRef:
    """A storage that has as many bytes as its elements take.

    Raises:
        ValueError: If it has not, or a value is of the wrong type.
    """
    if not _is_count(elements) or elements * dtype.itemsize != stored_bytes:
        count = f"{describe(elements)} elements of {dtype}"
        raise ValueError(f"storage {key}: {count} do not take {stored_bytes} bytes")
    return StorageRef(key, dtype, elements)


def tensor_ref(storage: Any, offset: Any, shape: Any, strides: Any) -> TensorRef:
    """A tensor that lies inside its storage.

    Raises:
        ValueError: If it does not, or a value is of the wrong type.
    """
    if not isinstance(storage, StorageRef):
        raise ValueError(f"a tensor's storage is a {type(storage).__name__}")
    counts = (offset, *shape, *strides) if _are_tuples(shape, strides) else (None,)
    if not all(map(_is_count, counts)) or len(shape) != len(strides):
        raise ValueError(
            f"storage {storage.key}: a tensor's place is no row of counts: "
            f"offset {describe(offset)}, shape {describe(shape)}, strides {describe(strides)}"
        )
    last = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    if 0 not in shape and last >= storage.elements:
        raise ValueError(
            f"storage {storage.key}: a tensor of shape {shape}, strides {strides}, offset "
            f"{offset} reaches beyond its {storage.elements} elements"
        )
    return TensorRef(storage, offset, shape, strides)


def _are_tuples(*values: object) -> bool:
    return all(isinstance(value, tuple) and len(value) <= MOST_DIMENSIONS for value in values)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**40
