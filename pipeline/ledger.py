"""What became of each source of a batch, a line for each step, kept beside their folders."""

from __future__ import annotations

import errno
import json
import os
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pipeline.identity import Identity
from pipeline.sinks.files import make_folder, output_errors

LEDGER_FILE = "ledger.jsonl"
MAX_LINE_BYTES = 65536
_MAX_REASON = 2000

Event: TypeAlias = Literal["claimed", "done", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        source: Name of the source and of its folder.
        event: What happened to it.
        settings: Hash of the settings.
        input: Hash of the input.
        process: Number of the process that did it.
        at: When, in UTC.
        reason: Of a failure.
    """

    source: str
    event: str
    settings: str
    input: str
    process: int
    at: str
    reason: str | None = None


class Ledger:
    """Lines of JSON, only ever added, each in one write.

    So a kill loses nothing that is in it, and several runs may write at the same time. What
    holds for a source is its last line. A line that a kill cut off is passed over.

    Args:
        folder: Holds the folders of the sources.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER_FILE

    def note(
        self, source: str, event: Event, identity: Identity, reason: str | None = None
    ) -> None:
        """Adds a line.

        Raises:
            InputError: If it cannot be written.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        reason = reason and reason[:_MAX_REASON]
        entry = Entry(source, event, identity.settings, identity.input, os.getpid(), now, reason)
        line = json.dumps(asdict(entry)).encode() + b"\n"
        make_folder(self.path.parent)
        with output_errors(self.path), closing(_Appended(self.path)) as file:
            file.write(line)

    def last(self) -> dict[str, Entry]:
        """The last entry of each source; empty if there is no ledger.

        Raises:
            InputError: If it cannot be read.
        """
        found: dict[str, Entry] = {}
        with output_errors(self.path):
            if not self.path.exists():
                return {}
            with self.path.open("rb") as file:
                while line := file.readline(MAX_LINE_BYTES):
                    entry = _entry(line)
                    if entry is not None:
                        found[entry.source] = entry
        return found

    def done(self, identities: dict[str, Identity]) -> set[str]:
        """Those of the sources that are done with these settings from this input."""
        last = self.last()
        return {
            name
            for name, identity in identities.items()
            if (entry := last.get(name)) is not None
            and (entry.event, entry.settings, entry.input)
            == ("done", identity.settings, identity.input)
        }


class _Appended:
    """A file that is added to in single writes, after a line that was cut off on a new one."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def write(self, line: bytes) -> None:
        size = os.fstat(self._file).st_size
        cut_off = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"
        whole = b"\n" * cut_off + line
        if os.write(self._file, whole) != len(whole):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        os.close(self._file)


def _entry(line: bytes) -> Entry | None:
    with suppress(ValueError, TypeError, RecursionError):
        found: Any = json.loads(line)
        entry = Entry(**found)
        if all(isinstance(text, str) for text in (entry.source, entry.event)):
            return entry
    return None
