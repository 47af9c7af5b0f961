"""A page that shows one clip in 3-D: points with their colour or σ, camera path, orbit by mouse, a slider over frames.

The viewer is that of trimesh, whose page holds three.js; nothing is asked of a network, and the page is one file. Turning
60,000 points without a graphics card, it draws about as many frames a second as K3D (16 and 19; plotly: 0.3), with fewer bytes
than either and no further package.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from sfm_gt.datasets.frames import Frame
from sfm_gt.exporters.shared.cloud import sampled_cloud
from sfm_gt.geometry.transforms import inverse_rigid, transform_points
from sfm_gt.geometry.types import PinholeCamera
from sfm_gt.report.page import render_view
from sfm_gt.report.pictures import ColourScale, sigma_scale
from sfm_gt.report.trajectory import level_axes

MAX_FRAMES, MAX_POINTS = 24, 80_000
"""What is sampled: the page takes 2.8 MB, viewer and points."""
FRUSTUM_DEPTH = 0.07
"""Of the drawn camera, as a share of the median distance of the points."""
BEHIND = 0.4
"""How far behind the first camera the scene is seen from, as a share of that distance."""
NEAR = 1e-3
"""Distance within which nothing is drawn, likewise."""


def scene_page(title: str, frames: Sequence[Frame]) -> str:
    """The page as HTML.

    Args:
        frames: of one clip in order of time, at least one.
    """
    cloud = sampled_cloud(frames, MAX_FRAMES, MAX_POINTS)
    view_from_world = _view_from_world(frames)
    points = transform_points(view_from_world, cloud.points)
    poses = [view_from_world @ inverse_rigid(frame.cam_from_world) for frame in frames]
    target = np.median(points, axis=0) if len(points) else np.array([0.0, 0.0, -1.0])
    distance = float(np.linalg.norm(target - poses[0][:3, 3]))
    percent = 100 * cloud.relative_sigma[:, None]
    scale = sigma_scale([cloud.relative_sigma[:, None]])
    return render_view({
        "title": title, "scale": scale, "viewer": _viewer(points, cloud.colours, poses[0], distance),
        "data": {
            "target": _rounded(target), "sigma_rgb": _sigma_rgb(scale, percent),
            "frustum": _rounded(_frustum(frames[0].camera, FRUSTUM_DEPTH * distance)),
            "frames": [{"index": frame.frame_index, "time_s": frame.timestamp_s, "centre": _rounded(pose[:3, 3]),
                        "view_from_cam": _rounded(pose)} for frame, pose in zip(frames, poses, strict=True)],
        },
    })  # fmt: skip


def _view_from_world(frames: Sequence[Frame]) -> Float[np.ndarray, "4 4"]:
    """glTF's axes (+x right, +y up, -z forward) of the average camera, from the first camera's centre."""
    right, forward, up = level_axes(np.stack([frame.cam_from_world for frame in frames])).T
    turned = np.eye(4)
    turned[:3, :3] = np.stack([right, up, -forward])
    turned[:3, 3] = -turned[:3, :3] @ inverse_rigid(frames[0].cam_from_world)[:3, 3]
    return turned


def _viewer(
    points: Float[np.ndarray, "n 3"], colours: np.ndarray, first: Float[np.ndarray, "4 4"], distance: float
) -> str:
    """The scripts of trimesh's page with the points inside."""
    import trimesh
    from trimesh.viewer.notebook import scene_to_html

    scene = trimesh.Scene(camera=trimesh.scene.Camera("camera", fov=(60.0, 45.0), z_near=NEAR * distance))
    scene.add_geometry(trimesh.PointCloud(points, colours), node_name="points", geom_name="points")
    seen_from = np.eye(4)
    seen_from[:3, 3] = first[:3, 3] + np.array([0.0, BEHIND / 2, BEHIND]) * distance
    scene.camera_transform = seen_from
    return "".join(re.findall(r"<script>.*?</script>", scene_to_html(scene), re.DOTALL))


def _frustum(camera: PinholeCamera, depth: float) -> Float[np.ndarray, "16 3"]:
    """Ends of the eight edges of a camera's pyramid, in its own frame."""
    x, y = np.array([0, camera.width]) - camera.cx, np.array([0, camera.height]) - camera.cy
    corners = [np.array([x[i] / camera.fx, y[j] / camera.fy, 1.0]) * depth for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
    edges = [(np.zeros(3), corner) for corner in corners]
    edges += [(corners[number - 1], corners[number]) for number in range(4)]
    return np.array(edges).reshape(16, 3)


def _sigma_rgb(scale: ColourScale, percent: Float[np.ndarray, "n 1"]) -> str:
    return base64.b64encode(scale.paint(percent).tobytes()).decode()


def _rounded(values: Float[np.ndarray, "..."]) -> list[Any]:
    """Flat, with as many digits as a picture can show."""
    return [float(f"{value:.6g}") for value in values.ravel()]
