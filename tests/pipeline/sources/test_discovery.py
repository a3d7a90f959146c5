"""What the user's words for a source mean."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.sources.discovery import SourceSpec, discover, open_source


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(*specs: str | Path) -> list[tuple[str, str]]:
    return [(spec.kind, spec.name) for spec in discover([str(spec) for spec in specs])]


def test_a_file_named_itself_is_a_video_whatever_its_ending(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b", "c.dat", "[d] x.mov")
    for name, stem in (("a.mp4", "a"), ("b", "b"), ("c.dat", "c"), ("[d] x.mov", "[d] x")):
        assert found(tmp_path / name) == [("video", stem)]


def test_a_folder_of_numbered_images_is_one_sequence(tmp_path: Path) -> None:
    touch(tmp_path, "S0310/img000001.jpg", "S0310/img000002.jpg", "S0310/notes.txt")
    touch(tmp_path, "S0310/thumbs/1.jpg")
    assert found(tmp_path / "S0310") == [("images", "S0310")]


def test_uavdt_root(tmp_path: Path) -> None:
    touch(tmp_path, *(f"M{number}/img000001.jpg" for number in (10, 9, 1203)), "attr/M9.txt")
    assert found(tmp_path) == [("images", "M9"), ("images", "M10"), ("images", "M1203")]


def test_visdrone_root(tmp_path: Path) -> None:
    for name in ("uav0000013_00000_v", "uav0000073_00600_v"):
        touch(tmp_path, f"sequences/{name}/0000001.jpg", f"annotations/{name}.txt")
    wanted = [("images", "uav0000013_00000_v"), ("images", "uav0000073_00600_v")]
    assert found(tmp_path) == wanted
    assert found(tmp_path / "sequences") == wanted


def test_a_folder_of_videos(tmp_path: Path) -> None:
    touch(tmp_path, "f10.MP4", "f9.mov", "f9.srt", ".f8.mp4", "deep/f7.mp4", "cover.jpg")
    assert found(tmp_path) == [("video", "f9"), ("video", "f10")]


def test_a_folder_of_both(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "seq/1.png")
    assert found(tmp_path) == [("video", "a"), ("images", "seq")]


def test_patterns(tmp_path: Path) -> None:
    touch(tmp_path, "a1.mp4", "a2.mp4", "b1.mp4", "a3.txt", "aseq/1.png", "deep/er/a4.mkv")
    assert found(tmp_path / "a*") == [("video", "a1"), ("video", "a2"), ("images", "aseq")]
    assert found(tmp_path / "?1.mp4") == [("video", "a1"), ("video", "b1")]
    assert found(tmp_path / "**" / "a4.*") == [("video", "a4")]


def test_a_pattern_of_images_is_the_sequence_of_those(tmp_path: Path) -> None:
    for side in ("left", "right"):
        touch(tmp_path, *(f"{side}{number}.png" for number in range(3)))
    (spec,) = discover([str(tmp_path / "left*.png")])
    assert spec == SourceSpec("images", tmp_path, tmp_path.name, "left*.png")


def test_names_are_unique(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.mp4", "y/a.mp4", "z/a.mov", "x/a_2.mp4", "z/A.mkv", "w/a/1.jpg")
    names = [
        spec.name
        for spec in discover(
            [
                str(tmp_path / name)
                for name in ("x/a.mp4", "y/a.mp4", "z/a.mov", "x/a_2.mp4", "z/A.mkv", "w/a")
            ]
        )
    ]
    assert names == ["a", "a_3", "a_4", "a_2", "A_5", "a_6"]


def test_a_source_given_twice_is_taken_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a.mp4", "b.mp4")
    monkeypatch.chdir(tmp_path)
    assert found("a.mp4", tmp_path / "a.mp4", ".", "./b.mp4") == [("video", "a"), ("video", "b")]


def test_names_are_safe_as_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a\nb.mp4", 'c:d "e".mp4', "é" * 120 + ".mp4", "seq/1.jpg")
    for name in (spec.name for spec in discover([str(tmp_path)])):
        assert "\n" not in name
        assert "/" not in name
        (tmp_path / "out" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "seq")
    assert found(".") == found("../seq") == [("images", "seq")]


def test_urls_are_streams_with_names_of_their_own() -> None:
    urls = ["rtsp://user:secret@cam/1", "rtsp://user:other@cam/1", "UDP://@:5000"]
    specs = discover([*urls, urls[0]])
    assert [(spec.kind, spec.name) for spec in specs] == [
        ("live", "cam_1"),
        ("live", "cam_1_2"),
        ("live", "5000"),
    ]
    assert [spec.address.url for spec in specs if spec.address] == urls
    assert "secret" not in repr(specs)


@pytest.mark.parametrize("url", ["file:///a.mp4", "ftp://user:secret@host/a.mp4"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InputError, match="not a stream that can be read; give a file") as caught:
        discover([url])
    assert "secret" not in str(caught.value)


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="no devices")
def test_devices_are_webcams_and_what_is_none_says_so() -> None:
    [spec] = discover(["/dev/null"])
    assert (spec.kind, spec.name) == ("live", "null")
    with pytest.raises(InputError, match=r"^/dev/null: "):
        open_source(spec)


def test_nothing_found_names_what_was_looked_for(tmp_path: Path) -> None:
    touch(tmp_path, "folder/readme.txt", "img000001.jpg")
    cases = {
        str(tmp_path / "missing.mp4"): "no such file or folder",
        str(tmp_path / "*.mkv"): "matches 0 files or folders",
        str(tmp_path / "folder" / "*"): "matches 1 files or folders, none of them a video",
        str(tmp_path / "folder"): "no videos .* no numbered images .* no folders",
        str(tmp_path / "img000001.jpg"): "a single image; give the folder",
        "": "no such file or folder",
        "0": "no such file or folder",
        "x" * 5000: "cannot be read|no such",
        "a\0b": "no such file|cannot be read",
    }
    for spec, reason in cases.items():
        with pytest.raises(InputError, match=reason) as caught:
            discover([spec])
        assert "\n" not in str(caught.value)


def test_messages_stay_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        discover([str(tmp_path / "a\nb\udcff.mp4")])
    assert str(caught.value).isprintable()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(InputError, match="not a file or folder"):
        discover([str(tmp_path / "pipe.mp4")])
    with pytest.raises(InputError, match="not a file"):
        open_source(SourceSpec("video", tmp_path / "pipe.mp4", "pipe"))


def test_open_source(tmp_path: Path, clip: Callable[..., Path]) -> None:
    (tmp_path / "seq").mkdir()
    for number in range(4):
        cv2.imwrite(str(tmp_path / "seq" / f"{number}.png"), np.zeros((8, 8, 3), np.uint8))
    clip(tmp_path / "a.mp4")
    counts = {}
    for spec in discover([str(tmp_path)]):
        source = open_source(spec, max_frames=3)
        assert source.name == spec.name
        counts[spec.name] = len(list(source))
        source.close()
    assert counts == {"a": 3, "seq": 3}
