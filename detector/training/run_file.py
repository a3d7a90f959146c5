"""The YAML file of a run: read, and written complete so that it runs again."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from pydantic import TypeAdapter, ValidationError

from detector.data.views_config import SourceConfig
from detector.faults import first_fault
from detector.strict_yaml import read_yaml
from detector.training.config import TrainConfig
from detector.training.files import replacing

CHANGEABLE = ("init", "validation", "workers", "evaluate_every", "save_every_s", "patience")
"""Settings that may differ when a run goes on."""

_HEAD = """\
# A run with all its settings. Once more, from the start:
# python -m detector.train THIS_FILE --root NAME=DIR --output NEW_FOLDER
"""


def load_train_config(path: Path) -> TrainConfig:
    """The run that a YAML file describes.

    Raises:
        ValueError: In one line, if the file is missing or a key is unknown or out of range.
    """
    values = read_yaml(path)
    try:
        # Strict, and through JSON: there a list is a tuple, yet "3" is no number.
        return TypeAdapter(TrainConfig).validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        key, what = first_fault(error, TrainConfig)
        if error.errors()[0]["type"] == "missing":
            what = "missing"
        raise ValueError(f"{path}: {key or 'the file'}: {what}") from None


def relocate(config: TrainConfig, old: Path, new: Path) -> TrainConfig:
    """The run with its paths relative to the folder `new` instead of `old`."""

    def moved(path: str) -> str:
        return PurePath(os.path.relpath((old / path).resolve(), new.resolve())).as_posix()

    def all_moved(sources: tuple[SourceConfig, ...]) -> tuple[SourceConfig, ...]:
        return tuple(dataclasses.replace(s, data=moved(s.data)) for s in sources)

    return dataclasses.replace(
        config,
        train=all_moved(config.train),
        validation=all_moved(config.validation),
        init=None if config.init is None else moved(config.init),
    )


def claim_folder(folder: Path, config: TrainConfig) -> None:
    """Notes the run in a new folder as `config.yaml`; in another's it must be the same run.

    Args:
        folder: Existing.
        config: With paths relative to the folder.

    Raises:
        ValueError: If the folder holds another run, or a state without the settings it is of.
    """
    path = folder / "config.yaml"
    if not path.exists():
        if (folder / "state.pt").exists():
            raise ValueError(
                f"{path}: missing, so that nothing says which run state.pt there is of; another "
                "run needs a folder of its own"
            )
        text = _HEAD + "\n".join(_lines(_plain(config))) + "\n"
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")
    noted, here = (_identity(run) for run in (load_train_config(path), config))
    for key, value in here.items():
        if value != noted[key]:
            raise ValueError(
                f"{path}: {key}: {json.dumps(noted[key])} there, {json.dumps(value)} here; "
                "another run needs a folder of its own"
            )


def _plain(config: TrainConfig) -> dict[str, Any]:
    values: dict[str, Any] = TypeAdapter(TrainConfig).dump_python(config, mode="json")
    return values


def _identity(config: TrainConfig) -> dict[str, Any]:
    """What may not change; of paths only the name, so that folders may be moved."""
    values = {key: value for key, value in _plain(config).items() if key not in CHANGEABLE}
    for source in values["train"]:
        source["data"] = PurePath(source["data"]).name
    return values


def _lines(values: dict[str, Any]) -> Iterator[str]:
    """YAML, one setting a line; JSON after the colon leaves no text to be taken for a number."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield f"{key}:"
            yield from (f"  {line}" for line in _lines(value))
        else:
            yield f"{key}: {json.dumps(value, ensure_ascii=False)}"
