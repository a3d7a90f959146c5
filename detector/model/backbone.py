"""CSPDarknet, the backbone of YOLOv5."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from detector.model.blocks import SPP, SPPF, Conv, Focus, c3_bottlenecks
from detector.model.spec import ModelSpec


class Features(NamedTuple):
    """The backbone's maps, `(B, C, H / stride, W / stride)` at strides 4, 8, 16 and 32."""

    p2: Tensor
    p3: Tensor
    p4: Tensor
    p5: Tensor


class Backbone(nn.Module):
    """Images to maps at strides 4, 8, 16 and 32, as since version 6 of YOLOv5.

    Args:
        spec: Decides channels and repeats.
        stage5: The block at stride 32, which keeps its channels.
    """

    def __init__(self, spec: ModelSpec, stage5: nn.Module) -> None:
        super().__init__()
        c1, c2, c3, c4, c5 = map(spec.channels, (64, 128, 256, 512, 1024))
        self.stem = Conv(3, c1, 6, 2, 2)
        self.down2 = Conv(c1, c2, 3, 2)
        self.stage2 = c3_bottlenecks(c2, c2, spec.repeats(3), shortcut=True)
        self.down3 = Conv(c2, c3, 3, 2)
        self.stage3 = c3_bottlenecks(c3, c3, spec.repeats(6), shortcut=True)
        self.down4 = Conv(c3, c4, 3, 2)
        self.stage4 = c3_bottlenecks(c4, c4, spec.repeats(9), shortcut=True)
        self.down5 = Conv(c4, c5, 3, 2)
        self.stage5 = stage5
        self.sppf = SPPF(c5, c5)

    def forward(self, images: Tensor) -> Features:
        """`(B, 3, H, W)`, sides multiples of 32."""
        p2 = self.stage2(self.down2(self.stem(images)))
        p3 = self.stage3(self.down3(p2))
        p4 = self.stage4(self.down4(p3))
        p5 = self.sppf(self.stage5(self.down5(p4)))
        return Features(p2, p3, p4, p5)


class OlderBackbone(nn.Module):
    """The same as before version 6; files of that time keep it."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        c1, c2, c3, c4, c5 = map(spec.channels, (64, 128, 256, 512, 1024))
        self.stem = Focus(3, c1, 3)
        self.down2 = Conv(c1, c2, 3, 2)
        self.stage2 = c3_bottlenecks(c2, c2, spec.repeats(3), shortcut=True)
        self.down3 = Conv(c2, c3, 3, 2)
        self.stage3 = c3_bottlenecks(c3, c3, spec.repeats(9), shortcut=True)
        self.down4 = Conv(c3, c4, 3, 2)
        self.stage4 = c3_bottlenecks(c4, c4, spec.repeats(9), shortcut=True)
        self.down5 = Conv(c4, c5, 3, 2)
        self.spp = SPP(c5, c5, (5, 9, 13))
        self.stage5 = c3_bottlenecks(c5, c5, spec.repeats(3), shortcut=False)

    def forward(self, images: Tensor) -> Features:
        """`(B, 3, H, W)`, sides multiples of 32."""
        p2 = self.stage2(self.down2(self.stem(images)))
        p3 = self.stage3(self.down3(p2))
        p4 = self.stage4(self.down4(p3))
        p5 = self.stage5(self.spp(self.down5(p4)))
        return Features(p2, p3, p4, p5)
