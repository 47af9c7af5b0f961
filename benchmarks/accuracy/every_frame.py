"""Dense depth on every frame of the kitchen clip: CPU seconds a frame, and frames between keyframes against keyframes.

    python benchmarks/accuracy/every_frame.py OUT DATA

OUT is the output folder of a run on the kitchen's video that has got as far as the sfm stage, DATA the folder with its
``truth``. One global scale for the clip, the median over scored frames. Writes benchmarks/results/dense_every_frame.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.dense import LIMITS, silent  # noqa: E402 - a script beside the package, not in it
from benchmarks.accuracy.scoring import mean_and_spread, score  # noqa: E402
from sfm_gt.config import DenseConfig  # noqa: E402
from sfm_gt.dense.matching.passes import choose_anchors  # noqa: E402
from sfm_gt.dense.patchmatch import PatchMatch  # noqa: E402
from sfm_gt.dense.shared.cleaning import clean  # noqa: E402
from sfm_gt.dense.shared.clip import densify  # noqa: E402
from sfm_gt.dense.shared.neighbours import can_bound_depth  # noqa: E402
from sfm_gt.dense.shared.temporal import temporal_difference  # noqa: E402
from sfm_gt.formats.workspace import Workspace  # noqa: E402
from sfm_gt.geometry.camera import pixel_grid  # noqa: E402
from sfm_gt.sfm.clip_views import ClipViews  # noqa: E402

RESULT = REPOSITORY / "benchmarks" / "results" / "dense_every_frame.json"


def measure(views: ClipViews, data: Path, n_workers: int) -> dict[str, object]:
    """Densify all registered frames and score those with sensor depth, after the rules that need no second frame."""
    model = views.model
    frames = model.frame_indices.tolist()
    keyframes = choose_anchors(model, [row for row in range(len(frames)) if can_bound_depth(model, row)])
    list(densify(model, views.view, frames[:3], PatchMatch(), 2, 1, silent))
    start, depths, drifts, before = time.process_time(), {}, [], None
    n_neighbours = DenseConfig().n_neighbours
    for index, each in densify(model, views.view, frames, PatchMatch(), n_neighbours, n_workers, silent):
        if (data / "truth" / f"{index:06d}.png").is_file():
            valid = clean(each.z_depth_sfm, each.sigma_sfm, each.outlier, each.hypothesis_sfm, None, LIMITS).valid
            depths[index] = np.where(valid, each.z_depth_sfm, np.nan)
        if before is not None:
            drifts.append(temporal_difference(model, before, (index, each)))
        before = index, each
    seconds = (time.process_time() - start) / len(frames)
    rows = {"keyframes": [int(model.frame_indices[row]) for row in keyframes]}
    rows["between"] = [index for index in frames if index not in rows["keyframes"]]
    return {"frames": len(frames), "n_keyframes": len(keyframes), "threads": n_workers, "cpu_seconds_a_frame": seconds,
            "median_temporal_difference": float(np.nanmedian(drifts)),
            **scores(views, data, depths, rows)}  # fmt: skip


def scores(
    views: ClipViews, data: Path, depths: dict[int, np.ndarray], rows: dict[str, list[int]]
) -> dict[str, object]:
    """Means over the scored frames of each kind, at one scale for all."""
    truth = {index: _truth_m(views, data, index) for index in depths}
    scale = float(np.median([np.nanmedian(truth[index] / depth) for index, depth in depths.items()]))
    found = {name: [i for i in depths if i in set(indices)] for name, indices in rows.items()}
    return {"metres_per_unit": scale} | {
        name: {"scored": len(indices), **mean_and_spread([score(depths[i] * scale, truth[i]) for i in indices])}
        for name, indices in found.items()
    }


def _truth_m(views: ClipViews, data: Path, index: int) -> np.ndarray:
    """Sensor depth on the undistorted grid, NaN = unknown."""
    camera = views.undistortion.camera
    under = views.undistortion_of(index).filmed_px(pixel_grid(camera.width, camera.height).reshape(-1, 2)).astype(int)
    columns, rows = np.clip(under, 0, [camera.width - 1, camera.height - 1]).reshape(camera.height, -1, 2).T
    stored = cv2.imread(str(data / "truth" / f"{index:06d}.png"), cv2.IMREAD_UNCHANGED)[rows.T, columns.T]
    return np.where(stored > 0, stored / 1000.0, np.nan)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    (clip,) = [path.name for path in (arguments.out / "work" / "clips").iterdir() if path.is_dir()]
    result = measure(ClipViews(Workspace(arguments.out), clip), arguments.data, arguments.workers)
    print(json.dumps(result, indent=1))
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
