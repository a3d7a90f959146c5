"""What a training run is made of: one YAML file that reproduces it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator
from pydantic.dataclasses import dataclass

from detector.data.views_config import AugmentConfig, Positive, Share, SourceConfig
from detector.model.spec import AttentionScale, ModelSpec, Neighbourhood
from detector.training.loss_config import LossConfig
from detector.training.optimizer_config import AdamWConfig, OptimizerConfig

_STRICT = ConfigDict(extra="forbid")

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, config=_STRICT)
class TrainConfig:
    """A training run.

    A step is one batch: forward, backward and, after every `accumulate` batches, an update of the
    weights. An epoch is as many views as there are training images, and at least one step.

    Attributes:
        network: Name and size, such as `tph-yolov5pp-n`; see `detector.model.spec`.
        class_names: In the order of the class ids.
        neighbourhood: Rows and columns that a query of CA-Trans sees, in cells of stride 4.
        attention_scale: What CA-Trans divides a correlation by; see `ModelSpec`.
        init: Weights to start from, relative to the training file: tensors whose names and shapes
            agree are taken, the others start anew. `None` starts from nothing.
        anchors: `init` takes those of the weights started from, where there are as many; `fit`,
            and all other runs, fits them to the data.
        anchors_per_head: Box shapes that a cell may predict.
        train: Data sets to learn from.
        validation: Data sets to measure on, with no image in common with `train`.
        image_px: Side of the square training views, a multiple of 32.
        batch: Views per step, of all processes together.
        accumulate: Batches whose gradients are summed for an update.
        steps: Length of the run; either this or `epochs`.
        epochs: Length of the run.
        patience: The run ends after so many measurements without a better one; `None`: never.
        optimizer: Which, with its learning rate and decay.
        warmup_steps: Least steps of the warm-up, over which the learning rate rises from 0 and
            `accumulate` from 1.
        warmup_epochs: Least epochs of it; the longer of the two counts.
        final_share: Of the learning rate at the end; after the warm-up it falls along a cosine.
        clip_norm: Largest norm of an update's gradient; `None`: no limit, as published.
        ema_decay: Of the averaged weights, which are those saved.
        ema_ramp: Time constant with which the averaging reaches that decay, in updates.
        precision: Of the network's arithmetic. `bfloat16` is autocast: weights and loss stay
            float32. `auto` takes it where the processor computes with it.
        seed: Decides views, initial weights, dropout and anchors. On a CPU, the same seed and
            number of threads give the same bits; on CUDA some sums of cuDNN and of backward
            passes have no fixed order, so that runs part in the last digits.
        workers: Threads that prepare views.
        evaluate_every: Steps between measurements; `None` is an epoch where the run's length is
            in epochs, else 500.
        save_every_s: Seconds between saves of the state that a killed run goes on from.
        augment: How views are changed.
        loss: Gains of the loss.
    """

    network: str
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]
    train: Annotated[tuple[SourceConfig, ...], Field(min_length=1)]
    validation: Annotated[tuple[SourceConfig, ...], Field(min_length=1)]
    neighbourhood: Neighbourhood = ModelSpec.neighbourhood
    attention_scale: AttentionScale = ModelSpec.attention_scale
    init: str | None = None
    anchors: Literal["init", "fit"] = "init"
    anchors_per_head: Annotated[int, Field(ge=1, le=9)] = 3
    image_px: Annotated[int, Field(ge=64, multiple_of=32)] = 640
    batch: Count = 16
    accumulate: Count = 1
    steps: Count | None = None
    epochs: Count | None = None
    patience: Count | None = None
    optimizer: OptimizerConfig = AdamWConfig()
    warmup_steps: Annotated[int, Field(ge=0)] = 300
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    final_share: Share = 0.02
    clip_norm: Positive | None = 10.0
    ema_decay: Share = 0.998
    ema_ramp: Positive = 500.0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    seed: Annotated[int, Field(ge=0)] = 0
    workers: Count = 2
    evaluate_every: Count | None = None
    save_every_s: Annotated[float, Field(ge=0)] = 60.0
    augment: AugmentConfig = AugmentConfig()
    loss: LossConfig = LossConfig()

    @field_validator("network")
    @classmethod
    def _known(cls, network: str) -> str:
        ModelSpec.named(network, ("any",), 640)
        return network

    def __post_init__(self) -> None:
        _ = self.spec  # Refuses options that the network has not.
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("steps, epochs: give the length of the run in one of them")
        twice = [name for name in self.class_names if self.class_names.count(name) > 1]
        if twice:
            raise ValueError(f"class_names: {twice[0]!r} stands there twice")
        weights, classes = self.loss.class_weights, len(self.class_names)
        if isinstance(weights, tuple) and len(weights) != classes:
            raise ValueError(f"loss.class_weights: {len(weights)} for {classes} classes")

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
