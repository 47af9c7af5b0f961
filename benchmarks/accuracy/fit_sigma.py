"""Fits what sfm_gt/dense/matching/sigma.py makes of the evidence, on rendered scenes with exact truth.

    python benchmarks/accuracy/fit_sigma.py FOLDER[:SCENE] ...

Prints the constants. ``OUTLIER``: logistic regression of errors beyond GROSS_REL. ``SIGMA``: the 68.3 % quantile (Koenker
and Bassett 1978) of the logarithm of the others' errors. ``PLANE_SIGMA`` and ``PLANE_OUTLIER``: the same quantile and that
share for confirmed planes. Every scene counts the same. The constants above them (MATCHING to INFLATION_PER_VIOLATION) were
fitted in a like way on ``studio`` before, and stay.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

import sfm_gt.dense.patchmatch as engine  # noqa: E402 - a script beside the package, not in it
from benchmarks.accuracy.dense import silent  # noqa: E402
from benchmarks.accuracy.rendered import RenderedScene  # noqa: E402
from sfm_gt.dense.matching.sigma import RISE_OFFSET  # noqa: E402
from sfm_gt.dense.patchmatch import PatchMatch  # noqa: E402
from sfm_gt.dense.shared.clip import densify  # noqa: E402
from sfm_gt.dense.shared.estimate import GROSS_REL  # noqa: E402

QUANTILE = 0.683
N_PIXELS, N_PLANE_PIXELS = 60_000, 10_000


def collect(scene: RenderedScene) -> tuple[np.ndarray, np.ndarray]:
    """(N, 6) features of matched pixels with their relative error last, and (M, 2) spread and error of planes."""
    asked: list[tuple[np.ndarray, ...]] = []
    original = engine.joined

    def record(matched, matching, rise, plain):  # type: ignore[no-untyped-def]
        asked.append((matched, matching, rise, plain))
        return original(matched, matching, rise, plain)

    engine.joined = record
    matched_rows, plane_rows = [], []
    try:
        for index, _ in densify(scene.model, scene.view, scene.frame_indices, PatchMatch(), 8, 1, silent):
            # One worker looks a little ahead, in order: the first record is this frame's.
            w, matching, rise, plain = asked.pop(0)
            if index not in scene.scored_frames:
                continue
            truth = np.where(next(iter(scene.regions(index).values())), 1.0 / scene.truth_sfm(index), np.nan)
            known = (w > 0) & np.isfinite(truth) & np.isfinite(matching)
            matched_rows.append(np.column_stack([
                np.log(matching[known] / w[known]), np.log(rise[known] + RISE_OFFSET), plain.weak[known],
                plain.outline[known], np.ones(known.sum()), np.abs(truth[known] / w[known] - 1.0),
            ]))  # fmt: skip
            sure = plain.confirmed & (plain.inverse_depth > 0) & np.isfinite(truth)
            spread = np.hypot(plain.shift_sigma_rel[sure], plain.scatter_rel[sure])
            plane_rows.append(np.column_stack([spread, np.abs(truth[sure] / plain.inverse_depth[sure] - 1.0)]))
    finally:
        engine.joined = original
    return np.concatenate(matched_rows), np.concatenate(plane_rows)


def drawn(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows."""
    return rows[np.random.default_rng(0).permutation(len(rows))[:most]]


def fit_outlier(features: np.ndarray, gross: np.ndarray) -> np.ndarray:
    """Coefficients of the log odds, by maximum likelihood."""

    def loss(c: np.ndarray) -> float:
        p = np.clip(expit(features @ c), 1e-9, 1.0 - 1e-9)
        return float(-np.where(gross, np.log(p), np.log(1.0 - p)).mean())

    return minimize(loss, np.zeros(features.shape[1]), method="BFGS").x


def fit_sigma(features: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Coefficients of the logarithm of sigma."""
    target = np.log(np.maximum(error, 1e-6))

    def loss(c: np.ndarray) -> float:
        residual = target - features @ c
        return float(np.maximum(QUANTILE * residual, (QUANTILE - 1.0) * residual).mean())

    start = np.linalg.lstsq(features, target, rcond=None)[0]
    return minimize(loss, start, method="Nelder-Mead", options={"maxfev": 4000, "fatol": 1e-7, "xatol": 1e-4}).x


def main() -> None:
    """Collect, fit, print."""
    found = [collect(RenderedScene(*_place(each))) for each in sys.argv[1:]]
    matched = np.concatenate([drawn(rows, N_PIXELS) for rows, _ in found])
    features, error = matched[:, :-1], matched[:, -1]
    gross = error > GROSS_REL
    planes = np.concatenate([drawn(rows, N_PLANE_PIXELS) for _, rows in found])
    wrong = planes[:, 1] > GROSS_REL
    print("SIGMA =", tuple(np.round(fit_sigma(features[~gross], error[~gross]), 3).tolist()))
    print("OUTLIER =", tuple(np.round(fit_outlier(features, gross), 3).tolist()))
    print("PLANE_SIGMA =", round(float(np.quantile(planes[~wrong, 1] / planes[~wrong, 0], QUANTILE)), 2))
    print("PLANE_OUTLIER =", round(float(wrong.mean()), 3), f"of {len(planes)} pixels")


def _place(text: str) -> tuple[Path, str] | tuple[Path]:
    folder, _, scene = text.partition(":")
    return (Path(folder), scene) if scene else (Path(folder),)


if __name__ == "__main__":
    main()
