"""Bundle adjustment of all frames, points and the shared camera, hardened against points that move a little.

The camera starts with one radial term and a global shutter. A rolling shutter, a principal point off the centre and a richer
lens join when the residuals ask for them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pycolmap
from jaxtyping import Float

from sfm_gt.sfm.camera_proof import Settled, settle_lens
from sfm_gt.sfm.database import KnownCamera
from sfm_gt.sfm.observations import Observations, move_observations
from sfm_gt.sfm.rolling_shutter import Readout, displacement_px, find_readout, readout_step

# Poses start from a solved model, so that some steps reach the minimum; more only move the last digits.
MAX_ITERATIONS = 30
# Relative fall of the error below which an adjustment stands. At 1e-3 the cameras of the demo clip lie within 2e-5 of their
# path's extent (RMS) of where 60 steps bring them, a fiftieth of what their covariance leaves open; this is on the safe side.
CONVERGED = 3e-4
# The first pass only has to make residuals mean something: COLMAP's usual loss, in pixels, and fewer steps.
FIRST_LOSS_PX, FIRST_ITERATIONS = 1.0, 12
# Poses that were found as if by a global shutter hide a part of the readout: each round finds most of what is left.
READOUT_ROUNDS = 2
# The second pass knows how well the tracks fit. A figure that sways slowly bends focal length and depth together, at
# residuals far below a pixel: what exceeds this many median residuals must count for little.
LOSS_MEDIANS = 3.0
# Beyond this many, or behind the camera, an observation is wrong.
OUTLIER_MEDIANS = 15.0
MIN_VIEWS = 3


@dataclass(frozen=True)
class Adjusted:
    """What an adjustment found in addition to the model.

    Attributes:
        readout: of a rolling shutter, None for a global one. With a readout the observations of the model have been moved to
            where a global shutter would have seen them, and its poses hold at the middle of each frame's readout.
        settled: what was decided about the lens; None where the intrinsics were given.
    """

    readout: Readout | None
    settled: Settled | None


@dataclass(frozen=True)
class Begun:
    """A model after its first adjustment: the observations as filmed, and the readout with which they were straightened."""

    filmed: Observations
    readout: Readout | None


def begin_adjustment(
    model: pycolmap.Reconstruction, times_s: Float[np.ndarray, " n"], known: KnownCamera | None
) -> Begun:
    """Adjusts ``model`` in place so far that its residuals mean something, and looks for a rolling shutter.

    Args:
        times_s: presentation time of each registered image, in the order of their names.
        known: what is known of the camera beforehand; a fixed one stays as it is.
    """
    filmed = Observations.of(model)
    fixed, prior = known is not None and known.fixed, known.focal_prior if known is not None else None
    # A focal length that is known has to stay until it is weighed against the images.
    free = "" if fixed else "fe" if prior is None else "e"
    _adjust(model, pycolmap.LossFunctionType.SOFT_L1, FIRST_LOSS_PX, FIRST_ITERATIONS, free)
    readout = find_readout(Observations.of(model), times_s)
    for _ in range(READOUT_ROUNDS):
        if readout is None:
            break
        _straighten(model, filmed, times_s, readout)
        _adjust(model, pycolmap.LossFunctionType.SOFT_L1, FIRST_LOSS_PX, FIRST_ITERATIONS, free)
        step = readout_step(Observations.of(model), times_s, readout.axis)[0]
        readout = replace(readout, seconds=readout.seconds + step)
    return Begun(filmed, readout)


def finish_adjustment(
    model: pycolmap.Reconstruction, times_s: Float[np.ndarray, " n"], known: KnownCamera | None, begun: Begun
) -> Adjusted:
    """Settles the lens, adjusts ``model`` against a loss that knows its noise, and drops observations that do not fit.

    Args:
        model: as :func:`begin_adjustment` left it; images and observations may have been taken out since.
    """
    move_observations(model, begun.filmed, begun.filmed.xy)
    _straighten(model, Observations.of(model), times_s, begun.readout)
    settled = None
    if known is None or not known.fixed:
        settled = settle_lens(model, known.focal_prior if known is not None else None)
    typical = float(np.median(Observations.of(model).errors_px()))
    _adjust(model, pycolmap.LossFunctionType.CAUCHY, LOSS_MEDIANS * typical, MAX_ITERATIONS, "")
    _drop_outliers(model, OUTLIER_MEDIANS * typical)
    return Adjusted(begun.readout, settled)


def adjust_points(model: pycolmap.Reconstruction) -> None:
    """As :func:`finish_adjustment`, with the camera and all poses held where they are, and a global shutter."""
    _adjust(model, pycolmap.LossFunctionType.SOFT_L1, FIRST_LOSS_PX, FIRST_ITERATIONS, "", fixed_poses=True)
    typical = float(np.median(Observations.of(model).errors_px()))
    _adjust(model, pycolmap.LossFunctionType.CAUCHY, LOSS_MEDIANS * typical, MAX_ITERATIONS, "", fixed_poses=True)
    _drop_outliers(model, OUTLIER_MEDIANS * typical)


def _straighten(
    model: pycolmap.Reconstruction, filmed: Observations, times_s: Float[np.ndarray, " n"], readout: Readout | None
) -> None:
    """Moves the observations to where a global shutter would have seen them, by the velocities of the present poses."""
    if readout is not None:
        now = replace(Observations.of(model), xy=filmed.xy)
        move_observations(model, filmed, filmed.xy - displacement_px(now, times_s, readout))


def _adjust(
    model: pycolmap.Reconstruction,
    loss: pycolmap.LossFunctionType,
    scale_px: float,
    max_iterations: int,
    free: str,
    fixed_poses: bool = False,
) -> None:
    """One adjustment; ``free`` names what of the lens may change, as in :func:`sfm_gt.sfm.linearised.lens_directions`."""
    options = pycolmap.BundleAdjustmentOptions()
    options.refine_focal_length, options.refine_principal_point = "f" in free, "p" in free
    options.refine_extra_params = "e" in free
    options.refine_rig_from_world = not fixed_poses
    options.print_summary = False
    options.ceres.loss_function_type = loss
    options.ceres.loss_function_scale = scale_px
    options.ceres.solver_options.max_num_iterations = max_iterations
    options.ceres.solver_options.function_tolerance = CONVERGED
    # One thread: floating-point sums, and so the result, must not depend on the number of cores.
    options.ceres.solver_options.num_threads = 1
    pycolmap.bundle_adjustment(model, options)


def _drop_outliers(model: pycolmap.Reconstruction, max_error_px: float) -> None:
    seen = Observations.of(model)
    for row in np.flatnonzero(seen.errors_px() > max_error_px).tolist():
        image_id, keypoint = seen.image_ids[seen.views[row]], int(seen.keypoints[row])
        # Deleting the last but one observation of a point deletes the point and frees the other.
        if model.images[image_id].points2D[keypoint].has_point3D():
            model.delete_observation(image_id, keypoint)
    for point_id in [p for p, point in model.points3D.items() if point.track.length() < MIN_VIEWS]:
        model.delete_point3D(point_id)
