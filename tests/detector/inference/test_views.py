"""Views show the tile resized and mirrored, and boxes find their way back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from detector.config import VIEWS, DetectorConfig, View
from detector.detections import Image
from detector.inference.torch_backend import TorchBackend
from detector.inference.views import GREY, in_image, look
from detector.model.detect import decode
from detector.model.family import build_network
from detector.model.network import Network
from detector.model.spec import ModelSpec


def test_a_view_at_full_scale_is_the_image_itself() -> None:
    images = torch.rand(2, 3, 64, 96)
    assert look(images, View(), 32) is images
    assert torch.equal(look(images, View(flip=True), 32), images.flip(3))


@pytest.mark.parametrize(
    ("side", "scale", "shown", "padded"),
    # 96 * 0.67 is 64.32, which the published code pads to 96 although 64 pixels are shown.
    [(640, 0.83, 531, 544), (640, 0.67, 428, 448), (96, 0.67, 64, 96), (64, 1.5, 96, 96)],
)
def test_a_scaled_view_is_rounded_down_and_padded(
    side: int, scale: float, shown: int, padded: int
) -> None:
    view = look(torch.full((1, 3, side, 32), 0.25), View(scale), 32)
    assert view.shape[2] == padded
    torch.testing.assert_close(view[0, 0, :shown, 0], torch.full((shown,), 0.25))
    assert (view[0, 0, shown:, 0] == GREY).all()


def test_scaling_is_bilinear_between_pixel_centres() -> None:
    row = torch.arange(32.0).expand(1, 3, 32, 32)
    view = look(row, View(0.5), 32)
    np.testing.assert_allclose(view[0, 0, 0, :16], np.arange(16) * 2 + 0.5)


@given(st.sampled_from([1.0, 0.83, 0.67, 1.5]), st.booleans())
def test_boxes_come_back_to_where_they_were(scale: float, flip: bool) -> None:
    boxes = torch.tensor([[10.0, 20, 30, 60], [0, 0, 128, 96]])
    seen = boxes.clone()
    if flip:
        seen[:, 0], seen[:, 2] = 128 - boxes[:, 2], 128 - boxes[:, 0]
    back = in_image(seen * scale, torch.tensor([flip, flip]), scale, 128)
    torch.testing.assert_close(back, boxes)


def random_network(name: str) -> Network:
    torch.manual_seed(0)
    model = build_network(ModelSpec.named(name, ("car", "van"), 128)).eval()
    with torch.no_grad():
        for name_of, parameter in model.named_parameters():
            if name_of.startswith("detect") and name_of.endswith("bias"):
                parameter.fill_(-1.0)  # So that every anchor is a candidate.
    return model


def tile(width: int, height: int) -> Image:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def published_rows(model: Network, images: torch.Tensor, views: tuple[View, ...]) -> torch.Tensor:
    """Centre, size, objectness and classes of every view, as published: one after another."""
    found = []
    for view in views:
        heads = model(look(images, view, 32))
        keep = slice(view.without == "finest", len(heads) - (view.without == "coarsest"))
        rows = decode(heads[keep], model.anchors_px[keep], model.strides[keep])[0]
        rows[:, :4] /= view.scale
        if view.flip:
            rows[:, 0] = images.shape[3] - rows[:, 0]
        found.append(rows)
    return torch.cat(found)


@pytest.mark.parametrize("name", ["tph-yolov5pp-n", "yolov5-p2-n"])
@pytest.mark.parametrize("batch_tiles", [1, 4])
def test_candidates_of_all_views_are_those_of_the_readable_code(
    name: str, batch_tiles: int
) -> None:
    model = random_network(name)
    config = DetectorConfig(
        device="cpu",
        precision="float32",
        confidence=0.001,
        views="tph-yolov5",
        batch_tiles=batch_tiles,
        multi_label=True,
    )
    images = [tile(64, 32), tile(32, 64)]
    with torch.no_grad():
        expected = [
            published_rows(
                model,
                torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255,
                VIEWS["tph-yolov5"],
            )
            for image in images
        ]
    found = TorchBackend(config, model).infer(images)
    assert {*found.source.tolist()} == {*range(6)}
    for image, rows in enumerate(expected):
        scores = (rows[:, 4:5] * rows[:, 5:]).flatten()
        corner = torch.cat([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], 1)
        height, width = images[image].shape[:2]
        limits = torch.tensor([width, height, width, height])
        boxes = torch.minimum(corner.clamp(min=0), limits).repeat_interleave(2, dim=0)
        kept = (scores >= 0.001) & (boxes[:, 2:] > boxes[:, :2]).all(1)
        ours = torch.column_stack([found.boxes, found.scores, found.class_ids])
        ours = ours[found.image == image]
        theirs = torch.column_stack([boxes, scores, torch.arange(len(boxes)) % 2])[kept]
        assert len(ours) == len(theirs) > 300
        distance = torch.cdist(ours, theirs, p=torch.inf)
        assert distance.amin(0).max() < 1e-2
        assert distance.amin(1).max() < 1e-2


def test_a_mirrored_tile_gives_mirrored_candidates() -> None:
    model = random_network("tph-yolov5pp-n")
    image = tile(96, 64)
    config = DetectorConfig(device="cpu", precision="float32", confidence=0.001)
    mirrored = DetectorConfig(
        device="cpu", precision="float32", confidence=0.001, views=(View(flip=True),)
    )
    seen = TorchBackend(config, model).infer([np.ascontiguousarray(image[:, ::-1])])
    found = TorchBackend(mirrored, model).infer([image])
    width = torch.tensor([96.0, 0, 96, 0])
    expected = width + torch.tensor([-1.0, 1, -1, 1]) * seen.boxes[:, [2, 1, 0, 3]]
    torch.testing.assert_close(found.boxes, expected)
    torch.testing.assert_close(found.scores, seen.scores)
