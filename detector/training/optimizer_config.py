"""Which optimiser trains, and its settings; `name` tells which."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from detector.data.views_config import Positive

_STRICT = ConfigDict(extra="forbid")

NotNegative = Annotated[float, Field(ge=0)]
Inertia = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=_STRICT)
class AdamWConfig:
    """AdamW with decoupled decay; the best start for short runs and small batches.

    Attributes:
        name: `adamw`.
        learning_rate: At its peak.
        betas: Decay of the averages of gradients and of their squares.
        weight_decay: On parameters of two or more dimensions.
    """

    name: Literal["adamw"] = "adamw"
    learning_rate: Positive = 0.002
    betas: tuple[Inertia, Inertia] = (0.9, 0.999)
    weight_decay: NotNegative = 0.01


@dataclass(frozen=True, config=_STRICT)
class AdamConfig:
    """Adam as TPH-YOLOv5 was trained.

    The published grouping never optimises `relative_position_bias_table` and `in_proj_*`, which
    keep their random start in every official model; here they learn like all the others.

    Attributes:
        name: `adam`.
        learning_rate: At its peak.
        betas: Decay of the averages of gradients and of their squares.
        weight_decay: L2, for 64 images an update and in proportion to them; on everything but
            biases and batch normalisation.
        warmup_bias_rate: Learning rate of biases at the start of the warm-up.
    """

    name: Literal["adam"] = "adam"
    learning_rate: Positive = 3e-4
    betas: tuple[Inertia, Inertia] = (0.843, 0.999)
    weight_decay: NotNegative = 0.00036
    warmup_bias_rate: NotNegative = 0.05


@dataclass(frozen=True, config=_STRICT)
class SgdConfig:
    """Stochastic gradient descent with Nesterov's momentum, in the published settings.

    Attributes:
        name: `sgd`.
        learning_rate: At its peak.
        momentum: After the warm-up.
        weight_decay: As in `AdamConfig`.
        warmup_bias_rate: Learning rate of biases at the start of the warm-up.
        warmup_momentum: Momentum at the start of the warm-up.
    """

    name: Literal["sgd"] = "sgd"
    learning_rate: Positive = 0.0032
    momentum: Inertia = 0.843
    weight_decay: NotNegative = 0.00036
    warmup_bias_rate: NotNegative = 0.05
    warmup_momentum: Inertia = 0.5


AnyOptimizerConfig: TypeAlias = AdamWConfig | AdamConfig | SgdConfig
OptimizerConfig: TypeAlias = Annotated[AnyOptimizerConfig, Field(discriminator="name")]
