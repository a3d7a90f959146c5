"""What runs the network: each backend and precision against eager float32 torch.

`python -m benchmarks.backends [--names tph-yolov5pp-n tph-yolov5pp-s] [--rounds 5] [--json FILE]`

The network alone, on one tile of random pixels, bytes in and logits out. All are measured in turn
in every round, on as many threads, so that a machine that others use too is slow for all of them;
the ratios are of the best times. `tph-yolov5pp-n` has the embedded weights, others random ones,
whose scores tell nothing. int8 is calibrated with rendered frames. Memory is the peak of a process
of its own that loads the network and runs one tile, with all of its libraries.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.machine import describe_machine
from detector.config import DetectorConfig
from detector.graphs.facts import NetworkFacts
from detector.graphs.onnx_graph import open_session, to_onnx
from detector.graphs.openvino_graph import read_openvino, to_openvino
from detector.graphs.quantising import quantise
from detector.graphs.tiles import padded_tiles, rendered_images
from detector.inference.onnx_runtime import OnnxRuntime
from detector.inference.openvino_runtime import OpenVinoRuntime
from detector.inference.runtime import Runtime
from detector.inference.torch_backend import TorchRuntime, load_network
from detector.model.family import build_network
from detector.model.network import Network
from detector.model.spec import ModelSpec

EMBEDDED = "tph-yolov5pp-n"

SIZES_WH = ((1280, 736), (1024, 1024))

CONFIG = DetectorConfig(device="cpu", precision="float32")

Run = Callable[[Tensor], Sequence[Tensor]]


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to run a network.

    Attributes:
        run: From `(1, H, W, 3)` uint8 to logits.
        load_s: Seconds until it could be called; the first call may take more.
    """

    run: Run
    load_s: float


def network(name: str) -> Network:
    """The embedded network, or a random one."""
    if name == EMBEDDED:
        return load_network("default")
    torch.manual_seed(0)
    return build_network(ModelSpec.named(name, ("car", "truck", "bus"), 640)).eval()


def eager(name: str, _: Path) -> Run:
    """The plain network, as torch runs it by itself."""
    model = network(name)
    return lambda pixels: model(pixels.permute(0, 3, 1, 2).float() / 255)


def torch_in(name: str, precision: Any) -> Run:
    """As the program runs it."""
    return _run(TorchRuntime(replace(CONFIG, precision=precision), network(name)))


def onnx(name: str, int8: Path, *, quantised: bool) -> Run:
    """ONNX Runtime."""
    content = int8.read_bytes() if quantised else to_onnx(network(name), features=False)
    return _run(OnnxRuntime(*open_session(int8, content, torch.get_num_threads())))


def openvino(name: str, precision: Any) -> Run:
    """OpenVINO from weights."""
    model = network(name)
    graph = to_openvino(model, features=False)
    config = replace(CONFIG, precision=precision)
    return _run(OpenVinoRuntime(config, graph, NetworkFacts.of(model)))


def openvino_int8(_: str, int8: Path) -> Run:
    """OpenVINO, what is not in 8-bit numbers in bfloat16."""
    return _run(OpenVinoRuntime(replace(CONFIG, precision="bfloat16"), *read_openvino(int8)))


CONTENDERS: dict[str, Callable[[str, Path], Run]] = {
    "eager float32": eager,
    "torch float32": lambda name, _: torch_in(name, "float32"),
    "torch bfloat16": lambda name, _: torch_in(name, "bfloat16"),
    "onnx float32": lambda name, int8: onnx(name, int8, quantised=False),
    "onnx int8": lambda name, int8: onnx(name, int8, quantised=True),
    "openvino float32": lambda name, _: openvino(name, "float32"),
    "openvino bfloat16": lambda name, _: openvino(name, "bfloat16"),
    "openvino int8": openvino_int8,
}


def _run(runtime: Runtime) -> Run:
    return lambda pixels: runtime.run(runtime.images(pixels)).logits


def write_int8(name: str, path: Path) -> None:
    """The network in 8-bit numbers."""
    tiles = list(padded_tiles(rendered_images()[::2], CONFIG.tiling, 32))
    path.write_bytes(quantise(to_onnx(network(name), features=False), tiles))


