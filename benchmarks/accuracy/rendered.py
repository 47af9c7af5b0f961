"""Rendered scenes (see benchmarks/scenes) as the dense stage sees them, with the renderer's cameras and exact depth."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from sfm_gt.geometry.camera import pixel_grid, project, unproject
from sfm_gt.geometry.transforms import transform_points
from sfm_gt.geometry.types import PinholeCamera, SparseModel, View
from sfm_gt.video.decode import iterate_frames

# Sparse points stand in for those of SfM: one pixel in so many of one frame in so many.
POINT_STEP_PX, POINT_FRAME_STEP = 16, 6
SCORED_STEP = 3
# A point is seen where it lies on the truth's surface up to this relative difference of depth.
SEEN_REL = 0.01
# Grey levels of standard deviation in a window of TEXTURE_PX: above it a surface counts as textured.
TEXTURE_STD, TEXTURE_PX = 4.0, 9
# Pixels nearer than this to a step of depth of more than STEP_REL are scored apart.
STEP_BAND_PX, STEP_REL = 3, 0.03


class RenderedScene:
    """One rendered scene: sparse model, views and truth of the frames whose depth was stored; lengths in metres.

    ``scene`` says which, where several share a folder: its truth is then in ``truth/SCENE``.
    """

    truth_noise_rel = 0.0

    def __init__(self, folder: Path, scene: str | None = None):
        self.folder = folder
        self._maps = folder / "truth" / scene if scene else folder / "truth"
        self.truth = json.loads((self._maps / "truth.json").read_text())
        self.frame_indices = sorted(int(path.stem) for path in (self._maps / "depth").glob("*.png"))
        camera = self.truth["camera"]
        self.camera = PinholeCamera(*(camera[key] for key in ("width", "height", "fx", "fy", "cx", "cy")))
        self.overlay = cv2.imread(str(self._maps / "overlay.png"), cv2.IMREAD_UNCHANGED) > 0
        self._poses = {each["frame_index"]: np.array(each["cam_from_world"]) for each in self.truth["frames"]}

    @cached_property
    def _images(self) -> dict[int, np.ndarray]:
        video = next((self.folder / "videos").glob(f"{self.truth['scene']}.mp4"))
        wanted = set(self.frame_indices)
        return {index: image for index, _, image in iterate_frames(video) if index in wanted}

    @cached_property
    def model(self) -> SparseModel:
        """What an SfM without error would give: points on the surfaces and who sees them."""
        poses = np.array([self._poses[index] for index in self.frame_indices])
        points = np.concatenate([self._surface_points(index) for index in self.frame_indices[::POINT_FRAME_STEP]])
        seen = [self._project(row, points) for row in range(len(poses))]
        return SparseModel(
            camera=self.camera,
            frame_indices=np.array(self.frame_indices),
            cam_from_world=poses,
            points_sfm=points,
            observations=np.concatenate([np.stack([np.full(len(k), row), k], 1) for row, (k, _) in enumerate(seen)]),
            observation_px=np.concatenate([xy for _, xy in seen]),
        )

    def _surface_points(self, frame_index: int) -> np.ndarray:
        """(K, 3) world points on a regular grid of pixels."""
        step = slice(POINT_STEP_PX // 2, None, POINT_STEP_PX)
        depth = self.z_depth_m(frame_index)[step, step]
        in_camera = unproject(self.camera, pixel_grid(self.camera.width, self.camera.height)[step, step], depth)
        return transform_points(np.linalg.inv(self._poses[frame_index]), in_camera[np.isfinite(depth)])

    def _project(self, row: int, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the points that view ``row`` sees, and where, pixel centres at +0.5."""
        index = self.frame_indices[row]
        in_camera = transform_points(self._poses[index], points)
        xy = project(self.camera, in_camera)
        with np.errstate(invalid="ignore"):
            inside = (xy >= 0).all(1) & (xy < [self.camera.width, self.camera.height]).all(1)
        kept = np.flatnonzero(inside)
        columns, rows = xy[kept].astype(int).T
        difference = np.abs(in_camera[kept, 2] / self.z_depth_m(index)[rows, columns] - 1.0)
        return kept[difference < SEEN_REL], xy[kept[difference < SEEN_REL]]

    def view(self, frame_index: int) -> View:
        usable = ~(self.overlay | self.mask("moving", frame_index))
        return View(frame_index, self._images[frame_index], usable, self.camera, self._poses[frame_index])

    def z_depth_m(self, frame_index: int) -> np.ndarray:
        """Exact z-depth, NaN = none."""
        stored = cv2.imread(str(self._maps / "depth" / f"{frame_index:06d}.png"), cv2.IMREAD_UNCHANGED)
        return np.where(stored > 0, stored * self.truth["unit_m"], np.nan)

    def truth_sfm(self, frame_index: int) -> np.ndarray:
        """:meth:`z_depth_m` under the name that all benchmark clips share: the model is in metres."""
        return self.z_depth_m(frame_index)

    @property
    def scored_frames(self) -> tuple[int, ...]:
        """Every third frame: their neighbours are those of the frames between."""
        return tuple(self.frame_indices[1::SCORED_STEP])

    def mask(self, name: str, frame_index: int) -> np.ndarray:
        """Truth mask ``moving``, ``person`` or ``thin``; all False where the scene has none."""
        path = self._maps / name / f"{frame_index:06d}.png"
        if not path.is_file():
            return np.zeros((self.camera.height, self.camera.width), dtype=bool)
        return cv2.imread(str(path), cv2.IMREAD_UNCHANGED) > 0

    def regions(self, frame_index: int) -> dict[str, np.ndarray]:
        """Masks to score by: static pixels as a whole, those with texture, thin structures, beside steps of depth."""
        grey = cv2.cvtColor(self._images[frame_index], cv2.COLOR_RGB2GRAY).astype(np.float32)
        mean, square = (cv2.blur(each, (TEXTURE_PX, TEXTURE_PX)) for each in (grey, grey * grey))
        static = ~(self.overlay | self.mask("moving", frame_index))
        thin, beside = self.mask("thin", frame_index), beside_steps(self.z_depth_m(frame_index))
        textured = np.sqrt(np.maximum(square - mean * mean, 0.0)) > TEXTURE_STD
        return {
            "static": static,
            "textured": static & textured & ~thin & ~beside,
            "thin": static & thin,
            "beside_steps": static & beside & ~thin,
        }


def beside_steps(depth: np.ndarray) -> np.ndarray:
    """(H, W) bool: within STEP_BAND_PX of a step of depth."""
    depth = depth.astype(np.float32)
    near, far = cv2.erode(depth, np.ones((3, 3))), cv2.dilate(depth, np.ones((3, 3)))
    step = (far > near * (1.0 + STEP_REL)).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * STEP_BAND_PX + 1, 2 * STEP_BAND_PX + 1))
    return cv2.dilate(step, kernel) > 0
