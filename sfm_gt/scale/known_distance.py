"""Cue: distances between two scene points that the sidecar states in metres."""

from __future__ import annotations

import numpy as np

from sfm_gt.errors import ContradictionError, NoEvidenceError
from sfm_gt.formats.sidecar import KnownDistance
from sfm_gt.scale.shared.estimate import Evidence, ScaleEstimate
from sfm_gt.scale.shared.fusion import agreed_mean
from sfm_gt.scale.shared.pixel_depth import ScenePoint, locate

# Assumed for a stated distance without a sigma: a tape measure held by hand.
DEFAULT_REL_SIGMA = 0.01
# Stated distances further apart than this many sigmas cannot both be right.
MAX_APART_SIGMA = 4.0


class KnownDistanceCue:
    """Scale from ``scale.known_distance`` of the sidecar."""

    needs_depth = False

    def estimate(self, evidence: Evidence) -> ScaleEstimate:
        """Raises NoEvidenceError when no distance is stated, none can be found again, or they contradict one another."""
        if not evidence.stated.known_distance:
            raise NoEvidenceError("the sidecar states no known_distance")
        names, logs, sigmas, notes = [], [], [], []
        for number, distance in enumerate(evidence.stated.known_distance):
            name = distance.label or f"distance {number + 1}"
            try:
                log_scale, sigma = _measure(distance, evidence)
            except NoEvidenceError as refusal:
                notes.append(f"{name}: not used, {refusal}")
                continue
            names.append(name)
            logs.append(log_scale)
            sigmas.append(sigma)
            notes.append(f"{name}: {distance.metres:g} m, scale {np.exp(log_scale):.5g} ± {100 * sigma:.2g} %")
        if not logs:
            raise NoEvidenceError("; ".join(notes))
        try:
            log_scale, sigma, kept = agreed_mean(logs, sigmas, MAX_APART_SIGMA)
        except ContradictionError:
            raise ContradictionError(
                f"the distances contradict one another, is one stated in another unit? {'; '.join(notes)}"
            ) from None
        notes += [f"{name}: left out, contradicts the others" for name, ok in zip(names, kept, strict=True) if not ok]
        return ScaleEstimate(log_scale, sigma, int(kept.sum()), tuple(notes))


def _measure(distance: KnownDistance, evidence: Evidence) -> tuple[float, float]:
    """Log scale and its sigma from one stated distance."""
    a, b = (_end(distance, evidence, end) for end in ("point_a", "point_b"))
    length = float(np.linalg.norm(a.point - b.point))
    if length == 0:
        raise NoEvidenceError("both ends are found at one point of the scene")
    direction = (a.point - b.point) / length
    sigma_length = float(np.sqrt(direction @ (a.covariance + b.covariance) @ direction))
    sigma_m = distance.sigma_m or DEFAULT_REL_SIGMA * distance.metres
    return float(np.log(distance.metres / length)), float(np.hypot(sigma_length / length, sigma_m / distance.metres))


def _end(distance: KnownDistance, evidence: Evidence, end: str) -> ScenePoint:
    """One end point: the mean of all frames in which it is pointed at, by inverse covariance."""
    found = []
    for pair in distance.pairs:
        filmed = np.array([getattr(pair, end)], dtype=np.float64)
        pixel = evidence.undistorted_px(pair.frame_index, filmed)[0]
        try:
            if not np.isfinite(pixel).all():  # the lens model gives no ray so far outside
                raise NoEvidenceError(f"({filmed[0, 0]:g}, {filmed[0, 1]:g}) px lies outside of frame {pair.frame_index}; "
                                      "state pixels of the video as it is shown")  # fmt: skip
            found.append(locate(evidence.model, evidence.load_gray, pair.frame_index, pixel))
        except NoEvidenceError as refusal:
            reason = NoEvidenceError(f"{end}: {refusal}")
    if not found:
        raise reason
    information = [np.linalg.inv(one.covariance) for one in found]
    covariance = np.linalg.inv(sum(information))
    point = covariance @ sum(weight @ one.point for weight, one in zip(information, found, strict=True))
    return ScenePoint(point, covariance, sum(one.n_views for one in found))


PLUGIN = KnownDistanceCue
