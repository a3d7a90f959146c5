"""What a network is built from: names, sizes, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from detector.model.spec import ModelSpec


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("yolov5-n", (0.33, 0.25)),
        ("yolov5-p2-hub-s", (0.33, 0.5)),
        ("tph-yolov5-vit-cbam-spp-m", (0.67, 0.75)),
        ("tph-yolov5-swin-l", (1, 1)),
        ("tph-yolov5pp-x", (1.33, 1.25)),
    ],
)
def test_a_name_is_a_network_and_a_size(name: str, factors: tuple[float, float]) -> None:
    spec = ModelSpec.named(name, ("car",), 640)
    assert (spec.depth, spec.width) == factors
    assert spec.name == name
    assert (spec.form, spec.neighbourhood, spec.attention_scale) == (
        "corrected",
        (2, 2),
        "neighbours",
    )


@pytest.mark.parametrize("name", ["", "n", "-n", "yolov5", "yolov5-q", "yolov5-p2-", "Yolov5-n"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^'.*' is no network; .* yolov5, .* n, s, m, l, x$"):
        ModelSpec.named(name, ("car",), 640)


def test_other_factors_stand_in_the_name() -> None:
    spec = ModelSpec("tph-yolov5-swin", 1.0, 0.375, ("car",), 640)
    assert spec.name == "tph-yolov5-swin-depth1-width0.375"


@pytest.mark.parametrize(
    ("width", "depth", "channels", "repeats"),
    [
        (1.0, 1.0, (64, 1024), (1, 2, 3, 6, 9)),
        (0.25, 0.33, (16, 256), (1, 1, 1, 2, 3)),
        (1.25, 1.33, (80, 1280), (1, 3, 4, 8, 12)),
        (0.1, 0.5, (8, 104), (1, 1, 2, 3, 4)),  # upwards to 8; halves go to the even number
        (0.01, 0.01, (8, 16), (1, 1, 1, 1, 1)),
    ],
)
def test_channels_and_repeats_follow_the_factors(
    width: float, depth: float, channels: tuple[int, ...], repeats: tuple[int, ...]
) -> None:
    spec = ModelSpec("yolov5", depth, width, ("car",), 640)
    assert tuple(map(spec.channels, (64, 1024))) == channels
    assert tuple(map(spec.repeats, (1, 2, 3, 6, 9))) == repeats


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"depth": 0.0}, "greater than 0"),
        ({"width": float("nan")}, "less than or equal to 4"),
        ({"width": 4.1}, "less than or equal to 4"),
        ({"class_names": ()}, "at least 1 item"),
        ({"class_names": ("",)}, "at least 1 character"),
        ({"train_px": 0}, "greater than or equal to 1"),
        ({"form": "mended"}, "'published' or 'corrected'"),
        ({"network": "yolov6"}, "Input should be 'yolov5'"),
        ({"neighbourhood": (3, 2)}, "multiple of 2"),
        ({"neighbourhood": (2, 18)}, "less than or equal to 16"),
        ({"neighbourhood": (2, 0)}, "both sides are 0, or none is"),
        ({"network": "yolov5", "neighbourhood": (4, 4)}, "yolov5 has no CA-Trans"),
        ({"network": "yolov5", "attention_scale": "channels"}, "yolov5 has no CA-Trans"),
        ({"vit_norms": 3}, "1 or 2"),
        (
            {"form": "published", "vit_norms": 1},
            "for tph-yolov5-vit-cbam-spp in the form published",
        ),
        ({"network": "tph-yolov5-vit-cbam-spp", "vit_norms": 1}, "in the form published alone"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], fault: str) -> None:
    values: dict[str, Any] = {
        "network": "tph-yolov5pp",
        "depth": 1.0,
        "width": 1.0,
        "class_names": ("car",),
        "train_px": 640,
    }
    ModelSpec(**values)
    with pytest.raises(ValidationError, match=fault):
        ModelSpec(**(values | change))


def test_a_name_with_a_wrong_option_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^yolov5-n: class_names: Tuple should have[^\n]+$"):
        ModelSpec.named("yolov5-n", (), 640)
    with pytest.raises(ValueError, match=r"^yolov5-n: neighbourhood and [^\n]+ no CA-Trans$"):
        ModelSpec.named("yolov5-n", ("car",), 640, neighbourhood=(4, 4))
