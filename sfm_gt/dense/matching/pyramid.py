"""Views made ready for matching: grey images at several sizes, packed for fast sampling, and the geometry of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int32, UInt8

from sfm_gt.dense.matching.patch import Geometry, Neighbours, pack_grey
from sfm_gt.errors import InputError
from sfm_gt.geometry.conventions import PIXEL_CENTRE
from sfm_gt.geometry.transforms import inverse_rigid
from sfm_gt.geometry.types import PinholeCamera, View

# The plane sweep runs on the finest level whose long side is at most this many pixels (but at least one halving):
# its cost grows with pixels times planes, and its result only has to fall within reach of the finer levels.
SWEEP_LONG_SIDE = 480
# Rotations read from text files are this far from orthonormal at the most.
MAX_SKEW = 1e-3
# A coarse pixel counts as usable when nearly all of the area below it is.
USABLE_SHARE = 0.99


@dataclass(frozen=True)
class Level:
    """One size of one view.

    Attributes:
        camera: the camera at this size.
        grey: (h, w) uint8.
        packed: (h, w) int32, see :func:`sfm_gt.dense.matching.patch.pack_grey`.
        usable: (h, w) uint8, 1 where the pixel may be matched.
        matchable: (h, w) uint8, 1 where a whole patch around the pixel may be matched.
    """

    camera: PinholeCamera
    grey: UInt8[np.ndarray, "h w"]
    packed: Int32[np.ndarray, "h w"]
    usable: UInt8[np.ndarray, "h w"]
    matchable: UInt8[np.ndarray, "h w"]


@dataclass(frozen=True)
class Pyramid:
    """A view at all its sizes; ``levels[0]`` is the full size.

    Attributes:
        colours: (h, w, 3) uint8 RGB at full size, without the noise of single pixels.
    """

    frame_index: int
    cam_from_world: Float[np.ndarray, "4 4"]
    levels: tuple[Level, ...]
    colours: UInt8[np.ndarray, "h w 3"]


def _check(view: View) -> None:
    frame, camera = f"frame {view.frame_index}", view.camera
    if not np.isfinite(view.cam_from_world).all():
        raise InputError(f"dense: the pose of {frame} is not finite; remove the frame from the model")
    rotation = view.cam_from_world[:3, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=MAX_SKEW):
        raise InputError(f"dense: the pose of {frame} holds no rotation; remove the frame from the model")
    size = (camera.height, camera.width)
    if view.image.shape != (*size, 3) or view.image.dtype != np.uint8 or view.usable.shape != size or 0 in size:
        raise InputError(
            f"dense: {frame} has an image of shape {view.image.shape}, {view.image.dtype}, and a mask of shape "
            f"{view.usable.shape}; needed uint8 RGB and a mask of the camera's {camera.width} x {camera.height} pixels"
        )
    if not (np.isfinite([camera.fx, camera.fy]).all() and min(camera.fx, camera.fy) > 0):
        raise InputError(f"dense: the focal length of {frame} is {camera.fx:g}, {camera.fy:g} px; it must be above 0")


def build_pyramid(view: View, patch_reach: int) -> Pyramid:
    """Grey levels of a view, each half the size of the one before, down to the size of the plane sweep.

    Raises:
        InputError: the pose is not finite or no rigid motion, image and mask are not of the camera's size, or there is no focal
            length.
    """
    _check(view)
    image = np.ascontiguousarray(view.image)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    usable = view.usable.astype(np.uint8)
    levels = [_level(view.camera, grey, usable, patch_reach)]
    width, height = view.camera.width, view.camera.height
    while len(levels) < 2 or max(width, height) > SWEEP_LONG_SIDE:
        width, height = (width + 1) // 2, (height + 1) // 2
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        share = cv2.resize(view.usable.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        usable = (share > USABLE_SHARE).astype(np.uint8)
        levels.append(_level(view.camera.resized(width, height), grey, usable, patch_reach))
    colours = cv2.GaussianBlur(image, (3, 3), 0.0)
    return Pyramid(view.frame_index, view.cam_from_world.astype(np.float64), tuple(levels), colours)


def _level(camera: PinholeCamera, grey: np.ndarray, usable: np.ndarray, patch_reach: int) -> Level:
    kernel = np.ones((2 * patch_reach + 1, 2 * patch_reach + 1), np.uint8)
    # Outside the image is left to the kernels' own bounds check: the border does not erode.
    matchable = cv2.erode(usable, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return Level(camera, grey, pack_grey(grey), usable, matchable)


def integer_centred_matrix(camera: PinholeCamera) -> Float[np.ndarray, "3 3"]:
    """Intrinsics for coordinates in which integers are pixel centres, as all dense kernels count."""
    matrix = camera.matrix
    matrix[:2, 2] -= PIXEL_CENTRE
    return matrix


def pair_geometry(
    reference: Pyramid, neighbour: Pyramid, level: int
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"]]:
    """``a`` and ``b`` of :class:`Neighbours` for one pair, float64."""
    k_reference = integer_centred_matrix(reference.levels[level].camera)
    k_neighbour = integer_centred_matrix(neighbour.levels[level].camera)
    relative = neighbour.cam_from_world @ inverse_rigid(reference.cam_from_world)
    return k_neighbour @ relative[:3, :3] @ np.linalg.inv(k_reference), k_neighbour @ relative[:3, 3]


def stack_geometry(pairs: Sequence[tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"]]]) -> Geometry:
    """Several answers of :func:`pair_geometry` as the kernels read them."""
    return Geometry(*(np.stack(each).astype(np.float32) for each in zip(*pairs, strict=True)))


def stack_neighbours(
    reference: Pyramid,
    neighbours: Sequence[Pyramid],
    level: int,
    inverse_depths: Sequence[Float[np.ndarray, "h2 w2"]] = (),
) -> Neighbours:
    """Images and geometry of all neighbours at one level, in the given order.

    ``inverse_depths``: the neighbours' own maps at any size, 0 = unknown; none by default.

    Raises:
        InputError: the images are not all of one size.
    """
    _check_sizes(reference, neighbours)
    levels = [pyramid.levels[level] for pyramid in neighbours]
    geometry = [pair_geometry(reference, pyramid, level) for pyramid in neighbours]
    camera = reference.levels[level].camera
    centre = np.array([camera.width / 2, camera.height / 2, 1.0])
    shift = []
    for a, b in geometry:
        ray = a @ centre
        # Derivative of the projection at infinity, at the image centre; a pair that looks elsewhere gets the bare |b|.
        z = ray[2] if ray[2] > 0.1 else 1.0
        shift.append(np.hypot(b[0] - ray[0] / z * b[2], b[1] - ray[1] / z * b[2]) / z)
    return Neighbours(
        np.concatenate([lv.packed.ravel() for lv in levels]),
        np.stack([lv.matchable for lv in levels]),
        *stack_geometry(geometry),
        np.array(shift, dtype=np.float32),
        _maps_at(inverse_depths, camera, len(levels)),
    )


def _check_sizes(reference: Pyramid, neighbours: Sequence[Pyramid]) -> None:
    wanted = reference.levels[0].camera
    for pyramid in neighbours:
        camera = pyramid.levels[0].camera
        if (camera.width, camera.height) != (wanted.width, wanted.height):
            raise InputError(
                f"dense: frame {pyramid.frame_index} has {camera.width} x {camera.height} pixels, frame "
                f"{reference.frame_index} has {wanted.width} x {wanted.height}; bring all frames to one size"
            )


def _maps_at(maps: Sequence[np.ndarray], camera: PinholeCamera, n_neighbours: int) -> np.ndarray:
    if not maps:
        # One shared row of zeros is enough to say that nothing is known.
        return np.zeros((n_neighbours, 1, 1), dtype=np.float32)
    size = (camera.width, camera.height)
    return np.stack([cv2.resize(each, size, interpolation=cv2.INTER_NEAREST) for each in maps]).astype(np.float32)
