"""The labelled images of a data set: all, some of its splits, or some of its flights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path

from detector.data.annotations import LabelledImage
from detector.data.classes import map_classes
from detector.data.coco import CocoLabels
from detector.data.config import SPLIT, DatasetConfig
from detector.data.labels import LabelSource, labelled
from detector.data.uavdt import UavdtLabels
from detector.data.visdrone import VisDroneLabels
from detector.data.yolo import YoloLabels
from detector.detections import IntArray


@dataclass(frozen=True, slots=True)
class Part:
    """A split, a flight, or all of a data set that has neither.

    Attributes:
        name: Of the split or flight; else empty.
        source: Reads the labels.
        images: Those of `source` that belong here.
    """

    name: str
    source: LabelSource
    images: Sequence[Path]


def read_flights(
    config: DatasetConfig, class_names: Sequence[str], flights: Sequence[str] | None, origin: str
) -> list[LabelledImage]:
    """The labelled images of some flights or splits of a data set, each once, part by part.

    Only their labels are read, and of the images no more than the headers. Boxes are clipped
    to the image; those without area inside it are left out.

    Args:
        config: Where the images lie.
        class_names: What the class ids of the result index.
        flights: Names from `config.flights` or `config.splits`, whose order the result has;
            `None` takes all flights; a data set with splits wants names.
        origin: What messages name: the file or option that chose the flights.

    Raises:
        ValueError: If a flight is unknown, or a file is missing or malformed; the message names
            the file and line.
    """
    return read_parts(config, flight_parts(config, flights, origin), class_names)


def flight_parts(config: DatasetConfig, flights: Sequence[str] | None, origin: str) -> list[Part]:
    """What `read_flights` reads, opened.

    Raises:
        ValueError: As `read_flights`.
    """
    if flights is None and config.splits:
        raise ValueError(
            f"{origin}: name the flights to take; this data set's are {', '.join(config.splits)}"
        )
    return list(open_parts(config, flights, origin))


def read_parts(
    config: DatasetConfig, parts: Iterable[Part], class_names: Sequence[str]
) -> list[LabelledImage]:
    """The labelled images of parts of a data set that are open; see `read_flights`."""
    records: list[LabelledImage] = []
    for part in parts:
        mapped = mapped_classes(config, part.source, class_names)
        flight = part.name if config.flights else ""
        records.extend(
            labelled(image, part.source.read(image), mapped, flight) for image in part.images
        )
    return records


def mapped_classes(
    config: DatasetConfig, source: LabelSource, class_names: Sequence[str]
) -> IntArray:
    """What each class of a data set becomes, as `map_classes` gives it.

    Raises:
        ValueError: As `map_classes`; the message names the data set.
    """
    try:
        return map_classes(source.class_names, config.class_map, class_names)
    except ValueError as error:
        raise ValueError(f"{config.root}: {error}") from None


def open_parts(config: DatasetConfig, names: Sequence[str] | None, origin: str) -> Iterator[Part]:
    """The splits or flights of a data set of those names, or all, in the description's order.

    Raises:
        ValueError: If a name is unknown, a file is missing or malformed, or an image is in no
            flight or in two.
    """
    if not config.root.is_dir():
        raise ValueError(f"{config.root}: no such folder; --root is the data set's folder")
    known = config.splits or list(config.flights)
    for name in names or ():
        if name not in known:
            has = ", ".join(known) or "none"
            raise ValueError(f"{origin}: no flight {name!r} in this data set; it has {has}")
    wanted = [name for name in known if names is None or name in names]
    if config.splits:
        for name in wanted:
            source = open_labels(config, name)
            yield Part(name, source, source.images)
        return
    source = open_labels(config)
    if names is None and not config.flights:
        yield Part("", source, source.images)
        return
    groups = split_by_flight(source.images, config.flights, wanted)
    for name in wanted:
        yield Part(name, source, groups[name])


def open_labels(config: DatasetConfig, split: str = "") -> LabelSource:
    """A data set's reader.

    Args:
        config: Where the files lie.
        split: Which of `config.splits`.

    Raises:
        ValueError: If a folder or file is missing or malformed.
    """
    images = config.root / config.images.replace(SPLIT, split)
    labels = config.root / config.labels.replace(SPLIT, split)
    match config.format:
        case "yolo":
            return YoloLabels(images, labels, config.root / (config.names or ""))
        case "visdrone":
            return VisDroneLabels(images, labels)
        case "uavdt":
            return UavdtLabels(images, labels)
        case "coco":
            return CocoLabels(images, labels)


def split_by_flight(
    images: Sequence[Path], flights: Mapping[str, Sequence[str]], wanted: Sequence[str]
) -> dict[str, list[Path]]:
    """The images of each flight, in the order of `flights`.

    Args:
        images: Each belongs to exactly one flight.
        flights: Patterns of the file names of each, as in a shell, case counts; a pattern with
            a `/` is one of the file's name and folders.
        wanted: Flights whose patterns must all fit an image; the others may be absent.

    Raises:
        ValueError: If an image is in no flight or in two, or a pattern fits no image.
    """
    groups: dict[str, list[Path]] = {flight: [] for flight in flights}
    unused = {(flight, pattern) for flight in wanted for pattern in flights[flight]}
    patterns = [
        (flight, pattern, re.compile(translate(pattern)).match, pattern.count("/") + 1)
        for flight in flights
        for pattern in flights[flight]
    ]
    depths = {depth for _, _, _, depth in patterns}
    for image in images:
        tails = {depth: "/".join(image.parts[-depth:]) for depth in depths}
        fits = [(f, p) for f, p, match, depth in patterns if match(tails[depth])]
        unused.difference_update(fits)
        found = sorted({flight for flight, _ in fits})
        if len(found) != 1:
            raise ValueError(
                f"flights: {image} is in {' and '.join(found) or 'none'}; "
                "each image belongs to exactly one flight"
            )
        groups[found[0]].append(image)
    for flight, pattern in sorted(unused):
        raise ValueError(f"flights.{flight}: {pattern!r} fits no image")
    return groups
