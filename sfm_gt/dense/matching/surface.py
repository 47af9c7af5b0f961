"""Depth with what is known of its errors, on a view's pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Surface:
    """All (h, w) float32.

    Attributes:
        inverse_depth: 1 / SfM units, 0 = none.
        sigma_rel: one standard deviation of it, relative, where it is no outlier.
        outlier: probability that it is off by more than :data:`~sfm_gt.dense.shared.estimate.GROSS_REL`.
    """

    inverse_depth: Float[np.ndarray, "h w"]
    sigma_rel: Float[np.ndarray, "h w"]
    outlier: Float[np.ndarray, "h w"]
