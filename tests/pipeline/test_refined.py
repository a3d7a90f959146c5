"""`tracks_refined.txt` beside a finished run's tracks."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.load import Override, load_config
from pipeline.refined import write_refined
from tracking.refine import RefineConfig

TRACKS = """\
1,1,10.00,20.00,40.00,30.00,0.9000,2,1.00,-1
2,1,13.00,20.00,40.00,30.00,0.8000,2,1.00,-1
4,1,19.00,20.00,40.00,30.00,0.7000,2,1.00,-1
5,1,22.00,20.00,40.00,30.00,0.6000,2,1.00,-1
"""


def test_gaps_are_filled_and_the_run_s_file_stays(tmp_path: Path) -> None:
    (tmp_path / "tracks.txt").write_text(TRACKS)
    write_refined(tmp_path, RefineConfig(), (500, 35))
    lines = TRACKS.replace("1.00,-1", "0.50,-1").split("\n")
    lines.insert(2, "3,1,16.00,20.00,40.00,30.00,0.0000,2,0.50,-1")
    assert (tmp_path / "tracks_refined.txt").read_text().split("\n") == lines
    assert (tmp_path / "tracks.txt").read_text() == TRACKS


def test_a_run_without_tracks(tmp_path: Path) -> None:
    (tmp_path / "tracks.txt").touch()
    write_refined(tmp_path, RefineConfig(), (64, 48))
    assert (tmp_path / "tracks_refined.txt").read_text() == ""


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tracks_refined"):
        write_refined(tmp_path, RefineConfig(), (64, 48))


def test_the_option_and_its_setting() -> None:
    assert load_config().output.refine is None
    on = Override("output.refine", {}, "--refine")
    assert load_config(None, [on]).output.refine == RefineConfig()
    wide = Override("output.refine.max_gap", 40, "--set")
    assert load_config(None, [on, wide]).output.refine == RefineConfig(max_gap=40)
    with pytest.raises(InputError, match="max_gap"):
        load_config(None, [Override("output.refine.max_gap", -1, "--set")])
