"""The images of a data set: their pixels, their memory, and which are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.data.annotations import LabelledImage, no_boxes
from detector.data.pool import MOST_PASTED, Pool
from detector.data.views_config import SourceConfig
from tests.detector.data.painted import Make


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


def unread(*classes: list[int]) -> list[LabelledImage]:
    """Images that need not exist, with a row of free objects of those classes."""
    images = []
    for number, ids in enumerate(classes):
        left = np.arange(len(ids), dtype=np.float32) * 20
        boxes = np.stack((left, left, left + 10, left + 10), 1)
        path = Path(f"{number}.png")
        images.append(LabelledImage(path, (500, 400), boxes, np.array(ids, np.int64), no_boxes()))
    return images


def test_a_set_that_does_not_fit_is_refused_before_it_is_read() -> None:
    config = SourceConfig("set.yaml", cache=True, cache_gb=0.001)
    message = (
        r"^set\.yaml: cache: 2 decoded images take 0\.0012 GB, more than `cache_gb` 0\.001; "
        r"raise it or set `cache: false`$"
    )
    with pytest.raises(ValueError, match=message):
        Pool(unread([0], [1]), config)
    Pool(unread([0], [1]), SourceConfig("set.yaml", cache_gb=0.001))


def test_images_with_rare_classes_are_drawn_more_often() -> None:
    # Class 1 is in a twentieth of the images, a quarter of `rare_below`: twice the weight.
    images = unread(*[[0]] * 18, [0, 1], [])
    pool = Pool(images, SourceConfig("a", rare_below=0.2))
    rng = np.random.default_rng(0)
    drawn = np.bincount([pool.draw(rng) for _ in range(21000)], minlength=20)
    assert 1840 < drawn[18] < 2160
    assert (np.abs(np.delete(drawn, 18) - 1000) < 130).all()


def test_without_it_all_are_drawn_alike() -> None:
    pool = Pool(unread([0], [0], [0, 1]), SourceConfig("a"))
    rng, same = np.random.default_rng(5), np.random.default_rng(5)
    assert [pool.draw(rng) for _ in range(20)] == [int(same.integers(3)) for _ in range(20)]


def test_rare_classes_are_pasted_more_often_than_they_occur() -> None:
    pool = Pool(unread([0] * 16, [1], []), SourceConfig("a"))
    rng = np.random.default_rng(0)
    drawn = [pool.draw_objects(rng) for _ in range(3000)]
    # Weights of 16 objects at 1/4 each and of one at 1: a fifth of the draws.
    assert 0.17 < np.mean([image == 1 for image, _ in drawn]) < 0.23
    for image, rows in drawn:
        assert 1 <= len(rows) <= (MOST_PASTED if image == 0 else 1)
        assert len(set(rows)) == len(rows)
        assert max(rows) < (16 if image == 0 else 1)
    assert {len(rows) for image, rows in drawn if image == 0} == {1, 2, 3}


@pytest.mark.parametrize("hidden", [True, False])
def test_only_free_objects_are_pasted(hidden: bool) -> None:
    boxes = np.array([[0, 0, 20, 20], [5, 5, 25, 25], [50, 50, 60, 60]], np.float32)
    ignore = boxes[2:] if hidden else no_boxes()
    image = LabelledImage(Path("a.png"), (90, 90), boxes, np.array([0, 1, 2]), ignore)
    pool = Pool([image], SourceConfig("a"))
    assert pool.draw_objects(np.random.default_rng(0))[1] == ([] if hidden else [2])


def test_a_set_without_objects_has_none_to_paste() -> None:
    assert Pool(unread([], []), SourceConfig("a")).draw_objects(np.random.default_rng(0))[1] == []
