"""Mapping of the keyframes, and the choice of the one right model among those that COLMAP returns.

Global mapping comes first: it takes all pairs at once. Incremental mapping stands on one first pair; where that is bad (hardly
any parallax, nearly one plane) it ends in a bent model of all keyframes or in none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pycolmap

from sfm_gt.errors import Rejected
from sfm_gt.geometry.alignment import align_similarity
from sfm_gt.sfm.camera_proof import PLAUSIBLE_FOCAL
from sfm_gt.sfm.database import KnownCamera
from sfm_gt.sfm.explained import VerifiedMatches
from sfm_gt.sfm.verdicts import judge_connection

# COLMAP's filter of 1.5 degrees would remove the very points that a forward-moving camera sees.
MIN_POINT_ANGLE_DEG = 1.0
# First pairs of incremental mapping are tried from wide to narrow: a wide one holds focal length and depth apart, a narrow one
# is all that forward motion offers. These are COLMAP's own default, which hand-held video rarely has, and its half.
FIRST_PAIR_ANGLES_DEG = (16.0, 8.0)
# Share of the verified matches that a model has to explain to need no further try: bent ones come to as much at the most (see
# sfm.explained). Right ones may come to less, where somebody walks through the picture or images are poor, and win still.
GOOD_EXPLAINED = 0.6
# Below this share the lens may be of another kind than taken for: a fisheye of an action camera, whose focal length is about
# this share of the long side (120 degrees across the diagonal).
FAIR_EXPLAINED, FISHEYE_FOCAL = 0.3, 0.55
# Where global and incremental mapping, which share nothing but the matches, end in the same cameras, no further first pair is
# tried: the focal lengths lie within this of each other, relative, and the camera positions (RMS, over that of the path) of
# this share of the keyframes. Poor images or a rolling shutter are then what keeps both from explaining more. On the kitchen,
# the demo clip and ct_apple they come out 0.001 apart.
ALIKE_FOCAL, ALIKE_POSITION, ALIKE_SHARE = 0.01, 0.01, 0.9

Models = dict[int, pycolmap.Reconstruction]


@dataclass(frozen=True)
class Candidate:
    """A model of the keyframes, and the share of their verified matches that it explains."""

    model: pycolmap.Reconstruction
    explained: float

    @property
    def plausible(self) -> bool:
        """Whether its focal length is one that cameras have, and it explains something, and more than a pair."""
        camera = next(iter(self.model.cameras.values()))
        normalised = camera.mean_focal_length() / max(camera.width, camera.height)
        of_a_camera = PLAUSIBLE_FOCAL[0] <= normalised <= PLAUSIBLE_FOCAL[1]
        return of_a_camera and self.explained > 0 and self.model.num_reg_images() >= 3


def map_keyframes(
    database: Path, images: Path, output: Path, init_min_tri_angle_deg: float, known: KnownCamera | None, seed: int
) -> pycolmap.Reconstruction:
    """Reconstructs the keyframes: by global mapping, and where that explains too little by incremental mapping as well.

    Args:
        output: scratch folder, which does not exist yet.
        init_min_tri_angle_deg: the narrowest first pair that is tried.
        known: what is known of the camera; a focal length that is known stays as it is until all frames are adjusted.

    Raises:
        Rejected: ``sfm_failed`` when no plausible model comes out, ``disconnected_models`` when there are several.
    """
    with pycolmap.Database.open(database) as content:
        n_keyframes = content.num_images()
        n_features = content.num_keypoints() / max(n_keyframes, 1)
        matches = VerifiedMatches.of(content)

    def globally(folder: Path) -> Models:
        return pycolmap.global_mapping(database, images, folder, _global_options(known, seed))

    def incrementally(angle_deg: float, folder: Path) -> Models:
        return pycolmap.incremental_mapping(database, images, folder, _incremental_options(angle_deg, known, seed))

    def as_fisheye(folder: Path) -> Models:
        _take_lens(database, "SIMPLE_RADIAL_FISHEYE")
        return incrementally(init_min_tri_angle_deg, folder)

    found: list[Candidate] = []

    def attempt(name: str, mapped: Callable[[Path], Models]) -> list[Candidate]:
        (output / name).mkdir(parents=True)
        pycolmap.set_random_seed(seed)
        new = [Candidate(model, matches.explained_by(model)) for model in mapped(output / name).values()]
        found.extend(new)
        return new

    def explain(share: float) -> bool:
        return any(candidate.plausible and candidate.explained >= share for candidate in found)

    at_once = attempt("global", globally)
    for angle in (*(a for a in FIRST_PAIR_ANGLES_DEG if a > init_min_tri_angle_deg), init_min_tri_angle_deg):
        if explain(GOOD_EXPLAINED):
            break
        grown = attempt(f"from_{angle:g}_degrees", partial(incrementally, angle))
        if any(alike(one, other, n_keyframes) for one, other in product(at_once, grown)):
            break
    if known is None and not explain(FAIR_EXPLAINED):
        attempt("fisheye", as_fisheye)
    try:
        chosen = choose_model(found)
    except Rejected as verdict:
        there_was = f"{n_features:.0f} features a keyframe, {matches.mean_number:.0f} matches a pair on average"
        raise Rejected(verdict.reason, f"{verdict} ({there_was})") from None
    plausible = [candidate.model for candidate in found if candidate.plausible]
    others = [model for model in plausible if model is not chosen]
    judge_connection([{image.name for image in model.images.values()} for model in (chosen, *others)], n_keyframes)
    return chosen


def alike(one: Candidate, other: Candidate, n_keyframes: int) -> bool:
    """Whether two plausible models hold most keyframes in the same places, behind the same focal length."""
    places = [
        {image.name: image.projection_center() for image in each.model.images.values() if image.has_pose}
        for each in (one, other)
    ]
    shared = sorted(places[0].keys() & places[1].keys())
    if not (one.plausible and other.plausible) or len(shared) < max(3, ALIKE_SHARE * n_keyframes):
        return False
    focal = [next(iter(each.model.cameras.values())).mean_focal_length() for each in (one, other)]
    source, target = (np.array([each[name] for name in shared]) for each in places)
    apart = np.linalg.norm(align_similarity(source, target).apply(source) - target)
    path = np.linalg.norm(target - target.mean(axis=0))
    return bool(abs(np.log(focal[0] / focal[1])) <= ALIKE_FOCAL and apart <= ALIKE_POSITION * path)


def _take_lens(database: Path, model: str) -> None:
    """Gives the one camera of the database another model, at the focal length of a wide lens."""
    with pycolmap.Database.open(database) as content:
        camera = content.read_all_cameras()[0]
        centre = [camera.width / 2, camera.height / 2]
        camera.model = getattr(pycolmap.CameraModelId, model)
        camera.params = [FISHEYE_FOCAL * max(camera.width, camera.height), *centre, 0.0]
        content.update_camera(camera)


def _global_options(known: KnownCamera | None, seed: int) -> pycolmap.GlobalPipelineOptions:
    options = pycolmap.GlobalPipelineOptions()
    mapper = options.mapper
    for part in (options, mapper, mapper.rotation_averaging, mapper.global_positioning, mapper.retriangulation):
        part.random_seed = seed
    # Floating-point sums must not depend on the number of cores.
    options.num_threads = mapper.num_threads = 1
    mapper.bundle_adjustment.ceres.solver_options.num_threads = 1
    mapper.min_tri_angle_deg = mapper.retriangulation.min_angle = MIN_POINT_ANGLE_DEG
    mapper.bundle_adjustment.refine_focal_length = known is None
    mapper.bundle_adjustment.refine_extra_params = known is None or not known.fixed
    return options


def _incremental_options(
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


def choose_model(found: Sequence[Candidate]) -> pycolmap.Reconstruction:
    """The model that explains most of the matches, among those with a plausible focal length.

    pycolmap also returns small spurious models (a handful of frames with a focal length several times too long).

    Raises:
        Rejected: ``sfm_failed``, none is left.
    """
    plausible = [candidate for candidate in found if candidate.plausible]
    if not plausible:
        raise Rejected("sfm_failed", "structure from motion found no consistent model; it needs a static, textured "
                       "scene in good light and a camera that moves past it, and after a short or purely sideways move "
                       "camera: {focal_px: ...} in the sidecar")  # fmt: skip
    return max(plausible, key=lambda candidate: candidate.explained).model
