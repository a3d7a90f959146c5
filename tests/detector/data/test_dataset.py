"""Views of a training run: decided by their number alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
import torch

from detector.data.annotations import LabelledImage
from detector.data.augment import View
from detector.data.dataset import TrainingViews, collate, ignored_cells
from detector.data.pool import Pool
from detector.data.views_config import AugmentConfig, SourceConfig
from tests.detector.data.painted import Make

PLAIN = AugmentConfig(
    mosaic=0,
    hue=0,
    saturation=0,
    brightness=0,
    grey=0,
    blur=0,
    noise=0,
    compression=0,
)


def same(one: View, two: View) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(two, name))
        for name in ("image", "boxes", "class_ids", "ignore")
    )


def test_a_view_depends_on_its_number_and_the_seed_alone(make: Make) -> None:
    config = SourceConfig("d", quarter_turns=True)
    pools = [Pool([make("a", (200, 0, 0)), make("b", (0, 0, 90))], config)]
    views, others = (TrainingViews(pools, 64, AugmentConfig(), seed=s) for s in (3, 4))
    forward = [views[index] for index in range(8)]
    backward = [views[index] for index in reversed(range(8))][::-1]
    assert all(same(one, two) for one, two in zip(forward, backward, strict=True))
    assert not any(same(forward[i], forward[j]) for i in range(8) for j in range(i))
    assert not any(same(view, others[index]) for index, view in enumerate(forward))
    for view in forward:
        assert view.image.shape == (64, 64, 3)
        assert view.image.dtype == np.uint8
        assert view.image.flags.c_contiguous


def test_pools_are_drawn_by_their_shares(make: Make) -> None:
    rare = Pool([make("a", (200, 0, 0))], SourceConfig("a", share=1))
    # A larger set counts no more than its share says.
    often = Pool([make(f"b{i}", (0, 0, 200)) for i in range(3)], SourceConfig("b", share=3))
    views = TrainingViews([rare, often], 32, PLAIN, seed=0)
    blue = sum(views[index].image[16, 16, 2] > 100 for index in range(200))
    assert 130 <= blue <= 170


def test_scales_stay_in_their_range(make: Make) -> None:
    pool = Pool([make("a", (200, 0, 0), (300, 300))], SourceConfig("a", scale=(0.5, 2.0)))
    views = TrainingViews([pool], 160, PLAIN, seed=0)
    boxes = np.concatenate([views[index].boxes for index in range(100)])
    whole = ((boxes > 0.5) & (boxes < 159.5)).all(1)
    scales = (boxes[whole, 2] - boxes[whole, 0]) / 30
    assert scales.min() >= 0.4999
    assert scales.max() <= 2.0001
    assert np.ptp(np.log2(scales)) > 1.6
    # As many below 1 as above.
    assert 0.3 < (scales < 1).mean() < 0.7


ALL_ON = AugmentConfig(
    rotation=20,
    translation=0.1,
    shear=5,
    perspective=0.2,
    zoom=0.3,
    up_down=0.5,
    paste=0.7,
    mixup=0.5,
    multi_scale=0.5,
    light=0.5,
    clahe=0.5,
    median_blur=0.5,
    sharpen=0.5,
)


@pytest.mark.parametrize("form", ["windows", "published"])
def test_with_all_changes_on_a_view_still_depends_on_its_number_alone(
    make: Make, form: Literal["windows", "published"]
) -> None:
    config = SourceConfig("d", quarter_turns=True, rare_below=0.9)
    pools = [Pool([make("a", (200, 0, 0)), make("b", (0, 0, 90))], config)]
    augment = replace(ALL_ON, mosaic_form=form, squash=0.3 if form == "windows" else 0.0)
    views = TrainingViews(pools, 96, augment, seed=3, batch=4)
    forward = [views[index] for index in range(16)]
    again = TrainingViews(pools, 96, augment, seed=3, batch=4)
    assert all(same(forward[index], again[index]) for index in reversed(range(16)))
    assert not any(same(forward[i], forward[j]) for i in range(16) for j in range(i))
    for view in forward:
        side = view.image.shape[0]
        assert view.image.shape == (side, side, 3)
        assert view.image.dtype == np.uint8
        assert view.image.flags.c_contiguous
        assert view.boxes.dtype == view.ignore.dtype == np.float32
        assert len(view.boxes) == len(view.class_ids)
        assert set(view.class_ids.tolist()) <= {1}
        for rows in (view.boxes, view.ignore):
            assert (rows >= 0).all()
            assert (rows <= side).all()
            assert (rows[:, 2:] > rows[:, :2]).all()


def test_a_batch_has_one_side_and_batches_differ(make: Make) -> None:
    pools = [Pool([make("a", (200, 0, 0))], SourceConfig("a"))]
    augment = replace(PLAIN, multi_scale=0.5)
    views = TrainingViews(pools, 128, augment, seed=0, batch=5)
    sides = np.array([views[index].image.shape[0] for index in range(300)]).reshape(60, 5)
    assert (sides == sides[:, :1]).all()
    assert set(sides[:, 0].tolist()) == {64, 96, 128, 160, 192}
    batch = collate([views[index] for index in range(5)])
    assert batch.images.shape == (5, 3, sides[0, 0], sides[0, 0])


def test_objects_scale_with_the_side(make: Make) -> None:
    """Another side is another resolution, not another cut."""
    pool = Pool([make("a", (200, 0, 0))], SourceConfig("a", scale=(1, 1)))
    views = TrainingViews([pool], 160, replace(PLAIN, multi_scale=0.5), seed=0)
    for view in (views[index] for index in range(40)):
        side = view.image.shape[0]
        whole = ((view.boxes > 0.5) & (view.boxes < side - 0.5)).all(1)
        widths = view.boxes[whole, 2] - view.boxes[whole, 0]
        np.testing.assert_allclose(widths, 30 * side / 160, rtol=1e-4)


def leading_colours(views: TrainingViews, numbers: range) -> list[int]:
    return [int(views[index].image[..., 0].max()) for index in numbers]


@pytest.mark.parametrize("form", ["windows", "published"])
def test_each_image_leads_one_view_of_an_epoch(
    make: Make, form: Literal["windows", "published"]
) -> None:
    colours = [120, 150, 180, 210, 240]
    pool = Pool([make(str(c), (c, 20, 20)) for c in colours], SourceConfig("a"))
    augment = replace(PLAIN, mosaic_form=form)
    views = TrainingViews([pool], 32, augment, seed=0, epoch_order=True)
    epochs = [leading_colours(views, range(5 * e, 5 * e + 5)) for e in range(6)]
    assert all(sorted(epoch) == colours for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 3
    other = TrainingViews([pool], 32, augment, seed=1, epoch_order=True)
    assert [leading_colours(other, range(5 * e, 5 * e + 5)) for e in range(6)] != epochs
    drawn = TrainingViews([pool], 32, augment, seed=0)
    assert sorted(leading_colours(drawn, range(5))) != colours


@pytest.mark.parametrize("change", ["two sets", "rare classes"])
def test_shares_and_rare_classes_are_drawn_in_epochs_too(make: Make, change: str) -> None:
    config = SourceConfig("a", rare_below=0.5 if change == "rare classes" else 0)
    pools = [Pool([make("a", (120, 0, 0)), make("b", (200, 0, 0))], config)]
    if change == "two sets":
        pools.append(Pool([make("c", (240, 0, 0))], config))
    views, drawn = (
        TrainingViews(pools, 32, PLAIN, seed=0, epoch_order=order) for order in (True, False)
    )
    assert all(same(views[index], drawn[index]) for index in range(20))


def test_the_published_form_by_hand(make: Make) -> None:
    # 90x70 pixels fitted to 90: the image lies 10 pixels below the top.
    pool = Pool([make("a", (200, 0, 0))], SourceConfig("a"))
    views = TrainingViews([pool], 90, replace(PLAIN, mosaic_form="published"), seed=0)
    lefts = set()
    for view in (views[index] for index in range(20)):
        ((x1, y1, x2, y2),) = view.boxes.tolist()
        assert (y1, x2 - x1, y2 - y1) == (30, 30, 20)
        assert (view.image[:10] == 114).all()
        assert abs(int(view.image[11, 45, 0]) - 200) <= 2
        lefts.add(x1)
    assert lefts == {20, 40}  # mirrored in half of them


def test_published_mosaics_are_zoomed(make: Make) -> None:
    pool = Pool([make("a", (200, 0, 0))], SourceConfig("a"))
    augment = replace(PLAIN, mosaic=1, mosaic_form="published", zoom=0.4)
    views = TrainingViews([pool], 90, augment, seed=0)
    widths = np.concatenate(
        [
            (view.boxes[:, 2] - view.boxes[:, 0])[((view.boxes > 1) & (view.boxes < 89)).all(1)]
            for view in (views[index] for index in range(100))
        ]
    )
    assert 0.6 * 30 - 0.1 <= widths.min() < 0.7 * 30
    assert 1.3 * 30 < widths.max() <= 1.4 * 30 + 0.1


def test_mixup_shows_both_images(make: Make) -> None:
    pool = Pool([make("a", (200, 0, 0)), make("b", (0, 0, 200))], SourceConfig("a"))
    augment = replace(PLAIN, mixup=1, mosaic_form="published")
    views = TrainingViews([pool], 90, augment, seed=0)
    purple = 0
    for view in (views[index] for index in range(20)):
        assert len(view.boxes) == 2
        red, _, blue = view.image[45, 45].astype(int)
        assert abs(red + blue - 200) <= 4
        purple += 40 < red < 160
    assert 4 <= purple <= 16


def test_pasted_objects_join_the_boxes(make: Make) -> None:
    pool = Pool([make("a", (200, 0, 0), (300, 300))], SourceConfig("a", scale=(1, 1)))
    views, plain = (
        TrainingViews([pool], 160, replace(PLAIN, paste=paste), seed=0) for paste in (1, 0)
    )
    more = sum(len(views[index].boxes) > len(plain[index].boxes) for index in range(30))
    assert more >= 25


# Mean of each quarter, sums of the boxes and of the ignore regions: from before the distortions,
# mixtures and pasted objects were there.
GOLDEN = {
    0: (
        [42.048, 83.031, 73.31, 153.983],
        [14.193, 124.933, 67.803, 156.086],
        [167.988, 76.755, 172.272, 104.908],
    ),
    1: (
        [61.371, 63.699, 17.245, 15.283],
        [245.499, 178.292, 323.402, 271.562],
        [0.0, 0.0, 0.0, 0.0],
    ),
    2: (
        [165.314, 205.953, 169.798, 181.716],
        [216.205, 320.513, 358.964, 366.096],
        [0.0, 25.271, 10.562, 34.108],
    ),
    3: (
        [114.724, 108.012, 109.928, 85.479],
        [122.302, 72.011, 234.59, 129.216],
        [0.0, 72.903, 6.008, 83.923],
    ),
    1000: (
        [132.353, 94.199, 145.247, 129.121],
        [171.751, 85.524, 231.798, 120.46],
        [0.0, 0.0, 0.0, 0.0],
    ),
}


def test_views_of_older_runs_stay(tmp_path: Path) -> None:
    """A change that is off draws nothing and moves nothing."""
    path = tmp_path / "golden.png"
    x, y = np.meshgrid(np.arange(300), np.arange(200))
    pixels = np.stack((x % 256, y, (x + y) // 2 % 256), 2).astype(np.uint8)
    cv2.imwrite(str(path), pixels[..., ::-1])
    boxes = np.array([[20, 20, 50, 40], [100, 120, 160, 140], [200, 10, 220, 60]], np.float32)
    ignore = np.array([[250, 150, 290, 190]], np.float32)
    image = LabelledImage(path, (300, 200), boxes, np.array([1, 0, 2]), ignore)
    pools = [Pool([image], SourceConfig("a", quarter_turns=True))] * 2
    augment = AugmentConfig(squash=0.5, sharpen=0.3, noise=0)
    views = TrainingViews(pools, 128, augment, seed=3)
    for index, (mean, total, ignored) in GOLDEN.items():
        view = views[index]
        blocks = view.image.reshape(2, 64, 2, 64, 3).mean((1, 3, 4))
        np.testing.assert_allclose(blocks.ravel(), mean, atol=0.5)
        np.testing.assert_allclose(view.boxes.sum(0), total, atol=0.01)
        np.testing.assert_allclose(view.ignore.sum(0), ignored, atol=0.01)


def test_collate_gives_centres_and_the_image_of_each() -> None:
    def view(value: int, boxes: list[list[float]]) -> View:
        rows = np.array(boxes, np.float32).reshape(-1, 4)
        pixels = np.full((32, 32, 3), value, np.uint8)
        pixels[0, 1, 2] = 99
        return View(pixels, rows, np.arange(len(rows)), rows[:1])

    batch = collate([view(1, []), view(2, [[0, 2, 4, 8], [1, 1, 2, 2]]), view(3, [[5, 5, 9, 7]])])
    assert (batch.images.shape, batch.images.dtype) == ((3, 3, 32, 32), torch.uint8)
    assert batch.images[1, 0, 5, 5] == 2
    assert batch.images[1, 2, 0, 1] == 99
    assert batch.targets.image.tolist() == [1, 1, 2]
    assert batch.targets.class_ids.tolist() == [0, 1, 0]
    assert batch.targets.boxes.tolist() == [[2, 5, 4, 6], [1.5, 1.5, 1, 1], [7, 6, 4, 2]]
    assert [len(regions) for regions in batch.ignored] == [0, 1, 1]


@pytest.mark.parametrize(
    ("region", "columns", "rows"),
    [
        ((0, 0, 32, 24), range(4), range(3)),
        ((8, 8, 24, 16), range(1, 3), range(1, 2)),
        ((4, 4, 12, 12), range(2), range(2)),  # centres on its border are inside
        ((4.1, 4.1, 11.9, 11.9), range(1, 2), range(1, 2)),  # no centre inside: its own centre's
        ((0, 3.9, 32, 4.1), range(4), range(1)),
        (
            (13, 13, 19, 19),
            range(2, 3),
            range(2, 3),
        ),  # smaller than a cell, around a corner of four
    ],
)
def test_cells_with_their_centre_inside_are_ignored(
    region: tuple[float, ...], columns: range, rows: range
) -> None:
    found = ignored_cells([torch.zeros(0, 4), torch.tensor([region])], (3, 4), 8)
    expected = torch.zeros(2, 3, 4, dtype=torch.bool)
    for row in rows:
        for column in columns:
            expected[1, row, column] = True
    assert torch.equal(found, expected)
