"""A model's own cameras beside its depth maps, as the predict stage writes them and other programs may.

<clip>/intrinsics.npz       one array (N, 3, 3), K in pixels of the image, and frame_index (N,)
       cam_from_world.npz   one array (N, 4, 4), a world and scale of its own, and frame_index (N,)

Either may be missing, and frames may be missing in either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sfm_gt.errors import InputError
from sfm_gt.formats.array_file import read_stack
from sfm_gt.geometry.types import PinholeCamera

INTRINSICS, POSES = "intrinsics.npz", "cam_from_world.npz"
ROTATION_TOLERANCE = 1e-3
"""Of R R^T and 1; poses are stored as float32."""

Matrix = Float[np.ndarray, "r c"]


@dataclass(frozen=True)
class OwnCameras:
    """What a model says of the cameras of one clip, by frame index.

    Attributes:
        intrinsics: (3, 3), pixels of the image, pixel centres at +0.5.
        cam_from_world: (4, 4), in a world and unit of the model's own.
    """

    intrinsics: Mapping[int, Matrix] = field(default_factory=dict)
    cam_from_world: Mapping[int, Matrix] = field(default_factory=dict)

    def pinhole(self, frame_index: int, width: int, height: int) -> PinholeCamera | None:
        """The camera of a frame's image of that size; None where the model states none."""
        if frame_index not in self.intrinsics:
            return None
        k = self.intrinsics[frame_index]
        return PinholeCamera(width, height, float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2]))


def read_cameras(folder: Path) -> OwnCameras:
    """Cameras beside the predictions of a clip; empty where there are none.

    Raises:
        InputError: a file holds no cameras.
    """
    return OwnCameras(_read(folder / INTRINSICS, (3, 3)), _read(folder / POSES, (4, 4)))


def write_cameras(folder: Path, cameras: OwnCameras) -> None:
    """Writes what there is into an existing folder, float32."""
    for name, matrices in ((INTRINSICS, cameras.intrinsics), (POSES, cameras.cam_from_world)):
        if matrices:
            stack = np.stack(list(matrices.values())).astype(np.float32)
            np.savez(folder / name, cameras=stack, frame_index=np.array(list(matrices), dtype=np.int64))


def _read(path: Path, shape: tuple[int, int]) -> dict[int, Matrix]:
    if not path.is_file():
        return {}
    found = read_stack(path)
    for index, values in found.items():
        rotation = values[:3, :3] if shape == (4, 4) else np.eye(3)
        usable = values.shape == shape and np.isfinite(values).all()
        if not usable or (shape == (3, 3) and (values[0, 0] <= 0 or values[1, 1] <= 0)):
            raise InputError(
                f"{path}: frame {index} holds {values.shape} {values.tolist()}; needed a finite {shape} matrix"
            )
        if np.abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE:
            raise InputError(
                f"{path}: frame {index}: the upper left 3 x 3 is no rotation; needed cam_from_world (4, 4)"
            )
    return found
