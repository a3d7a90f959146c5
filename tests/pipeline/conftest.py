from __future__ import annotations

import pytest

from pipeline.demo import write_flight
from tests.pipeline.flights import SMALL, Flight


@pytest.fixture(scope="session")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Flight:
    folder = tmp_path_factory.mktemp("flight")
    frames = list(write_flight(SMALL, folder))
    return Flight(folder / "flight.mp4", frames)
