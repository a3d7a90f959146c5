"""What decides a module's result beside its tensors: classes, kernels, strides, activations.

A file's modules are held against the parts of our network that take their tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from detector.model.published.inert import Stub
from detector.model.published.module_tree import children, kind
from detector.model.published.values import describe
from detector.model.vit import OneNormVitLayer
from detector.model.windows import WINDOW


def _parts(text: str) -> dict[str, str]:
    """Names and classes from `name=Class name=Container[Class]`."""
    return dict(part.split("=") for part in text.split())


PARTS = {
    "Conv": _parts("conv=Conv2d bn=BatchNorm2d act=SiLU"),
    "Focus": _parts("conv=Conv"),
    "Bottleneck": _parts("cv1=Conv cv2=Conv"),
    "C3": _parts("cv1=Conv cv2=Conv cv3=Conv m=Sequential[Bottleneck]"),
    "C3TR": _parts("cv1=Conv cv2=Conv cv3=Conv m=TransformerBlock"),
    "C3STR": _parts("cv1=Conv cv2=Conv cv3=Conv m=SwinTransformerBlock"),
    "SPP": _parts("cv1=Conv cv2=Conv m=ModuleList[MaxPool2d]"),
    "SPPF": _parts("cv1=Conv cv2=Conv m=MaxPool2d"),
    "CBAM": _parts(
        "channel_attention=ChannelAttentionModule spatial_attention=SpatialAttentionModule"
    ),
    "ChannelAttentionModule": _parts(
        "avg_pool=AdaptiveAvgPool2d max_pool=AdaptiveMaxPool2d "
        "shared_MLP=Sequential[Linear,ReLU,Linear] sigmoid=Sigmoid"
    ),
    "SpatialAttentionModule": _parts("conv2d=Conv2d sigmoid=Sigmoid"),
    "TransformerBlock": _parts("linear=Linear tr=Sequential[TransformerLayer]"),
    "TransformerLayer": _parts(
        "ln1=LayerNorm q=Linear k=Linear v=Linear ma=MultiheadAttention "
        "ln2=LayerNorm fc1=Linear fc2=Linear dropout=Dropout act=ReLU"
    ),
    "MultiheadAttention": _parts("out_proj=NonDynamicallyQuantizableLinear"),
    "SwinTransformerBlock": _parts("tr=Sequential[SwinTransformerLayer]"),
    "SwinTransformerLayer": _parts(
        "norm1=LayerNorm attn=WindowAttention drop_path=Identity norm2=LayerNorm mlp=Mlp"
    ),
    "WindowAttention": _parts(
        "qkv=Linear attn_drop=Dropout proj=Linear proj_drop=Dropout softmax=Softmax"
    ),
    "Mlp": _parts("fc1=Linear act=GELU drop1=Dropout fc2=Linear drop2=Dropout"),
    "Detect": _parts("m=ModuleList[Conv2d]"),
    "CLLADetect": _parts("det=CLLABlock m=ModuleList[Conv2d]"),
    "CLLABlock": _parts("conv1=Conv2d conv2=Conv2d att=CLLA det=Conv2d"),
    "CLLA": _parts("q=Linear k=Linear v=Linear attend=Softmax"),
}
"""The modules inside a module of each class."""

_ONE_NORM_PARTS = _parts(
    "ln=LayerNorm q=Linear k=Linear v=Linear ma=MultiheadAttention "
    "fc1=Linear fc2=Linear dropout=Dropout"
)
"""Those inside a `TransformerLayer` whose tensors are for another part of ours than usual."""

_SAME_RESULT = {
    ("BatchNorm2d", "SyncBatchNorm"),
    ("Identity", "DropPath"),
    ("NonDynamicallyQuantizableLinear", "_LinearWithBias"),
    ("NonDynamicallyQuantizableLinear", "Linear"),
}
"""Classes that stand in for others in some files: they differ in training alone."""

_LATER = {"approximate", "batch_first"}
"""Attributes that files of older torch versions lack."""

_POOL = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")


def _same(*names: str) -> Callable[[Any], dict[str, Any]]:
    return lambda ours: {name: getattr(ours, name) for name in names}


def _fixed(**values: object) -> Callable[[Any], dict[str, Any]]:
    return lambda _: values


ATTRIBUTES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "Conv2d": _same("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode"),
    "BatchNorm2d": _same("eps", "affine", "track_running_stats"),
    "LayerNorm": _same("eps", "normalized_shape"),
    "MaxPool2d": _same(*_POOL),
    "Upsample": _fixed(size=None, scale_factor=2.0, mode="nearest"),
    "Concat": _fixed(d=1),
    "GELU": _fixed(approximate="none"),
    "Softmax": _fixed(dim=-1),
    "AdaptiveAvgPool2d": _fixed(output_size=1),
    "AdaptiveMaxPool2d": _fixed(output_size=1),
    "Bottleneck": lambda ours: {"add": ours.shortcut},
    "TransformerBlock": _fixed(conv=None),
    "MultiheadAttention": lambda ours: {
        "num_heads": ours.num_heads,
        "embed_dim": ours.embed_dim,
        "add_zero_attn": False,
        "bias_k": None,
        "bias_v": None,
        "batch_first": False,
    },
    "SwinTransformerBlock": _fixed(conv=None, window_size=WINDOW),
    "SwinTransformerLayer": lambda ours: {
        "window_size": WINDOW,
        "shift_size": WINDOW // 2 * ours.shifted,
    },
    "WindowAttention": lambda ours: {
        "window_size": (WINDOW, WINDOW),
        "num_heads": ours.heads,
        "scale": (ours.proj.in_features // ours.heads) ** -0.5,
    },
    "CLLABlock": lambda ours: {"range": ours.att.neighbourhood[0]},
    "CLLA": lambda ours: {"range": ours.neighbourhood[0]},
}
"""Attributes that a module must have, from the part of our network in its place."""

_OUR_NAMES = {"SPPF": {"m": "pool"}}
"""Names that our parts have where the published name is another."""


def check_module(stub: Stub, ours: nn.Module | None, place: str, expected: str) -> None:
    """Refuses a module that would compute something else than ours with the same tensors.

    Args:
        stub: The file's module.
        ours: The part in its place; `None` where we have none, as for an activation.
        place: Its name in the file, such as `model.2.cv1`.
        expected: Its class, without the module; `A[B]` is a container A that holds B.

    Raises:
        ValueError: If a class or an attribute differs; the message names place, what was found
            and what was expected.
    """
    expected, _, inside = expected.removesuffix("]").partition("[")
    found = kind(stub)
    if found != expected and (expected, found) not in _SAME_RESULT:
        raise ValueError(f"{place}: found {found}, expected {expected}")
    for name, value in ATTRIBUTES.get(expected, _fixed())(ours).items():
        given = stub.attributes.get(name, value if name in _LATER else "nothing")
        if given != value:
            raise ValueError(
                f"{place}: {expected}.{name}: found {describe(given)}, expected {describe(value)}"
            )
    held = children(stub)
    usual = _ONE_NORM_PARTS if isinstance(ours, OneNormVitLayer) else PARTS.get(expected, {})
    parts = _contents(inside, held) if inside else usual
    if set(held) != set(parts):
        names = ", ".join(sorted(set(held) ^ set(parts)))
        raise ValueError(f"{place}: {expected}: missing or not known inside it: {names}")
    for name, part in parts.items():
        our_name = _OUR_NAMES.get(expected, {}).get(name, name)
        check_module(held[name], _inside(ours, our_name), f"{place}.{name}", part)


def _contents(kinds: str, held: dict[str, Stub]) -> dict[str, str]:
    """The classes inside a container: one for all, or one for each in order."""
    each = kinds.split(",")
    return dict(zip(held, each * len(held) if len(each) == 1 else each, strict=False))


def _inside(module: nn.Module | None, name: str) -> nn.Module | None:
    found = getattr(module, name, None)
    return found if isinstance(found, nn.Module) else None
