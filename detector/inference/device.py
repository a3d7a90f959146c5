"""Which processor runs the network, and in which precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch


def choose_device(name: str) -> torch.device:
    """The device of a name: `cpu`, `cuda:N`, or `auto` for the first GPU, else the CPU.

    Raises:
        ValueError: If there is no such GPU.
    """
    count = torch.cuda.device_count()
    if name == "auto":
        return torch.device("cuda:0" if count else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and device.index >= count:
        raise ValueError(
            f"device {name}: torch sees {count} CUDA devices here; give cuda:N with N below that, "
            "cpu or auto"
        )
    return device


def choose_dtype(
    device: torch.device, precision: Literal["auto", "float32", "bfloat16"]
) -> torch.dtype:
    """The network's arithmetic; `auto` is bfloat16 where the processor computes with it."""
    if precision == "auto":
        precision = "bfloat16" if _computes_bfloat16(device) else "float32"
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def _computes_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32, not merely possible."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # Not in every torch that the project allows; without it, float32 is the safe choice.
    query = getattr(torch.cpu, "get_capabilities", dict)
    capabilities: Mapping[str, object] = query()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
