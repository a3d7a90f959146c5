from __future__ import annotations

import tomllib
from pathlib import Path

from pipeline.version import VERSION


def test_the_version_is_the_projects() -> None:
    path = Path(__file__).resolve().parents[2] / "pyproject.toml"
    assert tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"] == VERSION
