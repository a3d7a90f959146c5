"""Settings of the detector; every default stands here and nowhere else."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
"""Above 0 and below 1, no unit."""


@dataclass(frozen=True, config=STRICT)
class TilingConfig:
    """How a frame is cut.

    Attributes:
        tile_px: Longest side of a tile in pixels, a multiple of 32. A frame that fits is not
            cut; a larger one is cut into equal tiles that may be smaller than this.
        overlap: What neighbouring tiles share, as a share of `tile_px`, 0 to 0.5. An object up
            to this size is seen whole by at least one tile.
        full_frame: Adds a pass over the whole frame, made small enough for one tile, that finds
            what is larger than the overlap. Only frames that are cut get it.
    """

    tile_px: Annotated[int, Field(ge=64, multiple_of=32)] = 1536
    overlap: Annotated[float, Field(ge=0.0, le=0.5)] = 0.2
    full_frame: bool = False


@dataclass(frozen=True, config=STRICT)
class MergeConfig:
    """When boxes of different tiles are one object.

    Attributes:
        iou: Two boxes are one object if, within what both tiles see, their intersection over
            union reaches this; 0 to 1.
        contained: A box that its tile's border cut is dropped if this share of it lies in a
            larger box of another tile; 0 to 1.
        border_px: A side counts as cut if it is closer to its tile's border than this, in
            pixels, and `border_share` together.
        border_share: The same as a share of the box's length across the border, 0 to 0.5.
    """

    iou: Share = 0.4
    contained: Share = 0.6
    border_px: Annotated[float, Field(ge=0.0, le=32.0)] = 3.0
    border_share: Annotated[float, Field(ge=0.0, le=0.5)] = 0.05


@dataclass(frozen=True, config=STRICT)
class DetectorConfig:
    """The detector of one run.

    Attributes:
        weights: `default` for the weights that come with the program, else the path of a
            `.safetensors` file.
        device: `cpu`, `cuda:N`, or `auto`: the first GPU if there is one.
        confidence: Least score of a detection (objectness times class), 0 to 1.
        nms_iou: Of two boxes in one tile that overlap by more than this intersection over
            union, 0 to 1, only the one with the higher score stays.
        class_aware: Whether boxes of different classes may cover one place. By default they
            may not: a vehicle seen as car and as truck is one detection.
        classes: Names of the classes to report; all of them if `None`.
        tiling: How a frame is cut.
        merge: When boxes of different tiles are one object.
        batch_tiles: Most tiles that pass the network at once.
        precision: Of the network's arithmetic. `auto` takes bfloat16 where the processor
            computes with it, else float32.
    """

    weights: Annotated[str, Field(min_length=1)] = "default"
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda:\d+)$")] = "auto"
    confidence: Share = 0.1
    nms_iou: Share = 0.5
    class_aware: bool = False
    classes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    tiling: TilingConfig = TilingConfig()
    merge: MergeConfig = MergeConfig()
    batch_tiles: Annotated[int, Field(ge=1)] = 4
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
