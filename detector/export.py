"""Networks for other runtimes: `python -m detector.export WEIGHTS --format openvino`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from detector.config import DetectorConfig
from detector.data.annotations import LabelledImage
from detector.data.config import load_dataset_config
from detector.data.reading import read_flights
from detector.detections import Image
from detector.weights import weights_path

if TYPE_CHECKING:
    from detector.graphs.agreement import Agreement
    from detector.inference.runtime import Runtime

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

CONFIG = DetectorConfig(device="cpu")

LEAST_SCORE = 0.001
"""Of the detections that AP is measured with: it wants the weak ones too."""

MOST_TILES = 32
"""That are calibrated with and checked on."""

AP_DROP = 0.5
"""Most that an exported network may lose, in points of 100."""


class Format(StrEnum):
    """Kinds of files."""

    ONNX = "onnx"
    OPENVINO = "openvino"


class Precision(StrEnum):
    """Numbers that an exported network computes with."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Most that an exported network may differ from torch in float32; see `Agreement`."""

    box_px: float
    score: float


TOLERANCES = {
    Precision.FLOAT32: Tolerance(box_px=0.05, score=0.001),
    Precision.BFLOAT16: Tolerance(box_px=8.0, score=0.1),
    Precision.INT8: Tolerance(box_px=64.0, score=0.5),
}
"""Rounding may move a single weak box far, so these tell a broken file from a coarse one. Of the
embedded weights float32 was 0.0002 px and 0.000002 off, bfloat16 1.3 px and 0.02, int8 14 px and
0.27; what coarse numbers cost is told by the average precision."""


