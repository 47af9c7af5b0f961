"""Figures of fused clouds while frames of an evaluation pass by: a row for each model and set of cameras.

Slow and large, so only where it is asked for: a map of 640x480 takes 0.26 s for each of the models and the GT, and
a room of 100 m^2 some 0.6 GB for each of them, at the default voxel.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.datasets.frames import Dataset
from sfm_gt.errors import InputError
from sfm_gt.metrics.evaluation import GradedFrame
from sfm_gt.metrics.fusion import FUSION, FusedClip, FusionSettings, cloud_figures, laid_on
from sfm_gt.metrics.grading import DEPTH_KINDS
from sfm_gt.metrics.resizing import resized
from sfm_gt.models.shared.cameras import OwnCameras, read_cameras
from sfm_gt.public_datasets import Benchmark

GT_CAMERAS, OWN_CAMERAS = "of the GT", "own"
UP_TO_SCALE = DEPTH_KINDS[:2]
"""Kinds whose depth the scale of the cameras puts right."""


class FusedClouds:
    """Takes frames clip by clip; holds the volumes of one clip.

    Raises:
        InputError: frames have no poses.
    """

    def __init__(self, dataset: Dataset | Benchmark, folders: Mapping[str, Path], settings: FusionSettings):
        """``folders``: of predictions that may have cameras beside them, by model."""
        self._dataset, self._folders, self._settings = dataset, folders, settings
        self._clip_id = ""
        self._volumes: dict[tuple[str, str], FusedClip] = {}
        self._own: dict[str, tuple[float, OwnCameras]] = {}
        self._figures: dict[tuple[str, str], list[dict[str, float]]] = {}

    def add(self, graded: GradedFrame) -> None:
        """One frame with depth that the first protocol has aligned. Clips without metres are passed over."""
        frame, view = graded.frame, graded.frame.view
        if not frame.gt.metric:
            return
        if view is None:
            raise InputError(f"{frame.clip_id}: frames have no camera poses; without them maps cannot be fused")
        if frame.clip_id != self._clip_id:
            self._finish()
            self._begin(frame.clip_id, list(frame.predictions))
        self._volumes["", ""].add(view.z_depth, view.still, view.camera, view.cam_from_world)
        for model, prediction in frame.predictions.items():
            if model in graded.aligned:
                self._volume(model, GT_CAMERAS).add(graded.aligned[model], view.still, view.camera, view.cam_from_world)
            if model in self._own and prediction.values is not None and prediction.kind in UP_TO_SCALE:
                scale, cameras = self._own[model]
                height, width = view.z_depth.shape
                own, pose = cameras.pinhole(frame.frame_index, width, height), cameras.cam_from_world
                if own is not None and frame.frame_index in pose:
                    depth = scale * resized(prediction.values, height, width, "nearest")
                    self._volume(model, OWN_CAMERAS).add(depth, view.still, own, pose[frame.frame_index])

    def rows(self) -> list[dict[str, Any]]:
        """FUSION of each model, mean over clips."""
        self._finish()
        return [
            {"model": model, "cameras": cameras, "clips": len(clips)}
            | {name: float(np.mean([clip[name] for clip in clips])) for name in FUSION}
            for (model, cameras), clips in self._figures.items()
        ]

    def _volume(self, model: str, cameras: str) -> FusedClip:
        return self._volumes.setdefault((model, cameras), FusedClip(self._settings))

    def _begin(self, clip_id: str, models: list[str]) -> None:
        self._clip_id, self._volumes, self._own = clip_id, {("", ""): FusedClip(self._settings)}, {}
        poses = {
            f.frame_index: f.cam_from_world for f in self._dataset.frames_of(clip_id) if f.cam_from_world is not None
        }
        for model in models:
            cameras = read_cameras(self._folders[model] / clip_id) if model in self._folders else OwnCameras()
            laid = laid_on(cameras.cam_from_world, poses)
            if laid is not None:
                self._own[model] = laid[0], OwnCameras(cameras.intrinsics, laid[1])

    def _finish(self) -> None:
        clouds = {key: volume.cloud() for key, volume in self._volumes.items()}
        gt = clouds.pop(("", ""), np.empty((0, 3)))
        for key, cloud in clouds.items():
            self._figures.setdefault(key, []).append(cloud_figures(cloud, gt, self._settings.threshold_m))
        self._volumes = {}
