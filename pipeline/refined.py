"""The tracks of a finished run, once more with gaps filled and paths smoothed."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import InputError
from pipeline.sinks.files import write_atomically
from pipeline.sinks.mot import mot_lines
from tracking.mot import read_mot
from tracking.refine import RefineConfig, frames_of, refine

REFINED_FILE = "tracks_refined.txt"


def write_refined(folder: Path, config: RefineConfig, image_wh: tuple[int, int]) -> None:
    """Writes `tracks_refined.txt` beside `tracks.txt`, in the same format.

    A box that no detection fed, in a filled gap, has a score of 0.

    Args:
        folder: Has the `tracks.txt` of a run that is over; it stays as it is.
        config: How far to go.
        image_wh: Size of the frames.

    Raises:
        InputError: If the file cannot be read or written.
    """
    try:
        rows = refine(read_mot(folder / "tracks.txt"), config)
    except (ValueError, OSError) as error:
        raise InputError(f"{REFINED_FILE}: {error}") from error
    lines = (mot_lines(number, tracks, image_wh) for number, tracks in frames_of(rows))
    write_atomically(folder / REFINED_FILE, "".join(lines))
