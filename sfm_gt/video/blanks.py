"""Frames of one even tone, and fades from and to one."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8

# Grey levels between the 2nd and 98th percentile: black, white or any one tone, with coding noise.
BLANK_MAX_SPREAD = 3.0
FADED = 0.15  # of a shot's median contrast: less is as good as blank
FADE_REACH = 90  # frames that a fade lasts at most: three seconds
# A fade leads down to this share of the contrast before the tone is there, along a line; a cut to the tone leaves all of it.
FADE_MAX_LAST, FADE_MAX_MISS = 0.35, 0.12
FADE_MARGIN = 1  # frames more than the line says


def is_blank(grey: UInt8[np.ndarray, "h w"]) -> bool:
    """Whether the frame shows one even tone."""
    low, high = np.percentile(grey, (2, 98))
    return bool(high - low <= BLANK_MAX_SPREAD)


def faded_out(contrasts: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Frames of a video in which almost nothing is left to see of what the frames around them show.

    Args:
        contrasts: standard deviation of each frame, in grey levels.
    """
    usual = np.array([np.median(contrasts[max(0, i - FADE_REACH) : i + FADE_REACH + 1]) for i in range(len(contrasts))])
    return contrasts < FADED * usual


def n_fading(contrasts: Float[np.ndarray, " n"]) -> int:
    """How many frames at the end of a shot, behind which lies a blank frame, already fade into it.

    Contrast falls along a line from what it was to nothing; least squares say where from.

    Args:
        contrasts: standard deviation of each frame of the shot, in grey levels.
    """
    n = min(len(contrasts), FADE_REACH)
    tail = contrasts[len(contrasts) - n :]
    if n < 3 or tail[-1] > FADE_MAX_LAST * np.median(tail):
        return 0
    to_end = np.arange(n, 0, -1)
    costs = []
    for length in range(2, n):
        gain = np.minimum(1.0, to_end / length)
        level = float(gain @ tail / (gain @ gain))
        costs.append((float(np.mean(np.minimum(np.abs(tail / max(level, 1e-6) - gain), FADE_MAX_MISS) ** 2)), length))
    return min(n, min(costs)[1] - 1 + FADE_MARGIN)
