"""fountain-P11 (Strecha et al. 2008) as the dense stage sees it: surveyed cameras, and triangulated points for truth.

There is no depth map to score against. What there is: SIFT points triangulated with the surveyed cameras, each seen by four
photographs or more. They are precise but lie on texture only.
"""

from __future__ import annotations

import json
import tempfile
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import pycolmap

from sfm_gt.geometry.transforms import transform_points
from sfm_gt.geometry.types import PinholeCamera, SparseModel, View

# A point is held for true where so many photographs see it with at most this mean reprojection error.
MIN_TRACK, MAX_ERROR_PX = 4, 0.7
MAX_FEATURES = 4096


class Fountain:
    """Photographs by number, in the order of the survey; lengths in metres."""

    truth_noise_rel = 0.0

    def __init__(self, folder: Path, n_threads: int):
        self.folder, self._n_threads = folder, n_threads
        self._surveyed = json.loads((folder / "cameras.json").read_text())["cameras"]
        first = self._surveyed[0]
        self.camera = PinholeCamera(*(first[key] for key in ("width", "height", "fx", "fy", "cx", "cy")))
        self.frame_indices = list(range(len(self._surveyed)))
        self.scored_frames = tuple(self.frame_indices)
        poses = [np.vstack([np.array(each["cam_from_world"])[:3], [0, 0, 0, 1]]) for each in self._surveyed]
        self._poses = np.array(poses, dtype=np.float64)

    def view(self, frame_index: int) -> View:
        """One photograph."""
        path = self.folder / "images" / self._surveyed[frame_index]["image"]
        image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        return View(frame_index, image, np.ones(image.shape[:2], dtype=bool), self.camera, self._poses[frame_index])

    @cached_property
    def _triangulated(self) -> pycolmap.Reconstruction:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            database, images = folder / "database.db", self.folder / "images"
            reader, extraction, matching = (
                pycolmap.ImageReaderOptions(), pycolmap.FeatureExtractionOptions(), pycolmap.FeatureMatchingOptions()
            )  # fmt: skip
            camera = self.camera
            reader.camera_model = "PINHOLE"
            reader.camera_params = f"{camera.fx},{camera.fy},{camera.cx},{camera.cy}"
            extraction.num_threads = matching.num_threads = self._n_threads
            extraction.sift.max_num_features = MAX_FEATURES
            pycolmap.set_random_seed(0)
            pycolmap.extract_features(
                database,
                images,
                [each["image"] for each in self._surveyed],
                pycolmap.CameraMode.SINGLE,
                reader,
                extraction,
            )
            pycolmap.match_exhaustive(database, matching)
            return pycolmap.triangulate_points(self._posed(database), database, images, folder)

    def _posed(self, database: Path) -> pycolmap.Reconstruction:
        """The surveyed cameras with the database's own numbers."""
        posed = pycolmap.Reconstruction()
        with pycolmap.Database.open(database) as content:
            for camera in content.read_all_cameras():
                posed.add_camera_with_trivial_rig(camera)
            for image in content.read_all_images():
                row = [each["image"] for each in self._surveyed].index(image.name)
                fresh = pycolmap.Image(name=image.name, camera_id=image.camera_id, image_id=image.image_id)
                posed.add_image_with_trivial_frame(fresh, pycolmap.Rigid3d(self._poses[row, :3]))
        return posed

    @cached_property
    def model(self) -> SparseModel:
        """The surveyed cameras and the points triangulated with them."""
        found = self._triangulated
        point_rows = {point: row for row, point in enumerate(sorted(found.points3D))}
        seen = []
        for row, each in enumerate(self._surveyed):
            for point in found.find_image_with_name(each["image"]).points2D:
                if point.has_point3D():
                    seen.append((row, point_rows[point.point3D_id], *point.xy))
        table = np.array(seen)
        return SparseModel(
            camera=self.camera,
            frame_indices=np.array(self.frame_indices),
            cam_from_world=self._poses,
            points_sfm=np.array([found.points3D[point].xyz for point in point_rows]),
            observations=table[:, :2].astype(int),
            observation_px=table[:, 2:],
        )

    def truth_sfm(self, frame_index: int) -> np.ndarray:
        """Depth of the trusted points at the pixels that see them, NaN elsewhere."""
        found = self._triangulated
        trusted = [
            found.points3D[point].track.length() >= MIN_TRACK and found.points3D[point].error <= MAX_ERROR_PX
            for point in sorted(found.points3D)
        ]
        mine = (self.model.observations[:, 0] == frame_index) & np.array(trusted)[self.model.observations[:, 1]]
        points = self.model.points_sfm[self.model.observations[mine, 1]]
        columns, rows = self.model.observation_px[mine].astype(int).T
        truth = np.full((self.camera.height, self.camera.width), np.nan)
        truth[rows, columns] = transform_points(self._poses[frame_index], points)[:, 2]
        return truth

    def regions(self, frame_index: int) -> dict[str, np.ndarray]:
        """Masks to score by: the trusted points' pixels."""
        return {"points": np.ones((self.camera.height, self.camera.width), dtype=bool)}
