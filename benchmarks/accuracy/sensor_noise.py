"""How well the kitchen's depth sensor agrees with itself, without any depth of ours.

    python benchmarks/accuracy/sensor_noise.py OUT KITCHEN [--save]

OUT is the output folder of a run on the kitchen's video, whose poses are used, KITCHEN the folder with ``truth``. Depth of one
frame is brought into another by the poses, and met there with the sensor's own depth at the nearest pixel. The median
difference of the two, over 0.674 and the square root of 2, is the standard deviation of one reading, relative to depth:

    noise_rel   from the next frame that has depth, ten frames on. What both have in common is not in it.
    error_rel   from points that two frames see from distances that differ by 15 % and more, so that errors that depend on the
                distance or the place in the image count as well, at the one factor for all translations with which the
                sensor agrees with itself best. What the poses are off counts too.
    axis_px     where the sensor's optical axis meets the image: what it reads is the distance along that axis, and points that
                two frames see in different places of the image agree only where it is the right one. The registration
                moves pixels but leaves the readings as they are.

--save writes benchmarks/results/sensor_noise.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.accuracy.kitchen_clip import (  # noqa: E402 - a script beside the package
    SENSOR_ERROR_REL,
    sensor_depth_m,
)
from benchmarks.accuracy.rendered import beside_steps  # noqa: E402
from sfm_gt.formats.workspace import Workspace  # noqa: E402
from sfm_gt.geometry.camera import pixel_grid, project, unproject  # noqa: E402
from sfm_gt.geometry.transforms import inverse_rigid, transform_points  # noqa: E402
from sfm_gt.geometry.types import PinholeCamera  # noqa: E402
from sfm_gt.sfm.clip_views import ClipViews  # noqa: E402

RESULT = REPOSITORY / "benchmarks" / "results" / "sensor_noise.json"
# The sensor itself draws steps of depth some pixels off, and farther than this two frames see different surfaces.
OTHER_SURFACE_REL = 0.1
MEDIAN_OF_GAUSSIAN = 0.6745
# For the error: distances (log) that differ by more, and one pixel of so many.
APART, EVERY = 0.15, 50
PARTS = 4


@dataclass(frozen=True)
class Met:
    """The same points by the sensor in two frames, off steps of depth; metres, each of shape (K,).

    Attributes:
        read: z-depth as read in the first frame.
        brought: the z-depth in the second frame that follows from it.
        there: as read in the second frame.
        moved: what of ``brought`` is the translation between both.
        directions: (K, 2) in either frame, on the plane at unit depth.
    """

    read: np.ndarray
    brought: np.ndarray
    there: np.ndarray
    moved: float
    directions: tuple[np.ndarray, np.ndarray]

    @property
    def relative(self) -> np.ndarray:
        """By how much ``brought`` exceeds ``there``, of that."""
        return self.brought / self.there - 1.0


class Sensor:
    """Every frame with depth, read once, in metres.

    Args:
        axis_px: where the sensor's optical axis is taken to meet the image as filmed.
    """

    def __init__(self, views: ClipViews, kitchen: Path, axis_px: tuple[float, float]):
        self._camera, self._model = views.undistortion.camera, views.model
        with_depth = {int(path.stem) for path in (kitchen / "truth").glob("*.png")}
        self.frames = [index for index in self._model.frame_indices.tolist() if index in with_depth]
        grid = pixel_grid(self._camera.width, self._camera.height)
        self._depths = {}
        for index in self.frames:
            filmed = views.undistortion_of(index).filmed_px(grid.reshape(-1, 2)).reshape(grid.shape)
            self._depths[index] = sensor_depth_m(kitchen, index, filmed, self._camera, grid, axis_px)
        self._even = {
            index: np.isfinite(depth) & ~beside_steps(np.where(np.isfinite(depth), depth, 0.0))
            for index, depth in self._depths.items()
        }
        self._metres_per_unit = float(np.median([self._ratio(index) for index in self.frames]))

    def _ratio(self, index: int) -> float:
        """Sensor over model at the sparse points of a frame."""
        row = self._model.row_of(index)
        mine = self._model.observations[:, 0] == row
        points = transform_points(
            self._model.cam_from_world[row], self._model.points_sfm[self._model.observations[mine, 1]]
        )
        columns, rows = self._model.observation_px[mine].astype(int).T
        inside = (columns >= 0) & (rows >= 0) & (columns < self._camera.width) & (rows < self._camera.height)
        return float(np.nanmedian(self._depths[index][rows[inside], columns[inside]] / points[inside, 2]))

    def meet(self, first: int, second: int, every: int = 1) -> Met:
        """Points of one frame in another, one of ``every``."""
        camera, model = self._camera, self._model
        here = np.flatnonzero(self._even[first])[::every]
        read = self._depths[first].ravel()[here]
        points = unproject(camera, pixel_grid(camera.width, camera.height).reshape(-1, 2)[here], read)
        poses = [model.cam_from_world[model.row_of(index)] for index in (first, second)]
        between = poses[1] @ inverse_rigid(poses[0])
        between[:3, 3] *= self._metres_per_unit
        there = transform_points(between, points)
        xy = project(camera, there)
        with np.errstate(invalid="ignore"):
            inside = (there[:, 2] > 0) & (xy >= 0).all(1) & (xy < [camera.width, camera.height]).all(1)
        columns, rows = xy[inside].astype(int).T
        met = self._even[second][rows, columns]
        found = read[inside][met], there[inside, 2][met], self._depths[second][rows, columns][met]
        same = np.abs(found[1] / found[2] - 1.0) < OTHER_SURFACE_REL
        rays = (points / points[:, 2:])[inside][met][same, :2], (there / there[:, 2:])[inside][met][same, :2]
        return Met(*(each[same] for each in found), moved=float(between[2, 3]), directions=rays)


def noise(sensor: Sensor) -> list[float]:
    """Standard deviation of one reading, relative to depth, by pair of frames."""
    found = [sensor.meet(*pair).relative for pair in pairwise(sensor.frames)]
    return [
        float(np.median(np.abs(each - np.median(each)))) / MEDIAN_OF_GAUSSIAN / np.sqrt(2.0)
        for each in found
        if each.size
    ]


def axes_px(sensor: Sensor, camera: PinholeCamera) -> list[tuple[float, float]]:
    """Where the sensor's optical axis meets the image, from all pairs of frames and from each quarter of them.

    A reading along an axis in the direction (a, b, 1) is the depth along the camera's times 1 + a x + b y to first order; it
    counts in ``brought`` as much as the translation does not.
    """
    rows = []
    for pair in permutations(sensor.frames, 2):
        met = sensor.meet(*pair, every=EVERY)
        own, other = met.directions
        lever = ((met.brought - met.moved) / met.brought)[:, None]
        rows.append(np.column_stack([np.log(met.brought / met.there), lever * own - other, met.moved / met.brought]))
    whole = np.concatenate(rows)

    def fitted(part: np.ndarray) -> tuple[float, float]:
        tilt = least_squares(
            lambda v: part[:, 0] - part[:, 1:] @ v, np.zeros(3), loss="soft_l1", f_scale=SENSOR_ERROR_REL
        ).x
        return round(float(camera.cx + camera.fx * tilt[0]), 1), round(float(camera.cy + camera.fy * tilt[1]), 1)

    return [fitted(whole), *(fitted(part) for part in np.array_split(whole, PARTS))]


def disagreement(sensor: Sensor) -> tuple[np.ndarray, np.ndarray]:
    """By how much points seen from different distances disagree (log), and what a longer translation adds to it."""
    rows = []
    for pair in permutations(sensor.frames, 2):
        met = sensor.meet(*pair, every=EVERY)
        apart = np.abs(np.log(met.read / met.there)) > APART
        rows.append(np.stack([np.log(met.brought / met.there), met.moved / met.brought])[:, apart])
    off, by_translation = np.concatenate(rows, axis=1)
    return off, by_translation


def error(off: np.ndarray, by_translation: np.ndarray) -> float:
    """Standard deviation of one reading, relative to depth, at the best length of translations."""
    longer = least_squares(
        lambda value: off - value * by_translation, np.zeros(1), loss="soft_l1", f_scale=SENSOR_ERROR_REL
    ).x
    left = off - longer * by_translation
    return float(np.median(np.abs(left)) / MEDIAN_OF_GAUSSIAN / np.sqrt(2.0))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("kitchen", type=Path)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    (clip,) = (arguments.out / "work" / "clips").iterdir()
    views = ClipViews(Workspace(arguments.out), clip.name)
    camera = views.undistortion.camera
    as_read = Sensor(views, arguments.kitchen, (camera.cx, camera.cy))
    axis, *axes = axes_px(as_read, camera)
    sensor = Sensor(views, arguments.kitchen, axis)
    spreads, (off, by_translation) = noise(sensor), disagreement(sensor)
    parts = zip(np.array_split(off, PARTS), np.array_split(by_translation, PARTS), strict=True)
    result = {
        "pairs": len(spreads),
        "noise_rel": round(float(np.median(spreads)), 5),
        "least_and_most": [round(float(np.min(spreads)), 5), round(float(np.max(spreads)), 5)],
        "axis_px": axis,
        "axis_px_by_quarter_of_the_frames": axes,
        "error_rel_with_readings_as_they_are": round(error(*disagreement(as_read)), 4),
        "points": len(off),
        "error_rel": round(error(off, by_translation), 4),
        "error_rel_by_quarter_of_the_frames": [round(error(*part), 4) for part in parts],
    }
    print(result)
    if arguments.save:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
