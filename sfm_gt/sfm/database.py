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

# Neighbours in time that every keyframe is matched with. Keyframes stand a few per cent of the image width apart, so
# ten of them span the overlap that one view can have with its past.
SEQUENTIAL_OVERLAP = 10
# A field of view of 60 degrees across, as MannequinChallenge assumes for videos; COLMAP's own 1.2 is a tele lens.
FOCAL_BY_LONG_SIDE = 0.866
# Every n-th keyframe is also matched with every other n-th one, which closes loops at a quadratic but small cost.
LOOP_PERIOD = 4


@dataclass(frozen=True)
class KnownCamera:
    """What is known of the camera before SfM, in pixels of the frames.

    Attributes:
        model, params: a camera model of COLMAP and its parameters.
        fixed: calibrated: they are kept as they are; else they are a first guess.
    """

    model: str
    params: tuple[float, ...]
    fixed: bool


def choose_pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of keyframes to match: neighbours in time, plus a thinned-out exhaustive set for loops."""
    rows = range(len(names))
    near = {(i, j) for i, j in combinations(rows, 2) if j - i <= SEQUENTIAL_OVERLAP}
    loops = set(combinations(rows[::LOOP_PERIOD], 2))
    return [(names[i], names[j]) for i, j in sorted(near | loops)]


def build_database(
    database: Path,
    images: Path,
    names: Sequence[str],
    ignored: Mapping[str, Bool[np.ndarray, "h w"]],
    max_features: int,
    known_camera: KnownCamera | None,
    seed: int,
    n_threads: int,
) -> None:
    """Extracts SIFT features of ``names`` and matches them; one camera is shared by all, SIMPLE_RADIAL unless known.

    Args:
        database: path of a database that does not exist yet.
        ignored: for every name, True where no feature may be taken (moving, overlay).
    """
    reader = pycolmap.ImageReaderOptions()
    reader.camera_model = "SIMPLE_RADIAL"
    reader.default_focal_length_factor = FOCAL_BY_LONG_SIDE
    if known_camera is not None:
        reader.camera_model = known_camera.model
        reader.camera_params = ",".join(map(str, known_camera.params))
    if ignored:  # COLMAP refuses an image without a mask once any has one, so there are masks for all or for none
        reader.mask_path = _write_masks(database.parent / "masks", ignored)
    extraction = pycolmap.FeatureExtractionOptions()
    extraction.num_threads = n_threads
    extraction.sift.max_num_features = max_features
    # Imported first: extraction numbers images in the order in which its threads finish, and the numbers steer mapping.
    pycolmap.Database.open(database).close()
    pycolmap.import_images(
        database, images, camera_mode=pycolmap.CameraMode.SINGLE, image_names=list(names), options=reader
    )
    pycolmap.extract_features(
        database, images, image_names=list(names), camera_mode=pycolmap.CameraMode.SINGLE,
        reader_options=reader, extraction_options=extraction,
    )  # fmt: skip
    _match(database, choose_pairs(names), seed)


def _write_masks(folder: Path, ignored: Mapping[str, Bool[np.ndarray, "h w"]]) -> Path:
    folder.mkdir()
    for name, pixels in ignored.items():
        # COLMAP takes no feature where the mask is 0.
        cv2.imwrite(str(folder / f"{name}.png"), np.where(pixels, 0, 255).astype(np.uint8))
    return folder


def _match(database: Path, pairs: Sequence[tuple[str, str]], seed: int) -> None:
    listed = database.with_name("pairs.txt")
    listed.write_text("".join(f"{a} {b}\n" for a, b in pairs))
    pairing = pycolmap.ImportedPairingOptions()
    pairing.match_list_path = listed
    verification = pycolmap.TwoViewGeometryOptions()
    verification.ransac.random_seed = seed
    matching = pycolmap.FeatureMatchingOptions()
    # One thread: pairs are stored in the order in which they are done, and mapping depends on it.
    matching.num_threads = 1
    pycolmap.match_image_pairs(
        database, matching_options=matching, pairing_options=pairing, verification_options=verification,
    )  # fmt: skip
