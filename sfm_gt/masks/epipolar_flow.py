"""Moving pixels before SfM: optical flow that breaks the epipolar geometry of its pair of frames.

Flow between frames far enough apart for parallax; a robust fundamental matrix a pair; a pixel moves when its flow leads
off the epipolar line, against most partners, and the image itself denies the nearest point on the line (in the spirit
of RoMo, Goli et al. 2024, without its networks). Motion along the epipolar line is invisible here, not to rigid_flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.geometry.types import View
from sfm_gt.masks import flow, regions
from sfm_gt.masks.segmentation import Frame

WORKING_LONG_SIDE_PX = 320
# Median flow wanted between paired frames, as shares of the image width: a short pair for fast motion, a long for slow.
WANTED_MOTION = (0.015, 0.04)
MAX_GAP = 24
MAX_ROUND_TRIP_PX = 1.0
SAMPLE_STEP_PX = 6
# Samples cover the image evenly but for its emptiest parts: were they drawn by texture, a patterned coat in a plain
# room would hold the majority.
MIN_TEXTURE_QUANTILE = 0.2
RANSAC_THRESHOLD_PX = 0.35
THRESHOLD_SIGMAS = 5.0  # of a pair whose flow is rougher than usual
MIN_INLIERS = 0.5  # share of samples; with fewer the matrix may well describe the moving part
MAX_HOMOGRAPHY_SHARE = 0.9  # of the inliers: above, the pair has no parallax and no trustworthy fundamental matrix
PATCH_RATIO, PATCH_MARGIN = 1.3, 2.0  # how much worse (factor, grey levels) the point on the line must look
MIN_VOTES = 2
VOTE_SHARE = 0.6
CLOSE_PX = 4
MIN_AREA = 0.001  # of the image


class EpipolarFlow:
    """Moving masks from frames alone.

    Args:
        threshold_px: least Sampson distance that counts as motion, in pixels of a frame with a long side of 320.
        dilate_px: safety margin around what moves, in pixels of the frames.
    """

    needs_reconstruction: ClassVar[bool] = False

    def __init__(self, threshold_px: float = 0.67, dilate_px: int = 4):
        self._threshold_px = threshold_px
        self._dilate_px = dilate_px

    def segment(
        self, frames: Sequence[Frame], reconstruction: Sequence[View] | None = None
    ) -> Bool[np.ndarray, "n h w"]:
        """True where something moves; all False in frames without a partner that shows parallax.

        Args:
            frames: consecutive frames of one clip, grey or RGB.
            reconstruction: not used.
        """
        return self.segment_at(frames, range(len(frames)))

    def segment_at(self, frames: Sequence[Frame], positions: Sequence[int]) -> Bool[np.ndarray, "m h w"]:
        """What :meth:`segment` says of the frames at ``positions``, without the work for all others."""
        height, width = frames[0].shape[:2]
        images = flow.working_images(frames, WORKING_LONG_SIDE_PX)
        wanted_px = [share * images[0].shape[1] for share in WANTED_MOTION]
        row_of = {position: row for row, position in enumerate(positions)}
        pairs = flow.pairs_by_motion(flow.median_motion_px(images), wanted_px, MAX_GAP)
        pairs = [pair for pair in pairs if not row_of.keys().isdisjoint(pair)]
        votes = np.zeros((len(row_of), *images[0].shape), np.uint8)
        seen = np.zeros_like(votes)

        def judge(pair: tuple[int, int]) -> list[tuple[int, np.ndarray, np.ndarray]]:
            there, back = flow.flow_both_ways(images, *pair, MAX_ROUND_TRIP_PX)
            fundamental = fundamental_from_flow(images[there.source], there)
            if fundamental is None:
                return []
            return [
                (one.source, *off_epipolar_line(images, one, matrix, self._threshold_px))
                for one, matrix in ((there, fundamental), (back, fundamental.T))
                if one.source in row_of
            ]

        for judged in flow.in_parallel(judge, pairs):
            for source, moves, usable in judged:
                votes[row_of[source]] += moves
                seen[row_of[source]] += usable
        found = (votes >= MIN_VOTES) & (votes >= VOTE_SHARE * seen)
        return np.stack([self._region(one, height, width) for one in found])

    def _region(self, found: Bool[np.ndarray, "h w"], height: int, width: int) -> Bool[np.ndarray, "h2 w2"]:
        region = regions.clean(found, CLOSE_PX, round(MIN_AREA * found.size))
        return regions.dilate(regions.enlarge(region, height, width), self._dilate_px)


def off_epipolar_line(
    images: Sequence[UInt8[np.ndarray, "h w"]],
    pair: flow.FlowPair,
    fundamental: Float[np.ndarray, "3 3"],
    threshold_px: float,
) -> tuple[Bool[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """(moves, usable) for the pixels of the pair's source, end^T F start being 0 for what is static."""
    positions = flow.grid(*pair.followed.shape)
    ends = positions + pair.flow_px
    distance, to_line = epipolar_residual(fundamental, positions, ends)
    # Median absolute deviation of a one-sided residual: 1.48 makes it a standard deviation for normal noise.
    sigma = 1.48 * float(np.median(distance[pair.followed]))
    moves = pair.followed & (distance > max(threshold_px, THRESHOLD_SIGMAS * sigma))
    return moves & denied_by_image(images, pair, ends + to_line), pair.followed


