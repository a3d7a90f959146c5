"""Renders a labelled data set: `python -m detector.data.render_set OUT --count 3000 --seed 1`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import cv2
import typer
from rich.console import Console
from rich.progress import track

from detector.data.rendered import CLASS_NAMES, RenderedFrame, render_still

SIZES_WH = ((1024, 640), (1280, 720), (960, 960))
"""Of the images, in turn."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def write_still(folder: Path, seed: int, *, quality: int) -> None:
    """Writes one image and its labels in YOLO form; a still that exists is left as it is.

    Args:
        folder: With `images` and `labels` inside.
        seed: Of the still; its name and size follow from it.
        quality: Of the JPEG, 1 to 100.
    """
    labels = folder / "labels" / f"{seed:06}.txt"
    if labels.exists():
        return
    width, height = SIZES_WH[seed % len(SIZES_WH)]
    frame = render_still(seed, width=width, height=height)
    bgr = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
    image = folder / "images" / f"{seed:06}.jpg"
    if not cv2.imwrite(str(image), bgr, [cv2.IMWRITE_JPEG_QUALITY, quality]):
        raise ValueError(f"{image}: cannot be written; is there room in the folder?")
    labels.write_text(_yolo_lines(frame), encoding="utf-8")


def _yolo_lines(frame: RenderedFrame) -> str:
    height, width = frame.image.shape[:2]
    lines = []
    for class_id, (x1, y1, x2, y2) in zip(frame.class_ids, frame.boxes, strict=True):
        centre = f"{(x1 + x2) / 2 / width:.6f} {(y1 + y2) / 2 / height:.6f}"
        lines.append(f"{class_id} {centre} {(x2 - x1) / width:.6f} {(y2 - y1) / height:.6f}\n")
    return "".join(lines)


@app.command()
def main(
    folder: Annotated[Path, typer.Argument(help="Of the data set; made, or completed.")],
    count: Annotated[int, typer.Option(min=1, help="Number of images.")] = 3000,
    seed: Annotated[int, typer.Option(min=0, help="Of the first image; the next ones follow.")] = 0,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of the JPEG files.")] = 92,
) -> None:
    """Renders drone images of roads with their labels, in YOLO form."""
    try:
        for name in ("images", "labels"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "classes.txt").write_text("\n".join(CLASS_NAMES) + "\n", encoding="utf-8")
        for number in track(range(seed, seed + count), "render", console=Console(stderr=True)):
            write_still(folder, number, quality=quality)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    app()
