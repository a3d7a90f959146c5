"""What a source could not give, counted by kind."""

from __future__ import annotations


class Losses:
    """Collects losses and tells them in one line a kind.

    >>> losses = Losses()
    >>> losses.frame("not decoded", "at 1.200 s")
    >>> losses.frame("not decoded", "at 1.240 s")
    >>> losses.note("the file is cut off")
    >>> losses.lines()
    ['not decoded: 2 frames, first at 1.200 s', 'the file is cut off']
    """

    def __init__(self) -> None:
        self._frames: dict[str, tuple[int, str]] = {}
        self._notes: list[str] = []

    def frame(self, kind: str, place: str) -> None:
        """Counts one more frame lost in this way; the first place of a kind is kept."""
        count, first = self._frames.get(kind, (0, place))
        self._frames[kind] = (count + 1, first)

    def note(self, line: str) -> None:
        """Keeps a line as it is, once."""
        if line not in self._notes:
            self._notes.append(line)

    def lines(self) -> list[str]:
        """A line for each kind, in the order in which they first occurred; then the notes."""
        return [
            f"{kind}: {count} {'frame' if count == 1 else 'frames'}, first {place}"
            for kind, (count, place) in list(self._frames.items())
        ] + self._notes
