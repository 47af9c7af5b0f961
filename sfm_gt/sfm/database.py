"""Features and verified matches of the keyframes, in a COLMAP database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pycolmap
from jaxtyping import Bool

from sfm_gt.sfm.focal_profile import FocalPrior
from sfm_gt.sfm.learned import LearnedFeatures, write_learned_matches

# Neighbours in time that every keyframe is matched with. Keyframes stand a few per cent of the image width apart, so
# ten of them span the overlap that one view can have with its past.
SEQUENTIAL_OVERLAP = 10
LEARNED_OVERLAP = 5
# A field of view of 60 degrees across, as MannequinChallenge assumes for videos; COLMAP's own 1.2 is a tele lens.
FOCAL_BY_LONG_SIDE = 0.866
# A focal length that somebody states, from a data sheet or another clip of the same phone: video crops and stabilisation
# change it by a few per cent.
STATED_FOCAL_SIGMA = 0.03
# Every n-th keyframe is also matched with every other n-th one, which closes loops at a quadratic cost: small up to this
# many of them (of 240 keyframes, 1770 pairs beside 2400 of neighbours), and no larger for more keyframes.
LOOP_PERIOD, MAX_LOOP_KEYFRAMES = 4, 60


@dataclass(frozen=True)
class KnownCamera:
    """What is known of the camera before SfM, in pixels of the frames.

    Attributes:
        model, params: a camera model of COLMAP and its parameters.
        fixed: calibrated: they are kept as they are; else they are a first guess.
        focal_sigma_rel: how well the focal length of a guess is known, relative to it.
    """

    model: str
    params: tuple[float, ...]
    fixed: bool
    focal_sigma_rel: float = STATED_FOCAL_SIGMA

    @property
    def focal_prior(self) -> FocalPrior | None:
        """The focal length as a prior; None for a calibrated camera, which needs none."""
        return None if self.fixed else FocalPrior(self.params[0], self.focal_sigma_rel)


def choose_pairs(names: Sequence[str], overlap: int) -> list[tuple[str, str]]:
    """Pairs of keyframes to match: ``overlap`` neighbours in time, plus a thinned-out exhaustive set for loops."""
    rows = range(len(names))
    near = {(i, j) for i, j in combinations(rows, 2) if j - i <= overlap}
    loops = set(combinations(rows[:: max(LOOP_PERIOD, -(-len(names) // MAX_LOOP_KEYFRAMES))], 2))
    return [(names[i], names[j]) for i, j in sorted(near | loops)]


def open_database(
    database: Path,
    images: Path,
    names: Sequence[str],
    known_camera: KnownCamera | None,
    picture: tuple[int, int, int, int] | None = None,
) -> pycolmap.ImageReaderOptions:
    """Makes a database of ``names`` with one camera, SIMPLE_RADIAL unless known, and answers how to read the images.

    Args:
        database: path of a database that does not exist yet.
        picture: (x0, y0, x1, y1) of the picture between bars, which the lens belongs to; None where it fills the images.
    """
    reader = pycolmap.ImageReaderOptions()
    reader.camera_model = "SIMPLE_RADIAL"
    reader.default_focal_length_factor = FOCAL_BY_LONG_SIDE
    if picture is not None:
        x0, y0, x1, y1 = picture
        focal_px = FOCAL_BY_LONG_SIDE * max(x1 - x0, y1 - y0)
        reader.camera_params = f"{focal_px},{(x0 + x1) / 2},{(y0 + y1) / 2},0"
    if known_camera is not None:
        reader.camera_model = known_camera.model
        reader.camera_params = ",".join(map(str, known_camera.params))
    # Imported first: extraction numbers images in the order in which its threads finish, and the numbers steer mapping.
    pycolmap.Database.open(database).close()
    pycolmap.import_images(
        database, images, camera_mode=pycolmap.CameraMode.SINGLE, image_names=list(names), options=reader
    )
    return reader


def match_sift(
    database: Path,
    images: Path,
    names: Sequence[str],
    ignored: Mapping[str, Bool[np.ndarray, "h w"]],
    reader: pycolmap.ImageReaderOptions,
    max_features: int,
    seed: int,
    n_threads: int,
) -> None:
    """Extracts SIFT features of ``names``, matches and verifies them.

    Args:
        ignored: for every name, True where no feature may be taken (moving, overlay).
        reader: what :func:`open_database` answered.
    """
    if ignored:  # COLMAP refuses an image without a mask once any has one, so there are masks for all or for none
        reader.mask_path = _write_masks(database.parent / "masks", ignored)
    extraction = pycolmap.FeatureExtractionOptions()
    extraction.num_threads = n_threads
    extraction.sift.max_num_features = max_features
    pycolmap.extract_features(
        database, images, image_names=list(names), camera_mode=pycolmap.CameraMode.SINGLE,
        reader_options=reader, extraction_options=extraction,
    )  # fmt: skip
    _match(database, choose_pairs(names, SEQUENTIAL_OVERLAP), seed, n_threads)


def match_learned(
    database: Path,
    images: Path,
    names: Sequence[str],
    ignored: Mapping[str, Bool[np.ndarray, "h w"]],
    features: LearnedFeatures,
    seed: int,
) -> None:
    """As :func:`match_sift`, with learned features; they cost a second a pair, so fewer pairs are matched."""
    pairs = choose_pairs(names, LEARNED_OVERLAP)
    write_learned_matches(database, images, ignored, pairs, features)
    pycolmap.verify_matches(database, _write_pairs(database, pairs), _verification(seed))


def _write_masks(folder: Path, ignored: Mapping[str, Bool[np.ndarray, "h w"]]) -> Path:
    folder.mkdir()
    for name, pixels in ignored.items():
        # COLMAP takes no feature where the mask is 0.
        cv2.imwrite(str(folder / f"{name}.png"), np.where(pixels, 0, 255).astype(np.uint8))
    return folder


def _write_pairs(database: Path, pairs: Sequence[tuple[str, str]]) -> Path:
    listed = database.with_name("pairs.txt")
    listed.write_text("".join(f"{a} {b}\n" for a, b in pairs))
    return listed


def _verification(seed: int) -> pycolmap.TwoViewGeometryOptions:
    verification = pycolmap.TwoViewGeometryOptions()
    verification.ransac.random_seed = seed
    return verification


def _match(database: Path, pairs: Sequence[tuple[str, str]], seed: int, n_threads: int) -> None:
    pairing = pycolmap.ImportedPairingOptions()
    pairing.match_list_path = _write_pairs(database, pairs)
    matching = pycolmap.FeatureMatchingOptions()
    # Each pair draws from its own seed and is stored under its number, so that their order does not matter.
    matching.num_threads = n_threads
    pycolmap.match_image_pairs(
        database, matching_options=matching, pairing_options=pairing, verification_options=_verification(seed),
    )  # fmt: skip
