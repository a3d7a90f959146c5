"""How far the preparation of views keeps the network busy in training.

`python -m benchmarks.training [--device cuda:0] [--images DIR] [--json FILE]`. In turns: views
alone, the network's steps alone on one batch, and both as the trainer runs them, with the share
of the time that the network waits for views. On a CPU the three share the same cores. Without
`--images`, frames are drawn and stored as JPEG; all frames carry made-up boxes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from benchmarks.machine import describe_machine
from detector.data.annotations import LabelledImage
from detector.data.dataset import Batch, TrainingViews
from detector.data.images import image_files, image_size
from detector.data.pool import Pool
from detector.data.views_config import AugmentConfig, SourceConfig
from detector.inference.device import choose_device
from detector.model.family import build_network
from detector.training.config import TrainConfig
from detector.training.distributed import World
from detector.training.feeding import batches
from detector.training.learner import Learner
from detector.training.run_file import load_train_config
from detector.training.schedule import Schedule

FRAMES = 16
OBJECTS = 40
STEPS = 5
"""Batches of each kind in a round."""

PAPER = Path(__file__).parents[1] / "configs" / "train" / "visdrone.yaml"


def draw_frames(folder: Path, wh: tuple[int, int]) -> None:
    """JPEGs of coarse and fine noise, of about 2 bits a pixel like a drone's."""
    rng = np.random.default_rng(0)
    for number in range(FRAMES):
        coarse = rng.integers(0, 256, (wh[1] // 12, wh[0] // 12, 3)).astype(np.uint8)
        fine = rng.integers(0, 24, (wh[1], wh[0], 1)).astype(np.uint8)
        frame = cv2.add(cv2.resize(coarse, wh, interpolation=cv2.INTER_CUBIC), fine.repeat(3, 2))
        cv2.imwrite(str(folder / f"{number}.jpg"), frame, [cv2.IMWRITE_JPEG_QUALITY, 90])


def label(path: Path) -> LabelledImage:
    """The frame with boxes that mean nothing."""
    wh = image_size(path)
    rng = np.random.default_rng(1)
    low = rng.random((OBJECTS, 2)) * (np.array(wh) - 40)
    boxes = np.concatenate((low, low + 10 + 30 * rng.random((OBJECTS, 2))), 1)
    return LabelledImage(path, wh, boxes.astype(np.float32), np.zeros(OBJECTS, np.int64))


@dataclass
class Bench:
    """A training without files, and its views."""

    config: TrainConfig
    views: TrainingViews
    learner: Learner
    world: World
    step: int = 0

    def feed(self, count: int) -> Generator[Batch, None, None]:
        """The next batches, as the trainer gets them."""
        steps = range(self.step, self.step + count)
        self.step += count
        return batches(self.views, steps, self.config.batch, self.config.workers, self.world)

    def learn(self, batch: Batch) -> None:
        """One step, to its end."""
        self.learner.learn(batch, self.step).tolist()

    def round(self, kept: Batch) -> tuple[float, float, float, float]:
        """Seconds of `STEPS` batches: views, steps, both, and what both waited for views."""
        begin = time.perf_counter()
        with closing(self.feed(STEPS)) as coming:
            for _ in coming:
                pass
        loaded = time.perf_counter()
        for _ in range(STEPS):
            self.learn(kept)
        learned = time.perf_counter()
        waited = 0.0
        with closing(self.feed(STEPS + 1)) as coming:
            self.learn(next(coming))  # Until then nothing could be ready.
            began = mark = time.perf_counter()
            for batch in coming:
                waited += time.perf_counter() - mark
                self.learn(batch)
                mark = time.perf_counter()
        return loaded - begin, learned - loaded, mark - began, waited


def build(arguments: argparse.Namespace, folder: Path) -> Bench:
    """The network and the views of the command line."""
    source = SourceConfig("frames", cache=arguments.cache)
    published = arguments.form == "published"
    augment = load_train_config(PAPER).augment if published else AugmentConfig()
    config = TrainConfig(
        network=arguments.network,
        class_names=("object",),
        train=(source,),
        validation=(source,),
        image_px=arguments.image_px,
        batch=arguments.batch,
        workers=arguments.workers,
        steps=100_000,
        augment=augment,
    )
    pools = [Pool([label(path) for path in image_files(folder)], source)]
    views = TrainingViews(pools, config.image_px, config.augment, seed=0, batch=config.batch)
    world = World(choose_device(arguments.device))
    anchors = [
        [[2.0 * s, 2.0 * s], [4.0 * s, 2.0 * s], [3.0 * s, 4.0 * s]] for s in config.spec.strides
    ]
    torch.manual_seed(0)
    model = build_network(config.spec, anchors)
    learner = Learner(model, config, config.loss, Schedule(config, len(pools[0])), world)
    return Bench(config, views, learner, world)


def measure(bench: Bench, rounds: int) -> dict[str, float]:
    """Images per second of each kind over all rounds, and the share of the time waited."""
    with closing(bench.feed(2)) as coming:
        warm = list(islice(coming, 2))
    for batch in warm:
        bench.learn(batch)
    seconds = np.sum([bench.round(warm[0]) for _ in range(rounds)], 0)
    images = rounds * STEPS * bench.config.batch
    views, steps, both, waited = seconds.tolist()
    return {
        "views_per_s": images / views,
        "steps_images_per_s": images / steps,
        "both_images_per_s": images / both,
        "views_to_steps": steps / views,
        "both_to_steps": steps / both,
        "waited_share": waited / both,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the figures and writes them as json where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="tph-yolov5pp-n")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--image-px", type=int, default=640)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2, help="threads that prepare views")
    parser.add_argument("--form", choices=("windows", "published"), default="windows")
    parser.add_argument("--frame", type=int, nargs=2, default=(1920, 1080), metavar=("W", "H"))
    parser.add_argument("--images", type=Path, help="a folder of images to take instead")
    parser.add_argument("--cache", action="store_true", help="decode before, not while training")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args(argv)
    machine = describe_machine("torch", "opencv-python-headless", "numpy")
    if arguments.device.startswith("cuda"):
        machine["gpu"] = torch.cuda.get_device_name(arguments.device)
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    with tempfile.TemporaryDirectory() as made:
        folder = arguments.images or Path(made)
        if arguments.images is None:
            draw_frames(folder, tuple(arguments.frame))
        figures = measure(build(arguments, folder), arguments.rounds)
    print(
        f"{arguments.network}, {arguments.batch} views of {arguments.image_px} px, "
        f"{arguments.form}, {arguments.workers} threads: images/s\n"
        f"views alone {figures['views_per_s']:.1f}, steps alone "
        f"{figures['steps_images_per_s']:.1f}, both {figures['both_images_per_s']:.1f}\n"
        f"views are made {figures['views_to_steps']:.2f} times as fast as learned; together the "
        f"network runs at {figures['both_to_steps']:.0%} of its own speed and waits "
        f"{figures['waited_share']:.0%} of the time"
    )
    if arguments.json:
        settings: dict[str, Any] = {k: v for k, v in vars(arguments).items() if k != "json"}
        settings["images"] = settings["images"] and str(settings["images"])
        report = {"machine": machine, "settings": settings, "results": figures}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
