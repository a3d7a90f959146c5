"""Fixtures that tests of every layer share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A machine's load decides how long an example takes, so no test depends on it.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

# Before torch loads: threads that wait for work by spinning make a busy machine many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The measurement data beside a developer's checkout; skips where it is absent.

    `SHARED_DATA` names another place. The data may not be redistributed, so it is not in
    the project.
    """
    folder = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        if os.environ.get("REQUIRE_SHARED"):
            pytest.fail(f"the measurement data is not at {folder}, and REQUIRE_SHARED is set")
        pytest.skip(f"the measurement data is not at {folder}; set SHARED_DATA to its folder")
    return folder
