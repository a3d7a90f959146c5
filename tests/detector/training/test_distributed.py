"""Two processes on a CPU train as one does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from detector.train import train
from detector.training import start, trainer
from detector.training.distributed import World, join_world
from tests.detector.toy import RUN, draw_no_curves, write_toy

ROOT = Path(__file__).resolve().parents[3]

CONFIG = (
    RUN.replace("batch: 2", "batch: 4\naccumulate: 2\nprecision: float32\npatience: 1")
    .replace("{name: adamw, learning_rate: 0.001}", "{name: sgd, learning_rate: 0.01}")
    .replace("steps: 4", "steps: 6")
)

SCRIPT = """\
import sys
import pytest
from torch import nn
from detector.train import app
from detector.training import start, trainer
from tests.detector.toy import draw_no_curves
from tests.detector.training.test_distributed import fixed_statistics
draw_no_curves(pytest.MonkeyPatch())
start.ANCHOR_VIEWS = 40
nn.BatchNorm2d.forward = fixed_statistics
trainer.fitness = lambda _: 0.0
app(sys.argv[1:])
"""


def fixed_statistics(self: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
    """Batch normalisation that does not look at the batch, which CPU processes do not share."""
    return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias)


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "ANCHOR_VIEWS", 40)
    monkeypatch.setattr(nn.BatchNorm2d, "forward", fixed_statistics)
    monkeypatch.setattr(trainer, "fitness", lambda _: 0.0)
    draw_no_curves(monkeypatch)
    write_toy(tmp_path).write_text(CONFIG)
    train(tmp_path / "run.yaml", {"toy": tmp_path / "toy"}, tmp_path / "one", device_name="cpu")

    (tmp_path / "script.py").write_text(SCRIPT)
    arguments = ["run.yaml", "--root=toy=toy", "--output=two", "--device=cpu"]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
         "script.py", *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    states = [
        torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("one", "two")
    ]
    # Without a better measurement both end after the second, at step 4.
    assert [state["step"] for state in states] == [4, 4]
    for part in ("model", "averaged"):
        for key, tensor in states[0][part].items():
            torch.testing.assert_close(states[1][part][key], tensor, rtol=1e-4, atol=1e-6)
    losses = [
        [
            [float(text) for text in line.split(",")[2:6]]
            for line in (tmp_path / name / "steps.csv").read_text().splitlines()[1:]
        ]
        for name in ("one", "two")
    ]
    torch.testing.assert_close(torch.tensor(losses[0]), torch.tensor(losses[1]))


def test_a_process_alone_needs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_world("cpu") as world:
        assert world == World(torch.device("cpu"), 0, 1)
        values = torch.ones(2, requires_grad=True)
        total = world.total(values)
        assert total.tolist() == [1, 1]
        assert not total.requires_grad


def test_processes_that_would_share_a_gpu_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with (
        pytest.raises(ValueError, match=r"^--device cuda:0: each process of torchrun"),
        join_world("cuda:0"),
    ):
        pass
