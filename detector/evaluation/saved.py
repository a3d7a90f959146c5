"""Detections in files: COCO's results json, and VisDrone's text file for each image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from detector.data.config import DatasetConfig
from detector.data.reading import Part, mapped_classes
from detector.data.tables import Table, read_bytes, read_table
from detector.data.xywh import corners
from detector.detections import Detections

MAX_BYTES: Final = 1024**3
"""Of a json; 250,000 detections take 30 MB."""

_COLUMNS = ("x", "y", "w", "h", "score", "category", "truncation", "occlusion")
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class ResultNames:
    """What files of detections call a data set's images and classes.

    Attributes:
        image_ids: Of each image: the id in a COCO json, else the file's name without suffix;
            UAVDT's frames are `M0101/img000001`.
        rows: From class number to the row in the class list, negative for classes that the
            class map leaves out. Numbers are those of the label files: COCO's category ids,
            from 1 for VisDrone and UAVDT, from 0 for YOLO.
        numbers: From class name to the number to write: of the data set's class of that name,
            else of the first that the class map takes for it.
    """

    image_ids: Mapping[Path, int | str]
    rows: Mapping[int, int]
    numbers: Mapping[str, int]

    def class_numbers(self, class_names: Sequence[str]) -> NDArray[np.int64]:
        """The numbers to write for the classes of a list.

        Raises:
            ValueError: If the data set has no such class.
        """
        for name in class_names:
            if name not in self.numbers:
                raise ValueError(f"class {name!r} cannot be saved: the data set has none like it")
        return np.array([self.numbers[name] for name in class_names], np.int64)

    def text_file(self, folder: Path, image: Path) -> Path:
        """The file in a folder of results with an image's detections."""
        image_id = self.image_ids[image]
        return folder / f"{image.stem if isinstance(image_id, int) else image_id}.txt"


def result_names(
    config: DatasetConfig, parts: Sequence[Part], class_names: Sequence[str]
) -> ResultNames:
    """What files of detections call the images of some parts of a data set.

    Raises:
        ValueError: If the class map does not fit, or two parts call two images or two classes
            the same.
    """
    image_ids: dict[Path, int | str] = {}
    rows: dict[int, int] = {}
    numbers: dict[str, int] = {}
    for part in parts:
        mapped = mapped_classes(config, part.source, class_names).tolist()
        numbered = dict(zip(part.source.class_numbers, mapped, strict=True))
        if rows and rows != numbered:
            raise ValueError(f"{part.name}: numbers its classes otherwise; take one split alone")
        rows = numbered
        for own, (number, row) in zip(part.source.class_names, numbered.items(), strict=True):
            if row >= 0 and (class_names[row] == own or class_names[row] not in numbers):
                numbers[class_names[row]] = number
        image_ids |= {image: part.source.image_id(image) for image in part.images}
    names: dict[int | str, Path] = {}
    for image, image_id in image_ids.items():
        if names.setdefault(image_id, image) != image:
            raise ValueError(f"{image} and {names[image_id]} are both called {image_id!r}")
    return ResultNames(image_ids, rows, numbers)


def read_detections(path: Path, images: Sequence[Path], names: ResultNames) -> list[Detections]:
    """The saved detections of each image, in float64.

    Detections of classes that the class map leaves out are left out.

    Args:
        path: A COCO results json, whose detections of further images are left out, or a folder
            with a VisDrone text file for each image, empty if nothing was found there.
        images: Of the data set that `names` is of.
        names: What the files call images and classes.

    Raises:
        ValueError: If a file is missing or malformed, has a class number that the data set
            lacks, or nothing of the json is of any of the images.
    """
    if path.is_dir():
        return [_read_text(names.text_file(path, image), image, names) for image in images]
    return _read_json(path, images, names)


def _read_text(path: Path, image: Path, names: ResultNames) -> Detections:
    if not path.is_file():
        raise ValueError(f"{path}: missing; {image.name} needs it, empty if nothing was found")
    table: Table = read_table(path, _COLUMNS)
    numbers = table["category"]
    known = ", ".join(map(str, names.rows))
    table.require(np.isin(numbers, list(names.rows)), "category", f"one of {known}")
    return _detections(corners(table), table["score"], numbers.astype(int).tolist(), names)


