"""A benchmark clip at another image size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from benchmarks.accuracy.judging import Clip
from sfm_gt.geometry.types import PinholeCamera, View


class Resized:
    """The same frames, poses and points, with other images and truth to the nearest pixel."""

    def __init__(self, clip: Clip, width: int, height: int):
        self._clip, self.camera = clip, clip.camera.resized(width, height)
        self.scored_frames: Sequence[int] = clip.scored_frames
        self.truth_noise_rel = clip.truth_noise_rel
        factor = np.array([width / clip.camera.width, height / clip.camera.height])
        self.model = replace(clip.model, camera=self.camera, observation_px=clip.model.observation_px * factor)
        self._views: dict[int, View] = {}

    def view(self, frame_index: int) -> View:
        """Kept after the first call: decoding is not what is measured."""
        if frame_index not in self._views:
            view = self._clip.view(frame_index)
            size = (self.camera.width, self.camera.height)
            shrinks = self.camera.width < view.camera.width
            image = cv2.resize(view.image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
            self._views[frame_index] = View(
                frame_index, image, self._nearest(view.usable), self.camera, view.cam_from_world
            )
        return self._views[frame_index]

    def truth_sfm(self, frame_index: int) -> np.ndarray:
        """Truth of the nearest pixel."""
        return cv2.resize(
            self._clip.truth_sfm(frame_index), (self.camera.width, self.camera.height), interpolation=cv2.INTER_NEAREST
        )

    def regions(self, frame_index: int) -> dict[str, np.ndarray]:
        """Regions of the nearest pixel."""
        return {name: self._nearest(mask) for name, mask in self._clip.regions(frame_index).items()}

    def _nearest(self, mask: np.ndarray) -> np.ndarray:
        size = (self.camera.width, self.camera.height)
        return cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0


def enlarged(z_depth: np.ndarray, camera: PinholeCamera) -> np.ndarray:
    """A map of smaller images, each pixel repeated."""
    return cv2.resize(z_depth, (camera.width, camera.height), interpolation=cv2.INTER_NEAREST)
