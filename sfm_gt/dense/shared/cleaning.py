"""Which pixels of a depth map are dropped, rule by rule, and how many each rule drops.

After MegaDepth (Li and Snavely, CVPR 2018, section 3.2) and MannequinChallenge (Li et al., CVPR 2019, section 3.2). MegaDepth
also drops whole objects with less than half of their pixels valid. That needs a semantic segmentation: between depth steps
alone, floor and walls hang together with what stands on them, and a plain wall would take its well-seen rim along. Its small
objects are the islands of ``speckles``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.dense.shared.parallax import Companion, against_parallax, at_infinity, read_parallax
from sfm_gt.imaging.regions import disc

NO_DEPTH = 255
# A step of inverse depth that separates two surfaces, relative.
EDGE_REL, SPECKLE_REL = 0.03, 0.02
# Surfaces at most so many margins wide keep their rims, which are most of what there is of them.
THIN_MARGINS = 4
MEDIAN_PX = 5


class Rule(IntEnum):
    """The rules in the order in which they are asked; a pixel belongs to the first that drops it."""

    UNCERTAIN = 1
    OUTLIER = 2
    BLEEDING_EDGES = 3
    UNSTABLE = 4
    SKY = 5
    AGAINST_PARALLAX = 6
    SPECKLES = 7

    @property
    def label(self) -> str:
        """The name in manifests and reports."""
        return self.name.lower()


@dataclass(frozen=True)
class Limits:
    """Thresholds of the rules; 0 or False switches a rule off.

    Attributes:
        max_rel_sigma: of depth; it is what ``valid`` means and cannot be off.
        max_outlier: probability of a gross error; likewise.
        edge_margin_px: how far surfaces bleed over their outlines. Matching patches are that wide whatever the image's
            size, so the margin does not grow with it.
        max_median_difference: MegaDepth's 0.15.
        max_parallax_difference: MannequinChallenge's 0.2.
        sky: whether what shows no parallax at all is dropped.
        speckle_pixels: islands of up to so many pixels are dropped.
    """

    max_rel_sigma: float
    max_outlier: float
    edge_margin_px: int
    max_median_difference: float
    max_parallax_difference: float
    sky: bool
    speckle_pixels: int


@dataclass(frozen=True)
class Cleaned:
    """The verdict on one depth map.

    Attributes:
        dropped_by: (H, W) 0 where the pixel is valid, NO_DEPTH where there was nothing to judge, else the Rule.
        found: by rule, how many pixels it speaks against, whether or not an earlier one did as well.
    """

    dropped_by: UInt8[np.ndarray, "h w"]
    found: dict[Rule, int]

    @property
    def valid(self) -> Bool[np.ndarray, "h w"]:
        """Where depth stays."""
        return self.dropped_by == 0

    @property
    def dropped(self) -> dict[Rule, int]:
        """By rule, how many pixels it was the first to drop."""
        counts = np.bincount(self.dropped_by.ravel(), minlength=NO_DEPTH + 1)
        return {rule: int(counts[rule]) for rule in Rule}


def clean(
    z_depth_sfm: Float[np.ndarray, "h w"],
    sigma_sfm: Float[np.ndarray, "h w"],
    outlier: Float[np.ndarray, "h w"],
    hypothesis_sfm: Float[np.ndarray, "h w"],
    companion: Companion | None,
    limits: Limits,
) -> Cleaned:
    """All rules on one depth map, in the order of :class:`Rule`.

    Every rule judges the whole map, so that its count says what it found; only the last one, ``speckles``, looks at what
    the others leave: they cut islands loose.

    Args:
        z_depth_sfm, sigma_sfm: depth that neighbours agree on and its standard deviation, NaN = none.
        outlier: probability that it is grossly wrong.
        hypothesis_sfm: depth before they had to agree: it also shows what lies behind an outline.
        companion: None where no frame can give a second opinion; the rules of parallax then find nothing.
    """
    known = np.isfinite(z_depth_sfm) & (z_depth_sfm > 0)
    dropped_by = np.where(known, 0, NO_DEPTH).astype(np.uint8)
    found = dict.fromkeys(Rule, 0)
    for rule, against in _verdicts(z_depth_sfm, sigma_sfm, outlier, hypothesis_sfm, companion, limits).items():
        found[rule] = int((against & known).sum())
        dropped_by[against & (dropped_by == 0)] = rule
    islands = speckles(np.where(dropped_by == 0, z_depth_sfm, np.nan), limits.speckle_pixels)
    found[Rule.SPECKLES] = int(islands.sum())
    dropped_by[islands] = Rule.SPECKLES
    return Cleaned(dropped_by, found)


def _verdicts(
    z_depth: Float[np.ndarray, "h w"],
    sigma: Float[np.ndarray, "h w"],
    outlier: Float[np.ndarray, "h w"],
    hypothesis: Float[np.ndarray, "h w"],
    companion: Companion | None,
    limits: Limits,
) -> dict[Rule, Bool[np.ndarray, "h w"]]:
    """What each rule that is on drops, but for ``speckles``."""
    verdicts = {
        Rule.UNCERTAIN: uncertain(z_depth, sigma, limits.max_rel_sigma),
        Rule.OUTLIER: np.isfinite(z_depth) & ~(outlier <= limits.max_outlier),
    }
    if limits.edge_margin_px:
        verdicts[Rule.BLEEDING_EDGES] = bleeding_edges(z_depth, hypothesis, limits.edge_margin_px)
    if limits.max_median_difference:
        verdicts[Rule.UNSTABLE] = unstable(z_depth, limits.max_median_difference)
    if companion is not None:
        parallax = read_parallax(z_depth, companion)
        if limits.sky:
            verdicts[Rule.SKY] = at_infinity(parallax)
        if limits.max_parallax_difference:
            verdicts[Rule.AGAINST_PARALLAX] = against_parallax(z_depth, parallax, limits.max_parallax_difference)
    return verdicts


def uncertain(
    z_depth: Float[np.ndarray, "h w"], sigma: Float[np.ndarray, "h w"], max_rel_sigma: float
) -> Bool[np.ndarray, "h w"]:
    """True where sigma is more than ``max_rel_sigma`` of depth, or not known."""
    with np.errstate(invalid="ignore"):
        return np.isfinite(z_depth) & ~(sigma <= max_rel_sigma * z_depth)


def bleeding_edges(
    z_depth: Float[np.ndarray, "h w"], hypothesis: Float[np.ndarray, "h w"], margin_px: int
) -> Bool[np.ndarray, "h w"]:
    """True within ``margin_px`` of a surface that lies farther away: there the nearer one has grown over its outline.

    Inverse depth is linear on a plane, so what lies nearer on the other side tells a slope, however steep, from a step.
    Thin structures are spared: of the depth within their rims nine tenths are right on rendered scenes.
    """
    known = np.isfinite(hypothesis)
    inverse = (1.0 / np.where(known, hypothesis, np.inf)).astype(np.float32)
    # The median takes lone mistaken pixels out, which would open a margin of their own.
    far_smooth = cv2.medianBlur(np.where(known, inverse, np.float32(1e9)), 5)
    near_smooth = cv2.medianBlur(inverse, 5)
    farthest, nearest = cv2.erode(far_smooth, disc(margin_px)), cv2.dilate(near_smooth, disc(margin_px))
    judged = np.where(np.isfinite(z_depth), 1.0 / z_depth, inverse).astype(np.float32)
    without_thin = cv2.morphologyEx(judged, cv2.MORPH_OPEN, disc(THIN_MARGINS * margin_px // 2))
    behind, before = judged - farthest, np.maximum(nearest - judged, 0.0)
    rim = (behind - before > EDGE_REL * farthest) & (judged <= without_thin * (1.0 + EDGE_REL))
    return rim & np.isfinite(z_depth)


def unstable(z_depth: Float[np.ndarray, "h w"], max_difference: float) -> Bool[np.ndarray, "h w"]:
    """True where depth and the median of the known depths of its 5 x 5 window differ by a ratio above 1 + the maximum."""
    known = np.isfinite(z_depth)
    median = np.full(z_depth.shape, np.nan, np.float32)
    # Most windows are known all over, and OpenCV's median is twenty times as fast; it knows no NaN.
    whole = cv2.erode(known.astype(np.uint8), np.ones((MEDIAN_PX, MEDIAN_PX), np.uint8), borderValue=0) > 0
    median[whole] = cv2.medianBlur(np.where(known, z_depth, 0.0).astype(np.float32), MEDIAN_PX)[whole]
    median[known & ~whole] = _median_of_known(z_depth, known & ~whole)
    with np.errstate(invalid="ignore"):
        ratio = z_depth / median
        return np.maximum(ratio, 1.0 / ratio) > 1.0 + max_difference


def _median_of_known(z_depth: Float[np.ndarray, "h w"], where: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, " k"]:
    """Lower median of the known depths in the windows round the pixels ``where``."""
    padded = np.pad(z_depth, MEDIAN_PX // 2, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (MEDIAN_PX, MEDIAN_PX))[where]
    ordered = np.sort(windows.reshape(len(windows), MEDIAN_PX**2), axis=1)  # NaN comes last
    middle = (np.isfinite(ordered).sum(axis=1) - 1) // 2
    return ordered[np.arange(len(ordered)), middle]


def speckles(z_depth: Float[np.ndarray, "h w"], max_pixels: int) -> Bool[np.ndarray, "h w"]:
    """True on islands of up to ``max_pixels`` pixels, apart from what surrounds them by more than SPECKLE_REL of depth."""
    known = np.isfinite(z_depth)
    if not max_pixels or not known.any():
        return np.zeros(z_depth.shape, dtype=bool)
    logs = np.log(np.where(known, z_depth, 1.0))
    # filterSpeckles wants 16-bit steps; a hundred to the allowed difference leave room for a depth ratio of 600.
    steps = np.clip(1 + (logs - logs[known].min()) * (100.0 / SPECKLE_REL), 1, 32000)
    filtered, _ = cv2.filterSpeckles(np.where(known, steps, 0).astype(np.int16), 0, max_pixels, 100)
    return known & (filtered == 0)
