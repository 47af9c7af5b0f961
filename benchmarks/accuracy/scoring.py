"""Figures of one depth map against truth: errors, completeness, coverage of sigma, sparsification. Plain numpy."""

from __future__ import annotations

import numpy as np

# Sparsification curves are read at these shares of removed pixels.
REMOVED = np.linspace(0.0, 0.95, 20)
ERRORS = ("abs_rel", "median", "within_1_percent", "within_5_percent", "beyond_25_percent", "delta_1")


def score(z_depth: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Errors over pixels where both exist, and the share of the truth's pixels that were answered; one unit for both.

    Errors are NaN where not one pixel was answered.
    """
    both = np.isfinite(z_depth) & np.isfinite(truth)
    ratio = z_depth[both] / truth[both]
    relative = np.abs(ratio - 1.0)
    share = float(both.sum() / max(np.isfinite(truth).sum(), 1))
    if not both.any():
        return {**dict.fromkeys(ERRORS, float("nan")), "share": share}
    return {
        "abs_rel": float(relative.mean()),
        "median": float(np.median(relative)),
        "within_1_percent": float((relative < 0.01).mean()),
        "within_5_percent": float((relative < 0.05).mean()),
        "beyond_25_percent": float((relative > 0.25).mean()),
        "delta_1": float((np.maximum(ratio, 1.0 / ratio) < 1.25).mean()),
        "share": share,
    }


def coverage(z_depth: np.ndarray, sigma: np.ndarray, truth: np.ndarray, truth_noise_rel: float) -> dict[str, float]:
    """Share of pixels whose error lies within one and two sigma, alone and with the truth's own noise added.

    For Gaussian errors 0.683 and 0.954.
    """
    error = np.abs(z_depth - truth)
    known = np.isfinite(error)
    with_truth = np.hypot(sigma[known], truth_noise_rel * truth[known])
    return {
        "within_1_sigma": _share(error[known] <= sigma[known]),
        "within_2_sigma": _share(error[known] <= 2 * sigma[known]),
        "within_1_sigma_and_truth": _share(error[known] <= with_truth),
        "within_2_sigma_and_truth": _share(error[known] <= 2 * with_truth),
        "median_sigma_rel": float(np.median(sigma[known] / truth[known])) if known.any() else float("nan"),
    }


def _share(yes: np.ndarray) -> float:
    return float(yes.mean()) if yes.size else float("nan")


def sparsification(relative_error: np.ndarray, doubt: np.ndarray) -> float:
    """Area under the sparsification curve divided by the oracle's: 1 is perfect, and lower is better.

    The curve is the mean error of what stays when the pixels of greatest ``doubt`` are removed; the oracle removes by the
    error itself. Both are (n,).
    """
    if relative_error.size == 0:
        return float("nan")
    by_doubt, by_error = (_area(relative_error[np.argsort(order, kind="stable")]) for order in (doubt, relative_error))
    return by_doubt / max(by_error, np.finfo(np.float64).tiny)


def _area(ordered_error: np.ndarray) -> float:
    running = np.cumsum(ordered_error, dtype=np.float64) / np.arange(1, ordered_error.size + 1)
    kept = np.maximum(np.round((1.0 - REMOVED) * ordered_error.size).astype(int), 1)
    return float(np.trapezoid(running[kept - 1], REMOVED))


def mean_and_spread(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over frames, column by column; frames without an answer are left out of its errors."""
    table = {key: np.array([row[key] for row in rows], dtype=np.float64) for key in rows[0]}
    known = {key: values[np.isfinite(values)] for key, values in table.items()}
    return {
        "mean": {key: float(values.mean()) if values.size else float("nan") for key, values in known.items()},
        "spread_over_frames": {
            key: float(values.std()) if values.size else float("nan") for key, values in known.items()
        },
    }
