"""What a change of a training gives: variants x folds x seeds, trained and measured alike.

`python -m benchmarks.training_study CONFIG.yaml --root NAME=DIR --output DIR
--variant "no CA-Trans: neighbourhood: [0, 0]" --seeds 0 1 2
--folds dji-00760,kit-b dji-0005,munich`

Each run is `python -m detector.train` with a copy of CONFIG in a folder of its own: a study that
was stopped goes on. A variant's KEY: VALUE takes the place of CONFIG's, a whole section of it where
VALUE is one. A fold is left out of training and measured on; the detections of all folds
of a variant and seed are pooled before the figures are computed, so every image counts once.
Without folds the configuration's own validation is measured on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.machine import describe_machine
from detector.config import DetectorConfig, TilingConfig
from detector.data.annotations import LabelledImage
from detector.data.config import load_dataset_config
from detector.data.reading import read_flights
from detector.detections import Detections
from detector.evaluation.coco import CocoResult, evaluate_coco
from detector.evaluation.run import detect_images
from detector.inference.build import build_detector
from detector.strict_yaml import read_yaml

LEAST_SCORE = 0.01
FIGURES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")


@dataclass(frozen=True, slots=True)
class Run:
    """One training: a variant of the configuration, a fold left out, a seed."""

    variant: str
    seed: int
    fold: tuple[str, ...]
    folder: Path
    config: dict[str, Any]


def plan_runs(options: argparse.Namespace) -> list[Run]:
    """All runs of the study, each with its own complete configuration."""
    runs = []
    for text in ["as it is", *options.variant]:
        name, _, changes = text.partition(":")
        for seed in options.seeds:
            for fold in options.folds or [""]:
                flights = tuple(filter(None, fold.split(",")))
                place = "_".join([name.replace(" ", "-"), *flights, str(seed)])
                config = read_yaml(options.config)
                assert isinstance(config, dict)
                config |= yaml.safe_load("\n".join(changes.split(";"))) if changes else {}
                config |= yaml.safe_load("{" + options.set + "}")
                config["seed"] = seed
                _hold_out(config, flights, options.config.parent)
                runs.append(Run(name, seed, flights, options.output / place, config))
    return runs


def _hold_out(config: dict[str, Any], flights: Sequence[str], folder: Path) -> None:
    """Moves flights from the training part of the validation's data set to its validation."""
    held = config["validation"][0]
    for source in config["train"]:
        if flights and source["data"] == held["data"]:
            # Its flights alone are wanted, wherever the images lie.
            dataset = load_dataset_config(folder / held["data"], Path())
            source["flights"] = [name for name in dataset.flights if name not in flights]
    if flights:
        config["validation"] = [{"data": held["data"], "flights": list(flights)}]
    for source in (*config["train"], *config["validation"]):
        source["data"] = str((folder / source["data"]).resolve())


def train(run: Run, options: argparse.Namespace) -> None:
    """Trains or goes on; what is complete takes no time."""
    run.folder.mkdir(parents=True, exist_ok=True)
    config = run.folder / "study.yaml"
    config.write_text(yaml.safe_dump(run.config, sort_keys=False), encoding="utf-8")
    done = run.folder / "done"
    if done.exists() and done.read_text(encoding="utf-8") == config.read_text(encoding="utf-8"):
        return
    command = [sys.executable, "-m", "detector.train", str(config), "--output", str(run.folder)]
    command += [f"--root={root}" for root in options.root]
    command += [f"--init={options.init}"] if options.init else []
    threads = str(max(1, (os.cpu_count() or 1) // options.jobs))
    environment = os.environ | {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE"}
    with (run.folder / "train.log").open("ab") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log, env=environment)
    done.write_text(config.read_text(encoding="utf-8"), encoding="utf-8")


def measure(runs: Sequence[Run], options: argparse.Namespace, tile_px: int) -> CocoResult:
    """Figures of the last weights of runs that differ in their fold alone, pooled."""
    roots = {name: Path(root) for name, _, root in (r.partition("=") for r in options.root)}
    truth: list[LabelledImage] = []
    detections: list[Detections] = []
    names: tuple[str, ...] = ()
    for run in runs:
        weights = str(run.folder / "last.safetensors")
        tiling = TilingConfig(tile_px=tile_px)
        config = DetectorConfig(weights=weights, confidence=LEAST_SCORE, tiling=tiling)
        detector = build_detector(config)
        names = detector.class_names
        for held in run.config["validation"]:
            path = Path(held["data"])
            dataset = load_dataset_config(path, roots.get(path.stem))
            images = read_flights(dataset, names, held.get("flights"), str(path))
            truth += images
            detections += detect_images(detector, images)
    return evaluate_coco(truth, detections, names)


def summarise(variant: str, results: Sequence[CocoResult]) -> list[dict[str, Any]]:
    """Per class and figure the mean over the seeds, and the values themselves."""
    rows = []
    for place, row in enumerate(results[0].classes):
        if not row.objects:
            continue
        values = {name: [getattr(r.classes[place], name) for r in results] for name in FIGURES}
        means = {name: statistics.fmean(found) for name, found in values.items()}
        rows.append(
            {"variant": variant, "class": row.name, "objects": row.objects}
            | {"mean": means, "seeds": values}
        )
    return rows


def _print(tile_px: int, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        cells = []
        for name in FIGURES:
            found = [100 * value for value in row["seeds"][name]]
            spread = f" ({min(found):.1f}-{max(found):.1f})" if len(found) > 1 else ""
            cells.append(f"{100 * row['mean'][name]:.1f}{spread}")
        print("|", " | ".join([row["variant"], str(tile_px), row["class"], *cells]), "|")


def main() -> None:
    """Trains, measures, prints a Markdown table and writes json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--root", action="append", default=[], help="NAME=DIR of a data set")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--variant", action="append", default=[], help="NAME: KEY: VALUE; ...")
    parser.add_argument("--set", default="", help="KEY: VALUE, ... of every run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--folds", nargs="+", default=[], help="flights with commas between")
    parser.add_argument("--init", default="", help="weights that every run starts from")
    parser.add_argument("--tiles", type=int, nargs="+", default=[1536])
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    runs = plan_runs(options)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(partial(train, options=options), runs))
    found = []
    print("|", " | ".join(["variant", "tile", "class", *FIGURES]), "|")
    print("|---" * (3 + len(FIGURES)) + "|")
    for variant in dict.fromkeys(run.variant for run in runs):
        for tile_px in options.tiles:
            results = [
                measure([r for r in runs if (r.variant, r.seed) == (variant, s)], options, tile_px)
                for s in options.seeds
            ]
            rows = summarise(variant, results)
            _print(tile_px, rows)
            found += [row | {"tile_px": tile_px} for row in rows]
    if options.json:
        machine = describe_machine("torch")
        options.json.write_text(json.dumps({"machine": machine, "rows": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
