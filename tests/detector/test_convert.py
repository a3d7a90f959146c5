from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError, safe_open
from typer.testing import CliRunner

from detector.convert import app
from detector.model.checkpoint import load_checkpoint
from tests.detector.model.published.pt_files import checkpoint, network, published_model, save


def run(*args: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def source(tmp_path: Path) -> Path:
    net = network("tph-yolov5pp", width=0.25)
    return save(tmp_path / "best.pt", checkpoint(published_model(net)), device="cuda:0")


def test_the_file_holds_the_network(tmp_path: Path, source: Path) -> None:
    code, out, err = run(source, tmp_path / "out.safetensors", "--train-px", 1024)
    assert (code, err) == (0, "")
    expected = network("tph-yolov5pp", width=0.25)
    found = load_checkpoint(tmp_path / "out.safetensors")
    assert (found.spec.name, found.spec.form) == ("tph-yolov5pp-n", "published")
    assert (found.train_px, found.class_names) == (1024, expected.class_names)
    for key, tensor in expected.state_dict().items():
        assert torch.equal(found.state_dict()[key], tensor), key
    with safe_open(tmp_path / "out.safetensors", framework="pt") as file:
        assert file.metadata()["source"] == "best.pt"
    lines = out.splitlines()
    assert lines[0] == "network: tph-yolov5pp-n, published form (depth 0.33, width 0.25)"
    assert lines[1] == "classes: 3: class 0, class 1, class 2"
    assert lines[2].startswith("anchors: stride 8: ")
    assert lines[3] == f"parameters: {sum(p.numel() for p in expected.parameters()):,}"
    assert lines[4:7] == [
        "train_px: 1024 (not in the file)",
        "weights: the file's entry 'model'",
        "ignored: epoch, best_fitness, date",
    ]
    assert lines[7] == f"wrote {tmp_path / 'out.safetensors'}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "out.safetensors"]


def test_layers_of_the_early_code_are_told(tmp_path: Path) -> None:
    net = network("tph-yolov5-vit-cbam-spp", width=0.25, vit_norms=1)
    path = save(tmp_path / "best.pt", checkpoint(published_model(net)))
    code, out, _ = run(path, tmp_path / "out.safetensors")
    assert code == 0
    assert "C3TR: layers with one normalisation" in out
    assert load_checkpoint(tmp_path / "out.safetensors").spec.vit_norms == 1


def test_names_of_entries_cannot_steer_a_terminal(tmp_path: Path) -> None:
    content = checkpoint(published_model(network("yolov5", width=0.25)), **{"\x1b[2J\n": 1})
    code, out, _ = run(save(tmp_path / "a.pt", content), tmp_path / "out.safetensors")
    assert code == 0
    assert "date, ?[2J?\n" in out
    assert "\x1b" not in out


def test_a_full_disk_is_told_in_one_line(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device")

    monkeypatch.setattr("detector.convert.save_checkpoint", fail)
    code, _, err = run(source, tmp_path / "out.safetensors")
    assert code == 2
    assert err.startswith(f"error: {tmp_path / 'out.safetensors'}: cannot be written: Error while")
    assert [path.name for path in tmp_path.iterdir()] == ["best.pt"]


def test_anchors_never_fitted_are_told(tmp_path: Path) -> None:
    model = published_model(network("yolov5", width=0.25))
    model._modules["model"][-1]._buffers["anchors"] = torch.zeros(3, 4, 2)
    path = save(tmp_path / "best.pt", checkpoint(model))
    code, out, _ = run(path, tmp_path / "out.safetensors")
    assert code == 0
    assert "warning: some anchors are 0 wide" in out
    assert not load_checkpoint(tmp_path / "out.safetensors").anchors_px.any()


def test_a_file_that_exists_stays(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "out.safetensors"
    target.write_bytes(b"mine")
    code, _, err = run(source, target)
    assert (code, err) == (2, f"error: {target}: exists already; --overwrite replaces it\n")
    assert target.read_bytes() == b"mine"
    assert run(source, target, "--overwrite")[0] == 0
    assert load_checkpoint(target).class_names


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path}/marker",)

    path = tmp_path / "evil.pt"
    torch.save({"model": Evil(), "ema": None}, path)
    target = tmp_path / "out.safetensors"
    code, out, err = run(path, target)
    assert (code, out) == (2, "")
    assert err == (
        f"error: {path}: holds {os.name}.system, which is no part of a detection checkpoint of "
        "YOLOv5 or TPH-YOLOv5; nothing in the file was run\n"
    )
    target.write_bytes(b"mine")
    assert run(path, target, "--overwrite")[0] == 2
    assert target.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.pt", "out.safetensors"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "not a file of torch.save, which begins as a zip archive"),
        (b"PK\x03\x04", "damaged or cut off: File is not a zip file"),
        (b"\x80\x02}.", "a bare pickle, not a file of torch.save"),
        (None, "No such file or directory"),
    ],
)
def test_files_that_are_no_checkpoint(tmp_path: Path, content: bytes | None, fault: str) -> None:
    path = tmp_path / "a.pt"
    if content is not None:
        path.write_bytes(content)
    code, _, err = run(path, tmp_path / "out.safetensors")
    assert (code, err) == (2, f"error: {path}: {fault}\n")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"a.weight": torch.ones(2)}, "a plain state dict, without network, classes or strides"),
        ({"model": {"a": torch.ones(2)}}, "a plain state dict, without network, classes or"),
        ({"epoch": 3}, "entry 'model' is a NoneType, no detection network; convert the best.pt"),
        ({"model": torch.nn.Linear(2, 2)}, "entry 'model' is a torch.nn.modules.linear.Linear"),
        (torch.nn.Linear(2, 2), "holds a bare torch.nn.modules.linear.Linear, no checkpoint"),
        (
            {"model": torch.nn.DataParallel(torch.nn.Linear(2, 2))},
            "holds torch.nn.parallel.data_parallel.DataParallel, which is no part of",
        ),
        (torch.nn.LSTM(2, 2), "holds torch.nn.modules.rnn.LSTM, which is no part of"),
    ],
)
def test_other_files_of_torch(tmp_path: Path, content: object, fault: str) -> None:
    torch.save(content, tmp_path / "a.pt")
    code, _, err = run(tmp_path / "a.pt", tmp_path / "out.safetensors")
    assert code == 2
    assert err.startswith(f"error: {tmp_path / 'a.pt'}: {fault}")
    assert err.count("\n") == 1


def test_places_that_cannot_be_written(tmp_path: Path, source: Path) -> None:
    code, _, err = run(source, tmp_path / "out.pt")
    assert (code, "must end in .safetensors" in err) == (2, True)
    code, _, err = run(source, tmp_path / "none" / "out.safetensors")
    assert (code, err) == (2, f"error: {tmp_path / 'none'}: no such folder\n")


def test_debug_shows_where(tmp_path: Path, source: Path) -> None:
    result = CliRunner().invoke(app, [str(source), str(tmp_path / "out.pt"), "--debug"])
    assert isinstance(result.exception, ValueError)
