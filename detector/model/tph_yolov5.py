"""TPH-YOLOv5++ (Zhao et al., Remote Sensing 2023) as one plain module, and its sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from detector.model.attention import SwinBody
from detector.model.blocks import C3, SPPF, Conv, c3_bottlenecks
from detector.model.cross_layer import CrossLayerHead

STRIDES = (8, 16, 32)
"""Pixels per cell of the three prediction maps, finest first."""

Form = Literal["published", "corrected"]

SIZES = {
    "n": (0.33, 0.25),
    "s": (0.33, 0.50),
    "m": (0.67, 0.75),
    "l": (1.0, 1.0),
    "x": (1.33, 1.25),
}
"""Depth and width factors of each size."""

COCO_ANCHORS_PX = (
    ((10.0, 13.0), (16.0, 30.0), (33.0, 23.0)),
    ((30.0, 61.0), (62.0, 45.0), (59.0, 119.0)),
    ((116.0, 90.0), (156.0, 198.0), (373.0, 326.0)),
)
"""Width and height of YOLOv5's anchors, where no better ones are known."""

Anchors = Sequence[Sequence[Sequence[float]]]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything that a network is built from, beside its weights.

    Attributes:
        size: Key of `SIZES`.
        class_names: In the order of the class ids.
        train_px: Side of the training images; a hint for the size of objects it knows.
        form: `published` runs as the published code, faults included; `corrected` is for
            networks trained here.
        neighbourhood: Side of CA-Trans's neighbourhood in stride-4 cells.
    """

    size: str
    class_names: tuple[str, ...]
    train_px: int
    form: Form = "corrected"
    neighbourhood: int = 2

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(f"size: {self.size!r} is none of {', '.join(SIZES)}")
        if not self.class_names:
            raise ValueError("class_names: at least one class is needed")

    @property
    def name(self) -> str:
        """As in `tph-yolov5pp-n`."""
        return f"tph-yolov5pp-{self.size}"


class Backbone(nn.Module):
    """CSPDarknet: maps at strides 4, 8, 16 and 32."""

    def __init__(self, channels: Sequence[int], repeats: Sequence[int]) -> None:
        super().__init__()
        c1, c2, c3, c4, c5 = channels
        self.stem = Conv(3, c1, 6, 2, 2)
        self.down2 = Conv(c1, c2, 3, 2)
        self.stage2 = c3_bottlenecks(c2, c2, repeats[0], shortcut=True)
        self.down3 = Conv(c2, c3, 3, 2)
        self.stage3 = c3_bottlenecks(c3, c3, repeats[1], shortcut=True)
        self.down4 = Conv(c3, c4, 3, 2)
        self.stage4 = c3_bottlenecks(c4, c4, repeats[2], shortcut=True)
        self.down5 = Conv(c4, c5, 3, 2)
        self.stage5 = c3_bottlenecks(c5, c5, repeats[0], shortcut=True)
        self.sppf = SPPF(c5, c5)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`(B, 3, H, W)` to the maps at strides 4, 8, 16, 32."""
        p2 = self.stage2(self.down2(self.stem(images)))
        p3 = self.stage3(self.down3(p2))
        p4 = self.stage4(self.down4(p3))
        p5 = self.sppf(self.stage5(self.down5(p4)))
        return p2, p3, p4, p5


