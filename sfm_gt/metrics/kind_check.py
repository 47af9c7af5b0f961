"""Does a prediction run the way that its declared kind says? Disparity declared as depth has near and far swapped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

REFUSED_BELOW = -0.3
"""Median rank correlation over frames below which a kind cannot be right. Chance and poor models stay above: a map that
knows nothing scatters around zero."""
MAX_PIXELS = 4096


def order_agreement(
    values: Float[np.ndarray, "h w"], z_depth: Float[np.ndarray, "h w"], valid: Bool[np.ndarray, "h w"], kind: str
) -> float:
    """Spearman's rank correlation of a prediction with the GT as its kind would have it, on evenly spread pixels.

    1 when near and far are in the right order, -1 when they are swapped; NaN for a constant map or too few pixels.
    """
    where = np.flatnonzero(valid & np.isfinite(values))
    where = where[:: max(1, where.size // MAX_PIXELS)]
    p, g = values.reshape(-1)[where], z_depth.reshape(-1)[where]
    if where.size < 3 or np.ptp(p) == 0 or np.ptp(g) == 0:
        return float("nan")
    correlation = float(stats.spearmanr(p, g).statistic)
    return -correlation if kind.endswith("disparity") else correlation


def kind_mismatch(kind: str, agreements: Sequence[float]) -> str | None:
    """Why the kind cannot be right, with what to change; None where it can."""
    known = [agreement for agreement in agreements if np.isfinite(agreement)]
    if not known or float(np.median(known)) >= REFUSED_BELOW:
        return None
    grows = "larger = nearer" if kind.endswith("disparity") else "larger = farther"
    hint = "a kind of depth" if kind.endswith("disparity") else "affine_invariant_disparity"
    return (
        f"declared as {kind} ({grows}), but its values run the other way (rank correlation {np.median(known):.2f} over "
        f"{len(known)} frames); declare {hint}, or negate the values"
    )
