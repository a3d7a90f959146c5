"""Weights on disk: what goes in comes out, and what is no such file is refused in one line."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from detector.model import checkpoint
from detector.model.checkpoint import FORMAT, load_checkpoint, save_checkpoint
from detector.model.family import build_network
from detector.model.spec import Form, ModelSpec, NetworkName
from tests.detector.networks import EVERY_NETWORK, network, randomise

HEADER = {
    "network": "tph-yolov5pp",
    "depth": 0.33,
    "width": 0.25,
    "class_names": ["car", "truck", "bus"],
    "train_px": 640,
    "form": "corrected",
    "neighbourhood": [2, 2],
    "attention_scale": "neighbours",
}

Change = Callable[[dict[str, Tensor]], object]


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return {key: value.clone() for key, value in network().state_dict().items()}


@pytest.mark.parametrize("name", EVERY_NETWORK)
@pytest.mark.parametrize("form", ["published", "corrected"])
@torch.no_grad()
def test_a_network_comes_back_to_the_bit(tmp_path: Path, name: NetworkName, form: Form) -> None:
    torch.manual_seed(0)
    spec = ModelSpec(name, 0.4, 0.2, ("car", "Bus ä"), 512, form)
    anchors = (torch.rand(len(spec.strides), 2, 2) * 100 + 1).tolist()
    model = build_network(spec, anchors).to(memory_format=torch.channels_last)
    randomise(model)
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, model, {"attribution": "drawn by hand"})
    back = load_checkpoint(path)
    assert back.spec == spec
    assert not back.training
    assert back.anchors_px.tolist() == model.anchors_px.tolist()
    images = torch.rand(1, 3, 64, 96)
    back = back.to(memory_format=torch.channels_last)  # another order of sums, another last bit
    for found, expected in zip(back(images), model.eval()(images), strict=True):
        assert torch.equal(found, expected)
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["attribution"] == "drawn by hand"


def test_the_options_of_ca_trans_come_back(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    for neighbourhood, scale in (((0, 0), "neighbours"), ((4, 6), "channels")):
        model = network(neighbourhood=neighbourhood, attention_scale=scale)
        save_checkpoint(path, model)
        back = load_checkpoint(path)
        assert back.spec == model.spec
        assert back.spec.neighbourhood == neighbourhood


def test_layers_of_the_early_published_code_come_back(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    model = network("tph-yolov5-vit-cbam-spp-n", form="published", vit_norms=1)
    save_checkpoint(path, model)
    back = load_checkpoint(path)
    assert back.spec == model.spec
    assert "neck.head5.c3.m.tr.0.ln.weight" in back.state_dict()


def test_half_precision_is_read_as_float32(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    model = network().half()
    save_checkpoint(path, model)
    back = load_checkpoint(path)
    assert {p.dtype for p in back.parameters()} == {torch.float32}
    assert torch.equal(back.detect.predictors[1].weight, model.detect.predictors[1].weight.float())


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def test_pickles_are_refused_and_not_run(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    trap = pickle.dumps(Trap(sprung))
    plain, zipped = tmp_path / "plain.safetensors", tmp_path / "zipped.safetensors"
    plain.write_bytes(trap)
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("archive/data.pkl", trap)
    for path in (plain, zipped):
        with pytest.raises(
            ValueError, match=r"safetensors: cannot be read as safetensors: [^\n]+$"
        ):
            load_checkpoint(path)
        assert not sprung.exists()
    pickle.loads(trap)
    assert sprung.exists()  # the trap works


def refused(path: Path) -> str:
    """The message after the file's name; one line."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        load_checkpoint(path)
    name, _, message = str(caught.value).partition(": ")
    assert name == str(path)
    assert "\n" not in message
    return message


def test_a_file_of_torch_is_told_the_way(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "best.pt")
    assert "python -m detector.convert makes" in refused(tmp_path / "best.pt")


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_cut_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, network())
    path.write_bytes(path.read_bytes()[:kept])
    assert refused(path).startswith("cannot be read as safetensors: ")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.safetensors"):
        assert refused(path).startswith("cannot be read as safetensors: ")


