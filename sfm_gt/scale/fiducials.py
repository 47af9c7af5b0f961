"""Cue: square markers of stated size. Every corner is triangulated over all frames that show it; each tag is a ruler.

Tags are measured one by one, so the layout of a board need not be known, and a bent board does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.errors import ContradictionError, InputError, NoEvidenceError
from sfm_gt.formats.sidecar import Fiducials
from sfm_gt.geometry.conventions import pixel_from_integer_centred
from sfm_gt.geometry.triangulation import triangulate
from sfm_gt.scale.shared.estimate import Evidence, ScaleEstimate
from sfm_gt.scale.shared.fusion import agreed_mean
from sfm_gt.scale.shared.marker_edges import square_corners

DEFAULT_DICTIONARY = {"aruco": "4X4_50", "apriltag": "APRILTAG_36H11", "aprilgrid": "APRILTAG_36H11"}
BORDER_CELLS = {"aruco": 1, "apriltag": 1, "aprilgrid": 2}
MAX_FRAMES = 60
MIN_VIEWS, MIN_ANGLE_DEG = 3, 2.0
# A tag whose corners leave more than this moved against the scene, or stands twice in it.
MAX_RMS_PX = 2.0
# Noise of one refined corner; what a tag's own residuals say counts where it is more.
SIGMA_CORNER_PX = 0.15
# Blur and glare move opposite edges of a black square towards each other or apart, in all views alike.
SIGMA_BLEED_PX = 0.1
# Assumed for a printed edge without a sigma.
DEFAULT_REL_SIGMA = 0.005
# A tag that differs more from the others was misread.
MAX_APART_SIGMA = 5.0
# Corner pairs and their distance in edges: four edges, two diagonals.
PAIRS = ((0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0), (3, 0, 1.0), (0, 2, 2**0.5), (1, 3, 2**0.5))

Seen = dict[int, dict[int, Float[np.ndarray, "4 2"]]]
"""Corners in pixels by tag and row of the view."""


class FiducialsCue:
    """Scale from ``scale.fiducials`` of the sidecar."""

    needs_depth = False

    def estimate(self, evidence: Evidence) -> ScaleEstimate:
        """Raises NoEvidenceError when no markers are stated or none can be measured, InputError for an unknown dictionary."""
        if not evidence.stated.fiducials:
            raise NoEvidenceError("the sidecar states no fiducials")
        found, notes = [], []
        for stated in evidence.stated.fiducials:
            try:
                one = _scale_from_markers(evidence, stated)
            except NoEvidenceError as refusal:
                notes.append(f"{stated.kind}: not used, {refusal}")
                continue
            found.append(one)
            notes += one.notes
        if not found:
            raise NoEvidenceError("; ".join(notes))
        try:
            log_scale, sigma, kept = agreed_mean(
                [one.log_scale for one in found], [one.sigma_log_scale for one in found], MAX_APART_SIGMA
            )
        except ContradictionError:
            raise ContradictionError(f"the boards contradict one another: {'; '.join(notes)}") from None
        n_observations = sum(one.n_observations for one, ok in zip(found, kept, strict=True) if ok)
        return ScaleEstimate(log_scale, sigma, n_observations, tuple(notes))


def detect(gray: UInt8[np.ndarray, "h w"], stated: Fiducials) -> dict[int, Float[np.ndarray, "4 2"]]:
    """Corners of the outer black square of every tag, pixels with centres at +0.5; a tag seen twice is left out.

    Raises:
        InputError: OpenCV has no such dictionary.
    """
    name = (stated.dictionary or DEFAULT_DICTIONARY[stated.kind]).upper()
    if stated.kind != "aruco" and not name.startswith("APRILTAG_"):
        name = f"APRILTAG_{name}"
    number = getattr(cv2.aruco, f"DICT_{name}", None)
    if number is None:
        raise InputError(f"scale.fiducials: dictionary {stated.dictionary!r} is unknown; needed a name of OpenCV's such as "
                         "4X4_50 or 36h11")  # fmt: skip
    parameters = cv2.aruco.DetectorParameters()
    parameters.markerBorderBits = BORDER_CELLS[stated.kind]
    dictionary = cv2.aruco.getPredefinedDictionary(number)
    corners, ids, _ = cv2.aruco.ArucoDetector(dictionary, parameters).detectMarkers(gray)
    ids = [] if ids is None else ids.ravel().tolist()
    cells = dictionary.markerSize + 2 * BORDER_CELLS[stated.kind]
    found = {}
    for tag, corner in zip(ids, corners, strict=True):
        rough = pixel_from_integer_centred(corner[0].astype(np.float64))
        edge_px = float(np.linalg.norm(rough - np.roll(rough, 1, axis=0), axis=1).min())
        refined = square_corners(gray, rough, BORDER_CELLS[stated.kind] * edge_px / cells)
        if ids.count(tag) == 1 and refined is not None:
            found[tag] = refined
    return found


@dataclass(frozen=True)
class _Tag:
    """Log of metres per SfM unit by one tag, its sigma, and the tag's edge in pixels."""

    log_scale: float
    sigma: float
    edge_px: float
    n_views: int


