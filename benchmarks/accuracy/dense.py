"""Accuracy of dense depth against truth, on given poses; a peer runs on the same views.

    python benchmarks/accuracy/dense.py kitchen  --data FOLDER [--peer PYTHON]
    python benchmarks/accuracy/dense.py fountain --data FOLDER [--peer PYTHON]
    python benchmarks/accuracy/dense.py SCENE    --data FOLDER [--peer PYTHON]

SCENE is the name of a rendered scene (see benchmarks/scenes), FOLDER what holds its ``truth`` and ``videos``; ``demo``
and the rooms of ``examples/dense`` are embedded and need no folder. Writes benchmarks/results/dense_SCENE.json and draws
all results that lie there. PYTHON is the interpreter of an environment with pyarchinit-photogrammetry-core; without it
the peer is skipped.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numba
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.fountain import Fountain  # noqa: E402 - a script beside the package, not in it
from benchmarks.accuracy.judging import Clip, find_companion, matching_cost, neighbour_views, valid_depth  # noqa: E402
from benchmarks.accuracy.kitchen_clip import Kitchen  # noqa: E402
from benchmarks.accuracy.peer import measure_peer  # noqa: E402
from benchmarks.accuracy.plots import draw_all  # noqa: E402
from benchmarks.accuracy.rendered import RenderedScene  # noqa: E402
from benchmarks.accuracy.resized import Resized, enlarged  # noqa: E402
from benchmarks.accuracy.scoring import coverage, mean_and_spread, score, sparsification  # noqa: E402
from benchmarks.accuracy.sigma_quality import autocorrelation, bins, correlation_length_px, log_likelihood  # noqa: E402
from sfm_gt.config import CleanConfig, DenseConfig  # noqa: E402
from sfm_gt.dense.patchmatch import PatchMatch  # noqa: E402
from sfm_gt.dense.shared.cleaning import Limits  # noqa: E402
from sfm_gt.dense.shared.clip import densify  # noqa: E402
from sfm_gt.dense.shared.estimate import DepthEstimate  # noqa: E402
from sfm_gt.dense.shared.parallax import Companion  # noqa: E402
from sfm_gt.layers.ordinal_labels import ordinal_pairs, trusted_depth  # noqa: E402
from sfm_gt.metrics.uncertainty import ause  # noqa: E402

RESULTS = REPOSITORY / "benchmarks" / "results"
LIMITS = Limits(**CleanConfig().model_dump())
MAX_REL_SIGMAS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15)
# What may be spent instead of the default: (neighbours, share of the width and height).
CHEAPER = ((3, 0.5), (DenseConfig().n_neighbours, 0.5), (3, 1.0), (5, 1.0))
# Ordinal pairs drawn a frame.
N_PAIRS = 20_000
# A harder stretch of the kitchen.
HARD_FRAMES = range(120, 271)


@dataclass
class Judged:
    """One frame's estimate beside its truth."""

    clip: Clip
    frame_index: int
    estimate: DepthEstimate

    @cached_property
    def truth(self) -> np.ndarray:
        return self.clip.truth_sfm(self.frame_index)

    @cached_property
    def companion(self) -> Companion | None:
        return find_companion(self.clip, self.frame_index, self.estimate.z_depth_sfm)

    @cached_property
    def regions(self) -> dict[str, np.ndarray]:
        """Regions that hold truth; the first one is the headline."""
        masks = self.clip.regions(self.frame_index)
        return {name: mask for name, mask in masks.items() if (mask & np.isfinite(self.truth)).any()}

    @cached_property
    def headline(self) -> np.ndarray:
        return np.where(next(iter(self.regions.values())), self.truth, np.nan)

    @cached_property
    def valid(self) -> np.ndarray:
        """Depth of the valid pixels."""
        return valid_depth(self.estimate, self.companion, LIMITS)

    @cached_property
    def sigma(self) -> np.ndarray:
        """As stated, with the truth's own noise."""
        return np.hypot(self.estimate.sigma_sfm, self.clip.truth_noise_rel * self.headline)

    @cached_property
    def error_in_sigma(self) -> np.ndarray:
        """Signed, of the valid pixels with truth."""
        return (self.valid - self.headline) / self.sigma

    @cached_property
    def bins(self) -> dict[str, np.ndarray]:
        """Where sigma is held against the truth on its own."""
        return bins(cv2.cvtColor(self.clip.view(self.frame_index).image, cv2.COLOR_RGB2GRAY), self.headline)

    def stated(self) -> dict[str, float]:
        """How good sigma and the probability of a gross error are together."""
        known = np.isfinite(self.error_in_sigma)
        relative = (self.valid / self.headline - 1.0)[known]
        sigma_rel = (self.sigma / self.headline)[known]
        return {
            "negative_log_likelihood": log_likelihood(relative, sigma_rel, self.estimate.outlier[known]),
            "ause": ause(np.abs(relative), sigma_rel),
        }

    def at_limit(self, max_rel_sigma: float) -> dict[str, float]:
        """Score of the headline when validity is decided by another sigma."""
        limits = replace(LIMITS, max_rel_sigma=max_rel_sigma)
        return score(valid_depth(self.estimate, self.companion, limits), self.headline)

    def ordering(self, n_neighbours: int) -> dict[str, float]:
        """Area under the sparsification curve over the oracle's, by sigma and by matching cost, over valid pixels."""
        view, others = self.clip.view(self.frame_index), neighbour_views(self.clip, self.frame_index, n_neighbours)
        cost = matching_cost(view, others, self.estimate.z_depth_sfm, self.estimate.normal_cam)
        error = np.abs(self.valid / self.headline - 1.0)
        known = np.isfinite(error)
        return {
            "by_sigma": sparsification(error[known], (self.estimate.sigma_sfm / self.estimate.z_depth_sfm)[known]),
            "by_cost": sparsification(error[known], cost[known]),
        }


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def estimate_frames(clip: Clip, n_neighbours: int, n_workers: int) -> tuple[list[Judged], float]:
    """All frames of the model densified, those with truth kept, and CPU seconds a frame of the whole."""
    frames = clip.model.frame_indices.tolist()
    start = time.process_time()
    found = [
        Judged(clip, frame_index, estimate)
        for frame_index, estimate in densify(
            clip.model, clip.view, frames, PatchMatch(), n_neighbours, n_workers, silent
        )
        if frame_index in clip.scored_frames
    ]
    return found, (time.process_time() - start) / len(frames)


