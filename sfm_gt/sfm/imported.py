"""Sparse model of given cameras: points are triangulated from the images, which also say whether the cameras are true.

Epipolar lines alone would not do: poses at wrong speeds along the right path keep them. A track over three and more views
is met by one point only where the poses are right, so tracks that are consistent between images can test them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pycolmap
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation

from sfm_gt.errors import Rejected
from sfm_gt.formats.camera_track import Lens
from sfm_gt.geometry.camera import project, unproject
from sfm_gt.geometry.transforms import camera_centres
from sfm_gt.geometry.triangulation import meeting_points
from sfm_gt.sfm.mapping import MIN_POINT_ANGLE_DEG
from sfm_gt.sfm.undistortion import Undistortion

# Two focal lengths this close are one that was rounded.
SAME_FOCAL = 1e-4
# Fewer tracks judge nothing.
MIN_JUDGED_TRACKS = 30
MIN_TRACK_VIEWS = 3


def camera_of(lens: Lens, width: int, height: int) -> pycolmap.Camera:
    """The simplest COLMAP camera that holds ``lens``, for frames of ``width`` x ``height`` pixels."""
    fx, fy, centre = lens.fx * width, lens.fy * height, [lens.cx * width, lens.cy * height]
    if abs(fx - fy) > SAME_FOCAL * fx:
        model, params = "OPENCV", [fx, fy, *centre, lens.k1, lens.k2, 0.0, 0.0]
    elif lens.k2:
        model, params = "RADIAL", [fx, *centre, lens.k1, lens.k2]
    else:
        model, params = "SIMPLE_RADIAL", [fx, *centre, lens.k1]
    return pycolmap.Camera(model=model, width=width, height=height, params=params, camera_id=1)


def rigid(cam_from_world: Float[np.ndarray, "4 4"]) -> pycolmap.Rigid3d:
    """A 4x4 matrix as pycolmap's type."""
    return pycolmap.Rigid3d(pycolmap.Rotation3d(cam_from_world[:3, :3]), cam_from_world[:3, 3])


def align_to_input_gauge(
    model: pycolmap.Reconstruction, cam_from_world: Mapping[str, Float[np.ndarray, "4 4"]]
) -> None:
    """Brings an adjusted model back to the world and the unit of the cameras that it started from, by image name.

    The images know neither: adjustment is free to drift in both, and by tens of per cent does so in the unit.
    """
    found = {image.name: image.cam_from_world().matrix() for image in model.images.values() if image.has_pose}
    names = sorted(found.keys() & cam_from_world.keys())
    here, there = (
        np.stack([np.vstack([poses[name][:3], [0, 0, 0, 1]]) for name in names]) for poses in (found, cam_from_world)
    )
    # From the cameras' own directions: centres on a line would leave the turn about it open.
    turn = Rotation.from_matrix(there[:, :3, :3].transpose(0, 2, 1) @ here[:, :3, :3]).mean().as_matrix()
    source, target = camera_centres(here) @ turn.T, camera_centres(there)
    path = source - source.mean(axis=0)
    scale = float((path * (target - target.mean(axis=0))).sum() / (path**2).sum())
    moved = target.mean(axis=0) - scale * source.mean(axis=0)
    model.transform(pycolmap.Sim3d(scale, pycolmap.Rotation3d(turn), moved))


def triangulate_imported(
    database: Path,
    images: Path,
    output: Path,
    camera: pycolmap.Camera,
    cam_from_world: Mapping[str, Float[np.ndarray, "4 4"]],
    seed: int,
) -> pycolmap.Reconstruction:
    """Points of the images in ``database``, their cameras held.

    Args:
        output: scratch folder, which does not exist yet.
        cam_from_world: pose of every image of the database, by name.
    """
    model = pycolmap.Reconstruction()
    model.add_camera_with_trivial_rig(camera)
    with pycolmap.Database.open(database) as content:
        stored = sorted(content.read_all_images(), key=lambda image: image.image_id)
        for entry in stored:
            image = pycolmap.Image(name=entry.name, keypoints=content.read_keypoints(entry.image_id)[:, :2].astype(float),
                                   camera_id=camera.camera_id, image_id=entry.image_id)  # fmt: skip
            model.add_image_with_trivial_frame(image, rigid(cam_from_world[entry.name]))
    options = pycolmap.IncrementalPipelineOptions()
    options.random_seed = options.mapper.random_seed = options.triangulation.random_seed = seed
    options.triangulation.min_angle = options.mapper.filter_min_tri_angle = MIN_POINT_ANGLE_DEG
    options.num_threads = 1
    output.mkdir()
    return pycolmap.triangulate_points(model, database, images, output, options=options)


