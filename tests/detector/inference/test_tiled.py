"""Frames become tiles, tiles become detections of frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.config import (
    DetectorConfig,
    DiouNmsConfig,
    NmsConfig,
    SoftNmsConfig,
    TilingConfig,
    TogetherConfig,
    WbfConfig,
)
from detector.detections import Detections, Image
from detector.inference.candidates import Candidates
from detector.inference.tiled import TiledDetector
from tests.detector.inference.scenes import as_rows, candidates, detections

Array = NDArray[Any]
CLASSES = ("car", "truck", "bus")
CONFIG = DetectorConfig(tiling=TilingConfig(tile_px=512))

COLOURS = np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200]], np.uint8)
"""Of cars, trucks and buses."""


class ColourBackend:
    """Finds evenly coloured rectangles on black; each row of `COLOURS` is a class.

    It reads the pixels it is given and nothing else. Objects must not touch in x and y
    projections of a tile's own row of objects: each holds a grey level of its own.
    """

    class_names = CLASSES
    stride = 32
    source_count = 1

    def __init__(self) -> None:
        self.calls: list[list[tuple[int, ...]]] = []

    def infer(self, tiles: Sequence[Image]) -> Candidates:
        self.calls.append([tile.shape for tile in tiles])
        return candidates([self.see(tile) for tile in tiles])

    def see(self, tile: Image) -> Detections:
        boxes, class_ids = [], []
        brightest = tile.max(axis=2)
        for level in np.unique(brightest[brightest >= 100]):
            rows, columns = np.nonzero(brightest == level)
            boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            class_ids.append(int(tile[rows[0], columns[0]].argmax()))
        scores = 0.5 + 0.01 * np.arange(len(boxes))
        return detections(np.array(boxes), scores, np.array(class_ids, np.int64))


def paint(wh: tuple[int, int], boxes: list[list[int]]) -> Image:
    """Objects on black: car, truck, bus in turn, each with a level of its own."""
    image = np.zeros((wh[1], wh[0], 3), np.uint8)
    for row, (x1, y1, x2, y2) in enumerate(boxes):
        image[y1:y2, x1:x2, row % 3] = 100 + row
    return image


BOXES = [[10, 10, 40, 30], [430, 200, 520, 240], [400, 460, 700, 540], [900, 600, 1000, 700]]


def test_objects_are_found_once_in_full_frame_pixels() -> None:
    backend = ColourBackend()
    (found,) = TiledDetector(backend, CONFIG).detect([paint((1000, 700), BOXES)])
    assert sorted(found.boxes.tolist()) == sorted(BOXES)
    assert found.boxes.dtype == np.float32
    assert (np.diff(found.scores) <= 0).all()
    assert len(backend.calls[0]) == 6
    assert len(set(backend.calls[0])) == 1


def test_a_frame_that_fits_is_one_tile_and_equal_to_no_tiling() -> None:
    backend = ColourBackend()
    image = paint((512, 300), [[10, 10, 40, 30], [430, 200, 512, 240]])
    (found,) = TiledDetector(backend, CONFIG).detect([image])
    assert backend.calls == [[(300, 512, 3)]]
    assert as_rows(found) == as_rows(backend.see(image))


def test_frames_of_different_sizes_go_to_the_backend_together_and_come_back_in_order() -> None:
    backend = ColourBackend()
    images = [paint((1000, 700), BOXES), paint((300, 200), BOXES[:1]), paint((600, 200), [])]
    together = TiledDetector(backend, CONFIG).detect(images)
    assert [len(tiles) for tiles in backend.calls] == [6 + 1 + 2]
    for image, found in zip(images, together, strict=True):
        (alone,) = TiledDetector(backend, CONFIG).detect([image])
        assert as_rows(found) == as_rows(alone)
    assert len(together[2]) == 0


def test_no_images_give_no_detections() -> None:
    assert TiledDetector(ColourBackend(), CONFIG).detect([]) == []


def test_only_the_classes_asked_for_are_reported_with_their_own_ids() -> None:
    config = DetectorConfig(tiling=TilingConfig(tile_px=512), classes=("bus", "truck"))
    (found,) = TiledDetector(ColourBackend(), config).detect([paint((1000, 700), BOXES)])
    assert {box[0]: int(kind) for box, kind in zip(BOXES[1:3], [1, 2], strict=True)} == dict(
        zip(found.boxes[:, 0].tolist(), found.class_ids.tolist(), strict=True)
    )


def test_an_unknown_class_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'lorry' is none of the network's: car, truck, bus"):
        TiledDetector(ColourBackend(), DetectorConfig(classes=("lorry",)))


@pytest.mark.parametrize(
    "image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8)]
)
def test_what_is_no_image_is_refused(image: Any) -> None:
    with pytest.raises(ValueError, match="image 1: expected"):
        TiledDetector(ColourBackend(), CONFIG).detect([paint((8, 8), []), image])


class SizeBackend(ColourBackend):
    """Finds only what it sees whole and at most 150 px long: large objects must be shrunk."""

    def see(self, tile: Image) -> Detections:
        found = super().see(tile)
        height, width = tile.shape[:2]
        whole = (found.boxes[:, :2] > 0).all(axis=1) & (found.boxes[:, 2:] < (width, height)).all(1)
        small = (found.boxes[:, 2:] - found.boxes[:, :2]).max(axis=1) <= 150
        return found[whole & small]


@pytest.mark.parametrize("full_frame", [False, True])
def test_a_pass_over_the_whole_frame_finds_what_is_too_large_for_tiles(full_frame: bool) -> None:
    small, large = [100, 100, 140, 120], [300, 200, 800, 500]
    image = paint((2048, 1024), [small, large])
    tiling = TilingConfig(tile_px=512, full_frame=full_frame)
    backend = SizeBackend()
    (found,) = TiledDetector(backend, DetectorConfig(tiling=tiling)).detect([image])
    assert ((256, 512, 3) in backend.calls[0]) == full_frame
    boxes = sorted(found.boxes.tolist(), key=lambda box: box[0])
    assert boxes[0] == small
    assert len(boxes) == 1 + full_frame
    if full_frame:
        np.testing.assert_allclose(boxes[1], large, atol=4)


class ShrunkBackend(ColourBackend):
    """Finds objects only in the pass over the whole frame."""

    def see(self, tile: Image) -> Detections:
        return super().see(tile) if tile.shape == (256, 512, 3) else Detections.empty()


def test_the_pass_over_the_whole_frame_reports_only_what_tiles_may_cut() -> None:
    # The overlap is 103 px: up to that, an object is whole in one tile, which decides.
    boxes = [[100, 100, 200, 200], [300, 200, 420, 240], [600, 600, 640, 740]]
    config = DetectorConfig(tiling=TilingConfig(tile_px=512, full_frame=True))
    (found,) = TiledDetector(ShrunkBackend(), config).detect([paint((2048, 1024), boxes)])
    np.testing.assert_allclose(sorted(found.boxes.tolist()), boxes[1:], atol=8)


def test_a_frame_that_fits_gets_no_second_pass() -> None:
    backend = ColourBackend()
    config = DetectorConfig(tiling=TilingConfig(tile_px=512, full_frame=True))
    TiledDetector(backend, config).detect([paint((512, 512), [])])
    assert len(backend.calls[0]) == 1


def test_a_frame_is_resized_and_its_objects_are_in_its_own_pixels() -> None:
    backend = ColourBackend()
    config = DetectorConfig(tiling=TilingConfig(tile_px=1024, resize_px=1000))
    (found,) = TiledDetector(backend, config).detect([paint((500, 300), [[100, 60, 200, 120]])])
    assert backend.calls == [[(600, 1000, 3)]]
    np.testing.assert_allclose(found.boxes, [[100, 60, 200, 120]], atol=1)
    assert found.boxes.dtype == np.float32


class DoubleBackend(ColourBackend):
    """Gives every object a second, weaker candidate of the next class."""

    def see(self, tile: Image) -> Detections:
        found = super().see(tile)
        return Detections(
            np.concatenate([found.boxes, found.boxes]),
            np.concatenate([found.scores, found.scores - np.float32(0.2)]),
            np.concatenate([found.class_ids, (found.class_ids + 1) % 3]),
        )


@pytest.mark.parametrize("merge", [TogetherConfig(), DetectorConfig().merge])
@pytest.mark.parametrize("kind", [NmsConfig, DiouNmsConfig, WbfConfig])
@pytest.mark.parametrize(("class_aware", "count"), [(False, 4), (True, 8)])
def test_candidates_of_a_tile_are_suppressed(
    class_aware: bool, count: int, kind: Any, merge: Any
) -> None:
    # Whole in some tile and cut by none, so that both ways of merging find the same.
    boxes = [[10, 10, 40, 30], [200, 200, 240, 240], [600, 20, 640, 60], [900, 600, 990, 690]]
    tiling, suppression = TilingConfig(tile_px=512), kind(class_aware=class_aware)
    config = DetectorConfig(tiling=tiling, suppression=suppression, merge=merge)
    (found,) = TiledDetector(DoubleBackend(), config).detect([paint((1000, 700), boxes)])
    assert len(found) == count
    assert sorted(found.boxes.tolist()) == sorted(boxes * (count // 4))
    assert (np.diff(found.scores) <= 0).all()


def test_soft_nms_lowers_the_scores_of_what_overlaps() -> None:
    tiling, suppression = TilingConfig(tile_px=512), SoftNmsConfig(sigma=2.0)
    config = DetectorConfig(tiling=tiling, suppression=suppression, merge=TogetherConfig())
    (found,) = TiledDetector(DoubleBackend(), config).detect([paint((300, 200), BOXES[:1])])
    np.testing.assert_allclose(found.scores, [0.5, 0.3 * np.exp(-0.5)], rtol=1e-6)


def test_tiles_that_see_an_object_alike_are_fused_without_loss() -> None:
    # Two tiles of 512 px; the first object is in their overlap, the second in one of them.
    boxes = [[430, 100, 470, 140], [700, 100, 740, 140]]
    config = DetectorConfig(
        tiling=TilingConfig(tile_px=512), suppression=WbfConfig(), merge=TogetherConfig()
    )
    backend = ColourBackend()
    (found,) = TiledDetector(backend, config).detect([paint((900, 300), boxes)])
    assert len(backend.calls[0]) == 2
    assert sorted(found.boxes.tolist()) == boxes
    np.testing.assert_allclose(found.scores, 0.5, atol=0.02)


class LeftBackend(ColourBackend):
    """Sees objects in tiles that are black on the right only."""

    def see(self, tile: Image) -> Detections:
        return Detections.empty() if tile[:, -100:].any() else super().see(tile)


def test_an_object_that_one_of_two_tiles_missed_has_half_its_score() -> None:
    config = DetectorConfig(
        tiling=TilingConfig(tile_px=512), suppression=WbfConfig(), merge=TogetherConfig()
    )
    # The tiles are 0 to 512 and 388 to 900.
    boxes = [[392, 100, 410, 140], [800, 100, 890, 140]]
    (found,) = TiledDetector(LeftBackend(), config).detect([paint((900, 300), boxes)])
    (both,) = TiledDetector(ColourBackend(), config).detect([paint((900, 300), boxes)])
    assert len(found) == 1
    assert len(both) == 2
    np.testing.assert_allclose(found.boxes, boxes[:1])
    np.testing.assert_allclose(found.scores, 0.5 * 0.5, atol=0.02)


def test_frames_put_together_do_not_see_each_other() -> None:
    config = DetectorConfig(tiling=TilingConfig(tile_px=512), merge=TogetherConfig())
    images = [paint((1000, 700), BOXES[:3]), paint((300, 200), []), paint((1000, 700), BOXES[:1])]
    together = TiledDetector(ColourBackend(), config).detect(images)
    for image, found in zip(images, together, strict=True):
        (alone,) = TiledDetector(ColourBackend(), config).detect([image])
        assert as_rows(found) == as_rows(alone)
    assert len(together[1]) == 0
