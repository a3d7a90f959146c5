"""Settings of the detector; every default stands here and nowhere else."""

from __future__ import annotations

from math import ceil
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)

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
        resize_px: Every frame is first brought to this longer side, larger or smaller, as the
            published validation does; `None` leaves it as it is. Detections stay in pixels of the
            frame.
    """

    tile_px: Annotated[int, Field(ge=64, multiple_of=32)] = 1536
    overlap: Annotated[float, Field(ge=0.0, le=0.5)] = 0.2
    full_frame: bool = False
    resize_px: Annotated[int, Field(ge=64, le=16384)] | None = None

    @property
    def overlap_px(self) -> int:
        """Least that neighbouring tiles share."""
        return ceil(self.overlap * self.tile_px)


@dataclass(frozen=True, config=STRICT)
class View:
    """One pass of the network over a tile.

    Attributes:
        scale: The tile is resized by this.
        flip: Whether it is mirrored, left to right.
        without: The head whose candidates are left out: where other views see its objects at a
            better size.
    """

    scale: Annotated[float, Field(ge=0.1, le=4.0)] = 1.0
    flip: bool = False
    without: Literal["finest", "coarsest"] | None = None


VIEWS = {
    "single": (View(),),
    "yolov5": (View(without="coarsest"), View(0.83, flip=True), View(0.67, without="finest")),
    "tph-yolov5": (
        View(without="coarsest"),
        View(flip=True),
        View(0.83),
        View(0.83, flip=True),
        View(0.67),
        View(0.67, flip=True, without="finest"),
    ),
}
"""Sets of views by name: the tile as it is; the three that YOLOv5 6.0 tests with; the six of
TPH-YOLOv5 (Zhu et al., ICCV Workshops 2021, "ms-testing")."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class NmsConfig:
    """Greedy non-maximum suppression.

    Attributes:
        iou: Of two boxes that overlap by more than this intersection over union, 0 to 1, only
            the one with the higher score stays.
        class_aware: Whether boxes of different classes may cover one place. By default they
            may not: a vehicle seen as car and as truck is one detection.
    """

    name: Literal["nms"] = "nms"
    iou: Share = 0.5
    class_aware: bool = False


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SoftNmsConfig:
    """Soft-NMS (Bodla et al., ICCV 2017): overlapping boxes stay with lower scores.

    Attributes:
        decay: `gaussian`: each box chosen before multiplies a score by `exp(-IoU^2 / sigma)`.
            `linear`: by `1 - IoU`, if they overlap by more than `iou`.
        sigma: Of the Gaussian decay.
        iou: Of the linear decay, 0 to 1.
        class_aware: As in `NmsConfig`.
    """

    name: Literal["soft-nms"] = "soft-nms"
    decay: Literal["gaussian", "linear"] = "gaussian"
    sigma: Annotated[float, Field(gt=0.0, le=10.0)] = 0.5
    iou: Share = 0.3
    class_aware: bool = False


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DiouNmsConfig:
    """DIoU-NMS (Zheng et al., AAAI 2020): boxes with distant centres may overlap more.

    Attributes:
        iou: As in `NmsConfig`, of `IoU - (d^2 / c^2)^power`: d is the distance of the centres
            and c the diagonal of the smallest box around both.
        power: The larger, the less the distance counts.
        class_aware: As in `NmsConfig`.
    """

    name: Literal["diou-nms"] = "diou-nms"
    iou: Share = 0.5
    power: Annotated[float, Field(gt=0.0, le=10.0)] = 1.0
    class_aware: bool = False


@dataclass(frozen=True, kw_only=True, config=STRICT)
class WbfConfig:
    """Weighted boxes fusion (Solovyev et al., 2021): overlapping boxes become their mean.

    A source is a model's view. The score of a fused box is the mean of its boxes' scores, times
    its share of the sources: what few of them see loses. So take a lower `confidence` than
    without fusion.

    Attributes:
        iou: A box joins the fused box that it overlaps most, if by more than this intersection
            over union, 0 to 1.
        skip_score: Candidates with a lower score are left out before all else.
        weights: Of the models, in their order; all equal if `None`.
        class_aware: As in `NmsConfig`; if not, a fused box has the class of its best part.
    """

    name: Literal["wbf"] = "wbf"
    iou: Share = 0.67
    skip_score: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.01
    weights: tuple[Annotated[float, Field(gt=0.0, le=1000.0)], ...] | None = None
    class_aware: bool = False


def _form(value: Any) -> str:
    """Tells text from a list, so that only the faults of one of them are named."""
    return "<text>" if isinstance(value, str) else "<list>"


_WeightsFile = Annotated[str, Field(min_length=1)]

