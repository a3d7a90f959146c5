"""The processes that train one network together, started by `torchrun`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from detector.inference.device import choose_device

LONGEST_WAIT = timedelta(days=1)
"""For one another; while the first process measures, the others wait."""


@dataclass(frozen=True, slots=True)
class World:
    """One process among those of a training.

    Attributes:
        device: Where its network runs.
        rank: Its number; the first, 0, writes all files.
        size: How many there are.
    """

    device: torch.device
    rank: int = 0
    size: int = 1

    def total(self, values: Tensor) -> Tensor:
        """The sum of every process's values; a copy without gradient."""
        values = values.detach().clone()
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def wrap(self, model: nn.Module) -> nn.Module:
        """The network so that gradients become the mean over the processes.

        On CUDA batch normalisation sees the batch of all processes. torch has this for GPUs
        only: on CPUs each process normalises by its own share, and the statistics kept are those
        of the first.
        """
        if self.size == 1:
            return model
        if self.device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
            return DistributedDataParallel(model, device_ids=[self.device])
        return DistributedDataParallel(model)


@contextmanager
def join_world(device_name: str) -> Iterator[World]:
    """The world that `torchrun` started this process in, or a world of its own.

    Args:
        device_name: `auto`, `cpu` or `cuda:N`; under `torchrun` `auto` gives each process the GPU
            of its local number.

    Raises:
        ValueError: If there is no such GPU, or all processes would share one.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(choose_device(device_name))
        return
    if device_name.startswith("cuda"):
        raise ValueError(
            f"--device {device_name}: each process of torchrun needs a GPU of its own; give auto"
        )
    on_gpu = device_name == "auto" and torch.cuda.device_count() > 0
    device = choose_device(f"cuda:{os.environ['LOCAL_RANK']}" if on_gpu else "cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=LONGEST_WAIT)
    try:
        yield World(device, dist.get_rank(), size)
    finally:
        dist.destroy_process_group()
