"""What decoding needs to know of a network, in the weights or written into an exported file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor

from detector.model.network import Network
from detector.model.spec import ClassName

FACTS_KEY = "drone_video_analytics_1"
"""Of the entry in an exported file; the number is that of its form."""

MOST_BYTES = 2**31
"""Of an exported file: the most that ONNX can hold in one."""

Pixels = Annotated[float, Field(ge=0.0, le=1e5, allow_inf_nan=False)]
AnchorsOfHead = Annotated[tuple[tuple[Pixels, Pixels], ...], Field(min_length=1, max_length=64)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class NetworkFacts:
    """What decoding needs to know of a network.

    Attributes:
        class_names: In the order of the class ids.
        strides: Pixels per cell of each head, finest first.
        anchors_px: Width and height of each head's anchors, as many for all.
    """

    class_names: Annotated[tuple[ClassName, ...], Field(min_length=1, max_length=10_000)]
    strides: Annotated[
        tuple[Annotated[int, Field(ge=1, le=128)], ...], Field(min_length=1, max_length=8)
    ]
    anchors_px: tuple[AnchorsOfHead, ...]

    @model_validator(mode="after")
    def _one_shape(self) -> NetworkFacts:
        counts = {len(head) for head in self.anchors_px}
        if len(self.anchors_px) != len(self.strides) or len(counts) != 1:
            raise ValueError("anchors_px: expected as many for each stride")
        if any(self.stride % stride for stride in self.strides):
            raise ValueError("strides: each divides the largest")
        return self

    @classmethod
    def of(cls, model: Network) -> NetworkFacts:
        """Those of a network."""
        anchors = [[tuple(wh) for wh in head] for head in model.anchors_px.tolist()]
        return cls(model.class_names, model.strides, anchors)  # type: ignore[arg-type]

    @property
    def stride(self) -> int:
        """The coarsest head's: the sides of images are multiples of it, in pixels."""
        return max(self.strides)

    def anchors(self, device: torch.device) -> Tensor:
        """`(heads, A, 2)` float32 in pixels."""
        return torch.tensor(self.anchors_px, dtype=torch.float32, device=device)

    def map_shape(self, head: int, images: tuple[int, int, int]) -> tuple[int, ...]:
        """Of a head's logits, `(B, A, h, w, 5 + classes)`, for images of `(B, H, W)`."""
        batch, height, width = images
        stride = self.strides[head]
        outputs = 5 + len(self.class_names)
        return batch, len(self.anchors_px[head]), height // stride, width // stride, outputs

    def to_text(self) -> str:
        """For a file."""
        return TypeAdapter(NetworkFacts).dump_json(self).decode()


def read_facts(path: Path, text: str | None) -> NetworkFacts:
    """The facts of a file's entry.

    Raises:
        ValueError: In one line, if there is none or it is not as `NetworkFacts.to_text` writes it.
    """
    if text is None:
        raise ValueError(
            f"{path}: not exported by this program (no entry {FACTS_KEY}); python -m "
            "detector.export makes such a file from a .safetensors"
        )
    try:
        return TypeAdapter(NetworkFacts).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join((FACTS_KEY, *map(str, first["loc"])))
        raise ValueError(f"{path}: {place}: {first['msg']}") from None


def check_file(path: Path) -> None:
    """Refuses what is no file, or too large to be taken.

    Raises:
        ValueError: In one line.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{path}: {size} bytes; an exported network has at most {MOST_BYTES}")


def one_line(error: Exception) -> str:
    """The last line of a library's message that says something, shortened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
