"""The loss against numbers worked by hand and against loops in plain Python."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from detector.data.targets import Targets
from detector.training.distributed import World
from detector.training.loss import DetectionLoss, LossParts, ciou
from detector.training.loss_config import FocalConfig, LossConfig

GAINS = LossConfig(
    box=2.0,
    objectness=3.0,
    classification=5.0,
    objectness_positive=1.5,
    class_positive=0.5,
    ratio_limit=3.0,
)
ANCHORS = torch.tensor([[[8.0, 8.0], [16.0, 16.0]], [[40.0, 40.0], [60.0, 60.0]]])
STRIDES = (8, 16, 32, 64)
ALONE = World(torch.device("cpu"))


def loss_of(
    logits: list[Tensor],
    targets: Targets,
    anchors: Tensor,
    ignored: list[Tensor] | None = None,
    config: LossConfig = GAINS,
) -> tuple[Tensor, LossParts]:
    return DetectionLoss(config, anchors, STRIDES[: len(logits)], ALONE)(logits, targets, ignored)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def naive_ciou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """The paper's formula for two boxes, centre and size."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = a, b
    sides = []
    hull = []
    for c1, s1, c2, s2 in ((ax, aw, bx, bw), (ay, ah, by, bh)):
        ends = (c1 - s1 / 2, c1 + s1 / 2, c2 - s2 / 2, c2 + s2 / 2)
        sides.append(max(0.0, min(ends[1], ends[3]) - max(ends[0], ends[2])))
        hull.append(max(ends[1], ends[3]) - min(ends[0], ends[2]))
    overlap = sides[0] * sides[1]
    iou = overlap / (aw * ah + bw * bh - overlap)
    distance = ((ax - bx) ** 2 + (ay - by) ** 2) / (hull[0] ** 2 + hull[1] ** 2)
    v = 4 / math.pi**2 * (math.atan(aw / ah) - math.atan(bw / bh)) ** 2
    alpha = v / (v - iou + 1) if v else 0.0
    return iou - distance - alpha * v


side = st.floats(0.5, 20)
box = st.tuples(st.floats(-5, 5), st.floats(-5, 5), side, side)


