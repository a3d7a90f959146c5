"""The detector that an evaluation runs: from a run's file, changed by options."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from detector.config import DetectorConfig
from detector.faults import first_fault
from detector.strict_yaml import read_yaml
from detector.weights import weights_path

LEAST_SCORE = 0.001

OPTIONS = {
    "weights": "--weights",
    "tiling.tile_px": "--tile",
    "confidence": "--conf",
    "device": "--device",
    "backend": "--backend",
}
"""Options that set a key of the detector's settings."""


def read_detector_config(path: Path | None, options: Mapping[str, Any]) -> DetectorConfig:
    """The detector of a run's YAML file, changed by options.

    Args:
        path: The file, of which only the section `detector` counts; `None` for the defaults.
        options: Key of the section, joined by dots, to value; `None` changes nothing.

    Raises:
        ValueError: In one line that names the file or the option, the key and the value.
    """
    given = None if path is None else read_yaml(path)
    section = given.get("detector") if isinstance(given, dict) else given
    if not isinstance(section, dict | None):
        raise ValueError(f"{path}: detector: expected a mapping of keys, found {section!r:.60}")
    values = dict(section or {})
    for key, value in options.items():
        name, _, part = key.partition(".")
        if value is not None and part:
            inner = values.get(name)
            values[name] = {**(inner if isinstance(inner, dict) else {}), part: value}
        elif value is not None:
            values[name] = value
    try:
        adapter = TypeAdapter(DetectorConfig)
        return adapter.validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        key, what = first_fault(error, DetectorConfig)
        origin = OPTIONS[key] if options.get(key) is not None else f"{path}: detector.{key}"
        raise ValueError(f"{origin}: {what}") from None


def untiled(config: DetectorConfig) -> DetectorConfig:
    """The same detector on whole images, each brought to the size of one tile."""
    return replace(config, tiling=replace(config.tiling, resize_px=config.tiling.tile_px))


def how_cut(config: DetectorConfig) -> str:
    """What the detector does with an image, for people.

    >>> how_cut(DetectorConfig())
    'tiles of 1536 px'
    """
    resize_px, tile_px = config.tiling.resize_px, config.tiling.tile_px
    if resize_px is None:
        return f"tiles of {tile_px} px"
    if resize_px <= tile_px:
        return f"whole images at {resize_px} px"
    return f"images at {resize_px} px in tiles of {tile_px} px"


def describe_weights(config: DetectorConfig) -> list[dict[str, str]]:
    """Name and SHA-256 of each file of weights."""
    paths = map(weights_path, config.weight_files)
    return [
        {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in paths
    ]
