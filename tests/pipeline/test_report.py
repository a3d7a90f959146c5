from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.batch import Outcome
from pipeline.errors import InputError
from pipeline.report import score_table, summary_table
from pipeline.score import Score
from pipeline.sinks.counts import ClassTotals
from pipeline.sinks.summary import InputSummary, Summary


def rows(table: Table) -> list[list[str]]:
    """The cells of each row as they are printed."""
    console = Console(width=200)
    with console.capture() as captured:
        console.print(table)
    lines = [line for line in captured.get().splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def test_each_source_has_its_row() -> None:
    summary = Summary(
        status="complete",
        input=InputSummary("a.mp4", 64, 48, 25.0, 300, 12.0),
        frames_per_second=8.25,
        counts={"car": ClassTotals(9, 99, 7), "[bus]": ClassTotals(0, 0, 0)},
        lost=["2 frames not decoded, first at 1.000 s"],
        outputs=[],
        timings={},
        versions={},
        seeds={},
    )
    outcomes = [
        Outcome("a", Path("runs/a"), summary),
        Outcome("b", Path("runs/b"), error=InputError("cut off")),
    ]
    assert rows(summary_table(outcomes)) == [
        ["a", "300", "8.2", "car 7, [bus] 0", "2 frames not decoded, first at 1.000 s", "runs/a"],
        ["b", "-", "-", "failed", "-", "runs/b"],
    ]


def test_scores_that_are_no_number_are_dashes() -> None:
    scores = [
        Score("car", 5, 4, 6, 0.8125, 0.95, 1),
        Score("bus", 0, 0, 0, float("nan"), float("nan"), 0),
    ]
    assert rows(score_table(scores)) == [
        ["car", "5", "4", "6", "0.812", "0.950", "1"],
        ["bus", "0", "0", "0", "-", "-", "0"],
    ]
