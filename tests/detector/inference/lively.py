"""Random networks that find something, and images for them."""

from __future__ import annotations

import numpy as np
import torch

from detector.detections import Detections, Image
from detector.model.family import build_network
from detector.model.network import Network
from detector.model.spec import Form, ModelSpec

CLASSES = ("car", "truck", "bus")


def lively_network(
    name: str = "tph-yolov5pp-n",
    form: Form = "corrected",
    seed: int = 0,
    objectness: float = 0.0,
    depth: float = 0.33,
) -> Network:
    """A random network whose logits vary from place to place as a trained one's do.

    Args:
        name: Of the network, in size n.
        form: Of its parts.
        seed: Of the weights.
        objectness: Mean of that logit.
        depth: Factor of the repeats; from 0.5 on, every second Swin layer is a shifted one.
    """
    torch.manual_seed(seed)
    spec = ModelSpec(name.removesuffix("-n"), depth, 0.25, CLASSES, 128, form)  # type: ignore[arg-type]
    model = build_network(spec).train()
    images = torch.rand(4, 3, 128, 128)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0  # Takes the statistics of the images, as training would.
        model(images)
        model.eval()
        heads = model.detect.predictors
        for head, logits in zip(heads, model(images), strict=True):
            head.weight *= (1.5 / logits.std(dim=(0, 2, 3))).reshape(-1, 1, 1, 1)
        for head, logits in zip(heads, model(images), strict=True):
            assert head.bias is not None
            head.bias -= logits.mean(dim=(0, 2, 3)).flatten()
            head.bias.view(3, -1)[:, 4] += objectness
    return model


def random_tiles(*sizes: tuple[int, int]) -> list[Image]:
    """Random RGB images of given widths and heights."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (h, w, 3), np.uint8) for w, h in sizes]


def assert_same(found: Detections, reference: Detections, least: float = 0.21) -> None:
    """Each candidate of either has its like in the other, up to the rounding of float32.

    Scores below `least` may fall on either side of the confidence.
    """
    table = [np.column_stack([part.boxes, 50 * part.scores]) for part in (found, reference)]
    distance = np.abs(table[0][:, None] - table[1][None]).max(axis=2)
    distance += 1e3 * (found.class_ids[:, None] != reference.class_ids[None])
    assert (reference.scores > least).sum() > 5
    assert distance.min(axis=1)[found.scores > least].max() < 0.1
    assert distance.min(axis=0)[reference.scores > least].max() < 0.1
    assert abs(len(found) - len(reference)) <= 0.02 * len(reference)
