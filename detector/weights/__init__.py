"""The weights that come with the program; their model card stands beside them."""

from __future__ import annotations

from pathlib import Path

DEFAULT_WEIGHTS = Path(__file__).with_name("vehicles-n.safetensors")
"""TPH-YOLOv5++ n for road vehicles from above."""
