"""What a network is built from, beside its weights. Loads without torch."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

NetworkName = Literal[
    "yolov5",
    "yolov5-p2-hub",
    "yolov5-p2-hub61",
    "yolov5-p2",
    "yolov5-p2-vit",
    "tph-yolov5-vit-cbam",
    "tph-yolov5-swin-cbam",
    "tph-yolov5-swin",
    "tph-yolov5-vit-cbam-spp",
    "tph-yolov5pp",
]

Form = Literal["published", "corrected"]
AttentionScale = Literal["neighbours", "channels"]

ONE_NORM_FILES = ("tph-yolov5-vit-cbam-spp", "published")
"""The network and form of the files that hold layers of C3TR with one normalisation."""

SIZES = {
    "n": (0.33, 0.25),
    "s": (0.33, 0.50),
    "m": (0.67, 0.75),
    "l": (1.0, 1.0),
    "x": (1.33, 1.25),
}
"""Depth and width factors of each size."""

Factor = Annotated[float, Field(gt=0, le=4)]
Side = Annotated[int, Field(ge=0, le=16, multiple_of=2)]
Neighbourhood: TypeAlias = tuple[Side, Side]
ClassName = Annotated[str, Field(min_length=1, max_length=100)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ModelSpec:
    """Everything that a network is built from, beside its anchors and weights.

    Attributes:
        network: Key of `detector.model.family.NETWORKS`.
        depth: Factor of the repeats inside the blocks.
        width: Factor of the channels.
        class_names: In the order of the class ids.
        train_px: Side of the training images; a hint for the size of objects it knows.
        form: `published` runs as the published code, faults included; `corrected` is for
            networks trained here. The same where the published code has no fault.
        neighbourhood: Rows and columns of the stride-4 cells that a query of CA-Trans sees, 2 to
            16; `(0, 0)` is the network without CA-Trans. Other networks keep the default.
        attention_scale: What CA-Trans divides a correlation by: the root of the number of
            `neighbours`, as the published code, or of the `channels`, as the paper.
        vit_norms: Normalisations in a layer of C3TR. 1 is for files of an early published code,
            whose layers differ in more; see `detector.model.vit.OneNormVitLayer`.

    Raises:
        ValueError: If a value is out of range, or one of the last three is set where it means
            nothing.
    """

    network: NetworkName
    depth: Factor
    width: Factor
    class_names: Annotated[tuple[ClassName, ...], Field(min_length=1, max_length=10_000)]
    train_px: Annotated[int, Field(ge=1, le=65_536)]
    form: Form = "corrected"
    neighbourhood: Neighbourhood = (2, 2)
    attention_scale: AttentionScale = "neighbours"
    vit_norms: Literal[1, 2] = 2

    def __post_init__(self) -> None:
        if self.network == "tph-yolov5pp":
            if self.neighbourhood != (0, 0) and 0 in self.neighbourhood:
                raise ValueError("neighbourhood: both sides are 0, or none is")
        elif (self.neighbourhood, self.attention_scale) != ((2, 2), "neighbours"):
            raise ValueError(f"neighbourhood and attention_scale: {self.network} has no CA-Trans")
        if self.vit_norms == 1 and (self.network, self.form) != ONE_NORM_FILES:
            raise ValueError(f"vit_norms: 1 is for {' in the form '.join(ONE_NORM_FILES)} alone")

    @classmethod
    def named(
        cls, name: str, class_names: tuple[str, ...], train_px: int, **options: Any
    ) -> ModelSpec:
        """The spec of a network in one of the five sizes.

        Args:
            name: Such as `tph-yolov5pp-x`.
            class_names: In the order of the class ids.
            train_px: Side of the training images.
            options: The other fields of the class.

        Raises:
            ValueError: In one line, if there is no such network or size, or as the class does.

        >>> ModelSpec.named("tph-yolov5pp-x", ("car",), 640).width
        1.25
        """
        network, _, size = name.rpartition("-")
        if network not in get_args(NetworkName) or size not in SIZES:
            raise ValueError(
                f"{name!r} is no network; a name is one of {', '.join(get_args(NetworkName))} "
                f"and, after a hyphen, one of {', '.join(SIZES)}"
            )
        depth, width = SIZES[size]
        try:
            return cls(
                network=network,  # type: ignore[arg-type]
                depth=depth,
                width=width,
                class_names=class_names,
                train_px=train_px,
                **options,
            )
        except ValidationError as error:
            fault = error.errors()[0]
            place = ": ".join((name, *map(str, fault["loc"][:1])))
            raise ValueError(f"{place}: {fault['msg'].removeprefix('Value error, ')}") from None

    @property
    def name(self) -> str:
        """The network and its size, or its factors where they are of no named size.

        >>> ModelSpec("yolov5", 1.0, 0.5, ("car",), 640).name
        'yolov5-depth1-width0.5'
        """
        for size, factors in SIZES.items():
            if factors == (self.depth, self.width):
                return f"{self.network}-{size}"
        return f"{self.network}-depth{self.depth:g}-width{self.width:g}"

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels per cell of each prediction map, finest first."""
        return (8, 16, 32) if self.network in ("yolov5", "tph-yolov5pp") else (4, 8, 16, 32)

    def channels(self, base: int) -> int:
        """Channels where the network of width 1 has `base`: a multiple of 8."""
        return math.ceil(base * self.width / 8) * 8

    def repeats(self, base: int) -> int:
        """Repeats where the network of depth 1 has `base`: at least 1; 1 stays 1."""
        return max(round(base * self.depth), 1) if base > 1 else base
