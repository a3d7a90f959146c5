"""The tables of a run: exact numbers, nothing twice after a kill, broken files named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.training.progress import Progress
from detector.training.tables import STEP_COLUMNS, ResultTable, StepTable

HEAD = "step,epoch,box,objectness,classification,learning_rate,images_per_s,memory_mb,waited_share"


def progress(step: int) -> Progress:
    return Progress(
        step=step,
        epoch=step / 3,
        loss=(0.1 * step, 1e-7 / 3, 2.0),
        learning_rate=0.001,
        images_per_s=100 + step,
        memory_mb=float("nan"),
        waited_share=0.25,
        eta_s=1,
    )


def test_a_row_for_each_step_of_the_same_numbers(tmp_path: Path) -> None:
    table = StepTable(tmp_path / "steps.csv", 0)
    assert all(len(column) == 0 for column in table.numbers().values())
    for step in range(1, 4):
        table.append(progress(step))
    table.flush()
    lines = (tmp_path / "steps.csv").read_text().splitlines()
    assert lines[:2] == [HEAD, "1,0.333333,0.1,3.33333e-08,2,0.001,101,nan,0.25"]
    assert len(lines) == 4
    numbers = table.numbers()
    assert tuple(numbers) == STEP_COLUMNS
    np.testing.assert_array_equal(numbers["epoch"], [0.333333, 0.666667, 1])
    np.testing.assert_array_equal(table.numbers(since=1)["step"], [2, 3])
    assert len(table.numbers(since=3)["box"]) == 0


@pytest.mark.parametrize("torn", ["", "8,0", "8", "8,2.66667,0.8,3.33333e-08,2,0.001,1"])
def test_a_killed_run_goes_on_with_the_same_rows(tmp_path: Path, torn: str) -> None:
    whole, killed = StepTable(tmp_path / "whole.csv", 0), StepTable(tmp_path / "killed.csv", 0)
    for step in range(1, 11):
        whole.append(progress(step))
    for step in range(1, 8):
        killed.append(progress(step))
    whole.flush()
    killed.flush()
    with (tmp_path / "killed.csv").open("a") as file:
        file.write(torn)
    again = StepTable(tmp_path / "killed.csv", 5)
    for step in range(6, 11):
        again.append(progress(step))
    again.flush()
    assert (tmp_path / "killed.csv").read_text() == (tmp_path / "whole.csv").read_text()
    for name, column in whole.numbers().items():
        np.testing.assert_array_equal(again.numbers()[name], column)


def test_large_step_numbers_are_whole(tmp_path: Path) -> None:
    table = StepTable(tmp_path / "steps.csv", 0)
    table.append(progress(12_345_678))
    table.flush()
    assert (tmp_path / "steps.csv").read_text().splitlines()[1].startswith("12345678,")
    assert StepTable(tmp_path / "steps.csv", 12_345_678).numbers()["step"] == [12_345_678]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("step,loss\n1,2\n", f"line 1: expected the columns {HEAD}"),
        (f"{HEAD}\n1,2\n2,2\n", "line 2: expected 9 numbers"),
        (f"{HEAD}\n1,2,3,4,5,6,7,8,9\n2,2,3,x,5,6,7,8,9\n", "line 3: expected 9 numbers"),
    ],
)
def test_another_table_of_steps_is_named(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "steps.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^{path}: {fault}$"):
        StepTable(path, 5)


def test_a_row_for_each_measurement(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    table = ResultTable(path, 0)
    assert not path.exists()
    table.append({"step": 5, "AP": 0.25})
    table.append({"step": 10, "AP": 0.5, "AP50 größer, weit": 0.1})
    assert path.read_text(encoding="utf-8") == (
        'step,AP,"AP50 größer, weit"\n5,0.25,\n10,0.5,0.1\n'
    )
    assert ResultTable(path, 12).rows == table.rows
    # Behind step 9 the run starts again, with other validation images.
    again = ResultTable(path, 9)
    again.append({"step": 10, "AP": 0.75})
    assert path.read_text() == "step,AP\n5,0.25\n10,0.75\n"
    assert ResultTable(path, 0).rows == []
    assert path.read_text() == "step\n"


@pytest.mark.parametrize("text", ["step,AP\n1,x\n", "AP\n0.5\n", "step,AP\nx,0.5\n"])
def test_another_table_of_results_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^{path}: line 2: expected a number in each column$"):
        ResultTable(path, 5)
