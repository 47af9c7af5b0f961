"""Ground truth of a finished run on the kitchen clip against the registered depth sensor.

    python benchmarks/accuracy/kitchen.py OUT DATA

OUT is the output folder of a run on the folder that holds the kitchen's video and sidecar, DATA the folder with its
``truth``. Prints the figures; --save writes benchmarks/results/kitchen.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

import sfm_gt  # noqa: E402 - the package after the path to it
from benchmarks.accuracy.kitchen_clip import sensor_depth_m  # noqa: E402
from sfm_gt.formats.manifest import read_manifest  # noqa: E402
from sfm_gt.formats.workspace import Workspace  # noqa: E402
from sfm_gt.geometry.camera import pixel_grid  # noqa: E402
from sfm_gt.sfm.clip_views import ClipViews  # noqa: E402

TRUTH_EVERY = 10
RESULT = REPOSITORY / "benchmarks" / "results" / "kitchen.json"


def score(out: Path, data: Path) -> dict[str, float]:
    """Mean over frames with truth: metric AbsRel, share of the sensor's pixels, within 5 %; and the SfM figures."""
    workspace, dataset = Workspace(out), sfm_gt.open_dataset(out)
    (clip_id,) = dataset.clip_ids
    views = ClipViews(workspace, clip_id)
    camera = views.undistortion.camera
    pixels = pixel_grid(camera.width, camera.height)
    per_frame, ratios = [], []
    for frame in dataset:
        if frame.frame_index % TRUTH_EVERY == 0:
            filmed = views.undistortion_of(frame.frame_index).filmed_px(pixels.reshape(-1, 2)).reshape(pixels.shape)
            truth = sensor_depth_m(data, frame.frame_index, filmed, camera, pixels)
            both = np.isfinite(truth) & frame.valid
            error = np.abs(frame.z_depth_m[both] - truth[both]) / truth[both]
            per_frame.append(
                (error.mean(), np.median(error), (error < 0.05).mean(), both.sum() / np.isfinite(truth).sum())
            )
            ratios.append(np.median(truth[both] / frame.z_depth_m[both]))
    means = np.mean(per_frame, axis=0)
    names = ("AbsRel", "median", "within_5_percent", "share_of_sensor_pixels")
    measures = read_manifest(workspace.clip_stage(clip_id, "sfm")).measures
    return dict(zip(names, means.tolist(), strict=True)) | {
        "frames_scored": len(per_frame),
        "median_ratio": float(np.median(ratios)),
        "std_of_frame_ratios": float(np.std(ratios)),
        "registered_fraction": measures["registered_fraction"],
        "focal_px": measures["focal_px"],
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/kitchen.json")
    arguments = parser.parse_args()
    figures = {name: round(float(value), 5) for name, value in score(arguments.out, arguments.data).items()}
    print(json.dumps(figures, indent=1))
    if arguments.save:
        RESULT.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
