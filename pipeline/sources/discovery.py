"""What the user's words for a source mean: files, folders, patterns, streams, webcams."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

from pipeline.config import LiveConfig
from pipeline.errors import InputError
from pipeline.frame import Place, Source
from pipeline.sources.image_sequence import UAVDT_FRAME_RATE, ImageSequenceSource
from pipeline.sources.live import LiveSource
from pipeline.sources.live_address import Address, device_address, is_url, parse_address
from pipeline.sources.naming import safe_name, shown, unique_names
from pipeline.sources.numbered_images import (
    IMAGE_SUFFIXES,
    holds_numbered_images,
    natural_key,
    numbered_images,
)
from pipeline.sources.resuming import Recorded, open_behind
from pipeline.sources.video import VideoSource

VIDEO_SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("3gp", "asf", "avi", "flv", "h264", "264", "h265", "265", "hevc", "ivf", "m2ts", "m4v"),
        *("mjpeg", "mjpg", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "obu", "ogv", "ts"),
        *("vob", "webm", "wmv", "y4m"),
    )
)
"""Endings by which videos are found in folders and patterns; a file named itself needs none."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One source that can be opened.

    Attributes:
        kind: A video file, a folder of numbered images or a live stream.
        path: As the user gave it, or found below that; of a stream what may be told of it.
        name: Unique among the sources found together, safe as the name of a folder.
        pattern: Which images of the folder are meant.
        address: Of a stream.
    """

    kind: Literal["video", "images", "live"]
    path: Path
    name: str
    pattern: str = "*"
    address: Address | None = None


def discover(specs: Sequence[str]) -> list[SourceSpec]:
    """The sources that the user's words stand for, in that order, folders in natural order.

    A word is a video file, a folder of numbered images, a folder of several of either (a folder
    `sequences` in it is looked into, as VisDrone has it; nothing else is), or a pattern such as
    `'flights/*.mp4'`; a pattern of images means the sequence of those it matches. It may also be
    the URL of a stream or the device of a webcam. A source given twice is taken once.

    Names are the stems of files, the names of folders, and host and path of streams; `_2`, `_3`
    ... tell equal ones apart.

    Raises:
        InputError: If a word means nothing that is there.
    """
    found: dict[tuple[str, str, str], SourceSpec] = {}
    for spec in specs:
        try:
            meant = _meaning(spec)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{shown(spec)}: cannot be read: {reason}") from error
        for source in meant:
            place = source.address.url if source.address else os.path.abspath(source.path)  # noqa: PTH100
            key = (source.kind, place, source.pattern)
            found.setdefault(key, source)
    names = unique_names([source.name for source in found.values()])
    return [replace(source, name=name) for source, name in zip(found.values(), names, strict=True)]


def open_source(
    spec: SourceSpec,
    *,
    max_frames: int | None = None,
    image_frame_rate: Fraction = UAVDT_FRAME_RATE,
    live: LiveConfig | None = None,
    duration_s: float | None = None,
    after: Place | None = None,
) -> Source:
    """The opened source, which ends after `max_frames` frames if that is given.

    Args:
        spec: What to open.
        max_frames: Most frames that it gives.
        image_frame_rate: Of folders of images.
        live: How streams are read.
        duration_s: Seconds after which streams end; files are read on.
        after: Where an earlier run was: the frame behind it is the first. Streams have no such
            place.

    Raises:
        InputError: If it holds no frame that can be decoded.
        ResumeError: If it has another frame at that place.
    """

    def open_recorded() -> Recorded:
        if spec.kind == "video":
            return VideoSource(spec.path, name=spec.name, max_frames=max_frames)
        return ImageSequenceSource(
            spec.path,
            name=spec.name,
            frame_rate=image_frame_rate,
            pattern=spec.pattern,
            max_frames=max_frames,
        )

    if spec.address is not None:
        return LiveSource(
            spec.address,
            live or LiveConfig(),
            name=spec.name,
            max_frames=max_frames,
            duration_s=duration_s,
        )
    return open_recorded() if after is None else open_behind(open_recorded, after)


def _meaning(spec: str) -> list[SourceSpec]:
    if is_url(spec):
        return [_live(parse_address(spec))]
    path = Path(spec)
    if spec and path.is_file():
        return [_file(path)]
    if spec and path.is_dir():
        return _folder(path, spec)
    if spec and path.exists():
        if stat.S_ISCHR(path.stat().st_mode):
            return [_live(device_address(path))]
        raise InputError(f"{shown(spec)}: not a file or folder")
    if glob.has_magic(spec):
        return _pattern(spec)
    raise InputError(
        f"{shown(spec or 'an empty name')}: no such file or folder; give a video, a folder of "
        "numbered images, a folder of either, or a pattern in quotes"
    )


def _live(address: Address) -> SourceSpec:
    return SourceSpec("live", Path(address.shown), address.name, address=address)


def _file(path: Path) -> SourceSpec:
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise InputError(
            f"{shown(path)}: a single image; give the folder of its sequence, or a pattern in "
            "quotes"
        )
    return SourceSpec("video", path, safe_name(path.stem))


def _images(folder: Path, pattern: str = "*") -> SourceSpec:
    name = os.path.basename(os.path.abspath(folder))  # noqa: PTH100, PTH119
    return SourceSpec("images", folder, safe_name(name), pattern)


def _folder(folder: Path, spec: str) -> list[SourceSpec]:
    sources = list(_sources_in(folder))
    if not sources:
        raise InputError(
            f"{shown(spec)}: no videos (.mp4, .mov, ...), no numbered images (img000001.jpg, ...) "
            "and no folders of numbered images in this folder"
        )
    return sources


def _sources_in(folder: Path) -> Iterator[SourceSpec]:
    children = sorted(folder.iterdir(), key=lambda child: natural_key(child.name))
    children = [child for child in children if not child.name.startswith(".")]
    if holds_numbered_images(folder):
        yield _images(folder)
        folders = []
    else:
        folders = [child for child in children if child.is_dir()]
    for child in children:
        if child.suffix.lower() in VIDEO_SUFFIXES and child.is_file():
            yield _file(child)
    for child in folders:
        if holds_numbered_images(child):
            yield _images(child)
        elif child.name == "sequences":
            yield from _sources_in(child)


def _pattern(spec: str) -> list[SourceSpec]:
    paths = [Path(match) for match in glob.glob(spec, recursive=True)]  # noqa: PTH207
    paths.sort(key=lambda path: natural_key(str(path)))
    sources: list[SourceSpec] = []
    for path in paths:
        if path.is_dir():
            sources += _sources_in(path)
        elif path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
            sources.append(_file(path))
    if not sources:
        names = Path(spec).name
        folders = dict.fromkeys(path.parent for path in paths)
        sources = [_images(folder, names) for folder in folders if numbered_images(folder, names)]
    if not sources:
        raise InputError(
            f"{shown(spec)}: matches {len(paths)} files or folders, none of them a video or "
            "numbered images"
        )
    return sources
