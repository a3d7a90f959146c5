"""Descriptions of data sets: a YAML file each that says where what lies, without the data."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from detector.strict_yaml import read_yaml

SPLIT = "{split}"


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class DatasetConfig:
    """Where a data set's files lie and what its classes mean.

    Attributes:
        format: `yolo`: one text file per image, `class cx cy w h` a line. `visdrone`: one text
            file per image in the form of VisDrone-DET. `uavdt`: a folder of frames and two
            ground truth files per sequence. `coco`: one json for all images.
        root: The data set's folder; the paths below are relative to it.
        images: Folder of images; `{split}` in it stands for a split's name.
        labels: Folder of label files, or the json of `coco`; `{split}` as in `images`.
        names: File of class names, one a line; `yolo` needs it, the others have none.
        class_map: From its class names to ours, to null (dropped) or to `ignore` (regions that
            neither train nor count). Names that are left out keep their own name. `*` says what
            becomes of those that are left out and that the network does not know; without it,
            such a name is an error.
        splits: The names that `{split}` may take.
        flights: Patterns of the image names of each flight, as in a shell, `M0101/*` with the
            folder. Images of one flight look alike, so hold-outs are made of whole flights.
    """

    format: Literal["yolo", "visdrone", "uavdt", "coco"]
    root: Annotated[Path, Field(strict=False)]
    images: str
    labels: str
    names: str | None = None
    class_map: dict[str, str | None] = field(default_factory=dict)
    splits: list[str] = field(default_factory=list)
    flights: dict[str, list[str]] = field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> DatasetConfig:
        if (self.names is None) == (self.format == "yolo"):
            need = "needs a file of class names" if self.names is None else "knows its own"
            raise ValueError(f"names: format {self.format} {need}")
        if bool(self.splits) != (SPLIT in self.images or SPLIT in self.labels):
            raise ValueError(f"splits: their names stand for {SPLIT} in images or labels")
        if self.splits and self.flights:
            raise ValueError("flights: a data set has splits or flights, not both")
        return self


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
    if fault["type"] == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    message = fault["msg"].removeprefix("Input ").replace("should be", "expected")
    return f"{key}: {message}, found {fault['input']!r}"
