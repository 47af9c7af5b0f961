"""Observations on what moves, and frames: taking them out of a model; and whether what moved came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pycolmap
from jaxtyping import Bool, Float

from sfm_gt.sfm.observations import Observations
from sfm_gt.sfm.undistortion import Undistortion

# The first and the last frame of continuous takes show at least 0.47 of the points of the eight frames beside them (48 models
# of the kitchen's windows, of rendered rooms and of clips by others); the torn frames of one burst 0.09 to 0.11.
MIN_SHARE_OF_POINTS, N_BESIDE_TORN = 0.25, 8
MAX_TORN = 4  # frames at either end: where more are poor, the take itself is


def keep_images(model: pycolmap.Reconstruction, names: set[str]) -> None:
    """Takes the poses and observations of all other images out of ``model``."""
    for image in [image for image in model.images.values() if image.has_pose and image.name not in names]:
        model.deregister_frame(image.frame_id)


def drop_torn_ends(model: pycolmap.Reconstruction) -> None:
    """Takes frames out of ``model`` that lie next to a cut and show hardly anything of its points: torn, half decoded."""
    in_order = sorted((image for image in model.images.values() if image.has_pose), key=lambda image: image.name)
    for images in (in_order, in_order[::-1]):
        counts = [image.num_points3D for image in images]
        for position in range(min(MAX_TORN, len(images) - N_BESIDE_TORN)):
            beside = counts[position + 1 : position + 1 + N_BESIDE_TORN]
            if counts[position] >= MIN_SHARE_OF_POINTS * float(np.median(beside)):
                break
            model.deregister_frame(images[position].frame_id)


def drop_observations(
    model: pycolmap.Reconstruction, moving: Mapping[str, Bool[np.ndarray, "h w"]], lens: Undistortion
) -> None:
    """Takes the observations on what moves out of ``model``.

    Args:
        moving: by image name, on undistorted images or smaller ones of the same shape.
    """
    for image in [image for image in model.images.values() if image.has_pose]:
        if image.name not in moving or not moving[image.name].any():
            continue
        seen = np.array([row for row, point in enumerate(image.points2D) if point.has_point3D()], dtype=int)
        if not len(seen):
            continue
        filmed = np.array([image.points2D[row].xy for row in seen])
        places = lens.undistorted_px(filmed) / [lens.camera.width, lens.camera.height]
        for keypoint in seen[_inside(moving[image.name], places)].tolist():
            # Deleting the last but one observation of a point deletes the point and frees the other.
            if image.points2D[keypoint].has_point3D():
                model.delete_observation(image.image_id, keypoint)


# Of the points on what moved, as against those next to it, that are seen again once it is back. Those of a figure that keeps
# moving are lost for good, but for some at its outline.
MIN_SEEN_AGAIN = 0.3
MIN_POINTS = 10  # fewer say nothing
# Tracks on what moves slowly hold on for some frames before they no longer fit: on the scene unfreeze of examples/masks 29 %
# are there at once, 1 % six frames later; of those on the man of the demo clip, who comes back, 60 and 57 %.
LATER_FRAMES = 6


def seen_again(
    seen: Observations,
    lens: Undistortion,
    moving: Sequence[Bool[np.ndarray, "h w"]],
    last_before: int,
    first_after: int,
) -> bool:
    """Whether points on what moves between two views are observed afterwards nearly as often as those next to it.

    Args:
        moving: of every view, on undistorted images or smaller ones.
        last_before, first_after: views at rest; masks of the views between them are what moves.
    """
    places = lens.undistorted_px(seen.xy) / [lens.camera.width, lens.camera.height]
    between = (seen.views > last_before) & (seen.views < first_after)
    on_mover = np.zeros(len(seen.views), dtype=bool)
    for view in range(last_before + 1, first_after):
        mine = seen.rows_by_view[view]
        on_mover[mine] = _inside(moving[view], places[mine])
    again = np.zeros(len(seen.xyz), dtype=bool)
    again[seen.points[seen.views >= first_after + LATER_FRAMES]] = True
    # Seen while it was at rest: points that came up only during the motion belong to no place of rest.
    before = np.zeros(len(seen.xyz), dtype=bool)
    before[seen.points[seen.views <= last_before]] = True
    moved, still = np.zeros_like(again), np.zeros_like(again)
    moved[seen.points[between & on_mover]] = True
    still[seen.points[between & ~on_mover]] = True
    moved, still = moved & before, still & before & ~moved
    if moved.sum() < MIN_POINTS or not again[still].any():
        return False
    return bool(again[moved].mean() >= MIN_SEEN_AGAIN * again[still].mean())


def _inside(mask: Bool[np.ndarray, "h w"], places: Float[np.ndarray, "n 2"]) -> Bool[np.ndarray, " n"]:
    """The mask at places given as shares of width and height; False where a lens cannot be undone."""
    height, width = mask.shape
    column, row = np.clip(np.nan_to_num(places) * [width, height], 0, [width - 1, height - 1]).astype(int).T
    return mask[row, column] & np.isfinite(places).all(axis=1)