def denied_by_image(
    images: Sequence[UInt8[np.ndarray, "h w"]], pair: flow.FlowPair, rigid_ends: Float[np.ndarray, "h w 2"]
) -> Bool[np.ndarray, "h w"]:
    """Where the patch at the rigid position looks clearly worse than the one that the flow found.

    On even surfaces and along edges flow is arbitrary: there both look alike, and nothing is said to move.
    """
    source, target = images[pair.source], images[pair.target]
    by_flow = flow.patch_difference(source, target, flow.grid(*source.shape) + pair.flow_px)
    by_rigid = flow.patch_difference(source, target, rigid_ends)
    return by_rigid > PATCH_RATIO * by_flow + PATCH_MARGIN


def fundamental_from_flow(image: UInt8[np.ndarray, "h w"], pair: flow.FlowPair) -> Float[np.ndarray, "3 3"] | None:
    """F with end^T F start = 0 for static points, by MAGSAC++; None without parallax or without a clear majority."""
    corner_strength = cv2.cornerMinEigenVal(image, 7)
    textured = corner_strength > np.quantile(corner_strength, MIN_TEXTURE_QUANTILE)
    on_grid = np.zeros_like(pair.followed)
    on_grid[SAMPLE_STEP_PX // 2 :: SAMPLE_STEP_PX, SAMPLE_STEP_PX // 2 :: SAMPLE_STEP_PX] = True
    chosen = pair.followed & textured & on_grid
    start = flow.grid(*image.shape)[chosen]
    end = start + pair.flow_px[chosen]
    if len(start) < 50:
        return None
    cv2.setRNGSeed(0)
    try:
        matrix, inlier = cv2.findFundamentalMat(start, end, cv2.USAC_MAGSAC, RANSAC_THRESHOLD_PX, 0.9999, 5000)
    except cv2.error:
        # OpenCV 5 asserts instead of answering None where no sample gives a model.
        return None
    if matrix is None or matrix.shape != (3, 3):
        return None
    inlier = inlier.ravel() > 0
    _, by_homography = cv2.findHomography(
        start, end, cv2.USAC_MAGSAC, RANSAC_THRESHOLD_PX, maxIters=2000, confidence=0.999
    )
    n_by_homography = 0 if by_homography is None else int((by_homography.ravel() > 0).sum())
    if inlier.mean() < MIN_INLIERS or n_by_homography > MAX_HOMOGRAPHY_SHARE * inlier.sum():
        return None
    return matrix


def epipolar_residual(
    fundamental: Float[np.ndarray, "3 3"], start: Float[np.ndarray, "h w 2"], end: Float[np.ndarray, "h w 2"]
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w 2"]]:
    """Sampson distance in pixels, and the step from ``end`` to the nearest point of its epipolar line.

    Hartley & Zisserman, Multiple View Geometry, eq. 11.9 (square root of the Sampson error).
    """
    # OpenCV's transform takes (x, y) to F (x, y, 1) fast; single precision errs by about 1e-4 px here.
    start, end = start.astype(np.float32), end.astype(np.float32)
    line, line_back = cv2.transform(start, fundamental), cv2.transform(end, fundamental.T)
    algebraic = end[..., 0] * line[..., 0] + end[..., 1] * line[..., 1] + line[..., 2]
    squared = line[..., 0] ** 2 + line[..., 1] ** 2
    squared_back = line_back[..., 0] ** 2 + line_back[..., 1] ** 2
    distance = np.abs(algebraic) / np.sqrt(np.maximum(squared + squared_back, 1e-20))
    step = -(algebraic / np.maximum(squared, 1e-20))[..., None] * line[..., :2]
    return distance, step


PLUGIN = EpipolarFlow