def warm_up(clip: Clip) -> None:
    """Compiles the kernels on a few small frames."""
    small = Resized(clip, 160, 120)
    list(densify(small.model, small.view, clip.model.frame_indices[:3].tolist(), PatchMatch(), 2, 1, silent))


def figures(found: Sequence[Judged], n_neighbours: int, truth_noise_rel: float) -> dict[str, object]:
    """Accuracy, sigma and sparsification over the scored frames."""
    covered = [coverage(each.valid, each.estimate.sigma_sfm, each.headline, truth_noise_rel) for each in found]
    names = list(dict.fromkeys(name for each in found for name in each.regions))
    by_region = {
        name: mean_and_spread([
            score(each.valid, np.where(each.regions[name], each.truth, np.nan)) for each in found if name in each.regions
        ])
        for name in names
    }  # fmt: skip
    return {
        **by_region[names[0]],
        "by_region": {name: row["mean"] for name, row in by_region.items()},
        "sigma": mean_and_spread(covered)["mean"],
        "sigma_by_bin": sigma_by_bin(found),
        "stated": mean_and_spread([each.stated() for each in found])["mean"],
        "error_correlation": error_correlation(found),
        "ordinal_pairs_wrong": {
            "as_labelled": ordinal_pairs_wrong(found, by_outlier=True),
            "by_sigma_alone": ordinal_pairs_wrong(found, by_outlier=False),
        },
        "sparsification": mean_and_spread([each.ordering(n_neighbours) for each in found])["mean"],
        "by_max_rel_sigma": [
            {"max_rel_sigma": limit, **mean_and_spread([each.at_limit(limit) for each in found])["mean"]}
            for limit in MAX_REL_SIGMAS
        ],
        "frames": [{"frame_index": each.frame_index, **score(each.valid, each.headline)} for each in found],
    }


def sigma_by_bin(found: Sequence[Judged]) -> dict[str, dict[str, float]]:
    """Truth within one and two sigma, over the pixels of all frames in each bin, and the share of the valid ones in it."""
    errors = [np.abs(each.error_in_sigma) for each in found]
    n_valid = sum(int(np.isfinite(each).sum()) for each in errors)
    rows = {}
    for name in found[0].bins:
        here = np.concatenate([error[each.bins[name]] for error, each in zip(errors, found, strict=True)])
        here = here[np.isfinite(here)]
        rows[name] = {
            "share": len(here) / max(n_valid, 1),
            **{f"within_{n}_sigma": float((here <= n).mean()) if len(here) else float("nan") for n in (1, 2)},
        }
    return rows


def error_correlation(found: Sequence[Judged]) -> dict[str, object]:
    """Of the errors in sigma, by distance in pixels, and the distance at which it falls to 1/e."""
    by_lag = autocorrelation([each.error_in_sigma for each in found])
    return {"by_px": {str(lag): value for lag, value in by_lag.items()}, "length_px": correlation_length_px(by_lag)}


def ordinal_pairs_wrong(found: Sequence[Judged], by_outlier: bool) -> float:
    """Of the ordered pairs of the layer of ordinal labels, those that the truth orders the other way."""
    n_ordered = n_wrong = 0
    for each in found:
        depth = trusted_depth(each.valid, each.estimate.outlier) if by_outlier else each.valid
        pairs = ordinal_pairs(depth, each.estimate.sigma_sfm, None, N_PAIRS, each.frame_index)
        first, second = (each.headline[pairs[f"y{end}"].astype(int), pairs[f"x{end}"].astype(int)] for end in "ab")
        ordered = (pairs["relation"] != 0) & np.isfinite(first) & np.isfinite(second)
        n_ordered += int(ordered.sum())
        n_wrong += int((np.sign(first - second) != pairs["relation"])[ordered].sum())
    return n_wrong / max(n_ordered, 1)


