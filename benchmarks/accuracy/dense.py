"""Accuracy of dense depth on the kitchen clip against the registered depth sensor."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
import pycolmap

from sfm_gt.dense.clip import densify
from sfm_gt.dense.estimate import DepthEstimate
from sfm_gt.dense.patchmatch import PatchMatch
from sfm_gt.geometry.types import PinholeCamera, SparseModel, View

METRES_PER_UNIT = 0.18858
REPOSITORY = Path(__file__).parents[2]
# The sensor against multi-view stereo: median 1.2 %, which is a standard deviation of 1.2 % / 0.674.
SENSOR_NOISE_REL = 0.018
SCORED_FRAMES = tuple(range(20, 471, 30))


class Kitchen:
    """The kitchen clip: sparse model, undistorted views, sensor depth on the undistorted grid."""

    def __init__(self, folder: Path):
        self.folder = folder
        reconstruction = pycolmap.Reconstruction(str(folder / "sparse"))
        self.source = next(iter(reconstruction.cameras.values()))
        focal, cx, cy, _ = self.source.params
        self.camera = PinholeCamera(self.source.width, self.source.height, focal, focal, cx, cy)
        self.model = self._sparse_model(reconstruction)
        self.map_x, self.map_y = self._distorted_grid()

    def _sparse_model(self, reconstruction: pycolmap.Reconstruction) -> SparseModel:
        images = sorted(reconstruction.images.values(), key=lambda image: image.name)
        point_rows = {point: row for row, point in enumerate(sorted(reconstruction.points3D))}
        poses, observations, pixels = [], [], []
        for row, image in enumerate(images):
            pose = np.eye(4)
            pose[:3] = image.cam_from_world().matrix()
            poses.append(pose)
            for point in image.points2D:
                if point.has_point3D():
                    observations.append((row, point_rows[point.point3D_id]))
                    pixels.append(point.xy)
        rays = self.source.cam_from_img(np.array(pixels))
        focal = np.array([self.camera.fx, self.camera.fy])
        return SparseModel(
            camera=self.camera,
            frame_indices=np.array([int(image.name[6:12]) for image in images]),
            cam_from_world=np.array(poses),
            points_sfm=np.array([reconstruction.points3D[point].xyz for point in point_rows]),
            observations=np.array(observations),
            observation_px=rays * focal + np.array([self.camera.cx, self.camera.cy]),
        )

    def _distorted_grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each undistorted pixel lies in the image as filmed, integer-centred for OpenCV."""
        x, y = np.meshgrid(np.arange(self.camera.width) + 0.5, np.arange(self.camera.height) + 0.5)
        rays = np.stack([(x - self.camera.cx) / self.camera.fx, (y - self.camera.cy) / self.camera.fy], axis=-1)
        filmed = self.source.img_from_cam(np.concatenate([rays, np.ones_like(rays[..., :1])], -1).reshape(-1, 3))
        filmed = filmed.reshape(*x.shape, 2).astype(np.float32) - 0.5
        return filmed[..., 0], filmed[..., 1]

    def view(self, frame_index: int) -> View:
        image = cv2.imread(str(self.folder / "images" / f"frame-{frame_index:06d}.color.jpg"), cv2.IMREAD_COLOR_RGB)
        undistorted = cv2.remap(image, self.map_x, self.map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        height, width = undistorted.shape[:2]
        inside = (self.map_x >= 0) & (self.map_x <= width - 1) & (self.map_y >= 0) & (self.map_y <= height - 1)
        pose = self.model.cam_from_world[self.model.row_of(frame_index)]
        return View(frame_index, undistorted, inside, self.camera, pose)

    def sensor_depth_m(self, frame_index: int) -> np.ndarray:
        """Sensor z-depth in metres on the undistorted grid, NaN = unknown."""
        millimetres = cv2.imread(str(self.folder / "truth" / f"{frame_index:06d}.png"), cv2.IMREAD_UNCHANGED)
        nearest = cv2.remap(millimetres, self.map_x, self.map_y, cv2.INTER_NEAREST, borderValue=0)
        return np.where(nearest > 0, nearest / 1000.0, np.nan)


def score(z_depth_m: np.ndarray, truth_m: np.ndarray) -> dict[str, float]:
    """Errors over pixels where both exist, and the share of the truth's pixels that were answered."""
    both = np.isfinite(z_depth_m) & np.isfinite(truth_m)
    relative = np.abs(z_depth_m[both] / truth_m[both] - 1.0)
    ratio = np.maximum(z_depth_m[both] / truth_m[both], truth_m[both] / z_depth_m[both])
    return {
        "abs_rel": float(relative.mean()),
        "median": float(np.median(relative)),
        "within_5_percent": float((relative < 0.05).mean()),
        "delta_1": float((ratio < 1.25).mean()),
        "share": float(both.sum() / np.isfinite(truth_m).sum()),
    }


def measure(kitchen: Kitchen, n_neighbours: int, n_workers: int) -> dict[str, object]:
    """Densify every frame of the model and score :data:`SCORED_FRAMES`; means over frames."""
    frames = kitchen.model.frame_indices.tolist()
    method = PatchMatch()
    # The first two frames pay for compilation; they are not timed.
    list(densify(kitchen.model, kitchen.view, frames[:2], method, n_neighbours, n_workers, lambda done, total: None))
    start = time.process_time()
    scores, covered = [], []
    for frame_index, depth in densify(
        kitchen.model, kitchen.view, frames, method, n_neighbours, n_workers, lambda done, total: None
    ):
        if frame_index in SCORED_FRAMES:
            truth = kitchen.sensor_depth_m(frame_index)
            scores.append({"frame_index": frame_index, **score(depth.z_depth_sfm * METRES_PER_UNIT, truth)})
            covered.append(coverage(depth, truth))
    seconds = (time.process_time() - start) / len(frames)
    columns = ("abs_rel", "median", "within_5_percent", "delta_1", "share")
    table = {column: float(np.mean([each[column] for each in scores])) for column in columns}
    hard = [each for each in scores if 120 <= each["frame_index"] <= 270]
    return {
        "mean": {**table, "cpu_seconds_a_frame": seconds},
        "frames_120_to_270": {column: float(np.mean([each[column] for each in hard])) for column in columns},
        "sigma": {key: float(np.mean([each[key] for each in covered])) for key in covered[0]},
        "n_neighbours": n_neighbours,
        "n_workers": n_workers,
        "frames": scores,
    }


def coverage(depth: DepthEstimate, truth_m: np.ndarray) -> dict[str, float]:
    """Share of pixels whose error lies within one and two sigma, the sensor's own noise added and not."""
    error = np.abs(depth.z_depth_sfm * METRES_PER_UNIT - truth_m)
    known = np.isfinite(error)
    sigma = depth.sigma_sfm[known] * METRES_PER_UNIT
    with_sensor = np.hypot(sigma, SENSOR_NOISE_REL * truth_m[known])
    return {
        "within_1_sigma": float((error[known] <= sigma).mean()),
        "within_2_sigma": float((error[known] <= 2 * sigma).mean()),
        "within_1_sigma_and_sensor": float((error[known] <= with_sensor).mean()),
        "within_2_sigma_and_sensor": float((error[known] <= 2 * with_sensor).mean()),
        "median_sigma_rel": float(np.median(sigma / truth_m[known])),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kitchen", type=Path, default=REPOSITORY.parent / "shared/data/kitchen")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks/results/dense_kitchen.json")
    parser.add_argument("--neighbours", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if not arguments.kitchen.is_dir():
        raise SystemExit(f"no kitchen clip at {arguments.kitchen}; give its folder with --kitchen")
    result = measure(Kitchen(arguments.kitchen), arguments.neighbours, arguments.workers)
    print("| AbsRel | median | within 5 % | δ1 | share | CPU-s a frame |\n|---|---|---|---|---|---|")
    print("| " + " | ".join(f"{value:.3f}" for value in result["mean"].values()) + " |")
    print("frames 120-270:", {key: round(value, 4) for key, value in result["frames_120_to_270"].items()})
    print("sigma:", {key: round(value, 4) for key, value in result["sigma"].items()})
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
