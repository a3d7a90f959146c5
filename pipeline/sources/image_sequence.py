"""Folders of numbered images as a source of frames."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from detector.detections import Image
from pipeline.errors import InputError
from pipeline.frame import Frame, Place, SourceInfo
from pipeline.sources.container import MAX_PIXELS
from pipeline.sources.decoder_messages import caught
from pipeline.sources.image_header import png_is_whole, stated_wh
from pipeline.sources.losses import Losses
from pipeline.sources.naming import shown
from pipeline.sources.numbered_images import frame_indices, numbered_images

UAVDT_FRAME_RATE = Fraction(30)

# Uncompressed 16-bit RGBA, and room for thumbnails and metadata.
_MAX_BYTES_PER_PIXEL = 8
_MAX_METADATA_BYTES = 64 * 1024 * 1024


_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
# What libjpeg, and OpenCV for libtiff, print of a picture that they give nevertheless.
_SIGNS_OF_DAMAGE = ("Corrupt JPEG", "Premature end", "[ERROR")


class ImageError(ValueError):
    """An image that cannot be used; the message says why, without the file's name."""


def read_image(path: Path) -> tuple[Image, bool]:
    """The picture in a JPEG, PNG, BMP, TIFF or WebP file, and whether it is damaged.

    In RGB, 8 bits a channel. Pixels stay as they are stored, as labels made for a sequence
    expect; an orientation in the metadata is not applied, and alpha is left out.

    Args:
        path: Any name that the file system allows.

    Raises:
        ImageError: If the picture cannot be decoded, is cut off or is larger than 16384x16384.
    """
    try:
        with path.open("rb") as file:
            found_wh = stated_wh(file)
            if found_wh is None:
                raise ImageError("no image")
            _check_size(found_wh, path.stat().st_size)
            header_bytes = file.tell()
            file.seek(0)
            content = file.read()
    except OSError as error:
        raise ImageError("cannot be read") from error
    if content[:2] == b"\xff\xd8" and content.find(b"\xff\xd9", header_bytes) < 0:
        # OpenCV 4 fills what is missing of a JPEG with grey and says nothing.
        raise ImageError("cut off or damaged")
    if content[:4] == b"\x89PNG" and not png_is_whole(content):
        raise ImageError("cut off or damaged")
    try:
        image, messages = caught(lambda: cv2.imdecode(np.frombuffer(content, np.uint8), _FLAGS))
    except cv2.error as error:
        raise ImageError("cut off or damaged") from error
    if image is None or image.shape[1::-1] != found_wh:
        raise ImageError("cut off or damaged")
    damaged = any(message.startswith(_SIGNS_OF_DAMAGE) for message in messages)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image).astype(np.uint8, copy=False), damaged


def _check_size(found_wh: tuple[int, int], file_bytes: int) -> None:
    width, height = found_wh
    if width * height > MAX_PIXELS:
        raise ImageError("larger than 16384x16384 pixels")
    if file_bytes > width * height * _MAX_BYTES_PER_PIXEL + _MAX_METADATA_BYTES:
        raise ImageError("far more bytes than its pixels need")


