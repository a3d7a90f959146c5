from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from tests.tracking.evaluation.moving import rows
from tracking.evaluation.report import as_json, tables
from tracking.evaluation.rows import Protocol, Truth
from tracking.evaluation.run import Evaluation, evaluate_sequences


@pytest.fixture
def result() -> Evaluation:
    """A car found in one of two frames, and a sequence with nothing."""
    car = rows((1, 1, 0), (2, 1, 0), classes=[1, 1])
    nothing = rows()
    return evaluate_sequences(
        [("flight", Truth(car, 2), car[:1]), ("empty", Truth(nothing, 2), nothing)],
        Protocol("by hand", {1: "car", 2: "bus"}),
        {"night": ["flight"]},
    )


def _lines(result: Evaluation, *, per_class: bool) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=140)
    for table in tables(result, per_class=per_class):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [line.split() for line in console.file.getvalue().splitlines() if line.strip()]


def test_rows_of_the_tables(result: Evaluation) -> None:
    lines = _lines(result, per_class=False)
    # HOTA DetA AssA LocA, MOTA MOTP, IDF1 IDP IDR, IDSW Frag MT PT ML FP FN GT tracks
    figures = "50.0 50.0 50.0 100.0 50.0 100.0 66.7 100.0 50.0 0 0 0 1 0 0 1 1 1"
    none = " ".join([*"-" * 9, *"0" * 9])
    named = {line[0]: " ".join(line[1:]) for line in lines}
    assert named["flight"] == named["overall"] == named["car"] == named["night"] == figures
    assert named["empty"] == named["bus"] == none
    assert named["by"] == "hand, percent"
    assert "flight car" not in [" ".join(line[:2]) for line in lines]
    starts = [" ".join(line[:2]) for line in _lines(result, per_class=True)]
    assert [s for s in starts if s.split()[-1] in {"car", "bus"}] == [
        "flight car",
        "flight bus",
        "empty car",
        "empty bus",
    ]


def test_json_has_every_figure(result: Evaluation) -> None:
    plain = json.loads(json.dumps(as_json(result), allow_nan=False))
    assert plain["protocol"] == "by hand"
    assert plain["overall"]["HOTA"] == pytest.approx(0.5)
    assert plain["sequences"]["empty"]["MOTA"] is None
    assert plain["sequences"]["flight"]["classes"]["car"]["FN"] == 1
    assert plain["classes"]["bus"]["IDF1"] is None
    assert plain["class_mean"]["IDF1"] == pytest.approx(2 / 3)
    assert plain["attributes"]["night"]["TP"] == 1
