"""A whole network of the family: backbone, neck and predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from detector.model.backbone import Backbone, Features, OlderBackbone
from detector.model.blocks import Conv
from detector.model.cross_layer import CrossLayerDetect
from detector.model.detect import Detect
from detector.model.neck import FourHeadNeck, ThreeHeadNeck
from detector.model.spec import ModelSpec

Anchors = Sequence[Sequence[Sequence[float]]]


class Network(nn.Module):
    """Images to raw logits at strides 8, 16 and 32, or 4, 8, 16 and 32.

    `detector.model.family.build_network` puts one together.

    Attributes:
        spec: What it was built from.
        anchors_px: `(heads, A, 2)` float32 buffer, width and height in pixels, finest head first.
    """

    anchors_px: Tensor

    def __init__(
        self,
        spec: ModelSpec,
        anchors_px: Anchors,
        backbone: Backbone | OlderBackbone,
        neck: ThreeHeadNeck | FourHeadNeck,
        detect: Detect | CrossLayerDetect,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("anchors_px", torch.tensor(anchors_px, dtype=torch.float32))
        self.backbone = backbone
        self.neck = neck
        self.detect = detect
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
        return self.spec.strides

    def forward(self, images: Tensor) -> list[Tensor]:
        """Raw logits of each head, finest first.

        Args:
            images: `(B, 3, H, W)` RGB in 0..1; `H` and `W` are multiples of 32.

        Returns:
            For each stride `(B, A, H / stride, W / stride, 5 + classes)`: x, y, w, h,
            objectness and classes, before the sigmoid.
        """
        return self.predict(self.backbone(images))

    def predict(self, features: Features) -> list[Tensor]:
        """As `forward`, from the backbone's maps."""
        logits = self.detect(features.p2, self.neck(features))
        anchors = self.anchors_px.shape[1]
        return [head.unflatten(1, (anchors, -1)).permute(0, 1, 3, 4, 2) for head in logits]

    def fuse(self) -> Network:
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
        for predictor, stride in zip(self.detect.predictors, self.strides, strict=True):
            assert predictor.bias is not None
            bias = predictor.bias.view(self.anchors_px.shape[1], -1)
            bias[:, 4] += math.log(8 / (640 / stride) ** 2)
            bias[:, 5:] += math.log(0.6 / (classes - 0.999999))
