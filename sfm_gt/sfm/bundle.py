"""A thinned bundle adjustment in numpy: small enough to be solved dozens of times a clip, open enough to be questioned.

COLMAP's adjustment gives one minimum. What proves a camera are the questions around it: how the error rises when a lens
parameter is held elsewhere, how much of a parameter the poses and points swallow, what one more parameter would explain. They
need Jacobians with poses and points eliminated, on a thinned-out part of the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pycolmap
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation

from sfm_gt.geometry.triangulation import meeting_points
from sfm_gt.sfm.observations import Observations

# What takes part. Errors of a point are alike in neighbouring frames, so that more views tell little more; on the kitchen
# twice as many of both moved the focal length by a fifth of its sigma.
MAX_VIEWS, MAX_POINTS = 24, 700
MIN_POINT_VIEWS = 3
# A point of a hand-held video is followed for some tens of frames: in views farther apart few are seen MIN_POINT_VIEWS times. A
# clip of 3,000 frames, with views 75 frames apart, was left with closed loops alone, and its depth was called uncertain.
MAX_FRAMES_APART = 25
# Cauchy loss as in the adjustment of the whole model, in medians of the error.
LOSS_MEDIANS = 3.0
# Distortion terms of cameras that film: those of phones and webcams are corrected to a few hundredths, and what is not comes
# with evidence that overrules this. Without it a short take trades distortion for focal length: on the kitchen -0.07 for -12 %.
DISTORTION_SIGMA = 0.05
# Principal points lie this far from the picture's centre by each axis, over the long side: root mean square of the published
# calibrations of five cameras that film (TUM RGB-D freiburg1 to 3 and both of EuRoC).
CENTRE_SIGMA = 0.013
# One video in so many is taken for a crop that may lie anywhere, this far off the centre by each axis, over the long side: an
# upright crop out of a wide picture moves its centre by up to 0.6 of its height.
CROPPED_SHARE, CROP_SIGMA = 0.05, 0.25
# What of a lens is free where its prior holds it: focal length (f), distortion terms (e), principal point (p).
FREE = "fep"


@dataclass(frozen=True)
class LensPrior:
    """What is known of a lens before its images are asked: its focal length where something says so, and what lenses are like.

    Attributes:
        focal_px, focal_sigma_rel: None where nothing is known.
        error_px2: rise of a bundle's cost that makes one standard deviation; what weighs the prior against the images.
    """

    focal_px: float | None
    focal_sigma_rel: float
    error_px2: float

    def terms(self, camera: pycolmap.Camera) -> tuple[Float[np.ndarray, " l"], Float[np.ndarray, " l"]]:
        """Precision of each lens parameter in the unit of the cost, and how far it lies below what is known; the focal
        length by its logarithm."""
        sigma, missing = self._known(camera)
        away = np.abs(missing) / sigma
        precision = np.ones(len(sigma))
        extra, centre = camera.extra_params_idxs(), camera.principal_point_idxs()
        precision[extra] = np.minimum(1.0, 2.0 / np.maximum(away[extra], 1e-9))
        precision[centre] = _centre_prior(away[centre])[1]
        return self.error_px2 * precision / sigma**2, missing

    def cost(self, camera: pycolmap.Camera) -> float:
        """What the prior adds to a bundle's cost."""
        sigma, missing = self._known(camera)
        away = np.abs(missing) / sigma
        cost = away**2
        extra, centre = camera.extra_params_idxs(), camera.principal_point_idxs()
        # Huber's: beyond two sigma a term may be as it likes at constant cost per step.
        cost[extra] = np.where(away[extra] > 2, 4.0 * away[extra] - 4.0, cost[extra])
        cost[centre] = 0.0
        return float(self.error_px2 * (cost.sum() + _centre_prior(away[centre])[0]))

    def _known(self, camera: pycolmap.Camera) -> tuple[Float[np.ndarray, " l"], Float[np.ndarray, " l"]]:
        """Standard deviation of each parameter, infinite where nothing is known, and how far it lies below what is known."""
        params = np.array(camera.params)
        sigma, missing = np.full(len(params), np.inf), np.zeros(len(params))
        focal, centre, extra = camera.focal_length_idxs(), camera.principal_point_idxs(), camera.extra_params_idxs()
        if self.focal_px is not None:
            sigma[focal] = np.sqrt(len(focal)) * self.focal_sigma_rel
            missing[focal] = np.log(self.focal_px / params[focal])
        sigma[centre] = CENTRE_SIGMA * max(camera.width, camera.height)
        missing[centre] = np.array([camera.width, camera.height]) / 2 - params[centre]
        sigma[extra], missing[extra] = DISTORTION_SIGMA, -params[extra]
        return sigma, missing


