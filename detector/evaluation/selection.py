"""What is measured on: images of a data set, in the classes of a network or of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from detector.data.annotations import LabelledImage
from detector.data.classes import kept_classes, without_ignored
from detector.data.config import DatasetConfig, load_dataset_config
from detector.data.reading import Part, flight_parts, mapped_classes, read_parts
from detector.detections import Detections
from detector.evaluation.protocol import Protocol
from detector.evaluation.saved import ResultNames, result_names


@dataclass(frozen=True, slots=True)
class Choice:
    """What to measure on.

    Attributes:
        data: Description of the data set.
        root: The data set's folder.
        flights: Names with commas between; `None` takes every image.
        max_images: Most images, spread evenly over the others; `None` takes all.
        protocol: That decides what becomes of ignored classes.
    """

    data: Path
    root: Path | None = None
    flights: str | None = None
    max_images: int | None = None
    protocol: Protocol = Protocol.COCO

    @property
    def split(self) -> str:
        """What figures call it."""
        flights = f"flights {self.flights}" if self.flights else "all flights"
        limit = "" if self.max_images is None else f", at most {self.max_images} of its images"
        return f"{self.data.stem}, {flights}{limit}"


@dataclass(frozen=True, slots=True)
class Selection:
    """The images of a choice.

    Attributes:
        dataset: The data set's description.
        parts: Its parts that were chosen, opened.
        class_names: What class ids index.
        images: At least one, in the order of the parts.
    """

    dataset: DatasetConfig
    parts: Sequence[Part]
    class_names: tuple[str, ...]
    images: Sequence[LabelledImage]

    @property
    def paths(self) -> list[Path]:
        """The image files."""
        return [image.path for image in self.images]

    def result_names(self) -> ResultNames:
        """See `result_names`."""
        return result_names(self.dataset, self.parts, self.class_names)

    def of_labelled_classes(self, detections: Sequence[Detections]) -> list[Detections]:
        """The detections without those of classes that the data set never labels."""
        maps = [mapped_classes(self.dataset, p.source, self.class_names) for p in self.parts]
        labelled = np.unique(np.concatenate(maps))
        return [found[np.isin(found.class_ids, labelled)] for found in detections]


def select(choice: Choice, class_names: Sequence[str] | None) -> Selection:
    """The labelled images of a choice.

    The toolkits know no ignored class, only regions that the data set itself marks, so for them
    what the class map ignores is background.

    Args:
        choice: Of data set, images and protocol.
        class_names: What the labels' class ids index; `None` takes the data set's own classes,
            merged as its class map says.

    Raises:
        ValueError: If a flight is unknown, a file is missing or malformed, or there is no image.
    """
    dataset = load_dataset_config(choice.data, choice.root)
    if choice.protocol is not Protocol.COCO:
        dataset = replace(dataset, class_map=without_ignored(dataset.class_map))
    flights = None if choice.flights is None else [f.strip() for f in choice.flights.split(",")]
    parts = flight_parts(dataset, flights, "--flights")
    own = dict.fromkeys(name for part in parts for name in part.source.class_names)
    names = kept_classes(list(own), dataset.class_map, class_names)
    images = read_parts(dataset, parts, names)
    if not images:
        raise ValueError(f"{choice.split}: no image to evaluate on")
    count = min(len(images), choice.max_images or len(images))
    rows = np.linspace(0, len(images) - 1, count).round().astype(int)
    return Selection(dataset, parts, names, [images[row] for row in rows])
