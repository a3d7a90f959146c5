"""The networks by name: counts, published tensors, and who feeds whom."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from detector.model.blocks import C3, Bottleneck, Conv
from detector.model.family import COCO_ANCHORS_PX, NETWORKS, TINY_ANCHORS_PX, build_network
from detector.model.network import Network
from detector.model.spec import SIZES, Form, ModelSpec, NetworkName
from detector.model.swin import SwinBody
from detector.model.vit import VitBody
from tests.detector.networks import EVERY_NETWORK, network, randomise

TEN = tuple("abcdefghij")

ANCHORS = {"tph-yolov5-swin": 4, "tph-yolov5-vit-cbam-spp": 4}
"""Of a head of the published files that have more than three."""

MILLIONS = {
    "yolov5": (1.777, 7.047, 20.908, 46.187, 86.278),
    "yolov5-p2-hub": (1.825, 7.233, 21.510, 47.582, 88.969),
    "yolov5-p2-hub61": (1.815, 7.192, 21.325, 47.089, 87.942),
    "yolov5-p2": (1.835, 7.274, 21.532, 47.499, 88.647),
    "yolov5-p2-vit": (1.967, 7.799, 23.693, 53.082, 100.092),
    "tph-yolov5-vit-cbam": (1.979, 7.844, 23.793, 53.259, 100.367),
    "tph-yolov5-swin-cbam": (1.894, 7.499, 20.072, 45.608, 86.788),
    "tph-yolov5-swin": (1.889, 7.469, 19.994, 45.461, 86.549),
    "tph-yolov5-vit-cbam-spp": (2.325, 9.211, 27.352, 60.455, 112.976),
    "tph-yolov5pp": (1.817, 7.203, 19.783, 41.564, 74.957),
}
"""Parameters in the published form with 10 classes, for n, s, m, l, x."""

OFFICIAL = {
    "yolov5-l": (46.19, 46.16),
    "yolov5-x": (86.28, 86.23),
    "yolov5-p2-hub-l": (47.58, 47.55),
    "tph-yolov5-swin-l": (45.46, 45.43),
    "tph-yolov5-swin-x": (86.55, 86.51),
    "tph-yolov5-vit-cbam-spp-l": (60.46, 60.43),
    "tph-yolov5-vit-cbam-spp-x": (112.98, 112.93),
    "tph-yolov5pp-l": (41.56, 41.54),
    "tph-yolov5pp-x": (74.96, 74.92),
}
"""Millions of parameters, as built and fused, measured with the published code."""

TENSORS = {
    "tph-yolov5pp-l": 600,
    "tph-yolov5pp-x": 720,
    "tph-yolov5-swin-l": 695,
    "tph-yolov5-swin-x": 855,
    "tph-yolov5-vit-cbam-spp-l": 817,
    "tph-yolov5-vit-cbam-spp-x": 975,
}
"""Entries of the published state dicts."""


def described(name: str, form: Form = "published") -> Network:
    """A network without memory for its weights."""
    with torch.device("meta"):
        return network(name, names=TEN, anchors=ANCHORS.get(name[:-2], 3), form=form)


def millions(model: Network) -> float:
    return sum(parameter.numel() for parameter in model.parameters()) / 1e6


def test_the_names_and_the_builders_are_the_same() -> None:
    assert set(NETWORKS) == set(EVERY_NETWORK) == set(MILLIONS)


@pytest.mark.parametrize("name", EVERY_NETWORK)
def test_parameters_of_every_network_and_size(name: NetworkName) -> None:
    found = [round(millions(described(f"{name}-{size}")), 3) for size in SIZES]
    assert tuple(found) == MILLIONS[name]


@pytest.mark.parametrize("name", OFFICIAL)
def test_parameters_are_as_many_as_measured_with_the_published_code(name: str) -> None:
    model = described(name)
    built = round(millions(model), 2)
    assert (built, round(millions(model.fuse()), 2)) == OFFICIAL[name]


@pytest.mark.parametrize("name", TENSORS)
def test_there_are_as_many_tensors_as_published(name: str) -> None:
    assert len(described(name).state_dict()) == TENSORS[name]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("listing", "name", "depth", "width"),
    [
        ("tphpp_n", "tph-yolov5pp", 0.33, 0.25),
        ("tph_swin", "tph-yolov5-swin", 0.75, 0.5),
        ("tph_vitcbam_n", "tph-yolov5-vit-cbam-spp", 0.33, 0.25),
    ],
)
def test_tensors_are_those_of_the_published_network_in_its_order(
    shared_data: Path, listing: str, name: NetworkName, depth: float, width: float
) -> None:
    lists = shared_data.parent / "specs" / "state_dicts"
    rows = (lists / f"{listing}_state_dict.txt").read_text().splitlines()
    expected = [row.split("\t")[:2] for row in rows if ".anchors" not in row]
    spec = ModelSpec(name, depth, width, TEN, 640, "published")
    count = ANCHORS.get(name, 3)
    tensors = build_network(spec, [[[1.0, 1.0]] * count] * len(spec.strides)).state_dict()
    assert tensors.pop("anchors_px").shape == (len(spec.strides), count, 2)
    assert len(tensors) == len(expected)
    for (key, tensor), (published, shape) in zip(tensors.items(), expected, strict=True):
        inside = published.split(".", 2)[2]
        assert f".{key}".endswith(f".{inside}"), published
        assert str(list(tensor.shape)) == shape, published


TOP_DOWN = """
neck.lateral5 9|double 10|join 11 6|neck.top_down4 12|neck.lateral4 13|double 14|join 15 4
neck.top_down3 16
"""
V6 = """
backbone.stem -1|backbone.down2 0|backbone.stage2 1|backbone.down3 2|backbone.stage3 3
backbone.down4 4|backbone.stage4 5|backbone.down5 6|backbone.stage5 7|backbone.sppf 8
"""
THREE_HEADS = """
neck.down3 17|join 18 14|neck.bottom_up4 19|neck.down4 20|join 21 10|neck.bottom_up5 22
"""
FOUR_HEADS = """
neck.lateral3 17|double 18|join 19 2|neck.head2 20|neck.down2 21|join 22 18 4|neck.head3 23
neck.down3 24|join 25 14 6|neck.head4 26|neck.down4 27|join 28 10|neck.head5 29
"""
SPP_HEADS = """
neck.lateral3 17|double 18|join 19 2|neck.head2.spp 20|neck.head2.c3 21|neck.head2.cbam 22
neck.down2 23|join 24 18 4|neck.head3.spp 25|neck.head3.c3 26|neck.head3.cbam 27
neck.down3 28|join 29 14 6|neck.head4.spp 30|neck.head4.c3 31|neck.head4.cbam 32
neck.down4 33|join 34 10|neck.head5.spp 35|neck.head5.c3 36|neck.head5.cbam 37
"""
LINKED = (
    "yolov5-p2",
    "yolov5-p2-vit",
    "tph-yolov5-vit-cbam",
    "tph-yolov5-swin-cbam",
    "tph-yolov5-swin",
)

TABLES = {
    "yolov5": (V6 + TOP_DOWN + THREE_HEADS, (17, 20, 23)),
    "tph-yolov5pp": (V6 + TOP_DOWN + THREE_HEADS, (17, 20, 23)),
    "tph-yolov5-vit-cbam-spp": (V6 + TOP_DOWN + SPP_HEADS, (23, 28, 33, 38)),
    **dict.fromkeys(LINKED, (V6 + TOP_DOWN + FOUR_HEADS, (21, 24, 27, 30))),
    "yolov5-p2-hub61": (
        V6 + TOP_DOWN + FOUR_HEADS.replace("18 4", "18").replace("14 6", "14"),
        (21, 24, 27, 30),
    ),
    "yolov5-p2-hub": (
        V6.replace("stage5 7|backbone.sppf 8", "spp 7|backbone.stage5 8")
        + TOP_DOWN
        + FOUR_HEADS.replace("18 4", "18").replace("14 6", "14"),
        (21, 24, 27, 30),
    ),
}
"""The published layer tables: what each layer is and the numbers of those that feed it."""


def run_table(model: Network, table: str, images: Tensor) -> list[Tensor]:
    maps: list[Tensor] = []
    for row in table.replace("\n", "|").split("|"):
        if not row:
            continue
        what, *sources = row.split()
        inputs = [images if source == "-1" else maps[int(source)] for source in sources]
        if what == "join":
            maps.append(torch.cat(inputs, 1))
        elif what == "double":
            maps.append(F.interpolate(inputs[0], scale_factor=2.0))
        else:
            maps.append(model.get_submodule(what)(*inputs))
    return maps


@pytest.mark.parametrize("name", EVERY_NETWORK)
@pytest.mark.parametrize("form", ["published", "corrected"])
@torch.no_grad()
def test_layers_are_wired_as_the_published_tables_say(name: NetworkName, form: Form) -> None:
    model = network(f"{name}-n", names=TEN, form=form).eval()
    randomise(model)
    images = torch.rand(2, 3, 96, 160)
    table, inputs = TABLES[name]
    maps = run_table(model, table, images)
    expected = model.detect(maps[2], [maps[index] for index in inputs])
    for found, head in zip(model(images), expected, strict=True):
        rows, columns = head.shape[2:]
        assert found.shape == (2, 3, rows, columns, 15)
        for anchor in range(3):
            part = head[:, anchor * 15 : (anchor + 1) * 15]
            assert torch.equal(found[:, anchor], part.permute(0, 2, 3, 1))


@torch.no_grad()
def test_without_neighbourhood_the_finest_prediction_is_plain() -> None:
    model = network(neighbourhood=(0, 0)).eval()
    images = torch.rand(1, 3, 64, 96)
    maps = run_table(model, TABLES["tph-yolov5pp"][0], images)
    plain = model.detect.m[0](maps[17]).unflatten(1, (3, 8)).permute(0, 1, 3, 4, 2)
    torch.testing.assert_close(model(images)[0], plain)
    assert [p.in_channels for p in model.detect.predictors] == [64, 128, 256]


BLOCKS = {
    "yolov5": "",
    "yolov5-p2-hub": "",
    "yolov5-p2-hub61": "",
    "yolov5-p2": "",
    "yolov5-p2-vit": "neck.head2 vit3 neck.head3 vit3 neck.head4 vit3 neck.head5 vit3",
    "tph-yolov5-vit-cbam": "neck.head2.c3 vit3 neck.head3.c3 vit3 neck.head4.c3 vit3 "
    "neck.head5.c3 vit3",
    "tph-yolov5-swin-cbam": "neck.head2.c3 swin2 neck.head3.c3 swin2 neck.head4.c3 swin2 "
    "neck.head5.c3 swin2",
    "tph-yolov5-swin": "neck.head2 swin2 neck.head3 swin2 neck.head4 swin2 neck.head5 swin2",
    "tph-yolov5-vit-cbam-spp": "backbone.stage5 vit3 neck.head5.c3 vit3",
    "tph-yolov5pp": "neck.bottom_up5 swin1",
}
"""Where attention stands in the place of bottlenecks, and how many layers at depth 1."""


@pytest.mark.parametrize("name", EVERY_NETWORK)
def test_blocks_are_the_published_ones(name: NetworkName) -> None:
    found = []
    shortcuts = set()
    for path, block in described(f"{name}-l").named_modules():
        if isinstance(block, C3) and isinstance(block.m, SwinBody | VitBody):
            kind = "swin" if isinstance(block.m, SwinBody) else "vit"
            found.append(f"{path} {kind}{len(block.m.tr)}")
        elif isinstance(block, Bottleneck) and block.shortcut:
            shortcuts.add(".".join(path.split(".")[:2]))
    assert " ".join(found) == BLOCKS[name]
    expected = {f"backbone.stage{level}" for level in (2, 3, 4, 5)}
    if name in ("yolov5-p2-hub", "tph-yolov5-vit-cbam-spp"):
        expected.remove("backbone.stage5")
    assert shortcuts == expected


@pytest.mark.parametrize("name", EVERY_NETWORK)
def test_anchors_are_three_a_head_unless_given(name: NetworkName) -> None:
    heads = 3 if name in ("yolov5", "tph-yolov5pp") else 4
    expected = [*TINY_ANCHORS_PX, *sum(COCO_ANCHORS_PX, ())]
    found = network(f"{name}-n").anchors_px
    assert found.flatten(0, 1).tolist() == [list(wh) for wh in expected[-3 * heads :]]
    given = [[[float(head), 2.0]] * 5 for head in range(1, heads + 1)]
    model = build_network(ModelSpec.named(f"{name}-n", ("car",), 640), given)
    assert model.anchors_px.tolist() == given
    assert [p.out_channels for p in model.detect.predictors] == [5 * 6] * heads


@pytest.mark.parametrize(
    "anchors", [[], [[[1, 1]]] * 4, [[[1, 1]], [[1, 1]], [[1, 1], [2, 2]]], [[], [], []]]
)
def test_anchors_of_another_number_of_heads_are_refused(anchors: list[list[list[float]]]) -> None:
    with pytest.raises(ValueError, match=r"^anchors: yolov5-n has 3 heads, .*; found \["):
        build_network(ModelSpec.named("yolov5-n", ("car",), 640), anchors)


@torch.no_grad()
def test_any_factors_make_a_network() -> None:
    names: tuple[NetworkName, ...]
    names = ("tph-yolov5-swin-cbam", "tph-yolov5-vit-cbam-spp", "tph-yolov5pp")
    for width, depth in ((0.05, 0.1), (0.6, 0.4), (0.3, 2.0)):
        for name in names:
            spec = ModelSpec(name, depth, width, ("car",), 640)
            model = build_network(spec).eval()
            heads = model(torch.rand(1, 3, 32, 64))
            assert [head.shape[3] for head in heads] == [64 // s for s in spec.strides]
            convs = [module for module in model.modules() if isinstance(module, Conv)]
            assert all(conv.conv.out_channels % 4 == 0 for conv in convs)
