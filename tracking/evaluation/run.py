"""Found tracks against true ones, sequence by sequence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from tracking.evaluation.counting import Counts, Figures, add_up, count, figures, mean
from tracking.evaluation.rows import Protocol, TrackRows, Truth


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of a tracker.

    Attributes:
        protocol: How it was compared.
        overall: Counts of all sequences added up, divided once.
        sequences: By name.
        classes: By class name, over all sequences; empty if classes were not compared.
        class_mean: Mean over `classes` of each share; `None` if there are none.
        sequence_classes: By sequence name, then by class name.
        groups: By group name, over the sequences of each.
    """

    protocol: Protocol
    overall: Figures
    sequences: dict[str, Figures]
    classes: dict[str, Figures]
    class_mean: Figures | None
    sequence_classes: dict[str, dict[str, Figures]]
    groups: dict[str, Figures]


def evaluate_sequences(
    sequences: Iterable[tuple[str, Truth, TrackRows]],
    protocol: Protocol,
    groups: Mapping[str, Collection[str]] | None = None,
) -> Evaluation:
    """The figures of found tracks, per sequence, per class and overall.

    Args:
        sequences: Name, truth and found tracks of each; at least one. Classes of both stand
            for the protocol's.
        protocol: Which boxes count, which classes have figures of their own.
        groups: Names of the sequences that are also summed up together, by group name; those
            without a sequence here are left out.

    Raises:
        ValueError: If there is no sequence, or one has an id twice in a frame.
    """
    merged: dict[str, Counts] = {}
    by_class: dict[str, dict[str, Counts]] = {}
    for name, truth, found in sequences:
        merged[name], by_class[name] = _count(name, truth, found, protocol)
    if not merged:
        raise ValueError("there is no sequence to evaluate")
    members = {
        group: [name for name in merged if name in names] for group, names in (groups or {}).items()
    }
    classes = {
        label: figures(add_up({name: parts[label] for name, parts in by_class.items()}))
        for label in protocol.classes.values()
    }
    return Evaluation(
        protocol=protocol,
        overall=figures(add_up(merged)),
        sequences={name: figures(counts) for name, counts in merged.items()},
        classes=classes,
        class_mean=mean(list(classes.values())) if classes else None,
        sequence_classes={
            name: {label: figures(counts) for label, counts in parts.items()}
            for name, parts in by_class.items()
        },
        groups={
            group: figures(add_up({name: merged[name] for name in names}))
            for group, names in members.items()
            if names
        },
    )


def _count(
    name: str, truth: Truth, found: TrackRows, protocol: Protocol
) -> tuple[Counts, dict[str, Counts]]:
    """The counts of a sequence, overall and by class."""
    length = truth.length or found.last_frame
    true, found = protocol.rule(truth, found[found.frames <= length])
    by_class = {
        label: _count_one(name, true[true.classes == at], found[found.classes == at])
        for at, label in protocol.classes.items()
    }
    overall = _count_one(name, true, found) if protocol.merged else add_up(by_class)
    return overall, by_class


def _count_one(name: str, true: TrackRows, found: TrackRows) -> Counts:
    for rows, what in ((true, "the ground truth"), (found, "the results")):
        order = np.lexsort((rows.ids, rows.frames))
        twice = (np.diff(rows.frames[order]) == 0) & (np.diff(rows.ids[order]) == 0)
        if twice.any():
            row = order[int(np.argmax(twice))]
            raise ValueError(
                f"{name}: frame {rows.frames[row]}: {what} have id {rows.ids[row]} twice; "
                f"an id stands for one object"
            )
    return count(true, found)
