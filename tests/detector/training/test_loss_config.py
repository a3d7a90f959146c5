"""What the loss weighs how much."""

from __future__ import annotations

import pytest

from detector.model.spec import ModelSpec
from detector.training.loss_config import LossConfig, effective_gains, frequency_weights

PUBLISHED = LossConfig(box=0.07, objectness=0.15, classification=0.18, scale_gains=True)


@pytest.mark.parametrize(
    ("network", "classes", "px", "gains"),
    [
        # The values that the published training prints for its settings.
        ("tph-yolov5pp-l", 10, 1536, (0.07, 0.864, 0.0225)),
        ("tph-yolov5-swin-l", 10, 1536, (0.0525, 0.648, 0.016875)),
        ("tph-yolov5pp-l", 3, 1024, (0.07, 0.384, 0.00675)),
        ("yolov5-l", 80, 640, (0.07, 0.15, 0.18)),
    ],
)
def test_published_scaling(
    network: str, classes: int, px: int, gains: tuple[float, float, float]
) -> None:
    names = tuple(map(str, range(classes)))
    found = effective_gains(PUBLISHED, ModelSpec.named(network, names, px))
    assert (found.box, found.objectness, found.classification) == pytest.approx(gains)
    assert found.ratio_limit == PUBLISHED.ratio_limit


def test_gains_that_take_effect_stay() -> None:
    spec = ModelSpec.named("tph-yolov5-swin-l", ("car",), 1536)
    assert effective_gains(LossConfig(), spec) == LossConfig()


def test_frequency_weights_even_the_classes_out() -> None:
    shown = [100.0, 1.0, 0.0, 19.0]
    weights = frequency_weights(shown)
    learned = [count * weight for count, weight in zip(shown, weights, strict=True)]
    assert learned == pytest.approx([40, 40, 0, 40])
    assert sum(learned) == pytest.approx(sum(shown))
    assert weights[2] == 1
    assert frequency_weights([0.0]) == (1.0,)
