"""Frames of one even tone, and fades from and to one."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import median_filter

from sfm_gt.video.ramps import LEAD, fit_ramp

# Grey levels between the 2nd and 98th percentile: black, white or any one tone, with coding noise.
BLANK_MAX_SPREAD = 3.0
FADED = 0.15  # of a shot's median contrast: less is as good as blank
FADE_REACH = 90  # frames that a fade lasts at most: three seconds
# Contrast left when a fade of three frames or more reaches the tone, as a share of the shot's; a cut to the tone leaves all.
FADE_MAX_LAST = 0.35
FADE_MARGIN = 1  # frames more than the fit says


def is_blank(grey: UInt8[np.ndarray, "h w"]) -> bool:
    """Whether the frame shows one even tone."""
    low, high = np.percentile(grey, (2, 98))
    return bool(high - low <= BLANK_MAX_SPREAD)


def faded_out(contrasts: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Frames of a video in which almost nothing is left to see of what the frames around them show.

    Args:
        contrasts: standard deviation of each frame, in grey levels.
    """
    usual = median_filter(contrasts, 2 * FADE_REACH + 1, mode="nearest")
    return contrasts < FADED * usual


def n_fading(contrasts: Float[np.ndarray, " n"], n_blank: int) -> int:
    """How many frames at the end of a shot already fade into the blank frames behind it.

    Args:
        contrasts: standard deviation of each frame of the shot and of the blank ones, in grey levels.
        n_blank: how many of these are blank.
    """
    n_shot = min(len(contrasts) - n_blank, FADE_REACH)
    tail = contrasts[len(contrasts) - n_blank - n_shot :][: n_shot + LEAD]
    if n_shot < 2 or tail[n_shot - 1] > FADE_MAX_LAST * np.median(tail[:n_shot]):
        return 0
    clear, _ = fit_ramp(tail**2)
    return max(0, min(n_shot, n_shot - 1 - clear + FADE_MARGIN))
