"""Cue: distances between two scene points that the sidecar states in metres.

The two pixels are followed through the neighbouring frames and triangulated from all views in which they could be.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float

from sfm_gt.errors import NoEvidenceError
from sfm_gt.formats.sidecar import KnownDistance
from sfm_gt.geometry.conventions import integer_centred_from_pixel, pixel_from_integer_centred
from sfm_gt.geometry.triangulation import TriangulatedPoint, triangulate
from sfm_gt.scale.estimate import Evidence, ScaleEstimate
from sfm_gt.scale.fusion import weighted_mean

# Frames that a pixel is followed to, each way in time. Longer tracks gain little angle for the drift they pick up.
MAX_TRACK_FRAMES = 45
WINDOW = {"winSize": (21, 21), "maxLevel": 3}
TEMPLATE = {"winSize": (15, 15), "maxLevel": 0}
# Not coming back to the start, or parting from the frame-to-frame track, by more than this means that the track slipped.
MAX_SLIP_PX = 1.0
MIN_VIEWS = 5
# Below this angle depth along the ray is too uncertain to hold a ruler against.
MIN_ANGLE_DEG = 1.0
SIGMA_TRACK_PX = 0.5
# Errors along a track are correlated (a slip stays): only every tenth view counts as independent.
CORRELATED_VIEWS = 10
# A track whose triangulation leaves more than this does not follow one scene point.
MAX_RMS_PX = 1.5
# Assumed for a stated distance without a sigma: a tape measure held by hand.
DEFAULT_REL_SIGMA = 0.01


class KnownDistanceCue:
    """Scale from ``scale.known_distance`` of the sidecar."""

    def estimate(self, evidence: Evidence) -> ScaleEstimate:
        """Raises NoEvidenceError when no distance is stated or none can be triangulated."""
        if not evidence.stated.known_distance:
            raise NoEvidenceError("the sidecar states no known_distance")
        logs, sigmas, notes = [], [], []
        for number, distance in enumerate(evidence.stated.known_distance):
            name = distance.label or f"distance {number + 1}"
            try:
                log_scale, sigma = _measure(distance, evidence)
            except NoEvidenceError as refusal:
                notes.append(f"{name}: not used, {refusal}")
                continue
            logs.append(log_scale)
            sigmas.append(sigma)
            notes.append(f"{name}: {distance.metres:g} m, scale {np.exp(log_scale):.5g} ± {100 * sigma:.2g} %")
        if not logs:
            raise NoEvidenceError("; ".join(notes))
        log_scale, sigma = weighted_mean(np.array(logs), np.array(sigmas))
        return ScaleEstimate(log_scale, sigma, len(logs), tuple(notes))


def _measure(distance: KnownDistance, evidence: Evidence) -> tuple[float, float]:
    """Log scale and its sigma from one stated distance."""
    ends = []
    for end in ("point_a", "point_b"):
        views, pixels = [], []
        for pair in distance.pairs:
            seen = _follow(evidence, pair.frame_index, np.array([getattr(pair, end)], dtype=np.float64))
            views += seen[0]
            pixels += seen[1]
        ends.append(_triangulate(evidence, views, pixels, end))
    (a, cov_a), (b, cov_b) = ends
    length = float(np.linalg.norm(a.point - b.point))
    direction = (a.point - b.point) / length
    sigma_length = float(np.sqrt(direction @ (cov_a + cov_b) @ direction))
    sigma_m = distance.sigma_m or DEFAULT_REL_SIGMA * distance.metres
    return float(np.log(distance.metres / length)), float(np.hypot(sigma_length / length, sigma_m / distance.metres))


def _follow(
    evidence: Evidence, frame_index: int, source_px: Float[np.ndarray, "1 2"]
) -> tuple[list[int], list[np.ndarray]]:
    """Rows of the views in which a source-video pixel of ``frame_index`` is found again, and where."""
    frames = evidence.model.frame_indices.tolist()
    if frame_index not in frames:
        raise NoEvidenceError(f"frame {frame_index} is not a registered frame of this clip")
    start = frames.index(frame_index)
    reference = evidence.load_gray(frame_index)
    start_px = integer_centred_from_pixel(evidence.undistorted_px(frame_index, source_px)).astype(np.float32)
    rows, pixels = [start], [pixel_from_integer_centred(start_px.astype(np.float64))[0]]
    for step in (1, -1):
        before, xy = reference, start_px
        for row in range(start + step, start + step * (MAX_TRACK_FRAMES + 1), step):
            if not 0 <= row < len(frames):
                break
            gray = evidence.load_gray(frames[row])
            guess, found, _ = cv2.calcOpticalFlowPyrLK(before, gray, xy, None, **WINDOW)
            # The step from frame to frame only leads the way: matched against the first frame, errors do not add up.
            xy, matched, _ = cv2.calcOpticalFlowPyrLK(
                reference, gray, start_px, guess.copy(), flags=cv2.OPTFLOW_USE_INITIAL_FLOW, **TEMPLATE
            )
            back, returned, _ = cv2.calcOpticalFlowPyrLK(
                gray, reference, xy, start_px.copy(), flags=cv2.OPTFLOW_USE_INITIAL_FLOW, **TEMPLATE
            )
            if not (found[0, 0] and matched[0, 0] and returned[0, 0]):
                break
            if max(np.linalg.norm(back - start_px), np.linalg.norm(xy - guess)) > MAX_SLIP_PX:
                break
            rows.append(row)
            pixels.append(pixel_from_integer_centred(xy.astype(np.float64))[0])
            before = gray
    return rows, pixels


def _triangulate(
    evidence: Evidence, rows: list[int], pixels: list[np.ndarray], end: str
) -> tuple[TriangulatedPoint, Float[np.ndarray, "3 3"]]:
    """One end point and its covariance; refuses tracks too short, too flat or inconsistent."""
    if len(rows) < MIN_VIEWS:
        raise NoEvidenceError(f"{end} is followed through {len(rows)} frames only, needed {MIN_VIEWS}; "
                              "choose a corner or a textured spot")  # fmt: skip
    poses = evidence.model.cam_from_world[rows]
    found = triangulate(evidence.model.camera, poses, np.array(pixels), SIGMA_TRACK_PX)
    if found.angle_deg < MIN_ANGLE_DEG:
        raise NoEvidenceError(f"{end} is seen under {found.angle_deg:.2f} degrees of parallax, needed {MIN_ANGLE_DEG}")
    if found.rms_px > MAX_RMS_PX:
        raise NoEvidenceError(f"{end} does not follow one scene point ({found.rms_px:.1f} px rms); choose a corner")
    return found, found.covariance * min(len(rows), CORRELATED_VIEWS)


PLUGIN = KnownDistanceCue
