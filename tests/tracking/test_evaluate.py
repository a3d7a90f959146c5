"""`python -m tracking.evaluate`: files in, tables and json out, faults in one line."""

from __future__ import annotations

import json
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import pytest

from tests.tracking.evaluation.moving import as_text, found_table, true_table
from tracking.evaluate import main


def _write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture
def uavdt(tmp_path: Path) -> Path:
    """Two sequences of three frames; in M0101 car 1 and bus 2, in M0203 truck 1."""
    gt = tmp_path / "gt"
    both = [f"{f},{at},{100 * at},0,30,10" for f in (1, 2, 3) for at in (1, 2)]
    kinds = [1, 3] * 3
    _write(gt / "M0101_gt.txt", *(f"{row},1,-1,-1" for row in both))
    whole = (f"{row},1,1,{kind}" for row, kind in zip(both, kinds, strict=True))
    _write(gt / "M0101_gt_whole.txt", *whole)
    _write(gt / "M0101_gt_ignore.txt", "2,1,300,0,100,100,1,-1,-1")
    _write(gt / "M0203_gt_whole.txt", *(f"{f},1,0,0,30,10,1,1,2" for f in (1, 2, 3)))
    return gt


@pytest.fixture
def found(tmp_path: Path) -> Path:
    """M0101: the car as truth has it, the bus as a truck, a box in the region; M0203: a switch."""
    folder = tmp_path / "found"
    _write(folder / "M0101" / "classes.txt", "car", "truck", "bus")
    rows = [f"{f},7,100,0,30,10,0.9,0,1,-1" for f in (1, 2, 3)]
    rows += [f"{f},8,200,0,30,10,0.9,1,1,-1" for f in (1, 2, 3)]
    _write(folder / "M0101" / "tracks.txt", *rows, "2,9,310,10,30,10,0.9,0,1,-1")
    switch = (f"{f},{1 + f // 3},0,0,30,10,0.9,2,1,-1" for f in (1, 2, 3))
    _write(folder / "M0203.txt", *switch)
    return folder


def _run(*options: object) -> int:
    return main([str(option) for option in options])


def _figures(json_file: Path) -> dict[str, Any]:
    return dict(json.loads(json_file.read_text()))


