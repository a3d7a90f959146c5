"""`python -m detector.train` on a data set of a few painted images."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from detector.model.checkpoint import load_checkpoint, save_checkpoint
from detector.train import app, load_train_config
from detector.training import trainer
from detector.training.anchors import best_possible_recall
from tests.detector.networks import network

ROOT = Path(__file__).resolve().parents[2]

RUN = """\
network: tph-yolov5pp-n
class_names: [car, bus]
train: [{data: toy.yaml, flights: [a], scale: [0.8, 1.25], cache: true}]
validation: [{data: toy.yaml, flights: [b]}]
image_px: 64
batch: 2
steps: 4
warmup_steps: 2
evaluate_every: 2
learning_rate: 0.001
augment: {mosaic: 0.3}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A training file beside its data: three images to learn from, one to measure on."""
    rng = np.random.default_rng(0)
    for name in ("images", "labels"):
        (tmp_path / "toy" / name).mkdir(parents=True)
    (tmp_path / "toy" / "names.txt").write_text("car\nbus\n")
    for name in ("a0", "a1", "a2", "b0"):
        image = rng.integers(0, 60, (80, 96, 3)).astype(np.uint8)
        rows = []
        for class_id, (x, y) in enumerate([(6, 8), (50, 8), (6, 44), (50, 44)]):
            w, h = rng.integers(8, 32, 2).tolist()
            image[y : y + h, x : x + w, class_id % 2] = 255
            centre = ((x + w / 2) / 96, (y + h / 2) / 80, w / 96, h / 80)
            rows.append(" ".join(map(str, (class_id % 2, *centre))))
        cv2.imwrite(str(tmp_path / "toy" / "images" / f"{name}.png"), image)
        (tmp_path / "toy" / "labels" / f"{name}.txt").write_text("\n".join(rows))
    (tmp_path / "toy.yaml").write_text(
        "format: yolo\nimages: images\nlabels: labels\nnames: names.txt\n"
        "flights: {a: [a*], b: [b*]}\n"
    )
    path = tmp_path / "run.yaml"
    path.write_text(RUN)
    return path


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], config: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command and gives its exit code and what it wrote to the error stream."""
    monkeypatch.setattr(trainer, "ANCHOR_VIEWS", 40)

    def call(output: Path, *more: object) -> tuple[int, str]:
        root = f"toy={config.parent / 'toy'}"
        arguments = (config, "--output", output, "--root", root, *more)
        with pytest.raises(SystemExit) as end:
            app([str(argument) for argument in arguments])
        out, error = capsys.readouterr()
        assert out == ""
        return int(end.value.code or 0), error

    return call


