"""Descriptions of data sets: a YAML file each that says where what lies, without the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from detector.data.annotations import LabelledImage
from detector.data.yolo import read_yolo
from detector.strict_yaml import read_yaml


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class DatasetConfig:
    """Where a data set's files lie and what its classes mean.

    Attributes:
        format: `yolo`: one text file per image, `class cx cy w h` a line.
        root: The data set's folder; the paths below are relative to it.
        images: Folder of images.
        labels: Folder of label files.
        names: File of class names, one a line.
        class_map: From its class names to ours, to null (dropped) or to `ignore` (regions that
            neither train nor count); names that are left out keep their own name.
        flights: Patterns of the image names of each flight, as in a shell. Images of one
            flight look alike, so splits are made of whole flights.
    """

    format: Literal["yolo"]
    root: Annotated[Path, Field(strict=False)]
    images: str
    labels: str
    names: str
    class_map: dict[str, str | None] = field(default_factory=dict)
    flights: dict[str, list[str]] = field(default_factory=dict)


def load_dataset_config(path: Path, root: Path | None = None) -> DatasetConfig:
    """The description in a YAML file.

    Args:
        path: The YAML file.
        root: The data set's folder; without it, the file's key `root` says it, relative to the
            file.

    Raises:
        ValueError: In one line, if the file is missing, is no YAML or has a key too many, too
            few or of the wrong type.
    """
    values = _load_mapping(path)
    if root is not None:
        values["root"] = root
    elif isinstance(values.get("root"), str):
        values["root"] = path.parent / values["root"]
    elif "root" not in values:
        raise ValueError(f"{path}: root: missing; give the data set's folder there or with --root")
    try:
        return DatasetConfig(**values)
    except ValidationError as error:
        raise ValueError(f"{path}: {_first_fault(error)}") from None


def read_dataset(config: DatasetConfig, class_names: Sequence[str]) -> list[LabelledImage]:
    """All labelled images of a data set, in order of file names, with rows of `class_names`.

    Raises:
        ValueError: If a file is missing or malformed; the message names the file and line.
    """
    if not config.root.is_dir():
        raise ValueError(f"{config.root}: no such folder; --root is the data set's folder")
    return read_yolo(
        config.root / config.images,
        config.root / config.labels,
        config.root / config.names,
        config.class_map,
        class_names,
    )


def read_flights(
    config: DatasetConfig, class_names: Sequence[str], flights: Sequence[str] | None, origin: str
) -> list[LabelledImage]:
    """The labelled images of some flights of a data set, each once, flight by flight.

    Args:
        config: Where the images lie.
        class_names: What the class ids of the result index.
        flights: Names from `config.flights`, whose order the result has; `None` takes every
            image, in order of file names.
        origin: What messages name: the file or option that chose the flights.

    Raises:
        ValueError: If a flight is unknown, or a file is missing or malformed.
    """
    images = read_dataset(config, class_names)
    if flights is None:
        return images
    groups = split_by_flight(images, config.flights) if config.flights else {}
    for name in flights:
        if name not in groups:
            known = ", ".join(groups) or "none"
            raise ValueError(f"{origin}: no flight {name!r} in this data set; it has {known}")
    return [image for name in groups if name in flights for image in groups[name]]


def split_by_flight(
    images: Sequence[LabelledImage], flights: Mapping[str, Sequence[str]]
) -> dict[str, list[LabelledImage]]:
    """The images of each flight, in the order of `flights`.

    Args:
        images: Each belongs to exactly one flight.
        flights: Patterns of the file names of each, as in a shell, case counts.

    Raises:
        ValueError: If an image is in no flight or in two, or a pattern fits no image.
    """
    groups: dict[str, list[LabelledImage]] = {flight: [] for flight in flights}
    unused = {(flight, pattern) for flight, patterns in flights.items() for pattern in patterns}
    for image in images:
        name = image.path.name
        fits = [(f, p) for f, patterns in flights.items() for p in patterns if fnmatchcase(name, p)]
        unused.difference_update(fits)
        found = sorted({flight for flight, _ in fits})
        if len(found) != 1:
            raise ValueError(
                f"flights: {image.path} is in {' and '.join(found) or 'none'}; "
                "each image belongs to exactly one flight"
            )
        groups[found[0]].append(image)
    for flight, pattern in sorted(unused):
        raise ValueError(f"flights.{flight}: {pattern!r} fits no image")
    return groups


def _load_mapping(path: Path) -> dict[str, Any]:
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected keys and values, found {type(values).__name__}")
    return values


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "unexpected_keyword_argument":
        return f"{key}: unknown key; known are {', '.join(DatasetConfig.__dataclass_fields__)}"
    if fault["type"] in ("missing", "missing_argument"):
        return f"{key}: missing"
    message = fault["msg"].removeprefix("Input ").replace("should be", "expected")
    return f"{key}: {message}, found {fault['input']!r}"
