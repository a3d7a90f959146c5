"""Values of a file in messages."""

from __future__ import annotations


def describe(value: object) -> str:
    """A number, text or short row of numbers as written, anything else by its type.

    Values of a file can be nested so that writing them out would take for ever.

    >>> describe((3, 3)), describe({"a": 1}), describe("x" * 100)[:5]
    ('(3, 3)', 'a dict', "'xxxx")
    """
    if isinstance(value, tuple) and len(value) <= 8 and all(map(_is_plain, value)):
        return f"({', '.join(map(describe, value))})"
    if not _is_plain(value):
        return f"a {type(value).__name__}"
    return repr(value[:60] if isinstance(value, str) else value)


def tidy(message: object, most: int = 400) -> str:
    r"""A message in one line and cut to a length: names in it are the file's.

    >>> tidy("model.\n\x1b[2J.weight"), tidy("abcdef", 3)
    ('model.??[2J.weight', 'abc ...')
    """
    text = "".join(c if c.isprintable() else "?" for c in str(message)[: most + 1])
    return text if len(text) <= most else f"{text[:most]} ..."


def _is_plain(value: object) -> bool:
    if isinstance(value, int):
        return value.bit_length() < 100
    return value is None or isinstance(value, float | str)
