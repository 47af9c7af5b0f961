"""Surfaces without texture: planes that the images confirm over whole regions where a patch can tell nothing.

A patch on bare paint correlates with noise, or with the outline of what stands before it. The region as a whole does carry
evidence: its faint texture, and its borders with what hangs on it. Planes through known depth in and around the region (the
support points of Xu and Tao, ACMP, AAAI 2020) are held against the pixels of the region in several views, at the plane and
before and behind it: the images decide which plane it is and where it ends. A plane that no image contradicts and none
confirms is an inference, not depth. How far one that they confirm can be trusted, :mod:`~sfm_gt.dense.matching.sigma` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, Int32, UInt8

from sfm_gt.dense.matching.likeness import AGREE_REL, alike_agreement
from sfm_gt.dense.matching.pyramid import Level, Pyramid
from sfm_gt.dense.matching.surface import Surface
from sfm_gt.dense.matching.surface_evidence import BEHIND_REL, CAP, LEAST_RESIDUAL, Images, best_plane, smoothed
from sfm_gt.imaging.regions import dilate, disc

# The limits below were set on the rendered scenes painted, curved, plain and studio and on the kitchen.
# Grey levels a pixel: below it a surface counts as plain; a region has at least MIN_REGION_PX such pixels.
MAX_GRADIENT, MIN_REGION_PX = 1.5, 100
# So far around a region lies what it borders on; pixels there of its own grey (to LIKE_GREY) belong to it.
RING_PX, LIKE_GREY = 4, 10.0
# A patch is 9 pixels wide: this near to an outline it matches the outline, and so do those of the neighbours.
REACH_PX = 8
# Support points: at most this sigma, relatively, and probability of an outlier (what halos are is not to carry planes).
# Planes go through those within INLIER_REL.
MAX_SUPPORT_SIGMA_REL, MAX_SUPPORT_OUTLIER = 0.03, 0.25
INLIER_REL, MIN_SUPPORT, MAX_SUPPORT = 0.015, 20, 1500
N_TRIALS, N_OF_REGION, N_OF_IMAGE, IMAGE_STEP_PX = 100, 4, 6, 6
# Inverse depth is tried at the plane, a step before and behind it, and far behind it, relatively.
STEP_REL = np.float32(0.03)
SCALES = np.array([1.0, 1.0 - BEHIND_REL, 1.0 - STEP_REL, 1.0 + STEP_REL], dtype=np.float32)
# Every second pixel is asked, and answers are averaged over a window of this share of the long side.
ASKED_STEP_PX, WINDOW_SHARE = 2, 0.2
# A region this many times as large, alike in grey and no farther off than this share of the long side, may be the same surface.
LARGER, REACH_SHARE, SAME_REL = 2, 0.1, 0.1
# So many pixels of a smoothed, compressed image are worth one that is independent.
PIXELS_A_SAMPLE = 9.0
# A plane explains a region up to this residual.
MAX_RESIDUAL = 2.5
# By so much a step beside may seem better without speaking against the plane.
TIE = 0.05
# A plane is confirmed where the residual far behind it rises by this share of itself.
MIN_RISE = 0.5
# One that is confirmed on this share of a region may stand behind all of it; on fewer pixels it may be chance.
BACKDROP_SHARE = 0.1


@dataclass(frozen=True)
class PlainSurfaces:
    """Planes in weak texture, on the view's pixels; all (h, w), float32 but for ``confirmed``.

    Attributes:
        inverse_depth: 0 = no plane.
        shift_sigma_rel: how well the images tell the plane's inverse depth, relative.
        scatter_rel: of the support points about the plane, relative to inverse depth.
        confirmed: bool, whether the images tell the plane from one far behind it; elsewhere it is inferred.
        rise: by how much the residual grows far behind the plane, as a share of itself.
        farther: share of the support in and around the region that lies behind the plane.
        extent: share of the picture that the region fills.
        alike: share of what looks the same nearby that is known to lie at the plane's depth.
        backdrop: inverse depth of the farthest plane that is confirmed in the region, all over it; 0 = none is.
    """

    inverse_depth: Float[np.ndarray, "h w"]
    shift_sigma_rel: Float[np.ndarray, "h w"]
    scatter_rel: Float[np.ndarray, "h w"]
    confirmed: Bool[np.ndarray, "h w"]
    rise: Float[np.ndarray, "h w"]
    farther: Float[np.ndarray, "h w"]
    extent: Float[np.ndarray, "h w"]
    alike: Float[np.ndarray, "h w"]
    backdrop: Float[np.ndarray, "h w"]


class Region(NamedTuple):
    """One region of little texture: where its box begins in the image, and who belongs to it and to its surroundings."""

    x: int
    y: int
    members: Bool[np.ndarray, "h w"]
    surroundings: Bool[np.ndarray, "h w"]

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the image."""
        height, width = self.members.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)


