"""Incremental mapping of the keyframes, and the choice of the one right model among those that COLMAP returns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pycolmap

from sfm_gt.errors import Rejected

# COLMAP's default asks the first pair for 16 degrees, which hand-held video rarely has; its filter of 1.5 degrees would
# then remove the very points that a forward-moving camera sees.
MIN_POINT_ANGLE_DEG = 1.0
# A focal length this far from plausible marks a spurious model (normalised by the image width; phones with wide to tele
# lenses lie between).
PLAUSIBLE_FOCAL = (0.35, 3.0)


def map_keyframes(
    database: Path, images: Path, output: Path, init_min_tri_angle_deg: float, seed: int
) -> pycolmap.Reconstruction:
    """Reconstructs the keyframes.

    Raises:
        Rejected: ``sfm_failed`` when no plausible model comes out.
    """
    output.mkdir()
    pycolmap.set_random_seed(seed)
    models = pycolmap.incremental_mapping(database, images, output, _options(init_min_tri_angle_deg, seed))
    return choose_model(models.values())


def _options(init_min_tri_angle_deg: float, seed: int) -> pycolmap.IncrementalPipelineOptions:
    options = pycolmap.IncrementalPipelineOptions()
    options.random_seed = options.mapper.random_seed = options.triangulation.random_seed = seed
    options.mapper.init_min_tri_angle = init_min_tri_angle_deg
    options.mapper.init_max_forward_motion = 1.0
    options.mapper.filter_min_tri_angle = MIN_POINT_ANGLE_DEG
    options.triangulation.min_angle = MIN_POINT_ANGLE_DEG
    # Floating-point sums must not depend on the number of cores.
    options.num_threads = 1
    options.extract_colors = False
    # Everything is adjusted together once more at the end: fewer global adjustments on the way save half of the time.
    options.ba_global_frames_ratio = options.ba_global_points_ratio = 1.4
    options.ba_global_max_refinements = 2
    return options


def choose_model(models: Iterable[pycolmap.Reconstruction]) -> pycolmap.Reconstruction:
    """The model with most registered frames, then most points, among those with a plausible focal length.

    pycolmap also returns small spurious models (a handful of frames with a focal length several times too long).

    Raises:
        Rejected: ``sfm_failed``, none is left.
    """
    plausible = [model for model in models if _plausible(model)]
    if not plausible:
        raise Rejected("sfm_failed", "structure from motion found no consistent model; the clip needs a camera that "
                       "moves sideways past a static, textured scene")  # fmt: skip
    return max(plausible, key=lambda model: (model.num_reg_images(), model.num_points3D()))


def _plausible(model: pycolmap.Reconstruction) -> bool:
    camera = next(iter(model.cameras.values()))
    normalised = camera.mean_focal_length() / camera.width
    return PLAUSIBLE_FOCAL[0] <= normalised <= PLAUSIBLE_FOCAL[1] and model.num_reg_images() >= 3
