"""The model of the keyframes: SIFT first, learned features where it fails and their weights are at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycolmap
from jaxtyping import Bool

from sfm_gt.errors import Rejected
from sfm_gt.formats.scratch import saying_if_full
from sfm_gt.sfm.database import KnownCamera, match_learned, match_sift, open_database
from sfm_gt.sfm.learned import LearnedFeatures
from sfm_gt.sfm.mapping import map_keyframes

# A model with this share of the keyframes needs no other features.
GOOD_SHARE = 0.9


@dataclass(frozen=True)
class KeyframeOptions:
    """How keyframes are matched and mapped.

    Attributes:
        max_features: features a keyframe.
        init_min_tri_angle_deg: the narrowest first pair that is tried.
        known_camera: None where nothing is known.
        learned_weights: folder of weights, see :mod:`sfm_gt.sfm.learned`; None where there are none.
        picture: (x0, y0, x1, y1) of the picture between bars; None where it fills the frames.
    """

    max_features: int
    init_min_tri_angle_deg: float
    known_camera: KnownCamera | None
    learned_weights: Path | None
    seed: int
    n_threads: int
    picture: tuple[int, int, int, int] | None = None


def reconstruct_keyframes(
    images: Path,
    names: Sequence[str],
    ignored: Mapping[str, Bool[np.ndarray, "h w"]],
    scratch: Path,
    options: KeyframeOptions,
) -> pycolmap.Reconstruction:
    """Features, matches and incremental mapping of the keyframes ``names``.

    Args:
        ignored: for every name, True where no feature may be taken (moving, overlay); or empty.
        scratch: an empty folder.

    Raises:
        Rejected: ``sfm_failed`` when no plausible model comes out.
        SfmGtError: the disk of ``scratch`` is full.
    """
    rejection: Rejected | None = None
    models = []
    for kind in ("sift", "learned") if options.learned_weights is not None else ("sift",):
        try:
            with saying_if_full(scratch):
                models.append(_reconstruct(images, names, ignored, scratch / kind, options, kind))
        except Rejected as reason:
            rejection = rejection or reason
        if models and models[-1].num_reg_images() >= GOOD_SHARE * len(names):
            break
    if not models:
        assert rejection is not None
        raise rejection
    return max(models, key=lambda model: model.num_reg_images())


def _reconstruct(
    images: Path,
    names: Sequence[str],
    ignored: Mapping[str, Bool[np.ndarray, "h w"]],
    scratch: Path,
    options: KeyframeOptions,
    kind: str,
) -> pycolmap.Reconstruction:
    scratch.mkdir()
    database = scratch / "database.db"
    reader = open_database(database, images, names, options.known_camera, options.picture)
    if kind == "sift":
        match_sift(database, images, names, ignored, reader, options.max_features, options.seed, options.n_threads)
    else:
        assert options.learned_weights is not None
        features = LearnedFeatures(options.learned_weights, options.max_features)
        match_learned(database, images, names, ignored, features, options.seed)
    return map_keyframes(
        database, images, scratch / "models", options.init_min_tri_angle_deg, options.known_camera, options.seed
    )
