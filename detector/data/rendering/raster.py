"""Draws a scene's frames: ground, sky, solids and plants from far to near, with their truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.camera import Camera
from detector.data.rendering.ground import Ground, Shade, row_texel
from detector.data.rendering.light import Light
from detector.data.rendering.mesh import GLOSS, Mesh
from detector.data.rendering.plants import SPRITE_PX

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
Ints = NDArray[np.int64]

SHIFT = 3
DETAIL_PX = 30.0
"""From this length on an object is drawn with its detailed mesh."""
NEAR_M = 2.0
CONTACT = 255
SUN_SHADOW = 190
"""Value of a full sun shadow in the ground's shadow channel; above it is contact shade."""


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
class Leaves:
    """A placed plant: sprite, place, crown height and radius in metres, trunk colour."""

    sprite: U8
    at: F64
    crown_m: float
    radius_m: float
    trunk: F64
    turned: bool


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What one frame shows of each group that was drawn.

    Attributes:
        groups: `(N,)`.
        boxes: `(N, 4)` extent of the projected mesh, not clipped.
        shares: `(N,)` share of the projected area that is inside the frame and not hidden.
    """

    groups: Ints
    boxes: F64
    shares: F64


@dataclass(frozen=True, slots=True, eq=False)
class _Faces:
    """All faces of a frame that are turned to the camera, sorted within their group."""

    corners: NDArray[np.int32]
    colours: list[list[float]]
    starts: dict[int, tuple[int, int]]
    extents: dict[int, F64]


class Rasteriser:
    """Draws frames of solids and plants that stand still or are posed per frame.

    Args:
        ground: The painted ground.
        light: Sun and sky.
        solids: Everything with faces.
        leaves: Everything with leaves.
        labelled: `(G,)` whether the truth of a group is wanted.
        sampling: Pixels drawn per pixel along each side.
    """

    def __init__(
        self,
        ground: Ground,
        light: Light,
        solids: Sequence[Solid],
        leaves: Sequence[Leaves],
        labelled: NDArray[np.bool_],
        sampling: int,
        skyline: F64,
        shade: Shade,
    ) -> None:
        self._ground, self._light, self._solids, self._leaves = ground, light, solids, leaves
        self._labelled, self._sampling, self._skyline = labelled, sampling, skyline
        self._shade = shade
        self._radius = np.array([solid.radius_m for solid in solids])
        self._group = np.array([solid.group for solid in solids], np.int64)
        self._ready: dict[tuple[int, int], tuple[F64, F64]] = {}
        share = np.minimum(np.arange(256) / SUN_SHADOW, 1.0)[:, None]
        deep = np.clip((np.arange(256) - SUN_SHADOW) / (255 - SUN_SHADOW), 0, 1)[:, None]
        factor = (1 - share * (1 - light.ambient)) * (1 - 0.6 * deep)
        self._factor = np.clip(factor * 200, 0, 255).astype(np.uint8)

    def draw(self, camera: Camera, poses: F64, hulls: Sequence[F64]) -> tuple[U8, Drawn]:
        """One frame `(H, W, 3)` RGB and its truth.

        Args:
            camera: Where from.
            poses: `(S, 3)` x, y and heading of each solid.
            hulls: Ground polygons that moving objects shade.
        """
        canvas = self._backdrop(camera, hulls)
        faces, order = self._faces(camera, poses)
        painted = self._paint(canvas, camera, faces, order)
        width, height = camera.image_wh
        small = cv2.resize(canvas[..., :3], (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8), self._truth(canvas, camera, faces, painted)

    def _backdrop(self, camera: Camera, hulls: Sequence[F64]) -> U8:
        """Ground with shadows, haze and sky, enlarged for drawing."""
        ground = self._ground.warp(camera)
        shadow = np.ascontiguousarray(ground[..., 3])
        self._shade_moving(shadow, camera, hulls)
        factor = cv2.LUT(cv2.merge([shadow] * 3), self._factor[None])
        image = cv2.multiply(ground[..., :3], factor, scale=1 / 200)
        image = self._air(np.asarray(image, np.uint8), camera)
        big = np.zeros((*image.shape[:2], 4), np.uint8)
        big[..., :3] = image
        s = self._sampling
        width, height = camera.image_wh
        big = np.asarray(cv2.resize(big, (width * s, height * s), interpolation=cv2.INTER_NEAREST))
        self._draw_skyline(big, camera)
        return big

    def _shade_moving(self, shadow: U8, camera: Camera, hulls: Sequence[F64]) -> None:
        if not hulls:
            return
        mask = np.zeros_like(shadow)
        for k, hull in enumerate(hulls):
            pixels, depth = camera.project(np.column_stack([hull, np.zeros(len(hull))]))
            if (depth < NEAR_M).any():
                continue
            fixed = np.round((pixels - 0.5) * 16).astype(np.int32)
            value = SUN_SHADOW if k % 2 == 0 else CONTACT
            cv2.fillConvexPoly(mask, fixed, value, cv2.LINE_AA, 4)
        texel = float(np.median(row_texel(camera)))
        sigma = self._light.shadow_softness_m / texel * 0.7
        if sigma > 0.4:
            mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), min(sigma, 6.0)), np.uint8)
        np.maximum(shadow, mask, out=shadow)

    def _air(self, image: U8, camera: Camera) -> U8:
        """Haze over the ground and the sky above it, row by row."""
        width, height = camera.image_wh
        rows = np.arange(height) + 0.5
        rays = camera.rays(np.column_stack([np.full(height, width / 2), rows]))
        unit = rays / np.linalg.norm(rays, axis=1, keepdims=True)
        distance = np.where(unit[:, 2] < 0, camera.position[2] / np.maximum(-unit[:, 2], 1e-9), 1e9)
        thick = 1 - np.exp(-np.minimum(distance / self._light.haze_m, 50.0))
        thick = np.maximum(thick, np.clip((distance - 900) / 600, 0, 1))
        if thick.max() < 0.02:
            return image
        up = np.clip(unit[:, 2] * 3, 0, 1)[:, None]
        veil = self._light.haze * (1 - up) + self._light.sky * up
        last = int(np.flatnonzero(thick >= 0.02)[-1]) + 1
        part = image[:last].astype(np.float32)
        alpha = thick[:last, None, None].astype(np.float32)
        part = part * (1 - alpha) + veil[:last, None, :].astype(np.float32) * alpha
        image[:last] = np.clip(part, 0, 255).astype(np.uint8)
        return image

    def _draw_skyline(self, canvas: U8, camera: Camera) -> None:
        """Distant blocks and woods on the horizon: rows of azimuth, width, height, grey."""
        yaw = np.arctan2(camera.rotation[2, 0], camera.rotation[2, 1])
        top_row = camera.rays(np.array([[camera.image_wh[0] / 2, 0.0]]))[0]
        if top_row[2] / np.linalg.norm(top_row) < -0.12:
            return
        for azimuth, wide, high, grey in self._skyline:
            if abs((azimuth - yaw + np.pi) % (2 * np.pi) - np.pi) > 1.0:
                continue
            angle = np.array([azimuth, azimuth + wide, azimuth + wide, azimuth])
            rise = np.array([-0.03, -0.03, high, high])
            way = np.column_stack([np.sin(angle), np.cos(angle), rise]) * 2000.0
            pixels, depth = camera.project(way + camera.position)
            if (depth < 10).any():
                continue
            colour = self._light.haze * 0.68 + 0.32 * grey
            self._fill(canvas, pixels, (*colour.tolist(), 0.0))

    def _fill(self, canvas: U8, pixels: F64, colour: tuple[float, ...]) -> None:
        fixed = np.round((pixels * self._sampling - 0.5) * (1 << SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(canvas, fixed, colour, cv2.LINE_8, SHIFT)

    def _prepared(self, index: int, detail: int) -> tuple[F64, F64]:
        """A solid's scaled points and normals in its own axes."""
        key = (index, detail)
        if key not in self._ready:
            solid = self._solids[index]
            mesh = solid.meshes[detail]
            self._ready[key] = (mesh.points * solid.scale, mesh.normals(solid.scale))
        return self._ready[key]

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

    def _faces(self, camera: Camera, poses: F64) -> tuple[_Faces, list[tuple[float, int, bool]]]:
        """Faces to draw and the order of groups and plants, far to near."""
        index, detail = self._visible(camera, poses)
        order = [
            (float(np.hypot(*(leaf.at - camera.position[:2]))), k, True)
            for k, leaf in enumerate(self._leaves)
        ]
        if len(index) == 0:
            empty = _Faces(np.zeros((0, 4, 2), np.int32), [], {}, {})
            return empty, sorted(order, reverse=True)
        batch = self._batch(camera, poses, index, detail)
        distance = np.hypot(*(poses[index, :2] - camera.position[:2]).T)
        nearest: dict[int, float] = {}
        for group, d in zip(self._group[index].tolist(), distance.tolist(), strict=True):
            nearest[group] = min(d, nearest.get(group, np.inf))
        order += [(d, group, False) for group, d in nearest.items()]
        return batch, sorted(order, reverse=True)

    def _batch(self, camera: Camera, poses: F64, index: Ints, detail: Ints) -> _Faces:
        """Transforms, culls, lights and sorts the faces of many solids at once."""
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
        lit = 1 - self._shade.at(poses[index, :2]) * self._labelled[group]
        colours = self._shaded(
            outward[keep],
            eye[keep] / far[keep, None],
            far[keep],
            material[keep],
            (per_face[keep], index, np.clip(lit, 0, 1), centre[keep, 2]),
        )
        fixed = np.round((pixels * self._sampling - 0.5) * (1 << SHIFT)).astype(np.int32)
        owner = group[per_face[keep]]
        return _Faces(
            fixed[faces[keep]], colours.tolist(), _runs(owner), _extents(pixels, group[per_point])
        )

    def _shaded(
        self, normals: F64, rays: F64, far: F64, material: Ints, where: tuple[Ints, Ints, F64, F64]
    ) -> F64:
        """RGB `(F, 3)` of faces in the scene's light, as seen through its air."""
        owner, index, lit, height = where
        palettes = np.stack([self._solids[int(i)].palette for i in index])
        albedo = palettes[owner, material]
        light = self._light.shade(normals, lit[owner])
        near_ground = np.clip(0.55 + 0.5 * height / 0.8, 0, 1)[:, None]
        gloss = GLOSS[material]
        facing = np.clip(-np.einsum("ij,ij->i", rays, normals), 0, 1)
        fresnel = np.where(gloss > 0, gloss + (1 - gloss) * (1 - facing) ** 5 * 0.6, 0)[:, None]
        mirrored = self._light.mirror(rays, normals) * (0.5 + 0.5 * lit[owner])[:, None]
        colour = albedo * light * near_ground * (1 - fresnel) + fresnel * mirrored
        return np.clip(self._light.through_air(colour, far), 0, 255)

    def _paint(
        self, canvas: U8, camera: Camera, faces: _Faces, order: list[tuple[float, int, bool]]
    ) -> dict[int, tuple[int, int]]:
        """Draws everything; the code and the own pixels of each labelled group."""
        painted: dict[int, tuple[int, int]] = {}
        for _, which, is_plant in order:
            if is_plant:
                self._draw_leaves(canvas, camera, self._leaves[which])
                continue
            if which not in faces.starts:
                continue
            code = len(painted) % 255 + 1 if self._labelled[which] else 0
            first, last = faces.starts[which]
            for corners, (r, g, b) in zip(
                faces.corners[first:last], faces.colours[first:last], strict=True
            ):
                cv2.fillConvexPoly(canvas, corners, (r, g, b, code), cv2.LINE_8, SHIFT)
            if code:
                painted[which] = (code, self._count(canvas, faces.extents[which], code))
        return painted

    def _count(self, canvas: U8, box: F64, code: int) -> int:
        """Pixels of a code within a box."""
        height, width = canvas.shape[:2]
        low = np.floor(box[:2] * self._sampling).astype(int) - 1
        high = np.ceil(box[2:] * self._sampling).astype(int) + 1
        x0, y0 = np.maximum(low, 0)
        x1, y1 = np.minimum(high, [width, height])
        if x1 <= x0 or y1 <= y0:
            return 0
        return int(np.count_nonzero(canvas[y0:y1, x0:x1, 3] == code))

    def _truth(
        self, canvas: U8, camera: Camera, faces: _Faces, painted: dict[int, tuple[int, int]]
    ) -> Drawn:
        groups = [g for g, (_, own) in painted.items() if own > 0]
        boxes = np.array([faces.extents[g] for g in groups]).reshape(-1, 4)
        limit = np.array([*camera.image_wh, *camera.image_wh], np.float64)
        clipped = np.clip(boxes, 0, limit)
        area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        inside = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1) / np.maximum(area, 1e-9)
        seen = np.array(
            [self._count(canvas, faces.extents[g], painted[g][0]) / painted[g][1] for g in groups]
        )
        return Drawn(np.array(groups, np.int64), boxes, seen.reshape(-1) * inside)

    def _draw_leaves(self, canvas: U8, camera: Camera, leaf: Leaves) -> None:
        ends = np.array([[*leaf.at, 0.0], [*leaf.at, leaf.crown_m]])
        pixels, depth = camera.project(ends)
        if depth.min() < NEAR_M + leaf.radius_m:
            return
        size = leaf.radius_m * camera.focal_px / depth[1] * self._sampling
        u, v = pixels[1] * self._sampling
        height, width = canvas.shape[:2]
        reach = size * 1.45
        if size < 0.8 or u < -reach or v < -reach or u > width + reach or v > height + reach * 3:
            return
        air = float(np.exp(-depth[1] / self._light.haze_m))
        lean = pixels[1] - pixels[0]
        trunk = leaf.trunk * self._light.ambient * 1.1
        self._draw_trunk(canvas, pixels, size, trunk * air + self._light.haze * (1 - air))
        angle = np.arctan2(lean[0], -lean[1]) if leaf.turned else 0.0
        _stamp(canvas, leaf.sprite, (u, v, size, float(angle)), air, self._light.haze)

    def _draw_trunk(self, canvas: U8, pixels: F64, size: float, colour: F64) -> None:
        ends = np.round(pixels * self._sampling * 8).astype(int)
        thick = max(1, round(size * 0.11))
        cv2.line(
            canvas,
            ends[0].tolist(),
            ends[1].tolist(),
            (*colour.tolist(), 0.0),
            thick,
            cv2.LINE_8,
            3,
        )


