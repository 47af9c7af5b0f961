"""Protocols: which pixels count, which alignment a kind of prediction is granted, and how frames become one figure.

A protocol is a small YAML file; the ones of this folder's ``protocols/`` are known by name. Everything that moves a figure is
in it, and a hash of its effective content stands on every table. The kind of a prediction decides its alignment, so no model
silently gets extra help.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sfm_gt.errors import ConfigError
from sfm_gt.formats.validation import Number, Whole, validated
from sfm_gt.formats.yaml_text import read_yaml
from sfm_gt.metrics.alignment import ALIGNMENTS, DepthRange
from sfm_gt.metrics.crops import CropName, crop_mask
from sfm_gt.metrics.depth import METRICS
from sfm_gt.metrics.resizing import ResizeRule
from sfm_gt.metrics.shipped import SHIPPED_FOLDER, shipped

CODE_VERSION = 4
"""Moves when the same protocol gives other figures; part of every hash."""
ROBUST = "_robust"
UNSCALED_LOWEST = 1e-3
"""Lowest depth of a clip without metres, as a share of its largest scored GT."""

REASONS = {
    "not_metric": "the clip has no metric scale, so an unaligned metric prediction cannot be graded",
    "set_the_scale": "the model set the clip's metric scale, so it cannot be graded in metres there",
    "too_few_pixels": "the frame has too few ground-truth pixels to score",
    "missing_prediction": "the model gave no prediction for the frame",
    "non_finite_prediction": "too few pixels of the prediction are finite where ground truth is",
    "alignment_failed": "the alignment does not exist, for example a median that is not positive",
    "not_granted": "the protocol has no alignment for this kind of prediction",
}
"""Why a frame is not scored. Every one is counted next to the table; none enters a mean."""

AlignmentName = Annotated[str, Field(pattern=f"^({'|'.join(ALIGNMENTS)})$")]
Positive = Annotated[Number, Field(gt=0)]


class Alignments(BaseModel):
    """Alignments that each kind is granted: the first is the one it is ranked by, the others are shown next to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric_depth: tuple[AlignmentName, ...]
    scale_invariant_depth: tuple[AlignmentName, ...]
    affine_invariant_depth: tuple[AlignmentName, ...]
    affine_invariant_disparity: tuple[AlignmentName, ...]

    @model_validator(mode="after")
    def _no_more_than_the_kind_allows(self) -> Alignments:
        if set(self.affine_invariant_depth) - {"ls_affine_depth", "l1rel_affine_depth", "median_deviation"}:
            raise ValueError("depth with an unknown shift can only be aligned by a scale and a shift of depth")
        if set(self.affine_invariant_disparity) - {"ls_affine_disparity"}:
            raise ValueError("disparity with an unknown shift can only be aligned by ls_affine_disparity")
        for kind, names in self:
            if len(set(names)) < len(names):
                raise ValueError(f"{kind}: found {list(names)}, needed each alignment once")
        if "none" in self.scale_invariant_depth:
            raise ValueError("scale_invariant_depth has no unit, so it cannot stay unaligned")
        return self


