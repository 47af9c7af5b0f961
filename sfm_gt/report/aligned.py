"""Predictions brought to the ground truth by the alignment that they are ranked by, to be shown beside it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from sfm_gt.datasets.frames import Frame
from sfm_gt.metrics.alignment import AlignmentError, fit
from sfm_gt.metrics.protocol import Protocol
from sfm_gt.metrics.resizing import resized

NO_PREDICTION = "no prediction"
NO_ALIGNMENT = "no alignment"


def shown_alignment(protocol: Protocol, kind: str, metric: bool) -> str | None:
    """The alignment that a kind of prediction is shown with, None where the protocol grants none.

    Without metres a metric model can only be shown up to scale, as it is graded.
    """
    return next((name for name in protocol.granted(kind) if name != "none" or metric), None)


def aligned_depth(
    frame: Frame, values: Float[np.ndarray, "h w"] | None, alignment: str, protocol: Protocol
) -> Float[np.ndarray, "h w"] | str:
    """The prediction as depth in the unit of the frame and at its size, or in words why there is none."""
    if values is None:
        return NO_PREDICTION
    gt = depth_of(frame)
    values = resized(values, gt.shape[0], gt.shape[1], protocol.resize)
    usable = protocol.scored(gt, frame.moving, frame.overlay, frame.metric) & np.isfinite(values)
    if not usable.any():
        return NO_ALIGNMENT
    try:
        fitted = fit(alignment, values, gt, usable)
    except AlignmentError:
        return NO_ALIGNMENT
    return fitted.depth(values, protocol.depth_range(float(gt[usable].max()), frame.metric))


def depth_of(frame: Frame) -> Float[np.ndarray, "h w"]:
    """z-depth in metres, in SfM units where the clip is not metric."""
    return frame.z_depth_m if frame.metric else frame.z_depth_sfm
