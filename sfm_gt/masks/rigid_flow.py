"""Moving pixels after SfM and dense depth: observed motion against the flow that a frozen scene would show.

Other frames, their depth and the poses say what a frame would look like, were all frozen (see rigid_view): what is frozen
then stands still between frame and expectation, however far apart in time, and parallax is no motion. What fits no
expectation, or fits it only off its place, moves; what merely hides behind something nearer does not. The evidence is
joined with that of the frames before and after, warped by the flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from sfm_gt.geometry.types import View
from sfm_gt.imaging import flow, regions
from sfm_gt.imaging.correlation import patch_correlation
from sfm_gt.imaging.pools import in_parallel
from sfm_gt.imaging.types import Frame
from sfm_gt.masks.shared.rigid_view import Shot, render_view

WORKING_LONG_SIDE_PX = 480
# Frames between partners. Far ones show how far a slow figure is off its frozen place; near ones still see all pixels.
GAPS = (3, 8, 16, 26)
GAPS_AT_ENDS = (5, 12, 20, 32)  # taken besides where the other side of the clip has no partner
RELATIVE_TOLERANCE = 0.01  # of the parallax: depth error of a good map
OCCLUDED_SHARE = 0.97  # what a partner saw nearer than this share of a pixel's depth hides the pixel from it
SAME_DEPTH = 0.02  # relative: surfaces this close are one
SAME_CORRELATION = 0.6  # patches that correlate so show the same thing
OTHER_CORRELATION = 0.2  # patches that correlate less show something else
CORRELATION_GAIN = 0.1  # how much better a patch must fit off its static place before it counts as moved
PATCH_PX = 5  # wider ones blur the outline by half their width
MIN_CONTRAST = 3.0  # grey levels, standard deviation in a patch; less tells nothing
ROUND_TRIP_PX = 1.0
NEIGHBOUR_WEIGHT = 0.5  # of the evidence of the frames before and after
ELSEWHERE, MISSED, STATIC = range(3)
# Of the partners that can tell: what moves, what is certain to, and what goes with what is certain next to it.
MOVING_SHARE, CERTAIN_SHARE, DOUBTFUL_SHARE = 0.5, 0.65, 0.3
MIN_SEEN, MIN_SEEN_CERTAIN = 1.0, 3.0
MIN_SEED_PX = 40
REACH_PX = 10  # doubtful pixels in gaps up to twice this wide go with the region
MIN_CERTAIN_SHARE = 0.25  # of a region; regions grown out of doubt go
MIN_AREA = 0.0015  # of the image


class RigidFlow:
    """Moving masks from frames, poses and depth.

    Args:
        threshold_px: residual above which a pixel moves, in pixels of a frame with a long side of 480.
        dilate_px: safety margin around what moves, in pixels of the frames.
    """

    needs_reconstruction: ClassVar[bool] = True

    def __init__(self, threshold_px: float = 1.0, dilate_px: int = 1, n_threads: int = 1):
        self._threshold_px, self._n_threads = threshold_px, n_threads
        self._dilate_px = dilate_px

    def segment(self, frames: Sequence[Frame], reconstruction: Sequence[View] | None) -> Bool[np.ndarray, "n h w"]:
        """True where something is off the place that most partner frames expect it in.

        Args:
            frames: undistorted frames, grey or RGB, in order of time.
            reconstruction: one view a frame; ``z_depth_sfm`` may hold NaN where depth is unknown, or be None. Pixels
                that are not ``usable`` (outside the filmed image, overlay) are judged by nobody.

        Raises:
            ValueError: no reconstruction, or not one view a frame.
        """
        if reconstruction is None or len(reconstruction) != len(frames):
            raise ValueError(f"rigid_flow needs one view a frame; found {len(reconstruction or ())} for {len(frames)}")
        shots = [
            Shot.of(frame, view, WORKING_LONG_SIDE_PX, PATCH_PX)
            for frame, view in zip(frames, reconstruction, strict=True)
        ]
        partners = _partners([shot.frame_index for shot in shots])
        height, width = frames[0].shape[:2]

        def count(position: int) -> UInt8[np.ndarray, "3 h w"]:
            return evidence(shots[position], [shots[other] for other in partners[position]], self._threshold_px)

        counts = list(in_parallel(count, range(len(shots)), self._n_threads))

        def mask(position: int) -> Bool[np.ndarray, "h w"]:
            found = region(joined(shots, counts, position))
            return regions.dilate(regions.enlarge(found, height, width), self._dilate_px)

        return np.stack(list(in_parallel(mask, range(len(shots)), self._n_threads)))


def evidence(shot: Shot, partners: Sequence[Shot], threshold_px: float) -> UInt8[np.ndarray, "3 h w"]:
    """How many partners find a pixel elsewhere, miss it, and find it in its static place.

    A partner that saw something nearer than what the pixel shows says nothing of it: it could not see it. How far away
    the pixel is, those partners know that find it in place; where none does, the shot's own depth, if a partner shares it.
    """
    verdicts = np.zeros((3, len(partners), *shot.grey.shape), bool)
    depths = np.zeros(verdicts.shape[1:], np.float32)
    for row, partner in enumerate(partners):
        verdicts[:, row], depths[row] = judge(shot, partner, threshold_px)
    static = verdicts[STATIC]
    n_static = static.sum(axis=0)
    confirmed = np.where(static, depths, 0.0).sum(axis=0) / np.maximum(n_static, 1)
    # Where the shot's own depth agrees with what a partner saw, both show one surface: a bad match there is a bad depth.
    agreed = np.abs(depths - shot.z_depth) < SAME_DEPTH * depths
    depth = np.where(n_static > 0, confirmed, np.where(agreed.any(axis=0), shot.z_depth, 0.0))
    hidden = depths < OCCLUDED_SHARE * depth
    verdicts[ELSEWHERE] &= ~hidden
    verdicts[MISSED] &= ~hidden & ~agreed
    return verdicts.sum(axis=1, dtype=np.uint8)


def judge(shot: Shot, partner: Shot, threshold_px: float) -> tuple[Bool[np.ndarray, "3 h w"], Float[np.ndarray, "h w"]]:
    """What ``partner`` says of each pixel of ``shot``: found elsewhere, missed, in its static place; and at which depth."""
    rendered = render_view(shot, partner)
    # What is left to move is small: the fast preset is a fifth of the cost of the medium one.
    residual_flow = flow.dis_flow(shot.grey, rendered.grey, cv2.DISOPTICAL_FLOW_PRESET_FAST)
    static_fit, variance = patch_correlation(shot.grey, rendered.grey, PATCH_PX)
    moved = flow.sample(rendered.grey, flow.grid(*shot.grey.shape) + residual_flow)
    moved_fit, _ = patch_correlation(shot.grey, moved, PATCH_PX)
    off_place = (
        np.hypot(residual_flow[..., 0], residual_flow[..., 1])
        > threshold_px + RELATIVE_TOLERANCE * rendered.parallax_px
    )
    elsewhere = off_place & (moved_fit > SAME_CORRELATION) & (moved_fit > static_fit + CORRELATION_GAIN)
    in_place = ~elsewhere & ((static_fit > SAME_CORRELATION) | ((moved_fit > SAME_CORRELATION) & ~off_place))
    missed = ~elsewhere & ~in_place & (static_fit < OTHER_CORRELATION) & (moved_fit < SAME_CORRELATION)
    able = rendered.seen & (np.sqrt(variance) > MIN_CONTRAST)
    return np.stack([able & elsewhere, able & missed, able & in_place]), np.nan_to_num(rendered.z_depth)


def joined(
    shots: Sequence[Shot], counts: Sequence[UInt8[np.ndarray, "3 h w"]], position: int
) -> Float[np.ndarray, "3 h w"]:
    """Evidence of a frame and, at less weight and where the flow leads there and back, of its two neighbours."""
    total = counts[position].astype(np.float32)
    here = shots[position].grey
    for other in (position - 1, position + 1):
        if not 0 <= other < len(shots):
            continue
        there = flow.dis_flow(here, shots[other].grey, cv2.DISOPTICAL_FLOW_PRESET_FAST)
        back = flow.dis_flow(shots[other].grey, here, cv2.DISOPTICAL_FLOW_PRESET_FAST)
        place = flow.grid(*here.shape) + there
        weight = NEIGHBOUR_WEIGHT * flow.followed(there, back, ROUND_TRIP_PX)
        carried = flow.sample(np.ascontiguousarray(np.moveaxis(counts[other], 0, -1)), place)
        total += weight * np.moveaxis(carried, -1, 0)
    return total


def region(counts: Float[np.ndarray, "3 h w"]) -> Bool[np.ndarray, "h w"]:
    """Whole moving regions from how many partners find a pixel elsewhere, miss it, or find it in its static place.

    What most deny moves; doubtful pixels in the gaps between go with it, what the partners see in place does not. Of
    each region a fair part must be certain.
    """
    elsewhere, missed, static = (cv2.blur(count, (3, 3)) for count in counts)
    seen = elsewhere + missed + static
    share = (elsewhere + missed) / np.maximum(seen, 1e-6)
    certain = regions.drop_small((share >= CERTAIN_SHARE) & (seen >= MIN_SEEN_CERTAIN), MIN_SEED_PX)
    if not certain.any():
        return certain
    moving = regions.opened((share >= MOVING_SHARE) & (seen >= MIN_SEEN), 1)
    doubtful = (share >= DOUBTFUL_SHARE) | (seen < MIN_SEEN)
    grown = moving | (doubtful & regions.closed(moving, REACH_PX))
    min_area_px = round(MIN_AREA * seen.size)
    whole = regions.opened(regions.fill_holes(regions.closed(grown, 2), min_area_px), 2)
    return regions.keep_supported(regions.drop_small(whole, min_area_px), certain, MIN_CERTAIN_SHARE)


def _partners(frame_indices: Sequence[int]) -> list[list[int]]:
    """For each view the positions of the views about GAPS frames before and after."""
    indices = np.array(frame_indices)
    partners = []
    for position, index in enumerate(indices):
        wanted = [index + sign * gap for gap in GAPS for sign in (-1, 1)]
        for gap, other in zip(GAPS, GAPS_AT_ENDS, strict=True):
            wanted += [index + other] if index - gap < indices[0] else []
            wanted += [index - other] if index + gap > indices[-1] else []
        found = {int(np.argmin(np.abs(indices - w))) for w in wanted if indices[0] <= w <= indices[-1]}
        partners.append(sorted(found - {position}))
    return partners


PLUGIN = RigidFlow
