"""Tiles cover the frame, have one size, overlap enough, and cost little."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.inference.tiling import choose_tile_wh, tile_grid

sides = st.integers(1, 3000)


@st.composite
def grids(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[int, int], int]:
    tile_wh = (draw(st.integers(32, 900)), draw(st.integers(32, 900)))
    overlap_px = draw(st.integers(0, min(tile_wh) // 2))
    return (draw(sides), draw(sides)), tile_wh, overlap_px


@given(grids())
@settings(deadline=None)
def test_tiles_cover_every_pixel_and_share_one_size(
    grid: tuple[tuple[int, int], tuple[int, int], int],
) -> None:
    image_wh, tile_wh, overlap_px = grid
    tiles = tile_grid(image_wh, tile_wh, overlap_px)
    assert tiles.dtype == np.int64
    for axis, side in enumerate(image_wh):
        lengths = tiles[:, axis + 2] - tiles[:, axis]
        assert set(lengths.tolist()) == {min(side, tile_wh[axis])}
        starts = np.unique(tiles[:, axis])
        assert starts[0] == 0
        assert starts[-1] + lengths[0] == side
        # No gap, and neighbours share what was asked for; the last one may share more.
        assert (starts[:-1] + lengths[0] - starts[1:] >= overlap_px).all()
    count = [len(np.unique(tiles[:, axis])) for axis in (0, 1)]
    assert len(np.unique(tiles, axis=0)) == len(tiles) == count[0] * count[1]


@given(st.tuples(sides, sides), st.integers(2, 48), st.floats(0.0, 0.5))
@settings(deadline=None)
def test_chosen_tiles_are_multiples_of_the_stride_and_no_more_than_full_ones(
    image_wh: tuple[int, int], tile_units: int, overlap: float
) -> None:
    tile_px = 32 * tile_units
    overlap_px = int(overlap * tile_px)
    tile_wh = choose_tile_wh(image_wh, tile_px, overlap_px, 32)
    chosen = tile_grid(image_wh, tile_wh, overlap_px)
    full = tile_grid(image_wh, (tile_px, tile_px), overlap_px)
    assert len(chosen) == len(full)
    for side, tile in zip(image_wh, tile_wh, strict=True):
        assert tile <= tile_px
        assert tile == side if side <= tile_px else tile % 32 == 0
        if side > tile_px:  # One stride less would need another tile.
            count = len(np.unique(tile_grid((side, 1), (tile, 1), overlap_px), axis=0))
            assert count * (tile - 32) - (count - 1) * overlap_px < side


@pytest.mark.parametrize(
    ("image_wh", "tile_px", "tile_wh", "count"),
    [
        ((640, 480), 1536, (640, 480), 1),
        ((1536, 1536), 1536, (1536, 1536), 1),
        ((1920, 1080), 1536, (1120, 1080), 2),
        ((1920, 1080), 1024, (800, 672), 6),
        ((3840, 2160), 1536, (1504, 1248), 6),
        ((3840, 2160), 1024, (960, 864), 15),
    ],
)
def test_tiles_of_common_resolutions(
    image_wh: tuple[int, int], tile_px: int, tile_wh: tuple[int, int], count: int
) -> None:
    overlap_px = -(-tile_px // 5)
    assert choose_tile_wh(image_wh, tile_px, overlap_px, 32) == tile_wh
    assert len(tile_grid(image_wh, tile_wh, overlap_px)) == count


def test_a_1080p_frame_costs_little_more_than_its_pixels() -> None:
    width, height = choose_tile_wh((1920, 1080), 1536, 308, 32)
    padded = width * -(-height // 32) * 32
    assert 2 * padded < 1.2 * 1920 * 1080


def test_an_uncut_side_may_be_shorter_than_the_overlap() -> None:
    assert len(tile_grid((4000, 100), (1536, 100), 308)) == 4


@pytest.mark.parametrize(
    ("image_wh", "tile_wh", "overlap_px"),
    [((0, 5), (4, 4), 0), ((5, 5), (4, 0), 0), ((9, 9), (4, 4), 4), ((9, 9), (4, 4), -1)],
)
def test_impossible_grids_are_refused(
    image_wh: tuple[int, int], tile_wh: tuple[int, int], overlap_px: int
) -> None:
    with pytest.raises(ValueError, match="px"):
        tile_grid(image_wh, tile_wh, overlap_px)


def test_a_tile_size_off_the_stride_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of the network's stride 64"):
        choose_tile_wh((9, 9), 1056, 0, 64)
