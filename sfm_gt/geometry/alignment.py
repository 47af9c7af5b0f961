"""Alignment of two sets of corresponding points by a similarity transform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

# Tuning constant of Huber's estimator: 95 % efficiency under normal noise.
HUBER_SIGMAS = 1.345


@dataclass(frozen=True)
class Similarity:
    """``target = scale * rotation @ source + translation``."""

    scale: float
    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, "3"]

    def apply(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
        """Source points in the target frame."""
        return self.scale * points @ self.rotation.T + self.translation


def align_similarity(
    source: Float[np.ndarray, "n 3"],
    target: Float[np.ndarray, "n 3"],
    weights: Float[np.ndarray, " n"] | None = None,
) -> Similarity:
    """Weighted least-squares similarity from ``source`` to ``target`` (Umeyama 1991, equations 40 to 42).

    Raises:
        ValueError: fewer than three points.
    """
    if len(source) < 3:
        raise ValueError(f"a similarity needs three points or more, found {len(source)}")
    weight = np.ones(len(source)) if weights is None else weights
    weight = weight / weight.sum()
    mean_source, mean_target = weight @ source, weight @ target
    centred_source, centred_target = source - mean_source, target - mean_target
    covariance = (centred_target * weight[:, None]).T @ centred_source
    u, singular, vt = np.linalg.svd(covariance)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(signs) @ vt
    scale = float((singular * signs).sum() / (weight @ (centred_source**2).sum(axis=1)))
    return Similarity(scale, rotation, mean_target - scale * rotation @ mean_source)


def align_similarity_robust(
    source: Float[np.ndarray, "n 3"], target: Float[np.ndarray, "n 3"], sigma: float, n_rounds: int = 10
) -> tuple[Similarity, Float[np.ndarray, " n"]]:
    """Similarity with Huber weights for outliers, and the final weights.

    Args:
        sigma: noise of one target coordinate, in the target's unit.
    """
    weights = np.ones(len(source))
    for _ in range(n_rounds):
        similarity = align_similarity(source, target, weights)
        # A 3-D residual of normal noise has a norm of about sqrt(3) sigma.
        residual = np.linalg.norm(similarity.apply(source) - target, axis=1) / (np.sqrt(3.0) * sigma)
        weights = 1.0 / np.maximum(residual / HUBER_SIGMAS, 1.0)
    return similarity, weights
