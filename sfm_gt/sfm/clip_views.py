"""The frames of one clip as later stages see them: undistorted, with camera, pose and the pixels that may be used."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from sfm_gt.errors import InputError
from sfm_gt.formats.dataset_layout import SHUTTER_NPZ
from sfm_gt.formats.frame_folder import FrameList, read_frame, read_frame_list
from sfm_gt.formats.manifest import read_json
from sfm_gt.formats.overlay_folder import Overlay, covered, read_overlays
from sfm_gt.formats.shutter_shifts import ShutterShifts, read_shutter_shifts
from sfm_gt.formats.sparse_model import read_sparse_model
from sfm_gt.formats.workspace import Workspace
from sfm_gt.geometry.types import SparseModel, View
from sfm_gt.sfm.rectification import ShutterUndistortion
from sfm_gt.sfm.undistortion import Undistortion

MODEL_NAME = "model.npz"
UNDISTORTION_NAME = "undistortion.json"
# Matching windows and descriptors near overlays see them too.
OVERLAY_MARGIN_PX = 4
MOVING_FOLDER = "moving"


def read_mask(path: Path) -> Bool[np.ndarray, "h w"]:
    """An 8-bit mask PNG as booleans. Raises InputError when it is missing."""
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise InputError(f"{path}: missing or unreadable; run the stage that writes it again")
    return pixels > 0


def write_mask(path: Path, mask: Bool[np.ndarray, "h w"]) -> None:
    """Booleans as an 8-bit PNG, 255 = True."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), mask.astype(np.uint8) * 255):
        raise OSError(f"{path}: could not be written")


def undistortion_of(lens: Undistortion, shutter: ShutterShifts | None, frame_index: int) -> Undistortion:
    """Lens and shutter: between one frame as filmed and its published image."""
    return lens if shutter is None else ShutterUndistortion(lens, shutter.of(frame_index))


class ClipViews:
    """Reads what the stages ``frames`` and ``sfm`` left of one clip."""

    def __init__(self, workspace: Workspace, clip_id: str):
        self._frames = workspace.clip_stage(clip_id, "frames")
        self._sfm = workspace.clip_stage(clip_id, "sfm")

    @cached_property
    def frames(self) -> FrameList:
        """The frames as filmed."""
        return read_frame_list(self._frames)

    @cached_property
    def timestamps_s(self) -> dict[int, float]:
        """Presentation time of each frame of the clip, by its index in the source video."""
        return {frame.frame_index: frame.timestamp_s for frame in self.frames.frames}

    @cached_property
    def model(self) -> SparseModel:
        """The sparse model on undistorted images."""
        return read_sparse_model(self._sfm / MODEL_NAME)

    @cached_property
    def undistortion(self) -> Undistortion:
        """The lens: between frames of a global shutter and the images of :meth:`view`."""
        return Undistortion.from_dict(read_json(self._sfm / UNDISTORTION_NAME))

    @cached_property
    def _shutter(self) -> ShutterShifts | None:
        return read_shutter_shifts(self._sfm / SHUTTER_NPZ)

    def undistortion_of(self, frame_index: int) -> Undistortion:
        """Lens and shutter: between one frame as filmed and the image of :meth:`view`."""
        return undistortion_of(self.undistortion, self._shutter, frame_index)

    def image(self, frame_index: int) -> UInt8[np.ndarray, "h w 3"]:
        """The undistorted frame, RGB."""
        return self.undistortion_of(frame_index).image(self.filmed(frame_index))

    @cached_property
    def _overlays(self) -> list[Overlay]:
        return read_overlays(self._frames)

    def overlay(self, frame_index: int) -> Bool[np.ndarray, "h w"]:
        """Overlays of a frame, on the undistorted image."""
        return self._overlay(frame_index, 0)

    def near_overlay(self, frame_index: int) -> Bool[np.ndarray, "h w"]:
        """Overlays with the margin within which neither matching nor depth can be trusted, on the undistorted image."""
        return self._overlay(frame_index, OVERLAY_MARGIN_PX)

    def _overlay(self, frame_index: int, margin_px: int) -> Bool[np.ndarray, "h w"]:
        shape = (self.undistortion.camera.height, self.undistortion.camera.width)
        return self.undistortion_of(frame_index).mask(covered(self._overlays, frame_index, shape, margin_px))

    def in_picture(self, frame_index: int) -> Bool[np.ndarray, "h w"]:
        """True inside of the picture, which bars may surround, on the undistorted image."""
        x0, y0, x1, y1 = self.frames.picture_area
        picture = np.zeros((self.frames.height, self.frames.width), dtype=bool)
        picture[y0:y1, x0:x1] = True
        return self.undistortion_of(frame_index).mask(picture)

    def share_of_picture(self, mask: Bool[np.ndarray, "h w"], frame_index: int) -> float:
        """Share of the picture that a mask on the undistorted image covers; of the canvas where there are no bars."""
        if self.frames.picture_area == (0, 0, self.frames.width, self.frames.height):
            return float(mask.mean())
        inside = self.in_picture(frame_index)
        return float((mask & inside).sum() / max(inside.sum(), 1))

    def filmed(self, frame_index: int) -> UInt8[np.ndarray, "h w 3"]:
        """The frame as filmed, RGB. Raises InputError when it is missing."""
        return read_frame(self._frames, frame_index)

    def moving_in_sfm(self, frame_index: int) -> Bool[np.ndarray, "h w"]:
        """What moved against the adjusted cameras, on the undistorted image."""
        return read_mask(self._sfm / MOVING_FOLDER / f"{frame_index:06d}.png")

    def view(self, frame_index: int) -> View:
        """One registered frame; usable excludes overlay and what moved in structure from motion."""
        undistortion = self.undistortion_of(frame_index)
        return View(
            frame_index=frame_index,
            image=undistortion.image(self.filmed(frame_index)),
            usable=undistortion.inside & ~self.near_overlay(frame_index) & ~self.moving_in_sfm(frame_index),
            camera=self.undistortion.camera,
            cam_from_world=self.model.cam_from_world[self.model.row_of(frame_index)],
        )
