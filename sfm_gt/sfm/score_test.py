"""What one more camera parameter would explain: a score test on the linearised bundle adjustment.

Adjusting everything with and without a parameter, to see whether the data ask for it, costs minutes a clip. One
Gauss-Newton step with all poses, points and intrinsics free to follow answers the same question in under a second: the
step's length is the parameter's value, and the fall of the squared residuals its evidence (Rao's score test).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from sfm_gt.sfm.observations import Observations

# Share of the weighted squared residuals that a parameter must explain: what stays below is not worth another model. The
# limit lies between short takes of the kitchen at half its size and rendered rooms with a global shutter, one of them with a
# figure that sways; both leave a factor of two.
MIN_EXPLAINED = 0.003
# Views that take part; more only make it slower.
MAX_VIEWS = 60
POINTS_AT_ONCE = 2000  # of the matrix of cameras by points, which is nearly full: 17 MB
# Cauchy loss, as in the adjustment.
LOSS_MEDIANS = 3.0
# Ridge, as a share of the diagonal: holds the seven directions that no image sees (place, turn and size of the world).
RIDGE = 1e-6


def step_and_evidence(seen: Observations, effect_px: Float[np.ndarray, "m 2"]) -> tuple[float, float]:
    """One Gauss-Newton step of a parameter, and the share of the weighted squared residuals that it explains.

    Args:
        effect_px: derivative of each observation's projection by the parameter.
    """
    residuals = seen.residuals_px()
    chosen = _chosen(seen, residuals)
    error = np.linalg.norm(residuals[chosen], axis=1)
    if not len(error) or not effect_px[chosen].any():
        return 0.0, 0.0
    weight = np.repeat(1.0 / np.sqrt(1.0 + (error / (LOSS_MEDIANS * np.median(error))) ** 2), 2)
    cameras, points = _jacobians(seen, chosen)
    column = sparse.csr_matrix(effect_px[chosen].reshape(-1, 1))
    residual = residuals[chosen].ravel() * weight
    weigh = sparse.diags(weight)
    normal, gradient = _without_points(weigh @ sparse.hstack([cameras, column]).tocsr(), weigh @ points, residual)
    nuisance = normal[:-1, :-1] + np.diag(RIDGE * np.maximum(np.diag(normal)[:-1], 1e-12))
    solved = np.linalg.solve(nuisance, np.stack([normal[:-1, -1], gradient[:-1]], axis=1))
    curvature = normal[-1, -1] - normal[-1, :-1] @ solved[:, 0]
    slope = gradient[-1] - normal[-1, :-1] @ solved[:, 1]
    return float(slope / curvature), float(slope**2 / curvature / (residual @ residual))


def radial_effect_px(seen: Observations, term: int) -> Float[np.ndarray, "m 2"]:
    """Derivative of each projection by the coefficient of r^(2 term), r the distance from the axis at unit depth."""
    normalised = _normalised(seen)
    return seen.camera.mean_focal_length() * normalised * (normalised**2).sum(axis=1, keepdims=True) ** term


def n_radial_terms(seen: Observations) -> int:
    """How many radial terms the camera of ``seen`` has."""
    return len(seen.camera.extra_params_idxs())


def _normalised(seen: Observations) -> Float[np.ndarray, "m 2"]:
    in_cam = seen.points_cam(seen.views)
    return in_cam[:, :2] / in_cam[:, 2:]


def _chosen(seen: Observations, residuals_px: Float[np.ndarray, "m 2"]) -> Bool[np.ndarray, " m"]:
    """Observations that take part: of evenly spread views, in front of the camera."""
    n_views = len(seen.image_ids)
    views = np.unique(np.linspace(1, n_views - 2, MAX_VIEWS).round().astype(int)) if n_views > 2 else np.arange(n_views)
    chosen = np.isin(seen.views, views) & np.isfinite(residuals_px).all(axis=1)
    # A point seen once in the chosen views fits whatever happens.
    return chosen & (np.bincount(seen.points[chosen], minlength=len(seen.xyz))[seen.points] >= 2)


def _jacobians(seen: Observations, chosen: Bool[np.ndarray, " m"]) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Derivatives of the projections by (6 pose parameters a view, focal length, principal point, radial terms) and by points.

    Distortion is left out of the derivatives by pose and point; it changes them by a few per cent, and the step is taken
    more than once.
    """
    views, points = seen.views[chosen], seen.points[chosen]
    in_cam = seen.points_cam(seen.views)[chosen]
    focal = seen.camera.mean_focal_length()
    x, y, z = in_cam.T
    zero = np.zeros_like(z)
    by_cam = focal * np.stack([np.stack([1 / z, zero, -x / z**2], -1), np.stack([zero, 1 / z, -y / z**2], -1)], axis=1)
    turned = np.stack([np.stack([zero, z, -y], -1), np.stack([-z, zero, x], -1), np.stack([y, -x, zero], -1)], axis=1)
    by_pose = np.concatenate([by_cam, by_cam @ turned], axis=2)
    # A crop off the centre looks a little like a readout.
    along_x, along_y = np.broadcast_to(np.eye(2)[:, None], (2, len(seen.xy), 2))
    radial = [radial_effect_px(seen, term) for term in range(1, n_radial_terms(seen) + 1)]
    lens = np.stack([term[chosen] for term in (_normalised(seen), along_x, along_y, *radial)], axis=2)
    by_point = by_cam @ seen.cam_from_world[views][:, :3, :3]
    of_view = np.unique(views, return_inverse=True)[1]
    of_point = np.unique(points, return_inverse=True)[1]
    n_views = int(of_view.max()) + 1
    cameras = sparse.hstack([_blocks(by_pose, of_view, n_views), sparse.csr_matrix(lens.reshape(2 * len(lens), -1))])
    return cameras.tocsr(), _blocks(by_point, of_point, int(of_point.max()) + 1)