def _scale_from_markers(evidence: Evidence, stated: Fiducials) -> ScaleEstimate:
    tags, refused = [], []
    for tag, views in sorted(_detections(evidence, stated).items()):
        try:
            tags.append(_measure(evidence, views, stated.size_m))
        except NoEvidenceError as reason:
            refused.append(f"tag {tag}: {reason}")
    if not tags:
        raise NoEvidenceError("; ".join(refused) if refused else "no marker is found in any frame")
    try:
        log_scale, sigma, kept = agreed_mean(
            [tag.log_scale for tag in tags], [tag.sigma for tag in tags], MAX_APART_SIGMA
        )  # fmt: skip
    except ContradictionError:
        raise ContradictionError(f"the {len(tags)} tags contradict one another; are they all of one size?") from None
    bleed = float(np.sqrt(2.0)) * SIGMA_BLEED_PX / float(np.median([tag.edge_px for tag in tags]))
    printed = stated.sigma_m / stated.size_m if stated.sigma_m else DEFAULT_REL_SIGMA
    sigma = float(np.sqrt(sigma**2 + bleed**2 + printed**2))
    note = f"{stated.kind} of {stated.size_m:g} m: {int(kept.sum())} of {len(tags)} tags, scale {np.exp(log_scale):.5g}"
    n_views = sum(tag.n_views for tag, ok in zip(tags, kept, strict=True) if ok)
    return ScaleEstimate(log_scale, sigma, n_views, (note, *refused))


def _detections(evidence: Evidence, stated: Fiducials) -> Seen:
    frames = evidence.model.frame_indices
    seen: Seen = {}
    for row in np.unique(np.linspace(0, len(frames) - 1, MAX_FRAMES).round().astype(int)).tolist():
        for tag, corners in detect(evidence.load_gray(int(frames[row])), stated).items():
            seen.setdefault(tag, {})[row] = corners
    return seen


def _measure(evidence: Evidence, views: dict[int, Float[np.ndarray, "4 2"]], size_m: float) -> _Tag:
    if len(views) < MIN_VIEWS:
        raise NoEvidenceError(f"seen in {len(views)} frames, needed {MIN_VIEWS}")
    model, rows = evidence.model, sorted(views)
    pixels = np.array([views[row] for row in rows])
    corners = [
        triangulate(model.camera, model.cam_from_world[rows], pixels[:, corner], SIGMA_CORNER_PX) for corner in range(4)
    ]
    if min(corner.angle_deg for corner in corners) < MIN_ANGLE_DEG:
        raise NoEvidenceError(f"seen under less than {MIN_ANGLE_DEG:g} degrees of parallax")
    rms_px = float(np.sqrt(np.mean([corner.rms_px**2 for corner in corners])))
    if rms_px > MAX_RMS_PX:
        raise NoEvidenceError(f"its corners leave {rms_px:.1f} px: it moved, or occurs twice in the scene")
    widen = max(1.0, rms_px / (np.sqrt(2.0) * SIGMA_CORNER_PX))
    logs, variances = [], []
    for one, other, edges in PAIRS:
        arm = corners[one].point - corners[other].point
        length = float(np.linalg.norm(arm))
        covariance = corners[one].covariance + corners[other].covariance
        logs.append(np.log(size_m * edges / length))
        variances.append(widen**2 * float(arm @ covariance @ arm) / length**4)
    edge_px = float(np.median(np.linalg.norm(pixels - np.roll(pixels, 1, axis=1), axis=2)))
    # Six distances among four corners: their errors are shared, so a tag is as good as two of them.
    return _Tag(float(np.mean(logs)), float(np.sqrt(np.mean(variances) / 2.0)), edge_px, len(rows))


PLUGIN = FiducialsCue
