"""Whether the sigma of a depth map holds in every corner of it, and how far its errors go together. Plain numpy and OpenCV."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

# Standard deviation of grey levels in a window of TEXTURE_PX that parts weak, medium and strong texture.
TEXTURE_PX, TEXTURE_STDS = 9, (2.0, 8.0)
# Pixels from the nearest depth discontinuity (a jump by STEP_REL between neighbours) that part near, medium and far.
STEP_REL, STEP_PX = 0.05, (5.0, 20.0)
# Gross errors are taken as even over relative errors up to this.
GROSS_REL = 1.0
# Errors are cut off at so many sigma: correlation is that of the bulk, not of a few wrong surfaces.
CUT_SIGMAS = 3.0
LAGS_PX = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


def bins(grey: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Three bins each of texture, relative range (thirds of the truth) and distance to a depth discontinuity; (h, w) bool."""
    grey = grey.astype(np.float32)
    mean, square = (cv2.blur(each, (TEXTURE_PX, TEXTURE_PX)) for each in (grey, grey * grey))
    known = np.isfinite(truth)
    ends = {
        "texture": (np.sqrt(np.maximum(square - mean * mean, 0.0)), TEXTURE_STDS, ("weak", "medium", "strong")),
        "range": (truth, np.quantile(truth[known], (1 / 3, 2 / 3)), ("near", "middle", "far")),
        "step": (_distance_to_step(truth), STEP_PX, ("at most 5 px", "5 to 20 px", "beyond 20 px")),
    }
    return {
        f"{kind}, {name}": known & (np.digitize(values, limits) == number)
        for kind, (values, limits, names) in ends.items()
        for number, name in enumerate(names)
    }


def _distance_to_step(truth: np.ndarray) -> np.ndarray:
    filled = np.where(np.isfinite(truth), truth, np.nanmedian(truth)).astype(np.float32)
    near, far = cv2.erode(filled, np.ones((3, 3))), cv2.dilate(filled, np.ones((3, 3)))
    return cv2.distanceTransform((far <= near * (1.0 + STEP_REL)).astype(np.uint8), cv2.DIST_L2, 5)


def log_likelihood(relative_error: np.ndarray, sigma_rel: np.ndarray, outlier: np.ndarray) -> float:
    """Negative, mean over pixels, of the mixture that a frame states: normal within sigma, or grossly wrong; all (n,)."""
    normal = np.exp(-0.5 * (relative_error / sigma_rel) ** 2) / (np.sqrt(2 * np.pi) * sigma_rel)
    gross = (np.abs(relative_error) <= GROSS_REL) / (2 * GROSS_REL)
    density = (1.0 - outlier) * normal + outlier * gross
    return float(-np.log(np.maximum(density, np.finfo(np.float64).tiny)).mean()) if density.size else float("nan")


def autocorrelation(errors_in_sigma: Sequence[np.ndarray]) -> dict[int, float]:
    """Correlation of errors at LAGS_PX along rows and columns, over maps with NaN where there is none."""
    products, squares = np.zeros(len(LAGS_PX)), np.zeros(len(LAGS_PX))
    for error in errors_in_sigma:
        cut = np.clip(error, -CUT_SIGMAS, CUT_SIGMAS)
        cut = cut - np.nanmean(cut)
        for number, lag in enumerate(LAGS_PX):
            for first, second in ((cut[:, lag:], cut[:, :-lag]), (cut[lag:], cut[:-lag])):
                both = np.isfinite(first) & np.isfinite(second)
                products[number] += (first[both] * second[both]).sum()
                squares[number] += 0.5 * (first[both] ** 2 + second[both] ** 2).sum()
    return dict(zip(LAGS_PX, (products / np.maximum(squares, np.finfo(np.float64).tiny)).tolist(), strict=True))


def correlation_length_px(correlation: dict[int, float]) -> float:
    """Lag at which the correlation falls to 1/e, between lags by a straight line; infinite where it does not."""
    lags, values = np.array([0, *correlation]), np.array([1.0, *correlation.values()])
    below = np.flatnonzero(values < np.exp(-1.0))
    if not len(below):
        return float("inf")
    k = below[0]
    return float(lags[k - 1] + (values[k - 1] - np.exp(-1.0)) / (values[k - 1] - values[k]) * (lags[k] - lags[k - 1]))