def test_weights_of_another_program_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    for metadata in (None, {"format": "pt"}):
        save_file({"a": torch.zeros(3)}, path, metadata)
        assert refused(path) == (
            "not weights of this program (no 'drone-video-analytics/1' in the header); "
            "see --weights in the README"
        )


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("", "header model: Invalid JSON: EOF while parsing a value at line 1 column 0"),
        ("[]", "header model: Input should be an object"),
        ({"form": "mended"}, "header model.form: Input should be 'published' or 'corrected'"),
        ({"train_px": "640"}, "header model.train_px: Input should be a valid integer"),
        ({"train_px": 0}, "header model.train_px: Input should be greater than or equal to 1"),
        ({"width": 5}, "header model.width: Input should be less than or equal to 4"),
        ({"depth": -1}, "header model.depth: Input should be greater than 0"),
        (
            {"neighbourhood": [2, 3]},
            "header model.neighbourhood.1: Input should be a multiple of 2",
        ),
        (
            {"neighbourhood": [2, 0]},
            "header model: Value error, neighbourhood: both sides are 0, or none is",
        ),
        (
            {"class_names": []},
            "header model.class_names: Tuple should have at least 1 item after validation, not 0",
        ),
        ({"vit_norms": "1"}, "header model.vit_norms: Input should be 1 or 2"),
        (
            {"vit_norms": 1},
            "header model: Value error, vit_norms: 1 is for tph-yolov5-vit-cbam-spp in the form "
            "published alone",
        ),
        ({"code": "x"}, "header model.code: Unexpected keyword argument"),
    ],
)
def test_a_wrong_header_is_named(
    tmp_path: Path, header: str | dict[str, object], fault: str
) -> None:
    path = tmp_path / "net.safetensors"
    text = header if isinstance(header, str) else json.dumps(HEADER | header)
    save_file({"a": torch.zeros(3)}, path, {"format": FORMAT, "model": text})
    assert refused(path) == fault


def set_to(key: str, value: Tensor) -> Change:
    return lambda tensors: tensors.update({key: value})


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda t: t.pop("detect.m.0.bias"), "tensor detect.m.0.bias: is missing"),
        (
            set_to("detect.m.2.bias", torch.zeros(1)),
            "tensor detect.m.2.bias: is not part of the network",
        ),
        (
            set_to("detect.m.0.bias", torch.zeros(23)),
            "tensor detect.m.0.bias: expected shape (24,), found (23,)",
        ),
        (
            set_to("detect.m.0.bias", torch.zeros(24, dtype=torch.int64)),
            "tensor detect.m.0.bias: expected torch.float32, found torch.int64",
        ),
        (
            set_to("detect.m.0.bias", torch.full((24,), torch.nan)),
            "tensor detect.m.0.bias: not all its values are finite",
        ),
        (
            set_to(
                "neck.bottom_up5.m.tr.0.attn.relative_position_index",
                torch.full((64, 64), 10**9),
            ),
            "tensor neck.bottom_up5.m.tr.0.attn.relative_position_index: "
            "is not the table that the network computes",
        ),
        (lambda t: t.pop("anchors_px"), "tensor anchors_px: expected shape (3, A, 2)"),
        (
            set_to("anchors_px", torch.ones(4, 3, 2)),
            "tensor anchors_px: expected shape (3, A, 2)",
        ),
        (
            set_to("anchors_px", torch.ones(3, 0, 2)),
            "tensor anchors_px: expected shape (3, A, 2)",
        ),
        (
            set_to("anchors_px", torch.full((3, 3, 2), -1.0)),
            "tensor anchors_px: expected pixels, none below 0",
        ),
        (
            set_to("anchors_px", torch.ones(3, 2, 2)),
            "tensor detect.det.det.weight: expected shape (16, 32, 1, 1), found (24, 32, 1, 1)",
        ),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(
    tmp_path: Path, tensors: dict[str, Tensor], change: Change, fault: str
) -> None:
    path = tmp_path / "net.safetensors"
    changed = dict(tensors)
    change(changed)
    save_file(changed, path, {"format": FORMAT, "model": json.dumps(HEADER)})
    assert refused(path) == fault


def test_a_header_cannot_make_a_small_file_take_much_memory(
    tmp_path: Path, tensors: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.safetensors"
    header = HEADER | {"width": 4, "depth": 4, "class_names": ["x"] * 10_000}
    save_file(tensors, path, {"format": FORMAT, "model": json.dumps(header)})
    devices = []

    def noted(*arguments: object) -> object:
        devices.append(torch.empty(0).device.type)
        return build_network(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoint, "build_network", noted)
    assert refused(path) == (
        "tensor backbone.stem.conv.weight: expected shape (256, 3, 6, 6), found (16, 3, 6, 6)"
    )
    assert devices == ["meta"]
    save_checkpoint(path, network())
    load_checkpoint(path)
    assert devices == ["meta", "meta", "cpu"]
