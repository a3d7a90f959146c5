"""From a YAML file and command-line options to a checked config."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from detector.faults import first_fault
from detector.strict_yaml import parse_yaml, read_yaml
from pipeline.config import PipelineConfig
from pipeline.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Override:
    """One value that replaces the file's.

    Attributes:
        key: Path into the config, joined by dots.
        value: Plain data, as YAML gives it.
        origin: What messages name: the option that set it.
    """

    key: str
    value: Any
    origin: str


def parse_override(text: str) -> Override:
    """The override that `--set key.path=value` asks for.

    Raises:
        InputError: If there is no key or the value is no YAML.

    >>> parse_override("tracker.max_age=3")
    Override(key='tracker.max_age', value=3, origin='--set')
    """
    key, equals, value = text.partition("=")
    if not equals or not all(key.split(".")):
        raise InputError(f"--set {text}: expected key.path=value")
    try:
        return Override(key, parse_yaml(value, f"--set {text}"), "--set")
    except ValueError as error:
        raise InputError(str(error)) from None


def load_config(path: Path | None = None, overrides: Sequence[Override] = ()) -> PipelineConfig:
    """The run's config: the defaults, changed by the file, changed by the options in order.

    Args:
        path: A YAML file; keys that it leaves out keep their default.
        overrides: Later ones win.

    Raises:
        InputError: In one line that names the file or option, the key path, the value found
            and the choices.
    """
    try:
        given: Any = {} if path is None else read_yaml(path)
    except ValueError as error:
        raise InputError(str(error)) from None
    origin = "config" if path is None else str(path)
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise InputError(f"{origin}: expected a mapping of keys, found {given!r:.60}")
    return build_config(PipelineConfig(), given, overrides, origin)


def build_config(
    default: T, given: Mapping[str, Any], overrides: Sequence[Override], origin: str
) -> T:
    """The config that plain data describes, over `default`.

    Raises:
        InputError: As `load_config`.
    """
    adapter = TypeAdapter(type(default))
    values = _merge(adapter.dump_python(default, mode="json"), given)
    for override in overrides:
        change: Any = override.value
        for key in reversed(override.key.split(".")):
            change = {key: change}
        values = _merge(values, change)
    try:
        # Strict, and through JSON: there a list is a tuple and text is a path, yet "3" is no 3.
        return adapter.validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        key, what = first_fault(error, type(default))
        raise InputError(f"{_origin(key, overrides, origin)}: {key}: {what}") from None


def _merge(base: Any, change: Any) -> Any:
    """`change` laid over `base`.

    A mapping whose `name` differs from the base's is another variant: it replaces.
    """
    if not isinstance(base, dict) or not isinstance(change, Mapping):
        return change
    if "name" in base and change.get("name", base["name"]) != base["name"]:
        return dict(change)
    return {**base, **{key: _merge(base.get(key), value) for key, value in change.items()}}


def _origin(key: str, overrides: Sequence[Override], file: str) -> str:
    """Who set a key: the last option at, above or below it, else the file."""
    for override in reversed(overrides):
        if f"{key}.".startswith(f"{override.key}.") or f"{override.key}.".startswith(f"{key}."):
            return override.origin
    return file