class ImageSequenceSource:
    """Gives the images of one folder as frames, once, in the natural order of their names.

    UAVDT (`img000001.jpg`), VisDrone (`0000001.jpg`) and any other names with a number in
    them, padded or not. Frame indices and times follow the numbers from the first image on (see
    `frame_indices`): frame `i` is at `i / frame_rate`, and a missing or damaged image leaves its
    index and its time free, so that frame numbers agree with labels made for the sequence.

    The first image that can be decoded sets the size, to which all others are scaled. Scaled and
    damaged images, and those left out because they cannot be decoded, are counted in `lost`.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        name: str | None = None,
        frame_rate: Fraction = UAVDT_FRAME_RATE,
        pattern: str = "*",
        max_frames: int | None = None,
    ) -> None:
        """Lists the folder and decodes its first image.

        Args:
            folder: Holds the images directly.
            name: Of the source; the folder's name by default.
            frame_rate: Frames per second; images do not tell it.
            pattern: Which of the numbered images are meant, as a shell would match names.
            max_frames: Reading ends after so many frames; `None` reads all.

        Raises:
            InputError: If the folder cannot be read or has no numbered image that can be decoded.
        """
        if frame_rate <= 0:
            raise InputError(f"frame rate of image sequences: {frame_rate}: must be above 0")
        self._folder = Path(folder)
        self._name = self._folder.absolute().name if name is None else name
        self._time_base = 1 / Fraction(frame_rate)
        self._max_frames = max_frames
        self._losses = Losses()
        try:
            names = numbered_images(self._folder, pattern)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{shown(folder)}: the folder cannot be read: {reason}") from error
        if not names:
            raise InputError(
                f"{shown(folder)}: no numbered images such as img000001.jpg in this folder"
            )
        indices = frame_indices(names)
        self._note_gaps(names, indices)
        self._todo: Iterator[tuple[str, int]] = iter(zip(names, indices, strict=True))
        self._size_wh: tuple[int, int] | None = None
        self._given = 0
        self._first = self._next_frame()
        if self._first is None:
            found = "; ".join(self._losses.lines())
            raise InputError(f"{shown(folder)}: none of the images can be decoded ({found})")
        height, width = self._first.image.shape[:2]
        self._info = SourceInfo(str(folder), width, height, Fraction(frame_rate), len(names))

    @property
    def name(self) -> str:
        """Name of the folder, or the name given."""
        return self._name

    @property
    def info(self) -> SourceInfo:
        """Size of the first image; the number of images in the folder as frame count."""
        return self._info

    @property
    def lost(self) -> list[str]:
        """What was left out, damaged or scaled so far, and gaps in the numbers; empty if none."""
        return self._losses.lines()

    def __iter__(self) -> Iterator[Frame]:
        """The frames not yet read, in order."""
        while self._max_frames is None or self._given < self._max_frames:
            frame, self._first = self._first or self._next_frame(), None
            if frame is None:
                return
            self._given += 1
            yield frame

    def skip_to(self, place: Place, *, near: bool) -> Frame | None:
        """Passes over all images up to the one at this place, and returns that one.

        Args:
            place: Of an earlier run.
            near: Whether to leave the images before it unread. That takes a sequence of which
                none was left out up to there.

        Returns:
            `None` if it is not found; the source is of no use then.
        """
        frame, self._first = self._first, None
        if near and place.lost != tuple(self.lost):
            return None
        self._given = 1
        while frame is not None and frame.index < place.index:
            frame = self._next_frame(place.index if near else 0)
            self._given += 1
        return frame

    def close(self) -> None:
        """Ends the sequence; may be called twice."""
        self._first = None
        self._todo = iter(())

    def _next_frame(self, least_index: int = 0) -> Frame | None:
        for file_name, index in self._todo:
            if index < least_index:
                self._given += 1
                continue
            try:
                image, damaged = read_image(self._folder / file_name)
            except ImageError as error:
                self._losses.frame(f"left out, {error}", shown(file_name))
                continue
            if damaged:
                kind = "damaged, shown as the decoder repaired it"
                self._losses.frame(kind, shown(file_name))
            return Frame(self._in_size(image, file_name), self._name, index, index, self._time_base)
        return None

    def _in_size(self, image: Image, file_name: str) -> Image:
        height, width = image.shape[:2]
        if self._size_wh is None:
            self._size_wh = (width, height)
        if self._size_wh == (width, height):
            return image
        kind = f"scaled from {width}x{height} to the first image's size"
        self._losses.frame(kind, shown(file_name))
        scaled = cv2.resize(image, self._size_wh, interpolation=cv2.INTER_AREA)
        return scaled.astype(np.uint8, copy=False)

    def _note_gaps(self, names: list[str], indices: list[int]) -> None:
        missing = indices[-1] + 1 - len(indices)
        if missing:
            gap = next(place for place, index in enumerate(indices) if index != place)
            numbers = "number has" if missing == 1 else "numbers have"
            self._losses.note(f"{missing} {numbers} no image, first after {shown(names[gap - 1])}")
