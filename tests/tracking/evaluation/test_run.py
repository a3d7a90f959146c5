from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.evaluation.moving import as_rows, found_table, rows, true_table
from tracking.evaluation import uavdt
from tracking.evaluation.ignoring import half_covered
from tracking.evaluation.rows import Protocol, TrackRows, Truth
from tracking.evaluation.run import Evaluation, evaluate_sequences

PLAIN = Protocol("plain")
CLASSES = {1: "car", 2: "bus"}


def compare(truth: Truth, found: TrackRows, protocol: Protocol = PLAIN) -> Evaluation:
    return evaluate_sequences([("a", truth, found)], protocol)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15)
def test_order_of_rows_and_numbers_of_ids_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true = true_table(seed)
    found = found_table(true, seed)
    expected = compare(Truth(as_rows(true), 30), as_rows(found)).overall
    true, found = rng.permutation(true), rng.permutation(found)
    for table in (true, found):
        numbers, at = np.unique(table[:, 1], return_inverse=True)
        table[:, 1] = rng.permutation(10 * len(numbers))[at]
    result = compare(Truth(as_rows(true), 30), as_rows(found)).overall
    assert asdict(result) == pytest.approx(asdict(expected), nan_ok=True)


def test_a_wrong_class_costs_a_miss_and_a_false_positive() -> None:
    true = rows((1, 1, 0), (1, 2, 100), (2, 1, 0), classes=[1, 2, 1])
    found = rows((1, 5, 0), (1, 6, 100), (2, 5, 0), classes=[1, 2, 2])
    apart = compare(Truth(true, 2), found, Protocol("sum", CLASSES, merged=False))
    assert (apart.overall.TP, apart.overall.FP, apart.overall.FN) == (2, 1, 1)
    assert apart.overall.gt_tracks == 2
    assert apart.overall.tracks == 3  # id 5 once as a car, once as a bus
    assert {name: part.TP for name, part in apart.classes.items()} == {"car": 1, "bus": 1}
    assert apart.class_mean is not None
    hota = [part.HOTA for part in (apart.class_mean, *apart.classes.values())]
    assert hota[0] == pytest.approx(sum(hota[1:]) / 2)
    merged = compare(Truth(true, 2), found, Protocol("merged", CLASSES))
    assert merged.overall.HOTA == 1
    assert merged.classes == apart.classes


def test_a_true_track_that_changes_its_class_is_two() -> None:
    true = rows((1, 1, 0), (2, 1, 0), classes=[1, 2])
    result = compare(Truth(true, 2), true, Protocol("sum", CLASSES, merged=False)).overall
    assert (result.gt_tracks, result.HOTA, result.IDSW) == (2, 1, 0)


def test_other_classes_do_not_count() -> None:
    true = rows((1, 1, 0), (1, 2, 100), classes=[1, 7])
    result = compare(Truth(true, 1), true, Protocol("sum", CLASSES, merged=False)).overall
    assert (result.TP, result.FP, result.FN) == (1, 0, 0)


def test_found_boxes_after_the_end_are_left_out() -> None:
    found = rows((1, 1, 0), (3, 1, 0))
    assert compare(Truth(rows((1, 1, 0)), 2), found).overall.FP == 0
    assert compare(Truth(rows((1, 1, 0)), 3), found).overall.FP == 1
    assert compare(Truth(rows(), 0), found).overall.FP == 2  # no length is known


def test_the_rule_comes_before_the_classes() -> None:
    true = rows((1, 1, 0), (1, 2, 100), classes=[1, 2])
    region = rows((1, 0, 90))
    protocol = Protocol("sum", CLASSES, merged=False, rule=half_covered)
    result = compare(Truth(true, 1, ignored=region), true, protocol)
    assert (result.classes["car"].TP, result.classes["bus"].TP) == (1, 0)


