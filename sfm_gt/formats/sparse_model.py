"""The sparse model of a clip on disk: one npz, the SparseModel's fields by name."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import numpy as np

from sfm_gt.errors import InputError
from sfm_gt.formats.atomic import replacing_file
from sfm_gt.geometry.types import PinholeCamera, SparseModel

_ARRAYS = ("frame_indices", "cam_from_world", "points_sfm", "observations", "observation_px")


def write_sparse_model(path: Path, model: SparseModel) -> None:
    """Writes ``model``; ``path`` ends in .npz."""
    with replacing_file(path) as partial:
        arrays = {name: getattr(model, name) for name in _ARRAYS}
        camera = np.array(astuple(model.camera), dtype=np.float64)
        np.savez(partial, camera=camera, depth_sigma_rel=np.float64(model.depth_sigma_rel), **arrays)


def read_sparse_model(path: Path) -> SparseModel:
    """Raises InputError when there is no model at ``path``."""
    if not path.is_file():
        raise InputError(f"{path}: no sparse model; run `sfm-gt sfm` on this clip first")
    with np.load(path) as content:
        width, height, fx, fy, cx, cy = content["camera"].tolist()
        camera = PinholeCamera(int(width), int(height), fx, fy, cx, cy)
        arrays = {name: content[name] for name in _ARRAYS}
        return SparseModel(camera=camera, depth_sigma_rel=float(content["depth_sigma_rel"]), **arrays)
