"""Which other views to match a view with, and between which depths to search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from sfm_gt.errors import InputError
from sfm_gt.geometry.transforms import camera_centres, transform_points
from sfm_gt.geometry.types import SparseModel

# Triangulation angles, in degrees: the best compromise between precision (wide) and similarity of the patches (narrow),
# and how fast the value falls below and above it (the score of Yao et al., MVSNet, 2018).
BEST_ANGLE_DEG = 5.0
SPREAD_BELOW_DEG = 2.0
SPREAD_ABOVE_DEG = 8.0
# Two neighbours that stand closer together than about this angle, seen from the scene, tell nearly the same.
DISTINCT_ANGLE_DEG = 2.0
# Points that both views should see for a pair to be trusted.
MIN_COMMON_POINTS = 8
# Surfaces may lie somewhat before the nearest and behind the farthest sparse point.
NEAR_MARGIN = 0.6
FAR_MARGIN = 1.6
TRIMMED_PERCENT = 1.0
MIN_POINTS_FOR_RANGE = 10


def choose_neighbours(
    model: SparseModel, row: int, n_neighbours: int, candidates: Sequence[int] | None = None
) -> Int[np.ndarray, " k"]:
    """Rows of the views to match with view ``row``, best first; fewer than ``n_neighbours`` when fewer fit.

    Each sparse point that both views see counts by its triangulation angle; views are then taken greedily, a view that
    stands where a chosen one stands counting little.

    Args:
        candidates: rows to choose from; all other rows by default.

    Raises:
        InputError: the model has fewer than 2 views, or a pose is not finite.
    """
    _check(model)
    pool = np.array([r for r in (range(len(model.frame_indices)) if candidates is None else candidates) if r != row])
    if pool.size == 0:
        return np.empty(0, dtype=np.int64)
    centres = camera_centres(model.cam_from_world)
    points = np.unique(model.points_seen_by(row))
    seen = _sees(model, points)[pool]
    rays = model.points_sfm[points] - centres[row]
    gains = np.zeros(pool.size)
    for i, other in enumerate(pool):
        common = seen[i]
        if common.sum() >= MIN_COMMON_POINTS:
            angle = _angle_deg(rays[common], model.points_sfm[points][common] - centres[other])
            gains[i] = _value_of_angle(angle).sum()
    return _take_distinct(model, pool, gains, centres, points, n_neighbours)


def depth_range(model: SparseModel, row: int) -> tuple[float, float]:
    """Nearest and farthest z-depth to search in view ``row``, SfM units, with a margin around its sparse points.

    Raises:
        InputError: the view sees too few sparse points to tell.
    """
    z = _depths_of_points(model, row)
    if z.size < MIN_POINTS_FOR_RANGE:
        raise InputError(
            f"dense: frame {model.frame_indices[row]} sees {z.size} sparse points in front of it, "
            f"{MIN_POINTS_FOR_RANGE} are needed to bound its depth; leave the frame out"
        )
    near, far = np.percentile(z, [TRIMMED_PERCENT, 100.0 - TRIMMED_PERCENT])
    return float(near * NEAR_MARGIN), float(far * FAR_MARGIN)


def can_bound_depth(model: SparseModel, row: int) -> bool:
    """Whether view ``row`` sees enough sparse points for :func:`depth_range`."""
    return _depths_of_points(model, row).size >= MIN_POINTS_FOR_RANGE


def _depths_of_points(model: SparseModel, row: int) -> Float[np.ndarray, " k"]:
    z = transform_points(model.cam_from_world[row], model.points_sfm[model.points_seen_by(row)])[:, 2]
    return z[np.isfinite(z) & (z > 0)]


def _check(model: SparseModel) -> None:
    if len(model.frame_indices) < 2:
        raise InputError(f"dense: the sparse model has {len(model.frame_indices)} views, at least 2 are needed")
    if not np.isfinite(model.cam_from_world).all():
        bad = model.frame_indices[~np.isfinite(model.cam_from_world).all(axis=(1, 2))]
        raise InputError(f"dense: the poses of frames {bad.tolist()} are not finite; remove them from the model")


def _sees(model: SparseModel, points: np.ndarray) -> np.ndarray:
    """(N, K) bool: whether each view observes each of ``points``."""
    column = np.full(len(model.points_sfm), -1)
    column[points] = np.arange(len(points))
    columns = column[model.observations[:, 1]]
    seen = np.zeros((len(model.frame_indices), len(points)), dtype=bool)
    seen[model.observations[columns >= 0, 0], columns[columns >= 0]] = True
    return seen


def _angle_deg(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return np.degrees(np.arccos(np.clip((first * second).sum(-1) / np.maximum(lengths, 1e-12), -1.0, 1.0)))


def _value_of_angle(angle_deg: np.ndarray) -> np.ndarray:
    spread = np.where(angle_deg < BEST_ANGLE_DEG, SPREAD_BELOW_DEG, SPREAD_ABOVE_DEG)
    return np.exp(-((angle_deg - BEST_ANGLE_DEG) ** 2) / (2.0 * spread**2))


def _take_distinct(
    model: SparseModel,
    pool: np.ndarray,
    gains: Float[np.ndarray, " c"],
    centres: Float[np.ndarray, "n 3"],
    points: np.ndarray,
    n_neighbours: int,
) -> Int[np.ndarray, " k"]:
    chosen: list[int] = []
    gains = gains.copy()
    middle = np.median(model.points_sfm[points], axis=0) if len(points) else np.zeros(3)
    while len(chosen) < n_neighbours and gains.max(initial=0.0) > 0:
        best = int(np.argmax(gains))
        chosen.append(int(pool[best]))
        apart = _angle_deg(np.broadcast_to(middle - centres[pool[best]], (pool.size, 3)), middle - centres[pool])
        gains *= 1.0 - np.exp(-((apart / DISTINCT_ANGLE_DEG) ** 2))
        gains[best] = 0.0
    return np.array(chosen, dtype=np.int64)
