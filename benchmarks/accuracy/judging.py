"""What the rest of the package makes of a depth estimate: its validity after cleaning, and how well it matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np

from sfm_gt.dense.matching.patch import ReferenceImage, make_patch
from sfm_gt.dense.matching.propagate import all_view_costs
from sfm_gt.dense.matching.pyramid import build_pyramid, integer_centred_matrix, stack_neighbours
from sfm_gt.dense.patchmatch import PATCH_SAMPLES, PATCH_SIGMA_GREY, PATCH_STRIDE
from sfm_gt.dense.shared.cleaning import Limits, clean
from sfm_gt.dense.shared.estimate import DepthEstimate
from sfm_gt.dense.shared.neighbours import choose_neighbours
from sfm_gt.dense.shared.parallax import Companion, choose_companion
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.geometry.types import PinholeCamera, SparseModel, View
from sfm_gt.imaging.flow import flow_both_ways
from sfm_gt.imaging.pools import one_thread_a_call
from sfm_gt.stages.clean import MAX_ROUND_TRIP_PX

# A pixel's matching cost is the mean over so many of its best neighbours, as the engine judges.
N_BEST = 3


class Clip(Protocol):
    """What a benchmark needs to know of a clip; lengths in units of its sparse model.

    Attributes:
        scored_frames: frames that are held against the truth.
        truth_noise_rel: standard deviation of the truth itself, relative to depth.
    """

    model: SparseModel
    camera: PinholeCamera
    scored_frames: Sequence[int]
    truth_noise_rel: float

    def view(self, frame_index: int) -> View:
        """One frame as dense matching sees it."""

    def truth_sfm(self, frame_index: int) -> np.ndarray:
        """True z-depth, NaN = unknown."""

    def regions(self, frame_index: int) -> dict[str, np.ndarray]:
        """Masks to score by; the first one is the headline."""


def valid_depth(estimate: DepthEstimate, companion: Companion | None, limits: Limits) -> np.ndarray:
    """Depth of the pixels that cleaning leaves, NaN elsewhere."""
    kept = clean(
        estimate.z_depth_sfm, estimate.sigma_sfm, estimate.outlier, estimate.hypothesis_sfm, companion, limits
    ).valid
    return np.where(kept, estimate.z_depth_sfm, np.nan)


def find_companion(clip: Clip, frame_index: int, z_depth_sfm: np.ndarray) -> Companion | None:
    """The frame that gives cleaning its second opinion, with the flow to it; None where there is none."""
    model = clip.model
    row = model.row_of(frame_index)
    other = choose_companion(z_depth_sfm, model.camera, model.cam_from_world, model.frame_indices.tolist(), row)
    if other is None:
        return None
    greys = [cv2.cvtColor(clip.view(int(model.frame_indices[k])).image, cv2.COLOR_RGB2GRAY) for k in (row, other)]
    with one_thread_a_call():
        there, _ = flow_both_ways(greys, 0, 1, MAX_ROUND_TRIP_PX)
    b_from_a = model.cam_from_world[other] @ inverse_rigid(model.cam_from_world[row])
    return Companion(model.camera, b_from_a, greys[0], greys[1], there.flow_px, there.followed)


def matching_cost(view: View, neighbours: Sequence[View], z_depth: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """1 - NCC of the engine's own patch at a depth map, (h, w), mean over the best neighbours."""
    patch = make_patch(PATCH_SAMPLES, PATCH_STRIDE, PATCH_SIGMA_GREY)
    pyramids = [build_pyramid(each, int(patch.reach)) for each in (view, *neighbours)]
    here = pyramids[0].levels[0]
    stacked = stack_neighbours(pyramids[0], pyramids[1:], 0)
    planes = _planes(z_depth, normal, integer_centred_matrix(here.camera))
    costs = np.sort(all_view_costs(ReferenceImage(here.grey, here.usable), stacked, patch, planes), axis=-1)
    return costs[..., :N_BEST].mean(axis=-1)


def _planes(z_depth: np.ndarray, normal: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Inverse depth and its slopes, of planes with the given normals; fronto-parallel where there is none."""
    height, width = z_depth.shape
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    ray = np.stack([(x - matrix[0, 2]) / matrix[0, 0], (y - matrix[1, 2]) / matrix[1, 1], np.ones(x.shape)], axis=-1)
    inverse = np.where(np.isfinite(z_depth), 1.0 / z_depth, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        slopes = normal[..., :2] / (normal * ray).sum(axis=-1, keepdims=True) / [matrix[0, 0], matrix[1, 1]]
    planes = np.concatenate([np.ones((height, width, 1)), np.nan_to_num(slopes, posinf=0.0, neginf=0.0)], axis=-1)
    return (planes * inverse[..., None]).astype(np.float32)


def neighbour_views(clip: Clip, frame_index: int, n_neighbours: int) -> list[View]:
    """The views that a frame is matched with when every frame may be chosen."""
    rows = choose_neighbours(clip.model, clip.model.row_of(frame_index), n_neighbours)
    return [clip.view(int(clip.model.frame_indices[row])) for row in rows]