@pytest.mark.slow
def test_a_run_leaves_weights_a_log_and_its_settings(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "deep" / "out"
    assert run(folder)[0] == 0
    assert {path.name for path in folder.iterdir()} >= {
        "config.json", "last.safetensors", "state.pt", "log.jsonl"
    }  # fmt: skip
    assert not list(folder.glob("*.partial"))
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [2, 4]
    assert all(0 <= line["AP50"] <= 1 and "AP50 bus" in line for line in log)
    model = load_checkpoint(folder / "last.safetensors")
    assert (model.class_names, model.train_px, model.spec.form) == (("car", "bus"), 64, "corrected")
    anchors = model.anchors_px.reshape(9, 2).double().numpy()
    assert (np.diff(anchors.prod(1)) > 0).all()
    assert best_possible_recall(anchors, np.array([[8.0, 8.0], [31.0, 31.0]]), 3) == 1
    start = network(names=("car", "bus"))  # the seed of the run is 0 too
    assert not torch.equal(model.detect.predictors[1].weight, start.detect.predictors[1].weight)
    noted = json.loads((folder / "config.json").read_text())
    assert (noted["steps"], noted["train"][0]["scale"]) == (4, [0.8, 1.25])


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(whole)[0] == 0

    steps = []
    train_step = trainer.Trainer._train_step

    def dies_in_the_fourth_step(self: trainer.Trainer, *arguments: object) -> object:
        steps.append(self)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return train_step(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_train_step", dies_in_the_fourth_step)
        run(killed)
    assert len((killed / "log.jsonl").read_text().splitlines()) == 1
    assert run(killed, "--device", "cpu")[0] == 0
    assert (killed / "log.jsonl").read_text() == (whole / "log.jsonl").read_text()
    one, two = (load_file(folder / "last.safetensors") for folder in (whole, killed))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)
    # A finished run has nothing left to do.
    state = (whole / "state.pt").read_bytes()
    assert run(whole)[0] == 0
    assert (whole / "state.pt").read_bytes() == state


@pytest.mark.slow
def test_a_run_starts_from_weights_and_their_anchors(
    tmp_path: Path, config: Path, run: Run
) -> None:
    config.write_text(RUN.replace("learning_rate: 0.001", "learning_rate: 1.0e-12"))
    model = network(names=("car", "bus"), seed=5)
    model.anchors_px += 1
    save_checkpoint(tmp_path / "init.safetensors", model)
    assert run(tmp_path / "out", "--init", tmp_path / "init.safetensors")[0] == 0
    found = load_checkpoint(tmp_path / "out" / "last.safetensors")
    assert torch.equal(found.anchors_px, model.anchors_px)
    for one, two in zip(found.detect.predictors, model.detect.predictors, strict=True):
        assert torch.equal(one.weight, two.weight.half().float())
    assert found.train_px == 64

    other = tmp_path / "other.safetensors"
    for model, fault in (
        (network(names=("car", "truck")), 'class_names: ["car", "truck"] there, ["car", "bus"]'),
        (network("yolov5-n"), 'name: "yolov5-n" there, "tph-yolov5pp-n"'),
        (network(form="published"), 'form: "published" there, "corrected"'),
        (
            network(neighbourhood=(4, 4), names=("car", "bus")),
            "neighbourhood: [4, 4] there, [2, 2]",
        ),
    ):
        save_checkpoint(other, model)
        assert run(tmp_path / "out2", "--init", other) == (
            2,
            f"error: {other}: {fault} in the run; a run starts from weights of its own network\n",
        )


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
        f"error: {folder / 'config.json'}: batch: 2 there, 1 here; "
        "another run needs a folder of its own\n",
    )
    config.write_text(RUN + "workers: 1\n")
    assert run(folder)[0] == 0
    (folder / "state.pt").write_bytes(b"PK\x03\x04 cut")
    code, error = run(folder)
    assert code == 2
    assert error.startswith(f"error: {folder / 'state.pt'}: damaged, the run cannot go on from it")
    assert error.count("\n") == 1


def test_a_loss_that_explodes_ends_the_run(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "learning_rate", lambda *_: 1e30)
    code, error = run(tmp_path / "out")
    assert code == 2
    assert "the loss is (" in error
    assert error.endswith("; lower `learning_rate`\n")
    assert not (tmp_path / "out" / "best.safetensors").exists()


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
            "nowhere.safetensors: cannot be read as safetensors: "
            "No such file or directory: nowhere.safetensors",
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
        ("batch: 2", "batchs: 2", "batchs: unknown key"),
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
            "train.0.scale: the smallest factor comes first, found [1.25, 0.8]",
        ),
        (RUN, "- 1", "the file: should be an object, found [1]"),
        ("[a]", "[a, c]", "toy: no flight 'c' in this data set; it has a, b"),
        ("flights: [b]", "flights: [b, a]", "toy/images/a0.png is in both `train` and `valid"),
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


def test_an_output_that_is_a_file_is_named(config: Path, run: Run) -> None:
    assert run(config) == (2, f"error: --output {config}: cannot be made: File exists\n")


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
    for module in ("evaluation.coco", "evaluation.run", "training.evaluation"):
        monkeypatch.delitem(sys.modules, f"detector.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "hotcoco", None)
    assert run(tmp_path / "out") == (
        2,
        "error: hotcoco is not installed; the extra `eval` brings it\n",
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
