"""The network that a run starts with: new, or with what fits of other weights."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import nn

from detector.data.dataset import TrainingViews
from detector.model.checkpoint import load_checkpoint
from detector.model.family import build_network
from detector.model.network import Network
from detector.training.anchors import best_possible_recall, fit_anchors
from detector.training.config import TrainConfig

ANCHOR_VIEWS = 400
"""Views whose boxes the anchors are fitted to."""

_LOG = logging.getLogger(__name__)


def start_network(config: TrainConfig, views: TrainingViews, folder: Path) -> Network:
    """The network of a run before its first step, on the CPU.

    Args:
        config: The run.
        views: What it learns from.
        folder: What `config.init` is relative to.

    Raises:
        ValueError: If the weights to start from have nothing in common with the network, or the
            boxes of the views give no anchors.
    """
    heads = len(config.spec.strides)
    path = None if config.init is None else (folder / config.init).resolve()
    found = None if path is None else load_checkpoint(path)
    same_heads = found is not None and found.anchors_px.shape[:2] == (
        heads,
        config.anchors_per_head,
    )
    if found is not None and same_heads and config.anchors == "init":
        anchors = found.anchors_px.tolist()
    else:
        anchors = _anchors_from(views, config)
    torch.manual_seed(config.seed)
    model = build_network(config.spec, anchors)
    if found is not None:
        taken, total = copy_weights(found, model)
        _LOG.info("init: %d of %d tensors taken from %s", taken, total, path)
        if not taken:
            raise ValueError(
                f"{path}: no tensor of {found.spec.name} fits in "
                f"{config.spec.name}; start from weights of a related network, or of none"
            )
    return model


@torch.no_grad()
def copy_weights(source: nn.Module, target: nn.Module) -> tuple[int, int]:
    """Copies the weights and statistics that agree in name and shape.

    Anchors, tables and counters stay the target's own.

    Returns:
        How many tensors were copied, and how many there are in `target`.
    """
    theirs = _learned(source)
    ours = _learned(target)
    taken = [name for name in ours if name in theirs and theirs[name].shape == ours[name].shape]
    for name in taken:
        ours[name].copy_(theirs[name])
    return len(taken), len(ours)


def _learned(model: nn.Module) -> dict[str, torch.Tensor]:
    return {
        name: tensor
        for name, tensor in model.state_dict().items()
        if tensor.is_floating_point() and name != "anchors_px"
    }


def _anchors_from(views: TrainingViews, config: TrainConfig) -> list[list[list[float]]]:
    """Anchors of the boxes as training shows them, finest head first."""
    _LOG.info("fits anchors to the boxes of %d views", ANCHOR_VIEWS)
    with ThreadPoolExecutor(config.workers) as threads:
        drawn = list(threads.map(lambda index: views[index].boxes, range(ANCHOR_VIEWS)))
    boxes = np.concatenate(drawn).astype(np.float64)
    sizes = boxes[:, 2:] - boxes[:, :2]
    rng = np.random.default_rng(config.seed)
    heads = len(config.spec.strides)
    count = config.anchors_per_head * heads
    anchors = fit_anchors(sizes, count, config.loss.ratio_limit, rng)
    recall = best_possible_recall(anchors, sizes, config.loss.ratio_limit)
    if recall < 0.9:
        raise ValueError(f"anchors fit only {recall:.0%} of the boxes; check the labels' sizes")
    result: list[list[list[float]]] = anchors.reshape(heads, -1, 2).tolist()
    return result
