"""Whether all that a clip shows lies on one plane: a page, a poster, a photograph that is zoomed and moved."""

from __future__ import annotations

import cv2
import numpy as np

from sfm_gt.sfm.bundle import Bundle

# Pairs of views that are asked, those whose shared points moved most.
N_PAIRS = 8
MIN_SHARED = 30
# A point keeps to a homography when it lies within this many medians of the bundle's own error (which is the error of one
# view; a transfer between two has 1.4 times that).
NOISE_MEDIANS = 4.0


def flat_share(bundle: Bundle) -> float:
    """Share of the points that one homography explains to within the clip's noise, in the pair of views that it explains
    worst among those that moved most; 0 where no pair shares enough points."""
    rays = np.asarray(bundle.camera.cam_from_img(bundle.xy), dtype=np.float64)[:, :2] * bundle.focal_px
    limit = NOISE_MEDIANS * float(np.median(np.linalg.norm(bundle.residuals_px, axis=1)))
    by_view = [dict(zip(bundle.points[own].tolist(), rays[own], strict=True))
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
    return min((_explained(here, there, limit) for _, here, there in widest), default=0.0)


def _explained(here: np.ndarray, there: np.ndarray, limit_px: float) -> float:
    cv2.setRNGSeed(0)
    found, inside = cv2.findHomography(here, there, cv2.RANSAC, limit_px)
    return float(np.mean(inside)) if found is not None else 0.0
