"""Published checkpoints to weights of this program: `python -m detector.convert best.pt OUT`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from safetensors import SafetensorError

from detector.model.checkpoint import save_checkpoint
from detector.model.published.reading import Published, read_published
from detector.model.published.values import tidy

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def convert(source: Path, target: Path, train_px: int | None, *, overwrite: bool) -> Published:
    """Writes the network of a published checkpoint as a `.safetensors` file; gives what was read.

    The file appears whole or not at all.

    Args:
        source: A `.pt` file of YOLOv5 (v6, v7) or TPH-YOLOv5.
        target: The new file; its folder exists.
        train_px: See `read_published`.
        overwrite: Replace `target` if it exists.

    Raises:
        ValueError: If `source` cannot be taken, or `target` not be written.
    """
    if target.suffix != ".safetensors":
        raise ValueError(f"{target}: the new file's name must end in .safetensors")
    if target.exists() and not overwrite:
        raise ValueError(f"{target}: exists already; --overwrite replaces it")
    if not target.parent.is_dir():
        raise ValueError(f"{target.parent}: no such folder")
    published = read_published(source, train_px)
    notes = {"source": source.name, "source_weights": published.weights}
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.stem}-") as folder:
            whole = Path(folder, target.name)
            save_checkpoint(whole, published.network, notes)
            whole.replace(target)
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"{target}: cannot be written: {reason}") from error
    return published


def summary(published: Published) -> str:
    """What was converted, in lines of `name: value`."""
    network = published.network
    spec = network.spec
    heads = zip(spec.strides, network.anchors_px.tolist(), strict=True)
    anchors = (
        f"stride {stride}: " + ", ".join(f"{width:g}x{height:g}" for width, height in sizes)
        for stride, sizes in heads
    )
    lines = {
        "network": f"{spec.name}, published form (depth {spec.depth:g}, width {spec.width:g})",
        "classes": f"{len(spec.class_names)}: {', '.join(spec.class_names)}",
        "anchors": "; ".join(anchors),
        "parameters": f"{sum(tensor.numel() for tensor in network.parameters()):,}",
        "train_px": f"{spec.train_px}" + ("" if published.train_px_known else " (not in the file)"),
        "weights": f"the file's entry {published.weights!r}",
        "ignored": tidy(", ".join(published.ignored)) or "nothing",
    }
    if spec.vit_norms == 1:
        lines["C3TR"] = "layers with one normalisation, as published on 29 November 2021"
    if (network.anchors_px == 0).any():
        lines["warning"] = "some anchors are 0 wide: the file was never fitted to data"
    return "\n".join(f"{name}: {value}" for name, value in lines.items())


@app.command()
def main(
    source: Annotated[
        Path,
        typer.Argument(help="A .pt file that train.py of YOLOv5 (v6, v7) or TPH-YOLOv5 wrote."),
    ],
    target: Annotated[Path, typer.Argument(help="The new .safetensors file.")],
    train_px: Annotated[
        int | None,
        typer.Option(
            min=32,
            max=65_536,
            help="Side of the training images, where the file does not tell it; "
            "else 640 for YOLOv5 and 1536 for TPH-YOLOv5.",
        ),
    ] = None,
    *,
    overwrite: Annotated[bool, typer.Option(help="Replace the new file if it exists.")] = False,
    debug: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """Converts a published checkpoint without executing anything in it."""
    try:
        published = convert(source, target, train_px, overwrite=overwrite)
    except ValueError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    print(summary(published))
    print(f"wrote {target}")


if __name__ == "__main__":
    app()