def judge_imported(
    database: Path,
    camera: pycolmap.Camera,
    cam_from_world: Mapping[str, Float[np.ndarray, "4 4"]],
    max_error_px: float,
) -> float:
    """Median reprojection error of what the images agree on, triangulated with the given cameras, in pixels.

    Raises:
        Rejected: ``poses_disagree`` when it exceeds ``max_error_px``, ``sfm_failed`` when the images share too few tracks
            to judge by.
    """
    with pycolmap.Database.open(database) as content:
        images = content.read_all_images()
        keypoints = {i.image_id: content.read_keypoints(i.image_id)[:, :2].astype(np.float64) for i in images}
        tracks = _tracks(content)
    if len(tracks) < MIN_JUDGED_TRACKS:
        raise Rejected("sfm_failed", f"the images share {len(tracks)} tracks over {MIN_TRACK_VIEWS} views, too few to check "
                       "the imported cameras by; the clip needs texture", len(tracks), MIN_JUDGED_TRACKS)  # fmt: skip
    pixels = np.array([keypoints[image_id][row] for track in tracks for image_id, row in track])
    pose_of = {image.image_id: cam_from_world[image.name] for image in images}
    poses = np.stack([pose_of[image_id] for track in tracks for image_id, _ in track])
    numbers = np.repeat(np.arange(len(tracks)), [len(track) for track in tracks])
    error = float(np.median(_track_errors_px(camera, pixels, poses, numbers, len(tracks))))
    if not error <= max_error_px:
        raise Rejected("poses_disagree", f"the imported cameras have a reprojection error of {error:.3g} px (median over "
                       f"{len(tracks)} tracks), allowed {max_error_px:g}; check that they belong to this video, its clock "
                       "and resolution, let import.refine adjust them, or leave import out of the sidecar",
                       error, max_error_px)  # fmt: skip
    return error


def _track_errors_px(
    camera: pycolmap.Camera,
    filmed_px: Float[np.ndarray, "m 2"],
    cam_from_world: Float[np.ndarray, "m 4 4"],
    tracks: Int[np.ndarray, " m"],
    n_tracks: int,
) -> Float[np.ndarray, " m"]:
    """Reprojection error of each observation of its track's point, infinite behind the camera."""
    lens = Undistortion.of(camera)
    pixels = lens.undistorted_px(filmed_px)
    rays = np.einsum("mji,mj->mi", cam_from_world[:, :3, :3], unproject(lens.camera, pixels, np.ones(len(pixels))))
    points = meeting_points(camera_centres(cam_from_world), rays, tracks, n_tracks)[tracks]
    points_cam = np.einsum("mij,mj->mi", cam_from_world[:, :3, :3], points) + cam_from_world[:, :3, 3]
    return np.nan_to_num(np.linalg.norm(project(lens.camera, points_cam) - pixels, axis=1), nan=np.inf)


Feature = tuple[int, int]


def _tracks(content: pycolmap.Database) -> list[list[Feature]]:
    """Features joined by verified matches, in three images or more and never twice in one; (image id, row) each."""
    parent: dict[Feature, Feature] = {}

    def root(feature: Feature) -> Feature:
        while parent.setdefault(feature, feature) != feature:
            parent[feature] = parent[parent[feature]]
            feature = parent[feature]
        return feature

    pair_ids, geometries = content.read_two_view_geometries()
    for pair_id, geometry in zip(pair_ids, geometries, strict=True):
        a, b = pycolmap.pair_id_to_image_pair(pair_id)
        for row_a, row_b in geometry.inlier_matches.tolist():
            parent[root((a, row_a))] = root((b, row_b))
    joined: dict[Feature, list[Feature]] = defaultdict(list)
    for feature in sorted(parent):
        joined[root(feature)].append(feature)
    found = [track for track in joined.values() if len(track) >= MIN_TRACK_VIEWS]
    return sorted(track for track in found if len({image_id for image_id, _ in track}) == len(track))
