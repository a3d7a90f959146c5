"""COCO json data sets, read in place: one file of boxes for a folder of images.

T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014. HIT-UAV's json, which
calls two of the keys otherwise, is read too.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AliasChoices, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from detector.data.classes import IGNORED
from detector.data.images import MAX_PIXELS, image_size
from detector.data.labels import LabelRows
from detector.data.tables import read_bytes
from detector.detections import IntArray

MAX_BYTES: Final = 1024**3
"""Of a json; COCO's own train file has 0.45 GB."""

_Key = TypeVar("_Key", int, str)
_STRICT = ConfigDict(strict=True)
_Side: TypeAlias = Annotated[int, Field(ge=1, le=MAX_PIXELS)]


@dataclass(frozen=True, slots=True, config=_STRICT)
class _Image:
    id: int
    file_name: str = Field(validation_alias=AliasChoices("file_name", "filename"))
    width: _Side | None = None
    height: _Side | None = None


@dataclass(frozen=True, slots=True, config=_STRICT)
class _Category:
    id: int
    name: str


@dataclass(frozen=True, slots=True, config=_STRICT)
class _Annotation:
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: bool | Annotated[int, Field(ge=0, le=1)] = 0


@dataclass(frozen=True, slots=True, config=_STRICT)
class _File:
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation] = Field(
        validation_alias=AliasChoices("annotations", "annotation")
    )


_ADAPTER = TypeAdapter(_File)


class CocoLabels:
    """The images that a COCO json lists.

    `iscrowd: 1` is an ignore region. A json of 100 MB is open after 2 s and takes 0.8 GB
    meanwhile, most of it for polygons, which are not used.

    Args:
        images_dir: Folder that the file names in the json are relative to.
        json_file: With `images`, `categories` and `annotations`.

    Raises:
        ValueError: If the json is missing, larger than `MAX_BYTES` or malformed.
    """

    def __init__(self, images_dir: Path, json_file: Path) -> None:
        file = _load(json_file)
        self._images_dir = images_dir
        self._json_file = json_file
        self.class_names = _unique(json_file, "categories", [c.name for c in file.categories])
        self.class_numbers = _unique(json_file, "categories", [c.id for c in file.categories])
        _unique(json_file, "images", [entry.id for entry in file.images])
        names = _unique(json_file, "images", [entry.file_name for entry in file.images])
        paths = [_inside(images_dir, name, json_file) for name in names]
        order = sorted(range(len(names)), key=names.__getitem__)
        self.images = [paths[row] for row in order]
        self._stated = {paths[row]: (at, file.images[row]) for at, row in enumerate(order)}
        self._boxes, self._class_ids, self._at, self._starts = self._by_image(
            file, {file.images[row].id: at for at, row in enumerate(order)}
        )

    def _by_image(
        self, file: _File, at: dict[int, int]
    ) -> tuple[NDArray[np.float64], IntArray, IntArray, IntArray]:
        """Boxes and classes sorted by image, their rows in the json, each image's first row."""
        rows = {category.id: row for row, category in enumerate(file.categories)}
        found = np.zeros((len(file.annotations), 2), np.int64)
        for number, entry in enumerate(file.annotations):
            if entry.image_id not in at:
                raise self._fault(number, f"image_id {entry.image_id}: no such image")
            if entry.category_id not in rows:
                raise self._fault(number, f"category_id {entry.category_id}: no such category")
            row = IGNORED if entry.iscrowd else rows[entry.category_id]
            found[number] = at[entry.image_id], row
        xywh = np.array([entry.bbox for entry in file.annotations], float).reshape(-1, 4)
        good = np.isfinite(xywh).all(1) & (xywh[:, 2:] >= 0).all(1)
        if not good.all():
            number = int(good.argmin())
            box = xywh[number].tolist()
            raise self._fault(number, f"bbox {box}: expected finite [x, y, w, h], no size negative")
        order = np.argsort(found[:, 0], kind="stable")
        boxes = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
        starts = np.searchsorted(found[order, 0], np.arange(len(at) + 1))
        return boxes[order], found[order, 1], order.astype(np.int64), starts.astype(np.int64)

    def _fault(self, number: int, what: str) -> ValueError:
        return ValueError(f"{self._place(number)}: {what}")

    def _place(self, number: int) -> str:
        return f"{self._json_file}: annotations[{number}]"

    def image_id(self, image: Path) -> int:
        """See `LabelSource`; the id in the json."""
        return self._stated[image][1].id

    def read(self, image: Path) -> LabelRows:
        """See `LabelSource`."""
        at, stated = self._stated[image]
        if not image.is_file():
            raise ValueError(f"{image}: missing; {self._json_file} lists it")
        if stated.width is None or stated.height is None:
            image_wh = image_size(image)
        else:
            image_wh = (stated.width, stated.height)
        first, last = self._starts[at : at + 2].tolist()
        return LabelRows(
            image_wh,
            self._boxes[first:last],
            self._class_ids[first:last],
            lambda row: self._place(int(self._at[first + row])),
        )

    def without_image(self) -> list[str]:
        """See `LabelSource`."""
        there = sorted(path for path in self._images_dir.glob("*") if path.is_file())
        return [f"{path}: not in the json" for path in there if path not in self._stated]


def _load(json_file: Path) -> _File:
    content = read_bytes(json_file, MAX_BYTES)
    try:
        return _ADAPTER.validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in fault["loc"])
    where = f"{json_file}: {place.removeprefix('.')}: " if place else f"{json_file}: "
    if fault["type"] == "missing":
        raise ValueError(f"{where}missing")
    if fault["type"] == "json_invalid":
        raise ValueError(f"{where}no JSON: {fault['ctx']['error']}")
    what = fault["msg"].removeprefix("Input ").replace("should be", "expected")
    raise ValueError(f"{where}{what}, found {str(fault['input'])[:40]!r}")


def _unique(json_file: Path, key: str, values: list[_Key]) -> tuple[_Key, ...]:
    """What `values` holds, if nothing twice."""
    seen: set[_Key] = set()
    for number, value in enumerate(values):
        if value in seen:
            raise ValueError(f"{json_file}: {key}[{number}]: {value!r} is there twice")
        seen.add(value)
    return tuple(values)


def _inside(images_dir: Path, name: str, json_file: Path) -> Path:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise ValueError(f"{json_file}: file name {name!r}: expected one inside {images_dir}")
    return images_dir / path
