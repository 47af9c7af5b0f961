"""Cue: a metric camera trajectory (motion capture, ARKit, ARCore, SLAM with depth) in TUM format beside the sidecar."""

from __future__ import annotations

import numpy as np

from sfm_gt.errors import InputError, NoEvidenceError
from sfm_gt.formats.sidecar import trajectory_path
from sfm_gt.scale.estimate import Evidence, ScaleEstimate
from sfm_gt.scale.trajectory import scale_from_positions

# Tracking errors of such systems drift over about this time.
CORRELATION_TIME_S = 0.5


class KnownPosesCue:
    """Scale from ``scale.known_poses`` of the sidecar."""

    def estimate(self, evidence: Evidence) -> ScaleEstimate:
        """Raises NoEvidenceError without a trajectory, InputError when its file is not in TUM format."""
        stated = evidence.stated.known_poses
        if stated is None or evidence.sidecar is None:
            raise NoEvidenceError("the sidecar states no known_poses")
        path = trajectory_path(evidence.sidecar, stated)
        try:
            rows = np.loadtxt(path, comments="#", ndmin=2)
        except ValueError as fault:
            raise InputError(f"{path}: not a TUM trajectory ({fault}); needed 8 numbers a line") from None
        if rows.shape[1] != 8:
            raise InputError(f"{path}: {rows.shape[1]} columns; needed 8: timestamp_s tx ty tz qx qy qz qw")
        rows = rows[np.argsort(rows[:, 0])]
        return scale_from_positions(evidence, rows[:, 0], rows[:, 1:4], stated.sigma_m, CORRELATION_TIME_S)


PLUGIN = KnownPosesCue
