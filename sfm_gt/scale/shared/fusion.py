"""Joins measurements of one scale in log; what contradicts is reported or left out by name, never averaged away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from sfm_gt.errors import ContradictionError, NoEvidenceError
from sfm_gt.scale.shared.estimate import ScaleEstimate

LAST_RESORT = ("camera_height",)
"""Cues that are asked only where no other has evidence."""
# Scatter that is less probable than this, given the stated sigmas, is taken for unknown errors.
UNLIKELY = 0.01


def weighted_mean(values: Float[np.ndarray, " n"], sigmas: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Mean by inverse variance and its standard deviation, widened when the values scatter more than they claim.

    The widening is the Birge ratio, sqrt(chi2 / (n - 1)), where chi2 has a probability below 1 % given the
    stated sigmas. Drift of scale within the model shows here as well: measurements in different places disagree.
    """
    weights = 1.0 / sigmas**2
    mean = float((weights * values).sum() / weights.sum())
    sigma = float(1.0 / np.sqrt(weights.sum()))
    chi2 = float((weights * (values - mean) ** 2).sum())
    if len(values) > 1 and stats.chi2.sf(chi2, len(values) - 1) < UNLIKELY:
        sigma *= float(np.sqrt(chi2 / (len(values) - 1)))
    return mean, sigma


def consistent_majority(
    values: Float[np.ndarray, " n"], sigmas: Float[np.ndarray, " n"], max_apart_sigma: float
) -> Bool[np.ndarray, " n"]:
    """The largest group that agrees with one of its values within ``max_apart_sigma`` of their joint standard deviation.

    Raises:
        ContradictionError: it is no majority: nobody can tell which group is right.
    """
    apart = np.abs(values[:, None] - values) / np.hypot(sigmas[:, None], sigmas)
    agrees = apart <= max_apart_sigma
    group: Bool[np.ndarray, " n"] = agrees[max(range(len(values)), key=lambda row: (agrees[row].sum(), -sigmas[row]))]
    if 2 * group.sum() <= len(values):
        raise ContradictionError("no majority agrees")
    return group


def agreed_mean(
    values: Sequence[float], sigmas: Sequence[float], max_apart_sigma: float
) -> tuple[float, float, Bool[np.ndarray, " n"]]:
    """Weighted mean of the consistent majority, its sigma, and who belongs to it. Raises ContradictionError without one."""
    logs, spreads = np.array(values), np.array(sigmas)
    kept = consistent_majority(logs, spreads, max_apart_sigma)
    return *weighted_mean(logs[kept], spreads[kept]), kept


@dataclass(frozen=True)
class Fused:
    """The clip's scale, and the cues that contradict it and were left out (names)."""

    scale: ScaleEstimate
    contradicting: tuple[str, ...]


def fuse(cues: Mapping[str, ScaleEstimate], max_disagreement_sigma: float) -> Fused:
    """One scale from all cues that found evidence.

    A cue that contradicts a consistent majority is left out and named. LAST_RESORT counts where nothing else does.

    Raises:
        NoEvidenceError: there is no cue.
        ContradictionError: cues contradict one another and there is no majority; the message names all.
    """
    if not cues:
        raise NoEvidenceError("no cue found evidence of metric scale")
    names = sorted(set(cues) - set(LAST_RESORT)) or sorted(cues)
    values = np.array([cues[name].log_scale for name in names])
    sigmas = np.array([cues[name].sigma_log_scale for name in names])
    try:
        group = consistent_majority(values, sigmas, max_disagreement_sigma)
    except ContradictionError:
        raise ContradictionError(f"cues contradict: {_listed(cues, names)} (more than {max_disagreement_sigma:g} sigma "
                                 "apart); correct what is wrong, or leave it out") from None  # fmt: skip
    used = [name for name, kept in zip(names, group, strict=True) if kept]
    refused = [name for name in names if name not in used]
    log_scale, sigma = weighted_mean(values[group], sigmas[group])
    notes = [f"{name}: {note}" for name in used for note in cues[name].notes]
    if refused:
        notes.append(f"left out, contradicting {_listed(cues, used)}: {_listed(cues, refused)}")
    set_by = dict.fromkeys(model for name in used for model in cues[name].set_by)
    n_observations = sum(cues[name].n_observations for name in used)
    return Fused(ScaleEstimate(log_scale, sigma, n_observations, tuple(notes), tuple(set_by)), tuple(refused))


def _listed(cues: Mapping[str, ScaleEstimate], names: Sequence[str]) -> str:
    return ", ".join(
        f"{name} says {np.exp(cues[name].log_scale):.5g} ± {100 * cues[name].sigma_log_scale:.2g} %" for name in names
    )
