"""Settings of the training views: data sets to draw from, and how views are changed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid")

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=_STRICT)
class SourceConfig:
    """One data set of a training run.

    Attributes:
        data: Path of the data set's description, relative to the training file.
        flights: Names of the flights to take; `None` takes all images.
        share: Share of the training views drawn from this set, relative to the others'.
        scale: Smallest and largest factor by which its images are resized; of no effect in the
            published form of the mosaic, which fits images to the view.
        quarter_turns: Turn views by 90, 180 and 270 degrees; right for views from straight above.
        rare_below: An image is drawn more often when it holds a class that less than this share
            of the set's images holds: by the root of how much less. 0 draws all alike. The
            repeat factor of LVIS (Gupta et al. 2019), whose value is 0.001.
        cache: Keep the decoded images in memory.
        cache_gb: Most memory that they may take, in 10^9 bytes; a set that needs more is refused.
    """

    data: str
    flights: tuple[str, ...] | None = None
    share: Positive = 1.0
    scale: tuple[Positive, Positive] = (0.5, 1.5)
    quarter_turns: bool = False
    rare_below: Share = 0.0
    cache: bool = False
    cache_gb: Positive = 16.0

    @field_validator("scale")
    @classmethod
    def _rising(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if scale[0] > scale[1]:
            raise ValueError("the smallest factor comes first")
        return scale


@dataclass(frozen=True, config=_STRICT)
class AugmentConfig:
    """How training views are changed; each value is a probability or a range.

    Attributes:
        mosaic: Probability that a view is made of four.
        mosaic_form: `windows` cuts parts out of images, at the scales of their data set, to fill
            the view. `published` is that of TPH-YOLOv5's code: whole images with their long side
            at the view's, on a canvas of twice its side, from whose middle the view is cut.
        squash: Largest share of its height that a part of a view loses; half of the parts do.
            Windows only.
        rotation: Largest angle in degrees.
        translation: Largest shift, as a share of the side.
        shear: Largest angle in degrees, along each axis.
        perspective: Largest change of depth over the view's side, as a share of the distance.
        zoom: Largest relative change of size, of the whole view.
        up_down: Probability of a view upside down; left and right always change in half of them.
        paste: Probability that objects of another image are pasted, rare classes more often.
        mixup: Probability that two views lie over each other.
        multi_scale: Largest relative change of the views' side, one for each batch.
        hue: Largest change, as a share of the colour circle.
        saturation: Largest relative change.
        brightness: Largest relative change.
        hsv_form: How the three above change: `shift` turns the colour circle and bends the
            brightness besides; `published` multiplies each, as YOLOv5, so that red stays red.
        light: Probability of another brightness and contrast, each by up to a fifth.
        clahe: Probability of a locally equalised contrast.
        grey: Probability of a grey view.
        blur: Probability of a blurred view.
        median_blur: Probability of a median filter of 3 to 7 pixels.
        sharpen: Probability of a camera's sharpening.
        noise: Probability of sensor noise.
        compression: Probability of JPEG artefacts.
    """

    mosaic: Share = 0.5
    mosaic_form: Literal["windows", "published"] = "windows"
    squash: BelowOne = 0.0
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    translation: Share = 0.0
    shear: Annotated[float, Field(ge=0, lt=45)] = 0.0
    perspective: BelowOne = 0.0
    zoom: BelowOne = 0.0
    up_down: Share = 0.0
    paste: Share = 0.0
    mixup: Share = 0.0
    multi_scale: BelowOne = 0.0
    hue: Share = 0.02
    saturation: Share = 0.6
    brightness: Share = 0.4
    hsv_form: Literal["shift", "published"] = "shift"
    light: Share = 0.0
    clahe: Share = 0.0
    grey: Share = 0.03
    blur: Share = 0.15
    median_blur: Share = 0.0
    sharpen: Share = 0.0
    noise: Share = 0.15
    compression: Share = 0.2

    def __post_init__(self) -> None:
        if self.squash and self.mosaic_form == "published":
            raise ValueError("squash: the published form of the mosaic has none")
