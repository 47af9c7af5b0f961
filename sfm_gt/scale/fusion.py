"""Joins the cues of one clip in log scale; cues that contradict one another are reported, never averaged away."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import NoEvidenceError
from sfm_gt.scale.estimate import ScaleEstimate


def weighted_mean(values: Float[np.ndarray, " n"], sigmas: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Mean by inverse variance and its standard deviation, widened when the values scatter more than they claim.

    The widening is the Birge ratio: sqrt(chi2 / (n - 1)) where it exceeds 1.
    """
    weights = 1.0 / sigmas**2
    mean = float((weights * values).sum() / weights.sum())
    sigma = float(1.0 / np.sqrt(weights.sum()))
    if len(values) > 1:
        chi2 = float((weights * (values - mean) ** 2).sum())
        sigma *= max(1.0, float(np.sqrt(chi2 / (len(values) - 1))))
    return mean, sigma


def fuse(cues: Mapping[str, ScaleEstimate], max_disagreement_sigma: float) -> ScaleEstimate:
    """One scale from all cues that found evidence.

    Raises:
        NoEvidenceError: there is no cue, or two cues lie further apart than ``max_disagreement_sigma`` of their joint
            standard deviation; the message names both.
    """
    if not cues:
        raise NoEvidenceError("no cue found evidence of metric scale")
    for (name_a, a), (name_b, b) in combinations(sorted(cues.items()), 2):
        apart = abs(a.log_scale - b.log_scale) / np.hypot(a.sigma_log_scale, b.sigma_log_scale)
        if apart > max_disagreement_sigma:
            raise NoEvidenceError(
                f"cues contradict: {name_a} says {np.exp(a.log_scale):.5g}, {name_b} says {np.exp(b.log_scale):.5g} "
                f"metres per SfM unit, {apart:.1f} sigma apart (allowed {max_disagreement_sigma:g}); correct the sidecar"
            )
    ordered = [cues[name] for name in sorted(cues)]
    log_scale, sigma = weighted_mean(
        np.array([cue.log_scale for cue in ordered]), np.array([cue.sigma_log_scale for cue in ordered])
    )
    notes = tuple(f"{name}: {note}" for name in sorted(cues) for note in cues[name].notes)
    return ScaleEstimate(log_scale, sigma, sum(cue.n_observations for cue in ordered), notes)
