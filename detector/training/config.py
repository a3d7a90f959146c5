"""What a training run is made of: one YAML file that reproduces it."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, field_validator
from pydantic.dataclasses import dataclass

from detector.model.spec import AttentionScale, ModelSpec, Neighbourhood

_STRICT = ConfigDict(extra="forbid")

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, config=_STRICT)
class SourceConfig:
    """One data set of a training run.

    Attributes:
        data: Path of the data set's description, relative to the training file.
        flights: Names of the flights to take; `None` takes all images.
        share: Share of the training views drawn from this set, relative to the others'.
        scale: Smallest and largest factor by which its images are resized.
        quarter_turns: Turn views by 90, 180 and 270 degrees; right for views from straight above.
        cache: Keep the decoded images in memory.
    """

    data: str
    flights: tuple[str, ...] | None = None
    share: Positive = 1.0
    scale: tuple[Positive, Positive] = (0.5, 1.5)
    quarter_turns: bool = False
    cache: bool = False

    @field_validator("scale")
    @classmethod
    def _rising(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if scale[0] > scale[1]:
            raise ValueError("the smallest factor comes first")
        return scale


@dataclass(frozen=True, config=_STRICT)
class AugmentConfig:
    """How training views are changed; each value is a probability or a range.

    Attributes:
        mosaic: Probability that a view is made of four.
        squash: Largest share of its height that a part of a view loses; half of the parts do.
        hue: Largest change, as a share of the colour circle.
        saturation: Largest relative change.
        brightness: Largest relative change.
        grey: Probability of a grey view.
        blur: Probability of a blurred view.
        sharpen: Probability of a camera's sharpening.
        noise: Probability of sensor noise.
        compression: Probability of JPEG artefacts.
    """

    mosaic: Share = 0.5
    squash: Annotated[float, Field(ge=0, lt=1)] = 0.0
    hue: Share = 0.02
    saturation: Share = 0.6
    brightness: Share = 0.4
    grey: Share = 0.03
    blur: Share = 0.15
    sharpen: Share = 0.0
    noise: Share = 0.15
    compression: Share = 0.2


@dataclass(frozen=True, config=_STRICT)
class LossConfig:
    """Gains of the loss as they take effect.

    Attributes:
        box: Of `1 - CIoU`.
        objectness: Of the objectness cross-entropy.
        classification: Of the class cross-entropy.
        objectness_positive: Weight of positives inside the objectness loss.
        class_positive: Weight of positives inside the class loss.
        ratio_limit: An anchor learns an object if no side differs by this factor or more.
    """

    box: Positive = 0.07
    objectness: Positive = 0.7
    classification: Positive = 0.1
    objectness_positive: Positive = 1.0
    class_positive: Positive = 1.0
    ratio_limit: Annotated[float, Field(gt=1)] = 3.0


@dataclass(frozen=True, config=_STRICT)
class TrainConfig:
    """A training run.

    Attributes:
        network: Name and size, such as `tph-yolov5pp-n`; see `detector.model.spec`.
        class_names: In the order of the class ids.
        neighbourhood: Rows and columns that a query of CA-Trans sees, in cells of stride 4.
        attention_scale: What CA-Trans divides a correlation by; see `ModelSpec`.
        anchors_per_head: Box shapes that a cell may predict, taken from the data.
        train: Data sets to learn from.
        validation: Data sets to measure on, with no image in common with `train`.
        image_px: Side of the square training views, a multiple of 32.
        batch: Views per step.
        steps: Optimiser steps.
        warmup_steps: Steps over which the learning rate rises from 0.
        learning_rate: Of AdamW, at its peak; falls to `final_share` of it along a cosine.
        final_share: Of the learning rate at the end.
        weight_decay: On parameters of two or more dimensions.
        ema_decay: Of the averaged weights, which are those saved.
        seed: Decides views, initial weights and anchors.
        workers: Threads that prepare views.
        evaluate_every: Steps between measurements and checkpoints.
        augment: How views are changed.
        loss: Gains of the loss.
    """

    network: str
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]
    train: Annotated[tuple[SourceConfig, ...], Field(min_length=1)]
    validation: Annotated[tuple[SourceConfig, ...], Field(min_length=1)]
    neighbourhood: Neighbourhood = ModelSpec.neighbourhood
    attention_scale: AttentionScale = ModelSpec.attention_scale
    anchors_per_head: Annotated[int, Field(ge=1, le=9)] = 3
    image_px: Annotated[int, Field(ge=64, multiple_of=32)] = 640
    batch: Annotated[int, Field(ge=1)] = 16
    steps: Annotated[int, Field(ge=1)] = 5000
    warmup_steps: Annotated[int, Field(ge=0)] = 300
    learning_rate: Positive = 0.002
    final_share: Share = 0.02
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    ema_decay: Share = 0.998
    seed: int = 0
    workers: Annotated[int, Field(ge=1)] = 2
    evaluate_every: Annotated[int, Field(ge=1)] = 500
    augment: AugmentConfig = AugmentConfig()
    loss: LossConfig = LossConfig()

    @field_validator("network")
    @classmethod
    def _known(cls, network: str) -> str:
        ModelSpec.named(network, ("any",), 640)
        return network

    def __post_init__(self) -> None:
        _ = self.spec  # Refuses options that the network has not.

    @property
    def spec(self) -> ModelSpec:
        """Of the network that is trained: in corrected form, so that every parameter learns."""
        return ModelSpec.named(
            self.network,
            self.class_names,
            self.image_px,
            neighbourhood=self.neighbourhood,
            attention_scale=self.attention_scale,
        )