@given(box, box)
def test_ciou_equals_the_formula(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    found = ciou(torch.tensor([a]).double(), torch.tensor([b]).double()).item()
    a, b = (tuple(torch.tensor(x).double().tolist()) for x in (a, b))
    assert found == pytest.approx(naive_ciou(a, b), abs=1e-5)


def test_ciou_by_hand() -> None:
    first = torch.tensor([[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
    second = torch.tensor([[1.0, 1.0, 2.0, 2.0], [2.0, 1.0, 2.0, 2.0], [4.0, 0.0, 2.0, 2.0]])
    # Shifted by half: IoU 1/3, hull 3 x 2, so 1 / 13 off. Apart: 16 / (36 + 4) off.
    expected = torch.tensor([1.0, 1 / 3 - 1 / 13, -0.4])
    torch.testing.assert_close(ciou(first, second), expected, atol=1e-6, rtol=0)


def test_the_aspect_weight_gets_no_gradient() -> None:
    first = torch.tensor([[0.0, 0.0, 2.0, 4.0]], dtype=torch.float64, requires_grad=True)
    second = torch.tensor([[0.0, 0.0, 4.0, 2.0]], dtype=torch.float64)
    ciou(first, second).sum().backward()  # type: ignore[no-untyped-call]
    v = 4 / math.pi**2 * (math.atan(0.5) - math.atan(2)) ** 2
    alpha = v / (v - 1 / 3 + 1)

    def fixed(width: float) -> float:
        overlap = min(width, 4) * 2
        iou = overlap / (width * 4 + 8 - overlap)
        return iou - alpha * 4 / math.pi**2 * (math.atan(width / 4) - math.atan(2)) ** 2

    assert first.grad is not None
    slope = (fixed(2 + 1e-6) - fixed(2 - 1e-6)) / 2e-6
    assert first.grad[0, 2].item() == pytest.approx(slope, rel=1e-4)


def no_targets() -> Targets:
    return Targets(torch.zeros(0).long(), torch.zeros(0).long(), torch.zeros(0, 4))


def one_object(x: float, y: float, w: float, h: float, class_id: int) -> Targets:
    return Targets(torch.tensor([0]), torch.tensor([class_id]), torch.tensor([[x, y, w, h]]))


def test_one_object_by_hand() -> None:
    # One cell and anchor at each of two strides; the object sits in the middle of the first.
    logits = [torch.zeros(1, 1, 1, 1, 7), torch.full((1, 1, 1, 1, 7), -2.0)]
    logits[0][..., 4:] = torch.tensor([1.0, 2.0, -1.0])
    anchors = torch.tensor([[[8.0, 8.0]], [[80.0, 80.0]]])
    total, parts = loss_of(logits, one_object(4, 4, 8, 4, 1), anchors)
    # Prediction 1 x 1 cells at the centre, truth 1 x 1/2.
    v = 4 / math.pi**2 * (math.pi / 4 - math.atan(2)) ** 2
    overlap = 0.5 - v * v / (v + 0.5)
    assert parts.box.item() == pytest.approx(2 * (1 - overlap), abs=1e-5)
    fine = 1.5 * overlap * softplus(-1) + (1 - overlap) * softplus(1)
    coarse = softplus(-2)
    assert parts.objectness.item() == pytest.approx(3 * (4 * fine + coarse), abs=1e-5)
    classes = (softplus(2) + 0.5 * softplus(1)) / 2
    assert parts.classification.item() == pytest.approx(5 * classes, abs=1e-5)
    summed = parts.box + parts.objectness + parts.classification
    assert total.item() == pytest.approx(summed.item())


@pytest.mark.parametrize(("heads", "balance"), [(3, 4 + 1 + 0.4), (4, 4 + 1 + 0.25 + 0.06)])
def test_levels_weigh_less_the_coarser_they_are(heads: int, balance: float) -> None:
    logits = [torch.full((2, 3, side, side, 6), 0.5) for side in (8, 4, 2, 1)[:heads]]
    total, parts = loss_of(logits, no_targets(), torch.ones(heads, 3, 2))
    assert parts.objectness.item() == pytest.approx(3 * balance * softplus(0.5), rel=1e-5)
    assert (parts.box.item(), parts.classification.item()) == (0, 0)
    assert total.item() == pytest.approx(2 * parts.objectness.item())
    only_last = [torch.full_like(head, -50.0) for head in logits[:-1]] + logits[-1:]
    _, parts = loss_of(only_last, no_targets(), torch.ones(heads, 3, 2))
    share = {3: 0.4, 4: 0.06}[heads]
    assert parts.objectness.item() == pytest.approx(3 * share * softplus(0.5), rel=1e-5)


def test_the_stride_is_that_of_the_head() -> None:
    """An object of 4 pixels, alone in the cell of a map at stride 4."""
    logits = [torch.zeros(1, 1, 4, 4, 6)]
    target = one_object(6, 10, 4, 4, 0)
    anchors = torch.tensor([[[4.0, 4.0]]])
    _, parts = DetectionLoss(GAINS, anchors, (4,), ALONE)(logits, target)
    assert parts.box.item() == pytest.approx(
        0, abs=1e-6
    )  # zeros are a cell's middle and its anchor


def test_a_single_class_is_not_learned() -> None:
    logits = [torch.randn(1, 2, 4, 4, 6)]
    _, parts = loss_of(logits, one_object(12, 12, 8, 8, 0), ANCHORS)
    assert parts.classification.item() == 0
    assert parts.box.item() > 0


def cells_of(at: tuple[float, float], columns: int, rows: int) -> list[tuple[int, int]]:
    """Column and row of the cells that learn an object at a place, in cells."""
    gx, gy = at
    found = [(int(gx), int(gy))]
    if gx % 1 < 0.5 and gx > 1:
        found.append((int(gx - 0.5), int(gy)))
    if gy % 1 < 0.5 and gy > 1:
        found.append((int(gx), int(gy - 0.5)))
    if (columns - gx) % 1 < 0.5 and columns - gx > 1:
        found.append((int(gx + 0.5), int(gy)))
    if (rows - gy) % 1 < 0.5 and rows - gy > 1:
        found.append((int(gx), int(gy + 0.5)))
    return found


Place = tuple[int, int, int, int]
Box = tuple[float, float, float, float]


def matches(
    shape: tuple[int, ...], targets: Targets, anchors_cells: list[list[float]], stride: int
) -> list[tuple[Place, Box, int]]:
    """Image, anchor, row and column of each positive, its object's box in cells, its class."""
    found = []
    for image, class_id, pixels in zip(
        targets.image.tolist(), targets.class_ids.tolist(), targets.boxes.tolist(), strict=True
    ):
        x, y, w, h = (value / stride for value in pixels)
        for anchor, (aw, ah) in enumerate(anchors_cells):
            if max(w / aw, aw / w, h / ah, ah / h) < 3:
                for column, row in cells_of((x, y), shape[3], shape[2]):
                    found.append(((image, anchor, row, column), (x, y, w, h), class_id))
    return found


def naive_level(
    head: Tensor, targets: Targets, anchors_cells: list[list[float]], stride: int
) -> tuple[float, float, float]:
    """The parts of one level before balance and gains, objects of a cell by rising overlap."""
    overlaps, class_losses = [], []
    for at, box, class_id in matches(tuple(head.shape), targets, anchors_cells, stride):
        t = head[at].tolist()
        aw, ah = anchors_cells[at[1]]
        predicted = (
            at[3] + 2 * sigmoid(t[0]) - 0.5,
            at[2] + 2 * sigmoid(t[1]) - 0.5,
            (2 * sigmoid(t[2])) ** 2 * aw,
            (2 * sigmoid(t[3])) ** 2 * ah,
        )
        overlaps.append((naive_ciou(predicted, box), at))
        class_losses += [
            0.5 * softplus(-x) if k == class_id else softplus(x) for k, x in enumerate(t[5:])
        ]
    truth = torch.zeros(head.shape[:4])
    for overlap, at in sorted(overlaps):
        truth[at] = max(overlap, 0)
    cells = [
        1.5 * y * softplus(-x) + (1 - y) * softplus(x)
        for x, y in zip(head[..., 4].flatten().tolist(), truth.flatten().tolist(), strict=True)
    ]
    return (
        sum(1 - overlap for overlap, _ in overlaps) / max(len(overlaps), 1),
        sum(cells) / len(cells),
        sum(class_losses) / max(len(class_losses), 1),
    )


def naive_loss(logits: list[Tensor], targets: Targets, anchors: Tensor) -> tuple[float, ...]:
    """Box, objectness and class parts after their gains, one cell after the other."""
    parts = [0.0, 0.0, 0.0]
    for level, head in enumerate(logits):
        stride = 8 * 2**level
        found = naive_level(head, targets, (anchors[level] / stride).tolist(), stride)
        for part, balance in enumerate((1.0, (4.0, 1.0, 0.4)[level], 1.0)):
            parts[part] += balance * found[part]
    return 2 * parts[0], 3 * parts[1], 5 * parts[2]


def crowd(seed: int, count: int = 30) -> tuple[list[Tensor], Targets]:
    """Logits of two images on two levels and objects so dense that many share a cell."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((2, 2, 4, 6, 8), (2, 2, 2, 3, 8))
    # Laid out as the network gives them.
    logits = [
        torch.randn(b, a, w, r, c, generator=generator).permute(0, 1, 3, 4, 2)
        for b, a, r, c, w in shapes
    ]
    places = torch.rand(count, 2, generator=generator) * torch.tensor([48.0, 32.0])
    sizes = torch.rand(count, 2, generator=generator) * 40 + 4
    image = torch.randint(2, (count,), generator=generator)
    class_ids = torch.randint(3, (count,), generator=generator)
    return logits, Targets(image, class_ids, torch.cat((places, sizes), 1))


@pytest.mark.parametrize("seed", range(4))
def test_a_crowd_equals_the_loops(seed: int) -> None:
    logits, targets = crowd(seed)
    _, parts = loss_of(logits, targets, ANCHORS)
    found = (parts.box.item(), parts.objectness.item(), parts.classification.item())
    assert found == pytest.approx(naive_loss(logits, targets, ANCHORS), rel=1e-5)


def test_the_order_of_objects_does_not_count() -> None:
    logits, targets = crowd(0)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    shuffled = Targets(targets.image[order], targets.class_ids[order], targets.boxes[order])
    one, two = (loss_of(logits, t, ANCHORS)[0] for t in (targets, shuffled))
    torch.testing.assert_close(one, two, rtol=1e-6, atol=0)


def gradients(targets: Targets, ignored: Tensor) -> tuple[Tensor, LossParts]:
    logits = torch.randn(2, 2, 4, 6, 8, generator=torch.Generator().manual_seed(0))
    logits.requires_grad_()
    total, parts = loss_of([logits], targets, ANCHORS, [ignored])
    torch.autograd.backward(total)
    assert logits.grad is not None
    return logits.grad, parts


def test_ignored_cells_train_nothing() -> None:
    ignored = torch.zeros(2, 4, 6, dtype=torch.bool)
    ignored[1, 1:3, 2:4] = True
    found, parts = gradients(no_targets(), ignored)
    trained = found[..., 4] != 0
    assert torch.equal(trained, ~ignored[:, None].expand(2, 2, 4, 6))
    # The mean is over the cells that train: without those ignored nothing would change.
    logits = torch.randn(2, 2, 4, 6, 8, generator=torch.Generator().manual_seed(0))[..., 4]
    kept = logits.movedim(1, -1)[~ignored].tolist()
    expected = sum(softplus(x) for row in kept for x in row) / (2 * len(kept))
    assert parts.objectness.item() == pytest.approx(3 * 4 * expected, rel=1e-5)


def test_an_object_in_an_ignored_cell_is_learned() -> None:
    everywhere = torch.ones(2, 4, 6, dtype=torch.bool)
    found, parts = gradients(one_object(20, 12, 10, 10, 1), everywhere)
    assert (found[0, :, 1, 2, 4] != 0).all()
    assert (found[..., 4] != 0).sum() == 2
    assert parts.box.item() > 0


def test_where_all_is_ignored_the_loss_is_zero() -> None:
    found, parts = gradients(no_targets(), torch.ones(2, 4, 6, dtype=torch.bool))
    assert parts.objectness.item() == 0
    assert not found.any()


def test_half_precision_logits_are_summed_in_float32() -> None:
    logits, targets = crowd(0)
    rounded = [head.bfloat16() for head in logits]
    total, _ = loss_of(rounded, targets, ANCHORS)
    expected, _ = loss_of([head.float() for head in rounded], targets, ANCHORS)
    assert total.dtype == torch.float32
    assert torch.equal(total, expected)


def test_focal_loss_by_hand() -> None:
    """Objectness of one cell and two classes, weighed after Lin et al., equations 4 and 5."""
    logits = [torch.full((1, 1, 1, 1, 7), 0.0)]
    logits[0][..., 4:] = torch.tensor([1.0, 2.0, -1.0])
    focal = FocalConfig(gamma=1.5, alpha=0.3)
    config = LossConfig(box=1, objectness=1, classification=1, focal=focal)

    def weighed(p: float, *, positive: bool) -> float:
        right = p if positive else 1 - p
        return (0.3 if positive else 0.7) * math.pow(1 - right, 1.5) * -math.log(right)

    anchors = torch.tensor([[[8.0, 8.0]]])
    _, parts = loss_of(logits, one_object(4, 4, 8, 8, 1), anchors, None, config)  # overlap 1
    # A single level of four: the weight of the finest is 4.
    expected = 4 * weighed(sigmoid(1), positive=True)
    assert parts.objectness.item() == pytest.approx(expected, rel=1e-5)
    classes = weighed(sigmoid(2), positive=False) + weighed(sigmoid(-1), positive=True)
    assert parts.classification.item() == pytest.approx(classes / 2, rel=1e-5)
    _, parts = loss_of(logits, no_targets(), anchors, None, config)
    expected = 4 * weighed(sigmoid(1), positive=False)
    assert parts.objectness.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_has_a_slope_where_all_is_learned(gamma: float) -> None:
    logits = torch.full((1, 1, 1, 1, 7), -200.0, requires_grad=True)
    config = LossConfig(focal=FocalConfig(gamma=gamma))
    total, _ = loss_of([logits], no_targets(), torch.ones(1, 1, 2), None, config)
    torch.autograd.backward(total)
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_class_weights_are_those_of_the_objects() -> None:
    logits = [torch.randn(1, 1, 4, 4, 8, generator=torch.Generator().manual_seed(0))]
    anchors = torch.tensor([[[8.0, 8.0]]])
    first, second = one_object(4, 4, 8, 8, 0), one_object(28, 28, 8, 8, 2)
    both = Targets(*(torch.cat(pair) for pair in zip(parts(first), parts(second), strict=True)))
    config = LossConfig(class_weights=(0.5, 9.0, 3.0))

    def learned(targets: Targets, config: LossConfig) -> tuple[float, float]:
        _, found = loss_of(logits, targets, anchors, None, config)
        return found.classification.item(), found.objectness.item()

    alone = [learned(targets, LossConfig())[0] for targets in (first, second)]
    expected = (0.5 * alone[0] + 3.0 * alone[1]) / 2
    assert learned(both, config)[0] == pytest.approx(expected, rel=1e-5)
    assert learned(both, config)[1] == learned(both, LossConfig())[1]


def parts(targets: Targets) -> tuple[Tensor, Tensor, Tensor]:
    return targets.image, targets.class_ids, targets.boxes


def half_world(others: Tensor, counted: list[Tensor]) -> World:
    """One of two processes, told what the other has counted; notes what it counts itself."""

    class Half(World):
        def total(self, values: Tensor) -> Tensor:
            counted.append(values)
            return values + others

    return Half(torch.device("cpu"), 0, 2)


def test_the_shares_of_two_processes_sum_to_the_whole_batch() -> None:
    logits, targets = crowd(0)
    ignored = [torch.rand(head.shape[0], *head.shape[2:4]) < 0.2 for head in logits]
    total, whole = loss_of(logits, targets, ANCHORS, ignored)
    shares = []
    for image in range(2):
        mine = targets.image == image
        objects = Targets(targets.image[mine] * 0, targets.class_ids[mine], targets.boxes[mine])
        shares.append(
            (
                [head[image : image + 1] for head in logits],
                objects,
                [i[image, None] for i in ignored],
            )
        )
    counts: list[Tensor] = []
    for share in shares:
        world = half_world(torch.zeros(2, 2).long(), counts)
        DetectionLoss(GAINS, ANCHORS, STRIDES[:2], world)(*share)
    found = [
        DetectionLoss(GAINS, ANCHORS, STRIDES[:2], half_world(others, []))(*share)
        for share, others in zip(shares, reversed(counts), strict=True)
    ]
    assert sum(t.item() for t, _ in found) == pytest.approx(total.item(), rel=1e-5)
    for name in ("box", "objectness", "classification"):
        summed = sum(getattr(part, name).item() for _, part in found)
        assert summed == pytest.approx(getattr(whole, name).item(), rel=1e-5)