class Plane(NamedTuple):
    """``coefficients`` (3,): inverse depth at pixel (0, 0) and its change to the right and down; relative scatter about it."""

    coefficients: Float[np.ndarray, " 3"]
    scatter_rel: float


@dataclass(frozen=True)
class Judged:
    """The answer for one region; maps on its box as in :class:`PlainSurfaces`. ``grey``: mean of its members."""

    region: Region
    grey: float
    inverse_depth: Float[np.ndarray, "h w"]
    shift_sigma_rel: Float[np.ndarray, "h w"]
    scatter_rel: Float[np.ndarray, "h w"]
    confirmed: Bool[np.ndarray, "h w"]
    rise: Float[np.ndarray, "h w"]
    farther: Float[np.ndarray, "h w"]
    backdrop: Float[np.ndarray, "h w"]

    def unconfirmed(self) -> Judged:
        """The same, without a plane that is confirmed."""
        return replace(self, confirmed=np.zeros_like(self.confirmed), backdrop=np.zeros_like(self.backdrop))

    @property
    def typical(self) -> float:
        """Median inverse depth of what is confirmed, 0 = nothing is."""
        sure = self.confirmed & self.region.members
        return float(np.median(self.inverse_depth[sure])) if sure.any() else 0.0


@dataclass(frozen=True)
class WeakTexture:
    """Where a view has little texture.

    Attributes:
        regions: connected ones, the largest first.
        outline: (h, w) float32, logarithm of the steepest gradient within REACH_PX over MAX_GRADIENT: patches hang on that
            outline, whichever side they are on. 0 outside of the regions.
    """

    regions: tuple[Region, ...]
    outline: Float[np.ndarray, "h w"]

    @classmethod
    def of(cls, here: Level) -> WeakTexture:
        """From the image alone."""
        regions = sorted(weak_regions(here.grey, here.usable), key=lambda each: -each.members.sum())
        weak = np.zeros(here.grey.shape, dtype=bool)
        for region in regions:
            weak[region.box] |= region.members
        outline = np.where(dilate(weak, 1), _outlines(smoothed(here.grey)), np.float32(0.0))
        return cls(tuple(regions), outline)


