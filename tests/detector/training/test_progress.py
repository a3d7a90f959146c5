"""Memory that a training reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from detector.training.progress import memory_mb


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell")
def test_memory_on_the_cpu_is_what_is_resident() -> None:
    before = memory_mb(torch.device("cpu"))
    taken = np.ones(100_000_000, np.uint8)
    assert memory_mb(torch.device("cpu")) - before == pytest.approx(taken.nbytes / 1e6, abs=10)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_memory_on_a_gpu_is_the_most_that_was_reserved() -> None:
    device = torch.device("cuda:0")
    taken = torch.ones(400_000_000, dtype=torch.uint8, device=device)
    most = memory_mb(device)
    assert most >= taken.nbytes / 1e6
    del taken
    torch.cuda.empty_cache()
    assert memory_mb(device) == most
