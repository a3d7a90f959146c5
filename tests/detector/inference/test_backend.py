"""Several networks as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from detector.config import DetectorConfig, WbfConfig
from detector.detections import Detections, Image
from detector.inference.backend import Ensemble
from detector.inference.candidates import Candidates
from detector.inference.tiled import TiledDetector
from tests.detector.inference.scenes import candidates, detections

IMAGE = np.zeros((64, 64, 3), np.uint8)


class Fixed:
    """Finds the same in every tile."""

    stride = 32

    def __init__(self, names: tuple[str, ...], found: Detections, sources: int = 1) -> None:
        self.class_names = names
        self.source_count = sources
        self._found = found

    def infer(self, tiles: Sequence[Image]) -> Candidates:
        return candidates([self._found for _ in tiles])


def one(class_id: int, score: float = 0.5, left: float = 10) -> Detections:
    return detections(
        np.array([[left, 10, left + 20, 30]]), np.array([score]), np.array([class_id])
    )


def test_classes_go_by_name_and_sources_are_counted_through() -> None:
    first, second = Fixed(("car", "bus"), one(1), sources=3), Fixed(("bus", "car"), one(0))
    both = Ensemble(("a", "b"), (first, second))
    assert (both.class_names, both.source_count, both.stride) == (("car", "bus"), 4, 32)
    found = both.infer([IMAGE, IMAGE])
    assert found.class_ids.tolist() == [1, 1, 1, 1]
    assert found.source.tolist() == [0, 0, 3, 3]
    assert found.image.tolist() == [0, 1, 0, 1]


def test_networks_of_different_classes_are_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^b: knows car, van, but a knows car, bus; models"):
        Ensemble(("a", "b"), (Fixed(("car", "bus"), one(0)), Fixed(("car", "van"), one(0))))


def test_two_models_are_suppressed_together() -> None:
    both = Ensemble(("a", "b"), (Fixed(("car",), one(0, 0.5)), Fixed(("car",), one(0, 0.7, 11))))
    (found,) = TiledDetector(both, DetectorConfig()).detect([IMAGE])
    assert found.boxes.tolist() == [[11, 10, 31, 30]]


@pytest.mark.parametrize(
    ("weights", "left", "score"),
    # Means of 10 and 11 weighted by 0.5 and 0.7 times the weights; (0.5 w + 0.7 v) / (w + v).
    [(None, 10 + 0.7 / 1.2, 0.6), ((3.0, 1.0), 10 + 0.7 / 2.2, 0.55)],
)
def test_two_models_are_fused_by_their_weights(
    weights: tuple[float, ...] | None, left: float, score: float
) -> None:
    both = Ensemble(("a", "b"), (Fixed(("car",), one(0, 0.5)), Fixed(("car",), one(0, 0.7, 11))))
    config = DetectorConfig(weights=("a", "b"), suppression=WbfConfig(weights=weights))
    (found,) = TiledDetector(both, config).detect([IMAGE])
    np.testing.assert_allclose(found.boxes, [[left, 10, left + 20, 30]], rtol=1e-6)
    np.testing.assert_allclose(found.scores, [score], rtol=1e-6)


@pytest.mark.parametrize(("weight", "score"), [(1.0, 0.25), (3.0, 0.375)])
def test_what_one_of_two_models_sees_keeps_its_share(weight: float, score: float) -> None:
    both = Ensemble(("a", "b"), (Fixed(("car",), one(0)), Fixed(("car",), Detections.empty())))
    suppression = WbfConfig(weights=(weight, 1.0))
    config = DetectorConfig(weights=("a", "b"), suppression=suppression)
    (found,) = TiledDetector(both, config).detect([IMAGE])
    np.testing.assert_allclose(found.scores, [score], rtol=1e-6)
    (none,) = TiledDetector(
        both, DetectorConfig(confidence=0.4, weights=("a", "b"), suppression=suppression)
    ).detect([IMAGE])
    assert len(none) == 0


def test_views_share_the_weight_of_their_model() -> None:
    # Two views of a see the object and the one of b does not: 2 of 2 * 3 + 1 parts, times 3.
    seen = candidates([one(0)])
    twice = Candidates.join(
        [seen, Candidates(seen.boxes, seen.scores, seen.class_ids, seen.image, seen.source + 1)]
    )

    class Twice(Fixed):
        def infer(self, tiles: Sequence[Image]) -> Candidates:
            return twice

    backends = (Twice(("car",), one(0), 2), Fixed(("car",), Detections.empty(), 2))
    config = DetectorConfig(weights=("a", "b"), suppression=WbfConfig(weights=(3.0, 1.0)))
    (found,) = TiledDetector(Ensemble(("a", "b"), backends), config).detect([IMAGE])
    np.testing.assert_allclose(found.scores, [0.5 * 3 * 2 / (2 * 3 + 2 * 1)], rtol=1e-6)
    assert torch.equal(twice.source, torch.tensor([0, 1]))
