"""The tables at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from rich.table import Table
from rich.text import Text

from pipeline.batch import Outcome
from pipeline.score import Score


def summary_table(outcomes: Sequence[Outcome]) -> Table:
    """One row for each source: frames, frames/s, unique objects of each class, losses, folder."""
    table = Table(title="Summary", title_justify="left")
    for heading in ("source", "frames", "frames/s", "unique objects", "lost", "folder"):
        right = heading in {"frames", "frames/s"}
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for outcome in outcomes:
        table.add_row(*(Text(cell) for cell in _row(outcome)))
    return table


def _row(outcome: Outcome) -> list[str]:
    summary = outcome.summary
    if summary is None:
        return [outcome.source, "-", "-", "failed", "-", str(outcome.folder)]
    unique = ", ".join(f"{name} {totals.unique_tracks}" for name, totals in summary.counts.items())
    lost = "; ".join(summary.lost) or "nothing"
    rate = f"{summary.frames_per_second:.1f}"
    return [
        outcome.source,
        str(summary.input.frames),
        rate,
        unique or "none",
        lost,
        str(outcome.folder),
    ]


def score_table(scores: Sequence[Score]) -> Table:
    """One row for each class: what is truly there, what was found, and how well."""
    table = Table(title="Found against the truth", title_justify="left", caption_justify="left")
    table.add_column("class")
    for heading in ("true objects", "found", "tracks", "recall", "precision", "id switches"):
        table.add_column(heading, justify="right")
    for score in scores:
        shares = [_share(score.recall), _share(score.precision)]
        counts = [str(number) for number in (score.objects, score.found, score.tracks)]
        table.add_row(score.name, *counts, *shares, str(score.switches))
    table.caption = (
        "found: tracked in at least half of the frames that show it; recall and precision of "
        "boxes at IoU 0.5"
    )
    return table


def _share(share: float) -> str:
    return "-" if isnan(share) else f"{share:.3f}"
