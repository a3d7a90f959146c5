"""Views composed of drawn images, before their colours change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.data.augment import View, cut_view, mosaic, quadrants, squash, turn
from detector.data.distortion import (
    centred,
    distort,
    distorts,
    draw_distortion,
    fit,
    published_mosaic,
)
from detector.data.mixing import cut_out, paste
from detector.data.pool import Pool
from detector.data.views_config import AugmentConfig


class Composer:
    """Composes views of images drawn from data sets by their shares.

    Changes that are off draw nothing, so that a new one leaves the views of other runs alone.

    Args:
        pools: Data sets to draw from, none empty.
        image_px: Side of a view at which `SourceConfig.scale` holds; that of others scales along.
        augment: How views are made.
    """

    def __init__(self, pools: Sequence[Pool], image_px: int, augment: AugmentConfig) -> None:
        self._pools = list(pools)
        self._image_px = image_px
        self._augment = augment
        shares = np.array([pool.config.share for pool in pools])
        self._shares = shares / shares.sum()

    def compose(self, px: int, lead: int | None, rng: np.random.Generator) -> View:
        """A view of side `px`: from one image or four, distorted, with objects pasted on.

        Args:
            px: Side.
            lead: Number of the image to begin with, in the first data set; `None` draws it.
            rng: Of all draws.
        """
        published = self._augment.mosaic_form == "published"
        view = self._published(px, lead, rng) if published else self._windows(px, lead, rng)
        if self._augment.paste and rng.random() < self._augment.paste:
            view = self._paste(view, px, rng)
        if self._augment.up_down and rng.random() < self._augment.up_down:
            view = turn(view, 2, mirrored=True)
        return view

    def _windows(self, px: int, lead: int | None, rng: np.random.Generator) -> View:
        if rng.random() < self._augment.mosaic:
            x, y = rng.integers(px // 4, px * 3 // 4 + 1, 2).tolist()
            sizes = quadrants(px, (x, y))
            leads = (lead, None, None, None)
            zoom = px / self._image_px
            parts = [self._cut(s, zoom, i, rng) for s, i in zip(sizes, leads, strict=True)]
            view = mosaic(parts, px, (x, y))
        else:
            view = self._cut((px, px), px / self._image_px, lead, rng)
        if not distorts(self._augment):
            return view
        return distort(view, draw_distortion(px, px, self._augment, rng), px)

    def _cut(
        self, out_wh: tuple[int, int], zoom: float, lead: int | None, rng: np.random.Generator
    ) -> View:
        """A window of an image, scaled and turned."""
        pool, index = self._draw(lead, rng)
        whole = pool[index]
        scale = self._scale(pool, rng) * zoom
        quarters = int(rng.integers(4)) if pool.config.quarter_turns else 0
        lost = self._augment.squash * rng.random() if rng.random() < 0.5 else 0.0
        tall_wh = (out_wh[0], round(out_wh[1] / (1 - lost)))
        cut_wh = tall_wh if quarters % 2 == 0 else (tall_wh[1], tall_wh[0])
        view = cut_view(whole, cut_wh, scale, rng)
        view = turn(view, quarters, mirrored=bool(rng.random() < 0.5))
        return view if tall_wh == out_wh else squash(view, out_wh)

    def _published(self, px: int, lead: int | None, rng: np.random.Generator) -> View:
        """The mosaic of TPH-YOLOv5's code, or one image fitted to the view; both distorted."""
        if rng.random() < self._augment.mosaic:
            x, y = rng.integers(px // 2, px * 3 // 2 + 1, 2).tolist()
            parts = [self._fitted(px, i, rng) for i in (lead, None, None, None)]
            view = published_mosaic(parts, 2 * px, (x, y))
        else:
            view = centred(self._fitted(px, lead, rng), px)
        matrix = draw_distortion(view.image.shape[0], px, self._augment, rng)
        return turn(distort(view, matrix, px), 0, mirrored=bool(rng.random() < 0.5))

    def _fitted(self, px: int, lead: int | None, rng: np.random.Generator) -> View:
        pool, index = self._draw(lead, rng)
        view = fit(pool[index], px)
        return (
            turn(view, int(rng.integers(4)), mirrored=False) if pool.config.quarter_turns else view
        )

    def _paste(self, view: View, px: int, rng: np.random.Generator) -> View:
        pool = self._pools[int(rng.choice(len(self._pools), p=self._shares))]
        index, rows = pool.draw_objects(rng)
        if not rows:
            return view
        whole = pool[index]
        if self._augment.mosaic_form == "published":
            scale = px / max(whole.image.shape[:2])
        else:
            scale = self._scale(pool, rng) * px / self._image_px
        return paste(view, [cut_out(whole, row, scale) for row in rows], rng)

    def _draw(self, lead: int | None, rng: np.random.Generator) -> tuple[Pool, int]:
        """A data set and the number of an image in it."""
        if lead is not None:
            return self._pools[0], lead
        pool = self._pools[int(rng.choice(len(self._pools), p=self._shares))]
        return pool, pool.draw(rng)

    def _scale(self, pool: Pool, rng: np.random.Generator) -> float:
        low, high = np.log(pool.config.scale)
        return float(np.exp(rng.uniform(low, high)))