def _centre_prior(away: Float[np.ndarray, " 2"]) -> tuple[float, float]:
    """Cost of a principal point, and what its curvature is of that at the centre.

    Most pictures are whole, with a principal point about the centre; some are crops (a mixture of two normal distributions).

    Args:
        away: distance from the centre by each axis, in CENTRE_SIGMA.
    """
    ratio, squared = CROP_SIGMA / CENTRE_SIGMA, float((away**2).sum())
    # Logarithms of densities, since a solver may try a principal point that both call impossible.
    whole, crop = np.log(1 - CROPPED_SHARE), np.log(CROPPED_SHARE / ratio**2)
    at_centre = np.logaddexp(whole, crop)
    whole, crop = whole - squared / 2, crop - squared / 2 / ratio**2
    either = np.logaddexp(whole, crop)
    is_whole = float(np.exp(whole - either))
    return 2 * float(at_centre - either), is_whole + (1 - is_whole) / ratio**2


@dataclass(frozen=True)
class Bundle:
    """Some views and points of a model with one shared lens.

    Attributes:
        model, size: COLMAP's camera model and (width, height).
        params: (L,) of the lens.
        cam_from_world: (V, 4, 4); ``xyz``: (P, 3).
        views, points: (M,) rows of each observation; ``xy``: (M, 2) as filmed, pixels.
        scale_px: of the Cauchy loss; kept through all solutions of one bundle, so that their costs compare.
        view_rows: (V,) rows of the views among the images of the model.
        prior: what is known of the lens beforehand.
    """

    model: str
    size: tuple[int, int]
    params: Float[np.ndarray, " l"]
    cam_from_world: Float[np.ndarray, "v 4 4"]
    xyz: Float[np.ndarray, "p 3"]
    views: Int[np.ndarray, " m"]
    points: Int[np.ndarray, " m"]
    xy: Float[np.ndarray, "m 2"]
    scale_px: float
    view_rows: Int[np.ndarray, " v"]
    prior: LensPrior | None = None

    @classmethod
    def of(cls, seen: Observations, max_views: int = MAX_VIEWS, max_points: int = MAX_POINTS) -> Bundle:
        """Evenly spread views of ``seen``, and evenly spread points among those that enough of these views see.

        Long clips take more of both, so that views lie at most MAX_FRAMES_APART.
        """
        n_views = len(seen.image_ids)
        longer = max(1.0, (math.ceil((n_views - 1) / MAX_FRAMES_APART) + 1) / max_views)
        max_views, max_points = math.ceil(longer * max_views), math.ceil(longer * max_points)
        rows = np.unique(np.linspace(0, n_views - 1, max_views).round().astype(int))
        errors = seen.errors_px()
        chosen = np.isin(seen.views, rows) & np.isfinite(errors)
        counts = np.bincount(seen.points[chosen], minlength=len(seen.xyz))
        points = np.flatnonzero(counts >= MIN_POINT_VIEWS)
        points = points[
            np.unique(np.linspace(0, max(len(points) - 1, 0), max_points).round().astype(int))[: len(points)]
        ]
        chosen &= np.isin(seen.points, points)
        return cls(
            model=seen.camera.model.name, size=(seen.camera.width, seen.camera.height),
            params=np.array(seen.camera.params, dtype=np.float64), cam_from_world=seen.cam_from_world[rows].copy(),
            xyz=seen.xyz[points].copy(), views=np.searchsorted(rows, seen.views[chosen]),
            points=np.searchsorted(points, seen.points[chosen]), xy=seen.xy[chosen].copy(),
            scale_px=LOSS_MEDIANS * float(np.median(errors[chosen])) if chosen.any() else 1.0, view_rows=rows,
        )  # fmt: skip

    @cached_property
    def camera(self) -> pycolmap.Camera:
        """The lens as COLMAP's camera."""
        return pycolmap.Camera(model=self.model, width=self.size[0], height=self.size[1], params=self.params.tolist())

    @property
    def focal_px(self) -> float:
        """Mean of the focal lengths."""
        return float(self.params[self.camera.focal_length_idxs()].mean())

    @cached_property
    def points_cam(self) -> Float[np.ndarray, "m 3"]:
        """The point of each observation in the frame of its view."""
        pose = self.cam_from_world[self.views]
        return np.einsum("mij,mj->mi", pose[:, :3, :3], self.xyz[self.points]) + pose[:, :3, 3]

    @cached_property
    def residuals_px(self) -> Float[np.ndarray, "m 2"]:
        """Observed minus projected; a point behind its camera is as wrong as the image is wide."""
        off = self.xy - projections(self.camera, self.points_cam)
        return np.where((self.points_cam[:, 2:] > 1e-9) & np.isfinite(off), off, self.size[0])

    @cached_property
    def weights(self) -> Float[np.ndarray, " m"]:
        """Weight of each observation's squared error under the loss."""
        return 1.0 / (1.0 + (self.residuals_px**2).sum(axis=1) / self.scale_px**2)

    @cached_property
    def cost(self) -> float:
        """The Cauchy loss summed over the observations, and what the prior adds, in squared pixels."""
        loss = self.scale_px**2 * np.log1p((self.residuals_px**2).sum(axis=1) / self.scale_px**2).sum()
        return float(loss) + (self.prior.cost(self.camera) if self.prior is not None else 0.0)

    def with_params(self, params: Float[np.ndarray, " l"], model: str | None = None) -> Bundle:
        """The same bundle behind another lens."""
        return replace(self, params=np.asarray(params, dtype=np.float64), model=model or self.model)

    def moved(
        self,
        poses: Float[np.ndarray, "v 6"],
        lens: Float[np.ndarray, " l"],
        points: Float[np.ndarray, "p 3"],
    ) -> Bundle:
        """The bundle after a step: translations and rotations of camera points, lens parameters, points."""
        turn = Rotation.from_rotvec(poses[:, 3:]).as_matrix()
        moved = self.cam_from_world.copy()
        moved[:, :3, :3] = turn @ moved[:, :3, :3]
        moved[:, :3, 3] = np.einsum("vij,vj->vi", turn, moved[:, :3, 3]) + poses[:, :3]
        return replace(self, cam_from_world=moved, params=self.params + lens, xyz=self.xyz + points)

    def stretched(self, factor: float) -> Bundle:
        """The bundle as a lens of ``factor`` times the focal length would see it, to first order (bas-relief ambiguity).

        Depths grow by the factor along the mean line of sight, and cameras turn less.
        """
        mean = Rotation.from_matrix(self.cam_from_world[:, :3, :3]).mean().as_matrix()
        stretch = mean.T @ np.diag([1.0, 1.0, factor]) @ mean
        centres = -np.einsum("vji,vj->vi", self.cam_from_world[:, :3, :3], self.cam_from_world[:, :3, 3]) @ stretch.T
        turned = Rotation.from_matrix(self.cam_from_world[:, :3, :3] @ mean.T).as_rotvec() * [
            1 / factor,
            1 / factor,
            1.0,
        ]
        poses = self.cam_from_world.copy()
        poses[:, :3, :3] = Rotation.from_rotvec(turned).as_matrix() @ mean
        poses[:, :3, 3] = -np.einsum("vij,vj->vi", poses[:, :3, :3], centres)
        params = self.params.copy()
        params[self.camera.focal_length_idxs()] *= factor
        if "FISHEYE" not in self.model:
            powers = {"SIMPLE_RADIAL": [2], "RADIAL": [2, 4], "OPENCV": [2, 4, 1, 1]}.get(self.model, [])
            params[self.camera.extra_params_idxs()] *= factor ** np.array(powers, dtype=float)
        return replace(self, cam_from_world=poses, xyz=self.xyz @ stretch.T, params=params)

    def behind(self, params: Float[np.ndarray, " l"]) -> Bundle:
        """The bundle as another lens of the same model would have filmed its images, to first order.

        Depths stretch with the focal length, the cameras turn with the principal point, and points are met anew: so the long
        curved valley along which a lens trades with poses and points is followed where a straight step leaves it.
        """
        focal = self.camera.focal_length_idxs()
        stretched = self.stretched(float(np.asarray(params)[focal].mean()) / self.focal_px)
        centre = self.camera.principal_point_idxs()
        shift = (np.asarray(params)[centre] - self.params[centre]) / float(np.asarray(params)[focal].mean())
        poses = stretched.cam_from_world.copy()
        poses[:, :3] = _turn_from_axis(-shift) @ poses[:, :3]
        return replace(stretched, cam_from_world=poses, params=np.asarray(params, dtype=np.float64)).met_again()

    def met_again(self) -> Bundle:
        """The bundle with its points where their viewing rays meet; those that the lens sends no rays back for stay."""
        rays = np.asarray(self.camera.cam_from_img(self.xy), dtype=np.float64)[:, :2]
        met = meet(rays, self.views, self.points, self.cam_from_world, self.xyz)
        return replace(self, xyz=met)


