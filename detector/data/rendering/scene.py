"""A scene: everything that stands, lies and moves under a flight."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.buildings import building
from detector.data.rendering.clutter import clutter
from detector.data.rendering.props import Prop
from detector.data.rendering.shapes import Cover, Shape
from detector.data.rendering.traffic import Kind, Mover, mover, parked

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A plant to be drawn: which sort, where, and its crown's radius."""

    sort: int
    at: F64
    radius_m: float


@dataclass(slots=True, eq=False)
class Scene:
    """What a layout fills.

    Attributes:
        rng: The scene's own generator.
        season: summer, autumn, winter, dry or snow.
        extent_m: Half side of the square that is furnished.
        base: Ground where nothing else lies.
        shapes, lines: Ground painted first and markings painted on top.
        movers, props, trees: What stands on it.
        blocked, blocks: Circles that are taken, `x, y, radius` in the first `blocks` rows.
    """

    rng: np.random.Generator
    season: str
    extent_m: float
    base: Cover
    shapes: list[Shape] = field(default_factory=list)
    lines: list[Shape] = field(default_factory=list)
    movers: list[Mover] = field(default_factory=list)
    props: list[Prop] = field(default_factory=list)
    trees: list[Tree] = field(default_factory=list)
    blocked: F64 = field(default_factory=lambda: np.zeros((512, 3)))
    blocks: int = 0

    def free(self, at: F64, radius_m: float) -> bool:
        """Whether a circle touches nothing that is blocked."""
        taken = self.blocked[: self.blocks]
        gap = (taken[:, 0] - at[0]) ** 2 + (taken[:, 1] - at[1]) ** 2
        return not bool((gap < (taken[:, 2] + radius_m) ** 2).any())

    def block_line(self, line: F64, radius_m: float) -> None:
        """Keeps the surroundings of points `(N, 2)` free."""
        end = self.blocks + len(line)
        while end > len(self.blocked):
            self.blocked = np.concatenate([self.blocked, np.zeros_like(self.blocked)])
        self.blocked[self.blocks : end, :2] = line
        self.blocked[self.blocks : end, 2] = radius_m
        self.blocks = end

    def park(self, kind: Kind, at: F64, heading: float) -> None:
        """A parked vehicle or a standing person."""
        self.movers.append(parked(kind, at, heading, len(self.movers) + 1))

    def drive(self, kind: Kind, path: F64, start_m: float, speed_mps: float) -> None:
        """A vehicle or person on a path."""
        self.movers.append(mover(kind, path, start_m, speed_mps, len(self.movers) + 1))

    def furnish(self, kind: str, at: F64, heading: float) -> None:
        """A piece of clutter where it is free."""
        prop = clutter(self.rng, kind, at, heading)
        if self.free(at, 0.5 if kind == "lamp" else float(prop.footprint.max()) / 2):
            self.props.append(prop)
            self.block_line(at[None], float(prop.footprint.max()) / 2)

    def build(self, at: F64, heading: float, size: tuple[float, float, float]) -> None:
        """A building where it is free."""
        unit = np.array([np.cos(heading), np.sin(heading)])
        half = size[1] / 2
        spots = [
            at + unit * d
            for d in np.linspace(
                -size[0] / 2 + half, size[0] / 2 - half, 3 + int(size[0] / max(size[1], 1))
            )
        ]
        if all(self.free(spot, half * 1.15) for spot in spots):
            self.props += building(self.rng, at, heading, size)
            self.block_line(np.array(spots), half * 1.15)

    def plant(self, at: F64, sort: int, radius_m: float) -> None:
        """A tree whose trunk finds room."""
        if self.free(at, 0.4):
            self.trees.append(Tree(sort, at, radius_m))
