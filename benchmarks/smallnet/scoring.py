"""Scores of one map against exact depth, in plain numpy, for training's report and the tests.

The package's own `sfm_gt.metrics` grades models; this file stays apart from it so that the training script runs alone.
"""

import numpy as np

MAX_DEPTH_M = 20.0  # no ray-cast room is longer than its diagonal of 19 m


def abs_rel(predicted_m: np.ndarray, z_depth_m: np.ndarray) -> float:
    """Mean of |p - g| / g over all pixels, both in metres."""
    return float(np.mean(np.abs(predicted_m - z_depth_m) / z_depth_m))


def abs_rel_affine_disparity(disparity: np.ndarray, z_depth_m: np.ndarray) -> float:
    """AbsRel after least squares of scale and shift against 1 / z in float64, depth capped at MAX_DEPTH_M."""
    columns = np.stack([disparity.ravel().astype(np.float64), np.ones(disparity.size)], axis=1)
    truth = 1.0 / z_depth_m.ravel().astype(np.float64)
    (scale, shift), *_ = np.linalg.lstsq(columns, truth, rcond=None)
    aligned = np.maximum(scale * disparity.astype(np.float64) + shift, 1.0 / MAX_DEPTH_M)
    return abs_rel(1.0 / aligned, z_depth_m.astype(np.float64))


def abs_rel_constant(z_depth_m: np.ndarray) -> float:
    """AbsRel of a constant map aligned by the median: what a model that sees nothing gets."""
    return abs_rel(np.full(z_depth_m.shape, np.median(z_depth_m)), z_depth_m.astype(np.float64))


def row_ramp(height: int, width: int) -> np.ndarray:
    """(height, width) disparity that only grows down the picture: what a model gets that knows a floor is below."""
    return np.repeat((np.arange(height) + 0.5)[:, None] / height, width, axis=1)
