"""Cue: stored predictions of a metric depth model. They set one number, the clip's scale, and never a depth value.

Which model it was stands in the clip's metadata, and no table grades that model unaligned on the clip.
"""

from __future__ import annotations

import numpy as np

from sfm_gt.errors import NoEvidenceError
from sfm_gt.scale.shared.estimate import Evidence, ScaleEstimate

MAX_FRAMES, MIN_FRAMES = 60, 3
MIN_PIXELS = 1000
# Neighbouring frames share the model's mistakes: more frames than these do not average further.
INDEPENDENT_FRAMES = 5


class MetricNetworkCue:
    """Scale from ``scale.metric_network`` of the configuration."""

    needs_depth = True

    def estimate(self, evidence: Evidence) -> ScaleEstimate:
        """Raises NoEvidenceError without predictions, or when they share too few pixels with dense depth."""
        network = evidence.network
        if network is None or evidence.load_depth_sfm is None:
            raise NoEvidenceError("no metric network is configured (scale.metric_network)")
        frames = np.array(evidence.depth_frames)
        chosen = (
            frames[np.unique(np.linspace(0, len(frames) - 1, MAX_FRAMES).round().astype(int))] if len(frames) else []
        )
        logs = []
        for frame in map(int, chosen):
            predicted, depth = network.load_depth_m(frame), evidence.load_depth_sfm(frame)
            if predicted is None:
                continue
            with np.errstate(invalid="ignore"):
                both = np.isfinite(depth) & np.isfinite(predicted) & (predicted > 0)
            if both.sum() >= MIN_PIXELS:
                logs.append(float(np.median(np.log(predicted[both] / depth[both]))))
        if len(logs) < MIN_FRAMES:
            raise NoEvidenceError(f"{network.model} has predictions and dense depth for {len(logs)} frames, "
                                  f"needed {MIN_FRAMES}")  # fmt: skip
        ratios = np.array(logs)
        middle = float(np.median(ratios))
        scatter = 1.4826 * float(np.median(np.abs(ratios - middle)))
        # The efficiency of a median against a mean is 2 / pi.
        error = scatter * np.sqrt(0.5 * np.pi / min(len(ratios), INDEPENDENT_FRAMES))
        sigma = float(np.hypot(network.sigma_log_scale, error))
        note = (f"{network.model}: median ratio over {len(ratios)} frames, frames scatter by {100 * scatter:.2g} %; "
                f"spread of {100 * network.sigma_log_scale:.2g} % by {network.source}")  # fmt: skip
        set_by = (network.model, network.sha256) if network.sha256 else (network.model,)
        return ScaleEstimate(middle, sigma, len(ratios), (note,), set_by)


PLUGIN = MetricNetworkCue
