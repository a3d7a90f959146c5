"""What a training reports after each step."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True, slots=True)
class Progress:
    """What a step reports.

    Attributes:
        step: From 1.
        epoch: Views shown so far over the number of training images.
        loss: Parts of the loss: box, objectness, classification.
        learning_rate: Of this step.
        images_per_s: Views learned from per second, of late.
        memory_mb: See `memory_mb`.
        waited_share: Share of the time that the device waited for views, of late, in 0..1.
        eta_s: Seconds until the last step at this speed.
    """

    step: int
    epoch: float
    loss: tuple[float, float, float]
    learning_rate: float
    images_per_s: float
    memory_mb: float
    waited_share: float
    eta_s: float


def memory_mb(device: torch.device) -> float:
    """Memory that a training takes, in units of 10^6 bytes.

    The most that was reserved on a GPU so far; on the CPU what is resident of the process now,
    NaN where the system does not tell.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / 1e6
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except FileNotFoundError:
        return float("nan")
    return pages * mmap.PAGESIZE / 1e6
