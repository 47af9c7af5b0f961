"""A camera that slides along a textured wall: its frames, and models of some of them that know where each point lies."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pycolmap

WIDTH, HEIGHT, FOCAL = 320, 240, 300.0
STEP_PX = 3.5  # image motion from frame to frame


def wall() -> np.ndarray:
    noise = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH + 60)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)


def frame(index: int) -> np.ndarray:
    """A textured wall at depth 1, filmed by a camera that slides along it: a shift of the picture."""
    moved = np.float32([[1, 0, -STEP_PX * index], [0, 1, 0]])
    return cv2.warpAffine(wall(), moved, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC).round().astype(np.uint8)


def name_of(index: int) -> str:
    return f"{index:06d}.png"


def named_frame(name: str) -> np.ndarray:
    """As :func:`frame`, by its name."""
    return frame(int(name[:6]))


def positions(index: int) -> np.ndarray:
    """Where the points of the wall lie in a frame, in pixels: a grid, spread in x and y."""
    columns, rows = np.meshgrid(np.arange(50.5, 300, 20), np.arange(20.5, 230, 20))
    return np.stack([columns.ravel(), rows.ravel()], axis=1) - [STEP_PX * index, 0]


def keyframe_model(keyframes: Sequence[int], detector_error_px: float = 0.0) -> pycolmap.Reconstruction:
    """Keyframes that see all points of the wall, each coordinate up to ``detector_error_px`` off."""
    rng = np.random.default_rng(2)
    model = pycolmap.Reconstruction()
    camera = pycolmap.Camera(
        model="SIMPLE_RADIAL", width=WIDTH, height=HEIGHT, params=[FOCAL, WIDTH / 2, HEIGHT / 2, 0], camera_id=1
    )
    model.add_camera_with_trivial_rig(camera)
    first = positions(0)
    tracks = [pycolmap.Track() for _ in first]
    for image_id, index in enumerate(keyframes, start=1):
        xy = positions(index) + rng.uniform(-detector_error_px, detector_error_px, first.shape)
        image = pycolmap.Image(name=name_of(index), keypoints=xy, camera_id=1, image_id=image_id)
        centre = STEP_PX * index / FOCAL
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d(np.c_[np.eye(3), [-centre, 0, 0]]))
        for row, track in enumerate(tracks):
            track.add_element(image_id, row)
    xyz = np.c_[(first - [WIDTH / 2, HEIGHT / 2]) / FOCAL, np.ones(len(first))]
    for point, track in zip(xyz, tracks, strict=True):
        model.add_point3D(point, track)
    return model
