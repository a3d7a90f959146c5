from __future__ import annotations

from pathlib import Path

from tracking.evaluation.dataset import read_class_names, text_files


def test_text_files_are_sorted_and_leave_out_class_names(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "classes.txt", "c.csv"):
        (tmp_path / name).write_text("")
    assert list(text_files(tmp_path)) == ["a", "b"]
    assert text_files(tmp_path / "nowhere") == {}


def test_class_names_come_from_the_first_folder_that_has_them(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
    assert read_class_names([first, second]) == ()
    (second / "classes.txt").write_text("\ufeffcar \n\nlarge truck\n")
    assert read_class_names([first, second]) == ("car", "large truck")
    (first / "classes.txt").write_text("bus\n")
    assert read_class_names([first, second]) == ("bus",)
