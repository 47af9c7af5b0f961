"""The scene point under one pixel: its patch is searched along the epipolar lines of all other views.

Poses are known, so depth along the pixel's ray is the one unknown, and an edge serves as well as a corner as long as it does
not run along the epipolar lines. Each view gives a measurement of inverse depth, and their scatter says how good it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from sfm_gt.errors import NoEvidenceError
from sfm_gt.geometry.camera import project, unproject
from sfm_gt.geometry.conventions import integer_centred_from_pixel
from sfm_gt.geometry.transforms import camera_centres, inverse_rigid, transform_points
from sfm_gt.geometry.types import SparseModel
from sfm_gt.metrics.order_statistics import weighted_median

# The patch, and the spread of the weights that it is looked at with a second time: of a patch over an outline the stronger
# pattern wins, the spot lies where the middle does, and where the two differ nothing is certain.
HALF_PATCH_PX, MIDDLE_SIGMA_PX = 10, 2.0
# Views searched, spread evenly over those near enough in angle to look alike.
MAX_VIEWS = 40
MIN_VIEWS = 5
MAX_ANGLE_DEG = 25.0
# Below this angle depth along the ray is too uncertain to hold a ruler against.
MIN_ANGLE_DEG = 1.0
MIN_PATCH_SHARE = 0.5  # of the patch that must lie inside the picture
# Grey levels; a flat patch matches anywhere.
MIN_CONTRAST = 2.0
MIN_CORRELATION = 0.6
# Another depth that fits within this of the best correlation could be the right one.
AMBIGUOUS = 0.03
COARSE_STEP_PX, FINE_STEP_PX, FINE_RANGE_PX = 1.0, 0.1, 2.5
MAX_COARSE_STEPS = 800
COARSE_VIEWS = 12
# What a person who points at a spot misses it by, in each direction.
SIGMA_CLICK_PX = 0.5
# All views are matched against the same patch, whose noise and slant they share: more than this many do not average further.
INDEPENDENT_VIEWS = 8
# No patch is matched better than this in one view.
MIN_SIGMA_MATCH_PX = 0.1

LoadGray = Callable[[int], UInt8[np.ndarray, "h w"]]


@dataclass(frozen=True)
class ScenePoint:
    """A point in the world frame, SfM units, with its covariance and the views that it was found in."""

    point: Float[np.ndarray, "3"]
    covariance: Float[np.ndarray, "3 3"]
    n_views: int


def locate(model: SparseModel, load_gray: LoadGray, frame_index: int, pixel: Float[np.ndarray, "2"]) -> ScenePoint:
    """The scene point seen at ``pixel`` (undistorted, centres at +0.5) of a registered frame.

    Raises:
        NoEvidenceError: the frame is not registered, or the spot has no texture, is found in too few views, under too small
            an angle or at several depths.
    """
    if frame_index not in model.frame_indices:
        raise NoEvidenceError(f"frame {frame_index} is not a registered frame of this clip")
    search = _Search(model, load_gray, model.row_of(frame_index), pixel)
    inverse_depth = search.coarse()
    measured, sigmas = search.fine(inverse_depth)
    weights = 1.0 / sigmas**2
    centre = weighted_median(measured, weights)
    scatter = max(1.0, 1.4826 * float(np.median(np.abs(measured - centre) / sigmas)))
    kept = np.abs(measured - centre) < 3.0 * scatter * sigmas
    mean = float(np.average(measured[kept], weights=weights[kept]))
    sigma = scatter / float(np.sqrt(weights[kept].sum())) * np.sqrt(max(1.0, kept.sum() / INDEPENDENT_VIEWS))
    return search.point(mean, sigma, int(kept.sum()))


class _Search:
    """One patch of one view against all others."""

    def __init__(self, model: SparseModel, load_gray: LoadGray, row: int, pixel: Float[np.ndarray, "2"]):
        self._model, self._row, self._pixel = model, row, pixel
        self._world_from_cam = inverse_rigid(model.cam_from_world[row])
        offsets = np.arange(-HALF_PATCH_PX, HALF_PATCH_PX + 1.0)
        x, y = np.meshgrid(pixel[0] + offsets, pixel[1] + offsets)
        patch_px = np.stack([x.ravel(), y.ravel()], axis=1)
        # What lies beyond the border is no picture: there the nearest row would match itself at any depth.
        self._patch_px = patch_px[_within(model, patch_px)]
        if len(self._patch_px) < MIN_PATCH_SHARE * len(patch_px):
            raise NoEvidenceError(f"{_spot(pixel)} lies too near the border of the picture; choose one farther inside")
        middle = np.exp(-((self._patch_px - pixel) ** 2).sum(axis=1) / (2 * MIDDLE_SIGMA_PX**2))
        self._even, self._middle = np.full(len(middle), 1 / len(middle)), middle / middle.sum()
        self._patch = _sampled(load_gray(int(model.frame_indices[row])), self._patch_px[None])[0]
        if self._patch.std() < MIN_CONTRAST:
            raise NoEvidenceError(
                f"{_spot(pixel)} lies on a surface without texture; choose a corner or a textured spot"
            )
        self._load = load_gray
        self._nearest, self._farthest = self._depth_range()
        self._views = self._choose_views()

    def _depth_range(self) -> tuple[float, float]:
        points = self._model.points_sfm[self._model.points_seen_by(self._row)]
        points = points if len(points) else self._model.points_sfm
        depth = transform_points(self._model.cam_from_world[self._row], points)[:, 2]
        nearest, farthest = np.percentile(depth[depth > 0], [1, 99])
        return 0.5 * float(nearest), 3.0 * float(farthest)

    def _choose_views(self) -> list[int]:
        """Rows of views near enough in angle at a typical depth, evenly spread."""
        typical = 2.0 / (1.0 / self._nearest + 1.0 / self._farthest)
        target = self._world(np.array([self._pixel]), np.array([typical]))[0]
        rays = camera_centres(self._model.cam_from_world) - target
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        angles = np.degrees(np.arccos(np.clip(rays @ rays[self._row], -1.0, 1.0)))
        others = np.flatnonzero((angles < MAX_ANGLE_DEG) & (np.arange(len(angles)) != self._row))
        inside = self._inside(others, target)
        others = others[inside]
        if len(others) < MIN_VIEWS:
            raise NoEvidenceError(f"{_spot(self._pixel)} is seen by {len(others)} other frames, needed {MIN_VIEWS}")
        chosen: list[int] = others[np.unique(np.linspace(0, len(others) - 1, MAX_VIEWS).round().astype(int))].tolist()
        return chosen

    def _inside(self, rows: Int[np.ndarray, " n"], target: Float[np.ndarray, "3"]) -> Bool[np.ndarray, " n"]:
        points = np.einsum("nij,j->ni", self._model.cam_from_world[rows, :3], np.append(target, 1.0))
        px = project(self._model.camera, points)
        return _within(self._model, px)

    def _world(self, pixels: Float[np.ndarray, "n 2"], z_depth: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
        return transform_points(self._world_from_cam, unproject(self._model.camera, pixels, z_depth))

    def _correlations(
        self, row: int, inverse_depths: Float[np.ndarray, " d"], weights: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " d"]:
        """Normalised cross-correlation of the patch, as a plane facing its camera at each depth, with one view."""
        other_from_cam = self._model.cam_from_world[row] @ self._world_from_cam
        rays = unproject(self._model.camera, self._patch_px, np.ones(len(self._patch_px))) @ other_from_cam[:3, :3].T
        # A point at inverse depth d along a ray projects where the rotated ray + d * translation does.
        seen = project(self._model.camera, rays + inverse_depths[:, None, None] * other_from_cam[:3, 3])
        whole = _within(self._model, seen).all(axis=1)
        values = _sampled(self._load(int(self._model.frame_indices[row])), seen)
        values = values - (values @ weights)[:, None]
        patch = self._patch - self._patch @ weights
        norms = np.sqrt(values**2 @ weights) * np.sqrt(patch**2 @ weights)
        return np.where(whole, (values @ (weights * patch)) / np.maximum(norms, MIN_CONTRAST), -1.0)

    def _px_per_inverse_depth(self, row: int, inverse_depth: float) -> float:
        """How far the point moves in a view for a change of inverse depth."""
        step = 1e-3 * inverse_depth
        world = self._world(np.array([self._pixel] * 2), 1.0 / np.array([inverse_depth, inverse_depth + step]))
        one, other = project(self._model.camera, transform_points(self._model.cam_from_world[row], world))
        return float(np.linalg.norm(other - one)) / step

    def coarse(self) -> float:
        """Inverse depth that most views agree on."""
        low, high = 1.0 / self._farthest, 1.0 / self._nearest
        middle = 0.5 * (low + high)
        reach = max(self._px_per_inverse_depth(row, middle) for row in self._views)
        n_steps = int(np.clip((high - low) * reach / COARSE_STEP_PX, 16, MAX_COARSE_STEPS))
        inverse_depths = np.linspace(low, high, n_steps)
        by_middle = inverse_depths[int(self._score(inverse_depths, self._middle).argmax())]
        score = self._score(inverse_depths, self._even)
        best = int(score.argmax())
        beside = np.abs(inverse_depths - inverse_depths[best]) * reach > 4.0 * FINE_RANGE_PX
        rival = float(score[beside].max()) if beside.any() else -1.0
        if score[best] < MIN_CORRELATION:
            raise NoEvidenceError(f"{_spot(self._pixel)} is not found again in other frames (correlation {score[best]:.2f}); "
                                  "choose a corner or a textured spot")  # fmt: skip
        if score[best] - rival < AMBIGUOUS:
            raise NoEvidenceError(
                f"{_spot(self._pixel)} matches equally well at several depths; choose a corner or a textured spot"
            )
        if abs(by_middle - inverse_depths[best]) * reach > FINE_RANGE_PX:
            raise NoEvidenceError(f"{_spot(self._pixel)} lies near a depth discontinuity; choose a spot "
                                  f"{HALF_PATCH_PX} px away from it")  # fmt: skip
        return float(inverse_depths[best])

    def _score(
        self, inverse_depths: Float[np.ndarray, " d"], weights: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " d"]:
        """How well the patch is found at each depth, over some of the views."""
        rows = self._views[:: 1 + len(self._views) // COARSE_VIEWS]
        curves = np.array([self._correlations(row, inverse_depths, weights) for row in rows])
        # Hidden in some views: the better half says where the point is.
        return np.asarray(np.sort(curves, axis=0)[len(curves) // 2 :].mean(axis=0))

    def fine(self, inverse_depth: float) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Inverse depth by each view that finds the patch near ``inverse_depth``, and its standard deviation."""
        shifts = np.arange(-FINE_RANGE_PX, FINE_RANGE_PX + FINE_STEP_PX, FINE_STEP_PX)
        found, sigmas = [], []
        for row in self._views:
            reach = self._px_per_inverse_depth(row, inverse_depth)
            if inverse_depth * reach < 4.0 * FINE_RANGE_PX:
                continue  # the view hardly moves: it says nothing of depth
            curve = self._correlations(row, inverse_depth + shifts / reach, self._even)
            peak = int(curve.argmax())
            if curve[peak] < MIN_CORRELATION or peak in (0, len(shifts) - 1):
                continue
            found.append(inverse_depth + (shifts[peak] + FINE_STEP_PX * _vertex(curve[peak - 1 : peak + 2])) / reach)
            sigmas.append(MIN_SIGMA_MATCH_PX / reach)
        if len(found) < MIN_VIEWS:
            raise NoEvidenceError(f"{_spot(self._pixel)} is found in {len(found)} other frames only, needed {MIN_VIEWS}; "
                                  "choose a corner or a textured spot")  # fmt: skip
        return np.array(found), np.array(sigmas)

    def point(self, inverse_depth: float, sigma: float, n_views: int) -> ScenePoint:
        """The point at ``inverse_depth`` with the covariance of that and of the click."""
        depth = 1.0 / inverse_depth
        point = self._world(np.array([self._pixel]), np.array([depth]))[0]
        centres = camera_centres(self._model.cam_from_world)
        rays = (point - centres) / np.linalg.norm(point - centres, axis=1, keepdims=True)
        angle_deg = float(np.degrees(np.arccos(np.clip((rays[self._views] @ rays[self._row]).min(), -1.0, 1.0))))
        if angle_deg < MIN_ANGLE_DEG:
            raise NoEvidenceError(f"{_spot(self._pixel)} is seen under {angle_deg:.2f} degrees of parallax, "
                                  f"needed {MIN_ANGLE_DEG:g}")  # fmt: skip
        rotation = self._world_from_cam[:3, :3]
        along = rotation @ unproject(self._model.camera, self._pixel[None], np.ones(1))[0] * depth**2 * sigma
        across = rotation[:, :2] * (SIGMA_CLICK_PX * depth / self._model.camera.fx)
        return ScenePoint(point, np.outer(along, along) + across @ across.T, n_views)


def _within(model: SparseModel, pixels: Float[np.ndarray, "*n 2"]) -> Bool[np.ndarray, "*n"]:
    size = np.array([model.camera.width, model.camera.height])
    with np.errstate(invalid="ignore"):
        return np.asarray(((pixels >= 0.5) & (pixels <= size - 0.5)).all(axis=-1))


def _sampled(gray: UInt8[np.ndarray, "h w"], pixels: Float[np.ndarray, "d n 2"]) -> Float[np.ndarray, "d n"]:
    """Bilinear grey values at pixels; the nearest border value outside."""
    xy = integer_centred_from_pixel(np.nan_to_num(pixels, nan=-1.0)).astype(np.float32)
    return cv2.remap(gray.astype(np.float32), xy[..., 0], xy[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _vertex(curve: Float[np.ndarray, "3"]) -> float:
    """Where the parabola through three samples peaks, in samples from the middle one."""
    bend = curve[0] - 2.0 * curve[1] + curve[2]
    return 0.0 if bend >= 0 else float(0.5 * (curve[0] - curve[2]) / bend)


def _spot(pixel: Float[np.ndarray, "2"]) -> str:
    return f"the spot at ({pixel[0]:.0f}, {pixel[1]:.0f}) px"
