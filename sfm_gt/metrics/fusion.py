"""Depth maps of a clip fused into one cloud, against the GT's maps fused alike (DA3-BENCH; Lin et al. 2025).

    f_score     harmonic mean of precision and recall, the shares of points that the other cloud comes nearer to than a
                threshold
    overall_m   mean of accuracy and completeness, the mean distances to the other cloud; metres

It shows what no figure of a frame does: maps that are each right and together make several walls. Cameras are those of the GT
(depth aligned as the protocol says), or the model's own: then these are laid on the GT's by a similarity, whose scale depth
takes. Maps count only where the GT does, as there.

Against DA3-BENCH: the GT is fused from depth here, for want of a scan; points are those of the grid's edges, where it samples
a million on the mesh; the similarity turns cameras onto cameras, where it fits centres alone and leaves outliers out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

from sfm_gt.geometry.alignment import Similarity
from sfm_gt.geometry.transforms import camera_centres
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.tsdf import Cloud, TsdfVolume, thinned

FUSION = ("f_score", "precision", "recall", "overall_m")

Pose = Float[np.ndarray, "4 4"]
Map = Float[np.ndarray, "h w"]


@dataclass(frozen=True)
class FusionSettings:
    """Metres. The voxel also thins the clouds before they are compared.

    Attributes:
        max_depth_m: of what is fused.
    """

    voxel_m: float = 4.0 / 512.0
    truncation_m: float = 0.04
    threshold_m: float = 0.05
    max_depth_m: float = math.inf


DA3_BENCH = {
    "": FusionSettings(),
    "eth3d": FusionSettings(5 * 4.0 / 512.0, 5 * 0.04, 5 * 0.05),
    "scannetpp": FusionSettings(0.02, 0.15, 0.05, 5.0),
}
"""By benchmark; "" is for all others (there HiRoom and 7-Scenes)."""


class FusedClip:
    """One clip of one model, or of the GT, frame after frame."""

    def __init__(self, settings: FusionSettings):
        self._settings = settings
        self._volume = TsdfVolume(settings.voxel_m, settings.truncation_m)

    def add(self, z_depth_m: Map, where: Bool[np.ndarray, "h w"], camera: PinholeCamera, cam_from_world: Pose) -> None:
        """One frame, as far as it counts."""
        near = z_depth_m <= self._settings.max_depth_m
        self._volume.integrate(np.where(where & near, z_depth_m, np.nan), camera, cam_from_world)

    def cloud(self) -> Cloud:
        """Points of the surface in the world, at most one a voxel."""
        return thinned(self._volume.surface(), self._settings.voxel_m)


def cloud_figures(prediction: Cloud, gt: Cloud, threshold: float) -> dict[str, float]:
    """FUSION of two clouds in one unit; NaN without GT. Where nothing is predicted, shares are 0 and no distance exists."""
    if not len(gt):
        return dict.fromkeys(FUSION, math.nan)
    if not len(prediction):
        return dict.fromkeys(FUSION[:3], 0.0) | {"overall_m": math.nan}
    accuracy, completeness = (cKDTree(there).query(here)[0] for here, there in ((prediction, gt), (gt, prediction)))
    precision, recall = (float(np.mean(distance < threshold)) for distance in (accuracy, completeness))
    both = precision + recall
    f_score = 2 * precision * recall / both if both > 0 else 0.0
    overall = 0.5 * float(accuracy.mean() + completeness.mean())
    return dict(zip(FUSION, (f_score, precision, recall, overall), strict=True))


def laid_on(own: Mapping[int, Pose], gt: Mapping[int, Pose]) -> tuple[float, dict[int, Pose]] | None:
    """Scale of the model's own unit, and its poses ``cam_from_world`` in the world of the GT.

    None with fewer than three frames of both, or where the model's cameras stand still or go the other way.
    """
    common = sorted(own.keys() & gt.keys())
    if len(common) < 3:
        return None
    centres, gt_centres = (camera_centres(np.stack([poses[index] for index in common])) for poses in (own, gt))
    if not np.ptp(centres, axis=0).any():
        return None
    # Turned as the cameras are: centres along a line, as of a slide, leave the turn about it open.
    turns = np.stack([gt[index][:3, :3].T @ own[index][:3, :3] for index in common]).sum(axis=0)
    u, _, vt = np.linalg.svd(turns)
    rotation = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    offsets, gt_offsets = centres - centres.mean(axis=0), gt_centres - gt_centres.mean(axis=0)
    scale = float((gt_offsets * (offsets @ rotation.T)).sum() / (offsets**2).sum())
    if scale <= 0:
        return None
    translation = gt_centres.mean(axis=0) - scale * rotation @ centres.mean(axis=0)
    similarity = Similarity(scale, rotation, translation)
    return scale, {index: _moved(own[index], similarity) for index in common}


def _moved(cam_from_world: Pose, similarity: Similarity) -> Pose:
    """The pose after the world was turned, scaled and moved, with depth in the new unit."""
    found = np.eye(4)
    found[:3, :3] = cam_from_world[:3, :3] @ similarity.rotation.T
    found[:3, 3] = similarity.scale * cam_from_world[:3, 3] - found[:3, :3] @ similarity.translation
    return found
