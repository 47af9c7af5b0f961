"""What an exporter is given: the frames of one clip, with depth as any format may hand it on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt16

from sfm_gt.datasets.frames import Frame
from sfm_gt.errors import InputError, OutputError
from sfm_gt.formats.camera_track import Lens
from sfm_gt.formats.dataset_layout import layer_path
from sfm_gt.geometry.conventions import zero_from_nan


@dataclass(frozen=True)
class ExportedClip:
    """One clip of the data set.

    Attributes:
        frames: in order of time.
        info: content of clip.json.
        split: train, val or test; all clips of a video share one.
    """

    clip_id: str
    frames: Sequence[Frame]
    info: dict[str, Any]
    split: str

    @property
    def metric(self) -> bool:
        """Whether lengths are metres."""
        return bool(self.info["metric"])

    @property
    def source(self) -> str:
        """Where the video comes from; its file name where the sidecar says nothing."""
        return str(self.info["source"].get("source") or self.info["source"].get("path") or self.clip_id)

    @property
    def lens(self) -> Lens:
        """The lens of the frames as filmed, distorted.

        Raises:
            InputError: a fisheye, which no radial terms describe.
        """
        camera = self.info["camera_as_filmed"]
        width, height, params = camera["width"], camera["height"], camera["params"]
        order = {"PINHOLE": (0, 1, 2, 3), "SIMPLE_RADIAL": (0, 0, 1, 2, 3), "RADIAL": (0, 0, 1, 2, 3, 4),
                 "OPENCV": (0, 1, 2, 3, 4, 5)}  # fmt: skip
        if camera["model"] not in order:
            raise InputError(f"{self.clip_id}: filmed with a {camera['model']} lens, which this format cannot hold; export the "
                             "clip in a format of undistorted images")  # fmt: skip
        fx, fy, cx, cy, *distortion = (params[at] for at in order[camera["model"]])
        return Lens(fx / width, fy / height, cx / width, cy / height, *distortion)

    @property
    def readout_s(self) -> float:
        """Time from the first to the last row of a frame as filmed; 0 where the shutter was global."""
        return float(self.info.get("measures", {}).get("sfm", {}).get("readout_s") or 0.0)

    def poses(self) -> Float[np.ndarray, "n 4 4"]:
        """``cam_from_world`` of all frames, in the unit of the data set."""
        return np.stack([frame.cam_from_world for frame in self.frames])


def name_of(frame: Frame) -> str:
    """Name of a frame's files, without suffix: its index in the source video."""
    return f"{frame.frame_index:06d}"


def static_depth(frame: Frame) -> Float[np.ndarray, "h w"]:
    """z-depth in the unit of the data set, NaN where invalid, on what moves and on overlays.

    Formats with one depth map and no masks must not hand on depth that only holds beside a mask.

    Raises:
        InputError: a layer of another size than the camera says.
    """
    depth = frame.z_depth_m if frame.metric else frame.z_depth_sfm
    for name, pixels in (("depth", depth), ("moving", frame.moving), ("overlay", frame.overlay)):
        if pixels.shape != (frame.camera.height, frame.camera.width):
            path = layer_path(frame.dataset, frame.clip_id, name, frame.frame_index)
            raise InputError(
                f"{path}: {pixels.shape[1]} x {pixels.shape[0]} pixels; needed {frame.camera.width} x "
                f"{frame.camera.height}, the size of the frame; rebuild the clip with `sfm-gt dataset`"
            )
    return np.where(frame.moving | frame.overlay, np.float32(np.nan), depth)


def stepped(depth: Float[np.ndarray, "h w"], step: float) -> tuple[UInt16[np.ndarray, "h w"], int]:
    """Depth in whole ``step``s with 0 = invalid, and how many pixels 16 bits cannot hold: those become invalid."""
    steps = np.rint(zero_from_nan(depth) / step)
    lost = (steps > np.iinfo(np.uint16).max) | ((steps < 1) & np.isfinite(depth))
    return np.where(lost, 0, steps).astype(np.uint16), int(lost.sum())


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Writes an 8- or 16-bit PNG. Raises OutputError when that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), pixels):
        raise OutputError(f"{path}: cannot be written; check free space and permissions")


def copy_image(frame: Frame, path: Path) -> None:
    """Copies the frame's JPEG, bit for bit. Raises InputError when it is missing."""
    source = layer_path(frame.dataset, frame.clip_id, "image", frame.frame_index)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, path)
    except FileNotFoundError:
        raise InputError(f"{source}: missing; rebuild the clip with `sfm-gt dataset`") from None


def all_frames(clips: Sequence[ExportedClip]) -> Iterator[tuple[ExportedClip, Frame]]:
    """Every frame with its clip."""
    return ((clip, frame) for clip in clips for frame in clip.frames)
