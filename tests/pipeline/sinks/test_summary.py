from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import InputError
from pipeline.sinks.counts import ClassTotals
from pipeline.sinks.summary import (
    InputSummary,
    Summary,
    package_versions,
    stage_timings,
    write_summary,
)

SUMMARY = Summary(
    status="complete",
    input=InputSummary("flight.mp4", 1280, 720, 29.97, 300, 10.01),
    frames_per_second=9.5,
    counts={"car": ClassTotals(290, 3000, 41)},
    lost=[],
    outputs=["tracks.txt"],
    timings=stage_timings({"decode": 1.0, "detect": 3.0}),
    versions={"python": "3.11.7"},
    seeds={"tiles": 0},
    config={"tracker": {"name": "sort", "max_age": 3}},
)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_summary(path, SUMMARY)
    found = json.loads(path.read_text("utf-8"))
    assert found["status"] == "complete"
    assert found["error"] is None
    assert found["input"]["frame_rate"] == 29.97
    assert found["counts"] == {"car": {"frames": 290, "detections": 3000, "unique_tracks": 41}}
    assert found["timings"]["detect"] == {"busy_s": 3.0, "share": 0.75}
    assert found["config"] == {"tracker": {"name": "sort", "max_age": 3}}
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


def test_numbers_that_json_lacks_become_null(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    config: dict[Any, Any] = {"a": math.nan, "b": (math.inf, 1.5), 3: Path("w.safetensors")}
    write_summary(path, replace(SUMMARY, frames_per_second=math.nan, config=config))

    def refuse(name: str) -> float:
        raise AssertionError(name)

    found = json.loads(path.read_text("utf-8"), parse_constant=refuse)
    assert found["frames_per_second"] is None
    assert found["config"] == {"a": None, "b": [None, 1.5], "3": "w.safetensors"}


def test_any_text_of_a_user_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    name = 'a"b\\c\n\x00车\udcff.mp4'
    failed = replace(
        SUMMARY,
        input=replace(SUMMARY.input, path=name),
        status="failed",
        error="frame 7: stopped",
        lost=[name],
    )
    write_summary(path, failed)
    found = json.loads(path.read_text("utf-8"))
    assert found["input"]["path"] == name
    assert found["lost"] == [name]
    assert found["error"] == "frame 7: stopped"


def test_a_failed_write_keeps_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_summary(path, SUMMARY)
    before = path.read_text()
    (tmp_path / "summary.json.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"summary\.json: cannot be written: no space left"):
        write_summary(path, replace(SUMMARY, status="failed"))
    assert path.read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


def test_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file or directory; free some space or choose"):
        write_summary(tmp_path / "gone" / "summary.json", SUMMARY)


def test_no_work_has_no_shares() -> None:
    assert stage_timings({"decode": 0.0})["decode"].share == 0.0


def test_versions_name_what_decides_the_result() -> None:
    assert {"python", "torch", "numpy", "av"} < package_versions().keys()