def scores(logits: Sequence[Tensor]) -> Tensor:
    """Objectness times class of all anchors."""
    parts = [head.float().sigmoid() for head in logits]
    return torch.cat([(part[..., 4:5] * part[..., 5:]).flatten() for part in parts])


def peak_mb(contender: str, name: str, int8: Path, wh: tuple[int, int]) -> float:
    """The peak of a fresh process that runs one tile."""
    call = f"print_peak({contender!r}, {name!r}, {str(int8)!r}, {wh!r})"
    code = f"from benchmarks.backends import print_peak; {call}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


@torch.inference_mode()
def print_peak(contender: str, name: str, int8: str, wh: tuple[int, int]) -> None:
    """Runs one tile and prints the peak of this process in MB."""
    run = CONTENDERS[contender](name, Path(int8))
    run(torch.zeros(1, wh[1], wh[0], 3, dtype=torch.uint8))
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    print(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024)


def load(name: str, int8: Path) -> dict[str, Contender]:
    """All contenders, ready."""
    loaded = {}
    for contender, make in CONTENDERS.items():
        begin = time.perf_counter()
        loaded[contender] = Contender(make(name, int8), time.perf_counter() - begin)
    return loaded


def measure(
    contenders: dict[str, Contender], wh: tuple[int, int], rounds: int
) -> dict[str, dict[str, float]]:
    """Times in turns and the worst score difference of each."""
    torch.manual_seed(1)
    pixels = torch.randint(0, 256, (1, wh[1], wh[0], 3), dtype=torch.uint8)
    first: dict[str, float] = {}
    found: dict[str, Tensor] = {}
    for name, contender in contenders.items():
        begin = time.perf_counter()
        found[name] = scores(contender.run(pixels))
        first[name] = time.perf_counter() - begin
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, contender in contenders.items():
            begin = time.perf_counter()
            contender.run(pixels)
            best[name] = min(best[name], time.perf_counter() - begin)
    return {
        name: {
            "ms": 1e3 * best[name],
            "times_faster": best["eager float32"] / best[name],
            "score_difference": float((found[name] - found["eager float32"]).abs().max()),
            "load_s": contenders[name].load_s,
            "first_s": first[name],
        }
        for name in contenders
    }


@torch.inference_mode()
def main(argv: Sequence[str] | None = None) -> None:
    """Prints the tables and writes them as json where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", nargs="+", default=[EMBEDDED, "tph-yolov5pp-s"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-memory", action="store_true", help="leave out the peaks")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args(argv)
    machine = describe_machine("torch", "onnxruntime", "openvino")
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print(f"{torch.get_num_threads()} threads")
    results = []
    for name in arguments.names:
        with tempfile.TemporaryDirectory() as folder:
            int8 = Path(folder, "int8.onnx")
            write_int8(name, int8)
            contenders = load(name, int8)
            for wh in SIZES_WH:
                rows = measure(contenders, wh, arguments.rounds)
                if not arguments.no_memory:
                    for contender, row in rows.items():
                        row["peak_mb"] = peak_mb(contender, name, int8, wh)
                results.append({"network": name, "tile_wh": wh, "backends": rows})
                show(name, wh, rows)
    if arguments.json:
        report = {"machine": machine, "threads": torch.get_num_threads(), "results": results}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def show(name: str, wh: tuple[int, int], rows: dict[str, dict[str, float]]) -> None:
    """Prints one table."""
    print(f"\n{name}, one {wh[0]}x{wh[1]} tile")
    print(f"{'backend':<20}{'ms':>8}{'faster':>8}{'score':>9}{'load s':>8}{'first s':>9}{'MB':>7}")
    for backend, row in rows.items():
        print(
            f"{backend:<20}{row['ms']:>8.1f}{row['times_faster']:>7.2f}x"
            f"{row['score_difference']:>9.5f}{row['load_s']:>8.2f}{row['first_s']:>9.2f}"
            f"{row.get('peak_mb', float('nan')):>7.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
