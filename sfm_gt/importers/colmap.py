"""A COLMAP model, text or binary, of frames of the video: image names hold the frame's number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.errors import InputError
from sfm_gt.formats.camera_track import CameraTrack, Lens, checked
from sfm_gt.formats.path_check import inside
from sfm_gt.formats.scratch import scratch_folder
from sfm_gt.importers.shared.frame_numbers import frame_indices
from sfm_gt.importers.shared.video_facts import VideoFacts

# Parameters of COLMAP's camera models as (fx, fy, cx, cy, k1, k2) by position; None = 0.
_LAYOUT: dict[str, tuple[int | None, ...]] = {
    "SIMPLE_PINHOLE": (0, 0, 1, 2, None, None),
    "PINHOLE": (0, 1, 2, 3, None, None),
    "SIMPLE_RADIAL": (0, 0, 1, 2, 3, None),
    "RADIAL": (0, 0, 1, 2, 3, 4),
}


class ColmapImporter:
    """The folder with ``cameras``, ``images`` and ``points3D``, each ``.bin`` or ``.txt``."""

    def read(self, path: Path, video: VideoFacts) -> CameraTrack:
        """Poses by frame, lengths without unit.

        Raises:
            InputError: no readable model, several cameras, a camera model with more than radial distortion, an image of
                another shape than the video, or names without a frame number.
        """
        model = _open(path)
        if len(model.cameras) != 1:
            raise InputError(f"{path}: {len(model.cameras)} cameras; needed one, a video has one lens")
        lens = _lens(path, next(iter(model.cameras.values())), video)
        images = [image for image in model.images.values() if image.has_pose]
        indices = frame_indices(path, [image.name for image in images], video.first_number)
        matrices = np.tile(np.eye(4), (len(images), 1, 1))
        matrices[:, :3] = [image.cam_from_world().matrix() for image in images]
        order = np.argsort(indices)
        return checked(path, CameraTrack(matrices[order], lens, frame_indices=indices[order]))


def _open(path: Path) -> Any:
    import cv2  # noqa: F401  before pycolmap, whose zlib breaks cv2's PNG writer otherwise
    import pycolmap

    suffix = ".bin" if (path / "cameras.bin").exists() else ".txt"
    for name in ("cameras", "images", "points3D"):
        inside(path, name + suffix, path)
    try:
        model = pycolmap.Reconstruction(path)
    except (RuntimeError, ValueError, IndexError) as error:
        raise InputError(
            f"{path}: no COLMAP model ({' '.join(str(error).split())[:200]}); it may be cut short"
        ) from None
    if suffix == ".bin":
        _check_length(path, model)
    return model


def _check_length(path: Path, model: Any) -> None:
    """COLMAP makes up what is missing of a file that ends early: what it would write again is longer then."""
    with scratch_folder() as scratch:
        model.write_binary(scratch)
        for name in ("cameras.bin", "images.bin", "points3D.bin"):
            found, whole = (path / name).stat().st_size, (scratch / name).stat().st_size
            if found < whole:
                raise InputError(f"{path / name}: {found} bytes for content of {whole}; the model is cut short")


def _lens(path: Path, camera: Any, video: VideoFacts) -> Lens:
    layout = _LAYOUT.get(camera.model.name)
    if layout is None:
        raise InputError(f"{path}: camera model {camera.model.name}; needed one of {', '.join(_LAYOUT)}")
    video.require_shape(path, camera.width, camera.height)
    fx, fy, cx, cy, k1, k2 = (0.0 if at is None else float(camera.params[at]) for at in layout)
    return Lens(fx / camera.width, fy / camera.height, cx / camera.width, cy / camera.height, k1, k2)


PLUGIN = ColmapImporter
