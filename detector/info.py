"""What the networks cost: `python -m detector.info [NAME | WEIGHTS.safetensors ...]`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from detector.model.checkpoint import load_checkpoint
from detector.model.counts import count_operations, layer_count, parameter_count
from detector.model.family import NETWORKS, build_network
from detector.model.network import Network
from detector.model.spec import SIZES, ModelSpec

SIDES_PX = (640, 1024, 1536)

PRINT_PX = 32
"""Side of the image that the published code counts, and scales to 640 px by the area."""

PAPER_GFLOPS = {
    "yolov5-x": 200.2,
    "yolov5-p2-x": 241.2,
    "tph-yolov5-vit-cbam-x": 245.1,
    "tph-yolov5-swin-cbam-x": 315.4,
    "tph-yolov5pp-x": 207.0,
}
"""Zhao et al., Remote Sensing 2023, ablation on VisDrone; neither size nor input is stated there,
and size x at 640 px comes nearest."""

NOTES = (
    "GFLOPs as published figures count them (thop 0.1.1 on the published form, not fused, random "
    "weights). 'print' is what the published code prints for 640 px: it counts a 32 px image, "
    "where every map of Swin is padded to a window, which is too high. 'products' is the fused "
    "network's convolutions, linear maps and attention at 640 px, 'here' the same of the "
    "corrected form as it runs here, with CA-Trans folded.",
    "The paper's 315.4 is near the print for a network with one Swin layer. Its 556.6 (TPH-YOLOv5) "
    "and 293.2 (TPH-YOLOv5++) for UAVDT are near the print at size x with three classes: 558.6 "
    "and 283.1.",
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def describe(spec: ModelSpec, anchors: int) -> dict[str, Any]:
    """What a network costs, as plain data.

    Args:
        spec: Of the network.
        anchors: Boxes that each cell of each head predicts.

    Returns:
        `name`, `form`, `classes`, `anchors`; `parameters`, `layers` and their `_fused` numbers;
        `gflops`, from side in pixels to 1e9 operations; `gflops_print_640`, what the published
        code prints; `gflops_fused_640`; `gflops_products_fused_640`; `gflops_here_640`;
        `gflops_paper` or `None`.
    """
    network = _on_meta(spec, anchors)
    row: dict[str, Any] = {
        "name": spec.name,
        "form": spec.form,
        "classes": len(spec.class_names),
        "anchors": anchors,
        "parameters": parameter_count(network),
        "layers": layer_count(network),
        "gflops": {side: count_operations(network, side).modules for side in SIDES_PX},
        "gflops_print_640": count_operations(network, PRINT_PX).modules * (640 / PRINT_PX) ** 2,
    }
    network.fuse()
    row["parameters_fused"] = parameter_count(network)
    row["layers_fused"] = layer_count(network)
    fused = count_operations(network, 640)
    row["gflops_fused_640"], row["gflops_products_fused_640"] = fused.modules, fused.products
    row["gflops_here_640"] = _gflops_here(spec, anchors)
    row["gflops_paper"] = PAPER_GFLOPS.get(spec.name)
    return row


def _on_meta(spec: ModelSpec, anchors: int) -> Network:
    """The network without numbers, which costs neither time nor memory."""
    with torch.device("meta"):
        return build_network(spec, [[[8.0, 8.0]] * anchors for _ in spec.strides]).eval()


def _gflops_here(spec: ModelSpec, anchors: int) -> float:
    """What torch counts of the corrected, fused form at 640 px."""
    values = {name: getattr(spec, name) for name in ("neighbourhood", "attention_scale")}
    corrected = ModelSpec(
        spec.network, spec.depth, spec.width, spec.class_names, spec.train_px, **values
    )
    network = _on_meta(corrected, anchors).fuse()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.zeros(1, 3, 640, 640, device="meta"))
    return counter.get_total_flops() / 1e9


def published_anchors(network: str) -> int:
    """Boxes a cell of each head predicts in the published files: 4 in TPH-YOLOv5's, else 3."""
    return 4 if network.startswith("tph-yolov5-") else 3


def choose(names: Sequence[str], classes: int) -> list[tuple[ModelSpec, int]]:
    """Specs and anchors of what the names stand for; of the whole family for none.

    Args:
        names: Networks with or without a size, or paths of weights files.
        classes: Of those that are no file.

    Raises:
        ValueError: If a name is no network, or a file cannot be read.
    """
    found: list[tuple[ModelSpec, int]] = []
    for name in names or list(NETWORKS):
        if name.endswith((".safetensors", ".pt", ".pth")):
            network = load_checkpoint(Path(name))
            found.append((network.spec, network.anchors_px.shape[1]))
            continue
        wanted = [f"{name}-{size}" for size in SIZES] if name in NETWORKS else [name]
        labels = tuple(f"class {number}" for number in range(classes))
        for full_name in wanted:
            spec = ModelSpec.named(full_name, labels, 640, form="published")
            found.append((spec, published_anchors(spec.network)))
    return found


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """The rows of `describe` for reading."""
    result = Table(title=f"{rows[0]['classes']} classes; fused network in brackets" if rows else "")
    result.add_column("network", no_wrap=True)
    headings = ("parameters M", "layers", *(f"GFLOPs {side}" for side in SIDES_PX))
    for heading in (*headings, "print", "products", "here", "paper", "differs"):
        result.add_column(heading, justify="right")
    for row in rows:
        paper = row["gflops_paper"]
        result.add_row(
            row["name"],
            f"{row['parameters'] / 1e6:.2f} ({row['parameters_fused'] / 1e6:.2f})",
            f"{row['layers']} ({row['layers_fused']})",
            f"{row['gflops'][640]:.1f} ({row['gflops_fused_640']:.1f})",
            *(f"{row['gflops'][side]:.1f}" for side in SIDES_PX[1:]),
            f"{row['gflops_print_640']:.1f}",
            f"{row['gflops_products_fused_640']:.1f}",
            f"{row['gflops_here_640']:.1f}",
            "" if paper is None else f"{paper:.1f}",
            "" if paper is None else f"{row['gflops'][640] / paper - 1:+.1%}",
        )
    return result


@app.command(no_args_is_help=False)
def info(
    *,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME | WEIGHTS.safetensors ...]",
            help=f"Networks, with a size ({', '.join(SIZES)}) or all sizes, or files of weights; "
            f"none for all of {', '.join(NETWORKS)}.",
            show_default=False,
        ),
    ] = None,
    classes: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000, help="Classes of networks without file.")
    ] = 10,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures here too.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> int:
    """Print parameters, layers and GFLOPs of the networks, beside the paper's figures.

    Nothing is computed, so any size takes a moment. Exit codes: 0 done, 2 wrong input.
    """
    try:
        rows = [describe(spec, anchors) for spec, anchors in choose(names or [], classes)]
        if json_file is not None:
            json_file.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    except (ValueError, OSError) as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table(rows))
    for note in NOTES:
        console.print(note, style="dim")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    try:
        return int(app(argv, prog_name="python -m detector.info", standalone_mode=False) or 0)
    except Exception as error:
        # Typer's usage errors have no public base class; they format themselves.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        print(f"error: {message().rstrip('.')}; --help shows all options", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