Weights: TypeAlias = Annotated[
    Annotated[_WeightsFile, Tag("<text>")]
    | Annotated[tuple[_WeightsFile, ...], Field(min_length=1), Tag("<list>")],
    Discriminator(_form),
]

Views: TypeAlias = Annotated[
    Annotated[Literal["single", "yolov5", "tph-yolov5"], Tag("<text>")]
    | Annotated[tuple[View, ...], Field(min_length=1), Tag("<list>")],
    Discriminator(_form),
]

AnySuppressionConfig: TypeAlias = NmsConfig | SoftNmsConfig | DiouNmsConfig | WbfConfig

SuppressionConfig: TypeAlias = Annotated[AnySuppressionConfig, Field(discriminator="name")]
"""What becomes of candidates that overlap; `name` tells which."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RulesConfig:
    """Boxes of different tiles are joined by what their tiles' borders cut.

    Attributes:
        iou: Two boxes are one object if, within what both tiles see, their intersection over
            union reaches this; 0 to 1.
        contained: A box that its tile's border cut is dropped if this share of it lies in a
            larger box of another tile; 0 to 1.
        border_px: A side counts as cut if it is closer to its tile's border than this, in
            pixels, and `border_share` together.
        border_share: The same as a share of the box's length across the border, 0 to 0.5.
    """

    name: Literal["rules"] = "rules"
    iou: Share = 0.4
    contained: Share = 0.6
    border_px: Annotated[float, Field(ge=0.0, le=32.0)] = 3.0
    border_share: Annotated[float, Field(ge=0.0, le=0.5)] = 0.05


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TogetherConfig:
    """The candidates of all tiles are suppressed or fused together, as those of one image.

    Each tile that sees a place is a source there. Parts of objects that a border cut may stay.
    """

    name: Literal["together"] = "together"


AnyMergeConfig: TypeAlias = RulesConfig | TogetherConfig

MergeConfig: TypeAlias = Annotated[AnyMergeConfig, Field(discriminator="name")]
"""How the tiles of a frame are put together; `name` tells which."""


@dataclass(frozen=True, config=STRICT)
class DetectorConfig:
    """The detector of one run.

    Attributes:
        weights: `default` or `thermal` for weights that come with the program, else the path of a
            `.safetensors` file, or of an `.onnx` or `.xml` file that `detector.export` wrote. Of
            several files, which know the same classes, the candidates are suppressed or fused
            together.
        device: `cpu`, `cuda:N`, or `auto`: the first GPU if there is one.
        backend: What runs the network. `auto` takes torch on a GPU, and on a CPU the fastest one
            that is installed.
        confidence: Least score of a detection (objectness times class), 0 to 1.
        multi_label: Whether a box is a candidate of every class that scores so much, as in the
            published validation, or of the best class only.
        views: Passes of the network over each tile: a key of `VIEWS`, or a list of its own.
        suppression: What becomes of candidates that overlap.
        classes: Names of the classes to report; all of them if `None`.
        tiling: How a frame is cut.
        merge: How the tiles of a frame are put together.
        batch_tiles: Most tiles that pass the network at once.
        precision: Of the network's arithmetic. `auto` takes bfloat16 where the processor
            computes with it, else float32.
        features: Whether detections tell how each object looks.
    """

    weights: Weights = "default"
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda:\d+)$")] = "auto"
    backend: Literal["auto", "torch", "onnx", "openvino"] = "auto"
    confidence: Share = 0.1
    multi_label: bool = False
    views: Views = "single"
    suppression: SuppressionConfig = NmsConfig()
    classes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    tiling: TilingConfig = TilingConfig()
    merge: MergeConfig = RulesConfig()
    batch_tiles: Annotated[int, Field(ge=1)] = 4
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    features: bool = False

    @property
    def weight_files(self) -> tuple[str, ...]:
        """The models, one or more."""
        return (self.weights,) if isinstance(self.weights, str) else self.weights

    @property
    def view_list(self) -> tuple[View, ...]:
        """The views, one or more."""
        return VIEWS[self.views] if isinstance(self.views, str) else self.views

    @model_validator(mode="after")
    def _features_of_one_model(self) -> DetectorConfig:
        if self.features and len(self.weight_files) > 1:
            raise ValueError("features: those of several models do not compare; give one file")
        return self

    @model_validator(mode="after")
    def _one_weight_a_model(self) -> DetectorConfig:
        if isinstance(self.suppression, WbfConfig) and self.suppression.weights is not None:
            found, models = len(self.suppression.weights), len(self.weight_files)
            if found != models:
                raise ValueError(
                    f"suppression.weights: {found} for {models} models; give one for each file of "
                    "detector.weights, or null"
                )
        return self