def test_sequences_and_groups_add_up() -> None:
    tables = [true_table(seed) for seed in range(3)]
    sequences = [
        (f"s{seed}", Truth(as_rows(true), 30), as_rows(found_table(true, seed)))
        for seed, true in enumerate(tables)
    ]
    groups = {"some": ["s0", "s2", "absent"], "none": ["absent"], "one": ["s1"]}
    result = evaluate_sequences(sequences, PLAIN, groups)
    assert list(result.sequences) == ["s0", "s1", "s2"]
    assert list(result.groups) == ["some", "one"]
    assert result.groups["one"] == result.sequences["s1"]
    some = evaluate_sequences([sequences[0], sequences[2]], PLAIN)
    assert result.groups["some"] == some.overall
    for name in ("TP", "FP", "FN", "IDSW", "Frag", "MT", "PT", "ML", "gt_tracks", "tracks"):
        parts = [getattr(part, name) for part in result.sequences.values()]
        assert getattr(result.overall, name) == sum(parts)
    assert result.classes == {}
    assert result.class_mean is None


@pytest.mark.parametrize("whose", ["the ground truth", "the results"])
def test_an_id_twice_in_a_frame_is_named(whose: str) -> None:
    good, bad = rows((4, 1, 0)), rows((4, 3, 0), (5, 3, 0), (5, 3, 9))
    true, found = (bad, good) if whose == "the ground truth" else (good, bad)
    with pytest.raises(ValueError, match=f"a: frame 5: {whose} have id 3 twice"):
        compare(Truth(true, 5), found)


def test_no_sequence() -> None:
    with pytest.raises(ValueError, match="no sequence"):
        evaluate_sequences([], PLAIN)


def disturbed(true: TrackRows) -> TrackRows:
    """Tracks with shifts, gaps and new ids every 50 frames, by arithmetic alone."""
    at, frames = true.ids, true.frames
    kept = (31 * frames + 17 * at) % 10 != 0
    kept &= (frames + 11 * at) % 90 > 8  # and runs of misses
    shift = (
        ((7 * frames + 13 * at) % 11 - 5)[:, None]
        / 40
        * np.ptp(true.boxes.reshape(-1, 2, 2), axis=1)
    )
    boxes = true.boxes + np.tile(shift, 2)
    ids = at + 1000 * ((frames + 7 * at) // 120)
    return replace(true, boxes=boxes, ids=ids)[kept]


@pytest.mark.shared
def test_uavdt_truth_against_itself(shared_data: Path) -> None:
    dataset = uavdt.open_dataset(shared_data / "uavdt-gt-train")
    truths = {name: dataset.read(path) for name, path in dataset.files.items()}
    assert len(truths) == 8
    protocol = Protocol("UAVDT, no classes", rule=uavdt.PROTOCOL.rule)
    result = evaluate_sequences([(n, t, t.tracks) for n, t in truths.items()], protocol)
    for name, part in result.sequences.items():
        if name == "M0401":  # 98 true boxes lie inside its ignored rectangles
            assert (part.FN, part.FP) == (98, 0)
            continue
        assert pytest.approx([1, 1, 1]) == [part.HOTA, part.MOTA, part.IDF1], name
        assert (part.FN, part.FP, part.IDSW) == (0, 0, 0), name


@pytest.mark.shared
def test_uavdt_disturbed(shared_data: Path) -> None:
    """The figures that TrackEval 1.3's MotChallenge2DBox gives for the same boxes, as MOT17."""
    folder = shared_data / "uavdt-gt-train"
    truths = {n: uavdt.read_truth(folder / f"{n}_gt.txt") for n in ("M0210", "M0501")}
    assert not any(len(truth.ignored) for truth in truths.values())
    sequences = [(name, truth, disturbed(truth.tracks)) for name, truth in truths.items()]
    result = evaluate_sequences(sequences, uavdt.PROTOCOL)
    shares = {"HOTA": 0.394041, "DetA": 0.607525, "AssA": 0.255772, "LocA": 0.823571}
    shares |= {"MOTA": 0.803764, "MOTP": 0.777363}
    shares |= {"IDF1": 0.424381, "IDP": 0.473696, "IDR": 0.384366}
    assert {name: getattr(result.overall, name) for name in shares} == pytest.approx(
        shares, abs=1e-6
    )
    numbers = {"IDSW": 85, "Frag": 1097, "MT": 41, "PT": 12, "ML": 0}
    numbers |= {"TP": 9010, "FP": 0, "FN": 2094}
    assert {name: getattr(result.overall, name) for name in numbers} == numbers
    hota = {name: part.HOTA for name, part in result.sequences.items()}
    assert hota == pytest.approx({"M0210": 0.402379, "M0501": 0.381857}, abs=1e-6)
