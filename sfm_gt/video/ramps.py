"""Ends of a gradual change, from the energy of detail: of pictures laid over one another, the squared shares add up."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

LEAD = 12  # clear frames before and after a change from which its ends are measured
MIN_LENGTH = 3
# Least squares of the energy: least level that errors are a share of, what counts of an outlier, and the price of a drift by
# its own amount in LEAD frames, against misses of a few per cent.
MIN_LEVEL, MAX_MISS, DRIFT_RIDGE = 0.15, 0.15, 0.05


def fit_ramp(energy: Float[np.ndarray, " k"]) -> tuple[int, int]:
    """Last position without the second scene, and first one without the first, by least squares over both.

    Energy of either scene may drift along a line, since the camera moves on: that is what the ridge is for.
    """
    positions = np.arange(len(energy))
    level = energy / max(float(energy.mean()), 1e-6)
    weights = 1 / np.maximum(level, MIN_LEVEL)
    best = (np.inf, 0, len(energy) - 1)
    for first in range(len(energy) - MIN_LENGTH - 1):
        lasts = np.arange(first + MIN_LENGTH + 1, len(energy))
        share = np.clip((positions - first) / (lasts[:, None] - first), 0, 1)
        before, after = (1 - share) ** 2 * weights, share**2 * weights
        drifts = before * (positions - first) / LEAD, after * (positions - lasts[:, None]) / LEAD
        columns = np.stack([before, drifts[0], after, drifts[1]], axis=1)
        normal = columns @ columns.transpose(0, 2, 1) + np.diag([1e-9, DRIFT_RIDGE, 1e-9, DRIFT_RIDGE])
        solved = np.linalg.solve(normal, columns @ (level * weights)[:, None])
        missed = np.minimum(np.abs(level * weights - (solved.transpose(0, 2, 1) @ columns)[:, 0]), MAX_MISS)
        costs = (missed**2).sum(axis=1) + DRIFT_RIDGE * (solved[:, 1, 0] ** 2 + solved[:, 3, 0] ** 2)
        best = min(best, (float(costs.min()), first, int(lasts[costs.argmin()])))
    return best[1], best[2]