def _blocks(values: Float[np.ndarray, "m 2 k"], block: Int[np.ndarray, " m"], n_blocks: int) -> sparse.csr_matrix:
    """(2 m, k n_blocks): the two rows of each observation stand in the columns of its block."""
    m, _, k = values.shape
    rows = np.broadcast_to(np.arange(2 * m).reshape(m, 2, 1), values.shape)
    columns = np.broadcast_to((block[:, None] * k + np.arange(k))[:, None, :], values.shape)
    return sparse.csr_matrix((values.ravel(), (rows.ravel(), columns.ravel())), shape=(2 * m, k * n_blocks))


def _without_points(
    cameras: sparse.csr_matrix, points: sparse.csr_matrix, residual: Float[np.ndarray, " r"]
) -> tuple[Float[np.ndarray, "c c"], Float[np.ndarray, " c"]]:
    """Normal matrix and gradient of the camera parameters with the points eliminated (Schur complement)."""
    own = (points.T @ points).tocsr()
    n_points = own.shape[0] // 3
    inverse = np.linalg.inv(_diagonal_blocks(own.tobsr(blocksize=(3, 3)), n_points) + 1e-9 * np.eye(3))
    pull = (points.T @ residual).reshape(-1, 3)
    normal, gradient = (cameras.T @ cameras).toarray(), np.asarray(cameras.T @ residual)
    by_point = points.tocsc()
    for start in range(0, n_points, POINTS_AT_ONCE):
        some = slice(start, min(start + POINTS_AT_ONCE, n_points))
        mixed = (cameras.T @ by_point[:, 3 * some.start : 3 * some.stop]).toarray()
        eliminated = (mixed.reshape(len(mixed), -1, 3).transpose(1, 0, 2) @ inverse[some]).transpose(1, 0, 2)
        eliminated = eliminated.reshape(mixed.shape)
        normal -= eliminated @ mixed.T
        gradient -= eliminated @ pull[some].ravel()
    return normal, gradient


def _diagonal_blocks(blocks: sparse.bsr_matrix, n_blocks: int) -> Float[np.ndarray, "b 3 3"]:
    # Points do not meet one another in the normal matrix: each row of blocks holds just its diagonal.
    assert blocks.data.shape[0] == n_blocks
    return blocks.data
