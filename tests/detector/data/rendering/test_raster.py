from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.data.rendering.backdrop import Stage, draw_backdrop
from detector.data.rendering.camera import Camera, look
from detector.data.rendering.ground import paint, plan_levels
from detector.data.rendering.light import Light
from detector.data.rendering.raster import Drawn, Rasteriser, downsample
from detector.data.rendering.shadows import shade_map
from detector.data.rendering.shapes import Cover
from detector.data.rendering.solids import Solid
from detector.data.rendering.traffic import Kind, draw_bus, draw_car, draw_truck

F64 = NDArray[np.float64]
MAGENTA = Cover((255, 0, 255), (255, 0, 255), (0, 0, 0))
DULL = Light(
    np.array([0.0, 0, 1]), np.full(3, 1.0), np.zeros(3), np.full(3, 120.0), np.full(3, 120.0),
    1e7, 0.0,
)  # fmt: skip


def camera(altitude_m: float, pitch_deg: float, focal_px: float = 600.0) -> Camera:
    pitch = np.deg2rad(pitch_deg)
    back = altitude_m / np.tan(pitch)
    return Camera(np.array([0.0, -back, altitude_m]), look(0.0, pitch, 0.0), focal_px, (400, 300))


def solids(kinds: list[Kind]) -> list[Solid]:
    made = []
    for group, kind in enumerate(kinds):
        for part in kind.parts:
            radius = float(np.linalg.norm(part.plain.points, axis=1).max())
            made.append(Solid((part.plain, part.detailed), part.scale, kind.palette, group, radius))
    return made


def shoot(view: Camera, kinds: list[Kind], poses: F64) -> tuple[NDArray[np.uint8], Drawn]:
    ground = paint(plan_levels([view], 2_000_000), MAGENTA, [], turn=0.0, softness_m=0.0)
    stage = Stage(ground, DULL, shade_map([], 10.0), np.zeros((0, 4)), 2)
    canvas = draw_backdrop(stage, view, [])
    raster = Rasteriser(stage, solids(kinds), [], np.ones(len(kinds), bool))
    drawn = raster.draw(canvas, view, poses)
    return downsample(canvas, view.image_wh), drawn


def differing(view: Camera, kinds: list[Kind], poses: F64) -> tuple[F64, Drawn]:
    """The box of pixels that an object changes, and its truth."""
    image, drawn = shoot(view, kinds, poses)
    empty, _ = shoot(view, [], np.zeros((0, 3)))
    changed = np.abs(image.astype(int) - empty).max(axis=2) > 30
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float), drawn


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    heading=st.floats(-3.2, 3.2),
    pitch=st.floats(12, 90),
    draw=st.sampled_from([draw_car, draw_truck, draw_bus]),
)
def test_a_box_is_the_extent_of_the_pixels_that_its_vehicle_changes(
    seed: int, heading: float, pitch: float, draw: object
) -> None:
    kind = draw(np.random.default_rng(seed))  # type: ignore[operator]
    behind = [part.behind_m for part in kind.parts]
    way = np.array([np.cos(heading), np.sin(heading)])
    poses = np.array([[*(-way * b), heading] for b in behind])
    box, drawn = differing(camera(55.0, pitch), [kind], poses)
    assert drawn.groups.tolist() == [0]
    assert drawn.shares[0] == pytest.approx(1.0)
    assert np.abs(box - drawn.boxes[0]).max() < 1.6


def test_a_car_straight_below_measures_focal_length_over_altitude() -> None:
    kind = draw_car(np.random.default_rng(1))
    _, drawn = differing(camera(80.0, 90.0), [kind], np.zeros((1, 3)))
    x1, _, x2, _ = drawn.boxes[0]
    at_ground = 600.0 * kind.length_m / 80.0
    assert at_ground <= x2 - x1 <= at_ground * 80.0 / 77.0 + 1


def test_a_car_behind_a_lorry_is_seen_in_part() -> None:
    rng = np.random.default_rng(2)
    car, lorry = draw_car(rng), draw_truck(rng)
    view = camera(9.0, 14.0)
    _, alone = shoot(view, [car], np.array([[0.0, 6, 0]]))
    _, both = shoot(view, [car, lorry], np.array([[0.0, 6, 0], [0.0, 1.5, 0]]))
    shares = dict(zip(both.groups.tolist(), both.shares.tolist(), strict=True))
    assert alone.shares[0] == pytest.approx(1.0)
    assert shares.get(0, 0.0) < 0.6
    assert shares[1] == pytest.approx(1.0)


def test_a_car_half_out_of_the_frame_has_half_its_share() -> None:
    kind = draw_car(np.random.default_rng(3))
    left_edge_m = -200 * 60.0 / 600.0
    _, drawn = shoot(camera(60.0, 90.0), [kind], np.array([[left_edge_m, 0, 0]]))
    assert drawn.shares[0] == pytest.approx(0.5, abs=0.06)
    assert drawn.boxes[0, 0] < 0 < drawn.boxes[0, 2]
