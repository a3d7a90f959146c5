"""The whole way, files to figures, against TrackEval's own run over the same files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trackeval import Evaluator
from trackeval.datasets import MotChallenge2DBox
from trackeval.metrics import CLEAR, HOTA, Identity

from tests.tracking.evaluation.moving import as_text, found_table, true_table
from tracking.evaluate import compare
from tracking.evaluation.counting import Figures
from tracking.evaluation.mot import open_dataset

FRAMES = 32


def official(gt: Path, results: Path, benchmark: str, names: list[str]) -> dict[str, Any]:
    """What TrackEval says, by sequence; `COMBINED_SEQ` is the whole."""
    silent = {"PRINT_CONFIG": False}
    dataset = MotChallenge2DBox(
        silent
        | {"GT_FOLDER": str(gt), "TRACKERS_FOLDER": str(results.parent)}
        | {"TRACKERS_TO_EVAL": [results.name], "TRACKER_SUB_FOLDER": ""}
        | {"BENCHMARK": benchmark, "SKIP_SPLIT_FOL": True}
        | {"SEQ_INFO": dict.fromkeys(names)}
    )
    off = ("USE_PARALLEL", "PRINT_RESULTS", "TIME_PROGRESS", "PLOT_CURVES")
    evaluator = Evaluator(
        silent
        | dict.fromkeys((*off, "OUTPUT_SUMMARY", "OUTPUT_DETAILED"), False)
        | {"LOG_ON_ERROR": None}
    )
    metrics = [HOTA(), CLEAR(dict(silent)), Identity(dict(silent))]
    result, _ = evaluator.evaluate([dataset], metrics)
    found = result["MotChallenge2DBox"][results.name]
    return {name: part["pedestrian"] for name, part in found.items()}


def same(ours: Figures, theirs: dict[str, Any]) -> None:
    hota, clear, identity = (theirs[name] for name in ("HOTA", "CLEAR", "Identity"))
    expected = {name: np.mean(hota[name]) for name in ("HOTA", "DetA", "AssA", "LocA")}
    expected |= {n: clear[n] for n in ("MOTA", "MOTP", "IDSW", "Frag", "MT", "PT", "ML")}
    expected |= {name: identity[name] for name in ("IDF1", "IDP", "IDR")}
    expected |= {name: clear[f"CLR_{name}"] for name in ("TP", "FP", "FN")}
    expected |= {"gt_tracks": theirs["Count"]["GT_IDs"], "tracks": theirs["Count"]["IDs"]}
    assert asdict(ours) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("benchmark", ["MOT17", "MOT20", "MOT15"])
def test_figures_are_trackevals(tmp_path: Path, benchmark: str) -> None:
    gt, results = tmp_path / "gt", tmp_path / "results"
    results.mkdir()
    names = [f"{benchmark}-0{at}" for at in (1, 2, 3)]
    for seed, name in enumerate(names):
        folder = gt / name
        (folder / "gt").mkdir(parents=True)
        (folder / "seqinfo.ini").write_text(f"[Sequence]\nname={name}\nseqLength={FRAMES}\n")
        rng = np.random.default_rng(seed)
        true = true_table(seed, objects=30)
        # Classes and marks belong to a track: pedestrians mostly, and all other kinds.
        kind = rng.choice([1, 1, 1, 1, 2, 3, 6, 7, 8, 12, 13], 31)[true[:, 1].astype(int)]
        consider = np.where(rng.random(31) < 0.2, 0, 1)[true[:, 1].astype(int)]
        more = (-1, -1, -1) if benchmark == "MOT15" else (kind, 1)
        (folder / "gt" / "gt.txt").write_text(as_text(true, consider, *more))
        found = found_table(true, seed) if seed else true[:0]  # the first has no tracks
        (results / f"{name}.txt").write_text(as_text(found, 0.9, -1, -1, -1))
    theirs = official(gt, results, benchmark, names)
    ours = compare(open_dataset(gt), results)
    same(ours.overall, theirs["COMBINED_SEQ"])
    for name in names[1:]:
        same(ours.sequences[name], theirs[name])
    empty = ours.sequences[names[0]]
    assert (empty.tracks, empty.FN) == (0, theirs[names[0]]["Identity"]["IDFN"])
    assert 0.1 < ours.overall.HOTA < 0.9
    assert ours.overall.IDSW > 5