def _detections(
    boxes: NDArray[np.float64],
    scores: NDArray[np.float64],
    numbers: Sequence[int],
    names: ResultNames,
) -> Detections:
    class_ids = np.array([names.rows[number] for number in numbers], np.int64)
    return Detections(boxes, scores, class_ids)[class_ids >= 0]


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    image_id: int | str
    category_id: int
    bbox: tuple[float, float, Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]
    score: float


_ENTRIES = TypeAdapter(list[_Entry])


def _read_json(path: Path, images: Sequence[Path], names: ResultNames) -> list[Detections]:
    try:
        entries = _ENTRIES.validate_json(read_bytes(path, MAX_BYTES))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in fault["loc"])
        what = fault["msg"].removeprefix("Input ").replace("should be", "expected")
        where = f"{path}: {place}: " if place else f"{path}: "
        raise ValueError(f"{where}{what}; COCO results are a list of detections") from None
    at = {key: row for row, image in enumerate(images) for key in _keys(names.image_ids[image])}
    by_image: list[list[_Entry]] = [[] for _ in images]
    for number, entry in enumerate(entries):
        if entry.category_id not in names.rows:
            known = ", ".join(map(str, names.rows))
            raise ValueError(
                f"{path}: [{number}].category_id {entry.category_id}: expected one of {known}"
            )
        if entry.image_id in at:
            by_image[at[entry.image_id]].append(entry)
    if entries and not any(by_image):
        raise ValueError(
            f"{path}: no detection of any image here; it calls its first image "
            f"{entries[0].image_id!r}, the data set {names.image_ids[images[0]]!r}"
        )
    return [_from_entries(part, names) for part in by_image]


def _keys(image_id: int | str) -> Iterator[int | str]:
    """An image's id, and the number that some tools make of a name of digits alone."""
    yield image_id
    if isinstance(image_id, str) and image_id.isdecimal():
        yield int(image_id)


def _from_entries(entries: Sequence[_Entry], names: ResultNames) -> Detections:
    boxes = np.array([entry.bbox for entry in entries], float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    scores = np.array([entry.score for entry in entries], float)
    return _detections(boxes, scores, [entry.category_id for entry in entries], names)


def require_new(path: Path) -> None:
    """Accepts where detections are to be saved.

    Raises:
        ValueError: If it is a folder that is not empty, or its parent is no folder.
    """
    if path.is_dir() and any(path.iterdir()):
        raise ValueError(f"{path}: not empty; old files would mix with new ones")
    if not path.parent.is_dir():
        raise ValueError(f"{path.parent}: no such folder")


def save_detections(
    path: Path,
    images: Sequence[Path],
    detections: Sequence[Detections],
    names: ResultNames,
    class_names: Sequence[str],
) -> None:
    """Writes detections, best first: a COCO results json if the name ends so, else text files.

    Args:
        path: The json, or the folder, which holds VisDrone's submission form then:
            `x,y,w,h,score,category,-1,-1` a line.
        images: Of the data set that `names` is of.
        detections: One for each image.
        names: What the files call images and classes.
        class_names: What the detections' class ids index.

    Raises:
        ValueError: If a class has no number in the data set.
    """
    numbers = names.class_numbers(class_names)
    entries: list[dict[str, object]] = []
    for image, found in zip(images, detections, strict=True):
        best = found[np.argsort(-found.scores, kind="stable")]
        xywh = best.boxes.astype(np.float64)
        xywh[:, 2:] -= xywh[:, :2]
        of_class = numbers[best.class_ids]
        if path.suffix == ".json":
            rows = zip(of_class.tolist(), xywh.round(_DIGITS).tolist(), best.scores, strict=True)
            entries += [
                {
                    "image_id": names.image_ids[image],
                    "category_id": number,
                    "bbox": box,
                    "score": float(f"{score:.7g}"),
                }
                for number, box, score in rows
            ]
        else:
            _write_text(names.text_file(path, image), xywh, best.scores, of_class)
    if path.suffix == ".json":
        path.write_text(json.dumps(entries), encoding="utf-8")


def _write_text(
    path: Path, xywh: NDArray[np.float64], scores: NDArray[np.floating], numbers: NDArray[np.int64]
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.column_stack([xywh, scores, numbers])
    size = f"%.{_DIGITS}f"
    form = ",".join([*[size] * 4, "%.7g", "%d", "-1", "-1"])
    np.savetxt(path, rows, fmt=form)