def cheaper(clip: Clip, n_workers: int) -> list[dict[str, float]]:
    """Accuracy and CPU seconds when less is spent; maps of smaller images are enlarged to the nearest pixel."""
    rows = []
    for n_neighbours, factor in CHEAPER:
        width, height = round(clip.camera.width * factor), round(clip.camera.height * factor)
        found, seconds = estimate_frames(Resized(clip, width, height), n_neighbours, n_workers)
        scores = [
            score(enlarged(each.valid, clip.camera), Judged(clip, each.frame_index, each.estimate).headline)
            for each in found
        ]
        rows.append({"neighbours": n_neighbours, "scale": factor, "cpu_seconds_a_frame": seconds,
                     **mean_and_spread(scores)["mean"]})  # fmt: skip
    return rows


def measure(clip: Clip, arguments: argparse.Namespace) -> dict[str, object]:
    """Everything that goes into the scene's JSON."""
    n_neighbours, n_workers = arguments.neighbours, arguments.workers
    warm_up(clip)
    seconds = []
    for _ in range(arguments.repeats):
        found, each_seconds = estimate_frames(clip, n_neighbours, n_workers)
        seconds.append(each_seconds)
    ours = {
        "cpu_seconds_a_frame": float(np.median(seconds)),
        "cpu_seconds_of_repeats": seconds,
        **figures(found, n_neighbours, clip.truth_noise_rel),
    }
    peer_frames = clip.scored_frames[:: max(1, len(clip.scored_frames) // arguments.peer_frames)]
    peer_frames = peer_frames[: arguments.peer_frames]
    same = [score(each.valid, each.headline) for each in found if each.frame_index in peer_frames]
    hard = [score(each.valid, each.headline) for each in found if each.frame_index in HARD_FRAMES]
    return {
        "scene": arguments.scene,
        "run": described(clip, arguments),
        "ours": ours | ({"frames_120_to_270": mean_and_spread(hard)["mean"]} if arguments.scene == "kitchen" else {}),
        "ours_on_frames_of_peer": mean_and_spread(same)["mean"],
        "by_seconds": [*cheaper(clip, n_workers), {"neighbours": n_neighbours, "scale": 1.0,
                       "cpu_seconds_a_frame": ours["cpu_seconds_a_frame"], **ours["mean"]}],
        "peer": measure_peer(arguments.peer, clip, peer_frames, n_neighbours, n_workers),
    }  # fmt: skip


def described(clip: Clip, arguments: argparse.Namespace) -> dict[str, object]:
    """Under which conditions the figures were taken."""
    return {
        "frames_densified": len(clip.model.frame_indices),
        "frames_scored": len(clip.scored_frames),
        "pixels": [clip.camera.width, clip.camera.height],
        "neighbours": arguments.neighbours,
        "threads": arguments.workers,
        "repeats": arguments.repeats,
        "seed": "none: nothing is drawn at random, accuracy is the same in every repeat",
        "truth_noise_rel": clip.truth_noise_rel,
        "limits": {key: getattr(LIMITS, key) for key in LIMITS.__dataclass_fields__},
        "processor": platform.processor() or platform.machine(),
        "numba": numba.__version__,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def load_clip(scene: str, data: Path | None, n_workers: int) -> Clip:
    """The clip of a scene's name."""
    embedded = REPOSITORY / "examples" / ("demo" if scene == "demo" else "dense")
    folder = embedded if data is None and (scene == "demo" or (embedded / "truth" / scene).is_dir()) else data
    if folder is None or not folder.is_dir():
        raise SystemExit(f"{scene}: no such folder of data: {folder}; give it with --data")
    if scene == "kitchen":
        return Kitchen(folder)
    if scene == "fountain":
        return Fountain(folder, n_workers)
    return RenderedScene(folder, scene if (folder / "truth" / scene).is_dir() else None)


def rounded(value: object) -> object:
    """Five significant digits are more than any of the figures is good for."""
    if isinstance(value, float):
        return float(f"{value:.5g}") if np.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list | tuple) else value


def main() -> None:
    """Measure, print, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--peer", type=Path, help="python of an environment with pyarchinit-photogrammetry-core")
    parser.add_argument("--peer-frames", type=int, default=3)
    parser.add_argument("--neighbours", type=int, default=DenseConfig().n_neighbours)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    result = rounded(measure(load_clip(arguments.scene, arguments.data, arguments.workers), arguments))
    for key in ("cpu_seconds_a_frame", "by_region", "sigma", "sparsification"):
        print(f"{key}: {result['ours'][key]}")
    print("peer:", result["peer"].get("skipped") or result["peer"]["mean"])
    arguments.results.mkdir(parents=True, exist_ok=True)
    (arguments.results / f"dense_{arguments.scene}.json").write_text(json.dumps(result, indent=1) + "\n")
    draw_all(arguments.results)


if __name__ == "__main__":
    main()