def load_images(
    data: Path | None, root: Path | None, flights: str | None, class_names: tuple[str, ...]
) -> tuple[list[Image], list[LabelledImage]]:
    """What is calibrated with and checked on, and the labels of all images if there are any.

    Raises:
        ValueError: If the data set cannot be read.
    """
    from detector.data.images import read_image
    from detector.graphs.tiles import rendered_images

    if data is None:
        return rendered_images(), []
    dataset = load_dataset_config(data, root)
    names = None if flights is None else [name.strip() for name in flights.split(",")]
    labelled = read_flights(dataset, class_names, names, "--flights")
    if not labelled:
        raise ValueError(f"{data}: no images")
    every = -(-len(labelled) // MOST_TILES)
    return [read_image(image.path) for image in labelled[::every]], labelled


def average_precision(runtime: Runtime, images: Sequence[LabelledImage]) -> float:
    """AP over all classes after the COCO protocol, in 0..100.

    Raises:
        ValueError: If hotcoco is not installed.
    """
    try:
        from detector.evaluation.coco import evaluate_coco
    except ModuleNotFoundError as error:
        if error.name != "hotcoco":
            raise
        raise ValueError("hotcoco is not installed; the extra `eval` brings it") from None
    from detector.evaluation.run import detect_images
    from detector.inference.network_backend import NetworkBackend
    from detector.inference.tiled import TiledDetector

    config = replace(CONFIG, confidence=LEAST_SCORE)
    detector = TiledDetector(NetworkBackend(config, runtime), config)
    found = list(detect_images(detector, images))
    return 100 * evaluate_coco(images, found, detector.class_names).overall.ap


def show(agreement: Agreement, allowed: Tolerance, precision: tuple[float, float] | None) -> bool:
    """Prints the check's table and tells whether all is within tolerance."""
    rows = [
        ("largest box shift, px", agreement.box_px, allowed.box_px),
        ("mean box shift, px", agreement.mean_box_px, None),
        ("largest score difference", agreement.score, allowed.score),
        ("mean score difference", agreement.mean_score, None),
    ]
    if precision is not None:
        rows.append(("AP lost, points", precision[0] - precision[1], AP_DROP))
    table = Table("against torch in float32", "found", "allowed")
    for name, found, most in rows:
        table.add_row(name, f"{found:.6f}", "" if most is None else f"{most:g}")
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(table)
    console.print(f"{agreement.boxes} boxes of a score of {CONFIG.confidence} and more")
    if precision is not None:
        console.print(f"AP of torch in float32 {precision[0]:.2f}, exported {precision[1]:.2f}")
    return all(most is None or found <= most for _, found, most in rows) and agreement.boxes > 0


def _target(weights: str, output: Path | None, form: Format, precision: Precision) -> Path:
    """Of the new file.

    Raises:
        ValueError: If its name or folder will not do.
    """
    from detector.graphs.writing import SUFFIXES

    stem = weights_path(weights).stem
    suffix = SUFFIXES[form.value]
    path = output or Path(f"{stem}{'-int8' * (precision == Precision.INT8)}{suffix}")
    if path.suffix != suffix:
        raise ValueError(f"{path}: the name of a file of {form} ends in {suffix}")
    if not path.parent.is_dir():
        raise ValueError(f"{path.parent}: no such folder")
    return path


@app.command()
def main(  # noqa: PLR0913 - an option each
    weights: Annotated[str, typer.Argument(help="`default`, `thermal` or a .safetensors file.")],
    form: Annotated[Format, typer.Option("--format", help="What to write.")],
    precision: Annotated[
        Precision,
        typer.Option(
            help="int8: 8-bit numbers, calibrated with the images. float32 and bfloat16 write the "
            "same file, and name the arithmetic that it is checked in."
        ),
    ] = Precision.FLOAT32,
    output: Annotated[
        Path | None, typer.Option(help="The new file; else named after the weights, here.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A data set's description, for calibration and check; else rendered."),
    ] = None,
    root: Annotated[Path | None, typer.Option(help="The data set's folder.")] = None,
    flights: Annotated[
        str | None, typer.Option(help="Flights of it that AP is measured on; else all.")
    ] = None,
    *,
    overwrite: Annotated[bool, typer.Option(help="Replace the file if it exists.")] = False,
    debug: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """Writes a network for ONNX Runtime or OpenVINO and checks it against torch.

    Exits with 1 where the file, which stays, is further from torch than is allowed.
    """
    try:
        path = _target(weights, output, form, precision)
        if path.exists() and not overwrite:
            raise ValueError(f"{path}: exists already; --overwrite replaces it")
        if form == Format.ONNX and precision == Precision.BFLOAT16:
            raise ValueError("--precision bfloat16: ONNX Runtime computes in float32 or int8")
        good = _export(weights, path, form, precision, load=(data, root, flights))
    except ValueError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    if not good:
        print(f"error: {path}: further from torch than allowed", file=sys.stderr)
        raise typer.Exit(1)


def _export(
    weights: str,
    path: Path,
    form: Format,
    precision: Precision,
    load: tuple[Path | None, Path | None, str | None],
) -> bool:
    """Writes and checks; whether all is within tolerance."""
    from detector.graphs.agreement import compare
    from detector.graphs.tiles import padded_tiles
    from detector.graphs.writing import write_graph
    from detector.inference.build import build_runtime
    from detector.inference.torch_backend import TorchRuntime, load_network

    model = load_network(weights)
    images, labelled = load_images(*load, model.class_names)
    stride = max(model.strides)
    tiles = list(padded_tiles(images, CONFIG.tiling, stride))[:MOST_TILES]
    calibration = tiles if precision == Precision.INT8 else None
    for written in write_graph(model, path, form.value, calibration):
        print(f"wrote {written}, {written.stat().st_size / 1e6:.1f} MB")
    arithmetic = replace(
        CONFIG,
        backend=form.value,
        precision="bfloat16" if precision == Precision.BFLOAT16 else "float32",
    )
    exported = build_runtime(arithmetic, str(path))
    reference = TorchRuntime(replace(CONFIG, precision="float32"), model)
    both = None
    if labelled:
        both = average_precision(reference, labelled), average_precision(exported, labelled)
    return show(compare(reference, exported, tiles, CONFIG.confidence), TOLERANCES[precision], both)


if __name__ == "__main__":
    app()
