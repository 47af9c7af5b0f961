"""Fits the constants of sfm_gt/dense/matching/sigma.py on a rendered scene that is then used for nothing else.

    python benchmarks/accuracy/fit_sigma.py FOLDER_OF_STUDIO

The constants minimise the loss of the error's 68.3 % quantile (Koenker and Bassett 1978), on a logarithmic scale, over the
pixels that the rules of cleaning other than sigma leave. The tails are heavier than a Gaussian's: the level is then set so
that 72 % lie within one sigma, which brings more of the tail within two. Prints the constants.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.dense import silent  # noqa: E402 - a script beside the package, not in it
from benchmarks.accuracy.rendered import RenderedScene  # noqa: E402
from sfm_gt.config import CleanConfig  # noqa: E402
from sfm_gt.dense.matching import sigma as sigma_module  # noqa: E402
from sfm_gt.dense.patchmatch import PatchMatch  # noqa: E402
from sfm_gt.dense.shared.cleaning import Limits, clean  # noqa: E402
from sfm_gt.dense.shared.clip import densify  # noqa: E402

QUANTILE, COVERED = 0.683, 0.72
NAMES = ("MATCHING", "SPREAD", "FLOOR_REL", "INFLATION_PER_PX", "INFLATION_AGAINST")
START = (0.03, 0.1, 1e-4, 60.0, 2.0)
N_PIXELS = 200_000


def collect(scene: RenderedScene) -> dict[str, np.ndarray]:
    """What sigma is made of, and the true error of inverse depth, at valid pixels; everything relative."""
    parts: list[dict[str, np.ndarray]] = []

    def record(own, spread, against):
        w = np.where(own.planes[..., 0] > 0, own.planes[..., 0], np.nan)
        parts.append({"matching": own.sigma / w, "spread": spread / w, "against": against.astype(float),
                      "doubt": sigma_module.local_doubt_px(own)})  # fmt: skip
        return original(own, spread, against)

    import sfm_gt.dense.patchmatch as engine

    original, engine.sigma_of_inverse_depth = engine.sigma_of_inverse_depth, record
    # Sigma itself must not choose the pixels it is fitted on.
    limits = Limits(**CleanConfig().model_dump() | {"max_rel_sigma": np.inf})
    columns: dict[str, list[np.ndarray]] = {}
    for index, each in densify(scene.model, scene.view, scene.frame_indices, PatchMatch(), 8, 1, silent):
        # One worker looks a little ahead, in order: the first record is this frame's.
        part = parts.pop(0)
        truth = np.where(scene.regions(index)["static"], scene.z_depth_m(index), np.nan)
        kept = clean(each.z_depth_sfm, each.sigma_sfm, each.hypothesis_sfm, None, limits).valid & np.isfinite(truth)
        part["error"] = np.abs(truth / each.z_depth_sfm - 1.0)
        for name, values in part.items():
            columns.setdefault(name, []).append(values[kept])
    return {name: np.concatenate(values) for name, values in columns.items()}


def log_ratio(logarithms: np.ndarray, data: dict[str, np.ndarray]) -> np.ndarray:
    """Logarithm of error over sigma for the constants' logarithms."""
    matching, spread, floor, per_px, against = np.exp(logarithms)
    variance = (matching * data["matching"]) ** 2 + (spread * data["spread"]) ** 2 + floor**2
    sigma = (1.0 + per_px * data["doubt"]) * against ** data["against"] * np.sqrt(variance)
    return np.log(np.maximum(data["error"], 1e-6) / sigma)


def loss(logarithms: np.ndarray, data: dict[str, np.ndarray]) -> float:
    """Mean quantile loss of the log error."""
    residual = log_ratio(logarithms, data)
    return float(np.maximum(QUANTILE * residual, (QUANTILE - 1.0) * residual).mean())


def main() -> None:
    """Collect, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    data = collect(RenderedScene(parser.parse_args().folder))
    chosen = np.random.default_rng(0).choice(len(data["error"]), min(N_PIXELS, len(data["error"])), replace=False)
    data = {name: values[chosen] for name, values in data.items()}
    found = minimize(loss, np.log(START), (data,), method="Nelder-Mead", options={"maxfev": 600, "fatol": 1e-6})
    # The first three are a length; the others say how it grows.
    found.x[:3] += np.quantile(log_ratio(found.x, data), COVERED)
    for name, value in zip(NAMES, np.exp(found.x), strict=True):
        print(f"{name} = {value:.3g}")


if __name__ == "__main__":
    main()
