"""By what a later run knows that it has the same settings and the same input."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from pipeline.config import PipelineConfig
from pipeline.errors import InputError
from pipeline.sinks.summary import package_versions
from pipeline.sources.discovery import SourceSpec
from pipeline.sources.naming import shown
from pipeline.sources.numbered_images import numbered_images
from pipeline.version import VERSION


@dataclass(frozen=True, slots=True)
class Identity:
    """Hashes that are equal if, and as good as only if, results will be.

    Attributes:
        settings: Of the config, weights and versions.
        input: Of a source: its place, sizes and times of change.
    """

    settings: str
    input: str

    def as_dict(self) -> dict[str, str]:
        """By name."""
        return asdict(self)


def identity_of(spec: SourceSpec, config: PipelineConfig) -> Identity:
    """The identity of a run over one source.

    Raises:
        InputError: If the source cannot be looked at.
    """
    try:
        found = list(_input(spec))
    except OSError as error:
        raise InputError(f"{shown(spec.path)}: cannot be read: {error.strerror}") from error
    return Identity(_hash(_settings(config)), _hash(found))


def plain_config(config: PipelineConfig) -> dict[str, Any]:
    """The config as plain data."""
    plain = TypeAdapter(PipelineConfig).dump_python(config, mode="json")
    assert isinstance(plain, dict)
    return plain


def _settings(config: PipelineConfig) -> list[Any]:
    plain = plain_config(config)
    # These change what is shown or where it goes, not what it is.
    del plain["metrics"], plain["output"]["folder"], plain["output"]["checkpoint_s"]
    weights = map(Path, config.detector.weight_files)
    stats = [_stat(path) for path in weights if path.is_file()]
    return [plain, stats, VERSION, package_versions()]


def _input(spec: SourceSpec) -> Iterator[Any]:
    yield spec.kind
    if spec.address is not None:
        yield spec.address.shown
        return
    yield os.path.abspath(spec.path)  # noqa: PTH100
    if spec.kind == "video":
        yield _stat(spec.path)
        return
    for name in numbered_images(spec.path, spec.pattern):
        yield name, _stat(spec.path / name)


def _stat(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _hash(data: Any) -> str:
    text = json.dumps(data, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
