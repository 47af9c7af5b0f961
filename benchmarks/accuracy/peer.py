"""PyPI's pyarchinit-photogrammetry-core on the same views, as a process of its own: it is GPL, and no part of the package."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.accuracy.judging import Clip, neighbour_views
from benchmarks.accuracy.scoring import mean_and_spread, score, sparsification
from sfm_gt.dense.shared.neighbours import depth_range

DRIVER = Path(__file__).with_name("peer_driver.py")
SEEDS = (1, 2)
# Its threshold on 1 - NCC; the default is the last.
MAX_COSTS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6)


@dataclass(frozen=True)
class PeerMap:
    """Depth (NaN = none), cost and CPU seconds of one frame under one seed."""

    z_depth: np.ndarray
    cost: np.ndarray
    cpu_seconds: float


def why_not(python: Path | None) -> str | None:
    """Why the peer cannot run, or None."""
    if python is None or not python.is_file():
        return "no interpreter of the peer; install pyarchinit-photogrammetry-core in a venv and give its python with --peer"
    found = subprocess.run([python, "-c", "import ppg_core"], capture_output=True, check=False)
    return None if found.returncode == 0 else "the interpreter given with --peer has no ppg_core"


def version(python: Path) -> str:
    """The peer's version."""
    code = "from importlib.metadata import version; print(version('pyarchinit-photogrammetry-core'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def run_peer(python: Path, clip: Clip, frame_index: int, n_neighbours: int, n_threads: int, seed: int) -> PeerMap:
    """The peer's depth of one frame from the views that ours would take."""
    view = clip.view(frame_index)
    views = [view, *neighbour_views(clip, frame_index, n_neighbours)]
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "views.npz", Path(name) / "out.npz"
        np.savez(
            source,
            images=np.stack([cv2.cvtColor(each.image, cv2.COLOR_RGB2GRAY) for each in views]),
            matrix=clip.camera.matrix,
            poses=np.stack([each.cam_from_world for each in views]),
            depth_range=np.array(depth_range(clip.model, clip.model.row_of(frame_index))),
        )
        threads = {"RAYON_NUM_THREADS": str(n_threads)}
        subprocess.run([python, DRIVER, source, target, str(seed)], check=True, env=os.environ | threads)
        with np.load(target) as out:
            depth = np.where((out["depth"] > 0) & view.usable, out["depth"], np.nan)
            return PeerMap(depth, out["cost"], float(out["cpu_seconds"]))


def measure_peer(
    python: Path | None, clip: Clip, frame_indices: Sequence[int], n_neighbours: int, n_threads: int
) -> dict[str, object]:
    """Figures of the peer, in the form of ours; its error against completeness comes from a threshold on its cost."""
    reason = why_not(python)
    if python is None or reason:
        return {"skipped": reason}
    # Every frame under the first seed; the first frame under the others too, for their spread.
    runs = [(index, SEEDS[0]) for index in frame_indices] + [(frame_indices[0], seed) for seed in SEEDS[1:]]
    found = [run_peer(python, clip, index, n_neighbours, n_threads, seed) for index, seed in runs]
    truths = {index: _headline(clip, index) for index in frame_indices}
    scores = [score(each.z_depth, truths[index]) for each, (index, _) in zip(found, runs, strict=True)]
    n_frames, seconds = len(frame_indices), [each.cpu_seconds for each in found]
    by_seed = [row["abs_rel"] for row, (index, _) in zip(scores, runs, strict=True) if index == frame_indices[0]]
    return {
        "name": f"pyarchinit-photogrammetry-core {version(python)}, patchmatch_depth, defaults, one view at a time",
        "frame_indices": list(frame_indices),
        "seeds": SEEDS,
        "threads": n_threads,
        "cpu_seconds_a_frame": float(np.mean(seconds)),
        "cpu_seconds_spread": float(np.std(seconds)),
        "abs_rel_spread_over_seeds": float(np.ptp(by_seed)),
        **mean_and_spread(scores[:n_frames]),
        "sparsification_by_cost": float(np.nanmean([_ordering(each, truths[index]) for each, (index, _) in
                                                    zip(found[:n_frames], runs[:n_frames], strict=True)])),
        "by_max_cost": [_at_cost(found[:n_frames], list(truths.values()), limit) for limit in MAX_COSTS],
    }  # fmt: skip


def _headline(clip: Clip, frame_index: int) -> np.ndarray:
    return np.where(next(iter(clip.regions(frame_index).values())), clip.truth_sfm(frame_index), np.nan)


def _ordering(found: PeerMap, truth: np.ndarray) -> float:
    error = np.abs(found.z_depth / truth - 1.0)
    known = np.isfinite(error)
    return sparsification(error[known], found.cost[known])


def _at_cost(found: Sequence[PeerMap], truths: Sequence[np.ndarray], limit: float) -> dict[str, float]:
    rows = [
        score(np.where(each.cost <= limit, each.z_depth, np.nan), truth)
        for each, truth in zip(found, truths, strict=True)
    ]
    return {"max_cost": limit, **mean_and_spread(rows)["mean"]}
