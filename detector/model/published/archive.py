"""The zip archive that `torch.save` writes: one pickle, and one entry for each storage."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

MOST_ENTRIES = 50_000
"""A checkpoint with its optimiser's state has some thousands."""

MOST_PICKLE_BYTES = 16 << 20
"""The largest network's pickle, with its optimiser's state, has 2 MB."""


class TorchArchive:
    """The entries of a `.pt` file, none of which is trusted.

    Nothing is unpacked: entries are read from where they stand, uncompressed as torch writes
    them, so that none is larger than the file.

    Args:
        path: Of the file.

    Attributes:
        pickle: The bytes of its `data.pkl`.

    Raises:
        ValueError: If it is not such an archive; the message says what it is, without its name.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            if file.read(4) != b"PK\x03\x04":
                raise ValueError("not a file of torch.save, which begins as a zip archive")
        try:
            self._zip = ZipFile(path)
        except (BadZipFile, NotImplementedError, ValueError) as error:
            raise ValueError(f"damaged or cut off: {error}") from None
        try:
            self._folder = _check_entries(self._zip.infolist(), path.stat().st_size)
            if self._read_optional("byteorder") not in (None, b"little"):
                raise ValueError("written on a big-endian machine; load and save it on another")
            self.pickle = self._read("data.pkl", MOST_PICKLE_BYTES)
        except ValueError:
            self._zip.close()
            raise

    def __enter__(self) -> TorchArchive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._zip.close()

    def storage_bytes(self, key: str) -> int:
        """Size of a storage.

        Raises:
            ValueError: If there is none of this key.
        """
        return self._entry(f"data/{key}").file_size

    def storage(self, key: str) -> bytes:
        """The bytes of a storage; read anew with each call.

        Raises:
            ValueError: If there is none of this key, or it is damaged.
        """
        return self._read(f"data/{key}", self.storage_bytes(key))

    def _entry(self, name: str) -> ZipInfo:
        try:
            return self._zip.getinfo(f"{self._folder}/{name}")
        except KeyError:
            raise ValueError(f"entry {name} is missing") from None

    def _read(self, name: str, most_bytes: int) -> bytes:
        entry = self._entry(name)
        if entry.file_size > most_bytes:
            raise ValueError(f"entry {name} has {entry.file_size} bytes, more than {most_bytes}")
        try:
            content = self._zip.read(entry)
        except (BadZipFile, EOFError, OSError, RuntimeError, ValueError) as error:
            raise ValueError(f"entry {name} is damaged: {error}") from None
        if len(content) != entry.file_size:
            raise ValueError(f"entry {name} is cut off")
        return content

    def _read_optional(self, name: str) -> bytes | None:
        if f"{self._folder}/{name}" not in self._zip.namelist():
            return None
        return self._read(name, 100)


def _check_entries(entries: list[ZipInfo], file_bytes: int) -> str:
    """The one folder that all entries are in."""
    names = [entry.filename for entry in entries]
    if len(names) > MOST_ENTRIES:
        raise ValueError(f"has {len(names)} entries, more than {MOST_ENTRIES}")
    if len(set(names)) != len(names):
        raise ValueError("has several entries of one name")
    folder = _one_folder(names)
    for entry in entries:
        if entry.compress_type != ZIP_STORED or entry.compress_size != entry.file_size:
            raise ValueError(
                f"entry {entry.filename[:60]!r} is compressed, which torch.save never does"
            )
    if sum(entry.file_size for entry in entries) > file_bytes:
        raise ValueError("its entries overlap: together they are larger than the file")
    return folder


def _one_folder(names: list[str]) -> str:
    folders = {name.split("/")[0] for name in names}
    if len(folders) != 1 or any(".." in name.split("/") or "\\" in name for name in names):
        raise ValueError("a zip archive, but not one of torch.save: its entries lie elsewhere")
    folder = folders.pop()
    if f"{folder}/constants.pkl" in names:
        raise ValueError("a TorchScript program; convert the .pt file that it was exported from")
    if f"{folder}/data.pkl" not in names:
        raise ValueError("a zip archive, but not one of torch.save: it has no data.pkl")
    return folder