def test_uavdt(
    uavdt: Path, found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert _run("--gt", uavdt, "--results", found, "--format", "uavdt", "--json", out) == 0
    figures = _figures(out)
    assert list(figures["sequences"]) == ["M0101", "M0203"]
    first, second = figures["sequences"].values()
    assert (first["MOTA"], first["IDF1"], first["FP"], first["TP"]) == (1, 1, 0, 6)
    assert first["HOTA"] == pytest.approx(1)
    assert (second["IDSW"], second["TP"]) == (1, 3)
    assert second["MOTA"] == pytest.approx(2 / 3)
    assert second["IDF1"] == pytest.approx(2 / 3)
    overall = figures["overall"]
    assert (overall["TP"], overall["IDSW"], overall["gt_tracks"]) == (9, 1, 3)
    assert overall["MOTA"] == pytest.approx(8 / 9)
    classes = figures["classes"]
    assert list(classes) == ["car", "truck", "bus"]
    assert classes["car"]["IDF1"] == 1
    assert (classes["bus"]["FN"], classes["truck"]["FP"]) == (3, 3)
    assert first["classes"]["car"]["TP"] == 3
    assert first["classes"]["truck"]["MOTA"] is None  # no truck to be found
    printed = capsys.readouterr()
    assert "M0101" in printed.out
    assert "class mean" in printed.out
    assert "88.9" in printed.out  # overall MOTA
    assert "M0101 car" not in printed.out
    assert printed.err == ""


def test_each_sequence_class_by_class(
    uavdt: Path, found: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--sequences", "M0101", "--per-class")
    assert _run("--gt", uavdt, "--results", found, "--format", "uavdt", *options) == 0
    printed = capsys.readouterr()
    assert "M0101 car" in printed.out
    assert "M0203" not in printed.out + printed.err


def test_attributes_are_groups(
    uavdt: Path, found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attributes, out = tmp_path / "M_attr", tmp_path / "out.json"
    _write(attributes / "train" / "M0101_attr.txt", "1,0,0,1,0,0,0,1,0,0")
    _write(attributes / "test" / "M0203_attr.txt", "0,1,0,1,0,0,0,1,0,1")
    options = ("--attributes", attributes, "--json", out)
    assert _run("--gt", uavdt, "--results", found, "--format", "uavdt", *options) == 0
    groups = _figures(out)["attributes"]
    assert list(groups) == ["daylight", "night", "low-alt", "side-view", "long-term"]
    assert (groups["daylight"]["TP"], groups["night"]["TP"], groups["low-alt"]["TP"]) == (6, 3, 9)
    assert "low-alt" in capsys.readouterr().out
    (attributes / "test" / "M0203_attr.txt").unlink()
    assert _run("--gt", uavdt, "--results", found, "--format", "uavdt", *options) == 2
    assert "M0203_attr.txt" in capsys.readouterr().err


def test_without_classes_there_are_no_figures_per_class(
    uavdt: Path, found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(found / "M0203.txt", *(f"{f},1,0,0,30,10,0.9,0,1,-1" for f in (1, 2, 3)))
    out = tmp_path / "out.json"
    options = ("--gt", uavdt, "--results", found, "--format", "uavdt", "--json", out)
    assert _run(*options) == 0
    assert _figures(out)["classes"] == {}
    assert _figures(out)["overall"]["IDF1"] == 1
    assert "not every box has a class (1 car, 2 truck, 3 bus)" in capsys.readouterr().err
    assert _run(*options, "--class-agnostic") == 0
    assert capsys.readouterr().err == ""
    assert _figures(out)["overall"]["IDF1"] == 1


def test_names_that_the_truth_does_not_know(
    uavdt: Path, found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(found / "M0101" / "classes.txt", "car", "van", "bus")
    out = tmp_path / "out.json"
    options = ("--gt", uavdt, "--results", found, "--format", "uavdt", "--json", out)
    assert _run(*options) == 0
    assert "van: not among car, truck, bus; left out" in capsys.readouterr().err
    assert _figures(out)["sequences"]["M0101"]["FN"] == 3
    assert _run(*options, "--class-agnostic") == 0
    assert _figures(out)["sequences"]["M0101"]["FN"] == 0


def test_visdrone_adds_up_its_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gt = tmp_path / "annotations"
    rows = ["1,1,0,0,30,10,1,4,0,0", "1,2,100,0,30,10,1,1,0,0", "1,3,200,0,30,10,1,10,0,0"]
    _write(gt / "uav1.txt", *rows, "1,9,300,0,50,50,0,0,0,0")
    found = _write(
        tmp_path / "found" / "uav1.txt",
        "1,1,0,0,30,10,.9,4,-1,-1",
        "1,2,100,0,30,10,.9,5,-1,-1",  # the pedestrian as a van
        "1,3,200,0,30,10,.9,10,-1,-1",  # a motor: not scored
        "1,4,310,0,30,10,.9,4,-1,-1",  # in the region
    )
    out = tmp_path / "out.json"
    options = ("--gt", tmp_path, "--format", "visdrone", "--json", out)
    assert _run(*options, "--results", found) == 0
    overall = _figures(out)["overall"]
    assert (overall["TP"], overall["FP"], overall["FN"]) == (1, 1, 1)
    assert _run(*options, "--results", found, "--class-agnostic") == 0
    assert _figures(out)["overall"]["TP"] == 3
    capsys.readouterr()
    _write(found, "1,1,0,0,30,10,.9,0,1,-1")
    assert _run(*options, "--results", found) == 2
    assert "no box has a class (1 pedestrian, " in capsys.readouterr().err
    _write(found, "1,1,0,0,30,10,.9,0,1,-1", "1,2,100,0,30,10,.9,1,1,-1")
    assert _run(*options, "--results", found) == 0
    assert "boxes without a class" in capsys.readouterr().err
    assert _figures(out)["overall"]["TP"] == 1
    _write(found)
    assert _run(*options, "--results", found) == 0
    assert _figures(out)["overall"]["FN"] == 2


def test_own_classes_in_mot_files(tmp_path: Path) -> None:
    _write(tmp_path / "gt" / "classes.txt", "person", "car")
    _write(tmp_path / "gt" / "a.txt", "1,1,0,0,30,10,1,0,1", "1,2,100,0,30,10,1,1,1")
    _write(tmp_path / "found" / "a" / "classes.txt", "car", "person")
    _write(tmp_path / "found" / "a" / "tracks.txt", "1,5,0,0,30,10,1,1,1,-1")
    out = tmp_path / "out.json"
    assert _run("--gt", tmp_path / "gt", "--results", tmp_path / "found", "--json", out) == 0
    classes = _figures(out)["classes"]
    assert (classes["person"]["TP"], classes["car"]["FN"]) == (1, 1)
    assert _figures(out)["overall"]["MOTA"] == 0.5


def test_truth_as_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gt.txt"
    path.write_text(as_text(true_table(1), 1, -1, -1, -1))
    out = tmp_path / "out.json"
    assert _run("--gt", path, "--results", path, "--json", out) == 0
    overall = _figures(out)["overall"]
    for name in ("HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"):
        assert overall[name] == pytest.approx(1), name
    assert capsys.readouterr().out.count("100.0") == 2 * 9


def test_empty_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gt, found = _write(tmp_path / "a.txt"), _write(tmp_path / "found.txt")
    out = tmp_path / "out.json"
    assert _run("--gt", gt, "--results", found, "--json", out) == 0
    assert _figures(out)["overall"]["HOTA"] is None
    assert "-" in capsys.readouterr().out


def test_what_is_left_out_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    true = true_table(2)
    for name in ("a", "b"):
        path = tmp_path / "gt" / f"{name}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(as_text(true, 1, -1, -1, -1))
        _write(tmp_path / "found" / f"{name}.txt", as_text(found_table(true, 2)).strip())
    _write(tmp_path / "found" / "c.txt")
    with (tmp_path / "found" / "b.txt").open("a") as file:
        file.write("31,1,0,0,9,9\n40,1,0,0,9,9\n")
    options = ("--gt", tmp_path / "gt", "--results", tmp_path / "found")
    assert _run(*options) == 0
    err = capsys.readouterr().err
    last = int(true[:, 0].max())
    assert "found: c: not in the ground truth, left out" in err
    assert f"b: 2 boxes after frame {last}, the last, are left out" in err
    assert "a: " not in err.replace("found: c", "")
    (tmp_path / "found" / "a.txt").unlink()
    assert _run(*options) == 2
    err = capsys.readouterr().err
    assert "no a.txt or SEQ/tracks.txt" in err
    assert "--sequences" in err
    assert _run(*options, "--sequences", "b") == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--gt", "nowhere"], "--gt nowhere: no such file or folder"),
        (["--results", "nowhere"], "--results nowhere: no such file or folder"),
        (["--json", "nowhere/a.json"], "--json nowhere/a.json: there is no folder nowhere"),
        (["--sequences", "x"], "--sequences x: not in the ground truth; there is M0101, M0203"),
        (["--json", "."], ".: Is a directory"),
        (["--format", "coco"], "--help"),
        (["--attributes", "nowhere"], "no M0101_attr.txt"),
    ],
)
def test_a_wrong_option_is_one_line(
    uavdt: Path,
    found: Path,
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = {"--gt": str(uavdt), "--results": str(found), "--format": "uavdt"}
    given = good | {options[0]: options[1]}
    assert main([word for pair in given.items() for word in pair]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_a_broken_row_is_one_line(
    uavdt: Path, found: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (found / "M0203.txt").open("a") as file:
        file.write("1,2,three,4,5,6\n")
    options = ("--gt", uavdt, "--results", found, "--format", "uavdt")
    assert _run(*options) == 2
    err = capsys.readouterr().err
    assert "M0203.txt, line 4: x is 'three', not a number" in err
    assert err.count("\n") == 1
    assert _run(*options, "--debug") == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_id_twice_is_one_line(
    uavdt: Path, found: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (found / "M0203.txt").open("a") as file:
        file.write("2,1,4,5,6,7,1,2\n")
    assert _run("--gt", uavdt, "--results", found, "--format", "uavdt") == 2
    assert "M0203: frame 2: the results have id 1 twice" in capsys.readouterr().err


class _NoTrackeval(MetaPathFinder):
    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "trackeval":
            raise ModuleNotFoundError("No module named 'trackeval'", name="trackeval")


def test_without_trackeval(
    uavdt: Path,
    found: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = ("tracking.evaluation.run", "tracking.evaluation.counting")
    for name in [name for name in sys.modules if name.startswith("trackeval") or name in ours]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_NoTrackeval(), *sys.meta_path])
    assert _run("--gt", uavdt, "--results", found, "--format", "uavdt") == 2
    err = capsys.readouterr().err
    assert err == "error: trackeval is not installed; the extra `eval` brings it\n"
