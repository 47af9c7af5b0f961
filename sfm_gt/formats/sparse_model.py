"""The sparse model of a clip on disk: one npz, the SparseModel's fields by name."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.geometry.types import PinholeCamera, SparseModel

_ARRAYS = ("frame_indices", "cam_from_world", "points_sfm", "observations", "observation_px")
_SIGMAS = ("depth_sigma_rel", "focal_sigma_rel")


def write_sparse_model(path: Path, model: SparseModel) -> None:
    """Writes ``model``; ``path`` ends in .npz."""
    with replacing_file(path) as partial:
        arrays: dict[str, Any] = {name: getattr(model, name) for name in _ARRAYS}
        camera = np.array(astuple(model.camera), dtype=np.float64)
        arrays |= {name: np.float64(getattr(model, name)) for name in _SIGMAS}
        np.savez(partial, camera=camera, **arrays)


def read_sparse_model(path: Path) -> SparseModel:
    """Raises InputError when there is no model at ``path``."""
    if not path.is_file():
        raise InputError(f"{path}: no sparse model; run `sfm-gt sfm` on this clip first")
    with np.load(path) as content:
        width, height, fx, fy, cx, cy = content["camera"].tolist()
        camera = PinholeCamera(int(width), int(height), fx, fy, cx, cy)
        fields: dict[str, Any] = {name: content[name] for name in _ARRAYS}
        fields |= {name: float(content[name]) for name in _SIGMAS}
        return SparseModel(camera=camera, **fields)
