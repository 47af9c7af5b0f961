"""Cue: metric camera positions by time (GPS, ARKit, ARCore, motion capture, survey) in files next to the sidecar.

A robust similarity carries the camera centres onto the positions. Errors of such sensors last for a while; their covariance
is taken to fall off as exp(-|dt| / correlation time), and the scale's sigma follows from it by linear propagation.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import ContradictionError, NoEvidenceError
from sfm_gt.formats.position_track import PositionTrack, read_position_track
from sfm_gt.formats.sidecar import Positions, evidence_path
from sfm_gt.geometry.alignment import Similarity, align_similarity_robust
from sfm_gt.geometry.transforms import camera_centres
from sfm_gt.scale.shared.estimate import Evidence, ScaleEstimate
from sfm_gt.scale.shared.fusion import agreed_mean

MIN_POSITIONS = 4
# A path that does not rise above its sensor's noise says nothing about scale.
MIN_EXTENT_SIGMAS = 3.0
# Multipath and atmosphere change over minutes in part and over seconds for the rest; drift of visual-inertial trackers.
GPS_CORRELATION_TIME_S = 10.0
TRACKER_CORRELATION_TIME_S = 0.5
# Residuals beyond the stated noise by more than this say that the noise was stated too small.
NOISE_MARGIN = 1.25
# Tracks further apart than this many sigmas cannot both be right.
MAX_APART_SIGMA = 4.0
# Halves of the path that differ by more sigmas than this show a stretched model or a drifting sensor.
STRETCH_SIGMAS = 3.0


class PositionsCue:
    """Scale from ``scale.positions`` of the sidecar."""

    needs_depth = False

    def estimate(self, evidence: Evidence) -> ScaleEstimate:
        """Raises NoEvidenceError without usable positions, InputError when a file cannot be read."""
        if not evidence.stated.positions or evidence.sidecar is None:
            raise NoEvidenceError("the sidecar states no positions")
        found, notes = [], []
        for stated in evidence.stated.positions:
            track = read_position_track(evidence_path(evidence.sidecar, stated.file))
            try:
                found.append(_scale_from_track(evidence, track, stated))
            except NoEvidenceError as refusal:
                notes.append(f"{stated.file}: not used, {refusal}")
        if not found:
            raise NoEvidenceError("; ".join(notes))
        notes = [note for one in found for note in one.notes] + notes
        try:
            log_scale, sigma, kept = agreed_mean(
                [one.log_scale for one in found], [one.sigma_log_scale for one in found], MAX_APART_SIGMA
            )
        except ContradictionError:
            raise ContradictionError(f"the tracks contradict one another: {'; '.join(notes)}") from None
        notes += [
            f"left out, contradicts the others: {one.notes[0]}" for one, ok in zip(found, kept, strict=True) if not ok
        ]
        n_observations = sum(one.n_observations for one, ok in zip(found, kept, strict=True) if ok)
        return ScaleEstimate(log_scale, sigma, n_observations, tuple(notes))


def _scale_from_track(evidence: Evidence, track: PositionTrack, stated: Positions) -> ScaleEstimate:
    source, times, target = _matched(evidence, track, stated.clock_offset_s)
    extent = float(np.sqrt(((target - target.mean(axis=0)) ** 2).sum(axis=1).mean()))
    if extent < MIN_EXTENT_SIGMAS * stated.sigma_m:
        raise NoEvidenceError(f"the path extends {extent:.3g} m (rms), less than {MIN_EXTENT_SIGMAS:g} times its noise "
                              f"of {stated.sigma_m:g} m: the camera stood still for this sensor")  # fmt: skip
    correlation_s = stated.correlation_time_s or (
        GPS_CORRELATION_TIME_S if track.from_gps else TRACKER_CORRELATION_TIME_S
    )
    log_scale, sigma, noise_m = scale_between(source, target, times, stated.sigma_m, correlation_s)
    stretch = _stretch(source, target, times, noise_m, correlation_s)
    sigma = float(np.sqrt(sigma**2 + stretch**2 + stated.sigma_scale**2))
    note = (f"{stated.file}: {len(times)} positions over {extent:.3g} m (rms), noise {noise_m:.3g} m a coordinate, "
            f"scale {np.exp(log_scale):.5g} ± {100 * sigma:.2g} %")  # fmt: skip
    if stretch:
        note += f"; its halves differ by {200 * stretch:.2g} % of scale (stretch)"
    return ScaleEstimate(log_scale, sigma, len(times), (note,))


def _matched(
    evidence: Evidence, track: PositionTrack, clock_offset_s: float
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, " n"], Float[np.ndarray, "n 3"]]:
    """Camera centres in SfM units at the sensor's times within the clip, those times, and the sensor's positions."""
    frame_times = np.array([evidence.timestamps_s[int(index)] for index in evidence.model.frame_indices])
    times = track.times_s + clock_offset_s
    within = (times >= frame_times[0]) & (times <= frame_times[-1])
    if within.sum() < MIN_POSITIONS:
        raise NoEvidenceError(
            f"{int(within.sum())} of {len(times)} positions ({times[0]:.2f} to {times[-1]:.2f} s) lie within the clip "
            f"({frame_times[0]:.2f} to {frame_times[-1]:.2f} s), needed {MIN_POSITIONS}; times must be on the video's "
            "clock (clock_offset_s)"
        )
    centres = camera_centres(evidence.model.cam_from_world)
    source = np.stack([np.interp(times[within], frame_times, centres[:, axis]) for axis in range(3)], axis=1)
    return source, times[within], track.positions_m[within]


def scale_between(
    source: Float[np.ndarray, "n 3"],
    target_m: Float[np.ndarray, "n 3"],
    times_s: Float[np.ndarray, " n"],
    sigma_m: float,
    correlation_time_s: float,
) -> tuple[float, float, float]:
    """Log scale from ``source`` to ``target_m``, its standard deviation, and the noise of one coordinate.

    To first order the weighted similarity's scale moves by the sum of w_i a_i . n_i / sum w |a|^2, where a_i are the centred,
    rotated and scaled source points and n_i the noise; so its variance is known for any covariance of the noise.
    """
    similarity, weights = align_similarity_robust(source, target_m, sigma_m)
    noise_m = _noise(similarity, source, target_m, weights, sigma_m)
    arms = similarity.apply(source)
    arms = arms - np.average(arms, axis=0, weights=weights)
    lever = weights[:, None] * arms
    moved = noise_m**2 * _correlated_sum(lever, times_s, correlation_time_s)
    variance = moved / (weights @ (arms**2).sum(axis=1)) ** 2
    return float(np.log(similarity.scale)), float(np.sqrt(variance)), noise_m


def _correlated_sum(
    lever: Float[np.ndarray, "n 3"], times_s: Float[np.ndarray, " n"], correlation_time_s: float
) -> float:
    """Sum over i and j of l_i . l_j exp(-|t_i - t_j| / correlation time), in O(n): what lies before an entry decays as one.

    Args:
        times_s: ascending.
    """
    decays = np.exp(-np.diff(times_s) / correlation_time_s)
    before, crossed = np.zeros(3), 0.0
    for row, decay in enumerate(decays):
        before = (before + lever[row]) * decay
        crossed += float(before @ lever[row + 1])
    return float((lever**2).sum()) + 2 * crossed


def _noise(
    similarity: Similarity,
    source: Float[np.ndarray, "n 3"],
    target_m: Float[np.ndarray, "n 3"],
    weights: Float[np.ndarray, " n"],
    sigma_m: float,
) -> float:
    """The stated noise, or what the residuals say where they lie well beyond it."""
    residual = similarity.apply(source) - target_m
    degrees_of_freedom = max(3.0 * weights.sum() - 7.0, 1.0)
    seen = float(np.sqrt((weights[:, None] * residual**2).sum() / degrees_of_freedom))
    return seen if seen > NOISE_MARGIN * sigma_m else sigma_m


def _stretch(
    source: Float[np.ndarray, "n 3"],
    target_m: Float[np.ndarray, "n 3"],
    times_s: Float[np.ndarray, " n"],
    sigma_m: float,
    correlation_time_s: float,
) -> float:
    """Half the difference in log scale between the two halves of the path, 0 where noise explains it."""
    if len(times_s) < 2 * MIN_POSITIONS:
        return 0.0
    half = len(times_s) // 2
    logs, sigmas = [], []
    for part in (slice(None, half), slice(half, None)):
        log_scale, sigma, _ = scale_between(source[part], target_m[part], times_s[part], sigma_m, correlation_time_s)
        logs.append(log_scale)
        sigmas.append(sigma)
    apart = abs(logs[0] - logs[1])
    return 0.5 * apart if apart > STRETCH_SIGMAS * float(np.linalg.norm(sigmas)) else 0.0


PLUGIN = PositionsCue
