from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.identity import Identity
from pipeline.ledger import MAX_LINE_BYTES, Ledger

ONE = Identity("s1", "i1")


def test_the_last_line_of_a_source_holds(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "out")
    assert ledger.last() == {}
    ledger.note("a", "claimed", ONE)
    ledger.note("b", "claimed", ONE)
    ledger.note("a", "failed", ONE, "no\nroom")
    assert {name: entry.event for name, entry in ledger.last().items()} == {
        "a": "failed",
        "b": "claimed",
    }
    assert ledger.last()["a"].reason == "no\nroom"
    assert len(ledger.path.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("settings", "source", "event", "done"),
    [
        ("s1", "i1", "done", True),
        ("s2", "i1", "done", False),
        ("s1", "i2", "done", False),
        ("s1", "i1", "claimed", False),
    ],
)
def test_done_is_what_is_done_with_the_same_settings_and_input(
    settings: str, source: str, event: str, done: bool, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path)
    ledger.note("a", event, Identity(settings, source))  # type: ignore[arg-type]
    assert ledger.done({"a": ONE, "b": ONE}) == ({"a"} if done else set())


def test_a_line_that_a_kill_cut_off_costs_no_other(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note("a", "done", ONE)
    whole = ledger.path.read_bytes()
    for cut in range(1, len(whole)):
        ledger.path.write_bytes(whole + whole[:cut])
        ledger.note("b", "done", ONE)
        assert set(ledger.last()) == {"a", "b"}


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe",
        b"[" * 60_000,
        b"3",
        b'{"source": 1}',
        json.dumps({"source": ["a"], "event": "done"}).encode(),
        b"x" * (3 * MAX_LINE_BYTES),
        b"",
    ],
    ids=range(7),
)
def test_odd_lines_are_passed_over(line: bytes, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note("a", "done", ONE)
    ledger.path.write_bytes(line + b"\n" + ledger.path.read_bytes())
    assert set(ledger.last()) == {"a"}


def test_a_long_reason_is_shortened(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note("a", "failed", ONE, "x" * 10**6)
    assert len(ledger.path.read_bytes()) < MAX_LINE_BYTES
    assert ledger.last()["a"].event == "failed"


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").symlink_to("/dev/full")
    with pytest.raises(InputError, match="no space left"):
        Ledger(tmp_path).note("a", "done", ONE)
