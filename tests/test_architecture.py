"""Who may import whom, and what the contracts need."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("detector", "tracking", "pipeline")
MOST_LINES = 300

MAY_IMPORT = {
    "detector": {"detector"},
    "tracking": {"tracking", "detector.detections"},
    "pipeline": {"pipeline", "tracking", "detector"},
    "run_pipeline": {"pipeline"},
}

CONTRACTS = ("detector.detections", "tracking.tracks", "pipeline.frame", "pipeline.errors")
HEAVY = ("torch", "cv2", "av", "scipy", "filterpy", "lap")


def sources() -> list[Path]:
    """The project's own modules, without tests and benchmarks."""
    found = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
    return [*found, ROOT / "run_pipeline.py"]


def imported(path: Path) -> Iterator[str]:
    """Each module that a file imports anywhere, `a.b` for `from a import b` too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden(path: Path, root: Path = ROOT) -> list[str]:
    """The project's own modules that a file imports although its package may not."""
    package = path.relative_to(root).parts[0].removesuffix(".py")
    ours = (*PACKAGES, "run_pipeline", "tests", "benchmarks")
    return [
        name
        for name in imported(path)
        if name.split(".")[0] in ours
        and not any(f"{name}.".startswith(f"{may}.") for may in MAY_IMPORT[package])
    ]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_arrows(path: Path) -> None:
    assert forbidden(path) == []


def test_the_rule_sees_what_it_forbids(tmp_path: Path) -> None:
    path = tmp_path / "tracking" / "wrong.py"
    path.parent.mkdir()
    path.write_text(
        "from detector.detections import Detections\n"
        "from detector.config import DetectorConfig\n"
        "def f():\n    import pipeline.frame\n"
        "from tests import conftest\n"
    )
    assert forbidden(path, tmp_path) == [
        "detector.config.DetectorConfig",
        "tests.conftest",
        "pipeline.frame",
    ]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def loaded_after(statement: str) -> set[str]:
    """The heavy packages in a fresh interpreter after a statement."""
    script = f"{statement}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_contracts_load_numpy_alone() -> None:
    assert loaded_after("import " + ", ".join(CONTRACTS)) == set()


def test_help_and_settings_are_quick() -> None:
    assert loaded_after("import run_pipeline, pipeline.load") == set()


def test_only_the_detector_needs_torch() -> None:
    assert "torch" not in loaded_after("import pipeline.batch, pipeline.demo, pipeline.report")


def test_the_check_for_heavy_packages_sees_one() -> None:
    assert "cv2" in loaded_after("import cv2")
