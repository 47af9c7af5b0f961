"""Incremental mapping of the keyframes, and the choice of the one right model among those that COLMAP returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pycolmap

from sfm_gt.errors import Rejected
from sfm_gt.sfm.camera_proof import PLAUSIBLE_FOCAL
from sfm_gt.sfm.database import KnownCamera
from sfm_gt.sfm.verdicts import judge_connection

# COLMAP's default asks the first pair for 16 degrees, which hand-held video rarely has; its filter of 1.5 degrees would
# then remove the very points that a forward-moving camera sees.
MIN_POINT_ANGLE_DEG = 1.0
# First pairs are tried from wide to narrow: a wide one holds focal length and depth apart, a narrow one is all that
# forward motion offers. These are COLMAP's own default and its half.
FIRST_PAIR_ANGLES_DEG = (16.0, 8.0)
# A model with this share of the keyframes needs no further try.
GOOD_SHARE = 0.9
# Below this share the lens may be of another kind than taken for: a fisheye of an action camera, whose focal length is about
# this share of the long side (120 degrees across the diagonal).
FAIR_SHARE, FISHEYE_FOCAL = 0.5, 0.55


def map_keyframes(
    database: Path, images: Path, output: Path, init_min_tri_angle_deg: float, known: KnownCamera | None, seed: int
) -> pycolmap.Reconstruction:
    """Reconstructs the keyframes, from the widest first pair that gives a model of nearly all of them.

    Args:
        output: scratch folder, which does not exist yet.
        init_min_tri_angle_deg: the narrowest first pair that is tried.
        known: what is known of the camera; a focal length that is known stays as it is until all frames are adjusted.

    Raises:
        Rejected: ``sfm_failed`` when no plausible model comes out, ``disconnected_models`` when there are several.
    """
    with pycolmap.Database.open(database) as content:
        n_keyframes = content.num_images()
        found = _found(content)
    angles = (*(a for a in FIRST_PAIR_ANGLES_DEG if a > init_min_tri_angle_deg), init_min_tri_angle_deg)
    tries = [_Try(angle, None) for angle in angles]
    if known is None:
        tries.append(_Try(init_min_tri_angle_deg, "SIMPLE_RADIAL_FISHEYE"))
    models: list[pycolmap.Reconstruction] = []
    for number, attempt in enumerate(tries):
        if attempt.lens is not None:
            if any(_plausible(model) and model.num_reg_images() >= FAIR_SHARE * n_keyframes for model in models):
                break
            _take_lens(database, attempt.lens)
        folder = output / str(number)
        folder.mkdir(parents=True)
        pycolmap.set_random_seed(seed)
        options = _options(attempt.angle_deg, known, seed)
        models += pycolmap.incremental_mapping(database, images, folder, options).values()
        if any(_plausible(model) and model.num_reg_images() >= GOOD_SHARE * n_keyframes for model in models):
            break
    try:
        chosen = choose_model(models)
    except Rejected as verdict:
        raise Rejected(verdict.reason, f"{verdict} ({found})") from None
    rest = [model for model in models if model is not chosen and _plausible(model)]
    judge_connection([{image.name for image in model.images.values()} for model in (chosen, *rest)], n_keyframes)
    return chosen


def _found(content: pycolmap.Database) -> str:
    """What there was to map from."""
    images, (_, pairs) = content.num_images(), content.read_two_view_geometries()
    matches = sum(len(pair.inlier_matches) for pair in pairs) / max(len(pairs), 1)
    return (
        f"{content.num_keypoints() / max(images, 1):.0f} features a keyframe, {matches:.0f} matches a pair on average"
    )


@dataclass(frozen=True)
class _Try:
    """Angle of the narrowest first pair, and another lens than the database's or None."""

    angle_deg: float
    lens: str | None


def _take_lens(database: Path, model: str) -> None:
    """Gives the one camera of the database another model, at the focal length of a wide lens."""
    with pycolmap.Database.open(database) as content:
        camera = content.read_all_cameras()[0]
        centre = [camera.width / 2, camera.height / 2]
        camera.model = getattr(pycolmap.CameraModelId, model)
        camera.params = [FISHEYE_FOCAL * max(camera.width, camera.height), *centre, 0.0]
        content.update_camera(camera)


def _options(
    init_min_tri_angle_deg: float, known: KnownCamera | None, seed: int
) -> pycolmap.IncrementalPipelineOptions:
    options = pycolmap.IncrementalPipelineOptions()
    options.random_seed = options.mapper.random_seed = options.triangulation.random_seed = seed
    options.mapper.init_min_tri_angle = init_min_tri_angle_deg
    options.mapper.init_max_forward_motion = 1.0
    options.mapper.filter_min_tri_angle = MIN_POINT_ANGLE_DEG
    options.triangulation.min_angle = MIN_POINT_ANGLE_DEG
    # Floating-point sums must not depend on the number of cores.
    options.num_threads = 1
    options.extract_colors = False
    options.ba_refine_focal_length = options.mapper.abs_pose_refine_focal_length = known is None
    lens_is_free = known is None or not known.fixed
    options.ba_refine_extra_params = options.mapper.abs_pose_refine_extra_params = lens_is_free
    return options


def choose_model(models: Iterable[pycolmap.Reconstruction]) -> pycolmap.Reconstruction:
    """The model with most registered frames, then most points, among those with a plausible focal length.

    pycolmap also returns small spurious models (a handful of frames with a focal length several times too long).

    Raises:
        Rejected: ``sfm_failed``, none is left.
    """
    plausible = [model for model in models if _plausible(model)]
    if not plausible:
        raise Rejected("sfm_failed", "structure from motion found no consistent model; it needs a static, textured "
                       "scene in good light and a camera that moves past it, and after a short or purely sideways move "
                       "camera: {focal_px: ...} in the sidecar")  # fmt: skip
    return max(plausible, key=lambda model: (model.num_reg_images(), model.num_points3D()))


def _plausible(model: pycolmap.Reconstruction) -> bool:
    camera = next(iter(model.cameras.values()))
    normalised = camera.mean_focal_length() / max(camera.width, camera.height)
    return PLAUSIBLE_FOCAL[0] <= normalised <= PLAUSIBLE_FOCAL[1] and model.num_reg_images() >= 3
