"""The network, the loss and the optimiser together learn."""

from __future__ import annotations

import pytest
import torch

from detector.data.targets import Targets
from detector.model.detect import decode
from detector.training.distributed import World
from detector.training.loss import DetectionLoss
from detector.training.loss_config import LossConfig
from tests.detector.networks import network


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["tph-yolov5pp-n", "tph-yolov5-swin-cbam-n", "tph-yolov5-vit-cbam-n"]
)
def test_one_batch_can_be_overfitted(name: str) -> None:
    """Two images, a red and a green rectangle each: found again where they were drawn."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 96, 96, generator=generator) * 0.2
    boxes = torch.tensor([[20.0, 30, 16, 16], [70, 60, 30, 20], [60, 24, 14, 20], [30, 70, 24, 30]])
    targets = Targets(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1]), boxes)
    for image, class_id, (x, y, w, h) in zip(
        targets.image.tolist(), targets.class_ids.tolist(), boxes.int().tolist(), strict=True
    ):
        images[image, class_id, y - h // 2 : y + h // 2, x - w // 2 : x + w // 2] = 1
    model = network(name, names=("red", "green")).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    world = World(torch.device("cpu"))
    loss = DetectionLoss(LossConfig(), model.anchors_px, model.strides, world)
    losses = []
    for _ in range(80):
        total, _ = loss(model(images), targets)
        optimizer.zero_grad()
        torch.autograd.backward(total)
        optimizer.step()
        losses.append(total.item())
    assert losses[-1] < losses[0] / 4

    with torch.no_grad():
        found = decode(model(images), model.anchors_px, model.strides)
    for image, class_id, box in zip(targets.image, targets.class_ids, boxes, strict=True):
        rows = found[image]
        best = rows[(rows[:, 4] * rows[:, 5 + class_id]).argmax()]
        assert (best[:4] - box).abs().max() < 6
