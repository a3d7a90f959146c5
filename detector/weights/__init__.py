"""The weights that come with the program; their model cards stand beside them."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent

EMBEDDED = {
    "default": _FOLDER / "vehicles-n.safetensors",
    "thermal": _FOLDER / "thermal-n.safetensors",
}
"""By the name that stands for them: vehicles in colour video by day; people, cars and bicycles in
thermal video. Both are TPH-YOLOv5++ of size n."""


def weights_path(name: str) -> Path:
    """The file that a name or path stands for.

    >>> weights_path("thermal").name, weights_path("runs/best.safetensors").name
    ('thermal-n.safetensors', 'best.safetensors')
    """
    return EMBEDDED.get(name) or Path(name)