def find_plain_surfaces(weak: WeakTexture, here: Pyramid, images: Images, matched: Surface) -> PlainSurfaces:
    """Planes in the regions of little texture, through the matched depth that is likely right."""
    shape = matched.inverse_depth.shape
    plane, shift_sigma, scatter, rise, farther, extent, backdrop = np.zeros((7, *shape), dtype=np.float32)
    confirmed = np.zeros(shape, dtype=bool)
    sure = (matched.sigma_rel <= MAX_SUPPORT_SIGMA_REL) & (matched.outlier <= MAX_SUPPORT_OUTLIER)
    support = np.where(sure, matched.inverse_depth, np.float32(0.0))
    of_image = _planes_through(_points(support[::IMAGE_STEP_PX, ::IMAGE_STEP_PX], IMAGE_STEP_PX), N_OF_IMAGE)
    window = _odd(WINDOW_SHARE * max(shape) / ASKED_STEP_PX)
    judged: list[Judged] = []
    for region in weak.regions:
        box, inside = region.box, region.members
        extent[box][inside] = inside.sum() / plane.size
        around = _points(np.where(region.surroundings, support[box], 0.0))
        around[:, :2] += region.x, region.y
        planes = _planes_through(around, N_OF_REGION) + of_image
        if not planes:
            continue
        one = _judge(_Grid(region, window), region, planes, around, images)
        if _may_be_part_of_another(one, judged, REACH_SHARE * max(shape)):
            one = one.unconfirmed()
        judged.append(one)
        for whole, part in (
            (plane, one.inverse_depth), (shift_sigma, one.shift_sigma_rel), (scatter, one.scatter_rel),
            (confirmed, one.confirmed), (rise, one.rise), (farther, one.farther), (backdrop, one.backdrop),
        ):  # fmt: skip
            whole[box][inside] = part[inside]
    alike = alike_agreement(here.colours, plane, support)
    return PlainSurfaces(plane, shift_sigma, scatter, confirmed, rise, farther, extent, alike, backdrop)


