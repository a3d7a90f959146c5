from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from detector.config import DetectorConfig, TilingConfig
from detector.strict_yaml import read_yaml
from pipeline.config import TRACKER_MIN_SCORE, PipelineConfig
from pipeline.errors import InputError
from pipeline.load import Override, load_config, parse_override
from tracking.config import TRACKER_CONFIGS, ByteTrackConfig, SortConfig

ROOT = Path(__file__).resolve().parents[2]


def load(text: str, *sets: str, tmp_path: Path) -> PipelineConfig:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    return load_config(path, [parse_override(one) for one in sets])


def test_default_yaml_is_complete_and_equals_the_defaults() -> None:
    path = ROOT / "configs" / "default.yaml"
    assert load_config(path) == PipelineConfig() == load_config()
    assert read_yaml(path) == TypeAdapter(PipelineConfig).dump_python(PipelineConfig(), mode="json")


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda p: p.name)
def test_every_config_of_a_run_loads(path: Path) -> None:
    if not {"detector", "tracker", "output"} & set(read_yaml(path)):
        pytest.skip("describes a data set or a training")
    load_config(path)


def test_a_file_and_options_change_only_what_they_name(tmp_path: Path) -> None:
    text = "detector: {tiling: {overlap: 0.3}}\ntracker: {name: sort, max_age: 5}\n"
    sets = ("detector.tiling.tile_px=1024", "tracker.max_age=7", "detector.classes=[car, bus]")
    found = load(text, *sets, tmp_path=tmp_path)
    tiling = TilingConfig(tile_px=1024, overlap=0.3)
    assert found == PipelineConfig(
        detector=DetectorConfig(tiling=tiling, classes=("car", "bus")),
        tracker=SortConfig(max_age=7),
    )


def test_another_name_starts_from_that_variants_defaults(tmp_path: Path) -> None:
    text = "tracker: {name: bytetrack, track_thresh: 0.5}"
    assert load(text, "tracker.name=sort", tmp_path=tmp_path).tracker == SortConfig()
    again = load(text, "tracker.name=bytetrack", tmp_path=tmp_path)
    assert again.tracker == ByteTrackConfig(track_thresh=0.5)


def test_later_overrides_win_and_an_empty_file_is_fine(tmp_path: Path) -> None:
    found = load("", "max_frames=3", "max_frames=4", tmp_path=tmp_path)
    assert found == PipelineConfig(max_frames=4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "trackr: {}",
            "trackr: unknown key; the config takes detector, tracker, output, live, metrics, "
            "min_score, max_frames, duration_s, frame_batch",
        ),
        (
            "tracker: {name: sort, hi_score: 1}",
            "tracker.hi_score: unknown key; sort takes name, max_age, min_hits, iou_threshold",
        ),
        (
            "tracker: {hi_score: 1}",
            "tracker.hi_score: unknown key; drone takes name, new_score, high_score, low_score, "
            "lost_s, groups, show_lost, frame_rate",
        ),
        (
            "detector: {tiling: {tile: 3}}",
            "detector.tiling.tile: unknown key; tiling takes tile_px, overlap, full_frame, "
            "resize_px",
        ),
        (
            "tracker: {name: iou}",
            "tracker.name: found 'iou'; choose sort, bytetrack, ocsort, botsort, deepsort, drone",
        ),
        ("tracker: sort", 'tracker: should be a section with keys, found "sort"'),
        ("output: 3", "output: should be a section with keys, found 3"),
        (
            "detector: {precision: int4}",
            "detector.precision: found \"int4\"; choose 'auto', 'float32' or 'bfloat16'",
        ),
        ("detector: {confidence: 1.5}", "detector.confidence: should be less than 1, found 1.5"),
        (
            "detector: {confidence: '0.5'}",
            'detector.confidence: should be a valid number, found "0.5"',
        ),
        ("detector: {weights: 3}", "detector.weights: should be a list, found 3"),
        ("detector: {weights: [a, 3]}", "detector.weights.1: should be a valid string, found 3"),
        (
            "detector: {views: [{}, {zoom: 2}]}",
            "detector.views.1.zoom: unknown key; views takes scale, flip, without",
        ),
        (
            "detector: {views: six}",
            "detector.views: found \"six\"; choose 'single', 'yolov5' or 'tph-yolov5'",
        ),
        (
            "detector: {suppression: {name: wbf, sigma: 1}}",
            "detector.suppression.sigma: unknown key; wbf takes name, iou, skip_score, weights, "
            "class_aware",
        ),
        (
            "detector: {suppression: {name: wbf, weights: [2, 1]}}",
            "detector: suppression.weights: 2 for 1 models; give one for each file of "
            "detector.weights, or null",
        ),
        ("max_frames: 0", "max_frames: should be greater than or equal to 1, found 0"),
        ("max_frames: 2.5", "max_frames: should be a valid integer, found 2.5"),
        ("max_frames: yes", "max_frames: should be a valid integer, found true"),
        ("output: {video: 1}", "output.video: should be a valid boolean, found 1"),
        ("detector: {classes: car}", 'detector.classes: should be a list, found "car"'),
        ("detector: {classes: [car, 3]}", "detector.classes.1: should be a valid string, found 3"),
        (
            "max_frames: a\nframe_batch: b",
            'max_frames: should be a valid integer, found "a" (and 1 more)',
        ),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(text, tmp_path=tmp_path)
    assert str(caught.value) == f"{tmp_path / 'run.yaml'}: {message}"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            Override("tracker.name", "deep", "--tracker"),
            "--tracker: tracker.name: found 'deep'; choose sort, bytetrack, ocsort, botsort, "
            "deepsort, drone",
        ),
        (
            Override("detector.tiling.tile_px", 1000, "--tile"),
            "--tile: detector.tiling.tile_px: should be a multiple of 32, found 1000",
        ),
        (
            Override("max_frames.x", 1, "--set"),
            '--set: max_frames: should be a valid integer, found {"x": 1}',
        ),
        (
            Override("detector", None, "--set"),
            "--set: detector: should be a section with keys, found null",
        ),
    ],
)
def test_a_wrong_option_is_named_instead_of_the_file(override: Override, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_config(ROOT / "configs" / "default.yaml", [override])
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["a", "=3", "a..b=3", ".a=3", "a.=3"])
def test_set_needs_a_key_and_a_value(text: str) -> None:
    with pytest.raises(InputError, match=r"^--set .*: expected key.path=value$"):
        parse_override(text)


def test_a_list_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run.yaml: expected a mapping of keys, found \[1\]"):
        load("[1]", tmp_path=tmp_path)


def test_each_tracker_has_its_score_floor_in_one_place() -> None:
    assert TRACKER_MIN_SCORE.keys() == TRACKER_CONFIGS.keys()
    assert PipelineConfig().tracker_min_score == 0.1
    assert PipelineConfig(tracker=SortConfig()).tracker_min_score == 0.3
    assert PipelineConfig(tracker=SortConfig(), min_score=0.0).tracker_min_score == 0.0
