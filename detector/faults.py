"""What is wrong with a config, in a user's words."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import ValidationError


def first_fault(error: ValidationError, root: type) -> tuple[str, str]:
    """The key path of the first fault and what is wrong there, with the choices.

    Args:
        error: Of pydantic, from plain data for `root`.
        root: The dataclass that was asked for.
    """
    faults = error.errors(include_url=False)
    fault = faults[0]
    key, kind, section = _walk(fault["loc"], root)
    found = f"found {json.dumps(fault['input']):.60}"
    context = fault.get("ctx", {})
    match fault["type"]:
        case "unexpected_keyword_argument":
            what = f"unknown key; {section} takes {', '.join(_keys(kind))}"
        case "union_tag_invalid":
            key, choices = f"{key}.name", context["expected_tags"].replace("'", "")
            what = f"found {context['tag']!r}; choose {choices}"
        case "literal_error":
            what = f"{found}; choose {context['expected']}"
        case "value_error":
            what = str(context["error"])
        case _:
            what = f"{_in_yaml_words(fault['msg'])}, {found}"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return key, what + more


def _in_yaml_words(message: str) -> str:
    words = {"Input ": "", "String ": "", "an object": "a section with keys"}
    words["a valid array"] = "a list"
    for theirs, ours in words.items():
        message = message.replace(theirs, ours)
    return message


def _walk(loc: tuple[int | str, ...], root: type) -> tuple[str, type | None, str]:
    """The dotted key, the dataclass that holds its last part, and that dataclass's name.

    Pydantic puts the tag of a union's variant into the path; it chooses the variant here and
    is left out of the key. Tags in angle brackets tell text from lists; numbers are places in one.
    """
    keys: list[str] = []
    here: Any = root
    holder: type | None = None
    section = name = "the config"
    for part in map(str, loc):
        if part.startswith("<"):
            continue
        if part.isdigit():
            keys.append(part)
            continue
        variants = list(_dataclasses(here))
        tagged = [kind for kind in variants if len(variants) > 1 and _tag(kind) == part]
        if tagged:
            here, name = tagged[0], part
            continue
        holder, section = (variants[0], name) if len(variants) == 1 else (None, name)
        here = get_type_hints(holder, include_extras=True).get(part) if holder else None
        name = part
        keys.append(part)
    return ".".join(keys), holder, section


def _dataclasses(annotation: Any) -> Iterator[type]:
    """The dataclasses that an annotation allows."""
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        yield annotation
    elif get_origin(annotation) is Annotated:
        yield from _dataclasses(get_args(annotation)[0])
    else:
        for option in get_args(annotation):
            yield from _dataclasses(option)


def _tag(kind: type) -> Any:
    """The value of the field `name` that chooses a variant."""
    choices = get_args(get_type_hints(kind).get("name"))
    return choices[0] if choices else None


def _keys(kind: type | None) -> list[str]:
    return [] if kind is None else [field.name for field in dataclasses.fields(kind)]
