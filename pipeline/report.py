"""The table at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from pipeline.batch import Outcome


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
