"""Keeps on the disk what a later run needs to go on with a source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pipeline.errors import ResumeError
from pipeline.frame import Frame, Lasting, Place, Result, Sink
from pipeline.identity import Identity
from pipeline.sources.resuming import checksum
from pipeline.state import State, field
from pipeline.state_file import read_state, write_state
from pipeline.tally import Spent, Tally

CHECKPOINT_FILE = ".resume"
_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """Where an earlier run was.

    Attributes:
        place: The last frame that all its files hold.
        tally: Of the frames that it had taken by then.
        spent: Its working times.
        memory: State of the track step.
        sinks: State of each sink, by its class.
    """

    place: Place
    tally: Tally
    spent: Spent
    memory: State
    sinks: dict[str, State]

    def sink(self, kind: type) -> State:
        """State of the sink of this class.

        Raises:
            ResumeError: If there was none.
        """
        return field(self.sinks, kind.__name__, dict)


class Checkpoints:
    """The last sink: keeps the state of all, once their files hold what belongs to it.

    A frame that the encoder still holds when its state is taken is awaited, without another
    step of the encoder: so a run is the same with and without checkpoints. The file is replaced
    in one step, so there is a whole one at any time.

    Args:
        folder: Of the source.
        identity: Of settings and input; the file is of no use for others.
        sinks: Those before; each that is `Lasting` is kept by its class.
        lost: What the source has lost so far.
        spent: The working times so far.
    """

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        sinks: Sequence[Sink],
        lost: Callable[[], list[str]],
        spent: Callable[[], State],
    ) -> None:
        self._path = folder / CHECKPOINT_FILE
        self._identity = identity
        self._sinks = {type(sink).__name__: sink for sink in sinks if isinstance(sink, Lasting)}
        self._lost = lost
        self._spent = spent
        self._waiting: dict[str, State] | None = None

    def write(self, result: Result) -> None:
        """Takes note of where the run is if the result bears the tracker's memory.

        Raises:
            InputError: If the disk is full, or the folder has gone.
        """
        self._keep_if_held()
        # One that waits goes first: it might never come to its end if it were replaced.
        if result.memory is not None and self._waiting is None:
            self._waiting = {
                "memory": result.memory,
                "place": _place(result.frame, self._lost()),
                "sinks": {name: sink.state() for name, sink in self._sinks.items()},
                "spent": self._spent(),
            }
            self._keep_if_held()

    def close(self) -> None:
        """Leaves the last state for a later run."""

    def _keep_if_held(self) -> None:
        if self._waiting is None:
            return
        states = self._waiting["sinks"]
        if all(sink.holds(states[name]) for name, sink in self._sinks.items()):
            head = {"format": _FORMAT, **self._identity.as_dict()}
            write_state(self._path, {**head, **self._waiting})
            self._waiting = None


def read_saved(folder: Path, identity: Identity) -> Saved | None:
    """Where an earlier run was with the source of this folder; `None` if it left no word.

    Raises:
        ResumeError: If the file cannot be used, or is of other settings or another input.
    """
    path = folder / CHECKPOINT_FILE
    state = read_state(path)
    if state is None:
        return None
    if field(state, "format", int) != _FORMAT:
        raise ResumeError(f"{path}: of another version of the program")
    for name, now in identity.as_dict().items():
        if field(state, name, str) != now:
            raise ResumeError(f"{path}: of other {name}")
    sinks = field(state, "sinks", dict)
    return Saved(
        _read_place(field(state, "place", dict)),
        Tally(field(sinks, Tally.__name__, dict)),
        Spent(field(state, "spent", dict)),
        field(state, "memory", dict),
        sinks,
    )


def _place(frame: Frame, lost: list[str]) -> State:
    return {
        "index": frame.index,
        "pts": frame.pts,
        "time_base": [frame.time_base.numerator, frame.time_base.denominator],
        "checksum": checksum(frame.image),
        "lost": list(lost),
    }


def _read_place(state: State) -> Place:
    try:
        time_base = Fraction(*field(state, "time_base", list))
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise ResumeError(f"time base: {error}") from error
    return Place(
        field(state, "index", int),
        field(state, "pts", int),
        time_base,
        field(state, "checksum", int),
        tuple(map(str, field(state, "lost", list))),
    )
