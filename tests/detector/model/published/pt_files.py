"""Writes `.pt` files laid out as those of the published training scripts.

`torch.save` writes them. What they hold are objects of empty classes that bear the published
names, with the tables and attributes that files of those scripts were seen to have.
"""

from __future__ import annotations

import copy
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from detector.model.family import build_network
from detector.model.network import Network
from detector.model.published.layouts import LAYOUTS
from detector.model.spec import ModelSpec, NetworkName
from detector.model.vit import OneNormVitLayer
from tests.detector.networks import randomise

Obj = Any
Checkpoint = dict[str, Any]

MODULES = {name: types.ModuleType(name) for name in ("models", "models.common", "models.yolo")}


def network(
    name: NetworkName,
    *,
    depth: float = 0.33,
    width: float = 0.5,
    classes: int = 3,
    vit_norms: Literal[1, 2] = 2,
    seed: int = 0,
) -> Network:
    """A network in the published form, no weight of which is what it starts as."""
    torch.manual_seed(seed)
    names = tuple(f"class {index}" for index in range(classes))
    spec = ModelSpec(name, depth, width, names, 640, form="published", vit_norms=vit_norms)
    anchors = 2 + torch.rand(len(spec.strides), 4, 2) * torch.tensor(spec.strides)[:, None, None]
    made = build_network(spec, anchors.tolist()).eval()
    randomise(made)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim < 3:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    # As in files in half precision: what is compared is not the rounding.
    return made.half().float()


def checkpoint(model: Obj, **entries: object) -> Checkpoint:
    """A file's entries as after training; `entries` replace some."""
    usual = {"epoch": -1, "best_fitness": np.zeros(1), "model": model, "ema": None}
    return {**usual, "updates": None, "optimizer": None, "wandb_id": None, "date": "2023"} | entries


def save(path: Path, content: object, *, device: str = "cpu") -> Path:
    """Writes a file; its storages are tagged as being on `device`."""
    tag = torch.serialization.location_tag
    with _importable():
        torch.serialization.location_tag = lambda _: device  # type: ignore[assignment]
        try:
            torch.save(content, path)
        finally:
            torch.serialization.location_tag = tag
    return path


@contextmanager
def _importable() -> Iterator[None]:
    """While it lasts, `pickle` finds the classes under their names."""
    before = {name: sys.modules.get(name) for name in MODULES}
    sys.modules.update(MODULES)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def published_model(net: Network, *, kind: str = "Model", half: bool = True) -> Obj:
    """The object that a training script pickles."""
    spec, anchors_px = net.spec, net.anchors_px
    net = copy.deepcopy(net)
    net = net.half() if half else net
    layers = nn.Sequential()
    for index, layer in enumerate(LAYOUTS[spec.network]):
        ours = net.get_submodule(layer.part) if layer.part else None
        numbered: Obj = MAKERS[layer.kind](ours)
        numbered.f = list(layer.inputs) if len(layer.inputs) > 1 else layer.inputs[0]
        numbered.i, numbered.np = index, 0
        layers._modules[str(index)] = numbered
    made: Obj = layers[-1]
    strides = torch.tensor(spec.strides, dtype=torch.float32)
    anchors = anchors_px / strides[:, None, None]
    made.nc, made.na, made.nl = len(spec.class_names), anchors.shape[1], len(strides)
    made.stride, made.inplace = strides, True
    made.grid = [torch.zeros(1).expand(1, 3, 4, 4, 2)] * len(strides)
    made._buffers["anchors"] = anchors.half() if half else anchors
    return stub(
        f"yolo.{kind}",
        model=layers,
        yaml={"nc": 3, "depth_multiple": spec.depth, "width_multiple": spec.width, "ch": 3},
        names=list(spec.class_names),
        nc=len(spec.class_names),
        hyp={"box": 0.05},
        class_weights=torch.ones(3, dtype=torch.float64),
        stride=strides,
    )


def stub(name: str, **attributes: object) -> Obj:
    """An object whose class bears a published name; modules and tensors go to their tables."""
    file, kind = name.split(".")
    home = MODULES[f"models.{file}"]
    if not hasattr(home, kind):
        setattr(home, kind, type(kind, (), {"__module__": home.__name__}))
    made = getattr(home, kind)()
    made.training = False
    made._parameters, made._buffers, made._modules = OrderedDict(), OrderedDict(), OrderedDict()
    made._non_persistent_buffers_set = set()
    for key, value in attributes.items():
        if isinstance(value, nn.Module) or type(value).__module__.startswith("models."):
            made._modules[key] = value
        elif isinstance(value, nn.Parameter):
            made._parameters[key] = value
        else:
            setattr(made, key, value)
    return made


def row(*modules: Obj, kind: type[nn.Module] = nn.Sequential) -> nn.Module:
    """A container of torch, which checks nothing this way."""
    made = kind()
    made._modules.update({str(index): module for index, module in enumerate(modules)})
    return made


def conv(ours: Any) -> Obj:
    return stub("common.Conv", conv=ours.conv, bn=ours.bn, act=nn.SiLU(inplace=True))


