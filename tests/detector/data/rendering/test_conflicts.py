from __future__ import annotations

import numpy as np
import pytest

from detector.data.rendering.conflicts import touching, without_conflicts
from detector.data.rendering.staging import FlightPlan, plan_flight
from detector.data.rendering.traffic import Mover, draw_car, mover, parked

RNG = np.random.default_rng(0)
CAR = draw_car(RNG)
HALF_LENGTH, HALF_WIDTH = CAR.parts[0].half_wh


def at(x: float, y: float, heading: float, object_id: int) -> Mover:
    return parked(CAR, np.array([x, y]), heading, object_id)


@pytest.mark.parametrize(
    ("other", "hit"),
    [
        (at(2 * HALF_LENGTH + 0.1, 0, 0, 2), False),
        (at(2 * HALF_LENGTH - 0.1, 0, 0, 2), True),
        (at(0, 2 * HALF_WIDTH + 0.1, 0, 2), False),
        (at(0, 2 * HALF_WIDTH - 0.1, 0, 2), True),
        (at(0, HALF_LENGTH + HALF_WIDTH + 0.1, np.pi / 2, 2), False),
        (at(0, HALF_LENGTH + HALF_WIDTH - 0.1, np.pi / 2, 2), True),
    ],
)
def test_rectangles_touch_exactly_when_they_overlap(other: Mover, hit: bool) -> None:
    pairs = touching([at(0, 0, 0, 1), other], 0.0)
    assert pairs.tolist() == ([[0, 1]] if hit else [])


def test_who_stands_gives_way_to_who_drives() -> None:
    driving = mover(CAR, np.array([[-50.0, 0], [50, 0]]), 10.0, 10.0, 2)
    kept = without_conflicts([at(0, 0, 0, 1), driving, at(0, 9, 0, 3)], [0.0, 2.0, 4.0])
    assert [m.object_id for m in kept] == [2, 3]


@pytest.mark.parametrize("scene", ["junction", "roundabout", "yard", "car_park"])
def test_nothing_in_a_flight_overlaps(scene: str) -> None:
    flight = plan_flight(FlightPlan(3, (320, 180), 5.0, 60.0, 60.0, scene=scene))
    for time_s in (0.0, 5.0):
        assert touching(flight.movers, time_s).tolist() == []
