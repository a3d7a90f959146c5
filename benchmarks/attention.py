"""CA-Trans's sparse local attention in its folded form, beside the literal one.

`python -m benchmarks.attention [--device cuda:0] [--json FILE]`. The literal form gathers all
neighbours, projects each to key and value, and attends. Both run in turns on the maps of one
1536x1536 image, in float32, and must agree. Memory is what a process of its own takes beyond the
maps and the layer: the peak of its resident set, or of the GPU's allocator.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.machine import describe_machine
from detector.model.cross_layer import SparseLocalAttention
from detector.model.spec import ModelSpec

IMAGE_PX = 1536
TOLERANCE = 1e-5

Attend = Callable[[SparseLocalAttention, Tensor, Tensor], Tensor]


def literal(layer: SparseLocalAttention, fine: Tensor, coarse: Tensor) -> Tensor:
    """The attention step by step, with all neighbours of all queries in one tensor."""
    rows, columns = layer.neighbourhood
    height, width = coarse.shape[2:]
    top, left = rows // 2 - 1, columns // 2 - 1
    padded = F.pad(fine, (left, left, top, top))
    cells = [
        padded[:, :, i : i + 2 * height : 2, j : j + 2 * width : 2]
        for i in range(rows)
        for j in range(columns)
    ]
    neighbours = torch.stack(cells, dim=1).permute(0, 3, 4, 1, 2)
    query: Tensor = layer.q(coarse.permute(0, 2, 3, 1))[:, :, :, None]
    keys: Tensor = layer.k(neighbours)
    values: Tensor = layer.v(neighbours)
    correlation = (query * keys).sum(-1) / layer.scale
    weights = (2 * correlation.mean(-1, keepdim=True) - correlation).softmax(-1)
    return (weights[..., None] * values).sum(3).permute(0, 3, 1, 2)


def folded(layer: SparseLocalAttention, fine: Tensor, coarse: Tensor) -> Tensor:
    """The attention as the networks run it."""
    return layer(fine, coarse)  # type: ignore[no-any-return]


FORMS: dict[str, Attend] = {"literal": literal, "folded": folded}


def build(size: str, side: int, device: str) -> tuple[SparseLocalAttention, Tensor, Tensor]:
    """The layer of a network's size and the maps of one image."""
    torch.manual_seed(0)
    spec = ModelSpec.named(f"tph-yolov5pp-{size}", ("car",), 640, neighbourhood=(side, side))
    channels = spec.channels(128)
    layer = SparseLocalAttention(spec, channels).to(device).requires_grad_(requires_grad=False)
    fine = torch.randn(1, channels, IMAGE_PX // 4, IMAGE_PX // 4, device=device)
    return layer, fine, torch.randn(1, channels, IMAGE_PX // 8, IMAGE_PX // 8, device=device)


def seconds(attend: Attend, maps: tuple[SparseLocalAttention, Tensor, Tensor]) -> float:
    """Of one call."""
    if maps[1].is_cuda:
        torch.cuda.synchronize()
    begin = time.perf_counter()
    attend(*maps)
    if maps[1].is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def extra_bytes(form: str, size: str, side: int, device: str) -> int:
    """What one call takes beyond its input, in this process; call it once in a process."""
    warm_up, maps = build("n", 2, device), build(size, side, device)
    FORMS[form](warm_up[0], warm_up[1][:, :, :8, :8], warm_up[2][:, :, :4, :4])
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        FORMS[form](*maps)
        return torch.cuda.max_memory_allocated() - before
    # A process inherits the peak of the one that starts it; Linux sets it back on request.
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_bytes()
    FORMS[form](*maps)
    return _peak_bytes() - before


def _peak_bytes() -> int:
    """The largest resident set of this process so far."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def extra_mb(form: str, size: str, side: int, device: str) -> float:
    """`extra_bytes` of a fresh process, in MB."""
    call = f"extra_bytes({form!r}, {size!r}, {side}, {device!r})"
    code = f"from benchmarks.attention import extra_bytes; print({call})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout) / 1e6


def measure(size: str, side: int, device: str, repeats: int) -> dict[str, Any]:
    """Times of both forms in turns, the best of each, and the memory of each."""
    maps = build(size, side, device)
    difference = float((literal(*maps) - folded(*maps)).abs().max())
    if difference > TOLERANCE:
        raise RuntimeError(f"size {size}, {side}x{side}: the forms differ by {difference:.1e}")
    best = dict.fromkeys(FORMS, float("inf"))
    for _ in range(repeats):
        for name, attend in FORMS.items():
            best[name] = min(best[name], seconds(attend, maps))
    return {
        "size": size,
        "neighbourhood": [side, side],
        "ms": {name: 1e3 * value for name, value in best.items()},
        "extra_mb": {name: extra_mb(name, size, side, device) for name in FORMS},
        "times_faster": best["literal"] / best["folded"],
        "largest_difference": difference,
    }


@torch.inference_mode()
def main(argv: Sequence[str] | None = None) -> None:
    """Prints the table and writes it as json where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", default=["s", "x"])
    parser.add_argument("--sides", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args(argv)
    machine = describe_machine("torch")
    if arguments.device != "cpu":
        machine["gpu"] = torch.cuda.get_device_name(arguments.device)
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print(f"one {IMAGE_PX}x{IMAGE_PX} image, float32: ms and MB beyond the input")
    print(f"{'size':<6}{'cells':>6}{'literal':>16}{'folded':>16}{'faster':>8}{'less memory':>13}")
    rows = []
    for size in arguments.sizes:
        for side in arguments.sides:
            row = measure(size, side, arguments.device, arguments.repeats)
            rows.append(row)
            cells = "".join(f"{row['ms'][n]:>9.1f}{row['extra_mb'][n]:>7.0f}" for n in FORMS)
            less = row["extra_mb"]["literal"] / max(row["extra_mb"]["folded"], 1e-3)
            print(
                f"{size:<6}{f'{side}x{side}':>6}{cells}{row['times_faster']:>7.1f}x{less:>12.1f}x",
                flush=True,
            )
    if arguments.json:
        report = {"machine": machine, "image_px": IMAGE_PX, "results": rows}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
