"""Views of one scale, which pass the network together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from detector.config import View
from detector.inference.candidates import Candidates
from detector.inference.tensors import set_rows, take
from detector.inference.views import in_image, look


class Pass:
    """Views of one scale, which pass the network together.

    Args:
        sources: Place in the config's list, and view.
        heads: Of the network.
        device: Where its candidates are.
    """

    def __init__(
        self, sources: Sequence[tuple[int, View]], heads: int, device: torch.device
    ) -> None:
        self._views = [view for _, view in sources]
        self._scale = self._views[0].scale
        dropped = {None: None, "finest": 0, "coarsest": heads - 1}
        self._dropped = [dropped[view.without] for view in self._views]
        self._sources = torch.tensor([source for source, _ in sources], device=device)
        self._flipped = torch.tensor([view.flip for view in self._views], device=device)

    def look(self, images: Tensor, stride: int) -> Tensor:
        """All views of `(B, 3, H, W)` images, view by view."""
        if len(self._views) == 1:
            return look(images, self._views[0], stride)
        return torch.cat([look(images, view, stride) for view in self._views])

    def back(self, found: Candidates, head: int, width_px: int) -> Candidates:
        """What a head found, in pixels of the image, `source` as the config counts.

        Args:
            found: `source` is the place among these views.
            head: Place of the head, finest first.
            width_px: Of the image.
        """
        view = found.source
        boxes = found.boxes
        if self._scale != 1.0 or any(one.flip for one in self._views):
            boxes = in_image(boxes, take(self._flipped, view), self._scale, width_px)
        source = take(self._sources, view)
        found = replace(found, boxes=boxes, source=source)
        for place, dropped in enumerate(self._dropped):
            if dropped == head:
                stays = set_rows(view != place)
                found, view = found[stays], take(view, stays)
        return found
