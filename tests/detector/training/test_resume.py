"""A run that is killed or stopped ends with the same bits as one that is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from detector import train as command
from detector.data.annotations import LabelledImage
from detector.data.dataset import Batch
from detector.data.views_config import SourceConfig
from detector.training import learner, start, trainer
from detector.training.config import TrainConfig
from detector.training.loss_config import LossConfig
from tests.detector.toy import RUN, draw_no_curves, write_toy

ROOT = Path(__file__).resolve().parents[3]

# Dropout draws from torch's generator; gradients of an odd batch wait for the next.
DROPS = (
    RUN.replace("tph-yolov5pp-n", "tph-yolov5-vit-cbam-n")
    .replace("batch: 2", "batch: 1\naccumulate: 2\nsave_every_s: 0")
    .replace("warmup_steps: 2", "warmup_steps: 0")
    .replace("steps: 4", "steps: 5")
    .replace("evaluate_every: 2", "evaluate_every: 3")
    .replace("{name: adamw, learning_rate: 0.001}", "{name: sgd, learning_rate: 0.001}")
)

KILLED = """\
import os, signal, sys
from pathlib import Path
import pytest
from detector.training import start, state, trainer
from detector.train import train
from tests.detector.toy import draw_no_curves
start.ANCHOR_VIEWS = 40
draw_no_curves(pytest.MonkeyPatch())
folder = Path(sys.argv[1])

def run_and_die(module, name, nth, before):
    kept, calls = getattr(module, name), []
    def dies(*arguments, **options):
        calls.append(1)
        if len(calls) == nth:
            before(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        return kept(*arguments, **options)
    setattr(module, name, dies)
    roots = {"toy": folder / "toy"}
    train(folder / "run.yaml", roots, folder / "killed", device_name="cpu")

for death in (
    # After the third step, whose gradients wait for the fourth, when it is being measured.
    (trainer, "fitness", 1, lambda *_: None),
    # In the middle of writing the state after the fourth.
    (state.torch, "save", 2, lambda _, path: path.write_bytes(b"PK")),
):
    # Forked before anything is computed: the packages load once.
    child = os.fork()
    if not child:
        run_and_die(*death)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
"""


def run(folder: Path, output: Path) -> int:
    roots = {"toy": folder / "toy"}
    return command.train(folder / "run.yaml", roots, output, device_name="cpu")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(start, "ANCHOR_VIEWS", 40)
    draw_no_curves(monkeypatch)
    write_toy(tmp_path).write_text(DROPS)
    return tmp_path


def assert_same_run(one: Path, two: Path) -> None:
    """All but speed and memory."""
    for name in ("last.safetensors", "best.safetensors"):
        first, second = load_file(one / name), load_file(two / name)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first)
    states = [torch.load(folder / "state.pt", weights_only=True) for folder in (one, two)]
    for part in ("model", "averaged", "gradients"):
        first, second = (state.pop(part) for state in states)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first)
    assert str(states[0].pop("optimizer")) == str(states[1].pop("optimizer"))
    assert states[0] == states[1]
    assert (one / "results.csv").read_text() == (two / "results.csv").read_text()
    steps = [
        [line.split(",")[:6] for line in (folder / "steps.csv").read_text().splitlines()]
        for folder in (one, two)
    ]
    assert steps[0] == steps[1]


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_with_the_same_bits(toy: Path) -> None:
    run(toy, toy / "whole")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(toy)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())},
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert run(toy, toy / "killed") == 0
    assert_same_run(toy / "whole", toy / "killed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_ends_the_run(
    toy: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    (toy / "run.yaml").write_text(RUN)
    learn = learner.Learner.learn
    asked: list[int] = []

    def learn_and_ask(self: learner.Learner, batch: Batch, step: int) -> torch.Tensor:
        if not asked:
            asked.append(step)
            signal.raise_signal(number)
        return learn(self, batch, step)

    before = signal.getsignal(number)
    monkeypatch.setattr(learner.Learner, "learn", learn_and_ask)
    assert run(toy, toy / "out") == number
    assert signal.getsignal(number) is before
    state = torch.load(toy / "out" / "state.pt", weights_only=True)
    assert (state["step"], state["measured"]) == (1, True)


@pytest.mark.slow
def test_a_measurement_that_is_stopped_is_made_at_the_next_start(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (toy / "run.yaml").write_text(RUN.replace("evaluate_every: 2", "evaluate_every: 3"))
    run(toy, toy / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "fitness", lambda _: signal.raise_signal(signal.SIGTERM))
        assert run(toy, toy / "stopped") == signal.SIGTERM
    assert (toy / "stopped" / "results.csv").exists() is False
    assert run(toy, toy / "stopped") == 0
    assert_same_run(toy / "whole", toy / "stopped")


@pytest.mark.slow
def test_the_noted_settings_run_again_to_the_same_bits(toy: Path) -> None:
    """With every part of the published recipe that is no default."""
    text = RUN.replace("steps: 4\nwarmup_steps: 2", "epochs: 2\nwarmup_steps: 1").replace(
        "evaluate_every: 2\noptimizer: {name: adamw, learning_rate: 0.001}",
        "optimizer: {name: adam}\naccumulate: 2\nclip_norm: null\n"
        "loss: {class_weights: frequency, focal: {}, scale_gains: true}",
    )
    (toy / "run.yaml").write_text(text)
    assert run(toy, toy / "out") == 0
    again = toy / "deep" / "again"
    config, roots = toy / "out" / "config.yaml", {"toy": toy / "toy"}
    assert command.train(config, roots, again, device_name="cpu") == 0
    assert_same_run(toy / "out", again)
    # Three images in batches of two: an epoch is two steps, a measurement follows each.
    rows = (again / "results.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["2", "4"]


def test_frequencies_are_those_of_the_data_sets_by_their_shares() -> None:
    def image(*class_ids: int) -> LabelledImage:
        boxes = np.tile(np.array([[0, 0, 9, 9]], np.float32), (len(class_ids), 1))
        return LabelledImage(Path("x"), (10, 10), boxes, np.array(class_ids, np.int64))

    config = TrainConfig(
        network="yolov5-n",
        class_names=("car", "bus"),
        train=(SourceConfig("a.yaml", share=1.0), SourceConfig("b.yaml", share=2.0)),
        validation=(SourceConfig("c.yaml"),),
        steps=1,
        loss=LossConfig(class_weights="frequency"),
    )
    images = [[image(0, 0, 0), image(0, 1)], [image(1), image(), image(0), image()]]
    # Cars 1/2 * 4 + 2/4 * 1 = 2.5, buses 1/2 + 1/2 = 1.
    weights = command._effective_loss(config, images).class_weights
    assert weights == pytest.approx((1.75 / 2.5, 1.75))
