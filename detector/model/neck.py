"""Path aggregation, top down and bottom up, to three or to four prediction maps."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detector.model.backbone import Features
from detector.model.blocks import Conv
from detector.model.spec import ModelSpec

MakeBlock = Callable[[int, int], nn.Module]
"""A block from its numbers of input and output channels."""


class ThreeHeadNeck(nn.Module):
    """Backbone maps to prediction maps at strides 8, 16 and 32: YOLOv5's neck.

    Args:
        spec: Decides the channels.
        block: Makes the blocks at strides 8 and 16, and at 16 on the way up.
        last: Makes the block at stride 32.
    """

    def __init__(self, spec: ModelSpec, block: MakeBlock, last: MakeBlock) -> None:
        super().__init__()
        c3, c4, c5 = map(spec.channels, (256, 512, 1024))
        self.lateral5 = Conv(c5, c4)
        self.top_down4 = block(2 * c4, c4)
        self.lateral4 = Conv(c4, c3)
        self.top_down3 = block(2 * c3, c3)
        self.down3 = Conv(c3, c3, 3, 2)
        self.bottom_up4 = block(2 * c3, c4)
        self.down4 = Conv(c4, c4, 3, 2)
        self.bottom_up5 = last(2 * c4, c5)

    def forward(self, features: Features) -> tuple[Tensor, ...]:
        """Maps at strides 8, 16, 32; the features' own at stride 4 is not read."""
        lateral5 = self.lateral5(features.p5)
        lateral4 = self.lateral4(self.top_down4(_join(_double(lateral5), features.p4)))
        n3 = self.top_down3(_join(_double(lateral4), features.p3))
        n4 = self.bottom_up4(_join(self.down3(n3), lateral4))
        n5 = self.bottom_up5(_join(self.down4(n4), lateral5))
        return n3, n4, n5


class FourHeadNeck(nn.Module):
    """Backbone maps to prediction maps at strides 4, 8, 16 and 32: TPH-YOLOv5's neck.

    Args:
        spec: Decides the channels.
        block: Makes the two blocks on the way down.
        heads: Make the blocks in front of the predictions, finest first.
        backbone_links: Lead the backbone's maps at strides 8 and 16 into the way up too.
    """

    def __init__(
        self,
        spec: ModelSpec,
        block: MakeBlock,
        heads: tuple[MakeBlock, MakeBlock, MakeBlock, MakeBlock],
        *,
        backbone_links: bool,
    ) -> None:
        super().__init__()
        c2, c3, c4, c5 = map(spec.channels, (128, 256, 512, 1024))
        self.backbone_links = backbone_links
        self.lateral5 = Conv(c5, c4)
        self.top_down4 = block(2 * c4, c4)
        self.lateral4 = Conv(c4, c3)
        self.top_down3 = block(2 * c3, c3)
        self.lateral3 = Conv(c3, c2)
        self.head2 = heads[0](2 * c2, c2)
        self.down2 = Conv(c2, c2, 3, 2)
        self.head3 = heads[1](2 * c2 + c3 * backbone_links, c3)
        self.down3 = Conv(c3, c3, 3, 2)
        self.head4 = heads[2](2 * c3 + c4 * backbone_links, c4)
        self.down4 = Conv(c4, c4, 3, 2)
        self.head5 = heads[3](2 * c4, c5)

    def forward(self, features: Features) -> tuple[Tensor, ...]:
        """Maps at strides 4, 8, 16, 32."""
        p2, p3, p4, p5 = features
        lateral5 = self.lateral5(p5)
        lateral4 = self.lateral4(self.top_down4(_join(_double(lateral5), p4)))
        lateral3 = self.lateral3(self.top_down3(_join(_double(lateral4), p3)))
        links3, links4 = ((p3,), (p4,)) if self.backbone_links else ((), ())
        n2 = self.head2(_join(_double(lateral3), p2))
        n3 = self.head3(_join(self.down2(n2), lateral3, *links3))
        n4 = self.head4(_join(self.down3(n3), lateral4, *links4))
        n5 = self.head5(_join(self.down4(n4), lateral5))
        return n2, n3, n4, n5


def _double(x: Tensor) -> Tensor:
    """Each cell twice along both axes."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def _join(*maps: Tensor) -> Tensor:
    """Maps of one size, their channels one after another."""
    return torch.cat(maps, dim=1)
