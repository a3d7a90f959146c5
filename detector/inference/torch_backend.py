"""Runs a network with torch, on the CPU or a GPU."""

from __future__ import annotations

import torch
from torch import Tensor

from detector.config import DetectorConfig
from detector.graphs.facts import NetworkFacts
from detector.inference.device import choose_device, choose_dtype
from detector.inference.network_backend import NetworkBackend
from detector.inference.runtime import Maps
from detector.model.checkpoint import load_checkpoint
from detector.model.network import Network
from detector.weights import EMBEDDED, weights_path


class TorchRuntime:
    """A network of a run: normalisations folded, channels last, in the chosen precision.

    Args:
        config: Device and precision, and whether the map of the features is wanted.
        model: The network; it is changed.

    Raises:
        ValueError: If the device is not there.
    """

    def __init__(self, config: DetectorConfig, model: Network) -> None:
        self.facts = NetworkFacts.of(model)
        self.device = choose_device(config.device)
        self._dtype = choose_dtype(self.device, config.precision)
        self._features = config.features
        model = model.fuse().to(self.device, self._dtype)
        self._model = model.to(memory_format=torch.channels_last)

    def images(self, pixels: Tensor) -> Tensor:
        """`(B, 3, H, W)` in 0..1 on the device, channels last.

        Bytes travel, and become numbers on the device.
        """
        moved = pixels.to(self.device, non_blocking=self.device.type == "cuda")
        return moved.permute(0, 3, 1, 2).to(self._dtype).div_(255)

    def run(self, images: Tensor) -> Maps:
        """The maps of images whose sides are multiples of the network's stride."""
        maps = self._model.backbone(images)
        logits = self._model.predict(maps)
        return Maps(logits, maps.p3 if self._features else None)


class TorchBackend(NetworkBackend):
    """A network on tiles, run by torch.

    Args:
        config: As of `NetworkBackend` and `TorchRuntime`.
        model: The network; it is changed.

    Raises:
        ValueError: If the device is not there.
    """

    def __init__(self, config: DetectorConfig, model: Network) -> None:
        super().__init__(config, TorchRuntime(config, model))


def load_network(weights: str) -> Network:
    """The network of a file, or of embedded weights by their name.

    Raises:
        ValueError: If there is no such file or it cannot be used.
    """
    path = weights_path(weights)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; give {', '.join(EMBEDDED)} or a .safetensors file")
    return load_checkpoint(path)
