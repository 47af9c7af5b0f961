"""Fits what sfm_gt/dense/matching/sigma.py makes of the evidence, on rendered scenes with exact truth.

    python benchmarks/accuracy/fit_sigma.py FOLDER[:SCENE] ...

The constants there come from examples/dense:painted examples/dense:curved scenes/fit:lounge scenes/fit:gallery
scenes/fit:workshop scenes/fit:office scenes/fit:galley scenes/studio; benchmarks/scenes/README.md says how the last six are
rendered.

Prints the constants. ``OUTLIER`` and ``BACKDROP``: logistic regression of errors beyond GROSS_REL. ``SIGMA``: the 68.3 %
quantile (Koenker and Bassett 1978) of the logarithm of the others' errors. ``PLANE_OUTLIER`` and ``PLANE_SIGMA``: the like for
confirmed planes, of which sigma is a multiple of what they say themselves. Every scene counts the same, and twice: as rendered,
and as a phone would have filmed it, with noise, compression and cameras that are not exact. The constants above them (MATCHING
to INFLATION_PER_VIOLATION) were fitted in a like way on ``studio`` before, and stay.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

import sfm_gt.dense.patchmatch as engine  # noqa: E402 - a script beside the package, not in it
from benchmarks.accuracy.dense import silent  # noqa: E402
from benchmarks.accuracy.rendered import RenderedScene  # noqa: E402
from sfm_gt.dense.matching.sigma import MAX_PLANE_OUTLIER, distance_to_backdrop, evidence_of, evidence_of_planes  # noqa: E402
from sfm_gt.dense.matching.weak_texture import PlainSurfaces  # noqa: E402
from sfm_gt.dense.patchmatch import PatchMatch  # noqa: E402
from sfm_gt.dense.shared.clip import densify  # noqa: E402
from sfm_gt.dense.shared.estimate import GROSS_REL  # noqa: E402

QUANTILE = 0.683
# Of a matched pixel's features; sigma does not hang on it.
BACKDROP_COLUMN = -2
N_PIXELS, N_PLANE_PIXELS = 60_000, 20_000
# Of a phone indoors: noise in grey levels at mid-grey, more or less with the light, compression, and turns of the cameras.
NOISE_LEVELS, JPEG_QUALITY, TURN_PX = 3.0, 80, 0.4
WORKERS = 2


class AsFilmed(RenderedScene):
    """A rendered scene with noise, compression and small errors of the cameras' directions; the truth stays."""

    def __init__(self, folder: Path, scene: str | None = None):
        super().__init__(folder, scene)
        rng = np.random.default_rng(0)
        for pose in self._poses.values():
            pose[:3] = cv2.Rodrigues(rng.standard_normal(3) * TURN_PX / self.camera.fx)[0] @ pose[:3]

    @cached_property
    def _images(self) -> dict[int, np.ndarray]:
        rng = np.random.default_rng(1)
        return {index: _noisy(image, rng) for index, image in super()._images.items()}


def _noisy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    light = image.astype(np.float32)
    noise = NOISE_LEVELS * np.sqrt(0.3 + light / 128.0) * rng.standard_normal(image.shape, dtype=np.float32)
    _, packed = cv2.imencode(
        ".jpg", np.clip(light + noise, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    return cv2.imdecode(packed, cv2.IMREAD_UNCHANGED)


def collect(scene: RenderedScene) -> tuple[np.ndarray, np.ndarray]:
    """(N, 8) features of matched pixels with their relative error last, and (M, 7) of planes with their spread and error."""
    asked: list[tuple[np.ndarray, ...]] = []
    planes: list[PlainSurfaces] = []
    judged, joined = engine.judged, engine.joined

    def record(matched, matching, overgrowth, outline):  # type: ignore[no-untyped-def]
        asked.append((matched, *evidence_of(matching / np.where(matched > 0, matched, 1.0), overgrowth, outline)[:-1]))
        return judged(matched, matching, overgrowth, outline)

    def record_planes(matched, plain):  # type: ignore[no-untyped-def]
        planes.append(plain)
        return joined(matched, plain)

    engine.judged, engine.joined = record, record_planes
    matched_rows, plane_rows = [], []
    try:
        for index, _ in densify(scene.model, scene.view, scene.frame_indices, PatchMatch(), 8, 1, silent):
            # One worker looks a little ahead, in order: the first record is this frame's.
            (w, *maps), plain = asked.pop(0), planes.pop(0)
            if index not in scene.scored_frames:
                continue
            truth = np.where(next(iter(scene.regions(index).values())), 1.0 / scene.truth_sfm(index), np.nan)
            known = (w > 0) & np.isfinite(truth) & np.isfinite(maps[0])
            error = np.abs(truth[known] / w[known] - 1.0)
            maps.append(distance_to_backdrop(w, plain.backdrop))
            matched_rows.append(np.column_stack([*(each[known] for each in maps), np.ones(known.sum()), error]))
            sure = plain.confirmed & (plain.inverse_depth > 0) & np.isfinite(truth)
            spread = np.hypot(plain.shift_sigma_rel[sure], plain.scatter_rel[sure])
            error = np.abs(truth[sure] / plain.inverse_depth[sure] - 1.0)
            *maps, _ = evidence_of_planes(plain)
            plane_rows.append(np.column_stack([*(each[sure] for each in maps), np.ones(sure.sum()), spread, error]))
    finally:
        engine.judged, engine.joined = judged, joined
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
    with ProcessPoolExecutor(WORKERS) as pool:
        found = list(
            pool.map(
                _collected,
                [each for each in sys.argv[1:] for _ in range(2)],
                [RenderedScene, AsFilmed] * len(sys.argv[1:]),
            )
        )
    matched = np.concatenate([rows for rows, _ in found])
    features, error = matched[:, :-1], matched[:, -1]
    gross = error > GROSS_REL
    planes = np.concatenate([rows for _, rows in found])
    of_planes, spread, error_of_planes = planes[:, :-2], planes[:, -2], planes[:, -1]
    wrong = error_of_planes > GROSS_REL
    weights = fit_outlier(of_planes, wrong)
    fine = ~wrong & (expit(of_planes @ weights) < MAX_PLANE_OUTLIER)
    *outlier, backdrop, constant = np.round(fit_outlier(features, gross), 3).tolist()
    without = np.delete(features, BACKDROP_COLUMN, axis=1)
    print("SIGMA =", tuple(np.round(fit_sigma(without[~gross], error[~gross]), 3).tolist()))
    print("OUTLIER =", (*outlier, constant))
    print("BACKDROP =", backdrop)
    print("PLANE_SIGMA =", round(float(np.quantile(error_of_planes[fine] / spread[fine], QUANTILE)), 2))
    print("PLANE_OUTLIER =", tuple(np.round(weights, 3).tolist()), f"of {len(planes)} pixels")


def _collected(text: str, kind: type[RenderedScene]) -> tuple[np.ndarray, np.ndarray]:
    matched, planes = collect(kind(*_place(text)))
    return drawn(matched, N_PIXELS), drawn(planes, N_PLANE_PIXELS)


def _place(text: str) -> tuple[Path, str] | tuple[Path]:
    folder, _, scene = text.partition(":")
    return (Path(folder), scene) if scene else (Path(folder),)


if __name__ == "__main__":
    main()
