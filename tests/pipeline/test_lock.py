from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.lock import LOCK_FILE, locked

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys
from pathlib import Path
from pipeline.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds the folder until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate()


def test_another_run_is_named_and_a_killed_one_keeps_nobody_out(tmp_path: Path) -> None:
    folder = tmp_path / "flight"
    other = holder(folder)
    line = f"another run \\(process {other.pid}\\) is at work in it; .* with --output"
    with pytest.raises(InputError, match=line), locked(folder):
        pass
    other.send_signal(signal.SIGKILL)
    end(other)
    assert (folder / LOCK_FILE).exists()
    with locked(folder):
        assert (folder / LOCK_FILE).read_text() == f"{os.getpid()}\n"
    assert not folder.exists()


def test_it_waits_for_one_that_is_ending(tmp_path: Path) -> None:
    other = holder(tmp_path)
    (tmp_path / "file").touch()
    assert other.stdin is not None
    other.stdin.close()
    with locked(tmp_path, wait_s=30):
        pass
    other.wait()
    assert other.stdout is not None
    other.stdout.close()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_it_holds_within_one_process_too(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(InputError, match="at work"), locked(tmp_path):
        pass


def test_a_folder_that_vanishes_meanwhile_is_no_error(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    with locked(folder):
        (folder / LOCK_FILE).unlink()
        folder.rmdir()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"), locked(tmp_path / "file"):
        pass
