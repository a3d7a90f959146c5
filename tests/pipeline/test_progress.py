from __future__ import annotations

import io

import pytest
from rich.console import Console

from pipeline.progress import BarProgress, LineProgress, build_progress


def test_a_bar_is_for_terminals_only() -> None:
    assert isinstance(build_progress(Console(force_terminal=True)), BarProgress)
    assert isinstance(build_progress(Console(force_terminal=False)), LineProgress)


def test_lines_come_now_and_then_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr("pipeline.progress.time.monotonic", lambda: now_s)
    text = io.StringIO()
    shown = LineProgress(Console(file=text))
    shown.begin("[a]:b: clip", 200)
    for _ in range(120):
        now_s += 0.1
        shown.step()
    shown.end()
    assert text.getvalue().splitlines() == [
        "[a]:b: clip: 200 frames started",
        "[a]:b: clip: 51/200 frames, 10.0 frames/s, ETA 0:15",
        "[a]:b: clip: 102/200 frames, 10.0 frames/s, ETA 0:10",
        "[a]:b: clip: 120 frames, 10.0 frames/s",
    ]


def test_an_unknown_length_has_no_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr("pipeline.progress.time.monotonic", lambda: now_s)
    text = io.StringIO()
    shown = LineProgress(Console(file=text))
    shown.begin("stream", None)
    now_s = 6.0
    shown.step()
    shown.end()
    assert text.getvalue().splitlines() == [
        "stream: started",
        "stream: 1 frames, 0.2 frames/s",
        "stream: 1 frames, 0.2 frames/s",
    ]


@pytest.mark.parametrize("frames", [3, None])
def test_the_bar_shows_frames_rate_and_time_left(frames: int | None) -> None:
    text = io.StringIO()
    shown = BarProgress(Console(file=text, force_terminal=True, width=120))
    for source in ("one", "two"):
        shown.begin(source, frames)
        for _ in range(3):
            shown.step()
        shown.end()
        shown.end()
    assert "one" in text.getvalue()
    assert "two" in text.getvalue()
    assert f"3/{frames or '?'}" in text.getvalue()
    assert "frames/s" in text.getvalue()
