"""Pairs of frames that see the same surface, from their own depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from sfm_gt.datasets.covisibility import PosedDepth, covisibility
from sfm_gt.datasets.frames import Frame

# Pairs between: less shares too little to match, more teaches nothing that a single view does not.
MIN_SHARE, MAX_SHARE = 0.2, 0.95
MAX_FRAMES = 200


def covisible_pairs(
    frames: Sequence[Frame], depths: Sequence[Float[np.ndarray, "h w"]]
) -> list[tuple[int, int, float]]:
    """Numbers of two frames and the share of the first one's points that the second one sees, the smaller of both ways.

    At most MAX_FRAMES frames, evenly chosen, take part.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MAX_FRAMES)).astype(int)).tolist()
    posed = [PosedDepth(depths[i], frames[i].camera, frames[i].cam_from_world) for i in chosen]
    mutual = covisibility(posed, max_gap=len(posed))
    return [(chosen[i], chosen[j], float(mutual[i, j])) for i in range(len(chosen)) for j in range(i + 1, len(chosen))
            if MIN_SHARE <= mutual[i, j] <= MAX_SHARE]  # fmt: skip