def weak_regions(grey: UInt8[np.ndarray, "h w"], usable: UInt8[np.ndarray, "h w"]) -> Iterator[Region]:
    """Connected regions of little gradient, with those pixels of their rims that look like them."""
    smooth = smoothed(grey)
    plain = ((_gradient(smooth) < MAX_GRADIENT) & (usable > 0)).astype(np.uint8)
    plain = cv2.morphologyEx(plain, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    n, labels, stats, _ = cv2.connectedComponentsWithStats(plain, connectivity=4)
    window = (2 * RING_PX + 1, 2 * RING_PX + 1)
    for label in range(1, n):
        x, y, width, height, area = stats[label]
        if area < MIN_REGION_PX:
            continue
        x0, y0 = max(int(x) - RING_PX, 0), max(int(y) - RING_PX, 0)
        box = slice(y0, y + height + RING_PX), slice(x0, x + width + RING_PX)
        inside = (labels[box] == label).astype(np.float32)
        share = cv2.blur(inside, window, borderType=cv2.BORDER_CONSTANT)
        mean = cv2.blur(inside * smooth[box], window, borderType=cv2.BORDER_CONSTANT) / np.maximum(share, 1e-6)
        around = (share > 1e-6) & (usable[box] > 0)
        alike = around & (labels[box] == 0) & (np.abs(mean - smooth[box]) < LIKE_GREY)
        yield Region(x0, y0, (inside > 0) | alike, around)


def _gradient(smooth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Grey levels a pixel."""
    return np.hypot(*(cv2.Sobel(smooth, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=0.125) for dx in (1, 0)))


def _outlines(smooth: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """See :attr:`PlainSurfaces.outline`, everywhere."""
    steepest = cv2.dilate(_gradient(smooth), disc(REACH_PX))
    return np.log(np.maximum(steepest / np.float32(MAX_GRADIENT), 1.0))


def _odd(size: float) -> int:
    return 2 * int(size / 2) + 1


def _points(inverse_depth: Float[np.ndarray, "h w"], step_px: int = 1) -> Float[np.ndarray, "n 3"]:
    """x, y and inverse depth where there is one, on a grid of every ``step_px``-th pixel."""
    rows, columns = np.nonzero(inverse_depth > 0)
    return np.stack([step_px * columns, step_px * rows, inverse_depth[rows, columns]], axis=1).astype(np.float64)


def _planes_through(points: Float[np.ndarray, "n 3"], n_planes: int) -> list[Plane]:
    """Planes through the support points, one after the other, each through those that the ones before left."""
    points = points[:: max(1, len(points) // MAX_SUPPORT)]
    planes: list[Plane] = []
    while len(planes) < n_planes and len(points) >= MIN_SUPPORT:
        rough, n_agreeing = best_plane(points, INLIER_REL, N_TRIALS)
        if n_agreeing < MIN_SUPPORT:
            break
        # Each equation over its inverse depth: relative errors count.
        terms = np.column_stack([np.ones(len(points)), points[:, :2]]) / points[:, 2:]
        close = np.abs(terms @ rough - 1.0) < INLIER_REL
        plane = np.linalg.lstsq(terms[close], np.ones(close.sum()), rcond=None)[0]
        planes.append(Plane(plane, float(np.std(terms[close] @ plane - 1.0))))
        points = points[np.abs(terms @ plane - 1.0) > INLIER_REL]
    return planes


class _Grid:
    """The pixels of a region that are asked, and averages of their answers over a window."""

    def __init__(self, region: Region, window: int):
        self.size = region.members.shape[1], region.members.shape[0]
        asked = region.members[::ASKED_STEP_PX, ::ASKED_STEP_PX]
        self.shape, self._window = asked.shape, (window, window)
        self.rows, self.columns = np.nonzero(asked)
        self.places: Int32[np.ndarray, "n 2"] = np.stack(
            [ASKED_STEP_PX * self.columns + region.x, ASKED_STEP_PX * self.rows + region.y], axis=1
        ).astype(np.int32)
        self._share = np.maximum(self._blurred(np.ones(len(self.rows))), 1e-6)
        # How many independent samples an average is made of.
        self.n_samples = self._share * (window * ASKED_STEP_PX) ** 2 / PIXELS_A_SAMPLE

    def spread(self, values: np.ndarray) -> Float[np.ndarray, "h2 w2"]:
        """The values at their places, 0 elsewhere."""
        grid = np.zeros(self.shape, dtype=np.float32)
        grid[self.rows, self.columns] = values
        return grid

    def mean(self, values: np.ndarray) -> Float[np.ndarray, "h2 w2"]:
        """Their average over the window."""
        return self._blurred(values) / self._share

    def full(self, grid: np.ndarray) -> Float[np.ndarray, "h w"]:
        """A grid at the size of the region's box."""
        return cv2.resize(grid.astype(np.float32), self.size, interpolation=cv2.INTER_NEAREST)

    def _blurred(self, values: np.ndarray) -> np.ndarray:
        return cv2.blur(self.spread(values), self._window, borderType=cv2.BORDER_CONSTANT)


def _judge(
    grid: _Grid, region: Region, planes: Sequence[Plane], around: Float[np.ndarray, "n 3"], images: Images
) -> Judged:
    """Which of the planes the images choose at each pixel of the region, and whether they confirm it."""
    terms = np.column_stack([np.ones(len(grid.places)), grid.places])
    surfaces = np.maximum([terms @ each.coefficients for each in planes], 0.0).astype(np.float32)

    def ask(which: Int[np.ndarray, " k"], scales: Float[np.ndarray, " d"]) -> Float[np.ndarray, "k d h2 w2"]:
        answers = images.residuals(grid.places, surfaces[which], scales)
        return np.array([[grid.mean(each) for each in of_surface] for of_surface in answers])

    at_plane = ask(np.arange(len(planes)), SCALES[:1])[:, 0]
    best = at_plane.argmin(axis=0)
    chosen = np.unique(best[grid.rows, grid.columns])
    beside = np.full((len(planes), len(SCALES) - 1, *grid.shape), CAP, dtype=np.float32)
    beside[chosen] = ask(chosen, SCALES[1:])
    level = np.take_along_axis(at_plane, best[None], axis=0)[0]
    behind, step_behind, step_before = np.take_along_axis(beside, best[None, None], axis=0)[0]
    values = np.stack([grid.spread(each) for each in surfaces])
    inverse_depth = np.take_along_axis(values, best[None], axis=0)[0]
    unit = np.maximum(level, LEAST_RESIDUAL)
    explained = (
        (inverse_depth > 0) & (level <= MAX_RESIDUAL) & (np.minimum(step_behind, step_before) >= level - TIE * unit)
    )
    rise = np.maximum(behind - level, 0.0)
    told = explained & (rise > MIN_RISE * unit)
    confirmed = told & ~_halos(values, best, told)
    bend = np.maximum(step_behind + step_before - 2.0 * level, 1e-9) / (2.0 * STEP_REL**2)
    shift_sigma = np.sqrt(np.maximum(level, 1.0) / (bend * grid.n_samples))
    scatter = np.array([each.scatter_rel for each in planes])[best]
    farther = np.array([_share_behind(around, each) for each in planes])[best]
    return Judged(
        region, float(images.grey[region.box][region.members].mean()),
        grid.full(np.where(explained, inverse_depth, 0.0)), grid.full(shift_sigma), grid.full(scatter),
        grid.full(confirmed) > 0, grid.full(rise / unit), grid.full(farther),
        grid.full(farthest_confirmed(values, best, confirmed)),
    )  # fmt: skip


def _halos(surfaces: Float[np.ndarray, "k h2 w2"], best: Int[np.ndarray, "h2 w2"], sure: np.ndarray) -> np.ndarray:
    """(h2, w2) bool: planes that lie before another one of the same region all over, unless that is much smaller.

    What looks the same and has no outline in between is one surface, which what stands before it has grown over.
    """
    halos = np.zeros(best.shape, dtype=bool)
    pieces = {k: sure & (best == k) for k in np.unique(best[sure])}
    for near, piece in pieces.items():
        for far, behind in pieces.items():
            if LARGER * behind.sum() > piece.sum():
                halos[piece] |= (surfaces[near][piece] / np.maximum(surfaces[far][piece], 1e-12)).min() > 1.0 + SAME_REL
    return halos


def farthest_confirmed(
    surfaces: Float[np.ndarray, "k h2 w2"], best: Int[np.ndarray, "h2 w2"], confirmed: Bool[np.ndarray, "h2 w2"]
) -> Float[np.ndarray, "h2 w2"]:
    """See :attr:`PlainSurfaces.backdrop`.

    Args:
        surfaces: inverse depth of the region's planes at the asked pixels, 0 elsewhere.
        best: which of them the images choose.
    """
    asked = (surfaces > 0).any(axis=0).sum()
    chosen = [k for k in np.unique(best[confirmed]) if (confirmed & (best == k)).sum() > BACKDROP_SHARE * asked]
    there = np.where(surfaces[chosen] > 0, surfaces[chosen], np.float32(np.inf))
    farthest = there.min(axis=0, initial=np.inf)
    return np.where(np.isfinite(farthest), farthest, np.float32(0.0))


def _share_behind(points: Float[np.ndarray, "n 3"], plane: Plane) -> float:
    """Of the points, 0 where there are none."""
    at = np.maximum(plane.coefficients[0] + points[:, :2] @ plane.coefficients[1:], 0.0)
    return float(np.mean(points[:, 2] < (1.0 - AGREE_REL) * at)) if len(points) else 0.0


def _may_be_part_of_another(one: Judged, larger: Sequence[Judged], reach_px: float) -> bool:
    """Whether a larger region nearby looks the same and is not known to lie at the same depth.

    The wall between somebody's legs moves with the legs' outlines in all views: no image tells it from a piece of clothing.
    That it looks like the wall beside does.
    """
    if one.typical == 0.0:
        return False
    for other in larger:
        alike = (
            abs(other.grey - one.grey) < LIKE_GREY and other.region.members.sum() > LARGER * one.region.members.sum()
        )
        if alike and _gap_px(one.region, other.region) < reach_px:
            return abs(other.typical / one.typical - 1.0) > SAME_REL
    return False


def _gap_px(one: Region, other: Region) -> float:
    """Distance between two boxes along the axis on which they are farther apart; negative where they overlap."""
    return max(
        max(a, b) - min(a + m, b + n)
        for a, b, m, n in (
            (one.x, other.x, one.members.shape[1], other.members.shape[1]),
            (one.y, other.y, one.members.shape[0], other.members.shape[0]),
        )
    )
