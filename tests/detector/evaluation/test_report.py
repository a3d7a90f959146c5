"""Tables and plain data of each protocol."""

from __future__ import annotations

import json

from rich.console import Console

from detector.data.visdrone import CLASS_NAMES
from detector.evaluation.html import html_table, versions
from detector.evaluation.protocol import Protocol
from detector.evaluation.report import Sheet, as_json, make_sheet, rich_table
from detector.evaluation.scoring import Result, counted, evaluate
from tests.detector.evaluation.scenes import found, labelled

A, B = [10, 10, 30, 30], [100, 100, 120, 120]
TRUTH = [labelled([A, B], [0, 1], ignore=[[200, 200, 300, 300]])]
FOUND = [found([A, [210, 210, 220, 220]], [0.9, 0.8])]


def measured(protocol: Protocol, names: tuple[str, ...] = ("car", "van")) -> Result:
    return evaluate(protocol, TRUTH, FOUND, names)


def sheet(protocol: Protocol) -> Sheet:
    return make_sheet(measured(protocol), "toy, all", "by hand")


def test_rows_of_each_protocol() -> None:
    coco, visdrone, uavdt = (sheet(protocol) for protocol in Protocol)
    car = ("car", "1", "500", "100.0", "100.0", "100.0", "100.0", "-", "-", "100.0")
    assert coco.rows[0] == car
    assert [row[2] for row in coco.totals] == ["500", "100"]
    assert visdrone.rows[1] == ("van", "1", "1", "500", *["0.0"] * 7)
    assert visdrone.totals == (("all", "2", "2", "500", *["50.0"] * 7),)
    assert (uavdt.rows, uavdt.totals) == ((), (("vehicle", "2", "1", "all", "50.0"),))
    for one in (coco, visdrone, uavdt):
        assert one.title.startswith("toy, all, 1 images, ")
        assert one.notes[0] == "by hand"
        assert {len(row) for row in (*one.rows, *one.totals)} == {len(one.columns)}


def test_visdrones_own_classes_carry_no_warning() -> None:
    def warns(names: tuple[str, ...]) -> bool:
        notes = make_sheet(measured(Protocol.VISDRONE, names), "s", "h").notes
        return any("no official figure compares" in note for note in notes)

    assert not warns(CLASS_NAMES)
    assert not warns(CLASS_NAMES[:-1])
    assert warns(CLASS_NAMES[1:])


def test_plain_data_has_no_nan() -> None:
    for protocol in Protocol:
        figures = as_json(evaluate(protocol, [labelled([])], FOUND, ("car",)), "toy")
        assert (figures["protocol"], figures["split"]) == (protocol, "toy")
        json.dumps(figures, allow_nan=False)
        assert "curves" not in figures


def test_terminal_and_html_show_every_cell() -> None:
    table = Sheet("a <title>", ("class", "AP"), (("car & van", "12.5"),), (("all", "-"),), ("n",))
    page = html_table(table)
    for text in ("a &lt;title&gt;", "<th>AP</th>", "<td>car &amp; van</td><td>12.5</td>"):
        assert text in page
    assert '<tr class="total"><td>all</td><td>-</td></tr>' in page
    console = Console(width=80)
    with console.capture() as printed:
        console.print(rich_table(table))
    shown = printed.get()
    assert all(text in shown for text in ("class", "car & van", "12.5", "all"))


def test_what_each_protocol_looks_at() -> None:
    expected = {"coco": (1, 2), "visdrone": (1, 1), "uavdt": (0, 1)}
    for protocol in Protocol:
        truth, detections, names = counted(protocol, TRUTH, FOUND, ("car", "van"))
        assert (len(truth[0].ignore), len(detections[0])) == expected[protocol]
        assert names == (("vehicle",) if protocol is Protocol.UAVDT else ("car", "van"))


def test_versions_name_what_decides_the_figures() -> None:
    assert {"python", "numpy", "torch", "hotcoco"} <= set(versions())
