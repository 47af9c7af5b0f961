"""Scale from metric positions of the camera at known times: shared by the cues that read trajectories."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import NoEvidenceError
from sfm_gt.geometry.alignment import align_similarity_robust
from sfm_gt.geometry.transforms import camera_centres
from sfm_gt.scale.estimate import Evidence, ScaleEstimate

MIN_POSITIONS = 4
# A path that does not rise above its sensor's noise says nothing about scale.
MIN_EXTENT_SIGMAS = 3.0


def scale_from_positions(
    evidence: Evidence,
    times_s: Float[np.ndarray, " n"],
    positions_m: Float[np.ndarray, "n 3"],
    sigma_m: float,
    correlation_time_s: float,
) -> ScaleEstimate:
    """Robust similarity between camera centres and metric positions, interpolated at the sensor's times.

    Args:
        times_s: time of each position on the video's clock, ascending.
        sigma_m: noise of one coordinate.
        correlation_time_s: errors nearer in time than this are not independent and are not averaged down.

    Raises:
        NoEvidenceError: too few positions within the clip, or a path no longer than its noise.
    """
    frames = evidence.model.frame_indices
    frame_times = np.array([evidence.timestamps_s[int(index)] for index in frames])
    within = (times_s >= frame_times[0]) & (times_s <= frame_times[-1])
    if within.sum() < MIN_POSITIONS:
        raise NoEvidenceError(
            f"{int(within.sum())} of {len(times_s)} positions lie within the clip ({frame_times[0]:.2f} to "
            f"{frame_times[-1]:.2f} s), needed {MIN_POSITIONS}; times must be on the video's clock"
        )
    times, target = times_s[within], positions_m[within]
    centres = camera_centres(evidence.model.cam_from_world)
    source = np.stack([np.interp(times, frame_times, centres[:, axis]) for axis in range(3)], axis=1)
    extent = float(np.sqrt(((target - target.mean(axis=0)) ** 2).sum(axis=1).mean()))
    if extent < MIN_EXTENT_SIGMAS * sigma_m:
        raise NoEvidenceError(f"the path extends {extent:.3g} m (rms), less than {MIN_EXTENT_SIGMAS:g} times its noise "
                              f"of {sigma_m:g} m")  # fmt: skip
    similarity, weights = align_similarity_robust(source, target, sigma_m)
    residual = similarity.apply(source) - target
    noise_m = max(sigma_m, float(np.sqrt((weights[:, None] * residual**2).sum() / (3.0 * weights.sum()))))
    independent = min(len(times), 1.0 + (times[-1] - times[0]) / correlation_time_s)
    sigma = noise_m / (extent * np.sqrt(independent))
    note = (
        f"{len(times)} positions over {extent:.3g} m (rms), residual {np.sqrt((residual**2).mean()):.3g} m a coordinate"
    )
    return ScaleEstimate(float(np.log(similarity.scale)), float(sigma), len(times), (note,))