class Protocol(BaseModel):
    """One way to grade.

    Attributes:
        alignment: by kind. A depth prediction under ls_affine_disparity is inverted first.
        scope: what one alignment is fitted over. A clip is one shot of one video, with one unit of length.
        prediction_range: what the values of a prediction are clipped into before the fit, in the domain of the alignment;
            null = open.
        fit_on: whether a fit of disparity sees all scored pixels, or those with a prediction above 0.
        fit_pixels: evenly spread pixels that robust alignments are fitted on, None = all. Over a clip or data set they are
            fitted on at most ``pooling.MAX_PIXELS``; least squares always see every pixel.
        crop: of ``crops``; none = the custom of the benchmark, or the whole image where it has none.
        gt_range_m: GT outside is not scored; None = the run's ``evaluate.min_depth_m`` and ``max_depth_m``, since caps
            belong to data sets.
        range_ends: whether GT exactly at an end of the range is scored.
        moving: whether pixels that move against the frozen scene are scored, where they have GT at all.
        clamp: whether aligned depth is clamped into the range.
        disparity_floor: what aligned disparity is raised to before it is inverted.
        boundary_disparity_floor: the same for boundary F1, in 1 / unit of depth; None = as ``disparity_floor``.
        log_floor: aligned depth below counts as it in figures with logarithms.
        negative_depth: whether aligned depth below zero is outside the bounds of delta, or inside, since max(p/g, g/p) is
            negative there.
        non_finite: pixels of a prediction that are not finite are left out and counted; or take an end of the range (NaN and
            -inf the near one, +inf the far one); or make every mean that they take part in NaN, and so the figure of the
            data set. Depth that is not positive has no disparity: it is such a pixel too, or disparity 0 where they
            propagate.
        resize: how a prediction of another size is brought to the size of the GT.
        flip_averaging: whether the prediction is the mean with that of the mirrored image.
        reducer: how the figures of frames become one.
        min_pixels: frames with fewer scored pixels are skipped and counted; None = the run's ``evaluate.min_pixels``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
    source: str
    alignment: Alignments
    scope: Literal["image", "clip", "dataset"] = "image"
    prediction_range: tuple[float | None, float | None] | None = None
    fit_on: Literal["all", "positive"] = "all"
    fit_pixels: Annotated[Whole, Field(gt=1)] | None = None
    crop: CropName = "none"
    gt_range_m: tuple[Positive, Positive] | None = None
    range_ends: Literal["inclusive", "strict"] = "inclusive"
    moving: Literal["leave_out", "score"] = "leave_out"
    clamp: bool = True
    disparity_floor: Literal["range_end", "largest_gt"] = "range_end"
    boundary_disparity_floor: Positive | None = None
    log_floor: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    negative_depth: Literal["outside", "inside"] = "outside"
    non_finite: Literal["leave_out", "clamp", "propagate"] = "leave_out"
    resize: ResizeRule = "bilinear"
    flip_averaging: bool = False
    reducer: Literal["video", "image", "pixel", "pooled"] = "video"
    min_pixels: Annotated[Whole, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Protocol:
        if self.non_finite == "clamp" and not self.clamp:
            raise ValueError("non_finite: clamp needs clamp: true, since the ends of the range are what it takes")
        ends = [end for end in self.prediction_range or () if end is not None]
        if not all(map(isfinite, ends)) or ends != sorted(set(ends)):
            raise ValueError(
                f"prediction_range: found {ends}, needed two finite numbers, the smaller first; null = open"
            )
        if self.gt_range_m is not None and not self.gt_range_m[0] < self.gt_range_m[1]:
            raise ValueError(f"gt_range_m: found {list(self.gt_range_m)}, needed the smaller bound first")
        return self

    def completed(self, min_depth_m: float, max_depth_m: float, min_pixels: int, crop: CropName = "none") -> Protocol:
        """The protocol with the values of the run, or the customs of a benchmark, where it leaves them open."""
        return self.model_copy(
            update={
                "gt_range_m": self.gt_range_m or (min_depth_m, max_depth_m),
                "min_pixels": self.min_pixels or min_pixels,
                "crop": crop if self.crop == "none" else self.crop,
            }
        )

    @property
    def description(self) -> dict[str, Any]:
        """Everything that moves a figure."""
        return {
            **self.model_dump(mode="json", exclude={"source"}),
            "code_version": CODE_VERSION,
            "metrics": list(METRICS),
            "gt_range_without_metric_scale": [UNSCALED_LOWEST, 1.0],
        }

    @property
    def hash(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of the description."""
        canonical = json.dumps(self.description, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def granted(self, kind: str) -> tuple[str, ...]:
        """Alignments of a kind; none where the protocol has no way to grade it."""
        names: tuple[str, ...] = getattr(self.alignment, kind)
        return names

    def granting(self, kind: str, alignment: str) -> Protocol:
        """The same with one alignment for a kind."""
        return self.model_copy(update={"alignment": self.alignment.model_copy(update={kind: (alignment,)})})

    def scored(
        self,
        z_depth: Float[np.ndarray, "h w"],
        moving: Bool[np.ndarray, "h w"],
        overlay: Bool[np.ndarray, "h w"],
        metric: bool,
    ) -> Bool[np.ndarray, "h w"]:
        """Pixels whose GT counts: valid, no overlay, inside the crop and, of a metric clip, inside the depth range."""
        with np.errstate(invalid="ignore"):
            # NaN fails every comparison.
            usable: Bool[np.ndarray, "h w"] = (z_depth > 0) & (z_depth < np.inf) & ~overlay
            if self.moving == "leave_out":
                usable &= ~moving
            if metric:
                lowest, highest = self._range_m
                usable &= (z_depth >= lowest) & (z_depth <= highest)
                if self.range_ends == "strict":
                    # In the precision of the GT: 0.1 as float32 is not 0.1.
                    ends = np.array([lowest, highest], dtype=z_depth.dtype)
                    usable &= (z_depth != ends[0]) & (z_depth != ends[1])
        return usable & crop_mask(self.crop, *z_depth.shape) if self.crop != "none" else usable

    def depth_range(self, largest_gt: float, metric: bool) -> DepthRange:
        """Where aligned depth ends. Without metres a range in metres says nothing: it ends at the largest scored GT."""
        lowest, highest = self._range_m if metric else (UNSCALED_LOWEST * largest_gt, largest_gt)
        floor = 1.0 / (largest_gt if self.disparity_floor == "largest_gt" else highest)
        ends = (lowest, highest) if self.clamp else (-np.inf, np.inf)
        return DepthRange(*ends, floor, self.log_floor, self.boundary_disparity_floor)

    @property
    def least_pixels(self) -> int:
        """``min_pixels`` of a completed protocol."""
        assert self.min_pixels is not None, "completed() fills it in"
        return self.min_pixels

    @property
    def _range_m(self) -> tuple[float, float]:
        assert self.gt_range_m is not None, "completed() fills it in"
        return self.gt_range_m


def load_protocol(name_or_path: str) -> Protocol:
    """A shipped protocol by name, or one's own by the path of its YAML file.

    A shipped one in which values that are not finite propagate has a variant ``<name>_robust`` that leaves them out.

    Raises:
        ConfigError: no such protocol, broken YAML, or content that does not validate.
    """
    original = name_or_path.removesuffix(ROBUST)
    if original != name_or_path and original in shipped():
        protocol = load_protocol(original)
        if protocol.non_finite == "propagate":
            return protocol.model_copy(update={"name": name_or_path, "non_finite": "leave_out"})
    path = SHIPPED_FOLDER / f"{name_or_path}.yaml" if name_or_path in shipped() else Path(name_or_path)
    if not path.is_file():
        raise ConfigError(f"evaluate.protocols: {name_or_path!r} is neither a file nor one of {', '.join(shipped())}")
    return validated(Protocol, read_yaml(path, ConfigError), str(path), ConfigError)


def load_protocols(
    names: Sequence[str], min_depth_m: float, max_depth_m: float, min_pixels: int, crop: CropName = "none"
) -> list[Protocol]:
    """Completed protocols in the order given; see :meth:`Protocol.completed`.

    Raises:
        ConfigError: as :func:`load_protocol`, or two share a name.
    """
    protocols = [load_protocol(name).completed(min_depth_m, max_depth_m, min_pixels, crop) for name in names]
    known = [protocol.name for protocol in protocols]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise ConfigError(f"evaluate.protocols: the name {twice[0]!r} is given twice; names must differ")
    return protocols
