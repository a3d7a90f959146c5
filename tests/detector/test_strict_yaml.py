from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from detector.strict_yaml import MAX_BYTES, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("1e-3", 0.001),
        ("1.5e-3", 0.0015),
        (".5", 0.5),
        ("3.", 3.0),
        ("-3", -3),
        ("0", 0),
        ("no", False),
        ("True", True),
        ("~", None),
        ("null", None),
        ("cuda:0", "cuda:0"),
        ("'3'", "3"),
        ("[car, bus]", ["car", "bus"]),
        ("a: {b: [1, 2.5, x]}", {"a": {"b": [1, 2.5, "x"]}}),
        # Plain YAML 1.1 makes 90, a date, 7, infinity and a merge of these.
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("007", "007"),
        (".inf", ".inf"),
        ("1e400", "1e400"),
        ("9" * 5000, "9" * 5000),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
    ],
)
def test_scalars_are_plain_data(text: str, value: object) -> None:
    found = parse_yaml(text, "f.yaml")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml: line 3, column 1: key 'a' stands here twice"),
        ("x: {a: 1, a: 1}", "f.yaml: line 1, column 11: key 'a' stands here twice"),
        ("a: !!str 1", "f.yaml: line 1, column 4: tags are not taken, found tag:yaml.org,2002:str"),
        (
            "a: !!python/object/apply:os.system [x]",
            "f.yaml: line 1, column 4: tags are not taken, "
            "found tag:yaml.org,2002:python/object/apply:os.system",
        ),
        (
            "a: &b [x]\nc: *b",
            "f.yaml: line 1, column 4: anchors and aliases are not taken; write the value out",
        ),
        (
            "a: *b",
            "f.yaml: line 1, column 4: anchors and aliases are not taken; write the value out",
        ),
        ("[" * 17 + "]" * 17, "f.yaml: line 1, column 17: nested deeper than 16 levels"),
        ("[" * 60000, "f.yaml: line 1, column 17: nested deeper than 16 levels"),
        ("1: x", "f.yaml: line 1, column 1: keys are text; put this one in quotes"),
        ("? [a]\n: 1", "f.yaml: line 1, column 3: keys are text; put this one in quotes"),
        ("a: b: c", "f.yaml: line 1, column 5: mapping values are not allowed here"),
        ("--- a\n--- b", "f.yaml: line 2, column 1: but found another document"),
        (
            "a: \x00",
            "f.yaml: no YAML: unacceptable character #x0000: special characters are not allowed "
            'in "<unicode string>", position 3',
        ),
    ],
)
def test_all_else_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        parse_yaml(text, "f.yaml")
    assert str(caught.value) == message


def test_files_are_bounded_and_named(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9")
    assert read_yaml(path) == {"a": "é"}
    path.write_text("#" * MAX_BYTES)
    assert read_yaml(path) is None
    path.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(ValueError, match=r"run.yaml: more than 64 KiB"):
        read_yaml(path)
    path.write_bytes(b"a: \xff")
    with pytest.raises(ValueError, match=r"run.yaml: no UTF-8 text at byte 3"):
        read_yaml(path)
    with pytest.raises(ValueError, match=r"none.yaml: cannot be read: No such file"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        read_yaml(tmp_path)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(-1e17, 1e17, allow_nan=False).map(lambda x: round(x, 6))
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(plain)
def test_what_pyyaml_dumps_comes_back(value: object) -> None:
    assert parse_yaml(yaml.safe_dump(value), "f") == value


@given(st.text(max_size=60))
def test_any_text_gives_json_data_or_one_line(text: str) -> None:
    try:
        value = parse_yaml(text, "f")
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        json.dumps(value, allow_nan=False)
