"""What every benchmark states beside its figures."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def describe_machine(*packages: str) -> dict[str, str]:
    """Processor, Python and the versions of the named packages, as they stand in the figures."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    processor = models[0] if models else platform.processor() or platform.machine()
    machine = {"processor": f"{os.cpu_count()} x {processor}", "python": platform.python_version()}
    return machine | {name: version(name) for name in packages}
