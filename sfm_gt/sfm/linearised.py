"""The bundle linearised, points eliminated: its solution, and how sure each lens parameter is.

Adjusting everything with and without a parameter, to see whether the data ask for it, costs minutes a clip. One Gauss-Newton
step with all poses, points and lens parameters free to follow answers the same question in a tenth of a second: the step's
length is the parameter's value, and the fall of the squared residuals its evidence (Rao's score test).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pycolmap
from jaxtyping import Float, Int

from sfm_gt.sfm.bundle import Bundle, projections

# Step of central differences, on the plane at unit depth and in the unit of a lens parameter.
DIFFERENCE = 1e-5
# Errors of neighbouring points are alike where the lens or the shutter is not quite what the model says: cells of the image.
CELLS = (8, 6)
MAX_DEPTHS = 5000  # observations, evenly spread, whose depth is asked how sure it is
# A point that is seen only while the camera rests has no depth, and none is published there: its variance is this many times
# the median or more. Set on windows of the kitchen, whose camera never rests: none of their points comes to that.
NO_DEPTH = 100.0


def lens_directions(camera: pycolmap.Camera, free: str = "fe") -> Float[np.ndarray, "l k"]:
    """Ways in which a lens may change, one a column, in the order of the letters of ``free``: log focal length (f),
    principal point in pixels (p), each distortion term (e)."""
    params = np.array(camera.params)
    unit = np.eye(len(params))
    columns = {
        "f": [np.where(np.isin(np.arange(len(params)), camera.focal_length_idxs()), params, 0.0)],
        "p": [unit[index] for index in camera.principal_point_idxs()],
        "e": [unit[index] for index in camera.extra_params_idxs()],
    }
    chosen = [column for letter in free for column in columns[letter]]
    return np.stack(chosen, axis=1) if chosen else np.zeros((len(params), 0))


class Linearised:
    """A bundle linearised where it stands, points eliminated (Schur complement).

    Args:
        moves: (L, k) directions of the lens that are free.
        effects: (M, 2, e) derivatives of the projections by parameters that the camera model lacks.
    """

    def __init__(
        self, bundle: Bundle, moves: Float[np.ndarray, "l k"], effects: Float[np.ndarray, "m 2 e"] | None = None
    ):
        self._bundle, self._moves = bundle, moves
        extra = np.zeros((len(bundle.xy), 2, 0)) if effects is None else effects
        self.n_lens, self._n_views = moves.shape[1] + extra.shape[2], len(bundle.cam_from_world)
        weight = np.sqrt(bundle.weights)[:, None, None]
        by_cam = weight * _by_camera_point(bundle)
        self._by_pose = np.concatenate([by_cam, by_cam @ _turned(bundle.points_cam)], axis=2)
        self._by_lens = weight * np.concatenate([by_lens_px(bundle, moves), extra], axis=2)
        self._by_point = by_cam @ bundle.cam_from_world[bundle.views][:, :3, :3]
        self._residual = bundle.residuals_px * weight[..., 0]
        n_points = len(bundle.xyz)
        self._own = _sums(_products(self._by_point, self._by_point), bundle.points, n_points)
        self._pull = _sums(_products(self._by_point, self._residual[..., None]), bundle.points, n_points)[..., 0]
        self._square, self._mixed = self._camera_products(), self._camera_point_products()

    def _camera_products(self) -> Float[np.ndarray, "c c"]:
        """Products of the derivatives by poses and lens: blocks along the diagonal, and a border."""
        views, n = self._bundle.views, self._n_views
        square = np.zeros((6 * n + self.n_lens,) * 2)
        blocks = square[: 6 * n, : 6 * n].reshape(n, 6, n, 6)
        blocks[np.arange(n), :, np.arange(n)] = _sums(_products(self._by_pose, self._by_pose), views, n)
        border = _sums(_products(self._by_pose, self._by_lens), views, n).reshape(6 * n, self.n_lens)
        square[: 6 * n, 6 * n :], square[6 * n :, : 6 * n] = border, border.T
        square[6 * n :, 6 * n :] = np.einsum("mai,maj->ij", self._by_lens, self._by_lens)
        return square

    def _camera_point_products(self) -> Float[np.ndarray, "c p3"]:
        views, points, n = self._bundle.views, self._bundle.points, self._n_views
        n_points = len(self._bundle.xyz)
        mixed = np.zeros((6 * n + self.n_lens, n_points, 3))
        # A view may see a point more than once.
        cells, cell = np.unique(views * n_points + points, return_inverse=True)
        blocks = _sums(_products(self._by_pose, self._by_point), cell, len(cells))
        mixed[: 6 * n].reshape(n, 6, n_points, 3)[cells // n_points, :, cells % n_points] = blocks
        mixed[6 * n :] = _sums(_products(self._by_lens, self._by_point), points, n_points).transpose(1, 0, 2)
        return mixed.reshape(len(mixed), -1)

    def step(self, damping: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A damped Gauss-Newton step: poses (V, 6), lens parameters (L,), points (P, 3)."""
        own = self._own + damping * np.einsum("pij,ij->pij", self._own, np.eye(3)) + 1e-12 * np.eye(3)
        normal, gradient, inverse = self._reduced(own)
        diagonal = np.diag(self._square)
        solved = np.linalg.solve(normal + np.diag(damping * diagonal + 1e-12 * diagonal.max()), gradient)
        poses, lens = solved[: 6 * self._n_views].reshape(-1, 6), self._moves @ solved[6 * self._n_views :]
        right = self._pull - (solved @ self._mixed).reshape(-1, 3)
        return poses, lens, np.einsum("pij,pj->pi", inverse, right)

    def _reduced(self, own: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inverse = np.linalg.inv(own)
        eliminated = (self._mixed.reshape(len(self._mixed), -1, 3).transpose(1, 0, 2) @ inverse).transpose(1, 0, 2)
        eliminated = eliminated.reshape(self._mixed.shape)
        normal = self._square - eliminated @ self._mixed.T
        gradient = self._on_cameras(self._residual) - eliminated @ self._pull.ravel()
        if self._bundle.prior is not None:
            precision, missing = self._bundle.prior.terms(self._bundle.camera)
            by_lens = np.zeros((len(precision), len(normal)))
            by_lens[:, 6 * self._n_views : 6 * self._n_views + self._moves.shape[1]] = self._moves
            focal = self._bundle.camera.focal_length_idxs()
            by_lens[focal] /= self._bundle.params[focal][:, None]
            normal += by_lens.T @ (precision[:, None] * by_lens)
            gradient = gradient + by_lens.T @ (precision * missing)
        return normal, gradient, inverse

    def _on_cameras(self, residual: Float[np.ndarray, "m 2"]) -> Float[np.ndarray, " c"]:
        """Residuals times derivatives by poses and lens, summed."""
        poses = _sums(_products(self._by_pose, residual[..., None]), self._bundle.views, self._n_views)
        return np.concatenate([poses.ravel(), np.einsum("mai,ma->i", self._by_lens, residual)])

    def _moved_px(
        self, cameras: Float[np.ndarray, "c k"], points: Float[np.ndarray, "p 3 k"]
    ) -> Float[np.ndarray, "m 2 k"]:
        """How steps of poses and lens, and of points, move the weighted projections; one step a column."""
        poses = cameras[: 6 * self._n_views].reshape(self._n_views, 6, -1)[self._bundle.views]
        lens = self._by_lens @ cameras[6 * self._n_views :]
        return self._by_pose @ poses + lens + self._by_point @ points[self._bundle.points]

    @property
    def lens_step(self) -> Float[np.ndarray, " k"]:
        """What a full Gauss-Newton step makes of the lens alone."""
        normal, gradient, _ = self._undamped()
        return (self._invert(normal) @ gradient)[6 * self._n_views :]

    @cached_property
    def estimate(self) -> Estimate:
        """What a full Gauss-Newton step makes of the lens and of ``effects``, and how sure it is."""
        normal, gradient, inverse = self._undamped()
        rows = slice(6 * self._n_views, None)
        whole = self._invert(normal)
        step, inverted = whole @ gradient, whole[:, rows]
        # The noise is what the step leaves over: before it, a parameter that is far off would count as noise.
        by_point = np.einsum("pij,pj->pi", inverse, self._pull - (step @ self._mixed).reshape(-1, 3))
        left = self._residual - self._moved_px(step[:, None], by_point[..., None])[..., 0]
        swallowed = inverse @ (self._mixed.T @ inverted).reshape(len(inverse), 3, self.n_lens)
        influence = self._moved_px(inverted, -swallowed) * left[..., None]
        n_seen = left.size - 3 * len(inverse)
        freedom = max(n_seen - len(normal) + 7, 1)
        noise = float((left**2).sum()) / freedom
        clustered = self._clustered(influence.sum(axis=1)) * max(n_seen / freedom, 1.0)
        return Estimate(step[rows], noise * inverted[rows], clustered, noise)

    @property
    def depth_variance(self) -> float:
        """Mean square of the relative errors that poses and lens give to depths, apart from their common scale, where one
        coordinate of an observation errs by a pixel."""
        bundle = self._bundle
        normal, _, inverse = self._undamped()
        rows = np.unique(np.linspace(0, len(bundle.views) - 1, MAX_DEPTHS).astype(int))
        views, points = bundle.views[rows], bundle.points[rows]
        x, y, z = bundle.points_cam[rows].T
        # Points follow the cameras, and depth is what lies along the optical axis.
        along = np.einsum("mi,mij->mj", bundle.cam_from_world[views, 2, :3], inverse[points])
        by_cameras = -np.einsum("mj,cmj->mc", along, self._mixed.reshape(len(normal), -1, 3)[:, points])
        each = np.arange(len(rows))
        by_cameras[each, 6 * views + 2] += 1.0
        by_cameras[each, 6 * views + 3] += y
        by_cameras[each, 6 * views + 4] -= x
        by_cameras /= z[:, None]
        covariance = self._invert(normal)

        def variances(rows: Float[np.ndarray, "r c"]) -> Float[np.ndarray, " r"]:
            rows = rows - rows.mean(axis=0)
            return ((rows @ covariance) * rows).sum(axis=1)

        found = variances(by_cameras)
        # Twice, since what has no depth has moved the common scale.
        return float(variances(by_cameras[found <= NO_DEPTH * np.median(found)]).mean())

    def _undamped(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # A point that no view holds has no curvature at all.
        ridge = 1e-12 * (np.trace(self._own, axis1=1, axis2=2) + 1.0)
        return self._reduced(self._own + ridge[:, None, None] * np.eye(3))

    def _invert(self, normal: Float[np.ndarray, "c c"]) -> Float[np.ndarray, "c c"]:
        """Inverse of the reduced normal matrix, place, turn and size of the world held exactly."""
        scale = 1.0 / np.sqrt(np.maximum(np.diag(normal), 1e-30))
        gauge = np.pad(_gauge(self._bundle.cam_from_world), ((0, self.n_lens), (0, 0))) / scale[:, None]
        held = np.linalg.qr(gauge)[0]
        return np.linalg.pinv(normal * scale[:, None] * scale + held @ held.T, hermitian=True) * scale[:, None] * scale

    def _clustered(self, influence: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "k k"]:
        """Covariance from the sums of influence within points, within views and within cells of the image (Cameron,
        Gelbach & Miller 2011, "Robust inference with multiway clustering"; the overlaps of pairs are small and stay)."""
        cell = np.clip(self._bundle.xy / self._bundle.size * CELLS, 0, np.array(CELLS) - 1).astype(int)
        groups = self._bundle.points, self._bundle.views, cell[:, 0] * CELLS[1] + cell[:, 1]
        sums = [np.stack([np.bincount(group, column) for column in influence.T], axis=1) for group in groups]
        own = influence.T @ influence
        return own + sum((total.T @ total - own for total in sums), np.zeros_like(own))


@dataclass(frozen=True)
class Estimate:
    """Step of some parameters with its covariance.

    Attributes:
        step: (k,).
        white: (k, k) covariance if every observation erred by itself.
        clustered: (k, k) covariance with the errors that observations share taken together, see
            :meth:`Linearised._clustered`.
        noise_px2: variance of one coordinate of an observation, as the loss weighs it.
    """

    step: Float[np.ndarray, " k"]
    white: Float[np.ndarray, "k k"]
    clustered: Float[np.ndarray, "k k"]
    noise_px2: float


def _by_camera_point(bundle: Bundle) -> Float[np.ndarray, "m 2 3"]:
    """Derivative of each projection by the point in the camera frame, for any camera model: central differences."""
    z = np.maximum(bundle.points_cam[:, 2], 1e-9)
    flat = np.concatenate([bundle.points_cam[:, :2] / z[:, None], np.ones((len(z), 1))], axis=1)
    by_flat = np.stack(
        [
            projections(bundle.camera, flat + DIFFERENCE * axis) - projections(bundle.camera, flat - DIFFERENCE * axis)
            for axis in np.eye(3)[:2]
        ],
        axis=2,
    ) / (2 * DIFFERENCE)
    by_flat = np.nan_to_num(by_flat)
    by_depth = -(by_flat @ flat[:, :2, None])
    return np.concatenate([by_flat, by_depth], axis=2) / z[:, None, None]


def by_lens_px(bundle: Bundle, moves: Float[np.ndarray, "l k"]) -> Float[np.ndarray, "m 2 k"]:
    columns = []
    for move in moves.T:
        step = DIFFERENCE * move
        ahead, behind = (bundle.with_params(bundle.params + sign * step).camera for sign in (1, -1))
        columns.append(
            (projections(ahead, bundle.points_cam) - projections(behind, bundle.points_cam)) / (2 * DIFFERENCE)
        )
    return np.nan_to_num(np.stack(columns, axis=2)) if columns else np.zeros((len(bundle.xy), 2, 0))


def _turned(points_cam: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "m 3 3"]:
    """A small rotation r moves a point p by r x p: the derivative of that by r."""
    x, y, z = points_cam.T
    zero = np.zeros_like(z)
    return np.stack([np.stack([zero, z, -y], -1), np.stack([-z, zero, x], -1), np.stack([y, -x, zero], -1)], axis=1)


def _gauge(cam_from_world: Float[np.ndarray, "v 4 4"]) -> Float[np.ndarray, "v6 7"]:
    """Changes of all poses that no image sees: place, turn and size of the world."""
    turn, shift = cam_from_world[:, :3, :3], cam_from_world[:, :3, 3]
    gauge = np.zeros((len(turn), 6, 7))
    gauge[:, :3, :3] = -turn
    gauge[:, :3, 3:6] = np.cross(turn.transpose(0, 2, 1), shift[:, None]).transpose(0, 2, 1)
    gauge[:, 3:, 3:6] = -turn
    gauge[:, :3, 6] = shift
    return gauge.reshape(-1, 7)


def _products(a: Float[np.ndarray, "m 2 i"], b: Float[np.ndarray, "m 2 j"]) -> Float[np.ndarray, "m i j"]:
    """Of the derivatives of each observation, summed over its two coordinates."""
    return a.transpose(0, 2, 1) @ b


def _sums(
    values: Float[np.ndarray, "m i j"], block: Int[np.ndarray, " m"], n_blocks: int
) -> Float[np.ndarray, "b i j"]:
    flat = values.reshape(len(values), -1)
    return np.stack([np.bincount(block, column, n_blocks) for column in flat.T], axis=1).reshape(-1, *values.shape[1:])
