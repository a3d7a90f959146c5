"""Label files that lie beside their images' folder: `NAME.txt` for each image `NAME.jpg`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def label_file(labels_dir: Path, image: Path) -> Path:
    """The label file of an image.

    Raises:
        ValueError: If there is none.
    """
    path = labels_dir / f"{image.stem}.txt"
    if not path.is_file():
        raise ValueError(
            f"{path}: missing; the image {image.name} needs it, empty if it has no objects"
        )
    return path


def unmatched(labels_dir: Path, images: Iterable[Path]) -> list[str]:
    """Label files that no image belongs to, by name."""
    stems = {image.stem for image in images}
    return [
        f"{path}: no image" for path in sorted(labels_dir.glob("*.txt")) if path.stem not in stems
    ]
