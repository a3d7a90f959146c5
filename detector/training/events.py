"""The TensorBoard event files of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import SummaryWriter


class EventLog:
    """Event files in a folder, to be shown by `tensorboard --logdir FOLDER`.

    Args:
        folder: Made if it does not exist. Earlier files stay.
        first_step: What earlier files hold of this step and later ones is not shown any more, so
            that a run that goes on draws no curve twice.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        self._writer = SummaryWriter(str(folder), purge_step=first_step, flush_secs=30)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Adds a point to the curve of each tag."""
        summary = Summary()
        for tag, value in values.items():
            summary.value.add(tag=tag, simple_value=value)
        self._add(summary, step)

    def picture(self, tag: str, coded: bytes, image_wh: tuple[int, int], step: int) -> None:
        """Adds a picture as it is coded: a JPEG or PNG file's content."""
        image = Summary.Image(
            width=image_wh[0], height=image_wh[1], colorspace=3, encoded_image_string=coded
        )
        self._add(Summary(value=[Summary.Value(tag=tag, image=image)]), step)

    def text(self, tag: str, markdown: str) -> None:
        """Adds a text at step 0."""
        self._writer.add_text(tag, markdown, 0)

    def flush(self) -> None:
        """Puts everything into the file."""
        self._writer.flush()

    def close(self) -> None:
        """Ends the file."""
        self._writer.close()

    def _add(self, summary: Summary, step: int) -> None:
        # SummaryWriter's own methods would decode pictures and code them again as PNG.
        self._writer.file_writer.add_summary(summary, step)  # type: ignore[attr-defined]
