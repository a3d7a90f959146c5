"""Views of a training run: decided by their number alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from detector.data.annotations import LabelledImage, no_boxes
from detector.data.augment import View
from detector.data.dataset import Pool, TrainingViews, collate, ignored_cells
from detector.training.config import AugmentConfig, SourceConfig

Make = Callable[..., LabelledImage]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes an image of one colour with one box."""

    def image(name: str, colour: tuple[int, int, int], wh: tuple[int, int] = (90, 70)) -> object:
        path = tmp_path / f"{name}.png"
        pixels = np.full((wh[1], wh[0], 3), colour, np.uint8)
        cv2.imwrite(str(path), pixels[..., ::-1])
        box = np.array([[20, 20, 50, 40]], np.float32)
        return LabelledImage(path, wh, box, np.array([1]), no_boxes())

    return image  # type: ignore[return-value]


def same(one: View, two: View) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(two, name))
        for name in ("image", "boxes", "class_ids", "ignore")
    )


@pytest.mark.parametrize("cache", [True, False])
def test_a_pool_gives_whole_images_in_rgb(make: Make, *, cache: bool) -> None:
    pool = Pool([make("a", (200, 0, 0)), make("b", (0, 0, 90))], SourceConfig("d", cache=cache))
    assert len(pool) == 2
    view = pool[1]
    assert view.image.shape == (70, 90, 3)
    assert view.image[0, 0].tolist() == [0, 0, 90]
    assert view.boxes.tolist() == [[20, 20, 50, 40]]
    assert view.class_ids.tolist() == [1]


def test_an_empty_pool_is_named() -> None:
    with pytest.raises(ValueError, match=r"^set\.yaml: no images to train on$"):
        Pool([], SourceConfig("set.yaml"))


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
    plain = AugmentConfig(**dict.fromkeys(vars(AugmentConfig()), 0))
    rare = Pool([make("a", (200, 0, 0))], SourceConfig("a", share=1))
    # A larger set counts no more than its share says.
    often = Pool([make(f"b{i}", (0, 0, 200)) for i in range(3)], SourceConfig("b", share=3))
    views = TrainingViews([rare, often], 32, plain, seed=0)
    blue = sum(views[index].image[16, 16, 2] > 100 for index in range(200))
    assert 130 <= blue <= 170


def test_scales_stay_in_their_range(make: Make) -> None:
    plain = AugmentConfig(**dict.fromkeys(vars(AugmentConfig()), 0))
    pool = Pool([make("a", (200, 0, 0), (300, 300))], SourceConfig("a", scale=(0.5, 2.0)))
    views = TrainingViews([pool], 160, plain, seed=0)
    boxes = np.concatenate([views[index].boxes for index in range(100)])
    whole = ((boxes > 0.5) & (boxes < 159.5)).all(1)
    scales = (boxes[whole, 2] - boxes[whole, 0]) / 30
    assert scales.min() >= 0.4999
    assert scales.max() <= 2.0001
    assert np.ptp(np.log2(scales)) > 1.6
    # As many below 1 as above.
    assert 0.3 < (scales < 1).mean() < 0.7


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
