"""`python -m detector.train` on a data set of a few painted images."""

from __future__ import annotations

import csv
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from detector.data.dataset import Batch
from detector.model.checkpoint import load_checkpoint, save_checkpoint
from detector.train import app
from detector.training import start
from detector.training.anchors import best_possible_recall
from detector.training.learner import Learner
from detector.training.run_file import load_train_config
from detector.training.schedule import Schedule
from tests.detector.networks import network
from tests.detector.toy import RUN, draw_no_curves, write_toy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A training file beside its data."""
    return write_toy(tmp_path)


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command and gives its exit code and what it wrote to the error stream."""
    monkeypatch.setattr(start, "ANCHOR_VIEWS", 40)
    draw_no_curves(monkeypatch)

    def call(output: Path, *more: object) -> tuple[int, str]:
        root = f"toy={config.parent / 'toy'}"
        arguments = (config, "--output", output, "--root", root, "--device", "cpu", *more)
        with pytest.raises(SystemExit) as end:
            app([str(argument) for argument in arguments])
        out, error = capsys.readouterr()
        assert out == ""
        return int(end.value.code or 0), error

    return call


@pytest.mark.slow
def test_a_run_leaves_weights_records_and_its_settings(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "deep" / "out"
    assert run(folder)[0] == 0
    assert {path.name for path in folder.iterdir()} >= {
        "config.yaml", "last.safetensors", "state.pt", "results.csv", "steps.csv"
    }  # fmt: skip
    assert not list(folder.glob("*.partial*"))
    with (folder / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4"]
    assert all(0 <= float(row["AP50"]) <= 1 and "AP50 bus" in row for row in rows)
    model = load_checkpoint(folder / "last.safetensors")
    assert (model.class_names, model.train_px, model.spec.form) == (("car", "bus"), 64, "corrected")
    anchors = model.anchors_px.reshape(9, 2).double().numpy()
    assert (np.diff(anchors.prod(1)) > 0).all()
    assert best_possible_recall(anchors, np.array([[8.0, 8.0], [31.0, 31.0]]), 3) == 1
    start = network(names=("car", "bus"))  # the seed of the run is 0 too
    assert not torch.equal(model.detect.predictors[1].weight, start.detect.predictors[1].weight)
    noted = load_train_config(folder / "config.yaml")
    assert (noted.steps, noted.train[0].scale) == (4, (0.8, 1.25))
    assert (folder / noted.train[0].data).resolve() == folder.parents[1] / "toy.yaml"


@pytest.mark.slow
def test_a_run_starts_from_weights_and_their_anchors(
    tmp_path: Path, config: Path, run: Run
) -> None:
    config.write_text(RUN.replace("learning_rate: 0.001", "learning_rate: 1.0e-12"))
    model = network(names=("car", "bus"), seed=5)
    model.anchors_px += 1
    save_checkpoint(tmp_path / "init.safetensors", model)
    code, error = run(tmp_path / "out", "--init", tmp_path / "init.safetensors")
    assert code == 0
    count = len(list(model.parameters())) + 2 * sum(
        isinstance(module, torch.nn.BatchNorm2d) for module in model.modules()
    )
    assert f"init: {count} of {count} tensors taken from " in error
    found = load_checkpoint(tmp_path / "out" / "last.safetensors")
    assert torch.equal(found.anchors_px, model.anchors_px)
    for one, two in zip(found.detect.predictors, model.detect.predictors, strict=True):
        assert torch.equal(one.weight, two.weight.half().float())
    assert found.train_px == 64
    # The noted settings say where it started, so they run again without the option.
    noted = load_train_config(tmp_path / "out" / "config.yaml")
    assert noted.init == "../init.safetensors"


@pytest.mark.slow
def test_a_network_of_four_heads_is_trained(tmp_path: Path, config: Path, run: Run) -> None:
    config.write_text(
        RUN.replace("tph-yolov5pp-n", "tph-yolov5-swin-cbam-n") + "anchors_per_head: 2\n"
    )
    assert run(tmp_path / "out")[0] == 0
    model = load_checkpoint(tmp_path / "out" / "last.safetensors")
    assert model.spec.name == "tph-yolov5-swin-cbam-n"
    assert model.anchors_px.shape == (4, 2, 2)
    assert (model.anchors_px.flatten(0, 1).prod(1).diff() > 0).all()


@pytest.mark.slow
def test_another_run_in_the_folder_is_refused(tmp_path: Path, config: Path, run: Run) -> None:
    folder = tmp_path / "out"
    assert run(folder)[0] == 0
    config.write_text(RUN.replace("batch: 2", "batch: 1"))
    assert run(folder) == (
        2,
        f"error: {folder / 'config.yaml'}: batch: 2 there, 1 here; "
        "another run needs a folder of its own\n",
    )
    config.write_text(RUN + "workers: 1\n")
    state = (folder / "state.pt").read_bytes()
    code, error = run(folder)
    assert (code, error) == (0, "goes on after step 4 of 4\n")
    # A finished run has nothing left to do.
    assert (folder / "state.pt").read_bytes() == state
    for damaged in (b"PK\x03\x04 cut", b"abc", b""):
        (folder / "state.pt").write_bytes(damaged)
        code, error = run(folder)
        assert code == 2
        start = f"error: {folder / 'state.pt'}: damaged, the run cannot go on from it: "
        assert error.startswith(start)
        assert error.endswith("; a new run needs a folder of its own\n")
        assert error.count("\n") == 1
    for content in ([1], {"format": 1}):
        torch.save(content, folder / "state.pt")
        code, error = run(folder)
        assert (code, error) == (
            2,
            f"error: {folder / 'state.pt'}: of another version of this program, which alone can "
            "go on from it; a new run needs a folder of its own\n",
        )
    (folder / "config.yaml").unlink()
    code, error = run(folder)
    assert code == 2
    assert error.startswith(f"error: {folder / 'config.yaml'}: missing, so that nothing says which")


def test_a_loss_that_explodes_ends_the_run(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Schedule, "learning_rate", lambda *_: 1e30)
    code, error = run(tmp_path / "out")
    assert code == 2
    assert "the loss is (" in error
    assert error.endswith("; lower `optimizer.learning_rate`\n")
    assert not (tmp_path / "out" / "best.safetensors").exists()


def test_a_run_that_is_stopped_says_how_it_goes_on(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = Learner.learn

    def learn_and_ask(self: Learner, batch: Batch, step: int) -> torch.Tensor:
        signal.raise_signal(signal.SIGTERM)
        return learn(self, batch, step)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "learn", learn_and_ask)
        code, error = run(tmp_path / "out")
    assert code == 128 + signal.SIGTERM
    assert error.endswith(
        "views\nstopped and saved after step 1 of 4\nthe same command goes on from there\n"
    )
    code, error = run(tmp_path / "out")
    assert code == 0
    assert error.startswith("goes on after step 1 of 4\n")


def test_a_gpu_that_is_too_small_is_named(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: object) -> None:
        raise torch.OutOfMemoryError("a long text")

    monkeypatch.setattr(Learner, "learn", too_large)
    code, error = run(tmp_path / "out")
    assert code == 2
    assert error == (
        "fits anchors to the boxes of 40 views\n"
        "error: cpu: out of memory; lower `batch` and raise `accumulate`, or lower `image_px`\n"
    )


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--root", "toy"], "--root toy: expected NAME=DIR"),
        (["--root", "toy=nowhere"], "nowhere: no such folder; --root is the data set's folder"),
        (["--device", "gpu"], "--device gpu: expected auto, cpu or cuda:N"),
        (
            ["--device", "cuda:99"],
            f"device cuda:99: torch sees {torch.cuda.device_count()} CUDA devices here; give "
            "cuda:N with N below that, cpu or auto",
        ),
        (
            ["--init", "nowhere.safetensors"],
            f"{Path('nowhere.safetensors').resolve()}: cannot be read as safetensors: "
            f"No such file or directory: {Path('nowhere.safetensors').resolve()}",
        ),
    ],
)
def test_wrong_options_are_one_line_and_exit_2(
    tmp_path: Path, run: Run, arguments: list[str], fault: str
) -> None:
    assert run(tmp_path / "out", *arguments) == (2, f"error: {fault}\n")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("batch: 2", "batch: 2\nbatch: 3", "line 7, column 1: key 'batch' stands here twice"),
        ("batch: 2", "batch: '2'", 'batch: should be a valid integer, found "2"'),
        ("batch: 2", "batchs: 2", "batchs: unknown key; the config takes network, class_names, "),
        ("name: adamw", "name: lamb", "optimizer.name: found 'lamb'; choose adamw, adam, sgd"),
        (
            "name: adamw",
            "name: sgd, nesterov: 1",
            "optimizer.nesterov: unknown key; sgd takes name, ",
        ),
        ("steps: 4\n", "", "the file: steps, epochs: give the length of the run in one of them"),
        ("network: tph-yolov5pp-n\n", "", "network: missing"),
        (
            "tph-yolov5pp-n",
            "yolov9-n",
            "network: 'yolov9-n' is no network; a name is one of yolov5, ",
        ),
        ("mosaic: 0.3", "mosaic: 2", "augment.mosaic: should be less than or equal to 1, found 2"),
        (
            "[0.8, 1.25]",
            "[1.25, 0.8]",
            "train.0.scale: the smallest factor comes first",
        ),
        (RUN, "- 1", "the file: should be a section with keys, found [1]"),
        ("[a]", "[a, c]", "toy: no flight 'c' in this data set; it has a, b"),
        ("flights: [b]", "flights: [b, a]", "toy/images/a0.png is in both `train` and `valid"),
        ("flights: [a]", "flights: []", "train: toy.yaml: no image to learn from"),
        ("[car, bus]", "[car, bus, car]", "the file: class_names: 'car' stands there twice"),
        (
            "mosaic: 0.3",
            "mosaic_form: published, squash: 0.1",
            "augment: squash: the published form of the mosaic has none",
        ),
        ("batch: 2", "batch: 2\nsteps: 3", "line 8, column 1: key 'steps' stands here twice"),
    ],
)
def test_wrong_settings_are_one_line_and_exit_2(
    tmp_path: Path, config: Path, run: Run, *, old: str, new: str, fault: str
) -> None:
    assert old in RUN
    config.write_text(RUN.replace(old, new, 1))
    code, error = run(tmp_path / "out")
    assert code == 2
    assert error.startswith(f"error: {config}: ")
    assert fault in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_named(
    tmp_path: Path, config: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(config) == (2, f"error: --output {config}: cannot be written: File exists\n")
    (tmp_path / "out" / "config.partial.yaml").mkdir(parents=True)
    fault = f"error: --output {tmp_path / 'out'}: cannot be written: Is a directory\n"
    assert run(tmp_path / "out") == (2, fault)

    def full(*_: object) -> None:
        raise RuntimeError("PytorchStreamWriter failed\nin a long story")

    monkeypatch.setattr(torch, "save", full)
    code, error = run(tmp_path / "other")
    assert code == 2
    assert error.endswith(
        f"error: {tmp_path / 'other' / 'state.pt'}: cannot be written: PytorchStreamWriter failed; "
        "the same command goes on from the last checkpoint\n"
    )


def test_a_warm_up_longer_than_the_run_is_said(
    tmp_path: Path, config: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ValueError("enough")

    monkeypatch.setattr(Learner, "learn", fails)
    config.write_text(RUN.replace("steps: 4\nwarmup_steps: 2", "steps: 3\nwarmup_steps: 4"))
    code, error = run(tmp_path / "out")
    assert code == 2
    assert error.startswith("the warm-up takes 4 steps, the run only 3: ")


def test_nothing_to_learn_is_said_before_the_first_step(
    tmp_path: Path, config: Path, run: Run
) -> None:
    for name in ("a0", "a1", "a2"):
        (config.parent / "toy" / "labels" / f"{name}.txt").write_text("")
    assert run(tmp_path / "out") == (2, f"error: {config}: train: no object to learn\n")


def test_nothing_to_measure_on_is_said_before_the_first_step(
    tmp_path: Path, config: Path, run: Run
) -> None:
    (config.parent / "toy" / "labels" / "b0.txt").write_text("")
    assert run(tmp_path / "out") == (
        2,
        f"error: {config}: validation: no object to measure on\n",
    )


def test_without_hotcoco_the_extra_is_named(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("evaluation.coco", "evaluation.run", "training.evaluation", "training.trainer"):
        monkeypatch.delitem(sys.modules, f"detector.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "hotcoco", None)
    assert run(tmp_path / "out") == (
        2,
        "error: hotcoco is not installed; the extra `train` brings it\n",
    )


def test_debug_shows_the_traceback(config: Path) -> None:
    with pytest.raises(ValueError, match=r"^--device gpu"):
        app([str(config), "--output", "x", "--device", "gpu", "--debug"])


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs/train").glob("*.yaml")), ids=lambda p: p.name
)
def test_the_project_s_own_runs_load(path: Path) -> None:
    config = load_train_config(path)
    for source in (*config.train, *config.validation):
        assert (path.parent / source.data).is_file()
