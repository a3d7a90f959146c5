"""The toolkits' protocols word by word: lists, loops and Fractions, nothing shared with ours.

Each rule is written where the words put it, so slow; coordinates are whole and small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from detector.data.annotations import LabelledImage
from detector.detections import Detections

IOUS = [Fraction(percent, 100) for percent in range(50, 100, 5)]

Box = tuple[int, int, int, int]


@dataclass
class Guess:
    """One detection."""

    image: int
    box: Box
    score: float
    kind: int


def area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def iou(a: Box, b: Box) -> Fraction:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return Fraction(0)
    return Fraction(width * height, area(a) + area(b) - width * height)


def mostly_ignored(box: Box, regions: Sequence[Box]) -> bool:
    """Pixel by pixel."""
    inside = 0
    for x in range(box[0], box[2]):
        for y in range(box[1], box[3]):
            inside += any(r[0] <= x < r[2] and r[1] <= y < r[3] for r in regions)
    return 2 * inside >= area(box)


def whole(rows: object) -> list[Box]:
    return [tuple(int(v) for v in row) for row in rows]  # type: ignore[attr-defined, misc]


def find(guesses: list[Guess], objects: dict[int, list[Box]], threshold: Fraction) -> list[bool]:
    """Guesses in falling order; each takes the best free object, the later one of equals."""
    free = {image: list(range(len(rows))) for image, rows in objects.items()}
    hits = []
    for guess in guesses:
        best, at = threshold, None
        for row in free[guess.image]:
            overlap = iou(guess.box, objects[guess.image][row])
            if overlap >= best:
                best, at = overlap, row
        hits.append(at is not None)
        if at is not None:
            free[guess.image].remove(at)
    return hits


def area_under(hits: list[bool], objects: int) -> float:
    """Of the curve made monotone: for each object, the best precision at its recall or above."""
    precisions = [sum(hits[: n + 1]) / (n + 1) for n in range(len(hits))]
    total = 0.0
    for wanted in range(1, objects + 1):
        reached = [p for n, p in enumerate(precisions) if sum(hits[: n + 1]) >= wanted]
        total += max(reached, default=0.0) / objects
    return total


def sorted_guesses(detections: Sequence[Detections]) -> list[list[Guess]]:
    """Of each image, best first; equal scores in their order."""
    return [
        sorted(
            (
                Guess(image, box, float(score), int(kind))
                for box, score, kind in zip(whole(d.boxes), d.scores, d.class_ids, strict=True)
            ),
            key=lambda guess: -guess.score,
        )
        for image, d in enumerate(detections)
    ]


def visdrone(
    truth: Sequence[LabelledImage],
    detections: Sequence[Detections],
    kinds: Sequence[int],
    limits: Sequence[int] = (1, 10, 100, 500),
) -> dict[str, float]:
    """AP, AP50, AP75 and AR by limit, over the classes `kinds`; empty where nothing is to find."""
    regions = [whole(image.ignore) for image in truth]
    objects: list[list[tuple[Box, int]]] = []
    for image, ignored in zip(truth, regions, strict=True):
        rows = zip(whole(image.boxes), image.class_ids.tolist(), strict=True)
        objects.append([(b, k) for b, k in rows if not mostly_ignored(b, ignored)])
    guesses = []
    for ranked, ignored in zip(sorted_guesses(detections), regions, strict=True):
        guesses.append([g for g in ranked if not mostly_ignored(g.box, ignored)])

    # The list of classes to average: once more for every image that has the class.
    repeated = [k for rows in objects for k in kinds if any(kind == k for _, kind in rows)]
    if not repeated:
        return {}
    sums: dict[str, float] = {}
    for kind in repeated:
        boxes = {i: [b for b, k in rows if k == kind] for i, rows in enumerate(objects)}
        count = sum(map(len, boxes.values()))
        for threshold in IOUS:
            hits: list[bool] = []
            for limit in limits:
                chosen = [g for ranked in guesses for g in ranked[:limit] if g.kind == kind]
                chosen.sort(key=lambda guess: -guess.score)
                hits = find(chosen, boxes, threshold)
                add(sums, f"AR{limit}", sum(hits) / count / 10)
            ap = area_under(hits, count)
            add(sums, "AP", ap / 10)
            if threshold in (Fraction(1, 2), Fraction(3, 4)):
                add(sums, f"AP{int(100 * threshold)}", ap)
    return {name: value / len(repeated) for name, value in sums.items()}


def add(sums: dict[str, float], name: str, value: float) -> None:
    sums[name] = sums.get(name, 0.0) + value


def uavdt(truth: Sequence[LabelledImage], detections: Sequence[Detections]) -> float | None:
    """AP at IoU 0.7; `None` where nothing is to find."""
    boxes = {i: whole(image.boxes) for i, image in enumerate(truth)}
    count = sum(map(len, boxes.values()))
    if count == 0:
        return None
    guesses = []
    for ranked, image in zip(sorted_guesses(detections), truth, strict=True):
        for guess in ranked:
            x1, y1, x2, y2 = guess.box
            inside = False
            for left, top, right, bottom in whole(image.ignore):
                inside = inside or (x1 > left and y1 > top and x2 < right and y2 < bottom)
            if not inside:
                guesses.append(guess)
    guesses.sort(key=lambda guess: -guess.score)
    return area_under(find(guesses, boxes, Fraction(7, 10)), count)
