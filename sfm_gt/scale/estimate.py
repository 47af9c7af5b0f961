"""What a scale cue is given and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from sfm_gt.formats.sidecar import ScaleEvidence
from sfm_gt.geometry.types import SparseModel


@dataclass(frozen=True)
class Evidence:
    """All that cues may look at.

    Attributes:
        stated: the sidecar's scale section; its pixels are those of the source video.
        sidecar: path of the sidecar, beside which trajectory files lie; None where there is none.
        timestamps_s: presentation time by frame index.
        undistorted_px: pixels (N, 2) of a frame of the source video, by its index, to pixels of the undistorted frame.
        load_gray: undistorted grey frame by frame index.
    """

    model: SparseModel
    stated: ScaleEvidence
    sidecar: Path | None
    timestamps_s: Mapping[int, float]
    undistorted_px: Callable[[int, Float[np.ndarray, "n 2"]], Float[np.ndarray, "n 2"]]
    load_gray: Callable[[int], UInt8[np.ndarray, "h w"]]


@dataclass(frozen=True)
class ScaleEstimate:
    """``metric_from_sfm = exp(log_scale)``, metres per SfM unit.

    Attributes:
        sigma_log_scale: one standard deviation of ``log_scale``, close to a relative error of the scale.
        n_observations: measurements that it rests on.
        notes: one line for each piece of evidence used or refused, for the report.
    """

    log_scale: float
    sigma_log_scale: float
    n_observations: int
    notes: tuple[str, ...] = ()