def bottleneck(ours: Any) -> Obj:
    return stub("common.Bottleneck", cv1=conv(ours.cv1), cv2=conv(ours.cv2), add=ours.shortcut)


def c3(ours: Any, kind: str = "C3", body: Obj = None) -> Obj:
    body = row(*map(bottleneck, ours.m)) if body is None else body
    parts = {name: conv(getattr(ours, name)) for name in ("cv1", "cv2", "cv3")}
    return stub(f"common.{kind}", **parts, m=body)


def sppf(ours: Any) -> Obj:
    pool = nn.MaxPool2d(5, 1, 2)
    return stub("common.SPPF", cv1=conv(ours.cv1), cv2=conv(ours.cv2), m=pool)


def spp(ours: Any) -> Obj:
    pools = row(*(nn.MaxPool2d(p.kernel_size, 1, p.padding) for p in ours.m), kind=nn.ModuleList)
    return stub("common.SPP", cv1=conv(ours.cv1), cv2=conv(ours.cv2), m=pools)


def c3tr(ours: Any) -> Obj:
    def layer(ours: Any) -> Obj:
        ours.ma.batch_first = False
        attention = {name: getattr(ours, name) for name in ("q", "k", "v", "ma")}
        last: dict[str, Any] = {"fc1": ours.fc1, "fc2": ours.fc2, "dropout": nn.Dropout(0.1)}
        if isinstance(ours, OneNormVitLayer):
            return stub("common.TransformerLayer", ln=ours.ln, **attention, **last)
        norms = {"ln1": ours.ln1, "ln2": ours.ln2}
        return stub("common.TransformerLayer", **norms, **attention, **last, act=nn.ReLU(True))

    body = stub("common.TransformerBlock", conv=None, c2=8, linear=ours.m.linear)
    body._modules["tr"] = row(*map(layer, ours.m.tr))
    return c3(ours, "C3TR", body)


def c3str(ours: Any) -> Obj:
    def attention(ours: Any) -> Obj:
        made = stub(
            "common.WindowAttention",
            relative_position_bias_table=ours.relative_position_bias_table,
            qkv=ours.qkv,
            attn_drop=nn.Dropout(0.0),
            proj=ours.proj,
            proj_drop=nn.Dropout(0.0),
            softmax=nn.Softmax(dim=-1),
            window_size=(8, 8),
            num_heads=ours.heads,
            scale=(ours.qkv.in_features // ours.heads) ** -0.5,
        )
        made._buffers["relative_position_index"] = ours.relative_position_index
        return made

    def layer(index: int, ours: Any) -> Obj:
        names = {"fc1": ours.mlp.fc1, "act": nn.GELU(), "drop1": nn.Dropout(0.0)}
        mlp = stub("common.Mlp", **names, fc2=ours.mlp.fc2, drop2=nn.Dropout(0.0))
        path = stub("common.DropPath", drop_prob=0.1) if index else nn.Identity()
        parts = {"norm1": ours.norm1, "attn": attention(ours.attn), "drop_path": path}
        sides = {"window_size": 8, "shift_size": 4 * (index % 2), "mlp_ratio": 4}
        return stub("common.SwinTransformerLayer", **parts, norm2=ours.norm2, mlp=mlp, **sides)

    body = stub("common.SwinTransformerBlock", conv=None, window_size=8, shift_size=4)
    body._modules["tr"] = row(*(layer(index, part) for index, part in enumerate(ours.m.tr)))
    return c3(ours, "C3STR", body)


def cbam(ours: Any) -> Obj:
    channel = stub(
        "common.ChannelAttentionModule",
        avg_pool=nn.AdaptiveAvgPool2d(1),
        max_pool=nn.AdaptiveMaxPool2d(1),
        shared_MLP=ours.channel_attention.shared_MLP,
        sigmoid=nn.Sigmoid(),
    )
    convolution = ours.spatial_attention.conv2d
    spatial = stub("common.SpatialAttentionModule", conv2d=convolution, sigmoid=nn.Sigmoid())
    return stub("common.CBAM", channel_attention=channel, spatial_attention=spatial)


def clla_detect(ours: Any) -> Obj:
    att, block = ours.det.att, ours.det
    parts = {"q": att.q, "k": att.k, "v": att.v, "attend": nn.Softmax(dim=-1)}
    attention = stub("yolo.CLLA", **parts, range=2, c_=1)
    first = {"conv1": block.conv1, "conv2": block.conv2, "att": attention, "det": block.det}
    return stub("yolo.CLLADetect", det=stub("yolo.CLLABlock", **first, range=2), m=ours.m)


MAKERS: dict[str, Any] = {
    "Conv": conv,
    "Focus": lambda ours: stub("common.Focus", conv=conv(ours.conv)),
    "C3": c3,
    "C3TR": c3tr,
    "C3STR": c3str,
    "SPP": spp,
    "SPPF": sppf,
    "CBAM": cbam,
    "Upsample": lambda _: nn.Upsample(None, 2, "nearest"),
    "Concat": lambda _: stub("common.Concat", d=1),
    "Detect": lambda ours: stub("yolo.Detect", m=ours.m),
    "CLLADetect": clla_detect,
}
"""Makes the published layer of each kind from the part of ours that has its tensors."""