def _stamp(
    canvas: U8, sprite: U8, where: tuple[float, float, float, float], air: float, haze: F64
) -> None:
    """Pastes a sprite with its middle at `(u, v)`, its unit `size` pixels, turned by an angle."""
    u, v, size, angle = where
    reach = size * 1.45 * (1.42 if angle else 1.0)
    height, width = canvas.shape[:2]
    x0, y0 = max(int(u - reach), 0), max(int(v - reach), 0)
    x1, y1 = min(int(u + reach) + 1, width), min(int(v + reach) + 1, height)
    if x1 <= x0 or y1 <= y0:
        return
    scale = size * 2.9 / SPRITE_PX
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    half = SPRITE_PX / 2
    matrix = np.array([[c, -s, u - x0 - c * half + s * half], [s, c, v - y0 - s * half - c * half]])
    flags = cv2.INTER_NEAREST if scale > 0.7 else cv2.INTER_LINEAR
    if scale < 0.35:
        small = max(8, int(SPRITE_PX * scale * 1.5))
        shrink = small / SPRITE_PX
        sprite = np.asarray(
            cv2.resize(sprite, (small, small), interpolation=cv2.INTER_AREA), np.uint8
        )
        matrix[:, :2] /= shrink
    turned = cv2.warpAffine(sprite, matrix, (x1 - x0, y1 - y0), flags=flags)
    mask = cv2.compare(cv2.extractChannel(turned, 3), 110, cv2.CMP_GT)
    if air < 0.97:
        veil = np.empty_like(turned)
        veil[:] = (*haze.tolist(), 0)
        turned = cv2.addWeighted(turned, air, veil, 1 - air, 0)
    turned[..., 3] = 0
    cv2.copyTo(turned, mask, canvas[y0:y1, x0:x1])


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
