"""Whether all that a clip shows lies on one plane: a page, a poster, a photograph that is zoomed and moved."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from sfm_gt.sfm.bundle import Bundle

# A clip whose points keep to one plane by this share shows a flat scene.
FLAT_SHARE = 0.95
# Pairs of views that are asked, those whose shared points moved most.
N_PAIRS = 8
MIN_SHARED = 30
# A point keeps to a homography when it lies within this many medians of the bundle's own error (which is the error of one
# view; a transfer between two has 1.4 times that).
NOISE_MEDIANS = 4.0
# Relief over the median depth, and what it shifts over the long side, that count for none: of a photograph filmed from a moving
# hand 97 % come out within both, of an apple on a table 90 %.
RELIEF, SHIFT = 0.012, 0.0075
# Points that stand out of the plane by this much (over the median depth), no worse placed than this many medians of the points'
# own errors, and the share of them from which the scene is not flat: something small on a table. Of an apple on one 4 %
# stand out, at 1.4 medians; of a photograph filmed from a moving hand 0.1 %, at 5.6.
STANDING_OUT, STANDING_ERROR, STANDING_SHARE = 0.04, 3.0, 0.015
N_PLANES = 500


class Flatness(NamedTuple):
    """How flat a scene is.

    Attributes:
        share: of the points that lie on one plane: by the images to within the clip's noise; or nearly so in space and images.
            The second, since tracks share errors, which two views show and a bundle turns into a little relief.
        standing_out: share of well placed points that stand far out of that plane.
    """

    share: float
    standing_out: float

    @property
    def flat(self) -> bool:
        """Whether the scene determines no camera."""
        return self.share >= FLAT_SHARE and self.standing_out < STANDING_SHARE


def flatness(bundle: Bundle) -> Flatness:
    """How flat the scene of an adjusted bundle is."""
    errors_px = np.linalg.norm(bundle.residuals_px, axis=1)
    by_images = _in_images(bundle, NOISE_MEDIANS * float(np.median(errors_px)))
    if len(bundle.xyz) < MIN_SHARED:
        return Flatness(by_images, 0.0)
    off = _off_the_plane(bundle)
    own_px = np.bincount(bundle.points, errors_px, len(off)) / np.maximum(
        np.bincount(bundle.points, minlength=len(off)), 1
    )
    standing = (off > STANDING_OUT) & (own_px < STANDING_ERROR * np.median(own_px))
    nearly = min(float((off < RELIEF).mean()), _in_images(bundle, SHIFT * max(bundle.size)))
    return Flatness(max(by_images, nearly), float(standing.mean()))


def _off_the_plane(bundle: Bundle) -> np.ndarray:
    """Distance of the points from the plane that holds most of them, over their median depth."""
    rng = np.random.default_rng(0)
    corners = bundle.xyz[np.argpartition(rng.random((N_PLANES, len(bundle.xyz))), 3, axis=1)[:, :3]]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    off = np.abs(normals @ bundle.xyz.T - np.einsum("ni,ni->n", normals, corners[:, 0])[:, None])
    off /= np.median(bundle.points_cam[:, 2])
    return off[(off < RELIEF).mean(axis=1).argmax()]


def _in_images(bundle: Bundle, limit_px: float) -> float:
    """Share of the points that one homography explains to within a limit, in the pair of views that it explains worst among
    those that moved most; 0 where no pair shares enough points."""
    places_px = np.asarray(bundle.camera.cam_from_img(bundle.xy), dtype=np.float64)[:, :2] * bundle.focal_px
    by_view = [dict(zip(bundle.points[own].tolist(), places_px[own], strict=True))
               for own in (bundle.views == view for view in range(len(bundle.cam_from_world)))]  # fmt: skip
    pairs = []
    for first, one in enumerate(by_view):
        for other in by_view[first + 1 :]:
            shared = sorted(one.keys() & other.keys())
            if len(shared) >= MIN_SHARED:
                here, there = (np.array([view[point] for point in shared]) for view in (one, other))
                off = there - here
                pairs.append((float(np.median(np.linalg.norm(off - np.median(off, axis=0), axis=1))), here, there))
    widest = sorted(pairs, key=lambda pair: -pair[0])[:N_PAIRS]
    return min((_explained(here, there, limit_px) for _, here, there in widest), default=0.0)


def _explained(here: np.ndarray, there: np.ndarray, limit_px: float) -> float:
    cv2.setRNGSeed(0)
    found, inside = cv2.findHomography(here, there, cv2.RANSAC, limit_px)
    return float(np.mean(inside)) if found is not None else 0.0