class Neck(nn.Module):
    """Path aggregation, top down and bottom up, with a Swin layer at stride 32."""

    def __init__(self, channels: Sequence[int], repeats: int, *, published: bool) -> None:
        super().__init__()
        c3, c4, c5 = channels
        self.lateral5 = Conv(c5, c4)
        self.top_down4 = c3_bottlenecks(2 * c4, c4, repeats, shortcut=False)
        self.lateral4 = Conv(c4, c3)
        self.top_down3 = c3_bottlenecks(2 * c3, c3, repeats, shortcut=False)
        self.down3 = Conv(c3, c3, 3, 2)
        self.bottom_up4 = c3_bottlenecks(2 * c3, c4, repeats, shortcut=False)
        self.down4 = Conv(c4, c4, 3, 2)
        self.bottom_up5 = C3(2 * c4, c5, SwinBody(c5 // 2, 1, published=published))
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, p3: Tensor, p4: Tensor, p5: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Backbone maps at strides 8, 16, 32 to head maps at the same strides."""
        lateral5 = self.lateral5(p5)
        lateral4 = self.lateral4(self.top_down4(torch.cat((self.upsample(lateral5), p4), 1)))
        n3 = self.top_down3(torch.cat((self.upsample(lateral4), p3), 1))
        n4 = self.bottom_up4(torch.cat((self.down3(n3), lateral4), 1))
        n5 = self.bottom_up5(torch.cat((self.down4(n4), lateral5), 1))
        return n3, n4, n5


class TphYolov5pp(nn.Module):
    """The whole network: images to raw logits at strides 8, 16 and 32.

    Attributes:
        spec: What it was built from.
        anchors_px: `(3, A, 2)` float32 buffer, width and height in pixels, finest head first.
    """

    anchors_px: Tensor

    def __init__(self, spec: ModelSpec, anchors_px: Anchors = COCO_ANCHORS_PX) -> None:
        super().__init__()
        self.spec = spec
        depth, width = SIZES[spec.size]
        channels = [math.ceil(c * width / 8) * 8 for c in (64, 128, 256, 512, 1024)]
        repeats = [max(round(n * depth), 1) for n in (3, 6, 9)]
        self.register_buffer("anchors_px", torch.tensor(anchors_px, dtype=torch.float32))
        outputs = self.anchors_px.shape[1] * (5 + len(spec.class_names))
        _, c2, c3, c4, c5 = channels
        self.backbone = Backbone(channels, repeats)
        self.neck = Neck((c3, c4, c5), repeats[0], published=spec.form == "published")
        self.head3 = CrossLayerHead(c2, c3, outputs, spec.neighbourhood)
        self.head4 = nn.Conv2d(c4, outputs, 1)
        self.head5 = nn.Conv2d(c5, outputs, 1)
        self._initialise_biases()

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the class ids."""
        return self.spec.class_names

    @property
    def train_px(self) -> int:
        """Side of the training images in pixels."""
        return self.spec.train_px

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels per cell of each prediction map, finest first; inputs are multiples of 32."""
        return STRIDES

    def forward(self, images: Tensor) -> list[Tensor]:
        """Raw logits of each head, finest first.

        Args:
            images: `(B, 3, H, W)` RGB in 0..1; `H` and `W` are multiples of 32.

        Returns:
            For each stride `(B, A, H / stride, W / stride, 5 + classes)`: x, y, w, h,
            objectness and classes, before the sigmoid.
        """
        p2, p3, p4, p5 = self.backbone(images)
        n3, n4, n5 = self.neck(p3, p4, p5)
        logits = (self.head3(p2, n3), self.head4(n4), self.head5(n5))
        anchors = self.anchors_px.shape[1]
        return [head.unflatten(1, (anchors, -1)).permute(0, 1, 3, 4, 2) for head in logits]

    def fuse(self) -> TphYolov5pp:
        """This network, in evaluation form, its batch normalisations folded away."""
        self.eval()
        for module in self.modules():
            if isinstance(module, Conv):
                module.fuse()
        return self

    @torch.no_grad()
    def _initialise_biases(self) -> None:
        """Starts objectness at 8 objects per 640-pixel image and classes at 0.6 / classes."""
        classes = len(self.class_names)
        heads = (self.head3.det, self.head4, self.head5)
        for head, stride in zip(heads, STRIDES, strict=True):
            assert head.bias is not None
            bias = head.bias.view(self.anchors_px.shape[1], -1)
            bias[:, 4] += math.log(8 / (640 / stride) ** 2)
            bias[:, 5:] += math.log(0.6 / (classes - 0.999999))


def decode(logits: Sequence[Tensor], anchors_px: Tensor) -> Tensor:
    """Boxes in pixels and probabilities of every anchor of every cell.

    Args:
        logits: What `TphYolov5pp` gives.
        anchors_px: `(heads, A, 2)`.

    Returns:
        `(B, N, 5 + classes)` float32: centre x, centre y, width and height in pixels,
        objectness and class probabilities in 0..1; heads finest first, anchor-major.
    """
    return torch.cat(
        [
            decode_head(head.float(), anchors, stride)
            for head, anchors, stride in zip(logits, anchors_px, STRIDES, strict=True)
        ],
        dim=1,
    )


def decode_head(logits: Tensor, anchors_px: Tensor, stride: int) -> Tensor:
    """`decode` of one head: `(B, A, h, w, 5 + classes)` to `(B, A * h * w, 5 + classes)`."""
    height, width = logits.shape[2:4]
    s = logits.sigmoid()
    rows = torch.arange(height, device=s.device, dtype=s.dtype)
    columns = torch.arange(width, device=s.device, dtype=s.dtype)
    grid_y, grid_x = torch.meshgrid(rows, columns, indexing="ij")
    centre = (2 * s[..., :2] - 0.5 + torch.stack((grid_x, grid_y), -1)) * stride
    size = (2 * s[..., 2:4]) ** 2 * anchors_px[None, :, None, None, :]
    return torch.cat((centre, size, s[..., 4:]), -1).flatten(1, 3)
