"""Normals of planes whose normal is known."""

from __future__ import annotations

import numpy as np
import pytest

from sfm_gt.dense.matching.normals import surface_normals

MATRIX = np.array([[200.0, 0.0, 49.5], [0.0, 200.0, 39.5], [0.0, 0.0, 1.0]])
# The ridge that keeps thin windows solvable flattens slopes by less than this (0.02 px^2 against at least 3 px^2 in a corner).
MAX_ANGLE_DEG = 0.5


@pytest.mark.parametrize("normal", [(0.0, 0.0, -1.0), (0.5, 0.1, -0.8), (-0.2, -0.7, -0.6)])
def test_plane(normal: tuple[float, float, float]) -> None:
    unit = np.array(normal) / np.linalg.norm(normal)
    x, y = np.meshgrid(np.arange(100), np.arange(80))
    rays = np.stack([(x - 49.5) / 200.0, (y - 39.5) / 200.0, np.ones(x.shape)], axis=-1)
    # n . X = n . P with P on the optical axis at depth 3.
    inverse_depth = (rays @ unit / (3.0 * unit[2])).astype(np.float32)
    kept = np.ones(x.shape, dtype=bool)
    kept[20:30, 40:60] = False
    found = surface_normals(inverse_depth, kept, MATRIX)
    assert np.isnan(found[~kept]).all()
    angle = np.degrees(np.arccos(np.clip(found[kept] @ unit, -1, 1)))
    assert angle.max() < MAX_ANGLE_DEG


def test_single_pixels_and_lines_give_a_finite_normal() -> None:
    kept = np.zeros((40, 40), dtype=bool)
    kept[5, 5] = True
    kept[20, :] = True
    found = surface_normals(np.full((40, 40), 0.5, np.float32), kept, MATRIX)
    assert np.isfinite(found[kept]).all()
    assert np.allclose(np.linalg.norm(found[kept], axis=-1), 1.0, atol=1e-6)
