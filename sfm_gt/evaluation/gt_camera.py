"""Whether the focal length of the ground truth is known well enough to judge what depends on it."""

from __future__ import annotations

from sfm_gt.datasets.frames import Frame
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.metrics.cameras import MAX_FOCAL_SIGMA_REL
from sfm_gt.public_datasets import BenchmarkFrame


def known_camera(frame: Frame | BenchmarkFrame) -> PinholeCamera | None:
    """The camera of a frame; None where there is none, or its focal length is known worse than MAX_FOCAL_SIGMA_REL."""
    if isinstance(frame, Frame) and (frame.focal_sigma_rel or 0.0) > MAX_FOCAL_SIGMA_REL:
        return None
    return frame.camera
