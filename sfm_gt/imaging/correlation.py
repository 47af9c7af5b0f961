"""How alike two images are, patch by patch."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, UInt8

# Variance of coding noise, in squared grey levels: it pulls the correlation of plain patches to 0.
NOISE_VARIANCE = 1.0


def patch_correlation(
    a: UInt8[np.ndarray, "h w"], b: UInt8[np.ndarray, "h w"], patch_px: int
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Zero-mean normalised cross-correlation of the square patches round each pixel, and the variance of those of ``a``."""
    a, b = a.astype(np.float32), b.astype(np.float32)
    mean_a, mean_b, aa, bb, ab = (cv2.blur(each, (patch_px, patch_px)) for each in (a, b, a * a, b * b, a * b))
    variance_a, variance_b = np.maximum(aa - mean_a**2, 0.0), np.maximum(bb - mean_b**2, 0.0)
    ncc = (ab - mean_a * mean_b) / np.sqrt((variance_a + NOISE_VARIANCE) * (variance_b + NOISE_VARIANCE))
    return ncc, variance_a
