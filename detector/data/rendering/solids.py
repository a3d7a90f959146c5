"""Solids of a frame: posed, culled, lit and sorted for drawing, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.backdrop import NEAR_M, SHIFT, Stage
from detector.data.rendering.camera import Camera
from detector.data.rendering.light import Light
from detector.data.rendering.mesh import GLOSS, Mesh

F64 = NDArray[np.float64]
Ints = NDArray[np.int64]

DETAIL_PX = 30.0
"""From this length on an object is drawn with its detailed mesh."""


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """A mesh in two details with colours, ready to be posed.

    Attributes:
        meshes: Plain and detailed.
        scale: `(3,)`.
        palette: `(len(Material), 3)` RGB.
        group: Index of the object that it is part of.
        radius_m: Of a sphere around it.
    """

    meshes: tuple[Mesh, Mesh]
    scale: F64
    palette: F64
    group: int
    radius_m: float


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """All faces of a frame that are turned to the camera, far to near within their group.

    Attributes:
        corners: `(F, 4, 2)` fixed-point pixels.
        colours: RGB of each.
        starts: First and end row of each group.
        extents: Box of each group's projected points.
        distances: Of each group's nearest part from the camera, along the ground.
    """

    corners: NDArray[np.int32]
    colours: list[list[float]]
    starts: dict[int, tuple[int, int]]
    extents: dict[int, F64]
    distances: dict[int, float]


class SolidBatch:
    """Solids whose faces are made ready frame by frame.

    Args:
        solids: All of them.
        shaded: `(G,)` whether a group stands in the shade that others throw.
    """

    def __init__(self, solids: Sequence[Solid], shaded: NDArray[np.bool_]) -> None:
        self._solids, self._shaded = solids, shaded
        self._radius = np.array([solid.radius_m for solid in solids])
        self._group = np.array([solid.group for solid in solids], np.int64)
        self._palettes = np.array([solid.palette for solid in solids])
        self._ready: dict[tuple[int, int], tuple[F64, F64]] = {}

    def faces(self, stage: Stage, camera: Camera, poses: F64) -> Faces:
        """The faces that a camera sees of solids at poses `(S, 3)`: x, y and heading."""
        index, detail = self._visible(camera, poses)
        if len(index) == 0:
            return Faces(np.zeros((0, 4, 2), np.int32), [], {}, {}, {})
        return self._batch((stage, camera), poses, index, detail)

    def _visible(self, camera: Camera, poses: F64) -> tuple[Ints, Ints]:
        """Solids that may show, and the detail of each."""
        middle = np.column_stack([poses[:, :2], np.ones(len(poses))])
        pixels, depth = camera.project(middle)
        size = self._radius * camera.focal_px / np.maximum(depth, 0.1)
        width, height = camera.image_wh
        inside = (pixels > -size[:, None] * 1.5).all(axis=1)
        inside &= (pixels[:, 0] < width + 1.5 * size) & (pixels[:, 1] < height + 1.5 * size)
        tall_ok = depth > self._radius + NEAR_M
        index = np.flatnonzero(inside & tall_ok & (size > 0.7))
        return index, (2 * size[index] > DETAIL_PX).astype(np.int64)

    def _prepared(self, index: int, detail: int) -> tuple[F64, F64]:
        """A solid's scaled points and normals in its own axes."""
        key = (index, detail)
        if key not in self._ready:
            solid = self._solids[index]
            mesh = solid.meshes[detail]
            self._ready[key] = (mesh.points * solid.scale, mesh.normals(solid.scale))
        return self._ready[key]

    def _batch(self, view: tuple[Stage, Camera], poses: F64, index: Ints, detail: Ints) -> Faces:
        """Transforms, culls, lights and sorts the faces of many solids at once."""
        stage, camera = view
        ready = [self._prepared(int(i), int(d)) for i, d in zip(index, detail, strict=True)]
        meshes = [self._solids[int(i)].meshes[int(d)] for i, d in zip(index, detail, strict=True)]
        points = np.concatenate([r[0] for r in ready])
        normals = np.concatenate([r[1] for r in ready])
        per_point = np.repeat(np.arange(len(index)), [len(r[0]) for r in ready])
        per_face = np.repeat(np.arange(len(index)), [len(r[1]) for r in ready])
        heading = poses[index, 2]
        cos, sin = np.cos(heading), np.sin(heading)
        world = _turned(points, cos[per_point], sin[per_point])
        world[:, :2] += poses[index, :2][per_point]
        outward = _turned(normals, cos[per_face], sin[per_face])
        first = np.cumsum([0] + [len(r[0]) for r in ready[:-1]])
        faces = np.concatenate([mesh.faces for mesh in meshes]) + first[per_face][:, None]
        material = np.concatenate([mesh.materials for mesh in meshes])
        lift = np.concatenate([mesh.lift for mesh in meshes])
        pixels, _ = camera.project(world)
        centre = world[faces].mean(axis=1)
        eye = centre - camera.position
        far = np.linalg.norm(eye, axis=1)
        keep = np.einsum("ij,ij->i", eye, outward) < 0
        group = self._group[index]
        keep = np.flatnonzero(keep)
        keep = keep[np.lexsort((lift[keep] - far[keep], group[per_face[keep]]))]
        lit = 1 - stage.shade.at(poses[index, :2]) * self._shaded[group]
        owner = per_face[keep]
        albedo = self._palettes[index[owner], material[keep]]
        near_ground = np.clip(0.55 + 0.5 * centre[keep, 2] / 0.8, 0, 1)[:, None]
        colours = shaded(
            stage.light,
            (outward[keep], eye[keep] / far[keep, None]),
            albedo * near_ground,
            GLOSS[material[keep]],
            np.clip(lit, 0, 1)[owner],
        )
        colours = np.clip(stage.light.through_air(colours, far[keep]), 0, 255)
        fixed = np.round((pixels * stage.sampling - 0.5) * (1 << SHIFT)).astype(np.int32)
        distance = np.hypot(*(poses[index, :2] - camera.position[:2]).T)
        return Faces(
            fixed[faces[keep]],
            colours.tolist(),
            _runs(group[owner]),
            _extents(pixels, group[per_point]),
            _nearest(distance, group),
        )


