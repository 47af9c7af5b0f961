"""What errors of the embedded clip's ground truth share, held against its truth: a frame's scale, and over which distance.

    python -m benchmarks.accuracy.shared_errors OUT [--save]

OUT is the output folder of a finished run on examples/demo/videos. The defaults of ``evaluate.gt_frame_sigma`` and
``evaluate.gt_correlation_px`` rest on it. --save writes benchmarks/results/shared_errors.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

import sfm_gt
from benchmarks.accuracy.demo import CLIP, TRUTH
from sfm_gt.formats.manifest import read_json
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.camera import pixel_grid
from sfm_gt.sfm.undistortion import Undistortion

RESULT = Path(__file__).resolve().parents[1] / "results" / "shared_errors.json"
REACH_PX = 40
CLIPPED = 3.0
"""Errors count with so many sigma at most: a few gross ones would decide."""


def measured(out: Path) -> dict[str, float]:
    """Standard deviation of the frames' log scale, and the distance along rows at which errors correlate by 1 / e."""
    unit_m = json.loads((TRUTH / "truth.json").read_text())["unit_m"]
    lens = Undistortion.from_dict(read_json(Workspace(out).clip_stage(CLIP, "sfm") / "undistortion.json"))
    under = lens.filmed_px(pixel_grid(lens.camera.width, lens.camera.height).reshape(-1, 2))
    columns, rows = np.clip(under.astype(int), 0, [lens.camera.width - 1, lens.camera.height - 1]).T
    scales, products, counts = [], np.zeros(REACH_PX), np.zeros(REACH_PX)
    for frame in sfm_gt.open_dataset(out):
        path = TRUTH / "depth" / f"{frame.frame_index:06d}.png"
        if frame.clip_id != CLIP or not path.is_file():
            continue
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[rows, columns].reshape(frame.z_depth_m.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.log(frame.z_depth_m / (stored * unit_m))
        error[~frame.valid | frame.moving | ~np.isfinite(error)] = np.nan
        scales.append(np.nanmedian(error))
        in_sigmas = np.clip((error - scales[-1]) * frame.z_depth_m / frame.sigma_m, -CLIPPED, CLIPPED)
        for step in range(REACH_PX):
            both = in_sigmas[:, step:] * in_sigmas[:, : in_sigmas.shape[1] - step]
            products[step] += np.nansum(both)
            counts[step] += np.isfinite(both).sum()
    correlation = products / counts / (products[0] / counts[0])
    return {"frames": len(scales), "width_px": lens.camera.width, "frame_sigma": float(np.std(scales)),
            "correlation_px": int(np.argmax(correlation < np.exp(-1)))}  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="output folder of a run on the demo")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/shared_errors.json")
    arguments = parser.parse_args()
    found = measured(arguments.out)
    print(found)
    if arguments.save:
        RESULT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
