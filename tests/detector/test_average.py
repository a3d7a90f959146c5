from __future__ import annotations

from pathlib import Path

import pytest
import torch

from detector.average import app, average
from detector.model.checkpoint import load_checkpoint, save_checkpoint
from tests.detector.networks import network


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        app([str(argument) for argument in arguments])
    return int(end.value.code or 0)


def test_every_weight_and_statistic_is_the_mean(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.safetensors" for name in "abc"]
    models = [network(seed=seed) for seed in range(3)]
    for number, (path, model) in enumerate(zip(paths, models, strict=True)):
        norm = model.backbone.get_submodule("stem.bn")
        assert isinstance(norm, torch.nn.BatchNorm2d)
        assert norm.running_mean is not None
        norm.running_mean.fill_(number)
        save_checkpoint(path, model)
    assert run(*paths, "--output", tmp_path / "mean.safetensors") == 0
    mean = load_checkpoint(tmp_path / "mean.safetensors").state_dict()
    states = [load_checkpoint(path).state_dict() for path in paths]
    for key, value in mean.items():
        expected = sum(state[key].double() for state in states) / 3
        torch.testing.assert_close(value.double(), expected, atol=1e-3, rtol=1e-3)
    assert (mean["backbone.stem.bn.running_mean"] == 1).all()


def test_others_than_trained_from_one_start_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = network(names=("car",)), network(names=("bus",))
    with pytest.raises(ValueError, match="b: tph-yolov5pp-n of bus, but a is tph-yolov5pp-n of"):
        average(["a", "b"], [one, other])
    moved = network(names=("car",))
    moved.anchors_px += 1
    with pytest.raises(ValueError, match="b: other anchors than a"):
        average(["a", "b"], [one, moved])
    assert run("default", "--output", tmp_path / "a.safetensors") == 2
    assert capsys.readouterr().err == "error: default: a mean takes two files or more\n"
