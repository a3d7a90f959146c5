"""The evaluation protocols on a large set, beside pycocotools.

    python -m benchmarks.evaluation [--json FILE] [--images N] [--detections N] [--rounds N]

pycocotools takes a minute for 500 images of 500 detections, so fewer images are the default.
Labels and detections are in memory. All contenders have the same and take turns in one run; each
figure is the median of its turns, with the least beside it, which other work on the machine
disturbs less. Where pycocotools is installed, its AP and ours are printed beside each other.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.machine import describe_machine
from detector.data.annotations import LabelledImage
from detector.data.visdrone import CLASS_NAMES, OTHERS
from detector.detections import Detections
from detector.evaluation.coco import (
    MAX_DETS,
    coco_detections,
    coco_labels,
    evaluate_coco,
)
from detector.evaluation.uavdt import evaluate_uavdt
from detector.evaluation.visdrone import evaluate_visdrone

NAMES = tuple(name for name in CLASS_NAMES if name != OTHERS)
IMAGE_WH = (1920, 1080)
REGIONS = 2

Truth = list[LabelledImage]
Found = list[Detections]


def make_set(images: int, detections: int) -> tuple[Truth, Found]:
    """Images of a crowded scene: objects of 8 to 90 px, most found, some twice, some as others.

    Args:
        images: How many.
        detections: In each; there are two fifths as many objects.
    """
    rng = np.random.default_rng(0)
    truth, found = [], []
    for number in range(images):
        count = round(0.4 * detections)
        corner = rng.uniform(0, 1, (count, 2)) * IMAGE_WH
        wh = np.exp(rng.uniform(np.log(8), np.log(90), (count, 1))) * rng.uniform(0.7, 1.4, 2)
        boxes = np.concatenate([corner, corner + wh], axis=1).astype(np.float32)
        class_ids = rng.integers(0, len(NAMES), count)
        regions = rng.uniform(0, 1, (REGIONS, 2)) * IMAGE_WH
        ignore = np.concatenate([regions, regions + rng.uniform(50, 300, (REGIONS, 2))], axis=1)
        source = rng.integers(0, max(count, 1), detections)
        noise = rng.normal(0, 0.08, (detections, 4)) * np.tile(wh[source], 2)
        kept = rng.random(detections) < 0.85
        wrong = rng.integers(0, len(NAMES), detections)
        path = Path(f"{number:06}.jpg")
        truth.append(LabelledImage(path, IMAGE_WH, boxes, class_ids, ignore.astype(np.float32)))
        found.append(
            Detections(
                (boxes[source] + noise).astype(np.float32),
                rng.random(detections).astype(np.float32),
                np.where(kept, class_ids[source], wrong),
            )
        )
    return truth, found


def pycocotools_ap(truth: Truth, found: Found) -> float:
    """AP at maxDets 500 by pycocotools, from labels and detections in memory as ours."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        labels = COCO()
        labels.dataset = {"info": {}, **coco_labels(truth, NAMES)}
        labels.createIndex()
        evaluation = COCOeval(labels, labels.loadRes(coco_detections(found)), "bbox")
        evaluation.params.maxDets = list(MAX_DETS)
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    return float(precision[precision > -1].mean())


def contenders() -> dict[str, Callable[[Truth, Found], float]]:
    """From name to what gives the AP."""
    ours: dict[str, Callable[[Truth, Found], float]] = {
        "COCO (hotcoco)": lambda truth, found: evaluate_coco(truth, found, NAMES).overall.ap,
        "VisDrone toolkit": lambda truth, found: evaluate_visdrone(truth, found, NAMES).overall.ap,
        "UAVDT toolkit": lambda truth, found: evaluate_uavdt(truth, found, NAMES).ap,
    }
    if importlib.util.find_spec("pycocotools") is not None:
        ours["pycocotools"] = pycocotools_ap
    return ours


def measure(truth: Truth, found: Found, rounds: int) -> list[dict[str, Any]]:
    """Seconds and AP of each contender; in each round all of them have a turn."""
    runs = contenders()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    ap = dict.fromkeys(runs, 0.0)
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            ap[name] = run(truth, found)
            seconds[name].append(time.perf_counter() - start)
    return [
        {"name": name, "ap": ap[name], "median_s": median(times), "least_s": min(times)}
        for name, times in seconds.items()
    ]


def main() -> None:
    """Prints the figures and writes them as json if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--detections", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    truth, found = make_set(options.images, options.detections)
    machine = describe_machine("numpy", "hotcoco")
    print(f"{options.images} images x {options.detections} detections, {machine['processor']}")
    rows = measure(truth, found, options.rounds)
    slowest = next((row for row in rows if row["name"] == "pycocotools"), None)
    for row in rows:
        line = f"{row['name']:18} {row['median_s']:7.2f} s (least {row['least_s']:.2f})"
        if slowest is not None:
            row["times_faster"] = slowest["median_s"] / row["median_s"]
            line += f"  {row['times_faster']:5.1f} x pycocotools"
        print(f"{line}  AP {100 * row['ap']:.3f}")
    if options.json:
        figures = {"machine": machine, "images": options.images, "rows": rows}
        figures["detections"] = options.detections
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
