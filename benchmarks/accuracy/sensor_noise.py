"""How well the kitchen's depth sensor agrees with itself: its noise, without any depth of ours.

    python benchmarks/accuracy/sensor_noise.py KITCHEN [--save]

Depth of one frame is brought into the next one that has depth (ten frames on, by the poses) and met there with the sensor's own
depth at the nearest pixel. The median difference of the two, over 0.674 and the square root of 2, is the standard deviation
of one reading, relative to depth. What both frames have in common (a scale, an error that stays with the place) is not in it.
--save writes benchmarks/results/sensor_noise.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.kitchen_clip import Kitchen  # noqa: E402 - a script beside the package
from benchmarks.accuracy.rendered import beside_steps  # noqa: E402
from sfm_gt.geometry.camera import pixel_grid, project, unproject  # noqa: E402
from sfm_gt.geometry.transforms import inverse_rigid, transform_points  # noqa: E402

RESULT = REPOSITORY / "benchmarks" / "results" / "sensor_noise.json"
# The sensor itself draws steps of depth some pixels off, and farther than this two frames see different surfaces.
OTHER_SURFACE_REL = 0.1
MEDIAN_OF_GAUSSIAN = 0.6745


def difference(kitchen: Kitchen, first: int, second: int) -> np.ndarray:
    """Relative difference of the sensor's depth in two frames at the same points, off steps of depth; (K,)."""
    depths = [kitchen.truth_sfm(index) for index in (first, second)]
    even = [np.isfinite(each) & ~beside_steps(np.where(np.isfinite(each), each, 0.0)) for each in depths]
    poses = [kitchen.model.cam_from_world[kitchen.model.row_of(index)] for index in (first, second)]
    camera = kitchen.camera
    points = unproject(camera, pixel_grid(camera.width, camera.height)[even[0]], depths[0][even[0]])
    there = transform_points(poses[1] @ inverse_rigid(poses[0]), points)
    xy = project(camera, there)
    with np.errstate(invalid="ignore"):
        inside = (xy >= 0).all(1) & (xy < [camera.width, camera.height]).all(1)
    columns, rows = xy[inside].astype(int).T
    met = even[1][rows, columns]
    relative = there[inside, 2][met] / depths[1][rows, columns][met] - 1.0
    return relative[np.abs(relative) < OTHER_SURFACE_REL]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kitchen", type=Path)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    kitchen = Kitchen(arguments.kitchen)
    with_depth = {int(path.stem) for path in (arguments.kitchen / "truth").glob("*.png")}
    frames = [index for index in kitchen.model.frame_indices.tolist() if index in with_depth]
    spreads = [
        float(np.median(np.abs(found - np.median(found)))) / MEDIAN_OF_GAUSSIAN / np.sqrt(2.0)
        for found in (difference(kitchen, *pair) for pair in pairwise(frames))
        if found.size
    ]
    result = {
        "pairs": len(spreads),
        "noise_rel": round(float(np.median(spreads)), 5),
        "least_and_most": [round(float(np.min(spreads)), 5), round(float(np.max(spreads)), 5)],
    }
    print(result)
    if arguments.save:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