def shaded(light: Light, directions: tuple[F64, F64], albedo: F64, gloss: F64, lit: F64) -> F64:
    """RGB `(F, 3)` of faces under a light.

    Args:
        light: Sun and sky.
        directions: Unit normals and unit rays from the eye, `(F, 3)` each.
        albedo: `(F, 3)` RGB.
        gloss: `(F,)` share mirrored at right angles; 0 is dull.
        lit: `(F,)` 0 in shadow.
    """
    normals, rays = directions
    facing = np.clip(-np.einsum("ij,ij->i", rays, normals), 0, 1)
    fresnel = np.where(gloss > 0, gloss + (1 - gloss) * (1 - facing) ** 5 * 0.6, 0)[:, None]
    mirrored = light.mirror(rays, normals) * (0.5 + 0.5 * lit)[:, None]
    return np.asarray(albedo * light.shade(normals, lit) * (1 - fresnel) + fresnel * mirrored)


def _turned(vectors: F64, cos: F64, sin: F64) -> F64:
    """Vectors `(N, 3)` turned about z, each by its own angle."""
    x, y = vectors[:, 0], vectors[:, 1]
    return np.column_stack([cos * x - sin * y, sin * x + cos * y, vectors[:, 2]])


def _runs(owner: Ints) -> dict[int, tuple[int, int]]:
    """First and end row of each value in a sorted array."""
    values, first = np.unique(owner, return_index=True)
    ends = [*first[1:].tolist(), len(owner)]
    return {int(v): (int(a), int(b)) for v, a, b in zip(values, first, ends, strict=True)}


def _extents(pixels: F64, group: Ints) -> dict[int, F64]:
    """The box of each group's points."""
    order = np.argsort(group, kind="stable")
    values, first = np.unique(group[order], return_index=True)
    low = np.minimum.reduceat(pixels[order], first, axis=0)
    high = np.maximum.reduceat(pixels[order], first, axis=0)
    return dict(zip(values.tolist(), np.column_stack([low, high]), strict=True))


def _nearest(distance: F64, group: Ints) -> dict[int, float]:
    """The least distance of each group."""
    values, where = np.unique(group, return_inverse=True)
    least = np.full(len(values), np.inf)
    np.minimum.at(least, where, distance)
    return dict(zip(values.tolist(), least.tolist(), strict=True))
