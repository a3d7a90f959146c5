"""The mean of several networks' weights: `python -m detector.average A B --output C`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer

from detector.inference.torch_backend import load_network
from detector.model.checkpoint import save_checkpoint
from detector.model.network import Network

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@torch.no_grad()
def average(names: Sequence[str], networks: Sequence[Network]) -> Network:
    """A network whose weights and statistics are the plain mean of others'.

    Of networks that were trained from one start, the mean is often better than each, on images
    unlike those of the training above all (Wortsman et al., "Robust fine-tuning of zero-shot
    models", CVPR 2022); of others it is of no use.

    Args:
        names: Of the networks, for messages.
        networks: At least one, of one network, with the same classes and anchors.

    Returns:
        The first network, changed.

    Raises:
        ValueError: If they differ in anything but their weights.
    """
    first = networks[0]
    for name, other in zip(names, networks, strict=True):
        if (other.spec.name, other.class_names) != (first.spec.name, first.class_names):
            raise ValueError(
                f"{name}: {other.spec.name} of {', '.join(other.class_names)}, but {names[0]} is "
                f"{first.spec.name} of {', '.join(first.class_names)}"
            )
        if not torch.equal(other.anchors_px, first.anchors_px):
            raise ValueError(f"{name}: other anchors than {names[0]}: not trained from one start")
    states = [network.state_dict() for network in networks]
    for key, value in states[0].items():
        if value.is_floating_point():
            value.copy_(torch.stack([state[key] for state in states]).mean(0))
    return first


@app.command()
def main(
    weights: Annotated[
        list[str], typer.Argument(help="Two or more: `default`, `thermal` or .safetensors files.")
    ],
    output: Annotated[Path, typer.Option(help="The new .safetensors file.")],
    *,
    debug: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """Writes the mean of networks that were trained from one start, in half precision."""
    try:
        if len(weights) < 2:
            raise ValueError(f"{weights[0]}: a mean takes two files or more")
        if output.suffix != ".safetensors" or not output.parent.is_dir():
            raise ValueError(
                f"--output {output}: expected a .safetensors file in a folder there is"
            )
        mean = average(weights, [load_network(name) for name in weights])
        save_checkpoint(output, mean.half())
    except (OSError, ValueError) as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    print(f"wrote {output}")


if __name__ == "__main__":
    app()