def meet(
    rays: Float[np.ndarray, "m 2"],
    views: Int[np.ndarray, " m"],
    points: Int[np.ndarray, " m"],
    cam_from_world: Float[np.ndarray, "v 4 4"],
    xyz: Float[np.ndarray, "p 3"],
) -> Float[np.ndarray, "p 3"]:
    """Where the viewing rays of each point meet; a point with fewer than two of them stays.

    Args:
        rays: direction of each observation on the plane at unit depth; not finite where the lens sends none back.
    """
    usable = np.isfinite(rays).all(axis=1)
    views, points = views[usable], points[usable]
    turn, shift = cam_from_world[views, :3, :3], cam_from_world[views, :3, 3]
    directions = np.einsum("mji,mj->mi", turn, np.concatenate([rays[usable], np.ones((len(views), 1))], axis=1))
    centres = -np.einsum("mji,mj->mi", turn, shift)
    met = np.bincount(points, minlength=len(xyz)) >= 2
    return np.where(met[:, None], meeting_points(centres, directions, points, len(xyz)), xyz)


def _turn_from_axis(direction: Float[np.ndarray, " 2"]) -> Float[np.ndarray, "3 3"]:
    """The shortest turn that brings the optical axis to ``direction`` on the plane at unit depth."""
    length = float(np.linalg.norm(direction))
    axis = np.array([-direction[1], direction[0], 0.0]) / max(length, 1e-12)
    return Rotation.from_rotvec(np.arctan(length) * axis).as_matrix()


def projections(camera: pycolmap.Camera, points_cam: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "m 2"]:
    return np.asarray(camera.img_from_cam(points_cam), dtype=np.float64).reshape(-1, 2)
