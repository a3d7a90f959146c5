"""YAML as plain data: no tags, no aliases, no key twice, bounded in size and depth."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 64 * 1024
MAX_DEPTH = 16

_TAG = "tag:yaml.org,2002:"


class _StrictLoader(yaml.SafeLoader):
    """Builds dicts with text keys, lists, text, numbers, booleans and null; nothing else.

    Numbers are decimal and finite: `1e-3` is one (PyYAML alone takes it for text), `1:30`,
    `0o7`, `.inf` and dates stay text.
    """

    # PyYAML keeps its table on the class; an empty one drops the inherited.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            raise _fault("anchors and aliases are not taken; write the value out", event)
        if getattr(event, "tag", None) is not None:
            raise _fault(f"tags are not taken, found {event.tag}", event)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _fault(f"nested deeper than {MAX_DEPTH} levels", event)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != f"{_TAG}str":
                raise _fault("keys are text; put this one in quotes", key)
            if key.value in seen:
                raise _fault(f"key {key.value!r} stands here twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_StrictLoader.add_implicit_resolver(
    f"{_TAG}bool",
    re.compile(r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$"),
    list("yYnNtTfFoO"),
)
_StrictLoader.add_implicit_resolver(
    f"{_TAG}int", re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,17})$"), list("-+0123456789")
)
_StrictLoader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(
        r"^[-+]?(?:[0-9]{1,17}\.[0-9]{0,17}|\.[0-9]{1,17}|[0-9]{1,17}(?=[eE]))(?:[eE][-+]?[0-9]{1,2})?$"
    ),
    list("-+0123456789."),
)
_StrictLoader.add_implicit_resolver(
    f"{_TAG}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)


def _fault(problem: str, at: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=at.start_mark)


def parse_yaml(text: str, origin: str) -> Any:
    """The data that a YAML text holds; `None` for an empty one.

    Args:
        text: One document.
        origin: What messages name: a file or an option.

    Raises:
        ValueError: In one line with the place, if the text is no YAML or more than plain data.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ValueError(f"{origin}: {place}{error.problem}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{origin}: no YAML: {' '.join(str(error).split())}") from None


def read_yaml(path: Path) -> Any:
    """The data in a YAML file of at most 64 KiB; `None` for an empty one.

    Raises:
        ValueError: In one line with the place, if it cannot be read or is more than plain data.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: no UTF-8 text at byte {error.start}") from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path}: more than {MAX_BYTES // 1024} KiB; a config is far smaller")
    return parse_yaml(text, str(path))
