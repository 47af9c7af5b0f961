"""Frames between keyframes are registered by tracks, the same on any number of threads."""

from __future__ import annotations

import cv2
import numpy as np
import pycolmap
import pytest

from sfm_gt.sfm.registration import Frames, Observed, _merge, _stretches, register_frames

WIDTH, HEIGHT, FOCAL = 320, 240, 300.0
STEP_PX = 3.5  # image motion from frame to frame
N_FRAMES = 9
KEYFRAMES = (0, 4)
# Tracks are good to a tenth of a pixel or better, a pose averages many of them: 0.02 px of 300 px focal length.
CENTRE_ERROR = 0.02 / FOCAL


def wall() -> np.ndarray:
    noise = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH + 60)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)


def frame(index: int) -> np.ndarray:
    """A textured wall at depth 1, filmed by a camera that slides along it: a shift of the picture."""
    moved = np.float32([[1, 0, -STEP_PX * index], [0, 1, 0]])
    return cv2.warpAffine(wall(), moved, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC).round().astype(np.uint8)


def keyframe_model() -> pycolmap.Reconstruction:
    """Two keyframes that see points of the wall, spread in x and y."""
    model = pycolmap.Reconstruction()
    camera = pycolmap.Camera(
        model="SIMPLE_RADIAL", width=WIDTH, height=HEIGHT, params=[FOCAL, WIDTH / 2, HEIGHT / 2, 0], camera_id=1
    )
    model.add_camera_with_trivial_rig(camera)
    columns, rows = np.meshgrid(np.arange(50.5, 300, 20), np.arange(20.5, 230, 20))
    first = np.stack([columns.ravel(), rows.ravel()], axis=1)
    tracks = [pycolmap.Track() for _ in first]
    for image_id, index in enumerate(KEYFRAMES, start=1):
        xy = first - [STEP_PX * index, 0]
        image = pycolmap.Image(name=f"{index:06d}.png", keypoints=xy, camera_id=1, image_id=image_id)
        centre = STEP_PX * index / FOCAL
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d(np.c_[np.eye(3), [-centre, 0, 0]]))
        for row, track in enumerate(tracks):
            track.add_element(image_id, row)
    xyz = np.c_[(first - [WIDTH / 2, HEIGHT / 2]) / FOCAL, np.ones(len(first))]
    for point, track in zip(xyz, tracks, strict=True):
        model.add_point3D(point, track)
    return model


def registered(n_threads: int) -> dict[str, np.ndarray]:
    model = keyframe_model()
    frames = Frames(lambda index: f"{index:06d}.png", frame, lambda index: None)
    register_frames(model, list(range(N_FRAMES)), frames, seed=0, n_threads=n_threads)
    return {image.name: image.projection_center() for image in model.images.values()}


def test_frames_between_and_behind_keyframes_are_registered_alike_on_any_number_of_threads():
    alone, together = registered(1), registered(3)
    assert sorted(alone) == [f"{index:06d}.png" for index in range(N_FRAMES)]
    for name, centre in alone.items():
        assert centre == pytest.approx([STEP_PX * int(name[:6]) / FOCAL, 0, 0], abs=CENTRE_ERROR)
        assert centre.tolist() == together[name].tolist()


def test_positions_from_both_ends_are_averaged_and_disagreement_drops_a_point():
    forward = Observed(np.array([3, 5, 9]), np.array([[10.0, 10.0], [20.0, 20.0], [30.0, 30.0]]))
    backward = Observed(np.array([5, 9]), np.array([[21.0, 20.0], [35.0, 30.0]]))
    merged = _merge([forward, backward])
    assert merged.point_ids.tolist() == [3, 5]
    assert merged.xy.tolist() == [[10.0, 10.0], [20.5, 20.0]]
    assert len(_merge([]).point_ids) == 0


def test_stretches_share_their_anchors_and_reach_both_ends():
    nothing = Observed(np.zeros(0, np.int64), np.zeros((0, 2)))
    assert _stretches([1, 2, 3, 4, 5, 6], {2: nothing, 5: nothing}) == [[1, 2], [2, 3, 4, 5], [5, 6]]
