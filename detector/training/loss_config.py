"""What the loss weighs how much."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from detector.data.views_config import Positive
from detector.model.spec import ModelSpec

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class FocalConfig:
    """Focal loss (Lin et al., ICCV 2017), which weakens what is learned already.

    Attributes:
        gamma: Power of the distance to the truth.
        alpha: Weight of positives; negatives have the rest to 1.
    """

    gamma: Positive = 2.0
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.25


@dataclass(frozen=True, config=_STRICT)
class LossConfig:
    """Gains of the loss.

    Attributes:
        box: Of `1 - CIoU`.
        objectness: Of the objectness cross-entropy.
        classification: Of the class cross-entropy.
        scale_gains: Whether the gains above are for three heads, 80 classes and 640 pixels, and
            become others as in the published training; see `effective_gains`.
        objectness_positive: Weight of positives inside the objectness loss.
        class_positive: Weight of positives inside the class loss.
        focal: Focal loss of objectness and classes; `None` is plain cross-entropy.
        class_weights: Weight of an object in the class loss, for each class; `frequency` takes
            the inverse of how often the images show it, data sets weighed by their shares, such
            that the mean over all objects is 1.
        ratio_limit: An anchor learns an object if no side differs by this factor or more.
    """

    box: Positive = 0.07
    objectness: Positive = 0.7
    classification: Positive = 0.1
    scale_gains: bool = False
    objectness_positive: Positive = 1.0
    class_positive: Positive = 1.0
    focal: FocalConfig | None = None
    class_weights: tuple[Positive, ...] | Literal["frequency"] | None = None
    ratio_limit: Annotated[float, Field(gt=1)] = 3.0


def effective_gains(config: LossConfig, spec: ModelSpec) -> LossConfig:
    """The settings with gains that take effect as they stand.

    With `scale_gains`, all are multiplied by 3 / heads, and besides that the objectness by
    (pixels / 640)^2 and the classification by classes / 80.

    >>> spec = ModelSpec.named("tph-yolov5pp-l", ("car",) * 10, 1536)
    >>> found = effective_gains(LossConfig(0.07, 0.15, 0.18, scale_gains=True), spec)
    >>> round(found.box, 4), round(found.objectness, 4), round(found.classification, 4)
    (0.07, 0.864, 0.0225)
    """
    if not config.scale_gains:
        return config
    levels = 3 / len(spec.strides)
    return dataclasses.replace(
        config,
        box=config.box * levels,
        objectness=config.objectness * levels * (spec.train_px / 640) ** 2,
        classification=config.classification * levels * len(spec.class_names) / 80,
        scale_gains=False,
    )


def frequency_weights(shown: list[float]) -> tuple[float, ...]:
    """Weight of each class in inverse proportion to how often it is shown.

    Args:
        shown: Of each class, how many objects an image shows on average, or any multiple.

    Returns:
        Such that the mean over all objects is 1; a class that is never shown has 1.

    >>> frequency_weights([6.0, 2.0, 0.0])
    (0.6666666666666666, 2.0, 1.0)
    """
    present = [count for count in shown if count > 0]
    even = sum(present) / max(len(present), 1)
    return tuple(even / count if count > 0 else 1.0 for count in shown)
